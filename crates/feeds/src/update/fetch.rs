//! The network part of an update: which files and records are new, fetched beside the database.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use model::Timestamp;
use reqwest::StatusCode;

use super::{CHANGES, DOWNLOADS, Downloads, chain, months, repository};
use crate::addresses::{Address, Role};
use crate::delta::{self, Delta, Place};
use crate::download::{self, DownloadError, Fetched};
use crate::manifest::{Entry, Manifest};

/// Longest first line of a file that names another.
const NAME_MAX_BYTES: u64 = 4096;

/// Fetches the files of `addresses` that changed since the database in `dir` was updated. `mirror` is the address of a
/// mirror that has them by their paths; without it they come from their publishers.
pub async fn fetch(
    dir: &Path,
    addresses: &[Address],
    mirror: Option<&str>,
    now: Timestamp,
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
        let (lists, files): (Vec<&Address>, Vec<&Address>) =
            files.into_iter().partition(|file| matches!(file.role, Role::Changes(_)));
        let entry = known.get(segment).filter(|_| !lists.is_empty());
        let fetcher = Fetcher { client: &client, dir, mirror, now };
        let news = match (entry, files.as_slice()) {
            (Some(entry), _) => fetcher.news(entry, &lists, &files).await,
            (None, [list]) if list.role == Role::Months => fetcher.months(list, known.get(segment)).await,
            (None, files) => fetcher.feed(files, known.get(segment)).await,
        };
        match news {
            Err(DownloadError::Status { status: StatusCode::NOT_FOUND, .. })
                if mirror.is_some() && known.get(segment).is_none() =>
            {
                downloads.absent.insert(segment.to_owned());
            }
            news => downloads.sort_in(segment, news),
        }
    }
    Ok(downloads)
}

impl Downloads {
    fn sort_in(&mut self, segment: &str, news: Result<News, DownloadError>) {
        let segment = segment.to_owned();
        match news {
            Ok(News::None) => drop(self.unchanged.insert(segment)),
            Ok(News::Files(versions)) => drop(self.changed.insert(segment, versions)),
            Ok(News::Parts(versions)) => {
                self.parts.insert(segment.clone());
                self.changed.insert(segment, versions);
            }
            Ok(News::Records(deltas, versions)) => drop(self.deltas.insert(segment, (deltas, versions))),
            Err(error) => drop(self.failed.insert(segment, chain(&error))),
        }
    }
}

/// What is new of a feed.
enum News {
    None,
    /// Its files, with their versions.
    Files(String),
    /// Some of its files, which take the place of what the segment has; the versions of all.
    Parts(String),
    /// Some records, with the versions to remember.
    Records(Vec<Delta>, String),
}

/// Where things are fetched from and to.
struct Fetcher<'f> {
    client: &'f reqwest::Client,
    dir: &'f Path,
    mirror: Option<&'f str>,
    now: Timestamp,
}

