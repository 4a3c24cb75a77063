//! The crate graph: which crate may depend on which (DESIGN §3), where heavy libraries may be named, which licences
//! may come in.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Findings;
use crate::steps::cargo;

/// What each crate may depend on, of ours. A new edge needs an ADR.
const EDGES: [(&str, &[&str]); 19] = [
    ("model", &[]),
    ("limits", &["model"]),
    ("imagescan", &["model", "limits"]),
    ("vuln", &["model", "limits"]),
    ("detect", &["model", "limits"]),
    ("policy", &["model", "limits"]),
    ("posture", &["model", "limits", "policy"]),
    ("images", &["model", "limits"]),
    ("feeds", &["model", "limits", "vuln"]),
    ("host", &["model", "limits"]),
    ("wire", &["model", "limits"]),
    ("cluster", &["model", "limits"]),
    ("state", &["model", "limits"]),
    ("assess", &["model", "limits", "imagescan", "vuln", "images", "feeds"]),
    ("sensor", &["model", "limits", "detect", "host", "wire"]),
    ("server", LAYERS_0_TO_3),
    ("cli", LAYERS_0_TO_3),
    ("testkit", &[]),
    ("xtask", &[]),
];

const LAYERS_0_TO_3: &[&str] = &[
    "model",
    "limits",
    "imagescan",
    "vuln",
    "detect",
    "policy",
    "posture",
    "images",
    "feeds",
    "host",
    "wire",
    "cluster",
    "state",
    "assess",
];

/// Crates beside the product, which may depend on anything.
const FREE: [&str; 3] = ["e2e", "bench", "fuzz"];

/// Libraries that live in one place, so that the inner loop of every other crate is seconds.
const HOMES: [(&str, &[&str]); 12] = [
    ("aho-corasick", &["detect"]),
    ("axum", &["server"]),
    // The test kit writes the reference from the programs' own help.
    ("clap", &["cli", "server", "sensor", "testkit"]),
    ("flate2", &["limits", "testkit"]),
    ("granit-parser", &["limits"]),
    ("indicatif", &["cli"]),
    ("libbpf-rs", &["sensor"]),
    ("memmap2", &["feeds"]),
    ("procfs", &["host"]),
    ("regorus", &["policy"]),
    ("sqlx", &["state"]),
    ("zip", &["limits"]),
];

/// Reads `cargo metadata` and compares.
pub fn check(findings: &mut Findings) -> Result<()> {
    let output = cargo(&["metadata", "--format-version=1", "--locked"]).output().context("running cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let ours = |package: &&Value| package["source"].is_null();
    let edges: BTreeMap<&str, &[&str]> = EDGES.into_iter().collect();
    for package in packages.iter().filter(ours) {
        let name = package["name"].as_str().unwrap_or_default();
        if FREE.contains(&name) {
            continue;
        }
        let Some(allowed) = edges.get(name) else {
            findings.error(name, "is not in the crate table; add it to xtask/src/tidy/graph.rs with an ADR");
            continue;
        };
        dependencies(findings, name, package, allowed);
    }
    licences(findings, packages)
}

fn dependencies(findings: &mut Findings, name: &str, package: &Value, allowed: &[&str]) {
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let target = dependency["name"].as_str().unwrap_or_default();
        let for_tests = dependency["kind"] == "dev";
        let is_ours = !dependency["path"].is_null();
        if is_ours && !for_tests && !allowed.contains(&target) {
            findings.error(name, format!("may not depend on `{target}` (DESIGN §3); a new edge needs an ADR"));
        }
        let home = HOMES.iter().find(|(library, _)| *library == target);
        if let Some((_, homes)) = home
            && !for_tests
            && !homes.contains(&name)
        {
            findings.error(name, format!("may not name `{target}`; it lives in {}", homes.join(", ")));
        }
    }
}

/// Every dependency's licence is in deny.toml's list. `cargo deny` says more; this needs nothing installed.
fn licences(findings: &mut Findings, packages: &[Value]) -> Result<()> {
    let file = crate::repository::root().join("deny.toml");
    let Ok(text) = super::text(&file) else { return Ok(()) };
    let allow =
        text.split("allow = [").nth(1).and_then(|rest| rest.split(']').next()).context("deny.toml has no list")?;
    let allowed: Vec<&str> = allow.split('"').skip(1).step_by(2).collect();
    for package in packages.iter().filter(|package| !package["source"].is_null()) {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or("none declared");
        if !satisfied(licence, &allowed) && !text.contains(&format!("crate = \"{name}\"")) {
            findings.error(name, format!("has the licence `{licence}`, which deny.toml does not allow"));
        }
    }
    Ok(())
}

/// Whether an SPDX expression can be met by the list: any side of an OR, every side of an AND.
fn satisfied(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.replace('/', " OR ");
    let strip = |part: &str| part.trim().trim_start_matches('(').trim_end_matches(')').trim().to_owned();
    expression.split(" AND ").all(|all| all.split(" OR ").any(|any| allowed.contains(&strip(any).as_str())))
}

#[cfg(test)]
mod tests {
    use super::satisfied;

    #[test]
    fn expressions() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"];
        for good in ["MIT", "GPL-2.0 OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0", "MIT/Apache-2.0"] {
            assert!(satisfied(good, &allowed), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "none declared"] {
            assert!(!satisfied(bad, &allowed), "{bad}");
        }
    }
}
