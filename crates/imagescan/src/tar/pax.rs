//! PAX extended headers: lines `LENGTH KEY=VALUE\n`.

use super::TarError;
use super::sparse::{Extent, MAX_EXTENTS};

/// The records that change how an entry is read.
#[derive(Debug, Default)]
pub struct Records {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    /// Size of the stored content.
    pub size: Option<u64>,
    /// The real name of a sparse file.
    pub sparse_name: Option<Vec<u8>>,
    /// The real size of a sparse file.
    pub sparse_size: Option<u64>,
    /// The map of a sparse file (formats 0.0 and 0.1); absent in 1.0, where it begins the content.
    pub sparse_map: Option<Vec<Extent>>,
    /// Start of an extent whose length comes next (format 0.0).
    pending: Option<u64>,
}

impl Records {
    /// Adds the records of one header.
    pub fn extend(&mut self, mut bytes: &[u8], offset: u64) -> Result<(), TarError> {
        let refuse = |reason| TarError::Header { offset, reason };
        while !bytes.is_empty() {
            let space = memchr::memchr(b' ', bytes).ok_or(refuse("an extended header has no length"))?;
            let length = decimal(&bytes[..space]).and_then(|length| usize::try_from(length).ok());
            let length = length.filter(|length| (space + 2..=bytes.len()).contains(length));
            let length = length.ok_or(refuse("an extended header has a wrong length"))?;
            let (record, rest) = bytes.split_at(length);
            bytes = rest;
            let record = &record[space + 1..];
            let record = record.strip_suffix(b"\n").ok_or(refuse("an extended header has a wrong length"))?;
            let equals = memchr::memchr(b'=', record).ok_or(refuse("an extended header has no value"))?;
            self.set(&record[..equals], &record[equals + 1..], offset)?;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8], offset: u64) -> Result<(), TarError> {
        let refuse = |reason| TarError::Header { offset, reason };
        let number = || decimal(value).ok_or(refuse("an extended header has a number that is none"));
        match key {
            b"path" | b"linkpath" if value.contains(&0) => return Err(refuse("a path with a NUL")),
            b"path" => self.path = Some(value.to_vec()).filter(|path| !path.is_empty()),
            b"linkpath" => self.link = Some(value.to_vec()).filter(|path| !path.is_empty()),
            b"size" if i64::try_from(number()?).is_err() => {
                return Err(refuse("its size is beyond what a file can have"));
            }
            b"size" => self.size = Some(number()?),
            b"GNU.sparse.name" => self.sparse_name = Some(value.to_vec()).filter(|path| !path.is_empty()),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse_size = Some(number()?),
            b"GNU.sparse.offset" => self.pending = Some(number()?),
            b"GNU.sparse.numbytes" => {
                let start = self.pending.take().ok_or(refuse("a sparse extent without an offset"))?;
                self.push(Extent { start, length: number()? }, offset)?;
            }
            b"GNU.sparse.map" => {
                let mut numbers = value.split(|byte| *byte == b',').map(decimal);
                while let Some(start) = numbers.next() {
                    let (Some(start), Some(Some(length))) = (start, numbers.next()) else {
                        return Err(refuse("a sparse map that is none"));
                    };
                    self.push(Extent { start, length }, offset)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, extent: Extent, offset: u64) -> Result<(), TarError> {
        let map = self.sparse_map.get_or_insert_default();
        map.push(extent);
        if map.len() > MAX_EXTENTS {
            return Err(TarError::Limit { offset, what: "extents of a sparse file", limit: MAX_EXTENTS as u64 });
        }
        Ok(())
    }
}

/// A decimal number, nothing around it.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}
