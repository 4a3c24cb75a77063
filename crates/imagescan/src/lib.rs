//! Layer bytes to packages: the pure image engine.
//!
//! What it is: [`LayerScanner`] reads one plain layer archive (or the files of a directory) once, keeps only the paths
//! that an analyser asked for, and gives a compact [`LayerRecord`]; [`merge`] lays the records of an image over each
//! other (whiteouts, opaque directories, links) and gives a [`model::Inventory`].
//! What it is not: it opens no files and no connections, decompresses no layer, verifies no digest, matches nothing
//! against advisories.
//!
//! The archive format is POSIX ustar and PAX (IEEE Std 1003.1, `pax`), with the GNU extensions; the layering rules are
//! those of the OCI image specification, "Image Layer Filesystem Changeset". Each analyser cites its own format.
//!
//! ```
//! use imagescan::{LayerScanner, Options, merge};
//!
//! let empty_archive = vec![0; 1024];
//! let record = LayerScanner::new(&Options::default()).scan(empty_archive.as_slice())?;
//! let layer = model::Layer {
//!     digest: "sha256:00".into(), diff_id: String::new(), size_bytes: 1024, created_by: None, complete: true,
//! };
//! let inventory = merge(vec![(layer, record)], model::Artifact::default());
//! assert!(inventory.packages.is_empty());
//! # Ok::<(), imagescan::ScanError>(())
//! ```

mod analyse;
mod bytes;
mod merge;
mod options;
mod path;
mod pathset;
mod places;
mod record;
mod room;
pub mod sbom;
mod scan;
mod sqlite;
pub mod tar;
#[cfg(test)]
mod testing;

pub use merge::merge;
pub use options::Options;
pub use pathset::PathSet;
pub use record::{Content, FileRecord, Found, LayerRecord, Link, Manager, OsRelease, OwnedBy};
pub use room::{Aside, Room};
pub use scan::{LayerScanner, ScanError, TreeScan};

/// Version of the set of analysers and of the record's form. A change makes cached layer records unusable: raise it with
/// every change of what a layer's record contains.
pub const ANALYSERS_VERSION: &str = "10";
