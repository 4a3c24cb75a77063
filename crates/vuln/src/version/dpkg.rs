//! Debian's order: `[epoch:]upstream[-revision]`.
//!
//! Source: Debian Policy §5.6.12 and deb-version(7). Upstream and revision are read as alternating runs of
//! non-digits and digits; in the former `~` sorts before the end, the end before letters, letters before the rest.

use super::packed::{Packed, number, split_digits};

/// Ends upstream and revision: after `~`, before everything that could follow.
const END: u8 = 0x02;
/// Ends a run of non-digits.
const RUN_END: u8 = 0x03;

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    let version = version.trim();
    let (epoch, rest) = split_epoch(version);
    out.part("epoch", epoch, |bytes| number(bytes, epoch));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    component("upstream", upstream, out);
    component("revision", revision, out);
}

/// The epoch (digits, empty for none) and the rest.
pub fn split_epoch(version: &str) -> (&str, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("", version),
    }
}

fn component(label: &'static str, text: &str, out: &mut Packed) {
    let mut rest = text;
    let mut first = true;
    // An empty text is a run without words and with value 0, as `0` is.
    while first || !rest.is_empty() {
        let end = rest.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(rest.len());
        let (words, tail) = rest.split_at(end);
        let (digits, tail) = split_digits(tail);
        let label = if first { label } else { "then" };
        out.part(label, &rest[..rest.len() - tail.len()], |bytes| {
            bytes.extend(words.bytes().flat_map(weight));
            bytes.push(RUN_END);
            number(bytes, digits);
        });
        rest = tail;
        first = false;
    }
    out.mark(END);
}

/// `~`, then (by [`RUN_END`]) the end, then letters, then everything else.
fn weight(byte: u8) -> impl Iterator<Item = u8> {
    let (class, value) = match byte {
        b'~' => (None, 0x01),
        b'a'..=b'z' | b'A'..=b'Z' => (None, byte),
        _ => (Some(0x80), byte),
    };
    class.into_iter().chain([value])
}

/// Digits first, and only the characters that the policy allows.
pub fn validate(version: &str) -> Result<(), &'static str> {
    let (_, rest) = split_epoch(version.trim());
    if rest.is_empty() {
        return Err("it is empty");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".+-~:_".contains(&byte);
    if rest.bytes().all(allowed) { Ok(()) } else { Err("it has characters that a Debian version cannot have") }
}
