//! The sensor under other kernels.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::machine;
use crate::repository;
use crate::steps::{cargo, run as execute};

/// Ubuntu's 5.15 for Azure, Debian's 6.1, Ubuntu's 6.8 for Azure (AKS's nodes), Debian's 6.12.
const RELEASES: [&str; 4] = ["jammy", "bookworm", "noble", "trixie"];
/// What the script does: key of the alert, and the namespace that it must name.
const EXPECTED: [(&str, &str); 3] = [
    ("suspect-password-file-access", ""),
    ("suspect-password-file-access", "shop"),
    ("crypto-coin-miner-artifacts", "shop"),
];

const INTRODUCTION: &str = "# Kernels\n\n`cargo xtask soak kernel`: the sensor in QEMU under kernels of Debian and of Ubuntu \
    for Azure, cgroups in version 2 alone, a container named as systemd's driver names them. What calls cost is measured in \
    emulation, where programs in the kernel cost more than they do on a machine: compare the tiers with each other.\n";

/// Tries the kernels of Debian releases and writes the page.
pub fn run(releases: &[String]) -> Result<()> {
    machine::set_up()?;
    execute(cargo(&["build", "--workspace", "--bins", "--locked"]))?;
    let find = |name: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.exists())
    };
    let busybox = find("busybox").context("busybox is not on the path")?;
    let runc = find("runc").context("runc is not on the path")?;
    let files = [
        ("init", include_str!("init.sh")),
        ("config.json", include_str!("config.json")),
        ("etc/passwd", "root:x:0:0:root:/:/bin/sh\n"),
        ("etc/shadow", "root:*:20000:0:99999:7:::\n"),
    ];
    let ours = ["seawall-sensor", "bench"].map(repository::program);
    let system = machine::file_system(&[&ours[..], &[busybox, runc]].concat(), &files)?;
    let mut page = INTRODUCTION.to_owned();
    let mut wrong = Vec::new();
    let given: Vec<&str> = releases.iter().map(String::as_str).collect();
    for release in if given.is_empty() { &RELEASES[..] } else { &given } {
        eprintln!("==> {release}");
        let said = machine::boot(&machine::kernel(release)?, &system)?;
        let report = Report::of(&said);
        eprintln!("{}", report.text);
        wrong.extend(report.missing.iter().map(|what| format!("{release}: {what}")));
        page.push_str(&report.text);
    }
    if given.is_empty() {
        let path = repository::root().join("bench/results/kernels.md");
        std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    }
    if !wrong.is_empty() {
        bail!("not seen:\n{}", wrong.join("\n"));
    }
    Ok(())
}

/// What one machine said.
struct Report {
    text: String,
    missing: Vec<String>,
}

impl Report {
    fn of(said: &[String]) -> Self {
        let of = |kind: &str| {
            let lines = said.iter().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let mut text = String::new();
        let mut line = |words: String| {
            text.push_str(&words);
            text.push('\n');
        };
        line(format!("\n## {}\n\nSecurity modules: {}\n\n```text", of("kernel").join(" "), of("lsm").join(" ")));
        of("probe").into_iter().for_each(&mut line);
        of("said").into_iter().for_each(&mut line);
        line("```\n".into());
        let alerts: Vec<(String, String)> = of("alert").iter().filter_map(|alert| named(alert)).collect();
        let mut missing = Vec::new();
        for (key, namespace) in EXPECTED {
            let came = alerts.iter().any(|(k, n)| k == key && n == namespace);
            let place = if namespace.is_empty() { "the machine".to_owned() } else { format!("namespace {namespace}") };
            line(format!("- `{key}` of {place}: {}", if came { "came" } else { "**did not come**" }));
            if !came {
                missing.push(format!("{key} of {place}"));
            }
        }
        text.push_str(&cost_table(&of("cost")));
        Self { text, missing }
    }
}

/// The costs of calls, as a table: nanoseconds of CPU of the calling program, the least of all rounds.
fn cost_table(lines: &[String]) -> String {
    let mut least = BTreeMap::<(&str, &str), f64>::new();
    let (mut sights, mut calls) = (Vec::new(), Vec::new());
    for (sight, call, nanos) in lines.iter().filter_map(|line| cost(line)) {
        let known = least.entry((sight, call)).or_insert(f64::INFINITY);
        *known = known.min(nanos);
        for (all, one) in [(&mut sights, sight), (&mut calls, call)] {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    let mut text = String::from("\nNanoseconds a call, emulated:\n\n|");
    for call in &calls {
        text.extend([" | ", call]);
    }
    text.extend([" |\n|---".to_owned(), "|---".repeat(calls.len()), "|\n".to_owned()]);
    for sight in sights {
        let name = if sight == "without" { "without the sensor".to_owned() } else { format!("tier {sight}") };
        let columns = calls.iter().map(|call| {
            let (with, without) = (least.get(&(sight, *call)), least.get(&("without", *call)));
            match (with, without) {
                (Some(with), Some(without)) if sight != "without" => format!(" | {with:.0} ({:+.0})", with - without),
                (Some(with), _) => format!(" | {with:.0}"),
                _ => " | ".to_owned(),
            }
        });
        text.extend(["| ".to_owned(), name].into_iter().chain(columns).chain([" |\n".to_owned()]));
    }
    text
}

/// What is said of a round: who watched, the call, what `bench generate` printed.
fn cost(line: &str) -> Option<(&str, &str, f64)> {
    let mut words = line.splitn(3, ' ');
    let (sight, call, done) = (words.next()?, words.next()?, words.next()?);
    let done: Value = serde_json::from_str(done).ok()?;
    Some((sight, call, done["cpu_s"].as_f64()? * 1e9 / done["count"].as_f64()?))
}

/// Key and namespace of an alert's line.
fn named(alert: &str) -> Option<(String, String)> {
    let alert: Value = serde_json::from_str(alert).ok()?;
    let namespace = alert["scope"]["namespace"].as_str().unwrap_or_default();
    Some((alert["key"].as_str()?.to_owned(), namespace.to_owned()))
}
