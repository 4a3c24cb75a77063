//! The advisory database on disk: build, verify, map.
//!
//! What it is: a directory with a [`manifest`] and one immutable, memory-mapped segment per feed; [`build`] makes it
//! from files, [`Database`] opens it. What it is not: a parser of feeds or a matcher; those are `vuln`.
//!
//! A database is replaced as a whole: new segments are written beside the old ones, then the manifest is renamed over
//! the old one. A program that has it open keeps what it mapped.

pub mod build;
pub mod catalogue;
pub mod database;
pub mod manifest;
mod map;
mod sources;
pub mod store;

pub use build::{BuildError, BuildReport, build};
pub use database::{Database, DatabaseError};
pub use manifest::{Entry, Manifest};

use std::path::PathBuf;

/// Where the database is when nobody says: `SEAWALL_DB`, else `seawall/db` in the user's cache folder. `None` where
/// neither variable is set.
pub fn default_dir() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("SEAWALL_DB") {
        return Some(PathBuf::from(dir));
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    cache.map(|dir| dir.join("seawall").join("db"))
}
