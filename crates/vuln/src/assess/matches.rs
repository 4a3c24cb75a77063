//! A subject against the segments: which rows hold.

use std::collections::{BTreeMap, BTreeSet};

use model::{Confidence, Evidence, FixStatus, Package};
use rustc_hash::FxHashSet;

use super::coverage::Gaps;
use super::evaluate::{Hit, evaluate};
use super::redhat::{self, Reach};
use super::subjects::{Context, Lookup, Subject};
use crate::Segment;
use crate::advisory::{Advisory, Target};
use crate::ecosystem;
use crate::import::osv::NOT_MODULE_VERSIONS;
use crate::segment::row::EndRef;
use crate::segment::{Row, RowData, Tags};
use crate::version::{Scheme, rpm};

/// What a fix of Ubuntu Pro needs.
const WITH_PRO: &str = "fix available with Ubuntu Pro";
/// What a fix of a release in its extended life needs.
const WITH_EXTENDED_LIFE: &str = "fix available with Extended Life Cycle Support";

/// A row that holds for a subject.
#[derive(Debug, Clone)]
pub(super) struct Match<'s> {
    /// The segment.
    pub segment: &'s str,
    /// The feed's format.
    pub feed: &'s str,
    /// The advisory.
    pub advisory: Advisory,
    /// What the row says.
    pub hit: Hit,
    /// The rest of the row.
    pub tags: Tags<'s>,
    /// The version compared.
    pub version: String,
    /// Index of the binary that was looked up; none for the source or a language's package.
    pub binary: Option<usize>,
    /// How sure.
    pub confidence: Confidence,
    /// CVEs of the advisory about which another one decides.
    pub without: BTreeSet<String>,
}

/// All rows that hold for a subject.
pub(super) fn matches<'s>(subject: &Subject<'_>, context: &Context<'s, '_, '_>, gaps: &mut Gaps) -> Vec<Match<'s>> {
    if subject.scheme.validate(&subject.version).is_err() {
        gaps.unreadable_version(&subject.key, &subject.name, &subject.version);
        return Vec::new();
    }
    if subject.os && subject.packages.iter().all(|p| redhat::is_foreign(&subject.key, p.vendor.as_deref())) {
        gaps.foreign(subject);
        return Vec::new();
    }
    for package in subject.packages.iter().filter(|_| subject.os && subject.scheme == Scheme::Rpm) {
        if is_modular(&package.version) && module_label(package).is_empty() {
            gaps.stream(&package.name);
        }
    }
    let mut found = Vec::new();
    if subject.os {
        let mut known = FxHashSet::default();
        for segment in &context.os_segments {
            found.extend(in_os_segment(subject, segment, context, &mut known, gaps));
        }
        if let Some((key, segments)) = &context.upstream {
            for segment in segments {
                found.extend(unfixed_upstream(subject, segment, key, context, &known, gaps));
            }
        }
    } else {
        for segment in context.segments.iter().filter(|segment| segment.covers(&subject.key)) {
            let rows = rows(subject, segment, &subject.key, context, gaps);
            found.extend(rows.into_iter().filter_map(|row| row.matched(subject, segment, gaps)));
        }
    }
    found
}

fn in_os_segment<'s>(
    subject: &Subject<'_>,
    segment: &'s Segment<'_>,
    context: &Context<'_, '_, '_>,
    known: &mut FxHashSet<String>,
    gaps: &mut Gaps,
) -> Vec<Match<'s>> {
    let mut by_key: Vec<(&String, Vec<Judged<'s>>)> = context
        .os_keys
        .iter()
        .filter(|key| segment.covers(key))
        .map(|key| (key, rows(subject, segment, key, context, gaps)))
        .collect();
    // What Red Hat says of a product without a release.
    let rhel = context.os_keys.first().is_some_and(|key| key.starts_with("rhel:"));
    let any_release = if rhel { rows(subject, segment, "rhel", context, gaps) } else { Vec::new() };
    if context.upstream.is_some() {
        known.extend(by_key.iter().flat_map(|(_, rows)| rows).filter_map(|row| row.row.advisory()).flat_map(cves));
    }
    ubuntu_pro(&mut by_key, context.ubuntu_pro);
    let mut found: Vec<Match<'s>> =
        any_release.into_iter().filter_map(|row| row.matched(subject, segment, gaps)).collect();
    for (key, rows) in by_key {
        let rows = if redhat::has_minors(key) { by_minor(rows) } else { rows };
        found.extend(rows.into_iter().filter_map(|row| row.matched(subject, segment, gaps)));
    }
    found
}

