//! What changed since: records instead of archives.
//!
//! What it is: publishers' lists of changes read, the records that are newer than the segment fetched beside it.
//! `update` then makes a new segment from the old one and these. What it is not: a way to begin; a feed that is not
//! there yet, or of which too much changed, is fetched whole.
//!
//! Sources: OSV's documentation of `modified_id.csv`, Red Hat's of `changes.csv` and `deletions.csv`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use model::Timestamp;
use reqwest::{Client, StatusCode};

use crate::addresses::Changes;
use crate::changes::{Changed, newer};
use crate::download::{self, DownloadError};

/// Largest list. OSV's of npm has 250,000 lines of 50 bytes, Red Hat's 60,000.
pub const LIST_MAX_BYTES: u64 = 256 << 20;
/// More changed records than this are fetched as an archive: a request each would take longer.
pub const RECORDS_MAX: usize = 5_000;
/// Records fetched at once.
const AT_ONCE: usize = 8;

/// What became of the records of one list.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    /// Files that were fetched, and the ids of their records.
    pub files: BTreeMap<PathBuf, String>,
    /// Ids that are gone.
    pub gone: BTreeSet<String>,
    /// The newest change.
    pub newest: Timestamp,
}

/// Where a list and its records are.
#[derive(Debug)]
pub(crate) struct Place<'p> {
    /// Form of the list.
    pub kind: Changes,
    /// Address of the list.
    pub url: String,
    /// Folder for what is fetched.
    pub dir: &'p Path,
    /// What is older is known.
    pub since: Timestamp,
    /// The clock: dates in the future are no dates.
    pub now: Timestamp,
    /// Most records to fetch one by one.
    pub limit: usize,
}

/// Fetches a list and the records that are newer than the segment. `None`: too many, or no list there.
pub(crate) async fn fetch(client: &Client, place: &Place<'_>) -> Result<Option<Delta>, DownloadError> {
    let folder = place.url.rsplit_once('/').map_or(place.url.as_str(), |(folder, _)| folder);
    let Some(text) = list(client, &place.url, &place.dir.join("changes")).await? else { return Ok(None) };
    let changed = newer(place.kind, &text, &place.url, place.since, place.now)?;
    if changed.len() > place.limit {
        return Ok(None);
    }
    let mut delta = Delta { newest: place.since, ..Delta::default() };
    for change in &changed {
        delta.newest = delta.newest.max(change.time);
    }
    if place.kind == Changes::RedHat {
        let url = format!("{folder}/deletions.csv");
        let text = list(client, &url, &place.dir.join("deletions")).await?.unwrap_or_default();
        let gone = newer(place.kind, &text, &url, place.since, place.now)?;
        delta.gone.extend(gone.into_iter().map(|change| change.id));
    }
    let fetched: Vec<(String, Option<PathBuf>)> = stream::iter(changed)
        .map(|change| async move { record(client, folder, place.dir, change).await })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for (id, file) in fetched {
        match file {
            Some(file) => drop(delta.files.insert(file, id)),
            None => drop(delta.gone.insert(id)),
        }
    }
    Ok(Some(delta))
}

/// One record; no file when the publisher has it no longer. What an interrupted update fetched is not fetched again.
async fn record(
    client: &Client,
    folder: &str,
    dir: &Path,
    change: Changed,
) -> Result<(String, Option<PathBuf>), DownloadError> {
    let path = dir.join(format!("{}@{}", change.path, change.time.as_nanos()));
    if path.exists() {
        return Ok((change.id, Some(path)));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|source| DownloadError::Write { path: path.clone(), source })?;
    }
    match download::fetch(client, &format!("{folder}/{}", change.path), &path, "").await {
        Ok(_) => Ok((change.id, Some(path))),
        Err(DownloadError::Status { status: StatusCode::NOT_FOUND, .. }) => Ok((change.id, None)),
        Err(error) => Err(error),
    }
}

/// A list's text; none when the server has none.
async fn list(client: &Client, url: &str, path: &Path) -> Result<Option<String>, DownloadError> {
    let write = |source| DownloadError::Write { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(write)?;
    }
    match download::fetch(client, url, path, "").await {
        Ok(_) => {}
        Err(DownloadError::Status { status: StatusCode::NOT_FOUND, .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    limits::read_text(path, LIST_MAX_BYTES).map(Some).map_err(|error| write(std::io::Error::other(error)))
}
