//! Builds a database from files.
//!
//! What it is: finds feeds by their names and content, imports each into one segment, stages them, commits once.
//! A feed that cannot be read is reported and left out; the others are built.

use std::path::{Path, PathBuf};

use model::{Diagnostic, Timestamp};
use vuln::import::Sink;
use vuln::segment::Meta;

use crate::catalogue;
use crate::group::{Group, groups};
use crate::import::import;
use crate::sources::{self, SearchError};
use crate::store::{Store, StoreError};

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
        let (sink, mut failed) = read(&group);
        let unread = !failed.is_empty();
        report.failed.append(&mut failed);
        if sink.builder.records() > 0 {
            report.segments.push(stage(&mut store, group, sink, now, "")?);
        } else if !unread {
            report.failed.push((group.from, format!("{}: {}", group.name, unusable(&sink))));
        }
    }
    store.commit(now)?;
    Ok(report)
}

/// Reads the files of a feed; those that could not be read are returned with the reason.
pub(crate) fn read(group: &Group) -> (Sink, Vec<(PathBuf, String)>) {
    let (mut sink, mut failed) = (Sink::new(), Vec::new());
    for source in &group.sources {
        if let Err(error) = import(source, &group.family, &mut sink) {
            failed.push((source.path.clone(), error.to_string()));
        }
    }
    (sink, failed)
}

/// Why nothing of a feed could be used: what its importer said first.
pub(crate) fn unusable(sink: &Sink) -> String {
    match sink.report.diagnostics.first() {
        Some(first) => {
            let position = first.span.start.map(|at| format!(", line {}, column {}", at.line, at.column));
            format!("no usable record: {}{}: {}", first.span.source, position.unwrap_or_default(), first.message)
        }
        None => "no usable record: is this the whole file, as its publisher has it?".to_owned(),
    }
}

/// Writes the segment of a feed. `versions` is what its servers said of its files.
pub(crate) fn stage(
    store: &mut Store,
    group: Group,
    sink: Sink,
    now: Timestamp,
    versions: &str,
) -> Result<SegmentReport, StoreError> {
    let Sink { builder, report } = sink;
    let feed = catalogue::find(&group.name);
    let meta = Meta {
        ecosystems: builder.ecosystems(),
        date: date(&report.latest, &group, now),
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
    store.stage(&bytes, meta.clone(), now, versions)?;
    Ok(SegmentReport {
        meta,
        size_bytes: bytes.len() as u64,
        counts: (report.read, report.left_out, report.failed),
        diagnostics: report.diagnostics,
    })
}

/// The latest date that the source names. Where it names none, or one in the future, which is a typing error, the files
/// cannot be younger than their own time of change.
fn date(latest: &str, group: &Group, now: Timestamp) -> Timestamp {
    let zone = latest.ends_with('Z') || latest.get(19..).is_some_and(|rest| rest.contains(['+', '-']));
    let text = match latest.len() {
        10 => format!("{latest}T00:00:00Z"),
        _ if zone => latest.to_owned(),
        _ => format!("{latest}Z"),
    };
    let changed = || group.sources.iter().filter_map(|source| changed(&source.path)).max();
    text.parse::<Timestamp>().ok().filter(|date| *date <= now).or_else(changed).map_or(now, |date| date.min(now))
}

fn changed(path: &std::path::Path) -> Option<Timestamp> {
    let time = path.metadata().ok()?.modified().ok()?;
    let seconds = time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    Some(Timestamp::from_seconds(i64::try_from(seconds).ok()?))
}