impl Fetcher<'_> {
    /// What changed of a feed that is there: records, or, when too many changed, its files.
    async fn news(&self, entry: &Entry, lists: &[&Address], files: &[&Address]) -> Result<News, DownloadError> {
        if let Some(news) = self.records(entry, lists, delta::RECORDS_MAX).await? {
            return Ok(news);
        }
        match self.feed(files, Some(entry)).await? {
            // The archive is still the one that we have: then all the records, however many.
            News::None => Ok(self.records(entry, lists, usize::MAX).await?.unwrap_or(News::None)),
            news => Ok(news),
        }
    }

    async fn records(&self, entry: &Entry, lists: &[&Address], limit: usize) -> Result<Option<News>, DownloadError> {
        let versions = versions(entry);
        let mut deltas = Vec::new();
        let mut kept: BTreeMap<&str, String> =
            versions.iter().map(|(path, version)| (*path, (*version).to_owned())).collect();
        for list in lists {
            let Role::Changes(kind) = list.role else { continue };
            let folder = list.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let dir = self.dir.join(CHANGES).join(&list.segment).join(folder);
            let since = since(entry, &versions, &list.path);
            let place = Place { kind, url: self.url(list), dir: &dir, since, now: self.now, limit };
            let Some(delta) = delta::fetch(self.client, &place).await? else { return Ok(None) };
            kept.insert(&list.path, delta.newest.to_string());
            deltas.push(delta);
        }
        let none = deltas.iter().all(|delta| delta.files.is_empty() && delta.gone.is_empty());
        Ok(Some(if none { News::None } else { News::Records(deltas, lines(kept)) }))
    }

    /// Fetches the files of one feed. A feed of several files is fetched whole as soon as one of them changed, since
    /// its segment is built from all of them.
    async fn feed(&self, files: &[&Address], entry: Option<&Entry>) -> Result<News, DownloadError> {
        let known = entry.map(versions).unwrap_or_default();
        let mut fresh: BTreeMap<&str, String> = BTreeMap::new();
        let mut unchanged: Vec<&Address> = Vec::new();
        for file in files {
            let version = known.get(file.path.as_str()).copied().unwrap_or_default();
            match self.one(file, version).await? {
                Fetched::New(etag) => drop(fresh.insert(&file.path, etag)),
                Fetched::Unchanged => unchanged.push(file),
                Fetched::Missing => {}
            }
        }
        if fresh.is_empty() && (entry.is_some() || !unchanged.is_empty()) {
            return Ok(News::None);
        }
        if let Some(entry) = entry.filter(|_| files.iter().all(|file| file.role == Role::Part)) {
            let mut all: BTreeMap<&str, String> =
                versions(entry).into_iter().map(|(path, version)| (path, version.to_owned())).collect();
            all.extend(fresh);
            return Ok(News::Parts(lines(all)));
        }
        for file in unchanged {
            if let Fetched::New(etag) = self.one(file, "").await? {
                fresh.insert(&file.path, etag);
            }
        }
        Ok(News::Files(lines(fresh)))
    }

    /// The months that are new or were revised. A segment that is there keeps the others.
    async fn months(&self, list: &Address, entry: Option<&Entry>) -> Result<News, DownloadError> {
        let known = entry.map(versions).unwrap_or_default();
        let folder = if known.is_empty() { DOWNLOADS } else { CHANGES };
        let (url, dir) = (self.url(list), self.dir.join(folder).join(&list.segment));
        let place = months::Place { url: &url, path: &list.path, mirror: self.mirror.is_some(), dir: &dir };
        let fetched = months::fetch(self.client, &place, &known).await?;
        let versions = lines(fetched.versions.iter().map(|(path, version)| (path.as_str(), version.clone())).collect());
        Ok(match (fetched.files.is_empty(), known.is_empty()) {
            (true, false) => News::None,
            (_, true) => News::Files(versions),
            (false, false) => {
                // Which records they have is in them.
                let files = fetched.files.into_iter().map(|file| (file, String::new())).collect();
                News::Records(vec![Delta { files, ..Delta::default() }], versions)
            }
        })
    }

    fn url(&self, file: &Address) -> String {
        match self.mirror {
            Some(base) => format!("{}/{}", base.trim_end_matches('/'), file.path.replace(' ', "%20")),
            None => file.url.clone(),
        }
    }

    async fn one(&self, file: &Address, version: &str) -> Result<Fetched, DownloadError> {
        let target = self.dir.join(DOWNLOADS).join(&file.path);
        let write = |source| DownloadError::Write { path: target.clone(), source };
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(write)?;
        }
        let url = self.url(file);
        let fetched = match file.role {
            Role::Names => return self.named(&url, &target, version).await,
            Role::Feed | Role::Months | Role::Changes(_) => {
                return download::fetch(self.client, &url, &target, version).await;
            }
            Role::Repository if self.mirror.is_none() => repository::fetch(self.client, &url, &target, version).await,
            Role::Repository | Role::Optional | Role::Part => {
                download::fetch(self.client, &url, &target, version).await
            }
        };
        match fetched {
            Err(DownloadError::Status { status: StatusCode::NOT_FOUND, .. }) => Ok(Fetched::Missing),
            other => other,
        }
    }

    /// The file that another names.
    async fn named(&self, url: &str, target: &Path, version: &str) -> Result<Fetched, DownloadError> {
        let write = |source| DownloadError::Write { path: target.to_owned(), source };
        // The index itself is always fetched: it is small and names the file whose version counts.
        download::fetch(self.client, url, target, "").await?;
        let text = limits::read_text(target, NAME_MAX_BYTES).map_err(|error| write(std::io::Error::other(error)))?;
        let name = plain_name(&text).map_err(|name| {
            write(std::io::Error::other(format!("{url} names {name:?}, which is not a plain file name")))
        })?;
        let folder = url.rsplit_once('/').map_or(url, |(folder, _)| folder);
        // The name carries the date, so an equal name is an equal file even without an entity tag.
        if version == name {
            return Ok(Fetched::Unchanged);
        }
        download::fetch(self.client, &format!("{folder}/{name}"), &target.with_file_name(name), "").await?;
        Ok(Fetched::New(name.to_owned()))
    }
}

/// The name in a file that names another; what stands there instead when it is none of a plain file.
pub fn plain_name(text: &str) -> Result<&str, &str> {
    let name = text.lines().next().unwrap_or("").trim();
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if plain && !name.starts_with('.') { Ok(name) } else { Err(name) }
}

/// Versions of a segment's files, by path in a mirror.
fn versions(entry: &Entry) -> BTreeMap<&str, &str> {
    entry.etag.lines().filter_map(|line| line.split_once('\t')).collect()
}

fn lines(versions: BTreeMap<&str, String>) -> String {
    versions.into_iter().map(|(path, version)| format!("{path}\t{version}")).collect::<Vec<_>>().join("\n")
}

/// Since when a segment lacks changes: the newest change that was applied, the date in the name of the archive that it
/// was built from, or that of its newest record.
fn since(entry: &Entry, versions: &BTreeMap<&str, &str>, list: &str) -> Timestamp {
    let applied = versions.get(list).and_then(|time| time.parse().ok());
    let named = || versions.values().find_map(|name| day_in(name));
    applied.or_else(named).unwrap_or(entry.meta.date)
}

/// `csaf_vex_2026-11-20.tar.zst` is of that day.
pub fn day_in(name: &str) -> Option<Timestamp> {
    let starts = (0..name.len()).filter(|at| name.get(*at..).is_some_and(|rest| rest.starts_with("20")));
    starts.filter_map(|at| name.get(at..at + 10)).find_map(|day| format!("{day}T00:00:00Z").parse().ok())
}
