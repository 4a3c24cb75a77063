//! Sparse files of GNU tar: the old format (maps in headers) and PAX 0.0, 0.1, 1.0. The GNU tar manual, "Storing Sparse
//! Files". Reading one gives the file as it was, holes as zeros.

use std::io::{self, Read};

use super::TarError;
use super::header::{BLOCK, Block, number};
use super::pax::decimal;
use super::source::Source;

/// Extents of one file. A map of 64 Ki extents is 1 MiB here; runtimes write images without sparse files at all.
pub const MAX_EXTENTS: usize = 1 << 16;

/// A part of a sparse file that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub start: u64,
    pub length: u64,
}

/// Extents in order and without overlap, within the real size, and as long together as what is stored.
pub fn check(extents: &[Extent], real: u64, stored: u64, offset: u64) -> Result<(), TarError> {
    let mut end = 0_u64;
    let mut sum = 0_u64;
    let sane = extents.iter().all(|extent| {
        let ordered = extent.start >= end;
        end = extent.start.saturating_add(extent.length);
        sum = sum.saturating_add(extent.length);
        ordered && end <= real
    });
    if sane && sum == stored { Ok(()) } else { Err(TarError::Header { offset, reason: "its sparse map is wrong" }) }
}

/// The real size in an old GNU header.
pub fn old_gnu_size(block: &Block, offset: u64) -> Result<u64, TarError> {
    number(&block[483..495]).ok_or(TarError::Header { offset, reason: "its real size is no number" })
}

/// The map in an old GNU header and in the blocks that follow it.
pub fn old_gnu<R: Read>(block: &Block, source: &mut Source<R>, offset: u64) -> Result<Vec<Extent>, TarError> {
    let mut extents = Vec::new();
    push_pairs(&block[386..482], &mut extents, offset)?;
    let mut more = block[482] != 0;
    while more {
        let next = source.block()?.ok_or(TarError::Truncated { offset: source.position(), what: "a sparse map" })?;
        push_pairs(&next[..504], &mut extents, offset)?;
        more = next[504] != 0;
    }
    Ok(extents)
}

fn push_pairs(fields: &[u8], extents: &mut Vec<Extent>, offset: u64) -> Result<(), TarError> {
    let (pairs, _) = fields.as_chunks::<24>();
    for pair in pairs {
        if pair[0] == 0 {
            break;
        }
        let (Some(start), Some(length)) = (number(&pair[..12]), number(&pair[12..])) else {
            return Err(TarError::Header { offset, reason: "its sparse map is no list of numbers" });
        };
        push(Extent { start, length }, extents, offset)?;
    }
    Ok(())
}

fn push(extent: Extent, extents: &mut Vec<Extent>, offset: u64) -> Result<(), TarError> {
    if extents.len() == MAX_EXTENTS {
        return Err(TarError::Limit { offset, what: "extents of a sparse file", limit: MAX_EXTENTS as u64 });
    }
    extents.push(extent);
    Ok(())
}

/// The map at the start of the content (1.0): decimal numbers on lines, first their count, padded to a whole block.
/// Also gives how many bytes it took.
pub fn leading<R: Read>(source: &mut Source<R>, stored: u64, offset: u64) -> Result<(Vec<Extent>, u64), TarError> {
    let refuse = |reason| TarError::Header { offset, reason };
    let (mut used, mut text) = (0_u64, Vec::new());
    let mut numbers: Vec<u64> = Vec::new();
    let mut wanted = 1;
    while numbers.len() < wanted {
        if stored - used < BLOCK as u64 {
            return Err(refuse("its sparse map is longer than its content"));
        }
        let block = source.block()?.ok_or(TarError::Truncated { offset: source.position(), what: "a sparse map" })?;
        used += BLOCK as u64;
        text.extend_from_slice(&block);
        while numbers.len() < wanted
            && let Some(end) = memchr::memchr(b'\n', &text)
        {
            let value = decimal(&text[..end]).ok_or(refuse("its sparse map is no list of numbers"))?;
            text.drain(..=end);
            if numbers.is_empty() {
                let count = usize::try_from(value).ok().filter(|count| *count <= MAX_EXTENTS);
                let limit = MAX_EXTENTS as u64;
                wanted = 1 + 2 * count.ok_or(TarError::Limit { offset, what: "extents of a sparse file", limit })?;
            }
            numbers.push(value);
        }
        // The longest number has 20 digits: a block without an end of line is none.
        if text.len() > BLOCK {
            return Err(refuse("its sparse map is no list of numbers"));
        }
    }
    let (pairs, _) = numbers[1..].as_chunks::<2>();
    Ok((pairs.iter().map(|[start, length]| Extent { start: *start, length: *length }).collect(), used))
}

/// Gives a file with its holes.
pub struct SparseReader<R> {
    data: R,
    extents: std::vec::IntoIter<Extent>,
    /// The extent that is read or comes next.
    current: Option<Extent>,
    position: u64,
    size: u64,
}

impl<R: Read> SparseReader<R> {
    pub fn new(data: R, extents: Vec<Extent>, size: u64) -> Self {
        let mut extents = extents.into_iter();
        let current = extents.next();
        Self { data, extents, current, position: 0, size }
    }

    /// A file without holes.
    pub fn plain(data: R, size: u64) -> Self {
        Self::new(data, vec![Extent { start: 0, length: size }], size)
    }
}

impl<R: Read> Read for SparseReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(extent) = self.current {
            if self.position < extent.start + extent.length {
                break;
            }
            self.current = self.extents.next();
        }
        let room = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = match self.current {
            Some(extent) if self.position >= extent.start => {
                let room = room(extent.start + extent.length - self.position);
                self.data.read(&mut buffer[..room])?
            }
            hole => {
                let end = hole.map_or(self.size, |extent| extent.start);
                let room = room(end.saturating_sub(self.position));
                buffer[..room].fill(0);
                room
            }
        };
        self.position += count as u64;
        Ok(count)
    }
}
