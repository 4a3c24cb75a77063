//! `seawall scan`: packages, findings and coverage of an image.

mod progress;
mod table;

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;

use anyhow::Context as _;
use assess::{AssessedImage, Assessor, Cache, Outcome as Scanned, Progress, Quiet};
use clap::ValueEnum;
use feeds::{Database, DatabaseError};
use images::{Credentials, PlatformFilter, Reference};
use imagescan::sbom::{self, Made};
use model::image::{ReadCost, ScanReport, ScannedImage, UnopenedImage};
use model::{Assessment, CoverageState, FixStatus, Inventory, Severity, Subject};
use vuln::report::Judged;

use crate::Outcome;
use crate::ui::{Hint, Ui};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What REF can be:
  app:1, registry.example/app:1, app@sha256:…   an image in a registry
  oci:DIR, oci:DIR:NAME                         an OCI image layout directory
  oci-archive:FILE, docker-archive:FILE         the same, or `docker save`, as a tar file
  containerd:NAME                               an image of this machine's containerd
  dir:DIR                                       a root file system
  sbom:FILE                                     CycloneDX or SPDX JSON of any tool

Examples:
  seawall scan registry.example/app:1
  seawall scan --platform linux/arm64 --fail-on high app:1
  seawall scan --format json oci:./layout | jq '.images[].assessment.findings[].id'

Exit code: 0 done, 1 a finding is at or over --fail-on, 2 something could not be read.
Logins are those of `docker login`.")]
pub struct Args {
    /// The image.
    #[arg(value_name = "REF")]
    reference: String,
    #[command(flatten)]
    source: SourceArgs,
    /// Directory of the advisory database.
    #[arg(long, value_name = "DIR", env = "SEAWALL_DB")]
    db: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Exit with 1 when a finding is this bad or worse; `unknown`: also when something could not be judged.
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Leave out findings that have no fixed version.
    #[arg(long)]
    ignore_unfixed: bool,
}

/// How to get at an image; the same for all commands that read one.
#[derive(Debug, clap::Args)]
pub struct SourceArgs {
    /// Only this platform of an image that has several, such as linux/arm64.
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<PlatformFilter>,
    /// Talk to the registry without TLS (registries on this machine always are).
    #[arg(long)]
    plain_http: bool,
    /// Also trust the authorities in this PEM file.
    #[arg(long, value_name = "FILE")]
    ca_file: Vec<PathBuf>,
    /// Compute the digests of the unpacked layers too and compare them with what the image claims (slower).
    #[arg(long)]
    verify_diff_ids: bool,
    /// Read every layer, also those that an earlier scan read.
    #[arg(long)]
    no_cache: bool,
    /// Directory of the layer cache.
    #[arg(long, value_name = "DIR", env = "SEAWALL_CACHE")]
    cache: Option<PathBuf>,
    /// Where containerd keeps its state.
    #[arg(long, value_name = "DIR", default_value = images::containerd::DEFAULT_ROOT)]
    containerd_root: PathBuf,
}

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, 80 columns.
    Table,
    /// Inventories and assessments, all of it.
    Json,
    /// SARIF 2.1.0, for code scanning services.
    Sarif,
    /// CycloneDX 1.6 JSON with the findings.
    Cyclonedx,
    /// SPDX 2.3 JSON (packages only).
    Spdx,
    /// Markdown, for pull requests.
    Markdown,
}

/// Threshold of the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailOn {
    /// A finding of this severity or worse.
    Severity(Severity),
    /// Any finding, and anything that could not be judged.
    Unknown,
}

impl std::str::FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Severity::from_word(text) {
            Some(Severity::Unknown) if text.is_empty() => Err("it is empty".into()),
            Some(Severity::Unknown) => Ok(Self::Unknown),
            Some(severity) => Ok(Self::Severity(severity)),
            None => Err("write critical, high, medium, low, informational or unknown".into()),
        }
    }
}

impl SourceArgs {
    /// The options of the conductor that these arguments mean.
    pub fn options(&self) -> assess::Options {
        let registry = images::registry::Options {
            plain_http: self.plain_http,
            credentials: Credentials::from_environment(),
            certificates: self.ca_file.clone(),
            ..Default::default()
        };
        assess::Options {
            source: images::Options {
                platform: self.platform.clone(),
                registry,
                containerd_root: self.containerd_root.clone(),
            },
            plain_digests: self.verify_diff_ids,
            cache: if self.no_cache { None } else { open_cache(self.cache.clone()) },
            ..Default::default()
        }
    }
}

/// The layer cache: `$XDG_CACHE_HOME/seawall/layers`, by default `~/.cache/seawall/layers`. A scan works without one.
fn open_cache(given: Option<PathBuf>) -> Option<Arc<Cache>> {
    let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = || var("XDG_CACHE_HOME").or_else(|| var("HOME").map(|home| home.join(".cache")));
    let dir = given.or_else(|| base().map(|base| base.join("seawall/layers")))?;
    match Cache::open(&dir, assess::cache::DEFAULT_LIMIT_BYTES) {
        Ok(cache) => Some(Arc::new(cache)),
        Err(error) => {
            tracing::warn!(%error, dir = %dir.display(), "no layer cache: every layer will be read");
            None
        }
    }
}

