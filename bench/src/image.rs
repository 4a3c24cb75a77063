//! `bench image`: reading a large image of many ecosystems, against Trivy, Syft and Grype.
//!
//! The image is made once by `bench/image/make.sh`, the peers are given by `SEAWALL_PEERS`, a folder with their programs.
//! Each peer is run in turn with ours. Beside the costs stands what each found: a time without that says nothing.

mod packages;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::measure::{self, Cost, on_path, program};
use crate::results::Page;
use crate::scan::layers;
use packages::Set;

/// Runs of each; they alternate, so that a busy minute hits all alike.
const RUNS: usize = 3;
/// Names of missing packages that are printed; the count says how many there are.
const NAMES: usize = 100;

/// Something that reads the image and writes a list of packages.
struct Reader {
    name: &'static str,
    program: PathBuf,
    /// Arguments; a CycloneDX or native document goes to stdout.
    args: Vec<String>,
    costs: Vec<Cost>,
}

/// Measures: `[--quick] [--keep DIR] [IMAGE]`.
pub fn run(args: &[String]) -> Result<()> {
    let temporary = tempfile::tempdir().context("making a folder")?;
    // To see whether the bench itself works: one run, nothing written.
    let quick = args.iter().any(|arg| arg == "--quick");
    let runs = if quick { 1 } else { RUNS };
    let args: Vec<&str> = args.iter().map(String::as_str).filter(|&arg| arg != "--quick").collect();
    let layout = match args.as_slice() {
        ["--keep", keep] => make(Path::new(keep))?,
        [layout] => PathBuf::from(layout),
        [] => make(&temporary.path().join("image"))?,
        _ => anyhow::bail!("bench image [--quick] [--keep DIR] [IMAGE]"),
    };
    let scratch = temporary.path();
    let mut page = Page::new("image", "A large image", "cargo xtask bench image");
    let blobs = layers(&layout)?;
    let bytes: u64 = blobs.iter().filter_map(|blob| blob.metadata().ok()).map(|meta| meta.len()).sum();
    page.line(&format!("{} gzip layers, {} MiB compressed; {runs} runs of each, in turn.\n", blobs.len(), bytes >> 20));
    let mut readers = readers(&layout, &blobs, scratch)?;
    for _ in 0..runs {
        for reader in &mut readers {
            let cost = measure::once(&reader.program, &reader.args)?;
            ensure!(cost.code == 0, "{} ended with {}", reader.name, cost.code);
            reader.costs.push(cost);
        }
    }
    costs(&mut page, &readers);
    found(&mut page, &readers)?;
    if quick { page.print() } else { page.write() }
}

fn make(keep: &Path) -> Result<PathBuf> {
    let layout = keep.join("layout");
    if !layout.join("oci-layout").exists() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("image/make.sh");
        let status =
            Command::new(&script).arg(keep).status().with_context(|| format!("starting {}", script.display()))?;
        ensure!(status.success(), "the image could not be made; see the logs in {}", keep.display());
    }
    Ok(layout)
}

fn readers(layout: &Path, blobs: &[PathBuf], scratch: &Path) -> Result<Vec<Reader>> {
    let text = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let reader = |name, program, args| Reader { name, program, args, costs: Vec::new() };
    let image = layout.display().to_string();
    let mut readers = Vec::new();
    for name in ["igzip", "gzip"] {
        if let Some(program) = on_path(name) {
            let paths = blobs.iter().map(|blob| blob.display().to_string());
            readers.push(reader(name, program, std::iter::once("-dc".to_owned()).chain(paths).collect()));
        }
    }
    let reference = format!("oci:{image}");
    let seawall = program("seawall")?;
    let ours = text(&["sbom", &reference, "--format", "cyclonedx", "--no-cache"]);
    readers.push(reader("Seawall", seawall, ours));
    let cache = scratch.join("trivy");
    empty_java_database(&cache)?;
    let cache = cache.display().to_string();
    let peers = [
        // A memory cache that is thrown away: Trivy's layer cache would make the second run another task.
        (
            "Trivy",
            "trivy",
            text(&[
                "image",
                "--input",
                &image,
                "--format",
                "cyclonedx",
                "--quiet",
                "--offline-scan",
                "--skip-java-db-update",
                "--cache-backend",
                "memory",
                "--cache-dir",
                &cache,
            ]),
        ),
        ("Syft", "syft", text(&["scan", &format!("oci-dir:{image}"), "--quiet", "--output", "cyclonedx-json"])),
    ];
    let folder = std::env::var_os("SEAWALL_PEERS").map(PathBuf::from);
    for (name, file, args) in peers {
        let given = folder.as_ref().map(|folder| folder.join(file)).filter(|path| path.exists());
        if let Some(program) = given.or_else(|| on_path(file)) {
            readers.push(reader(name, program, args));
        }
    }
    Ok(readers)
}

