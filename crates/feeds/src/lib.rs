//! The advisory database on disk: build, verify, map.
//!
//! What it is: a directory with a [`manifest`] and one immutable, memory-mapped segment per feed; [`build`] makes it
//! from files, [`Database`] opens it. What it is not: a parser of feeds or a matcher; those are `vuln`.
//!
//! A database is replaced as a whole: new segments are written beside the old ones, then the manifest is renamed over
//! the old one. A program that has it open keeps what it mapped.

pub mod addresses;
pub mod archive;
pub mod build;
pub mod catalogue;
mod changes;
pub mod database;
mod delta;
pub mod download;
mod group;
mod import;
pub mod manifest;
mod map;
mod sources;
pub mod store;
pub mod tar;
pub mod update;

/// Parsers of what only updates read, for the fuzz targets: an update fetches it.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::changes::newer as changes;
    pub use crate::update::fetch::{day_in, plain_name};
    pub use crate::update::months::parse as months;
    pub use crate::update::repository::{errata, mirror};
}

pub use build::{BuildError, BuildReport, build};
pub use changes::ListError;
pub use database::{Database, DatabaseError};
pub use manifest::{Entry, Manifest};
