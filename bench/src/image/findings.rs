//! From a known inventory to findings: a database of made-up advisories about what is really installed, and the times to
//! open it, to judge one inventory, and to judge many again.
//!
//! The advisories have the shape of OSV records (93,706 affected packages); some of the names are installed, so that
//! ranges are really compared. The peers get databases of the same facts ([`matchers`]).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use assess::Assessor;
use feeds::Database;
use model::Inventory;
use serde_json::{Value, json};

use super::floor::cpu_time;
use super::matchers;
use crate::measure::{self, Cost};

/// Types of packages and what OSV calls their ecosystems.
const ECOSYSTEMS: [(&str, &str); 7] = [
    ("deb", "Debian:12"),
    ("npm", "npm"),
    ("pypi", "PyPI"),
    ("maven", "Maven"),
    ("golang", "Go"),
    ("cargo", "crates.io"),
    ("gem", "RubyGems"),
];
/// Affected packages in the database.
const FACTS: usize = 93_706;
/// Inventories that are judged again at once.
pub const INVENTORIES: usize = 1_000;
/// Times that something short is done; the middle counts.
const REPEATS: usize = 31;

/// What was measured.
pub struct Known {
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Opening manifest and segments, milliseconds.
    pub open_ms: f64,
    /// Judging an inventory in memory, milliseconds.
    pub judge_ms: f64,
    /// Findings of that.
    pub findings: usize,
    /// Packages of that.
    pub packages: usize,
    /// The whole command on an SBOM.
    pub command: Cost,
    /// The peers' whole commands on the same SBOM and the same facts.
    pub peers: Vec<(&'static str, Cost)>,
    /// The whole command on an image whose inventory is in the cache.
    pub cached: Cost,
    /// Judging [`INVENTORIES`] again.
    pub rematch: Cost,
    /// Packages of each of these.
    pub rematch_packages: usize,
}

/// Measures. `small` is the image whose inventory is judged again many times, `layout` the large one.
pub fn measure(program: &Path, layout: &Path, small: &Path, scratch: &Path) -> Result<Known> {
    let report = |layout: &Path| -> Result<Vec<u8>> {
        let args = ["scan", &format!("oci:{}", layout.display()), "--format", "json"];
        let output = std::process::Command::new(program).args(args).output().context("listing packages")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    };
    let large = report(layout)?;
    let inventory = inventory(&large)?;
    let facts = facts(&inventory);
    let db = database(program, &facts, scratch)?;
    let database_bytes = size(&db)?;
    let (open_ms, judge_ms, findings) = in_memory(&db, &inventory)?;
    let sbom = scratch.join("sbom.json");
    let output = std::process::Command::new(program).args(["sbom", &format!("oci:{}", layout.display())]).output();
    std::fs::write(&sbom, output.context("writing an SBOM")?.stdout).context("writing an SBOM")?;
    let db_text = db.display().to_string();
    let command = middle(program, &["scan", &format!("sbom:{}", sbom.display()), "--db", &db_text])?;
    let peers = matchers::measure(&facts, &sbom, scratch)?;
    let cache = scratch.join("cache").display().to_string();
    let cached = ["scan", &format!("oci:{}", layout.display()), "--db", &db_text, "--cache", &cache];
    measure::once(program, &cached)?;
    let cached = middle(program, &cached)?;

    let folder = scratch.join("inventories");
    std::fs::create_dir_all(&folder).context("making a folder")?;
    let one = report(small)?;
    let rematch_packages = self::inventory(&one)?.packages.len();
    for number in 0..INVENTORIES {
        std::fs::write(folder.join(format!("{number}.json")), &one).context("writing an inventory")?;
    }
    let rematch = measure::once(program, &["db", "rematch", &folder.display().to_string(), "--db", &db_text])?;
    ensure!(rematch.code == 0, "db rematch ended with {}", rematch.code);
    let packages = inventory.packages.len();
    Ok(Known {
        database_bytes,
        open_ms,
        judge_ms,
        findings,
        packages,
        command,
        peers,
        cached,
        rematch,
        rematch_packages,
    })
}

fn middle(program: &Path, args: &[&str]) -> Result<Cost> {
    let mut costs = (0..REPEATS).map(|_| measure::once(program, args)).collect::<Result<Vec<_>>>()?;
    ensure!(costs.iter().all(|cost| cost.code == 0), "{args:?} failed");
    costs.sort_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s));
    Ok(costs[costs.len() / 2])
}