/// The CVEs of an advisory.
fn cves(advisory: Advisory) -> impl Iterator<Item = String> {
    std::iter::once(advisory.id).chain(advisory.aliases).filter(|id| id.starts_with("CVE-"))
}

/// What the distribution that this one is rebuilt from says it does not fix, of CVEs that this one says nothing about: for
/// information, since nobody looked whether it holds here.
fn unfixed_upstream<'s>(
    subject: &Subject<'_>,
    segment: &'s Segment<'_>,
    key: &str,
    context: &Context<'_, '_, '_>,
    known: &FxHashSet<String>,
    gaps: &mut Gaps,
) -> Vec<Match<'s>> {
    let unfixed = |row: &Judged<'s>| row.hit.as_ref().is_some_and(|hit| hit.status != FixStatus::Fixed);
    let said =
        |row: &Judged<'s>| row.row.advisory().is_some_and(|advisory| cves(advisory).any(|id| known.contains(&id)));
    let rows = rows(subject, segment, key, context, gaps);
    let rows = rows.into_iter().filter(|row| unfixed(row) && !said(row));
    let matched = rows.filter_map(|mut row| {
        row.data.tags.note = "Red Hat's statement, this distribution has none";
        row.matched(subject, segment, gaps)
    });
    matched.map(|found| Match { confidence: Confidence::Low, ..found }).collect()
}

/// A row that speaks of a subject, and whether the version lies in it.
struct Judged<'s> {
    row: Row<'s>,
    data: RowData<'s>,
    version: String,
    binary: Option<usize>,
    hit: Option<Hit>,
    /// Whether the version was compared in the feed's epoch, since it came without one.
    guessed_epoch: bool,
    /// CVEs of the advisory about which another one decides.
    without: BTreeSet<String>,
}

fn rows<'s>(
    subject: &Subject<'_>,
    segment: &'s Segment<'_>,
    key: &str,
    context: &Context<'_, '_, '_>,
    gaps: &mut Gaps,
) -> Vec<Judged<'s>> {
    let mut judged = Vec::new();
    for lookup in subject.lookups() {
        let name = ecosystem::normal_name(key, lookup.name);
        let rows = segment.rows(key, &name).unwrap_or_else(|error| {
            gaps.damaged(&segment.meta().name, &error.to_string());
            Vec::new()
        });
        if rows.is_empty() {
            continue;
        }
        let version = subject.scheme.range_key(lookup.version);
        let lacks_epoch = lacks_epoch(subject, lookup.version);
        let mut fitting = Vec::new();
        for row in rows {
            let Some(data) = row.data() else {
                gaps.damaged(&segment.meta().name, "a row cannot be read");
                continue;
            };
            if applies(&data, &lookup, subject) {
                let epoch = if lacks_epoch { epoch_of(&data) } else { None };
                let hit = match epoch {
                    None => evaluate(subject.scheme, lookup.version, &version, &data),
                    Some(epoch) => {
                        let full = format!("{epoch}:{}", lookup.version);
                        evaluate(subject.scheme, &full, &subject.scheme.range_key(&full), &data)
                    }
                };
                let (version, binary) = (lookup.version.to_owned(), lookup.binary);
                fitting.push(Judged {
                    row,
                    data,
                    version,
                    binary,
                    hit,
                    guessed_epoch: epoch.is_some(),
                    without: BTreeSet::new(),
                });
            }
        }
        within_reach(&mut fitting, lookup.name, context, gaps);
        judged.append(&mut fitting);
    }
    judged
}

/// Another tool's SBOM may leave the epoch out, whatever it is.
fn lacks_epoch(subject: &Subject<'_>, version: &str) -> bool {
    subject.scheme == Scheme::Rpm
        && !version.contains(':')
        && subject.packages.iter().all(|package| package.evidence == Evidence::Sbom)
}

