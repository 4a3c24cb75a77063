//! RPM's order: `[epoch:]version[-release]`.
//!
//! Source: rpm's documentation of version comparison (rpmvercmp), including `~` (sorts before the end) and `^`
//! (after the end, before anything else). Runs of letters and digits are compared, separators are not; a number is
//! newer than a word. A missing release sorts before any release, as `rpmverCmp` has it.

use super::packed::{END, Packed, number, split_digits, split_letters, text};

const CARET: u8 = 0x03;
const WORD: u8 = 0x10;
const NUMBER: u8 = 0x20;

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    let (epoch, rest) = split_epoch(version.trim());
    out.part("epoch", epoch, |bytes| number(bytes, epoch));
    if let Some((version, release)) = rest.rsplit_once('-') {
        component("version", version, out);
        out.mark(1);
        component("release", release, out);
    } else {
        component("version", rest, out);
        out.mark(0);
    }
}

/// The epoch (digits, empty for none) and the rest.
pub fn split_epoch(version: &str) -> (&str, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("", version),
    }
}

fn component(label: &'static str, version: &str, out: &mut Packed) {
    let mut rest = version;
    let mut first = true;
    loop {
        let start = rest.bytes().position(|byte| byte.is_ascii_alphanumeric() || byte == b'~' || byte == b'^');
        // Separators are ASCII or parts of longer characters; the position is that of an ASCII byte, so a boundary.
        rest = start.map_or("", |at| &rest[at..]);
        let label = if first { label } else { "then" };
        let Some(byte) = rest.bytes().next() else { break };
        rest = match byte {
            b'~' => {
                out.part(label, "~", |bytes| bytes.push(0x01));
                &rest[1..]
            }
            b'^' => {
                out.part(label, "^", |bytes| bytes.push(CARET));
                &rest[1..]
            }
            b'0'..=b'9' => {
                let (digits, tail) = split_digits(rest);
                out.part(label, digits, |bytes| {
                    bytes.push(NUMBER);
                    number(bytes, digits);
                });
                tail
            }
            _ => {
                let (word, tail) = split_letters(rest);
                out.part(label, word, |bytes| {
                    bytes.push(WORD);
                    text(bytes, word.as_bytes());
                });
                tail
            }
        };
        first = false;
    }
    if first {
        out.part(label, "", |_| {});
    }
    out.mark(END);
}

/// Anything with a letter or digit is a version.
pub fn validate(version: &str) -> Result<(), &'static str> {
    let (_, rest) = split_epoch(version.trim());
    if rest.bytes().any(|byte| byte.is_ascii_alphanumeric()) { Ok(()) } else { Err("it has no letter and no digit") }
}
