//! A streaming reader of tar archives: headers are parsed, content is handed out or skipped, nothing is kept.
//!
//! Formats: POSIX ustar and PAX (IEEE Std 1003.1, `pax`), GNU (long names, base-256 numbers, sparse files; the GNU tar
//! manual, "Basic Tar Format"), Unix V7. Where these leave room it follows what container runtimes unpack: links,
//! directories and devices have no content whatever their size field says, and global PAX headers change no entry.
//! What it is not: a writer, or a random-access reader.

mod header;
mod pax;
mod source;
mod sparse;
#[cfg(test)]
mod tests;

use std::io::{self, Read};

use crate::Options;
use crate::path::normalise;
use header::{Block, Header};
use source::Source;
use sparse::{Extent, SparseReader};

/// An archive that can not be read further. Offsets count plain bytes from the start of the archive.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream failed.
    #[error("the archive can not be read at byte {offset}")]
    Read {
        /// Where.
        offset: u64,
        /// What the stream said.
        #[source]
        source: io::Error,
    },
    /// The stream ends within an entry.
    #[error("the archive ends at byte {offset}, within {what}")]
    Truncated {
        /// Where.
        offset: u64,
        /// Within what.
        what: &'static str,
    },
    /// A header makes no sense.
    #[error("damaged archive header at byte {offset}: {reason}")]
    Header {
        /// Where the header starts.
        offset: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A limit is exceeded.
    #[error("the archive has more than {limit} {what} (at byte {offset})")]
    Limit {
        /// Where.
        offset: u64,
        /// What is limited, plural.
        what: &'static str,
        /// The most that is allowed.
        limit: u64,
    },
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of an earlier entry.
    HardLink,
    /// A device, a pipe, or a type that only other programs know.
    Other,
}

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path in normal form; empty for the root directory.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Size of its content in bytes, holes of sparse files included.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Target of a link, as written; empty for anything else.
    pub link: String,
}

/// Reads an archive entry by entry.
#[derive(Debug)]
pub struct Walker<R> {
    source: Source<R>,
    options: Options,
    entries: u64,
    /// Bytes of the current entry that are still in the stream, and the padding after them.
    remaining: u64,
    padding: u64,
    sparse: Option<Vec<Extent>>,
    size: u64,
    ended: bool,
}

/// What the headers before an entry say about it.
#[derive(Default)]
struct Overrides {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: pax::Records,
}

impl<R: Read> Walker<R> {
    /// Starts to read. Of `options` the limits of entries, path and extended header are used.
    pub fn new(reader: R, options: &Options) -> Self {
        Self {
            source: Source::new(reader),
            options: options.clone(),
            entries: 0,
            remaining: 0,
            padding: 0,
            sparse: None,
            size: 0,
            ended: false,
        }
    }

    /// Entries so far.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// Plain bytes read so far.
    pub const fn position(&self) -> u64 {
        self.source.position()
    }

