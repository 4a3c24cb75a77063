//! What is run: our commands and those of the peers, for each task.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::measure::{self, Cost, on_path, program};

/// Something that reads an image.
pub struct Reader {
    /// Who.
    pub name: &'static str,
    /// Its program.
    pub program: PathBuf,
    /// Arguments; a CycloneDX document goes to stdout.
    pub args: Vec<String>,
    /// What it cost so far.
    pub costs: Vec<Cost>,
}

impl Reader {
    fn new(name: &'static str, program: PathBuf, args: &[&str]) -> Self {
        Self { name, program, args: args.iter().map(|&arg| arg.to_owned()).collect(), costs: Vec::new() }
    }

    /// Runs it once.
    pub fn run(&mut self) -> Result<()> {
        let cost = measure::once(&self.program, &self.args)?;
        ensure!(cost.code == 0, "{} ended with {}", self.name, cost.code);
        self.costs.push(cost);
        Ok(())
    }

    /// The run with the median of CPU time, its peak being the highest of all.
    pub fn middle(&self) -> Cost {
        let mut costs = self.costs.clone();
        costs.sort_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s));
        let peak_mib = costs.iter().map(|cost| cost.peak_mib).fold(0.0, f64::max);
        let wall_s = costs.iter().map(|cost| cost.wall_s).fold(f64::INFINITY, f64::min);
        Cost { wall_s, peak_mib, ..costs[costs.len() / 2] }
    }
}

/// An image, as each program names it.
#[derive(Clone, Copy)]
pub enum Image<'a> {
    /// A directory that is an OCI layout.
    Layout(&'a Path),
    /// A file of `docker save`.
    Archive(&'a Path),
}

/// Our program and the peers that were found, all reading one image without any cache.
pub fn cold(image: Image<'_>, digests: bool, scratch: &Path) -> Result<Vec<Reader>> {
    let (path, ours, syft) = match image {
        Image::Layout(path) => (path.display().to_string(), "oci:", "oci-dir:"),
        Image::Archive(path) => (path.display().to_string(), "docker-archive:", "docker-archive:"),
    };
    let seawall = program("seawall")?;
    let reference = format!("{ours}{path}");
    let mut args = vec!["sbom", &reference, "--format", "cyclonedx", "--no-cache"];
    let mut readers = Vec::new();
    if !digests {
        readers.push(Reader::new("Seawall", seawall.clone(), &args));
    }
    args.push("--verify-diff-ids");
    readers.push(Reader::new("Seawall, both digests", seawall, &args));
    if let Some(program) = peer("trivy") {
        let cache = scratch.join("trivy").display().to_string();
        empty_java_database(&scratch.join("trivy"))?;
        // A memory cache that is thrown away: Trivy's layer cache would make the second run another task.
        let args = [TRIVY, &["--cache-backend", "memory", "--cache-dir", &cache, "--input", &path]].concat();
        readers.push(Reader::new("Trivy", program, &args));
    }
    if let Some(program) = peer("syft") {
        let source = format!("{syft}{path}");
        readers.push(Reader::new("Syft", program, &["scan", &source, "--quiet", "--output", "cyclonedx-json"]));
    }
    Ok(readers)
}

/// The same with the caches that an earlier run filled; each is run once here to fill it.
pub fn warm(layout: &Path, scratch: &Path) -> Result<Vec<Reader>> {
    let path = layout.display().to_string();
    let (reference, ours) = (format!("oci:{path}"), scratch.join("layers").display().to_string());
    let mut readers = vec![Reader::new("Seawall", program("seawall")?, &["sbom", &reference, "--cache", &ours])];
    if let Some(program) = peer("trivy") {
        let folder = scratch.join("trivy-warm");
        empty_java_database(&folder)?;
        let cache = folder.display().to_string();
        let args = [TRIVY, &["--cache-backend", "fs", "--cache-dir", &cache, "--input", &path]].concat();
        readers.push(Reader::new("Trivy", program, &args));
    }
    for reader in &mut readers {
        reader.run()?;
        reader.costs.clear();
    }
    Ok(readers)
}

const TRIVY: &[&str] = &["image", "--format", "cyclonedx", "--quiet", "--offline-scan", "--skip-java-db-update"];

/// A peer's program, in the folder that was given or on the path.
pub fn peer(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SEAWALL_PEERS").map(PathBuf::from);
    folder.map(|folder| folder.join(name)).filter(|path| path.exists()).or_else(|| on_path(name))
}

/// Versions of the peers: of the Go modules that they were built from, else what they print.
pub fn versions() -> String {
    let version = |name: &str| {
        let program = peer(name)?;
        let module = Command::new("go").args(["version", "-m"]).arg(&program).output().ok();
        let module = module.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let module =
            module.lines().find_map(|line| line.trim().strip_prefix("mod\t")?.split('\t').nth(1).map(str::to_owned));
        let printed = || {
            let output = Command::new(&program).arg("--version").output().ok()?;
            Some(String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned())
        };
        Some(format!("{name} {}", module.or_else(printed)?))
    };
    let found: Vec<String> = ["trivy", "syft", "grype"].into_iter().filter_map(version).collect();
    if found.is_empty() { "no peers were given (SEAWALL_PEERS)".to_owned() } else { found.join(", ") }
}

/// Trivy ends without its Java database, a download of a gigabyte that tells the names of jars by their hashes. An empty
/// one in its form (`trivy-java-db`'s schema, version 1) lets it run; it then names jars by what is in them, as we do.
fn empty_java_database(cache: &Path) -> Result<()> {
    const SCHEMA: &str =
        "CREATE TABLE IF NOT EXISTS artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
        CREATE TABLE IF NOT EXISTS indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT);";
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
