//! Maps segment files into memory: the one place of this crate with `unsafe`.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// A mapped file.
#[derive(Debug)]
pub(crate) struct Mapped(Option<Mmap>);

impl Mapped {
    /// Maps a file for reading. An empty file, which cannot be mapped, is an empty slice.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Self(None));
        }
        // SAFETY: the file is mapped shared and read-only, so the bytes could change under us if somebody wrote to it.
        // Segments are never written in place: `store` creates them under a new name and renames; a replaced segment
        // is unlinked, which keeps its pages. Whoever can write to the database's directory can make the process read
        // wrong bytes or, by truncating a file, end it with SIGBUS; such a person can also replace the database. The
        // reader checks every access against the slice, so wrong bytes give errors, not undefined behaviour of ours.
        #[expect(unsafe_code, reason = "a map is how a database of 200 MB opens in under two milliseconds")]
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self(Some(map)))
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}
