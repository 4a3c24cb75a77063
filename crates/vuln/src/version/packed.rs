//! Packed sort keys: bytes whose order is the order of versions, so that a range check is one `memcmp`.
//!
//! What it is: the few encodings that the schemes share (numbers of any length, text with an end mark) and, when
//! asked for, the labelled parts behind an explanation. What it is not: stored; keys are made when needed, since a
//! version text is shorter than its key and an assessment looks at few versions.

/// Ends a list or a text. Marks below it sort before the end, marks above it after.
pub const END: u8 = 0x02;
/// Longest number whose count of digits fits one byte; longer ones carry four bytes more.
const SHORT_NUMBER: usize = 0xfe;

/// A part of a version, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is: `epoch`, `number`, `pre-release`, …
    pub label: &'static str,
    /// As the version writes it.
    pub text: String,
    /// Its bytes in the key, or what stands for them: parts with equal keys are equal.
    pub key: Vec<u8>,
}

/// A key under construction.
#[derive(Debug)]
pub struct Packed {
    bytes: Vec<u8>,
    parts: Option<Vec<Part>>,
}

impl Packed {
    /// A key without parts.
    pub fn bytes_only() -> Self {
        Self { bytes: Vec::with_capacity(24), parts: None }
    }

    /// A key that remembers its parts.
    pub fn with_parts() -> Self {
        Self { bytes: Vec::with_capacity(24), parts: Some(Vec::new()) }
    }

    /// The key.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The parts; empty unless asked for at the start.
    pub fn into_parts(self) -> Vec<Part> {
        self.parts.unwrap_or_default()
    }

    /// Appends one byte that belongs to no part.
    pub fn mark(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Appends a part: `write` adds its bytes.
    pub fn part(&mut self, label: &'static str, text: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        if let Some(parts) = &mut self.parts {
            parts.push(Part { label, text: text.to_owned(), key: self.bytes[start..].to_vec() });
        }
    }

    /// Length so far, for [`Packed::truncate`].
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes back the bytes after a length that [`Packed::len`] gave: trailing parts that count as absent. The parts
    /// stay, since a person wrote them.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }
}

/// Appends a run of decimal digits as a number of any size: leading zeros do not count.
pub fn number(out: &mut Vec<u8>, digits: &str) {
    let digits = digits.trim_start_matches('0');
    match u8::try_from(digits.len()) {
        Ok(length) if usize::from(length) <= SHORT_NUMBER => out.push(length),
        _ => {
            out.push(0xff);
            let length = u32::try_from(digits.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(digits.as_bytes());
}

/// Appends text so that a prefix sorts first. Bytes 0 and 1 are escaped.
pub fn text(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        if byte <= 1 {
            out.push(1);
        }
        out.push(byte);
    }
    out.push(0);
}

/// Splits a leading run of ASCII digits off.
pub fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Splits a leading run of ASCII letters off.
pub fn split_letters(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len());
    text.split_at(end)
}

/// Whether a text is one or more decimal digits.
pub fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
