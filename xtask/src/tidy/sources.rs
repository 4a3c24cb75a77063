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

/// Reads every source of ours.
pub fn check(findings: &mut Findings) -> Result<()> {
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
    let in_tests = name.contains("/tests/") || name.ends_with("tests.rs") || name.contains("/benches/");
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
