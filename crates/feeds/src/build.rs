//! Builds a database from files.
//!
//! What it is: finds feeds by their names and content, imports each into one segment, stages them, commits once.
//! A feed that cannot be read is reported and left out; the others are built.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use limits::zip::{Archive, ZipLimits};
use model::{Diagnostic, Timestamp};
use vuln::import::{self, Sink, osv};
use vuln::segment::Meta;

use crate::catalogue;
use crate::sources::{self, Kind, SearchError, Source};
use crate::store::{Store, StoreError};

/// Archives of OSV: the largest has 1.4 million records; a record is capped by its importer.
const OSV_ARCHIVE: ZipLimits =
    ZipLimits { entries: 4_000_000, entry_bytes: osv::RECORD.bytes as u64, total_bytes: 64 << 30 };

/// A build that could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The directory of feeds cannot be searched.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// It has no feed.
    #[error("no feed found in {}", dir.display())]
    Empty {
        /// The directory.
        dir: PathBuf,
    },
    /// The database cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a build did.
#[derive(Debug, Default)]
pub struct BuildReport {
    /// Segments, in order.
    pub segments: Vec<SegmentReport>,
    /// Feeds that could not be read, and why.
    pub failed: Vec<(PathBuf, String)>,
    /// Files that are no feed that we know.
    pub unknown: Vec<PathBuf>,
}

/// What became of one feed.
#[derive(Debug)]
pub struct SegmentReport {
    /// Its description.
    pub meta: Meta,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Records read, left out and failed.
    pub counts: (u64, u64, u64),
    /// What the importer said.
    pub diagnostics: Vec<Diagnostic>,
}

/// Builds the database in `out` from the feeds below `from`, in place of what was there.
pub fn build(
    from: &Path,
    out: &Path,
    now: Timestamp,
    progress: &mut dyn FnMut(&str),
) -> Result<BuildReport, BuildError> {
    let (found, unknown) = sources::search(from)?;
    if found.is_empty() {
        return Err(BuildError::Empty { dir: from.to_owned() });
    }
    let mut report = BuildReport { unknown, ..BuildReport::default() };
    let mut store = Store::open(out)?;
    store.clear();
    for group in groups(from, found) {
        progress(&group.name);
        let mut sink = Sink::new();
        for source in &group.sources {
            if let Err(error) = import(source, &group.family, &mut sink) {
                report.failed.push((source.path.clone(), error.to_string()));
            }
        }
        if sink.builder.records() > 0 {
            report.segments.push(stage(&mut store, group, sink, now)?);
        }
    }
    store.commit(now)?;
    Ok(report)
}

/// Files that become one segment.
struct Group {
    name: String,
    feed: &'static str,
    family: String,
    from: PathBuf,
    sources: Vec<Source>,
}

fn groups(from: &Path, found: Vec<Source>) -> Vec<Group> {
    let mut groups: BTreeMap<(String, Kind), Group> = BTreeMap::new();
    for source in found {
        let dir = source.path.parent().unwrap_or(from).to_owned();
        let stem = source.path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let (name, feed, family, from) = match source.kind {
            Kind::OsvArchive | Kind::OsvRecord => {
                let family = family(&dir, &source);
                (format!("osv-{}", family.as_deref().unwrap_or("other")), "osv", family.unwrap_or_default(), dir)
            }
            Kind::Oval => {
                let name = stem.trim_end_matches(".gz").trim_end_matches(".xml").trim_end_matches("-oval");
                (name.replace("cbl-", ""), "oval", String::new(), source.path.clone())
            }
        };
        let group = groups.entry((name.clone(), source.kind)).or_insert(Group {
            name,
            feed,
            family,
            from,
            sources: Vec::new(),
        });
        group.sources.push(source);
    }
    groups.into_values().collect()
}

/// The ecosystem family of OSV files: by the folder's name, else by the first record.
fn family(dir: &Path, source: &Source) -> Option<String> {
    let folder = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let by_folder = vuln::ecosystem::from_osv(&folder).map(|(key, _)| key).or_else(|| match folder.as_str() {
        "rust" => Some("cargo".to_owned()),
        _ => None,
    });
    let family = by_folder.or_else(|| first_family(source))?;
    Some(osv::family_of(&family).to_owned())
}

fn first_family(source: &Source) -> Option<String> {
    match source.kind {
        Kind::OsvArchive => {
            let mut archive = Archive::open(File::open(&source.path).ok()?, OSV_ARCHIVE).ok()?;
            (0..archive.len()).find_map(|index| osv::family(&archive.read(index).ok()?))
        }
        _ => osv::family(
            &limits::read_capped(sources::open(&source.path).ok()?, osv::RECORD.bytes as u64, "record").ok()?,
        ),
    }
}

/// A file that could not be imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Read(#[from] limits::ReadError),
    #[error(transparent)]
    Zip(#[from] limits::zip::ZipError),
    #[error(transparent)]
    Oval(#[from] import::oval::OvalError),
}

fn import(source: &Source, family: &str, sink: &mut Sink) -> Result<(), ImportError> {
    let name = source.path.display().to_string();
    match source.kind {
        Kind::OsvArchive => {
            let mut archive = Archive::open(File::open(&source.path)?, OSV_ARCHIVE)?;
            for index in 0..archive.len() {
                let entry = archive.name(index).unwrap_or_default().into_owned();
                if entry.ends_with(".json") {
                    let bytes = archive.read(index)?;
                    osv::record(&bytes, &format!("{name}:{entry}"), family, sink);
                }
            }
            Ok(())
        }
        Kind::OsvRecord => {
            let bytes = limits::read_capped(sources::open(&source.path)?, osv::RECORD.bytes as u64, &name)?;
            osv::record(&bytes, &name, family, sink);
            Ok(())
        }
        Kind::Oval => Ok(import::oval::file(sources::open(&source.path)?, &name, sink)?),
    }
}

fn stage(store: &mut Store, group: Group, sink: Sink, now: Timestamp) -> Result<SegmentReport, StoreError> {
    let Sink { builder, report } = sink;
    let feed = catalogue::find(&group.name);
    let meta = Meta {
        ecosystems: builder.ecosystems(),
        date: date(&report.latest, now),
        licence: feed.map_or("unknown", |feed| feed.licence).to_owned(),
        attribution: feed.map_or("", |feed| feed.attribution).to_owned(),
        source: feed.map_or_else(|| group.from.display().to_string(), |feed| feed.home.to_owned()),
        feed: group.feed.to_owned(),
        name: group.name,
        ..Meta::default()
    };
    let name = meta.name.clone();
    let (bytes, meta) = builder
        .finish(meta)
        .map_err(|error| StoreError::Write { path: PathBuf::from(name), source: std::io::Error::other(error) })?;
    store.stage(&bytes, meta.clone(), now, "")?;
    Ok(SegmentReport {
        meta,
        size_bytes: bytes.len() as u64,
        counts: (report.read, report.left_out, report.failed),
        diagnostics: report.diagnostics,
    })
}

/// The latest date that the source names; a date in the future is a typing error, then the time of the build.
fn date(latest: &str, now: Timestamp) -> Timestamp {
    let text = match latest.len() {
        10 => format!("{latest}T00:00:00Z"),
        19 => format!("{latest}Z"),
        _ => latest.to_owned(),
    };
    text.parse::<Timestamp>().ok().filter(|date| *date <= now).unwrap_or(now)
}
