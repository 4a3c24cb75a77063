//! The sensor under other kernels.

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
    let system = machine::file_system(&[repository::program("seawall-sensor"), busybox, runc], &files)?;
    let mut page =
        "# Kernels\n\n`cargo xtask soak kernel`: the sensor in QEMU under kernels of Debian and of Ubuntu for Azure, cgroups in version 2 \
                    alone, a container named as systemd's driver names them.\n"
            .to_owned();
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
        Self { text, missing }
    }
}

/// Key and namespace of an alert's line.
fn named(alert: &str) -> Option<(String, String)> {
    let alert: Value = serde_json::from_str(alert).ok()?;
    let namespace = alert["scope"]["namespace"].as_str().unwrap_or_default();
    Some((alert["key"].as_str()?.to_owned(), namespace.to_owned()))
}