/// Runs the command.
pub fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let reference = Reference::from_str(&args.reference)?;
    let database = open_database(args.db.clone(), ui)?;
    let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).map(model::Timestamp::from_nanos);
    let mut options = args.source.options();
    options.judge.now = now.ok();
    let assessor = Assessor::new(Arc::new(database), options);
    let mut scanned = assess(&assessor, (&reference, &args.reference), ui)?;
    if args.ignore_unfixed {
        for image in &mut scanned.images {
            image.assessment.findings.retain(|finding| finding.status == FixStatus::Fixed);
        }
    }
    print(&scanned, args, ui)?;
    say_failures(&scanned, ui);
    let outcome = outcome(&scanned, args.fail_on);
    // As in `run_sbom`.
    std::mem::forget(scanned);
    Ok(outcome)
}

fn print(scanned: &Scanned, args: &Args, ui: &Ui) -> anyhow::Result<()> {
    let judged: Vec<Judged<'_>> = scanned
        .images
        .iter()
        .map(|image| Judged { inventory: &image.inventory, assessment: &image.assessment })
        .collect();
    match args.format {
        Format::Table => {
            scanned.images.iter().for_each(|image| ui.print(table::render(image, &args.reference, ui.width)));
        }
        Format::Json => ui.print_json(&report(&args.reference, scanned))?,
        Format::Sarif => ui.print_json(&vuln::report::sarif(&judged, VERSION))?,
        Format::Markdown => judged.iter().for_each(|image| ui.print(vuln::report::markdown(image))),
        Format::Cyclonedx => {
            let image = only(scanned)?;
            print_document(SbomFormat::Cyclonedx, image, Some(&image.assessment), ui)?;
        }
        Format::Spdx => print_document(SbomFormat::Spdx, only(scanned)?, None, ui)?,
    }
    Ok(())
}

/// The version that documents name.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An SBOM is about one image.
fn only(scanned: &Scanned) -> anyhow::Result<&AssessedImage> {
    match scanned.images.as_slice() {
        [image] => Ok(image),
        images => {
            let platforms: Vec<String> =
                images.iter().map(|image| image.inventory.artifact.platform.to_string()).collect();
            let hint = Hint(format!("--platform {}", platforms.first().map_or("OS/ARCH", String::as_str)));
            let error = anyhow::anyhow!("an SBOM is about one image; this has {}", platforms.join(", "));
            Err(error.context(hint))
        }
    }
}

fn print_document(
    form: SbomFormat,
    image: &AssessedImage,
    findings: Option<&model::Assessment>,
    ui: &Ui,
) -> anyhow::Result<()> {
    let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).ok().map(model::Timestamp::from_nanos);
    let made = Made { version: VERSION, time: now };
    match form {
        SbomFormat::Spdx => ui.print_json(&sbom::spdx(&image.inventory, &made)),
        SbomFormat::Cyclonedx => ui.print_json(&sbom::cyclonedx(&image.inventory, findings, &made)),
    }
}

fn say_failures(scanned: &Scanned, ui: &Ui) {
    for failed in &scanned.failed {
        let platform = failed.platform.as_ref().map_or_else(String::new, |platform| format!(" ({platform})"));
        ui.say(format_args!("error: image {}{platform} could not be opened: {}", failed.digest, chain(&failed.error)));
    }
    if !scanned.failed.is_empty() {
        ui.hint("--platform OS/ARCH narrows the scan to what is there");
    }
}

/// Arguments of `seawall sbom`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seawall sbom registry.example/app:1 > app.cdx.json
  seawall sbom --format spdx oci:./layout
  seawall scan sbom:app.cdx.json             judges it again later, without the image")]
pub struct SbomArgs {
    /// The image, as for `seawall scan`.
    #[arg(value_name = "REF")]
    reference: String,
    #[command(flatten)]
    source: SourceArgs,
    /// Which form.
    #[arg(long, value_enum, default_value_t = SbomFormat::Cyclonedx)]
    format: SbomFormat,
}

/// Forms of an SBOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SbomFormat {
    /// CycloneDX 1.6 JSON.
    Cyclonedx,
    /// SPDX 2.3 JSON.
    Spdx,
}

/// Runs `seawall sbom`: what is in an image, without a judgement.
pub fn run_sbom(args: &SbomArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let reference = Reference::from_str(&args.reference)?;
    let assessor = Assessor::new(Arc::new(Database::empty()), args.source.options());
    let scanned = assess(&assessor, (&reference, &args.reference), ui)?;
    print_document(args.format, only(&scanned)?, None, ui)?;
    say_failures(&scanned, ui);
    let outcome = if scanned.complete() { Outcome::Clean } else { Outcome::Incomplete };
    // The process ends: freeing a hundred thousand texts one by one takes longer than it is worth.
    std::mem::forget(scanned);
    Ok(outcome)
}

