//! `bench db`: a database of the size that all feeds have together, made from generated feeds by the real importers.
//!
//! The figures are called projected: the number of records is the publishers', the records are not.

mod generate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use feeds::Database;
use model::image::Producer;
use model::{Artifact, Evidence, Inventory, OperatingSystem, Package, Purl};

use crate::measure::{self, median, program};
use crate::results::Page;
use generate::{Random, name};

/// Inventories of the re-match.
const INVENTORIES: usize = 1_000;
/// Packages of each, as the image of `bench image` has them: type, count, names to choose from.
const PACKAGES: [(&str, &str, usize, usize); 6] = [
    ("deb", "Debian", 585, 4_000),
    ("npm", "npm", 518, 225_000),
    ("pypi", "PyPI", 126, 15_000),
    ("golang", "Go", 390, 3_000),
    ("maven", "Maven", 273, 3_000),
    ("cargo", "crates.io", 68, 1_500),
];
/// Of so many packages of an inventory one lags behind its fixes; the others are newer than all that the corpus has. An
/// image of this size then has some 450 findings, as the real one of `bench image`.
const LAGGING: usize = 14;
/// Openings of the database; the one in the middle counts.
const OPENINGS: usize = 101;
const RUNS: usize = 3;

/// Measures: `[--keep DIR]`.
pub fn run(args: &[String]) -> Result<()> {
    let temporary = tempfile::tempdir().context("making a folder")?;
    let dir = match args {
        [flag, dir] if flag == "--keep" => PathBuf::from(dir),
        [] => temporary.path().to_owned(),
        _ => anyhow::bail!("bench db [--keep DIR]"),
    };
    let (from, out, fleet) = (dir.join("feeds"), dir.join("db"), dir.join("inventories"));
    if !from.exists() {
        eprintln!("generating {} records …", generate::records());
        generate::write(&from)?;
    }
    if !fleet.exists() {
        inventories(&fleet)?;
    }
    let mut page = Page::new("db", "The advisory database, projected", "cargo xtask bench db");
    page.line(&format!(
        "Generated feeds in the publishers' formats, {} records in all (`bench/src/corpus/generate.rs` has the number of \
         each), built by `seawall db build`.\n",
        generate::records()
    ));
    let seawall = program("seawall")?;
    let paths = [from.display().to_string(), out.display().to_string()];
    eprintln!("building …");
    let built = measure::once(&seawall, &["db", "build", "--from", &paths[0], "--out", &paths[1]])?;
    ensure!(built.code == 0, "db build ended with {}", built.code);
    let archive = dir.join("db.tar.zst").display().to_string();
    let exported = measure::once(&seawall, &["db", "export", "--db", &paths[1], &archive])?;
    ensure!(exported.code == 0, "db export ended with {}", exported.code);

    let database = Database::open(&out)?;
    sizes(&mut page, &database);
    let total: u64 = database.manifest().segments.iter().map(|entry| entry.size_bytes).sum();
    let packed = std::fs::metadata(&archive).with_context(|| archive.clone())?.len();
    let opened = open(&out, &fleet.join("0.json"))?;
    let one = fleet_of_one(&dir, &fleet)?;
    let findings = findings(&seawall, &paths[1], &one)?;
    let single = median(RUNS, &seawall, &["db", "rematch", "--db", &paths[1], "--json", &one])?;
    let all = median(RUNS, &seawall, &["db", "rematch", "--db", &paths[1], &fleet.display().to_string()])?;
    ensure!(single.code == 0 && all.code == 0, "db rematch failed");
    let packages: usize = PACKAGES.iter().map(|(_, _, count, _)| count).sum();
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let rows = [
        ("segments on disk".to_owned(), mib(total), "≤ 200 MB"),
        ("segments exported (zstd)".to_owned(), mib(packed), "≤ 40 MB"),
        ("memory of the build".to_owned(), format!("{:.0} MiB", built.peak_mib), "≤ 1 GiB"),
        ("time of the build".to_owned(), format!("{:.0} CPU s, {:.0} s", built.cpu_s, built.wall_s), ""),
        (format!("manifest and segments opened, median of {OPENINGS}"), format!("{:.2} ms", opened * 1e3), "≤ 2 ms"),
        (
            format!("inventory of {packages} packages known → {findings} findings in JSON, whole process"),
            format!("{:.0} ms CPU, {:.0} ms", single.cpu_s * 1e3, single.wall_s * 1e3),
            "≤ 20 ms",
        ),
        (
            format!("re-match of {INVENTORIES} such inventories"),
            format!("{:.1} CPU s, {:.1} s, {:.0} MiB", all.cpu_s, all.wall_s, all.peak_mib),
            "≤ 10 s",
        ),
    ];
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(what, figure, goal)| vec![what, figure, goal.to_owned()]).collect();
    page.table(&["what", "figure", "goal"], &rows);
    page.write()
}

