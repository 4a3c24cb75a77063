//! What every source file keeps to.

use anyhow::Result;

use super::{Findings, files, shown, text};

/// Engines: they do no I/O and never read the clock (DESIGN §5.1).
const ENGINES: [&str; 5] = ["imagescan", "vuln", "detect", "policy", "posture"];
/// What an engine may not say outside its tests.
const IMPURE: [&str; 10] = [
    "TcpStream",
    "UdpSocket",
    "std::fs",
    "std::env::var",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "std::process",
    "tokio",
    "std::thread::spawn",
];
/// The most lines that a reader wants in one file.
const FILE_LINES: usize = 500;

/// Addresses that are names, not places that a program calls: identifiers of formats and links for people.
const NAMES: [&str; 14] = [
    "json-schema.org",
    "spdx.org",
    "cyclonedx.org",
    "docs.oasis-open.org",
    "json.schemastore.org",
    "github.com",
    "seawall.dev",
    "attack.mitre.org",
    "kubernetes.io",
    "www.rfc-editor.org",
    "avd.aquasec.com",
    "nvd.nist.gov",
    "www.w3.org",
    "osv.dev",
];

/// Reads every source of ours.
pub fn check(findings: &mut Findings) -> Result<()> {
    outward_calls(findings)?;
    for folder in ["crates", "xtask", "e2e", "bench", "fuzz"] {
        for path in files(folder, &["rs"])? {
            let name = shown(&path);
            let source = text(&path)?;
            rust(findings, &name, &source);
        }
    }
    for path in files("crates/sensor/src/bpf", &["c", "h"])? {
        if !text(&path)?.lines().next().is_some_and(|line| line.contains("GPL-2.0-only OR BSD-2-Clause")) {
            findings
                .error(shown(&path), "the first line must be `SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause`");
        }
    }
    for folder in ["crates", "xtask", "e2e", "bench", "docs", "content", "console/src", "console/e2e"] {
        for path in files(folder, &["rs", "md", "ts", "tsx", "yaml", "toml", "c", "json"])? {
            let source = text(&path)?;
            // In two pieces, or this file would find itself.
            for machine in [concat!("/wor", "k/"), concat!("/roo", "t/.cargo")] {
                if source.contains(machine) {
                    findings.error(shown(&path), format!("names a path of one machine (`{machine}`)"));
                }
            }
        }
    }
    Ok(())
}

/// Every host that a program's source names is in the document of outward calls.
fn outward_calls(findings: &mut Findings) -> Result<()> {
    let document = text(&crate::repository::root().join("docs/reference/outward-calls.md")).unwrap_or_default();
    for path in files("crates", &["rs"])? {
        let name = shown(&path);
        if name.contains("/tests/") || name.ends_with("tests.rs") {
            continue;
        }
        let source = text(&path)?;
        for (number, line) in source.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]")) {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for host in hosts(line) {
                // RFC 2606 and our own examples cannot be called.
                let example = host.ends_with(".example") || host.contains("example.") || host.starts_with("127.");
                if !host.contains('.') || example || NAMES.contains(&host) || document.contains(&format!("`{host}`")) {
                    continue;
                }
                let place = format_args!("{name}:{}", number + 1).to_string();
                findings.error(place, format!("names the host `{host}`, which docs/reference/outward-calls.md lacks"));
            }
        }
    }
    Ok(())
}

/// The hosts of the http addresses in a line.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    let end = |c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-');
    line.split("://").skip(1).map(move |rest| rest.split(end).next().unwrap_or_default())
}

fn rust(findings: &mut Findings, name: &str, source: &str) {
    if !source.starts_with("//!") {
        findings.error(name, "must open with `//!`: what it is, what it is not, where the format comes from");
    }
    let lines = source.lines().count();
    if lines > FILE_LINES && !source.contains("tidy: long file, because") {
        findings.warn(name, format!("has {lines} lines; split it, or say `tidy: long file, because …` at its top"));
    }
    for (number, line) in source.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let place = format_args!("{name}:{}", number + 1).to_string();
        if code.trim_start().starts_with(concat!("#[", "ignore")) {
            findings.error(&place, "a test is run or not there; use `need!`");
        }
        let silenced = code.contains(concat!("#[", "allow(")) || code.contains(concat!("#![", "allow("));
        if silenced && !code.contains("reason") {
            findings.error(&place, "use `#[expect(lint, reason = \"…\")]`");
        }
    }
    let crate_name = name.split('/').nth(1).unwrap_or_default();
    let in_tests = name.contains("/tests/")
        || name.ends_with("tests.rs")
        || name.contains("/benches/")
        || name.contains("/examples/");
    if ENGINES.contains(&crate_name) && name.starts_with("crates/") && !in_tests {
        pure(findings, name, source);
    }
    let is_home = name.starts_with("crates/sensor/") || name == "crates/feeds/src/map.rs";
    let found =
        source.lines().any(|line| line.split("//").next().unwrap_or_default().contains(concat!("unsafe", " {")));
    if found && !is_home {
        findings.error(name, "`unsafe` lives in `sensor` and in `feeds::map` only (DESIGN §5.4)");
    }
}

/// Everything before the file's own tests, comments left out.
fn pure(findings: &mut Findings, name: &str, source: &str) {
    for (number, line) in source.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]")) {
        let code = line.split("//").next().unwrap_or_default();
        for word in IMPURE {
            if code.contains(word) {
                findings.error(
                    format_args!("{name}:{}", number + 1),
                    format!("an engine may not say `{word}`: it does no I/O and never reads the clock"),
                );
            }
        }
    }
}