    /// The next entry; skips what was not read of the one before. At the end of the archive it reads the stream to its
    /// own end, so that a reader beneath can compare its digest.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        if self.ended {
            return Ok(None);
        }
        self.finish_entry()?;
        let mut overrides = Overrides::default();
        loop {
            let offset = self.source.position();
            let Some(block) = self.next_block(offset)? else {
                self.ended = true;
                self.source.drain()?;
                return Ok(None);
            };
            let header = Header::parse(&block, offset)?;
            self.entries += 1;
            if self.entries > self.options.max_entries {
                return Err(TarError::Limit { offset, what: "entries", limit: self.options.max_entries });
            }
            match header.flag {
                b'x' => overrides.pax.extend(&self.extended(header.size, offset)?, offset)?,
                b'g' => drop(self.extended(header.size, offset)?),
                b'L' => overrides.path = Some(self.long_name(header.size, offset)?),
                b'K' => overrides.link = Some(self.long_name(header.size, offset)?),
                _ => return self.entry(&block, &header, overrides, offset).map(Some),
            }
        }
    }

    /// The content of the entry that [`Self::next_entry`] gave last, once.
    pub fn content(&mut self) -> impl Read + '_ {
        let size = self.size;
        let extents = self.sparse.take();
        let data = Content { source: &mut self.source, remaining: &mut self.remaining };
        match extents {
            None => SparseReader::plain(data, size),
            Some(extents) => SparseReader::new(data, extents, size),
        }
    }

    fn finish_entry(&mut self) -> Result<(), TarError> {
        let left = self.remaining.saturating_add(self.padding);
        self.remaining = 0;
        self.padding = 0;
        self.source.skip(left, "the content of a file")
    }

    /// The next header block, `None` at the end. One zero block must be followed by another or by the end.
    fn next_block(&mut self, offset: u64) -> Result<Option<Block>, TarError> {
        let Some(block) = self.source.block()? else { return Ok(None) };
        if !header::is_zero(&block) {
            return Ok(Some(block));
        }
        match self.source.block()? {
            Some(second) if !header::is_zero(&second) => {
                Err(TarError::Header { offset, reason: "a block of zeros within the archive" })
            }
            _ => Ok(None),
        }
    }

    /// Sets how many bytes of content follow in the stream.
    fn set_content(&mut self, stored: u64, size: u64) {
        self.remaining = stored;
        self.padding = header::padding(stored);
        self.size = size;
        self.sparse = None;
    }

    /// Reads the content of a header of headers.
    fn extended(&mut self, size: u64, offset: u64) -> Result<Vec<u8>, TarError> {
        if size > self.options.max_pax_bytes {
            return Err(TarError::Limit {
                offset,
                what: "bytes of extended header",
                limit: self.options.max_pax_bytes,
            });
        }
        self.set_content(size, size);
        let bytes = self.source.exact(size, "an extended header")?;
        self.remaining = 0;
        self.finish_entry()?;
        Ok(bytes)
    }

    fn long_name(&mut self, size: u64, offset: u64) -> Result<Vec<u8>, TarError> {
        let bytes = self.extended(size, offset)?;
        Ok(header::until_nul(&bytes).to_vec())
    }

    fn entry(&mut self, block: &Block, header: &Header, overrides: Overrides, offset: u64) -> Result<Entry, TarError> {
        let Overrides { path, link, pax } = overrides;
        let path = pax.sparse_name.or(pax.path).or(path).unwrap_or_else(|| header.path.clone());
        let link = pax.link.or(link).unwrap_or_else(|| header.link.clone());
        for text in [&path, &link] {
            if text.len() > self.options.max_path_bytes {
                let limit = self.options.max_path_bytes as u64;
                return Err(TarError::Limit { offset, what: "bytes of a path", limit });
            }
        }
        let kind = header.kind(&path);
        let stored =
            if kind == EntryKind::File || header.has_unknown_content() { pax.size.unwrap_or(header.size) } else { 0 };
        self.set_content(stored, stored);
        if kind == EntryKind::File {
            if header.flag == b'S' {
                let extents = sparse::old_gnu(block, &mut self.source, offset)?;
                self.set_sparse(extents, sparse::old_gnu_size(block, offset)?, stored, offset)?;
            } else if let Some(real) = pax.sparse_size {
                let extents = match pax.sparse_map {
                    Some(extents) => extents,
                    None => self.leading_map(offset)?,
                };
                let stored = self.remaining;
                self.set_sparse(extents, real, stored, offset)?;
            }
        }
        let path = normalise(&String::from_utf8_lossy(&path));
        let link = String::from_utf8_lossy(&link).into_owned();
        Ok(Entry { path, kind, size: self.size, mode: header.mode, link })
    }

    /// The map at the start of the content (PAX sparse format 1.0).
    fn leading_map(&mut self, offset: u64) -> Result<Vec<Extent>, TarError> {
        let (extents, used) = sparse::leading(&mut self.source, self.remaining, offset)?;
        self.remaining -= used;
        Ok(extents)
    }

    fn set_sparse(&mut self, extents: Vec<Extent>, real: u64, stored: u64, offset: u64) -> Result<(), TarError> {
        sparse::check(&extents, real, stored, offset)?;
        self.size = real;
        self.sparse = Some(extents);
        Ok(())
    }
}

/// The bytes of an entry as they are stored.
struct Content<'a, R> {
    source: &'a mut Source<R>,
    remaining: &'a mut u64,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(*self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 {
            return Ok(0);
        }
        let count = self.source.read(&mut buffer[..room])?;
        if count == 0 {
            let offset = self.source.position();
            let error = TarError::Truncated { offset, what: "the content of a file" };
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error));
        }
        *self.remaining -= count as u64;
        Ok(count)
    }
}
