//! An opened database: the manifest, and segments mapped when an inventory needs them.

use std::path::{Path, PathBuf};

use model::Inventory;
use vuln::Segment;

/// What can go wrong with a database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is none.
    #[error("no advisory database in {}", dir.display())]
    Missing {
        /// Where it was looked for.
        dir: PathBuf,
    },
}

/// An advisory database. Without segments every answer is "no feed".
#[derive(Debug, Default)]
pub struct Database {
    dir: PathBuf,
}

impl Database {
    /// Opens the database in a directory: reads the manifest, maps nothing yet.
    pub fn open(dir: &Path) -> Result<Self, DatabaseError> {
        if !dir.join("manifest.json").exists() {
            return Err(DatabaseError::Missing { dir: dir.to_owned() });
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// A database without segments.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Where it is; empty for [`Database::empty`].
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Maps and returns the segments that an inventory needs. A segment that cannot be used is an error, never
    /// silently missing.
    pub fn segments_for(&self, _inventory: &Inventory) -> Result<Vec<Segment<'_>>, DatabaseError> {
        Ok(Vec::new())
    }
}
