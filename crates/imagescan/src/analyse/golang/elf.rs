//! Addresses to places in the file, by the program headers of 64-bit little-endian ELF ("ELF-64 Object File Format").
//!
//! Only programs of Go before 1.18 need it. Those of other machines give their modules without the toolchain's version.

use crate::bytes::{le16, le32, le64, slice};

/// Type of a segment that is loaded.
const LOAD: u32 = 1;
/// Bytes of a program header.
const ENTRY: usize = 56;
/// Program headers that are looked at; real programs have about ten.
const MAX_SEGMENTS: usize = 64;

/// A part of the file and where it is loaded.
#[derive(Debug)]
struct Segment {
    address: u64,
    offset: u64,
    length: u64,
}

/// The segments of a program; none when it is of another kind.
#[derive(Debug, Default)]
pub struct Segments(Vec<Segment>);

impl Segments {
    /// From the first bytes of a file.
    pub fn parse(start: &[u8]) -> Self {
        Self::read(start).unwrap_or_default()
    }

    fn read(start: &[u8]) -> Option<Self> {
        if !start.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let (at, count) = (usize::try_from(le64(start, 32)?).ok()?, usize::from(le16(start, 56)?));
        let headers =
            (0..count.min(MAX_SEGMENTS)).filter_map(|index| slice(start, at.checked_add(index * ENTRY)?, ENTRY));
        let loaded = headers.filter(|header| le32(header, 0) == Some(LOAD));
        let segment =
            |header| Some(Segment { offset: le64(header, 8)?, address: le64(header, 16)?, length: le64(header, 32)? });
        Some(Self(loaded.filter_map(segment).collect()))
    }

    /// The place of an address.
    pub fn offset(&self, address: u64) -> Option<u64> {
        self.0.iter().find_map(|segment| {
            let within = address.checked_sub(segment.address)?;
            (within < segment.length).then(|| segment.offset.checked_add(within))?
        })
    }
}

/// Place and length of the text that a string header (address, length) is about.
pub fn string_at(header: &[u8], segments: &Segments) -> Option<(u64, usize)> {
    let length = usize::try_from(le64(header, 8)?).ok()?;
    Some((segments.offset(le64(header, 0)?)?, length))
}
