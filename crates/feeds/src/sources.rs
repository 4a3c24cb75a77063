//! What lies in a directory of feeds, and how each file is read.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};

use limits::inflate::{Caps, Inflater};

/// Deepest nesting of directories that is searched. Mirrors of feeds are at most five deep.
pub const MAX_DEPTH: usize = 12;
/// Most files that are looked at. A CSAF tree unpacked has 60,000.
pub const MAX_FILES: usize = 500_000;
/// What a feed's file may inflate to: SUSE's OVAL is 1.5 GB plain.
pub(crate) const FEED: Caps = Caps { plain_bytes: 8 << 30, ratio: 1_000, ratio_free_bytes: 64 << 20 };
/// Bytes of a file's start that tell its format.
const HEAD_BYTES: u64 = 4096;

/// A file of a feed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    /// How it is read.
    pub kind: Kind,
    /// Where it is.
    pub path: PathBuf,
}

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A zip archive of OSV records.
    OsvArchive,
    /// One OSV record.
    OsvRecord,
    /// OVAL definitions.
    Oval,
}

/// A directory that cannot be searched.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// It cannot be read.
    #[error("reading {}", path.display())]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is too much.
    #[error("{}", path.display())]
    Limit {
        /// The directory.
        path: PathBuf,
        /// The limit.
        #[source]
        source: limits::LimitExceeded,
    },
}

/// Finds the feeds below a directory, in the order of their paths, and lists what was not recognised.
pub(crate) fn search(dir: &Path) -> Result<(Vec<Source>, Vec<PathBuf>), SearchError> {
    let mut files = Vec::new();
    collect(dir, 0, &mut files)?;
    files.sort();
    let (mut sources, mut unknown) = (Vec::new(), Vec::new());
    for path in files {
        match recognise(&path).map_err(|source| SearchError::Read { path: path.clone(), source })? {
            Some(kind) => sources.push(Source { kind, path }),
            None => unknown.push(path),
        }
    }
    Ok((sources, unknown))
}

fn collect(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), SearchError> {
    let limit = |what: &str, limit: usize| SearchError::Limit {
        path: dir.to_owned(),
        source: limits::LimitExceeded { what: what.to_owned(), limit: limit as u64 },
    };
    if depth > MAX_DEPTH {
        return Err(limit("levels of directories", MAX_DEPTH));
    }
    let read = |source| SearchError::Read { path: dir.to_owned(), source };
    for entry in fs::read_dir(dir).map_err(read)? {
        let entry = entry.map_err(read)?;
        // Links are not followed: a mirror has none, and one that leads up would not end.
        let kind = entry.file_type().map_err(read)?;
        if kind.is_dir() {
            collect(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
        if files.len() > MAX_FILES {
            return Err(limit("files", MAX_FILES));
        }
    }
    Ok(())
}

/// The format by the file's name and first bytes.
fn recognise(path: &Path) -> io::Result<Option<Kind>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name.ends_with(".zip") {
        return Ok(Some(Kind::OsvArchive));
    }
    let mut head = Vec::new();
    let file = File::open(path)?;
    let start = Inflater::new(file, FEED)?.take(HEAD_BYTES);
    match limits::read_capped(start, HEAD_BYTES, &name) {
        Ok(bytes) => head = bytes,
        Err(error) => tracing::debug!("{}: {error}", path.display()),
    }
    Ok(by_content(&head))
}

fn by_content(head: &[u8]) -> Option<Kind> {
    let text = String::from_utf8_lossy(head);
    let has = |part: &str| text.contains(part);
    match text.trim_start().bytes().next()? {
        b'<' if has("<oval_definitions") || has(":oval_definitions") => Some(Kind::Oval),
        b'{' if has("\"id\"") && (has("\"affected\"") || has("\"schema_version\"") || has("\"modified\"")) => {
            Some(Kind::OsvRecord)
        }
        _ => None,
    }
}

/// Opens a file, inflating as it says itself to be compressed.
pub(crate) fn open(path: &Path) -> io::Result<BufReader<Inflater<File>>> {
    Ok(BufReader::with_capacity(64 << 10, Inflater::new(File::open(path)?, FEED)?))
}
