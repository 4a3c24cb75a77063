//! Semantic versions, read tolerantly.
//!
//! Source: Semantic Versioning 2.0.0 §11. Tolerated because real records need it: a leading `v` or `=`, fewer or more
//! than three numbers (missing ones are 0), numbers of any length, no hyphen before a pre-release (`1.2.3beta`, as
//! node-semver's loose mode has it). Build metadata does not count.

use super::packed::{END, Packed, is_number, number, text};

pub(super) const NUMERIC: u8 = 0x10;
const ALPHANUMERIC: u8 = 0x20;
/// A release sorts after all its pre-releases.
const RELEASE: u8 = 0xff;

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    pack_by(version, identifier, out);
}

/// The same with another key of pre-release identifiers.
pub(super) fn pack_by(version: &str, identifier: fn(&str, &mut Vec<u8>), out: &mut Packed) {
    let version = trim(version);
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    let (core, pre) = split(version);
    numbers(core, out);
    prerelease(pre, identifier, out);
}

/// The numbers and the pre-release; the hyphen between them may be missing (`1.2.3beta`).
fn split(version: &str) -> (&str, Option<&str>) {
    if let Some((core, pre)) = version.split_once('-')
        && (core.is_empty() || core.split('.').any(|part| !part.is_empty() && !starts_with_digit(part)))
    {
        return (core, Some(pre));
    }
    let end = version.bytes().position(|byte| !byte.is_ascii_digit() && byte != b'.').unwrap_or(version.len());
    match version.split_at(end) {
        (core, "") => (core, None),
        // A name (`latest`) or a range (`1.x`) is no version; it stays one part.
        (core, _) if core.is_empty() || core.ends_with('.') => (version, None),
        (core, pre) => (core, Some(pre.strip_prefix('-').unwrap_or(pre))),
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
}

fn trim(version: &str) -> &str {
    version.trim().trim_start_matches(['=', 'v', 'V', ' '])
}

/// Appends dot-separated numbers; trailing zeros do not count.
pub(super) fn numbers(core: &str, out: &mut Packed) {
    let mut kept = out.len();
    for (index, component) in core.split('.').enumerate() {
        let label = ["major", "minor", "patch"].get(index).copied().unwrap_or("then");
        out.part(label, component, |bytes| {
            if is_number(component) {
                bytes.push(NUMERIC);
                number(bytes, component);
            } else if component.is_empty() {
                bytes.extend_from_slice(&[NUMERIC, 0]);
            } else {
                bytes.push(0x08);
                text(bytes, component.as_bytes());
            }
        });
        if !component.bytes().all(|byte| byte == b'0') {
            kept = out.len();
        }
    }
    out.truncate(kept);
    out.mark(END);
}

/// Appends a pre-release, or the mark of a release for `None`.
fn prerelease(pre: Option<&str>, identifier: fn(&str, &mut Vec<u8>), out: &mut Packed) {
    let Some(pre) = pre else {
        out.part("release", "", |bytes| bytes.push(RELEASE));
        return;
    };
    for label in pre.split('.') {
        out.part("pre-release", label, |bytes| identifier(label, bytes));
    }
    out.mark(END);
}

/// Appends a pre-release identifier: numbers sort before texts.
fn identifier(label: &str, out: &mut Vec<u8>) {
    if is_number(label) {
        out.push(NUMERIC);
        number(out, label);
    } else {
        alphanumeric(label, out);
    }
}

/// Appends an identifier that is a text.
pub(super) fn alphanumeric(label: &str, out: &mut Vec<u8>) {
    out.push(ALPHANUMERIC);
    text(out, label.as_bytes());
}

/// A number first; ranges, URLs and branch names are not versions.
pub fn validate(version: &str) -> Result<(), &'static str> {
    let version = trim(version);
    let (core, _) = split(version.split_once('+').map_or(version, |(version, _)| version));
    if core.split('.').all(is_number) { Ok(()) } else { Err("its first part is not dot-separated numbers") }
}
