//! The peers from a known inventory to findings, on databases of the same facts.
//!
//! Their own databases are downloads that a bench cannot rely on. The small Go programs in `bench/peers` write databases in
//! their forms with their own modules, so that what is measured is how they open and match.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::findings::Fact;
use super::peers::peer;
use crate::measure::{self, Cost, on_path};

/// Runs of each; the middle one counts.
const RUNS: usize = 3;

/// Trivy and Grype on an SBOM, as far as they and Go are there.
pub fn measure(facts: &[Fact], sbom: &Path, scratch: &Path) -> Result<Vec<(&'static str, Cost)>> {
    let mut lines = String::new();
    for Fact { kind, name, fixed, id } in facts {
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{kind}\t{name}\t{fixed}\t{id}");
    }
    let path = scratch.join("facts.tsv");
    std::fs::write(&path, lines).context("writing the facts")?;
    let mut costs = Vec::new();
    if let Some(program) = peer("trivy") {
        let cache = scratch.join("trivy-db");
        if write_database("trivydb", &cache.join("db"), &path, scratch)? {
            let cache = cache.display().to_string();
            let sbom = sbom.display().to_string();
            let offline = ["--offline-scan", "--skip-db-update", "--skip-java-db-update", "--cache-dir", &cache];
            let args = [&["sbom", "--quiet", "--format", "json"], &offline[..], &[sbom.as_str()]].concat();
            costs.push(("Trivy", middle(&program, &args)?));
        }
    }
    if let Some(program) = peer("grype") {
        let cache = scratch.join("grype-db");
        // Grype looks for its database under the number of its form.
        if write_database("grypedb", &cache.join("6"), &path, scratch)? {
            let config = scratch.join("grype.yaml");
            let text = format!(
                "check-for-app-update: false\ndb:\n  cache-dir: {}\n  auto-update: false\n  validate-age: false\n",
                cache.display()
            );
            std::fs::write(&config, text).context("writing Grype's configuration")?;
            let (config, sbom) = (config.display().to_string(), format!("sbom:{}", sbom.display()));
            costs.push(("Grype", middle(&program, &["--config", &config, "--quiet", "--output", "json", &sbom])?));
        }
    }
    Ok(costs)
}

fn middle(program: &Path, args: &[&str]) -> Result<Cost> {
    let mut costs = (0..RUNS).map(|_| measure::once(program, args)).collect::<Result<Vec<_>>>()?;
    ensure!(costs.iter().all(|cost| cost.code == 0), "{} {args:?} failed", program.display());
    costs.sort_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s));
    Ok(costs[costs.len() / 2])
}

/// Writes a peer's database; not without Go. Built outside the repository: the modules' sums would be written beside it.
fn write_database(writer: &str, folder: &Path, facts: &Path, scratch: &Path) -> Result<bool> {
    let Some(go) = on_path("go") else { return Ok(false) };
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers");
    let module = scratch.join("peers");
    for file in ["go.mod", "trivydb/main.go", "grypedb/main.go"] {
        let target = module.join(file);
        std::fs::create_dir_all(target.parent().unwrap_or(&module)).context("making a folder")?;
        if !target.exists() {
            std::fs::copy(source.join(file), &target).context("copying the writers of databases")?;
        }
    }
    let program = scratch.join(writer);
    let mut build = Command::new(go);
    build.args(["build", "-mod=mod", "-o"]).arg(&program).arg(format!("./{writer}")).current_dir(&module);
    // Trivy's modules ask for it.
    build.env("CGO_ENABLED", "0").env("GOEXPERIMENT", "jsonv2").env_remove("GOFLAGS");
    ensure!(build.status().context("starting go")?.success(), "{writer} could not be built");
    std::fs::create_dir_all(folder).context("making a folder")?;
    let facts = std::fs::File::open(facts).context("opening the facts")?;
    let status = Command::new(&program).arg(folder).stdin(facts).stdout(Stdio::null()).status();
    ensure!(status.context("starting a writer")?.success(), "{writer} failed");
    Ok(true)
}
