//! Zip archives in memory or in a seekable file, with caps on entries, on each entry and on the sum.

use std::io::{self, Read, Seek};

use crate::{CappedReader, LimitExceeded, ReadError};

/// What an archive may be.
#[derive(Debug, Clone, Copy)]
pub struct ZipLimits {
    /// Most entries.
    pub entries: usize,
    /// Most plain bytes of one entry.
    pub entry_bytes: u64,
    /// Most plain bytes of all entries that are read.
    pub total_bytes: u64,
}

/// An archive that was refused.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// More or larger than allowed.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// Not a zip archive, or a damaged one.
    #[error("damaged zip archive: {reason}")]
    Damaged {
        /// What the reader said.
        reason: String,
    },
}

fn damaged(error: &zip::result::ZipError) -> ZipError {
    ZipError::Damaged { reason: error.to_string() }
}

/// An open archive.
pub struct Archive<R> {
    inner: zip::ZipArchive<R>,
    limits: ZipLimits,
    read: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the central directory.
    pub fn open(source: R, limits: ZipLimits) -> Result<Self, ZipError> {
        let inner = zip::ZipArchive::new(source).map_err(|error| damaged(&error))?;
        if inner.len() > limits.entries {
            return Err(LimitExceeded { what: "entries of a zip archive".into(), limit: limits.entries as u64 }.into());
        }
        Ok(Self { inner, limits, read: 0 })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Name of an entry, by its index; `None` beyond the end or when it is not text. Names come from outside: never join them to a path.
    pub fn name(&self, index: usize) -> Option<std::borrow::Cow<'_, str>> {
        self.inner.name_for_index(index)?.ok()
    }

    /// The plain bytes of an entry.
    pub fn read(&mut self, index: usize) -> Result<Vec<u8>, ZipError> {
        let limit = self.limits.entry_bytes.min(self.limits.total_bytes.saturating_sub(self.read));
        let name = self.name(index).unwrap_or_default().into_owned();
        let file = self.inner.by_index(index).map_err(|error| damaged(&error))?;
        let bytes = crate::read_capped(file, limit, &name).map_err(|error| match error {
            ReadError::TooBig { what, limit } => LimitExceeded { what: format!("bytes of {what}"), limit }.into(),
            ReadError::Io { what, source } => ZipError::Damaged { reason: format!("{what}: {source}") },
            error @ ReadError::NotText { .. } => ZipError::Damaged { reason: error.to_string() },
        })?;
        self.read += bytes.len() as u64;
        Ok(bytes)
    }

    /// Gives the plain bytes of an entry, at most `limit`, and the size that the archive claims for them, to someone who
    /// holds large entries elsewhere.
    pub fn read_with<T>(
        &mut self,
        index: usize,
        limit: u64,
        hold: impl FnOnce(&mut dyn Read, u64) -> io::Result<T>,
    ) -> Result<T, ZipError> {
        let limit = limit.min(self.limits.total_bytes.saturating_sub(self.read));
        let name = self.name(index).unwrap_or_default().into_owned();
        let file = self.inner.by_index(index).map_err(|error| damaged(&error))?;
        let size = file.size();
        let too_big = || LimitExceeded { what: format!("bytes of {name}"), limit };
        if size > limit {
            return Err(too_big().into());
        }
        // The claim may be a lie: what comes is cut there and fails.
        let mut content = CappedReader::new(file, size, format!("bytes of {name}"));
        let result = hold(&mut content, size);
        self.read += content.position();
        result.map_err(|error| match LimitExceeded::in_io(&error) {
            Some(_) => too_big().into(),
            None => ZipError::Damaged { reason: format!("{name}: {error}") },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    fn archive(files: &[(&str, Vec<u8>)]) -> Cursor<Vec<u8>> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        let mut cursor = writer.finish().unwrap();
        cursor.set_position(0);
        cursor
    }

    const LIMITS: ZipLimits = ZipLimits { entries: 2, entry_bytes: 100, total_bytes: 150 };

    #[test]
    fn reads_within_the_limits() {
        let mut zip = Archive::open(archive(&[("a", vec![1; 100]), ("b", vec![2; 50])]), LIMITS).unwrap();
        assert_eq!((zip.len(), zip.name(1).as_deref()), (2, Some("b")));
        assert_eq!(zip.read(0).unwrap().len(), 100);
        assert_eq!(zip.read(1).unwrap(), vec![2; 50]);
    }

    #[test]
    fn entries_can_be_held_elsewhere() {
        let mut zip = Archive::open(archive(&[("a", vec![1; 100]), ("b", vec![2; 60])]), LIMITS).unwrap();
        let hold = |content: &mut dyn Read, size: u64| {
            let mut bytes = Vec::new();
            io::copy(content, &mut bytes)?;
            Ok((bytes, size))
        };
        assert_eq!(zip.read_with(0, 100, hold).unwrap(), (vec![1; 100], 100));
        assert!(matches!(zip.read_with(1, 59, hold), Err(ZipError::Limit(_))), "more than was allowed");
        assert!(matches!(zip.read_with(1, 60, hold), Err(ZipError::Limit(_))), "more than is left of the sum");
        let failed = zip.read_with(1, 10, |_, _| Err::<(), _>(io::Error::other("disk full")));
        assert!(failed.is_err());
    }

    #[test]
    fn every_cap_is_met() {
        let three = archive(&[("a", vec![]), ("b", vec![]), ("c", vec![])]);
        assert!(matches!(Archive::open(three, LIMITS), Err(ZipError::Limit(_))));
        let mut big = Archive::open(archive(&[("a", vec![0; 101])]), LIMITS).unwrap();
        assert!(matches!(big.read(0), Err(ZipError::Limit(_))));
        let mut sum = Archive::open(archive(&[("a", vec![0; 90]), ("b", vec![0; 90])]), LIMITS).unwrap();
        sum.read(0).unwrap();
        assert!(matches!(sum.read(1), Err(ZipError::Limit(_))));
        assert!(matches!(Archive::open(Cursor::new(b"no zip".to_vec()), LIMITS), Err(ZipError::Damaged { .. })));
    }
}