/// The epoch in which a row speaks; none for 0.
fn epoch_of<'s>(row: &RowData<'s>) -> Option<&'s str> {
    let ends = row.ranges.iter().filter_map(|range| match range.end {
        EndRef::Fixed(end) | EndRef::Last(end) | EndRef::Before(end) => Some(end),
        EndRef::Open => None,
    });
    ends.map(|end| rpm::split_epoch(end).0).find(|epoch| !matches!(*epoch, "" | "0"))
}

/// Of what was said of one name, keeps what holds for the products that the image has.
fn within_reach(rows: &mut Vec<Judged<'_>>, name: &str, context: &Context<'_, '_, '_>, gaps: &mut Gaps) {
    // A package of the distribution that a product ships too is the distribution's, unless its build says otherwise.
    let common = rows.iter().any(|row| redhat::is_about_distribution(&row.data.tags.products));
    rows.retain_mut(|row| {
        let products = &row.data.tags.products;
        let build = row.fix().map_or("", redhat::line);
        if common && build.is_empty() && !redhat::is_about_distribution(products) {
            return false;
        }
        match redhat::reach(products, build, &context.enabled) {
            Reach::Here => true,
            Reach::Subscription => false,
            Reach::ExtendedLife => {
                row.needs(WITH_EXTENDED_LIFE);
                true
            }
            Reach::Product => {
                if row.hit.is_some() {
                    gaps.product(name, products.first().copied().unwrap_or_default());
                }
                false
            }
        }
    });
}

