//! Bytes at places of a held file: only what is asked for is in memory.

use std::io::{Read, Seek, SeekFrom};

use crate::room::Held;

/// A file that is read here and there.
pub(crate) struct Places {
    held: Held,
    length: usize,
}

impl Places {
    /// A file with its length.
    pub fn new(mut held: Held) -> Self {
        let length = held.seek(SeekFrom::End(0)).ok().and_then(|length| usize::try_from(length).ok());
        Self { held, length: length.unwrap_or(0) }
    }

    /// Bytes of the file.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Fills a buffer with the bytes from `at` on; `None` beyond the end.
    pub fn fill(&mut self, at: usize, buffer: &mut [u8]) -> Option<()> {
        if at.checked_add(buffer.len())? > self.length {
            return None;
        }
        self.held.seek(SeekFrom::Start(at as u64)).ok()?;
        self.held.read_exact(buffer).ok()
    }

    /// `length` bytes from `at` on; the caller has checked that so many may be held.
    pub fn read(&mut self, at: usize, length: usize) -> Option<Vec<u8>> {
        if at.checked_add(length)? > self.length {
            return None;
        }
        let mut bytes = vec![0; length];
        self.fill(at, &mut bytes)?;
        Some(bytes)
    }

    /// As many bytes as a header has.
    pub fn array<const N: usize>(&mut self, at: usize) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(at, &mut bytes)?;
        Some(bytes)
    }
}
