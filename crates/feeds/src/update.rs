//! Brings a database up to date, feed by feed.
//!
//! Two steps, so that the network part is asynchronous and the import is not: [`fetch`] downloads what changed,
//! [`apply`] imports it. Where the publisher lists what changed, only those records are fetched and put into the old
//! segment ([`crate::delta`]). A feed that fails, in either step, keeps its old segment and says so in the manifest; the
//! others are updated. The manifest changes once, at the end; a download that broke off goes on the next time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use model::Timestamp;
use vuln::import::Sink;

use crate::build::{self, BuildError, SegmentReport};
use crate::database::Database;
use crate::delta::Delta;
use crate::group::{Group, groups};
use crate::import;
use crate::sources::{self, Kind, Source};
use crate::store::{Store, StoreError};

pub(crate) mod fetch;
pub(crate) mod months;
pub(crate) mod repository;

pub use fetch::fetch;

/// Folder of downloads inside the database's directory.
const DOWNLOADS: &str = ".downloads";
/// Folder of changed records inside the database's directory: a folder per segment.
const CHANGES: &str = ".changes";
/// What was fetched.
#[derive(Debug, Default)]
pub struct Downloads {
    /// Folder with the files, by their paths in a mirror.
    dir: PathBuf,
    /// Segments of which something is new, with the versions of their files.
    changed: BTreeMap<String, String>,
    /// Those of them of which only some files were fetched.
    parts: BTreeSet<String>,
    /// Segments of which only some records are new, with these and the versions.
    deltas: BTreeMap<String, (Vec<Delta>, String)>,
    /// Segments of which nothing is new.
    pub unchanged: BTreeSet<String>,
    /// Segments that are not there yet and that the mirror does not have.
    pub absent: BTreeSet<String>,
    /// Segments that could not be fetched, and why.
    pub failed: BTreeMap<String, String>,
}

/// What became of an update.
#[derive(Debug, Default)]
pub struct UpdateReport {
    /// Segments that are new.
    pub updated: Vec<SegmentReport>,
    /// Segments that are up to date.
    pub unchanged: Vec<String>,
    /// Segments that are not there yet and that the mirror does not have.
    pub absent: Vec<String>,
    /// Segments that keep their old state, and why.
    pub failed: BTreeMap<String, String>,
}

/// Imports what was fetched. The downloads are removed when all went well; otherwise the next update goes on with them.
pub fn apply(
    dir: &Path,
    downloads: Downloads,
    now: Timestamp,
    progress: &mut dyn FnMut(&str),
) -> Result<UpdateReport, BuildError> {
    let mut store = Store::open(dir)?;
    let mut report = UpdateReport {
        unchanged: downloads.unchanged.iter().cloned().collect(),
        absent: downloads.absent.iter().cloned().collect(),
        failed: downloads.failed,
        ..UpdateReport::default()
    };
    if downloads.dir.exists() {
        let (found, _) = sources::search(&downloads.dir)?;
        for group in groups(&downloads.dir, found) {
            if let Some(versions) = downloads.changed.get(&group.name) {
                progress(&group.name);
                let old = downloads.parts.contains(&group.name).then_some(dir);
                import(&mut store, group, versions, old, now, &mut report)?;
            }
        }
    }
    for (name, (deltas, versions)) in &downloads.deltas {
        progress(name);
        if let Err(reason) = merge(&mut store, dir, name, deltas, versions, now, &mut report)? {
            report.failed.insert(name.clone(), reason);
        }
    }
    for name in downloads.changed.keys() {
        let known = report.updated.iter().any(|segment| segment.meta.name == *name) || report.failed.contains_key(name);
        if !known {
            report.failed.insert(name.clone(), "what was fetched is no feed that is known".into());
        }
    }
    finish(store, &report, now)?;
    if report.failed.is_empty() {
        // A folder that stays only costs space.
        drop(fs::remove_dir_all(&downloads.dir));
        drop(fs::remove_dir_all(dir.join(CHANGES)));
    }
    Ok(report)
}