/// What Ubuntu says with and without Ubuntu Pro about one advisory. Without it, the free rows decide where there are
/// any, and a fix that needs Pro is said but does not count; with it, Pro's rows decide.
fn ubuntu_pro(by_key: &mut [(&String, Vec<Judged<'_>>)], enabled: bool) {
    let offsets =
        |rows: &[Judged<'_>]| -> FxHashSet<u64> { rows.iter().map(|row| row.row.advisory_offset()).collect() };
    let (decisive, other) = match by_key {
        [(_, free), (key, pro)] if key.starts_with("ubuntu-pro") => {
            if enabled {
                (offsets(pro), free)
            } else {
                for row in pro.iter_mut() {
                    row.needs(WITH_PRO);
                }
                (offsets(free), pro)
            }
        }
        [(key, pro)] if key.starts_with("ubuntu-pro") && !enabled => {
            for row in pro.iter_mut() {
                row.needs(WITH_PRO);
            }
            return;
        }
        _ => return,
    };
    other.retain(|row| !decisive.contains(&row.row.advisory_offset()));
}

/// Of the errata that fix one CVE, the one that decides about the installed minor counts for it. An erratum that decides
/// about none of its CVEs is dropped.
fn by_minor(mut rows: Vec<Judged<'_>>) -> Vec<Judged<'_>> {
    type Group = (Option<usize>, String);
    let mut groups: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
    let mut left: Vec<BTreeSet<String>> = vec![BTreeSet::new(); rows.len()];
    for (index, row) in rows.iter().enumerate() {
        let Some(advisory) = row.row.advisory() else { continue };
        let own = advisory.id.clone();
        left[index] = cves(advisory).collect();
        if left[index].is_empty() {
            left[index].insert(own);
        }
        for id in &left[index] {
            groups.entry((row.binary, id.clone())).or_default().push(index);
        }
    }
    for ((_, id), indexes) in groups.into_iter().filter(|(_, indexes)| indexes.len() > 1) {
        for index in undecided(&rows, indexes) {
            left[index].remove(&id);
            rows[index].without.insert(id.clone());
        }
    }
    // What cannot be read is said where it is matched.
    let counts = |(row, left): &(Judged<'_>, BTreeSet<String>)| row.without.is_empty() || !left.is_empty();
    rows.into_iter().zip(left).filter(counts).map(|(row, _)| row).collect()
}

/// Of rows about one CVE, those that do not decide.
fn undecided(rows: &[Judged<'_>], indexes: Vec<usize>) -> Vec<usize> {
    // What the release got in its ordinary life needs nothing else.
    let extended = |index: &usize| rows[*index].data.tags.note == WITH_EXTENDED_LIFE;
    let ordinary = indexes.iter().any(|index| rows[*index].fix().is_some() && !extended(index));
    let (mut out, indexes): (Vec<usize>, Vec<usize>) =
        indexes.into_iter().partition(|index| ordinary && extended(index));
    let fixes: Vec<(usize, &str)> = indexes.iter().filter_map(|index| Some((*index, rows[*index].fix()?))).collect();
    let versions: Vec<&str> = fixes.iter().map(|(_, fix)| *fix).collect();
    if let Some(kept) = indexes.first().and_then(|first| redhat::deciding(&rows[*first].version, &versions)) {
        out.extend(fixes.iter().enumerate().filter(|(at, _)| *at != kept).map(|(_, (index, _))| *index));
    }
    out
}

impl<'s> Judged<'s> {
    /// The one fix of a plain row.
    fn fix(&self) -> Option<&'s str> {
        match self.data.ranges.as_slice() {
            [range] => match range.end {
                EndRef::Fixed(version) => Some(version),
                _ => None,
            },
            _ => None,
        }
    }

    /// A fix that only a subscription brings is no fix here.
    fn needs(&mut self, subscription: &'static str) {
        if let Some(hit) = &mut self.hit
            && hit.status == FixStatus::Fixed
        {
            hit.status = FixStatus::Affected;
            hit.fixed.clear();
            self.data.tags.note = subscription;
        }
    }

    fn matched(self, subject: &Subject<'_>, segment: &'s Segment<'_>, gaps: &mut Gaps) -> Option<Match<'s>> {
        let hit = self.hit?;
        let Some(advisory) = self.row.advisory() else {
            gaps.damaged(&segment.meta().name, "an advisory cannot be read");
            return None;
        };
        let low = |package: &&Package| {
            package.evidence == Evidence::Manifest || package.properties.get("confidence").is_some_and(|c| c == "low")
        };
        let low = self.data.tags.note == NOT_MODULE_VERSIONS || subject.packages.iter().all(low);
        let confidence = match (low, subject.guessed || self.guessed_epoch) {
            (true, _) => Confidence::Low,
            (false, true) => Confidence::Derived,
            (false, false) => Confidence::Exact,
        };
        let meta = segment.meta();
        Some(Match {
            segment: &meta.name,
            feed: &meta.feed,
            advisory,
            hit,
            tags: self.data.tags,
            version: self.version,
            binary: self.binary,
            confidence,
            without: self.without,
        })
    }
}

/// Whether a row speaks of what was looked up: the kind of name, the module stream, the architecture, the line of builds.
fn applies(row: &RowData<'_>, lookup: &Lookup<'_>, subject: &Subject<'_>) -> bool {
    let kind = match row.target {
        Target::Package | Target::Either => true,
        Target::Source => lookup.binary.is_none(),
        Target::Binary => lookup.binary.is_some(),
    };
    if !kind {
        return false;
    }
    let packages = match lookup.binary {
        Some(index) => subject.packages.get(index..=index).unwrap_or_default(),
        None => subject.packages.as_slice(),
    };
    let architecture = row.tags.architectures.is_empty()
        || packages.iter().any(|package| {
            let own = package.architecture.as_deref().unwrap_or("noarch");
            own == "noarch" || row.tags.architectures.contains(&own)
        });
    let line = row.ranges.iter().all(|range| match range.end {
        EndRef::Fixed(fix) if subject.scheme == Scheme::Rpm => redhat::line(fix) == redhat::line(lookup.version),
        _ => true,
    });
    architecture && line && packages.iter().any(|package| module_fits(row, package))
}

/// `name:stream` of the row against `name:stream:version:context` of the package. Where the row has no label, the fix
/// still tells whether it was built in a module.
fn module_fits(row: &RowData<'_>, package: &Package) -> bool {
    let label = module_label(package);
    if !row.tags.module.is_empty() {
        return label.splitn(3, ':').take(2).eq(row.tags.module.splitn(3, ':').take(2));
    }
    let fixes = row.ranges.iter().filter_map(|range| match range.end {
        EndRef::Fixed(fix) => Some(is_modular(fix)),
        _ => None,
    });
    let own = !label.is_empty() || is_modular(&package.version);
    fixes.into_iter().all(|fix| fix == own)
}

fn module_label(package: &Package) -> &str {
    package.properties.get("modularity_label").map_or("", String::as_str)
}

fn is_modular(version: &str) -> bool {
    version.contains(".module")
}