/// Trivy ends without its Java database, a download of a gigabyte that tells the names of jars by their hashes. An empty
/// one in its form (`trivy-java-db`'s schema, version 1) lets it run; it then names jars by what is in them, as we do.
fn empty_java_database(cache: &Path) -> Result<()> {
    const SCHEMA: &str = "CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
        CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT);";
    const METADATA: &str = r#"{"Version":1,"NextUpdate":"2100-01-01T00:00:00Z","UpdatedAt":"2026-01-01T00:00:00Z","DownloadedAt":"2026-01-01T00:00:00Z"}"#;
    let folder = cache.join("java-db");
    std::fs::create_dir_all(&folder).context("making Trivy's cache")?;
    std::fs::write(folder.join("metadata.json"), METADATA).context("making Trivy's cache")?;
    if let Some(sqlite) = on_path("sqlite3") {
        let status = Command::new(sqlite).arg(folder.join("trivy-java.db")).arg(SCHEMA).status();
        ensure!(status.context("starting sqlite3")?.success(), "sqlite3 failed");
    }
    Ok(())
}

fn costs(page: &mut Page, readers: &[Reader]) {
    let middle = |reader: &Reader| {
        let mut costs = reader.costs.clone();
        costs.sort_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s));
        costs[costs.len() / 2]
    };
    let ours = readers.iter().find(|reader| reader.name == "Seawall").map(middle);
    let row = |reader: &Reader| {
        let cost = middle(reader);
        let peak = reader.costs.iter().map(|cost| cost.peak_mib).fold(0.0, f64::max);
        let ratio = ours.map_or(String::new(), |ours| format!("{:.2}", ours.cpu_s / cost.cpu_s));
        let wall = ours.map_or(String::new(), |ours| format!("{:.2}", ours.wall_s / cost.wall_s));
        vec![
            reader.name.to_owned(),
            format!("{:.2}", cost.cpu_s),
            format!("{:.2}", cost.wall_s),
            format!("{peak:.0}"),
            ratio,
            wall,
        ]
    };
    let rows: Vec<Vec<String>> = readers.iter().map(row).collect();
    page.table(&["what", "CPU s", "wall s", "peak MiB", "ours / its CPU", "ours / its wall"], &rows);
}

fn found(page: &mut Page, readers: &[Reader]) -> Result<()> {
    let mut sets = Vec::new();
    for reader in readers.iter().filter(|reader| !reader.name.contains("gzip")) {
        let output = Command::new(&reader.program).args(&reader.args).output().context("listing packages")?;
        ensure!(output.status.success(), "{} failed: {}", reader.name, String::from_utf8_lossy(&output.stderr));
        sets.push((reader.name, Set::read(&output.stdout).with_context(|| format!("reading {}", reader.name))?));
    }
    let peers = Set::union(sets.iter().filter(|(name, _)| *name != "Seawall").map(|(_, set)| set));
    let all = Set::union(sets.iter().map(|(_, set)| set));
    let types = all.types();
    let rows: Vec<Vec<String>> = sets
        .iter()
        .map(|(name, set)| {
            let missing = peers.without(set).len();
            let share = 100.0 - percent(missing, peers.len());
            let counts = types.iter().map(|kind| set.count(kind).to_string());
            [(*name).to_owned(), set.len().to_string(), missing.to_string(), format!("{share:.1} %")]
                .into_iter()
                .chain(counts)
                .collect()
        })
        .collect();
    let header = ["who", "packages", "of the peers' union missing", "found"];
    let header: Vec<&str> = header.into_iter().chain(types.iter().map(String::as_str)).collect();
    page.line(&format!(
        "Packages as (type, name, version), {} in the union of the peers. A time counts only where 99 % of it were found \
         and the rest is explained by name.\n",
        peers.len()
    ));
    page.table(&header, &rows);
    for (name, set) in &sets {
        let missing = peers.without(set);
        let shown: Vec<&str> = missing.iter().take(NAMES).map(String::as_str).collect();
        page.line(&format!("Missing in {name}: {} ({} in all).\n", shown.join(", "), missing.len()));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of packages")]
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}