/// A new segment from the old one and what changed. `Err` says why not; the old one then stays.
fn merge(
    store: &mut Store,
    dir: &Path,
    name: &str,
    deltas: &[Delta],
    versions: &str,
    now: Timestamp,
    report: &mut UpdateReport,
) -> Result<Result<(), String>, StoreError> {
    let Some(old) = store.manifest().get(name).cloned() else { return Ok(Err("the segment is gone".into())) };
    let (kind, feed) = match old.meta.feed.as_str() {
        "csaf" => (Kind::Csaf, "csaf"),
        "cvrf" => (Kind::Cvrf, "cvrf"),
        _ => (Kind::OsvRecord, "osv"),
    };
    let family = name.strip_prefix("osv-").unwrap_or_default().to_owned();
    let (mut sink, mut replaced) = (Sink::new(), BTreeSet::new());
    for (path, id) in deltas.iter().flat_map(|delta| &delta.files) {
        let failed = sink.report.failed;
        let source = Source { kind, path: path.clone() };
        if let Err(error) = import::import(&source, &family, &mut sink) {
            return Ok(Err(format!("{}: {error}", path.display())));
        }
        // What cannot be read leaves the old record in place.
        if sink.report.failed == failed {
            match import::ids(&source) {
                Some(ids) => replaced.extend(ids),
                None => drop(replaced.insert(id.clone())),
            }
        }
    }
    replaced.extend(deltas.iter().flat_map(|delta| delta.gone.iter().cloned()));
    if let Err(reason) = keep(dir, name, &mut sink, &replaced) {
        return Ok(Err(reason));
    }
    let group = Group { name: name.to_owned(), feed, family, from: dir.to_owned(), sources: Vec::new() };
    report.updated.push(build::stage(store, group, sink, now, versions)?);
    Ok(Ok(()))
}

/// Updates the feeds that a directory has, and leaves the others as they are.
pub fn from_directory(
    dir: &Path,
    from: &Path,
    only: &BTreeSet<String>,
    now: Timestamp,
    progress: &mut dyn FnMut(&str),
) -> Result<UpdateReport, BuildError> {
    let (found, _) = sources::search(from)?;
    let groups: Vec<Group> =
        groups(from, found).into_iter().filter(|group| only.is_empty() || only.contains(&group.name)).collect();
    if groups.is_empty() {
        return Err(BuildError::Empty { dir: from.to_owned() });
    }
    let mut store = Store::open(dir)?;
    let mut report = UpdateReport::default();
    for group in groups {
        progress(&group.name);
        import(&mut store, group, "", None, now, &mut report)?;
    }
    finish(store, &report, now)?;
    Ok(report)
}

/// One feed. It is replaced only when every file of it could be read. With the directory of the old database, what
/// its segment has besides stays.
fn import(
    store: &mut Store,
    group: Group,
    versions: &str,
    old: Option<&Path>,
    now: Timestamp,
    report: &mut UpdateReport,
) -> Result<(), StoreError> {
    let name = group.name.clone();
    let (mut sink, failed) = build::read(&group);
    if let Some((path, reason)) = failed.first() {
        report.failed.insert(name, format!("{}: {reason}", path.display()));
    } else if sink.builder.records() == 0 {
        report.failed.insert(name, build::unusable(&sink));
    } else if let Some(Err(reason)) = old.map(|dir| keep(dir, &name, &mut sink, &BTreeSet::new())) {
        report.failed.insert(name, reason);
    } else {
        report.updated.push(build::stage(store, group, sink, now, versions)?);
    }
    Ok(())
}

/// Takes over what the old segment has, except what was replaced.
fn keep(dir: &Path, name: &str, sink: &mut Sink, replaced: &BTreeSet<String>) -> Result<(), String> {
    let database = Database::open(dir).map_err(|error| chain(&error))?;
    let segment = database.segment_named(name).map_err(|error| chain(&error))?;
    sink.report.date(&segment.meta().date.to_string());
    sink.builder.keep(&segment, &|id| replaced.contains(id)).map_err(|error| chain(&error))
}

fn finish(mut store: Store, report: &UpdateReport, now: Timestamp) -> Result<(), StoreError> {
    for entry in &mut store.manifest_mut().segments {
        if let Some(reason) = report.failed.get(&entry.meta.name) {
            reason.clone_into(&mut entry.failed);
        } else if report.unchanged.contains(&entry.meta.name) {
            entry.failed.clear();
        }
    }
    store.commit(now)?;
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
