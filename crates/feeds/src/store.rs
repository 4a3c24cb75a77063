//! Writes databases: segments first, the manifest last, everything by rename.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use vuln::segment::Meta;

use crate::manifest::{self, Entry, FORMAT, Manifest, ManifestError};

/// Held by whoever changes a database.
const LOCK_FILE: &str = ".lock";
/// Ending of segment files.
const SEGMENT_ENDING: &str = ".seg";
/// Ending of files that are being written.
const TEMPORARY_ENDING: &str = ".tmp";

/// A database that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file could not be written.
    #[error("writing {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another program changes the database now.
    #[error("another program is changing the database in {}", dir.display())]
    Busy {
        /// The directory.
        dir: PathBuf,
    },
    /// The existing manifest cannot be used.
    #[error("the manifest of the advisory database")]
    Manifest {
        /// Why.
        #[source]
        source: ManifestError,
    },
}

/// A database that is being changed. What is staged becomes visible with [`Store::commit`].
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    manifest: Manifest,
    /// Holds the lock; released when dropped.
    _lock: File,
}

impl Store {
    /// Opens or creates the database in a directory for changing it.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Write { path, source }
        };
        fs::create_dir_all(dir).map_err(write(dir))?;
        let path = dir.join(LOCK_FILE);
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(write(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Busy { dir: dir.to_owned() }),
            Err(fs::TryLockError::Error(source)) => return Err(StoreError::Write { path, source }),
        }
        let manifest = if dir.join(manifest::FILE).exists() {
            Manifest::read(dir).map_err(|source| StoreError::Manifest { source })?
        } else {
            Manifest { format: FORMAT, ..Manifest::default() }
        };
        Ok(Self { dir: dir.to_owned(), manifest, _lock: lock })
    }

    /// The manifest as it will be committed.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest, to change entries that have no new segment.
    pub const fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// Forgets all segments: a build replaces the database.
    pub fn clear(&mut self) {
        self.manifest.segments.clear();
    }

    /// Writes a segment's file and stages its entry, in place of one of the same name.
    pub fn stage(&mut self, bytes: &[u8], meta: Meta, now: model::Timestamp, etag: &str) -> Result<(), StoreError> {
        let hash = hex::encode(Sha256::digest(bytes));
        let file = format!("{}-{}{SEGMENT_ENDING}", meta.name.replace(['/', '\\', ':'], "-"), &hash[..12]);
        write_file(&self.dir.join(&file), bytes)?;
        let entry = Entry {
            file,
            size_bytes: bytes.len() as u64,
            hash,
            updated: now,
            failed: String::new(),
            etag: etag.to_owned(),
            meta,
        };
        self.manifest.segments.retain(|other| other.meta.name != entry.meta.name);
        self.manifest.segments.push(entry);
        self.manifest.segments.sort_by(|a, b| a.meta.name.cmp(&b.meta.name));
        Ok(())
    }

    /// Makes what was staged the database, then removes files that nothing refers to.
    pub fn commit(mut self, now: model::Timestamp) -> Result<Manifest, StoreError> {
        self.manifest.updated = now;
        let path = self.dir.join(manifest::FILE);
        let json = serde_json::to_vec_pretty(&self.manifest)
            .map_err(|error| StoreError::Write { path: path.clone(), source: io::Error::other(error) })?;
        write_file(&path, &json)?;
        self.sweep();
        Ok(self.manifest)
    }

    /// Removes segments and temporary files that are left over. What cannot be removed is tried again next time.
    fn sweep(&self) {
        let kept: BTreeSet<&str> = self.manifest.segments.iter().map(|entry| entry.file.as_str()).collect();
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let ours = name.ends_with(SEGMENT_ENDING) || name.ends_with(TEMPORARY_ENDING);
            if ours && !kept.contains(name.as_ref()) && fs::remove_file(entry.path()).is_err() {
                tracing::debug!("{name} could not be removed");
            }
        }
    }
}

/// Writes a file under a temporary name, makes it durable, renames it.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(TEMPORARY_ENDING);
    let temporary = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|source| StoreError::Write { path: path.to_owned(), source })
}
