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
use crate::download::{self, DownloadError};

/// Largest list. OSV's of npm has 250,000 lines of 50 bytes, Red Hat's 60,000.
pub const LIST_MAX_BYTES: u64 = 256 << 20;
/// More changed records than this are fetched as an archive: a request each would take longer.
pub const RECORDS_MAX: usize = 5_000;
/// Records fetched at once.
const AT_ONCE: usize = 8;
/// Dates further ahead than this are typing errors; they must not hide what changes until then.
const AHEAD_MILLIS: i64 = 86_400_000;

/// A record that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its id, as the segment's advisories have it.
    pub id: String,
    /// Where it lies, from the list's folder.
    pub path: String,
    /// When it changed.
    pub time: Timestamp,
}

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

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{list}, line {line}: {text:?} is not a change: expected {expected}")]
pub struct ListError {
    /// Address of the list.
    pub list: String,
    /// Line, from 1.
    pub line: usize,
    /// Its text, shortened.
    pub text: String,
    /// What was expected.
    pub expected: &'static str,
}

/// The lines of a list that are newer than `since`.
pub fn newer(
    kind: Changes,
    text: &str,
    list: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Changed>, ListError> {
    let mut changed = Vec::new();
    for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
        let read = read(kind, row).ok_or_else(|| ListError {
            list: list.to_owned(),
            line,
            text: row.chars().take(80).collect(),
            expected: match kind {
                Changes::Osv => "TIME,ID",
                Changes::RedHat => "\"YEAR/FILE.json\",\"TIME\"",
            },
        })?;
        if read.time > since && read.time.millis_since(now) <= AHEAD_MILLIS {
            changed.push(read);
        }
    }
    Ok(changed)
}

fn read(kind: Changes, row: &str) -> Option<Changed> {
    let (first, second) = row.trim().split_once(',')?;
    let (first, second) = (first.trim_matches('"'), second.trim_matches('"'));
    let changed = match kind {
        Changes::Osv => Changed { id: second.to_owned(), path: format!("{second}.json"), time: first.parse().ok()? },
        Changes::RedHat => {
            let stem = first.rsplit('/').next()?.strip_suffix(".json")?;
            Changed { id: stem.to_uppercase(), path: first.to_owned(), time: second.parse().ok()? }
        }
    };
    is_plain(&changed.path).then_some(changed)
}

/// Whether a path leads down into the list's folder and nowhere else.
fn is_plain(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn check(kind: Changes, text: &str, expected: &[(&str, &str)]) {
        let (since, now) = (time("2026-11-01T00:00:00Z"), time("2026-11-24T00:00:00Z"));
        let changed = newer(kind, text, "list", since, now).unwrap();
        let got: Vec<_> = changed.iter().map(|change| (change.id.as_str(), change.path.as_str())).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn only_what_is_newer_counts() {
        check(
            Changes::Osv,
            "2026-11-20T10:00:00.5Z,GHSA-a\n2026-10-31T00:00:00Z,GHSA-b\n2062-01-01T00:00:00Z,GHSA-typo\n\n",
            &[("GHSA-a", "GHSA-a.json")],
        );
        check(
            Changes::RedHat,
            "\"2024/cve-2024-0001.json\",\"2026-11-18T14:28:08+00:00\"\n\"2023/cve-2023-1.json\",\"2025-02-14T14:27:54+00:00\"\n",
            &[("CVE-2024-0001", "2024/cve-2024-0001.json")],
        );
    }

    #[test]
    fn a_line_that_is_no_change_is_named() {
        for (kind, text) in [
            (Changes::Osv, "2026-11-20T10:00:00Z,A\nhello\n"),
            (Changes::Osv, "2026-11-20T10:00:00Z,A\nyesterday,B\n"),
            (Changes::RedHat, "\"a.json\",\"2026-11-20T10:00:00Z\"\n\"../../etc/x.json\",\"2026-11-20T10:00:00Z\"\n"),
            (Changes::Osv, "2026-11-20T10:00:00Z,A\n2026-11-20T10:00:00Z,.ssh/a\n"),
        ] {
            let error =
                newer(kind, text, "list", time("2026-01-01T00:00:00Z"), time("2026-11-24T00:00:00Z")).unwrap_err();
            assert!(error.to_string().starts_with("list, line 2: "), "{error}");
        }
    }
}
