//! The figures beside the goals of the design.

use super::findings::{INVENTORIES, Known};
use super::growth::Point;
use super::hostile::Refused;
use super::{Found, Lowest};
use crate::measure::Cost;
use crate::results::Page;

/// Everything that was measured.
#[derive(Default)]
pub struct Figures {
    pub floor: Lowest,
    pub cold: Vec<(&'static str, Cost)>,
    pub archive: Vec<(&'static str, Cost)>,
    pub warm: Vec<(&'static str, Cost)>,
    pub base: Vec<(&'static str, Cost)>,
    pub found: Found,
    pub known: Option<Known>,
    pub growth: Vec<Point>,
    pub refused: Option<Refused>,
}

/// Prints what an inventory that is known costs.
pub fn known(page: &mut Page, known: &Known) {
    page.line("## An inventory that is known, to findings\n");
    let Known { packages, findings, open_ms, judge_ms, command, cached, rematch, rematch_packages, .. } = known;
    let row = |what: String, value: String| vec![what, value];
    let whole = |cost: &Cost| format!("{:.0} ms, {:.0} MiB", cost.cpu_s * 1e3, cost.peak_mib);
    let peers = known.peers.iter().map(|(who, cost)| row(format!("the same by {who}"), whole(cost)));
    let rows = [
        row(
            format!("database of made-up advisories, 93,706 facts, {} MiB: opened", known.database_bytes >> 20),
            format!("{open_ms:.2} ms"),
        ),
        row(format!("{packages} packages judged in memory, {findings} findings"), format!("{judge_ms:.1} ms")),
        row("`scan sbom:FILE`, the whole command".into(), whole(command)),
    ];
    let rest = [
        row("`scan oci:DIR` of a cached image, the whole command".into(), format!("{:.0} ms", cached.cpu_s * 1e3)),
        row(
            format!("`db rematch` of {INVENTORIES} inventories of {rematch_packages} packages"),
            format!("{:.1} s wall, {:.1} s CPU", rematch.wall_s, rematch.cpu_s),
        ),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().chain(peers).chain(rest).collect();
    page.table(&["what", "CPU, median"], &rows);
}

/// Prints how the cost grows.
#[expect(clippy::cast_precision_loss, reason = "megabytes of an image")]
pub fn growth(page: &mut Page, points: &[Point]) {
    page.line("## Growth\n\nImages cut from the entries of the large one, packed by `igzip -1`; least of the runs.\n");
    let row = |point: &Point| {
        let each = point.cpu_s * 1e3 / point.mib as f64;
        vec![point.mib.to_string(), point.layers.to_string(), format!("{:.2}", point.cpu_s), format!("{each:.2}")]
    };
    page.table(&["MiB plain", "layers", "CPU s", "CPU ms a MiB"], &points.iter().map(row).collect::<Vec<_>>());
}

impl Figures {
    /// The table of goals.
    pub fn print(&self, page: &mut Page) {
        page.line("## Goals\n");
        let mut rows = Vec::new();
        let counts = self.found.share >= 99.0 && self.found.unexplained == 0;
        rows.push(goal("packages of the peers' union found", "≥ 99 %, the rest explained", counts, || {
            format!("{:.2} %, {} not explained", self.found.share, self.found.unexplained)
        }));
        self.cold_goals(&mut rows);
        for (what, costs) in
            [("archive of `docker save`", &self.archive), ("Debian base image, digests computed", &self.base)]
        {
            if let (Some(ours), Some(trivy)) = (first(costs), named(costs, "Trivy")) {
                rows.push(ratio(&format!("{what}, CPU"), ours.cpu_s, trivy.cpu_s, 0.5, "Trivy"));
            }
        }
        if let Some(warm) = first(&self.warm) {
            let ms = warm.wall_s.max(warm.cpu_s) * 1e3;
            rows.push(goal("image known, warm", "≤ 30 ms", ms <= 30.0, || format!("{ms:.0} ms")));
        }
        if let Some(known) = &self.known {
            known_goals(known, &mut rows);
        }
        rows.extend(self.growth_goal());
        rows.extend(self.refused.as_ref().map(Refused::goal));
        page.table(&["goal", "wanted", "measured", "met"], &rows);
    }

    fn cold_goals(&self, rows: &mut Vec<Vec<String>>) {
        let Some(ours) = first(&self.cold) else { return };
        let floor = &self.floor;
        rows.push(ratio("cold, CPU", ours.cpu_s, floor.all(), 1.2, "the floor with both digests"));
        if let Some(both) = named(&self.cold, "Seawall, both digests") {
            rows.push(ratio(
                "cold with both digests, CPU",
                both.cpu_s,
                floor.all(),
                1.2,
                "the floor with both digests",
            ));
        }
        rows.push(ratio(
            "cold, CPU",
            ours.cpu_s,
            floor.without_plain_digest(),
            1.2,
            "the floor without the plain digest",
        ));
        if let Some(trivy) = named(&self.cold, "Trivy") {
            rows.push(ratio("cold, CPU", ours.cpu_s, trivy.cpu_s, 0.55, "Trivy"));
            rows.push(ratio("cold, wall", ours.wall_s, trivy.wall_s, 0.5, "Trivy"));
        }
        if let Some(syft) = named(&self.cold, "Syft") {
            rows.push(ratio("cold, CPU", ours.cpu_s, syft.cpu_s, 0.2, "Syft"));
        }
        rows.push(goal("cold, peak memory", "≤ 96 MiB", ours.peak_mib <= 96.0, || {
            format!("{:.0} MiB", ours.peak_mib)
        }));
        rows.push(goal("cold, temporary bytes", "none", ours.written_mib < 0.05, || {
            format!("{:.1} MiB", ours.written_mib)
        }));
    }

    /// Linear: no image costs more for each MiB than half as much again as the cheapest.
    #[expect(clippy::cast_precision_loss, reason = "megabytes of an image")]
    fn growth_goal(&self) -> Option<Vec<String>> {
        let each = self.growth.iter().map(|point| point.cpu_s / point.mib as f64);
        let (least, most) =
            each.fold((f64::INFINITY, 0.0_f64), |(least, most), each| (least.min(each), most.max(each)));
        let spread = most / least;
        (!self.growth.is_empty()).then(|| {
            goal("growth, 100 to 2,000 MiB, 1 to 8 layers", "linear: CPU a MiB within 1.5", spread <= 1.5, || {
                format!("within {spread:.2}")
            })
        })
    }
}

fn known_goals(known: &Known, rows: &mut Vec<Vec<String>>) {
    rows.push(goal("manifest and segments open", "≤ 2 ms", known.open_ms <= 2.0, || {
        format!("{:.2} ms", known.open_ms)
    }));
    rows.push(goal("inventory known → findings", "≤ 20 ms", known.judge_ms <= 20.0, || {
        format!("{:.1} ms", known.judge_ms)
    }));
    let wall = known.rematch.wall_s;
    rows.push(goal("re-match of 1,000 inventories", "≤ 10 s", wall <= 10.0, || format!("{wall:.1} s")));
}

fn first(costs: &[(&'static str, Cost)]) -> Option<Cost> {
    costs.first().map(|(_, cost)| *cost)
}

fn named(costs: &[(&'static str, Cost)], name: &str) -> Option<Cost> {
    costs.iter().find(|(who, _)| *who == name).map(|(_, cost)| *cost)
}

fn ratio(what: &str, ours: f64, theirs: f64, most: f64, whose: &str) -> Vec<String> {
    let ratio = ours / theirs;
    goal(what, &format!("≤ {most} × {whose}"), ratio <= most, || {
        format!("{ratio:.2} × ({ours:.2} s of {theirs:.2} s)")
    })
}

pub fn goal(what: &str, wanted: &str, met: bool, measured: impl FnOnce() -> String) -> Vec<String> {
    vec![what.to_owned(), wanted.to_owned(), measured(), if met { "yes" } else { "**no**" }.to_owned()]
}