/// Runs the conductor on a reference, parsed and as it was given, with a progress bar where there is a terminal.
fn assess(assessor: &Assessor, (reference, text): (&Reference, &str), ui: &Ui) -> anyhow::Result<Scanned> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let progress: Arc<dyn Progress> = if ui.progress { Arc::new(progress::Bar::new()) } else { Arc::new(Quiet) };
    runtime.block_on(assessor.assess(reference, progress)).map_err(|error| {
        let hint = path_meant(reference, text).or_else(|| error.hint());
        let error = anyhow::Error::new(error);
        match hint {
            Some(hint) => error.context(Hint(hint)),
            None => error,
        }
    })
}

/// How to name a file or folder that was given as if it were an image of a registry.
fn path_meant(reference: &Reference, text: &str) -> Option<String> {
    let path = Path::new(text);
    let is_layout = path.join("oci-layout").exists();
    if !matches!(reference, Reference::Registry(_)) {
        return None;
    }
    Some(match path.metadata().ok()? {
        found if found.is_dir() && is_layout => format!("for the OCI layout here: oci:{text}"),
        found if found.is_dir() => format!("for the folder here: dir:{text}"),
        _ => format!("for the file here: docker-archive:{text}, oci-archive:{text} or sbom:{text}"),
    })
}

/// The database that was asked for, else the user's own. Without one every answer is "no feed", and that is said.
fn open_database(given: Option<PathBuf>, ui: &Ui) -> anyhow::Result<Database> {
    let build = "seawall db build --from DIR --out DIR makes one from advisory files";
    let asked_for = given.is_some();
    let Some(dir) = given.or_else(default_database) else { return Ok(Database::empty()) };
    let error = match Database::open(&dir) {
        Ok(database) => return Ok(database),
        Err(error) => error,
    };
    let missing = matches!(error, DatabaseError::Missing { .. });
    if missing && !asked_for {
        ui.say(format_args!("warning: no advisory database in {}: nothing can be matched", dir.display()));
        ui.hint(build);
        return Ok(Database::empty());
    }
    let error = anyhow::Error::new(error);
    Err(if missing { error.context(Hint(build.into())) } else { error.context("opening the advisory database") })
}

/// `$XDG_DATA_HOME/seawall/db`, by default `~/.local/share/seawall/db` (XDG base directory specification).
pub fn default_database() -> Option<PathBuf> {
    let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = var("XDG_DATA_HOME").or_else(|| var("HOME").map(|home| home.join(".local/share")))?;
    Some(data.join("seawall/db"))
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

/// What `--format json` prints.
fn report<'a>(reference: &str, scanned: &'a Scanned) -> ScanReport<&'a Inventory, &'a Assessment> {
    let images = scanned.images.iter();
    let failed = scanned.failed.iter().map(|failed| UnopenedImage {
        digest: failed.digest.to_string(),
        platform: failed.platform.as_ref().map(ToString::to_string),
        error: chain(&failed.error),
    });
    ScanReport {
        reference: reference.to_owned(),
        images: images
            .map(|image| ScannedImage {
                inventory: &image.inventory,
                assessment: &image.assessment,
                read: read_cost(&image.stats),
            })
            .collect(),
        failed: failed.collect(),
    }
}

fn read_cost(stats: &assess::Stats) -> ReadCost {
    let assess::Stats { layers, layers_known, blob_bytes, plain_bytes, temporary_bytes, .. } = *stats;
    let elapsed_ms = u64::try_from(stats.elapsed.as_millis()).unwrap_or(u64::MAX);
    ReadCost { layers, layers_known, blob_bytes, plain_bytes, temporary_bytes, elapsed_ms }
}

fn outcome(scanned: &Scanned, fail_on: Option<FailOn>) -> Outcome {
    // What could not be read outranks what was found: a threshold says nothing about an image that is half known.
    if !scanned.complete() {
        return Outcome::Incomplete;
    }
    let over = scanned.images.iter().any(|image| match fail_on {
        None => false,
        Some(FailOn::Severity(threshold)) => {
            counted(&image.assessment).any(|finding| finding.severity.chosen >= threshold)
        }
        Some(FailOn::Unknown) => {
            counted(&image.assessment).next().is_some() || image.assessment.coverage.iter().any(is_unjudged)
        }
    });
    if over { Outcome::Findings } else { Outcome::Clean }
}

/// Findings that count: headers, documentation and debug files of a vulnerable source are no way in.
fn counted(assessment: &model::Assessment) -> impl Iterator<Item = &model::Finding> {
    assessment.findings.iter().filter(|finding| !finding.inert)
}

/// Whether a statement says that something could not be judged.
fn is_unjudged(coverage: &model::Coverage) -> bool {
    let empty = matches!(coverage.subject, Subject::PackageType { packages: 0, .. });
    coverage.state != CoverageState::Seen && !empty
}

#[cfg(test)]
mod tests;
