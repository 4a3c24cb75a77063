//! A database as one file: a tar archive of the manifest and its segments, compressed with zstd.
//!
//! What it is: how a database crosses to a machine without a network. Every segment is checked against the hash in the
//! archive's manifest and opened once before anything changes. What it is not: a proof of who made it; signed segments
//! come with a later issue.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use limits::inflate::{Caps, Inflater};
use model::{SegmentRef, Timestamp};
use sha2::{Digest as _, Sha256};
use vuln::Segment;
use vuln::segment::SegmentError;

use crate::manifest::{self, Manifest, ManifestError};
use crate::store::{Store, StoreError};
use crate::tar::{self, TarError};

/// Largest segment that is imported. All feeds together are to stay under 200 MB.
pub const SEGMENT_MAX_BYTES: u64 = 1 << 30;
/// What an archive may inflate to.
const ARCHIVE: Caps = Caps { plain_bytes: 4 << 30, ratio: 1_000, ratio_free_bytes: 64 << 20 };
/// Segments compress well at every level; this one takes seconds.
const LEVEL: i32 = 12;

/// An archive that could not be written or used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A segment could not be read.
    #[error(transparent)]
    Read(#[from] limits::ReadError),
    /// It is no archive of a database.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// It has no manifest.
    #[error("the archive has no manifest: it is no exported database")]
    NoManifest,
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A segment is not the one that the manifest names.
    #[error("segment {name} is missing from the archive or differs from its hash")]
    Hash {
        /// The segment.
        name: String,
    },
    /// A segment cannot be opened.
    #[error("segment {name}")]
    Segment {
        /// The segment.
        name: String,
        /// Why.
        #[source]
        source: SegmentError,
    },
    /// The database cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes the database in `dir` to the file `out`.
pub fn export(dir: &Path, out: &Path) -> Result<Manifest, ArchiveError> {
    let manifest = Manifest::read(dir)?;
    let failed = |source| ArchiveError::File { path: out.to_owned(), source };
    let mut encoder = zstd::stream::write::Encoder::new(File::create(out).map_err(failed)?, LEVEL).map_err(failed)?;
    let json = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(io::Error::other(error)))?;
    tar::append(&mut encoder, manifest::FILE, &json).map_err(failed)?;
    for entry in &manifest.segments {
        let bytes = limits::read_file(dir.join(&entry.file), SEGMENT_MAX_BYTES)?;
        tar::append(&mut encoder, &entry.file, &bytes).map_err(failed)?;
    }
    tar::finish(&mut encoder).map_err(failed)?;
    encoder.finish().and_then(|mut file| file.flush()).map_err(failed)?;
    Ok(manifest)
}

/// Takes the segments of an archive into the database in `dir`, in place of those of the same names.
pub fn import(archive: &Path, dir: &Path, now: Timestamp) -> Result<Manifest, ArchiveError> {
    let failed = |source| ArchiveError::File { path: archive.to_owned(), source };
    let reader = BufReader::new(Inflater::new(File::open(archive).map_err(failed)?, ARCHIVE).map_err(failed)?);
    let mut manifest: Option<Result<Manifest, ManifestError>> = None;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    tar::each_file(reader, SEGMENT_MAX_BYTES, |name, bytes| {
        if name == manifest::FILE {
            manifest = Some(Manifest::parse(bytes, &format!("{}:{name}", archive.display())));
        } else {
            files.insert(name.to_owned(), bytes.to_vec());
        }
    })?;
    let manifest = manifest.ok_or(ArchiveError::NoManifest)??;
    for entry in &manifest.segments {
        let name = entry.meta.name.clone();
        let bytes = files.get(&entry.file).filter(|bytes| hex::encode(Sha256::digest(bytes)) == entry.hash);
        let bytes = bytes.ok_or_else(|| ArchiveError::Hash { name: name.clone() })?;
        let reference = SegmentRef { name: name.clone(), date: entry.meta.date, hash: entry.hash.clone() };
        Segment::open(bytes, reference).map_err(|source| ArchiveError::Segment { name, source })?;
    }
    let mut store = Store::open(dir)?;
    for entry in &manifest.segments {
        if let Some(bytes) = files.get(&entry.file) {
            store.stage(bytes, entry.meta.clone(), entry.updated, &entry.etag)?;
        }
    }
    Ok(store.commit(now)?)
}
