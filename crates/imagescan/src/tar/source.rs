//! The buffered stream below the walker: whole blocks, exact counts, and skipping without a second copy.

use std::io::{self, Read};

use super::TarError;
use super::header::{BLOCK, Block};

/// Bytes asked of the stream at once: enough that a decompressor beneath works in its second-level cache.
const BUFFER_BYTES: usize = 128 << 10;

#[derive(Debug)]
pub struct Source<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    position: u64,
}

impl<R: Read> Source<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0, position: 0 }
    }

    /// Bytes handed out so far.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Reads more when nothing is buffered. False at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            self.start = 0;
            self.end = read_some(&mut self.reader, &mut self.buffer)?;
        }
        Ok(self.start < self.end)
    }

    fn advance(&mut self, count: usize) {
        self.start += count;
        self.position += count as u64;
    }

    /// As [`Read::read`].
    pub fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end && out.len() >= BUFFER_BYTES {
            let count = read_some(&mut self.reader, out)?;
            self.position += count as u64;
            return Ok(count);
        }
        if !self.fill()? {
            return Ok(0);
        }
        let count = out.len().min(self.end - self.start);
        out[..count].copy_from_slice(&self.buffer[self.start..self.start + count]);
        self.advance(count);
        Ok(count)
    }

    /// The next block, `None` when the stream ends before it.
    pub fn block(&mut self) -> Result<Option<Block>, TarError> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.read(&mut block[filled..]).map_err(|source| self.failed(source))? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(TarError::Truncated { offset: self.position, what: "a header" }),
                count => filled += count,
            }
        }
        Ok(Some(block))
    }

    /// Exactly `count` bytes; the caller has checked that they may be held.
    pub fn exact(&mut self, count: u64, what: &'static str) -> Result<Vec<u8>, TarError> {
        let mut out = vec![0; usize::try_from(count).unwrap_or(usize::MAX)];
        let mut filled = 0;
        while filled < out.len() {
            match self.read(&mut out[filled..]).map_err(|source| self.failed(source))? {
                0 => return Err(TarError::Truncated { offset: self.position, what }),
                count => filled += count,
            }
        }
        Ok(out)
    }

    /// Passes over `count` bytes.
    pub fn skip(&mut self, mut count: u64, what: &'static str) -> Result<(), TarError> {
        while count > 0 {
            if !self.fill().map_err(|source| self.failed(source))? {
                return Err(TarError::Truncated { offset: self.position, what });
            }
            let step = count.min((self.end - self.start) as u64);
            // A step is at most the length of the buffer.
            self.advance(usize::try_from(step).unwrap_or(self.end - self.start));
            count -= step;
        }
        Ok(())
    }

    /// Passes over everything up to the end of the stream.
    pub fn drain(&mut self) -> Result<(), TarError> {
        while self.fill().map_err(|source| self.failed(source))? {
            self.advance(self.end - self.start);
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> TarError {
        TarError::Read { offset: self.position, source }
    }
}

fn read_some(reader: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
