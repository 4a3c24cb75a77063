//! `seawall db rematch`: stored inventories, judged again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use feeds::Database;
use limits::json::{self, JsonLimits};
use model::{Assessment, Inventory, Severity};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use vuln::Segment;

use super::{now, open};
use crate::Outcome;
use crate::ui::{Ui, counted, table};

/// Largest inventory: one of 20,000 packages with Go symbols has 40 MB.
const INVENTORY: JsonLimits = JsonLimits { bytes: 256 << 20, depth: 64 };
/// Most files of one directory.
const MAX_FILES: usize = 1_000_000;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A file is an inventory, what `seawall scan --format json` printed, or an SBOM (CycloneDX, SPDX). Where it has an earlier
assessment, what is new and what is gone since then is counted.")]
pub struct Args {
    /// Directory with inventories in JSON.
    dir: PathBuf,
    /// Directory of the database; the user's own by default.
    #[arg(long, value_name = "DIR", env = "SEAWALL_DB")]
    db: Option<PathBuf>,
    /// Write each assessment to this directory, under its file's name.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON, one assessment a line.
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

/// Which of the forms a file has: a report (`images`), an image (`inventory`), an SBOM by its own mark, else an inventory.
/// Looking first gives the error of the right form, with its place, and spares a copy of the whole.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    images: Option<IgnoredAny>,
    inventory: Option<IgnoredAny>,
    bom_format: Option<IgnoredAny>,
    spdx_version: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Report {
    images: Vec<Image>,
}

fn parse(bytes: &[u8], name: &str) -> anyhow::Result<Vec<Image>> {
    let shape: Shape = json::from_slice(bytes, &INVENTORY)?;
    Ok(match shape {
        Shape { images: Some(_), .. } => json::from_slice::<Report>(bytes, &INVENTORY)?.images,
        Shape { bom_format: Some(_), .. } | Shape { spdx_version: Some(_), .. } => {
            vec![Image { inventory: imagescan::sbom::read(bytes, name)?, assessment: None }]
        }
        Shape { inventory: Some(_), .. } => vec![json::from_slice(bytes, &INVENTORY)?],
        _ => vec![Image { inventory: json::from_slice(bytes, &INVENTORY)?, assessment: None }],
    })
}

#[derive(Deserialize)]
struct Image {
    inventory: Inventory,
    assessment: Option<Assessment>,
}

/// An inventory that was judged again, as `--json` prints it.
#[derive(Serialize)]
struct Judged<'a> {
    file: &'a str,
    image: &'a str,
    assessment: &'a Assessment,
    /// Findings that the earlier assessment did not have, and the other way round; absent without one.
    new: Option<usize>,
    gone: Option<usize>,
}

/// What is kept of it: a fleet's assessments do not fit in memory.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Summary {
    file: String,
    image: String,
    cells: Vec<String>,
}

pub(super) fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let database = open(args.db.as_ref())?;
    let files = inventories(&args.dir)?;
    if let Some(out) = &args.out {
        std::fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    }
    let (summaries, failed) = judge_all(&files, &database, args, ui)?;
    for (path, reason) in &failed {
        ui.say(format_args!("error: {}: {reason}", path.display()));
    }
    if !args.json {
        let rows: Vec<Vec<String>> = summaries.into_iter().map(|one| [vec![one.image], one.cells].concat()).collect();
        ui.print(table(&["IMAGE", "FINDINGS", "CRITICAL", "HIGH", "NEW", "GONE", "COVERAGE"], &rows));
    }
    Ok(if failed.is_empty() { Outcome::Clean } else { Outcome::Incomplete })
}

/// The files below a directory that may be inventories, sorted.
fn inventories(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            bail!("more than {MAX_FILES} files in {}", dir.display());
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("no inventory (*.json) in {}", dir.display());
    }
    Ok(files)
}

type Failures = Vec<(PathBuf, String)>;

