//! An image from its source to its assessment: the one conductor that command line, server and admission all call.
//!
//! What it is: it opens a reference (`images`), reads its layers in parallel, largest first, each as a chain of threads
//! with bounded buffers (source and digest → inflate → [`imagescan::LayerScanner`]), merges the records, and lets `vuln`
//! judge the inventory by the segments that `feeds` has for it.
//! What it is not: it knows no format and no rule of its own. It holds no blob in memory; of files that have to be held as
//! a whole, what exceeds [`MEMORY_BYTES`] goes through a temporary file without a name, and is counted.
//!
//! A layer that fails leaves the others' results standing: it is marked incomplete, a diagnostic says why, and coverage
//! says what is therefore not known.

mod assessor;
pub mod cache;
mod directory;
mod layer;
mod progress;
mod reason;
mod room;

/// The cache's own form, for the fuzz targets: whoever may write into its directory may write anything.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::cache::packages::{decode, encode};
}

pub use assessor::{AssessError, AssessedImage, Assessor, Options, Outcome, Stats};
pub use cache::Cache;
pub use progress::{LayerDone, Progress, Quiet};
pub use room::MEMORY_BYTES;
