//! Brings a database up to date, feed by feed.
//!
//! Two steps, so that the network part is asynchronous and the import is not: [`fetch`] downloads what changed,
//! [`apply`] imports it. A feed that fails, in either step, keeps its old segment and says so in the manifest; the
//! others are updated. The manifest changes once, at the end; a download that broke off goes on the next time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use model::Timestamp;

use crate::addresses::Address;
use crate::build::{self, BuildError, SegmentReport};
use crate::download::{self, DownloadError, Fetched};
use crate::group::{Group, groups};
use crate::manifest::Manifest;
use crate::sources;
use crate::store::{Store, StoreError};

/// Folder of downloads inside the database's directory.
const DOWNLOADS: &str = ".downloads";
/// Longest first line of a file that names another.
const NAME_MAX_BYTES: u64 = 4096;

/// What was fetched.
#[derive(Debug, Default)]
pub struct Downloads {
    /// Folder with the files, by their paths in a mirror.
    dir: PathBuf,
    /// Segments of which something is new, with the versions of their files.
    changed: BTreeMap<String, String>,
    /// Segments of which nothing is new.
    pub unchanged: BTreeSet<String>,
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
    /// Segments that keep their old state, and why.
    pub failed: BTreeMap<String, String>,
}

/// Fetches the files of `addresses` that changed since the database in `dir` was updated. `mirror` is the address of a
/// mirror that has them by their paths; without it they come from their publishers.
pub async fn fetch(
    dir: &Path,
    addresses: &[Address],
    mirror: Option<&str>,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<Downloads, DownloadError> {
    let client = download::client()?;
    let known = Manifest::read(dir).unwrap_or_default();
    let mut downloads = Downloads { dir: dir.join(DOWNLOADS), ..Downloads::default() };
    let mut feeds: BTreeMap<&str, Vec<&Address>> = BTreeMap::new();
    for address in addresses {
        feeds.entry(&address.segment).or_default().push(address);
    }
    for (segment, files) in feeds {
        progress(segment);
        let versions = known.get(segment).map(|entry| entry.etag.as_str()).unwrap_or_default();
        match feed(&client, &downloads.dir, &files, mirror, versions).await {
            Ok(Some(versions)) => {
                downloads.changed.insert(segment.to_owned(), versions);
            }
            Ok(None) => {
                downloads.unchanged.insert(segment.to_owned());
            }
            Err(error) => {
                downloads.failed.insert(segment.to_owned(), chain(&error));
            }
        }
    }
    Ok(downloads)
}

/// Fetches the files of one feed. `None` when all are unchanged. A feed of several files is fetched whole as soon as
/// one of them changed, since its segment is built from all of them.
async fn feed(
    client: &reqwest::Client,
    dir: &Path,
    files: &[&Address],
    mirror: Option<&str>,
    versions: &str,
) -> Result<Option<String>, DownloadError> {
    let known: BTreeMap<&str, &str> = versions.lines().filter_map(|line| line.split_once('\t')).collect();
    let mut fresh: BTreeMap<String, String> = BTreeMap::new();
    let mut unchanged: Vec<&Address> = Vec::new();
    for file in files {
        let version = known.get(file.path.as_str()).copied().unwrap_or_default();
        match one(client, dir, file, mirror, version).await? {
            Fetched::New(etag) => {
                fresh.insert(file.path.clone(), etag);
            }
            Fetched::Unchanged => unchanged.push(file),
        }
    }
    if fresh.is_empty() {
        return Ok(None);
    }
    for file in unchanged {
        if let Fetched::New(etag) = one(client, dir, file, mirror, "").await? {
            fresh.insert(file.path.clone(), etag);
        }
    }
    Ok(Some(fresh.into_iter().map(|(path, etag)| format!("{path}\t{etag}")).collect::<Vec<_>>().join("\n")))
}

async fn one(
    client: &reqwest::Client,
    dir: &Path,
    file: &Address,
    mirror: Option<&str>,
    version: &str,
) -> Result<Fetched, DownloadError> {
    let target = dir.join(&file.path);
    let write = |source| DownloadError::Write { path: target.clone(), source };
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(write)?;
    }
    let url = match mirror {
        Some(base) => format!("{}/{}", base.trim_end_matches('/'), file.path.replace(' ', "%20")),
        None => file.url.clone(),
    };
    if !file.indirect {
        return download::fetch(client, &url, &target, version).await;
    }
    // The index itself is always fetched: it is small and names the file whose version counts.
    download::fetch(client, &url, &target, "").await?;
    let text = limits::read_text(&target, NAME_MAX_BYTES).map_err(|error| write(std::io::Error::other(error)))?;
    let name = text.lines().next().unwrap_or("").trim();
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !plain || name.starts_with('.') {
        return Err(write(std::io::Error::other(format!("{url} names {name:?}, which is not a plain file name"))));
    }
    let folder = url.rsplit_once('/').map_or(url.as_str(), |(folder, _)| folder);
    // The name carries the date, so an equal name is an equal file even without an entity tag.
    if version == name {
        return Ok(Fetched::Unchanged);
    }
    download::fetch(client, &format!("{folder}/{name}"), &target.with_file_name(name), "").await?;
    Ok(Fetched::New(name.to_owned()))
}

/// Imports what was fetched and removes the downloads of feeds that went well.
pub fn apply(
    dir: &Path,
    downloads: Downloads,
    now: Timestamp,
    progress: &mut dyn FnMut(&str),
) -> Result<UpdateReport, BuildError> {
    let mut store = Store::open(dir)?;
    let mut report = UpdateReport {
        unchanged: downloads.unchanged.iter().cloned().collect(),
        failed: downloads.failed,
        ..UpdateReport::default()
    };
    if downloads.dir.exists() {
        let (found, _) = sources::search(&downloads.dir)?;
        for group in groups(&downloads.dir, found) {
            if let Some(versions) = downloads.changed.get(&group.name) {
                progress(&group.name);
                import(&mut store, group, versions, now, &mut report)?;
            }
        }
    }
    for name in downloads.changed.keys() {
        let known = report.updated.iter().any(|segment| segment.meta.name == *name) || report.failed.contains_key(name);
        if !known {
            report.failed.insert(name.clone(), "what was fetched is no feed that is known".into());
        }
    }
    finish(store, &report, now)?;
    // A folder that stays only costs space.
    drop(fs::remove_dir_all(&downloads.dir));
    Ok(report)
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
        import(&mut store, group, "", now, &mut report)?;
    }
    finish(store, &report, now)?;
    Ok(report)
}

/// One feed. It is replaced only when every file of it could be read.
fn import(
    store: &mut Store,
    group: Group,
    versions: &str,
    now: Timestamp,
    report: &mut UpdateReport,
) -> Result<(), StoreError> {
    let name = group.name.clone();
    let (sink, failed) = build::read(&group);
    if let Some((path, reason)) = failed.first() {
        report.failed.insert(name, format!("{}: {reason}", path.display()));
    } else if sink.builder.records() == 0 {
        report.failed.insert(name, "no usable record".into());
    } else {
        report.updated.push(build::stage(store, group, sink, now, versions)?);
    }
    Ok(())
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