fn inventory(report: &[u8]) -> Result<Inventory> {
    let mut report: Value = serde_json::from_slice(report).context("reading a report")?;
    serde_json::from_value(report["images"][0]["inventory"].take()).context("reading an inventory")
}

fn in_memory(db: &Path, inventory: &Inventory) -> Result<(f64, f64, usize)> {
    let (mut opens, mut judges, mut findings) = (Vec::new(), Vec::new(), 0);
    for _ in 0..REPEATS {
        let started = cpu_time();
        let database = Database::open(db).context("opening the database")?;
        let segments = database.segments_for(inventory).context("opening segments")?;
        opens.push((cpu_time() - started) * 1e3);
        ensure!(!segments.is_empty(), "the database has no segment for the inventory");
        drop(segments);
        let assessor = Assessor::new(Arc::new(database), assess::Options::default());
        let started = cpu_time();
        findings = assessor.judge(inventory).context("judging")?.findings.len();
        judges.push((cpu_time() - started) * 1e3);
    }
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Ok((middle(opens), middle(judges), findings))
}

/// A made-up advisory about one package.
pub struct Fact {
    /// The package's type.
    pub kind: &'static str,
    /// Its name; of a Debian package the source's.
    pub name: String,
    /// The version before which it is affected.
    pub fixed: &'static str,
    /// Id of the advisory.
    pub id: String,
}

/// Two for each installed name, the rest for names that are not installed.
fn facts(inventory: &Inventory) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (kind, _) in ECOSYSTEMS {
        let packages = inventory.packages.iter().filter(|package| package.r#type == kind);
        let name = |package: &model::Package| match &package.source {
            Some(source) => source.name.clone(),
            None => package.name.clone(),
        };
        let names: BTreeSet<String> = packages.map(name).collect();
        let installed = names.iter().flat_map(|name| [(name.clone(), "0.0.1"), (name.clone(), "9999")]);
        let others = (0..).map(|number| (format!("not-installed-{number}"), "1.0.0"));
        let numbered = installed.chain(others).take(FACTS / ECOSYSTEMS.len()).enumerate();
        facts.extend(numbered.map(|(number, (name, fixed))| Fact {
            kind,
            name,
            fixed,
            id: format!("BENCH-{kind}-{number}"),
        }));
    }
    facts
}

/// Builds the database with the program's own command.
fn database(program: &Path, facts: &[Fact], scratch: &Path) -> Result<PathBuf> {
    let (feeds, db) = (scratch.join("feeds"), scratch.join("db"));
    for (kind, ecosystem) in ECOSYSTEMS {
        advisories(&feeds.join(kind), ecosystem, facts.iter().filter(|fact| fact.kind == kind))?;
    }
    let args = ["db", "build", "--from", &feeds.display().to_string(), "--out", &db.display().to_string()];
    let output = std::process::Command::new(program).args(args).output().context("building the database")?;
    ensure!(output.status.success(), "db build: {}", String::from_utf8_lossy(&output.stderr));
    Ok(db)
}

/// An `all.zip` of one ecosystem.
fn advisories<'f>(folder: &Path, ecosystem: &str, facts: impl Iterator<Item = &'f Fact>) -> Result<()> {
    std::fs::create_dir_all(folder).context("making a folder")?;
    let mut zip = zip::ZipWriter::new(File::create(folder.join("all.zip")).context("making a feed")?);
    let semver = matches!(ecosystem, "npm" | "Go" | "crates.io");
    for Fact { name, fixed, id, .. } in facts {
        let record = json!({
            "schema_version": "1.6.0", "id": id, "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
            "summary": "A made-up advisory", "details": "It is there to be compared.",
            "affected": [{
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{
                    "type": if semver { "SEMVER" } else { "ECOSYSTEM" },
                    "events": [{"introduced": "0"}, {"fixed": fixed}],
                }],
            }],
        });
        zip.start_file(format!("{id}.json"), zip::write::SimpleFileOptions::default()).context("writing a feed")?;
        zip.write_all(record.to_string().as_bytes()).context("writing a feed")?;
    }
    zip.finish().context("writing a feed")?;
    Ok(())
}

fn size(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder).context("reading the database")? {
        let path = entry.context("reading the database")?.path();
        sum += if path.is_dir() { size(&path)? } else { path.metadata().context("reading the database")?.len() };
    }
    Ok(sum)
}
