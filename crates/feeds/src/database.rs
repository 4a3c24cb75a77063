//! An opened database: the manifest, and segments mapped when an inventory needs them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use model::{Inventory, SegmentRef};
use vuln::Segment;
use vuln::segment::SegmentError;

use crate::manifest::{self, Entry, Manifest, ManifestError};
use crate::map::Mapped;

/// What can go wrong with a database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is none.
    #[error("no advisory database in {}", dir.display())]
    Missing {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// Its manifest cannot be used.
    #[error("the manifest of the advisory database")]
    Manifest {
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// A segment cannot be mapped.
    #[error("segment {}", path.display())]
    Map {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A segment is not of the size that the manifest gives.
    #[error("segment {} has {found} bytes, the manifest says {expected}: build or update the database again", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
        /// The manifest's.
        expected: u64,
    },
    /// A segment is damaged.
    #[error("segment {}", path.display())]
    Segment {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: SegmentError,
    },
}

/// An advisory database. Without segments every answer is "no feed".
#[derive(Debug, Default)]
pub struct Database {
    dir: PathBuf,
    manifest: Manifest,
    maps: Vec<OnceLock<Mapped>>,
}

impl Database {
    /// Opens the database in a directory: reads the manifest, maps nothing yet.
    pub fn open(dir: &Path) -> Result<Self, DatabaseError> {
        if !dir.join(manifest::FILE).exists() {
            return Err(DatabaseError::Missing { dir: dir.to_owned() });
        }
        let manifest = Manifest::read(dir).map_err(|source| DatabaseError::Manifest { source })?;
        let maps = manifest.segments.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { dir: dir.to_owned(), manifest, maps })
    }

    /// A database without segments.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Where it is; empty for [`Database::empty`].
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it contains.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Maps and returns the segments that an inventory needs. A segment that cannot be used is an error, never
    /// silently missing.
    pub fn segments_for(&self, inventory: &Inventory) -> Result<Vec<Segment<'_>>, DatabaseError> {
        self.segments_covering(&vuln::assess::ecosystems(inventory))
    }

    /// The segments that cover any of the ecosystems, and all enrichment.
    pub fn segments_covering(&self, ecosystems: &BTreeSet<String>) -> Result<Vec<Segment<'_>>, DatabaseError> {
        let needed = |entry: &Entry| {
            entry.meta.ecosystems.is_empty() || entry.meta.ecosystems.iter().any(|key| ecosystems.contains(key))
        };
        self.segments_where(needed)
    }

    /// All segments.
    pub fn segments(&self) -> Result<Vec<Segment<'_>>, DatabaseError> {
        self.segments_where(|_| true)
    }

    /// The segment of a name that the manifest has.
    pub(crate) fn segment_named(&self, name: &str) -> Result<Segment<'_>, DatabaseError> {
        let found = self.segments_where(|entry| entry.meta.name == name)?;
        let missing = || DatabaseError::Missing { dir: self.dir.join(name) };
        found.into_iter().next().ok_or_else(missing)
    }

    fn segments_where(&self, needed: impl Fn(&Entry) -> bool) -> Result<Vec<Segment<'_>>, DatabaseError> {
        let entries = self.manifest.segments.iter().zip(&self.maps);
        entries.filter(|(entry, _)| needed(entry)).map(|(entry, map)| self.segment(entry, map)).collect()
    }

    fn segment<'d>(&'d self, entry: &Entry, map: &'d OnceLock<Mapped>) -> Result<Segment<'d>, DatabaseError> {
        let path = self.dir.join(&entry.file);
        let mapped = if let Some(mapped) = map.get() {
            mapped
        } else {
            let mapped = Mapped::open(&path).map_err(|source| DatabaseError::Map { path: path.clone(), source })?;
            map.get_or_init(|| mapped)
        };
        let bytes = mapped.bytes();
        if bytes.len() as u64 != entry.size_bytes {
            return Err(DatabaseError::Size { path, found: bytes.len() as u64, expected: entry.size_bytes });
        }
        let reference = SegmentRef { name: entry.meta.name.clone(), date: entry.meta.date, hash: entry.hash.clone() };
        Segment::open(bytes, reference).map_err(|source| DatabaseError::Segment { path, source })
    }
}
