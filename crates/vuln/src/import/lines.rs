//! Lines of a stream, each with a cap.

use std::io::{BufRead, Read as _};

use limits::ReadError;

/// Reads lines without their ends.
pub(super) struct Lines<R> {
    reader: R,
    limit: usize,
    what: String,
    number: u32,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `limit` bytes. `what` names the stream in errors.
    pub(super) fn new(reader: R, limit: usize, what: &str) -> Self {
        Self { reader, limit, what: what.to_owned(), number: 0, buffer: Vec::new() }
    }

    /// Number of the line that was read last, from 1.
    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    /// The next line; bytes that are not UTF-8 are replaced.
    pub(super) fn next_line(&mut self) -> Result<Option<String>, ReadError> {
        self.buffer.clear();
        let limit = self.limit as u64;
        let mut capped = self.reader.by_ref().take(limit + 1);
        let count = capped
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| ReadError::Io { what: self.what.clone(), source })?;
        if count == 0 {
            return Ok(None);
        }
        if count as u64 > limit {
            return Err(ReadError::TooBig { what: format!("line {} of {}", self.number + 1, self.what), limit });
        }
        self.number += 1;
        let line = String::from_utf8_lossy(&self.buffer);
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_an_error_that_says_which() {
        let mut lines = Lines::new(&b"short\r\n0123456789\n"[..], 8, "f");
        assert_eq!(lines.next_line().unwrap().as_deref(), Some("short"));
        assert_eq!(lines.next_line().unwrap_err().to_string(), "line 2 of f is larger than 8 bytes");
    }
}