/// The segments, largest first.
fn sizes(page: &mut Page, database: &Database) {
    let mut entries: Vec<_> = database.manifest().segments.iter().collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.size_bytes));
    let row = |entry: &&feeds::Entry| {
        vec![
            entry.meta.name.clone(),
            entry.meta.records.to_string(),
            entry.meta.rows.to_string(),
            format!("{} KiB", entry.size_bytes >> 10),
        ]
    };
    page.table(&["segment", "records", "rows", "size"], &entries.iter().map(row).collect::<Vec<_>>());
}

/// Seconds to open the manifest and the segments that an inventory needs.
fn open(db: &Path, inventory: &Path) -> Result<f64> {
    let file = std::fs::File::open(inventory).with_context(|| inventory.display().to_string())?;
    let inventory: Inventory = serde_json::from_reader(std::io::BufReader::new(file))?;
    let mut times = Vec::with_capacity(OPENINGS);
    for _ in 0..OPENINGS {
        let started = Instant::now();
        let database = Database::open(db)?;
        ensure!(!database.segments_for(&inventory)?.is_empty(), "no segment covers the inventory");
        times.push(started.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[OPENINGS / 2])
}

/// Findings of the one inventory.
fn findings(seawall: &Path, db: &str, dir: &str) -> Result<usize> {
    let output = std::process::Command::new(seawall).args(["db", "rematch", "--db", db, "--json", dir]).output();
    let judged: serde_json::Value = serde_json::from_slice(&output.context("starting a re-match")?.stdout)?;
    Ok(judged["assessment"]["findings"].as_array().map_or(0, Vec::len))
}

fn fleet_of_one(dir: &Path, fleet: &Path) -> Result<String> {
    let one = dir.join("one");
    std::fs::create_dir_all(&one).context("making a folder")?;
    std::fs::copy(fleet.join("0.json"), one.join("0.json")).context("copying an inventory")?;
    Ok(one.display().to_string())
}

fn inventories(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).context("making a folder")?;
    for index in 0..INVENTORIES {
        let path = dir.join(format!("{index}.json"));
        let file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
        serde_json::to_writer(std::io::BufWriter::new(file), &inventory(index))?;
    }
    Ok(())
}

fn inventory(index: usize) -> Inventory {
    let mut random = Random::new(index as u64 + 1_000);
    let mut packages = Vec::new();
    for (kind, ecosystem, count, names) in PACKAGES {
        packages.extend((0..count).map(|_| {
            let lags = random.below(LAGGING) == 0;
            let version = if lags { random.version() } else { format!("99.{}.0", random.below(30)) };
            let version = if kind == "deb" { format!("{version}-1") } else { version };
            package(kind, &name(ecosystem, random.below(names)), &version)
        }));
    }
    packages.sort_by(|a, b| a.purl.cmp(&b.purl));
    Inventory {
        id: format!("{index:064x}"),
        artifact: Artifact { reference: Some(format!("registry.example/app:{index}")), ..Artifact::default() },
        os: Some(OperatingSystem { id: "debian".into(), version: "12".into(), name: String::new(), end_of_life: None }),
        layers: Vec::new(),
        packages,
        diagnostics: Vec::new(),
        producer: Producer { analysers_version: "bench".into() },
    }
}

fn package(kind: &str, name: &str, version: &str) -> Package {
    let (namespace, short) = name.rsplit_once(['/', ':']).unwrap_or(("", name));
    Package {
        purl: Purl::new(kind, namespace, short, version).to_string(),
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: None,
        r#type: kind.to_owned(),
        source: None,
        layer: None,
        locations: Vec::new(),
        evidence: Evidence::File,
        owner: None,
        licenses: Vec::new(),
        vendor: None,
        properties: BTreeMap::new(),
    }
}
