//! Limits of a scan. Each default names its reason; a test hits each of them.

use std::sync::Arc;

use crate::Room;

/// Entries of a layer. The largest public images stay below half a million; a record keeps 6 bytes for each.
pub const MAX_ENTRIES: u64 = 2_000_000;
/// Length of a path or link target: `PATH_MAX` of Linux. What is longer can not be unpacked either.
pub const MAX_PATH_BYTES: usize = 4096;
/// Size of an extended header: paths, times and a few extended attributes, of which Linux allows 64 KiB each.
pub const MAX_PAX_BYTES: u64 = 1 << 20;
/// Size of a file that is analysed in memory as a whole: the `status` of a machine with 60,000 Debian packages has about
/// 50 MB. It is also all the memory that such files of one scan may take together.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// Bytes that analysers look at in a layer, programs included: bounds the time a hostile layer can cost.
pub const MAX_ANALYSED_BYTES: u64 = 16 << 30;
/// Packages of a layer. A desktop distribution with a large `node_modules` has about 10,000.
pub const MAX_PACKAGES: usize = 500_000;

/// What a scan may cost. Clones share their room.
#[derive(Debug, Clone)]
pub struct Options {
    /// Most entries of a layer, see [`MAX_ENTRIES`].
    pub max_entries: u64,
    /// Longest path or link target in bytes, see [`MAX_PATH_BYTES`].
    pub max_path_bytes: usize,
    /// Largest extended header in bytes, see [`MAX_PAX_BYTES`].
    pub max_pax_bytes: u64,
    /// Largest file that is analysed in memory as a whole, in bytes, see [`MAX_FILE_BYTES`]. Most analysers ask for far
    /// less; what is read here and there (jars, rpm's databases) may be larger.
    pub max_file_bytes: u64,
    /// Most bytes that analysers look at in one layer, see [`MAX_ANALYSED_BYTES`].
    pub max_analysed_bytes: u64,
    /// Most packages of a layer, see [`MAX_PACKAGES`].
    pub max_packages: usize,
    /// Memory for files that are held as a whole, shared with other scans; without it there is no limit but each file's.
    pub room: Option<Arc<dyn Room>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_entries: MAX_ENTRIES,
            max_path_bytes: MAX_PATH_BYTES,
            max_pax_bytes: MAX_PAX_BYTES,
            max_file_bytes: MAX_FILE_BYTES,
            max_analysed_bytes: MAX_ANALYSED_BYTES,
            max_packages: MAX_PACKAGES,
            room: None,
        }
    }
}
