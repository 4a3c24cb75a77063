//! `bench image`: reading a large image of many ecosystems, against Trivy and Syft, and judging what was found.
//!
//! The image is made once by `bench/image/make.sh`, the peers are given by `SEAWALL_PEERS`, a folder with their programs.
//! Peers run in turn with ours. Beside the costs stands what each found: a time without that says nothing.

mod explain;
mod findings;
mod floor;
mod goals;
mod growth;
mod hostile;
mod layout;
mod matchers;
mod packages;
mod peers;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::measure::{self, Cost, on_path, program};
use crate::results::Page;
use explain::Facts;
use goals::Figures;
use layout::{debian, layers};
use packages::Set;
use peers::{Image, Reader};

/// Runs of each; they alternate, so that a busy minute hits all alike.
const RUNS: usize = 3;
/// Runs of what takes milliseconds.
const SHORT_RUNS: usize = 15;

/// Measures: `[--quick] [--keep DIR] [IMAGE]`.
pub fn run(args: &[String]) -> Result<()> {
    let temporary = tempfile::tempdir().context("making a folder")?;
    // To see whether the bench itself works: one run, nothing written.
    let quick = args.iter().any(|arg| arg == "--quick");
    let runs = if quick { 1 } else { RUNS };
    let args: Vec<&str> = args.iter().map(String::as_str).filter(|&arg| arg != "--quick").collect();
    let (layout, keep) = match args.as_slice() {
        ["--keep", keep] => (make(Path::new(keep))?, PathBuf::from(keep)),
        [layout] => (PathBuf::from(layout), temporary.path().to_owned()),
        [] => (make(&temporary.path().join("image"))?, temporary.path().to_owned()),
        _ => anyhow::bail!("bench image [--quick] [--keep DIR] [IMAGE]"),
    };
    let scratch = temporary.path();
    let mut page = Page::new("image", "A large image", "cargo xtask bench image");
    let blobs = layers(&layout)?;
    let plain = plain_layers(&blobs, scratch)?;
    let (packed_bytes, plain_bytes) = (bytes(&blobs)?, bytes(&plain)?);
    page.line(&format!(
        "{} gzip layers, {} MiB compressed, {} MiB plain. Median of {runs} runs by CPU time, in turn; wall time is the least, \
         peak memory the most of them. Peers: {}.\n",
        blobs.len(),
        packed_bytes >> 20,
        plain_bytes >> 20,
        peers::versions()
    ));

    let floor = lowest(&blobs, &plain, runs)?;
    floor.print(&mut page);
    let mut cold = peers::cold(Image::Layout(&layout), false, scratch)?;
    table(&mut page, "Packages of the image, from an OCI layout, nothing cached", &mut cold, runs)?;
    let found = found(&mut page, &cold, &Facts::of(&plain))?;
    let mut figures = Figures { floor, cold: costs(&cold), found, ..Figures::default() };

    if let Some(archive) = docker_archive(&layout, scratch)? {
        let mut readers = peers::cold(Image::Archive(&archive), true, scratch)?;
        table(&mut page, "The same from an archive of `docker save` (layers plain)", &mut readers, runs)?;
        figures.archive = costs(&readers);
        std::fs::remove_file(archive).context("removing the archive")?;
    }
    let mut warm = peers::warm(&layout, scratch)?;
    table(&mut page, "The image again, with what the first run kept", &mut warm, if quick { 1 } else { SHORT_RUNS })?;
    figures.warm = costs(&warm);
    let base = base_image(&keep)?;
    let mut readers = peers::cold(Image::Layout(&base), true, scratch)?;
    table(&mut page, "A Debian base image (debootstrap, minbase)", &mut readers, runs)?;
    figures.base = costs(&readers);

    let known = findings::measure(&program("seawall")?, &layout, &base, scratch)?;
    goals::known(&mut page, &known);
    figures.known = Some(known);
    let points = growth::measure(&plain, &program("seawall")?, scratch, runs)?;
    goals::growth(&mut page, &points);
    figures.growth = points;
    let refused = hostile::measure(&program("seawall")?, scratch)?;
    hostile::print(&mut page, &refused);
    figures.refused = Some(refused);
    figures.print(&mut page);
    page.line(&format!("Load at the end: {}.", crate::results::load()));
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

fn base_image(keep: &Path) -> Result<PathBuf> {
    let layout = keep.join("debian");
    if layout.join("oci-layout").exists() { Ok(layout) } else { debian(keep) }
}

fn bytes(files: &[PathBuf]) -> Result<u64> {
    let sizes = files.iter().map(|file| Ok(file.metadata().with_context(|| file.display().to_string())?.len()));
    sizes.sum()
}

/// The layers unpacked beside each other, for the parts of the floor.
fn plain_layers(blobs: &[PathBuf], scratch: &Path) -> Result<Vec<PathBuf>> {
    let unpack = |(number, blob): (usize, &PathBuf)| {
        let path = scratch.join(format!("layer-{number}.tar"));
        let out = std::fs::File::create(&path).context("making a plain layer")?;
        let status = Command::new("gzip").arg("-dc").arg(blob).stdin(Stdio::null()).stdout(out).status();
        ensure!(status.context("starting gzip")?.success(), "{} is no gzip blob", blob.display());
        Ok(path)
    };
    blobs.iter().enumerate().map(unpack).collect()
}

/// The parts of the floor, CPU seconds.
#[derive(Default)]
pub struct Lowest {
    /// Inflating with ISA-L; with GNU gzip where that is missing.
    pub inflate: f64,
    /// Which of them.
    pub inflater: &'static str,
    /// Hashing the compressed bytes.
    pub packed_digest: f64,
    /// Hashing the plain bytes.
    pub plain_digest: f64,
    /// Walking the plain archives' headers.
    pub walk: f64,
}

impl Lowest {
    /// What has to be done when the plain digests are not asked for.
    pub fn without_plain_digest(&self) -> f64 {
        self.inflate + self.packed_digest + self.walk
    }

    /// All of it.
    pub fn all(&self) -> f64 {
        self.without_plain_digest() + self.plain_digest
    }

    fn print(&self, page: &mut Page) {
        page.line(&format!(
            "The floor, each part done alone: `{} -dc` of the blobs {:.2}, SHA-256 of the compressed bytes {:.2} and of the \
             plain bytes {:.2} (in memory), walk over the headers of the plain archives {:.2}; together {:.2} CPU-s, {:.2} \
             without the plain digest.\n",
            self.inflater,
            self.inflate,
            self.packed_digest,
            self.plain_digest,
            self.walk,
            self.all(),
            self.without_plain_digest()
        ));
    }
}

fn lowest(blobs: &[PathBuf], plain: &[PathBuf], runs: usize) -> Result<Lowest> {
    let inflater = if on_path("igzip").is_some() { "igzip" } else { "gzip" };
    let paths = blobs.iter().map(|blob| blob.display().to_string());
    let args: Vec<String> = std::iter::once("-dc".to_owned()).chain(paths).collect();
    let inflate = measure::median(runs, inflater, &args)?.cpu_s;
    let least = |part: &dyn Fn() -> Result<f64>| -> Result<f64> {
        let times = (0..runs).map(|_| part()).collect::<Result<Vec<_>>>()?;
        Ok(times.into_iter().fold(f64::INFINITY, f64::min))
    };
    let (packed, all) = (bytes(blobs)?, bytes(plain)?);
    Ok(Lowest {
        inflate,
        inflater,
        packed_digest: least(&|| Ok(floor::hashing(packed)))?,
        plain_digest: least(&|| Ok(floor::hashing(all)))?,
        walk: least(&|| floor::walking(plain))?,
    })
}

/// `docker save` in Docker's form, by skopeo; `None` where it is not installed.
fn docker_archive(layout: &Path, scratch: &Path) -> Result<Option<PathBuf>> {
    let Some(skopeo) = on_path("skopeo") else { return Ok(None) };
    let archive = scratch.join("saved.tar");
    let status = Command::new(skopeo)
        .args(["copy", "--quiet", "--insecure-policy", &format!("oci:{}", layout.display())])
        .arg(format!("docker-archive:{}:bench:1", archive.display()))
        .status();
    ensure!(status.context("starting skopeo")?.success(), "skopeo failed");
    Ok(Some(archive))
}

/// Runs readers in turn and prints what they cost.
fn table(page: &mut Page, title: &str, readers: &mut [Reader], runs: usize) -> Result<()> {
    for _ in 0..runs {
        for reader in readers.iter_mut() {
            reader.run()?;
        }
    }
    page.line(&format!("## {title}\n"));
    let ours = readers[0].middle();
    let row = |reader: &Reader| {
        let cost = reader.middle();
        vec![
            reader.name.to_owned(),
            format!("{:.3}", cost.cpu_s),
            format!("{:.3}", cost.wall_s),
            format!("{:.0}", cost.peak_mib),
            format!("{:.1}", cost.written_mib),
            format!("{:.2}", ours.cpu_s / cost.cpu_s),
            format!("{:.2}", ours.wall_s / cost.wall_s),
        ]
    };
    let rows: Vec<Vec<String>> = readers.iter().map(row).collect();
    let header = ["who", "CPU s", "wall s", "peak MiB", "MiB written", "first row / its CPU", "first row / its wall"];
    page.table(&header, &rows);
    Ok(())
}

fn costs(readers: &[Reader]) -> Vec<(&'static str, Cost)> {
    readers.iter().map(|reader| (reader.name, reader.middle())).collect()
}

/// How much of what the peers found was found, in percent, and how many of the missing have no reason.
#[derive(Default)]
pub struct Found {
    /// Percent.
    pub share: f64,
    /// Missing without a reason.
    pub unexplained: usize,
}

fn found(page: &mut Page, readers: &[Reader], facts: &Facts) -> Result<Found> {
    let mut sets = Vec::new();
    for reader in readers.iter().filter(|reader| !reader.name.contains("digests")) {
        let output = Command::new(&reader.program).args(&reader.args).output().context("listing packages")?;
        ensure!(output.status.success(), "{} failed: {}", reader.name, String::from_utf8_lossy(&output.stderr));
        sets.push((reader.name, Set::read(&output.stdout).with_context(|| format!("reading {}", reader.name))?));
    }
    let peers = Set::union(sets.iter().skip(1).map(|(_, set)| set));
    let types = Set::union(sets.iter().map(|(_, set)| set)).types();
    let rows: Vec<Vec<String>> = sets
        .iter()
        .map(|(name, set)| {
            let missing = peers.without(set).len();
            let share = 100.0 - percent(missing, peers.len());
            let counts = types.iter().map(|kind| set.count(kind).to_string());
            [(*name).to_owned(), set.len().to_string(), missing.to_string(), format!("{share:.2} %")]
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
    let Some((_, ours)) = sets.first() else { return Ok(Found::default()) };
    let missing = peers.without(ours);
    let who = |key: &str| {
        let have = sets.iter().skip(1).filter(|(_, set)| set.contains(key)).map(|(name, _)| *name);
        have.collect::<Vec<_>>().join(", ")
    };
    let reasons: Vec<Option<String>> = missing.iter().map(|key| facts.reason(key, ours)).collect();
    let rows: Vec<Vec<String>> = missing
        .iter()
        .zip(&reasons)
        .map(|(key, reason)| vec![key.clone(), who(key), reason.clone().unwrap_or_else(|| "**not explained**".into())])
        .collect();
    page.table(&["not in Seawall's list", "listed by", "why"], &rows);
    let unexplained = reasons.iter().filter(|reason| reason.is_none()).count();
    Ok(Found { share: 100.0 - percent(missing.len(), peers.len()), unexplained })
}

#[expect(clippy::cast_precision_loss, reason = "counts of packages")]
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}
