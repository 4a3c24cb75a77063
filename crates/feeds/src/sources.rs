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
    /// CISA's catalogue.
    Kev,
    /// FIRST's scores.
    Epss,
    /// A page of NVD's API.
    Nvd,
    /// End-of-life dates.
    Lifecycle,
    /// secdb in JSON.
    SecdbJson,
    /// secdb in YAML.
    SecdbYaml,
    /// Debian's tracker.
    DebianTracker,
    /// Debian's list of updates.
    DebianList,
    /// A CSAF document.
    Csaf,
    /// A tar archive of CSAF documents.
    CsafArchive,
    /// Red Hat's map of repositories.
    Repositories,
    /// A CVE of Red Hat's older API.
    Hydra,
    /// A month of Microsoft's CVRF.
    Cvrf,
    /// Photon's list.
    Photon,
    /// A repository's errata.
    Updateinfo,
    /// One of Amazon's bulletin pages.
    AmazonPage,
    /// Ruby's ranges.
    Rubysec,
    /// Part of a feed, without advisories: an index, a list of changes.
    Index,
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
        match recognise(&path) {
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
fn recognise(path: &Path) -> Option<Kind> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip")) {
        return Some(Kind::OsvArchive);
    }
    by_name(&name).or_else(|| by_content(&head(path)))
}

/// The start of a file, inflated. What cannot be read is empty, and so unknown.
pub(crate) fn head(path: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let start = Inflater::new(File::open(path)?, FEED)?.take(HEAD_BYTES);
        limits::read_capped(start, HEAD_BYTES, "head").map_err(io::Error::other)
    };
    match read() {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            tracing::debug!("{}: {error}", path.display());
            String::new()
        }
    }
}

/// Files whose content has no mark of its own.
fn by_name(name: &str) -> Option<Kind> {
    match name {
        "archive_latest.txt" | "changes.csv" | "deletions.csv" | "ecosystems.txt" | "modified_id.csv" => {
            Some(Kind::Index)
        }
        _ if name.starts_with("repository-to-cpe.json") => Some(Kind::Repositories),
        _ if name.contains(".tar") && (name.contains("csaf") || name.contains("vex")) => Some(Kind::CsafArchive),
        _ => None,
    }
}

fn by_content(head: &str) -> Option<Kind> {
    let text = head.trim_start_matches('\u{feff}').trim_start();
    match text.bytes().next()? {
        b'<' => xml(text),
        b'{' => object(text),
        b'[' => list(text),
        _ if text.starts_with("#model_version") || text.starts_with("cve,epss") => Some(Kind::Epss),
        _ if text.contains("secfixes:") || text.starts_with("apkurl:") => Some(Kind::SecdbYaml),
        _ => None,
    }
}

fn xml(text: &str) -> Option<Kind> {
    if text.contains("<oval_definitions") || text.contains(":oval_definitions") {
        Some(Kind::Oval)
    } else if text.contains("<updates") {
        Some(Kind::Updateinfo)
    } else if text.contains("<rss") {
        Some(Kind::Index)
    } else if text.contains("<title>ALAS") {
        Some(Kind::AmazonPage)
    } else {
        None
    }
}

fn object(text: &str) -> Option<Kind> {
    /// Marks of each format; all of a line must be there. The first line that fits counts.
    const MARKS: [(&[&str], Kind); 14] = [
        (&["\"CvrfUrl\""], Kind::Index),
        (&["\"csaf_version\""], Kind::Csaf),
        (&["\"aggregate_severity\"", "\"document\""], Kind::Csaf),
        (&["\"cveID\""], Kind::Kev),
        (&["\"catalogVersion\""], Kind::Kev),
        (&["\"NVD_CVE\""], Kind::Nvd),
        (&["\"eolFrom\""], Kind::Lifecycle),
        (&["\"gem\"", "\"patched_versions\""], Kind::Rubysec),
        (&["\"DocumentTitle\""], Kind::Cvrf),
        (&["\"ProductTree\""], Kind::Cvrf),
        (&["\"threat_severity\""], Kind::Hydra),
        (&["\"urlprefix\"", "\"packages\""], Kind::SecdbJson),
        (&["\"releases\"", "\"repositories\""], Kind::DebianTracker),
        (&["\"id\"", "\"modified\""], Kind::OsvRecord),
    ];
    let fits = |marks: &[&str]| marks.iter().all(|mark| text.contains(mark));
    let found = MARKS.iter().find(|(marks, _)| fits(marks)).map(|(_, kind)| *kind);
    // A record may name its fields in another order, with `modified` far below.
    found.or_else(|| (text.contains("\"id\"") && text.contains("\"affected\"")).then_some(Kind::OsvRecord))
}

fn list(text: &str) -> Option<Kind> {
    if text.contains("\"aff_ver\"") {
        Some(Kind::Photon)
    } else if text.contains("\"id\"") && text.contains("\"modified\"") {
        Some(Kind::Index)
    } else if text.lines().next().is_some_and(|line| line.contains("] DSA-") || line.contains("] DLA-")) {
        Some(Kind::DebianList)
    } else {
        None
    }
}

/// Opens a file, inflating as it says itself to be compressed.
pub(crate) fn open(path: &Path) -> io::Result<BufReader<Inflater<BufReader<File>>>> {
    Ok(BufReader::with_capacity(64 << 10, Inflater::new(File::open(path)?, FEED)?))
}