/// Judges on all processors and hands each assessment out at once; the summaries are in the order of the files.
fn judge_all(files: &[PathBuf], database: &Database, args: &Args, ui: &Ui) -> anyhow::Result<(Vec<Summary>, Failures)> {
    // Opened once: a segment is a view of a map, and inventories of a fleet need the same few.
    let segments = database.segments()?;
    let options = vuln::Options { now: Some(now()) };
    let next = AtomicUsize::new(0);
    let done = Mutex::new((Vec::new(), Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = judge(path, &segments, &options, args, ui);
                    // A panic elsewhere is reported by the scope; what was judged stays good.
                    let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match result {
                        Ok(mut judged) => done.0.append(&mut judged),
                        Err(error) => done.1.push((path.clone(), format!("{error:#}"))),
                    }
                }
            });
        }
    });
    let (mut judged, mut failed) = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    judged.sort();
    failed.sort();
    Ok((judged, failed))
}

fn judge(
    path: &Path,
    segments: &[Segment<'_>],
    options: &vuln::Options,
    args: &Args,
    ui: &Ui,
) -> anyhow::Result<Vec<Summary>> {
    let bytes = limits::read_file(path, INVENTORY.bytes as u64)?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let images = parse(&bytes, &file).context("neither an inventory nor an SBOM nor a report of `seawall scan`")?;
    let mut summaries = Vec::new();
    for (index, image) in images.iter().enumerate() {
        let needed = vuln::assess::ecosystems(&image.inventory);
        let covers = |segment: &&Segment<'_>| {
            let covered = &segment.meta().ecosystems;
            covered.is_empty() || covered.iter().any(|key| needed.contains(key))
        };
        let used: Vec<Segment<'_>> = segments.iter().filter(covers).cloned().collect();
        let assessment = vuln::assess(&image.inventory, &used, options);
        let (new, gone) = image.assessment.as_ref().map(|earlier| changes(earlier, &assessment)).unzip();
        let label = label(&image.inventory).unwrap_or(&file);
        let judged = Judged { file: &file, image: label, assessment: &assessment, new, gone };
        hand_out(&judged, index, args, ui)?;
        summaries.push(Summary { file: file.clone().into_owned(), cells: cells(&judged), image: label.to_owned() });
    }
    Ok(summaries)
}

fn hand_out(judged: &Judged<'_>, index: usize, args: &Args, ui: &Ui) -> anyhow::Result<()> {
    if args.json {
        ui.print(serde_json::to_string(judged)?);
    } else if let Some(out) = &args.out {
        let stem = judged.file.trim_end_matches(".json");
        // A file of several images gets several results.
        let name = if index == 0 { format!("{stem}.json") } else { format!("{stem}-{index}.json") };
        let path = out.join(name);
        std::fs::write(&path, serde_json::to_vec_pretty(judged.assessment)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn changes(earlier: &Assessment, later: &Assessment) -> (usize, usize) {
    let keys = |assessment: &Assessment| -> BTreeSet<(String, String)> {
        assessment.findings.iter().map(|finding| (finding.id.clone(), finding.package.clone())).collect()
    };
    let (before, after) = (keys(earlier), keys(later));
    (after.difference(&before).count(), before.difference(&after).count())
}

fn label(inventory: &Inventory) -> Option<&str> {
    let artifact = &inventory.artifact;
    let names = [&artifact.reference, &artifact.manifest_digest, &artifact.config_digest];
    names.into_iter().flatten().next().map(String::as_str)
}

fn cells(judged: &Judged<'_>) -> Vec<String> {
    let findings = || judged.assessment.findings.iter().filter(|finding| !finding.inert);
    let of = |level: Severity| findings().filter(|finding| finding.severity.chosen == level).count().to_string();
    let change = |count: Option<usize>| count.map_or_else(|| "-".into(), |count| count.to_string());
    let unseen = judged.assessment.coverage.iter().filter(|c| c.state != model::CoverageState::Seen).count();
    let coverage = if unseen == 0 { "complete".into() } else { counted(unseen, "gap") };
    let counts = [findings().count().to_string(), of(Severity::Critical), of(Severity::High)];
    [counts.to_vec(), vec![change(judged.new), change(judged.gone), coverage]].concat()
}
