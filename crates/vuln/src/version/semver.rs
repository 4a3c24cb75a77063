//! Semantic versions, read tolerantly.
//!
//! Source: Semantic Versioning 2.0.0 §11. Tolerated because real records need it: a leading `v` or `=`, fewer or more
//! than three numbers (missing ones are 0), numbers of any length. Build metadata does not count.

use super::packed::{END, Packed, is_number, number, text};

const NUMERIC: u8 = 0x10;
const ALPHANUMERIC: u8 = 0x20;
/// A release sorts after all its pre-releases.
const RELEASE: u8 = 0xff;

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    let version = trim(version);
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    let (core, pre) = match version.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (version, None),
    };
    numbers(core, out);
    prerelease(pre, out);
}

fn trim(version: &str) -> &str {
    let version = version.trim().trim_start_matches('=').trim_start();
    version.strip_prefix(['v', 'V']).unwrap_or(version)
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
pub(super) fn prerelease(pre: Option<&str>, out: &mut Packed) {
    let Some(pre) = pre else {
        out.part("release", "", |bytes| bytes.push(RELEASE));
        return;
    };
    for identifier in pre.split('.') {
        out.part("pre-release", identifier, |bytes| {
            if is_number(identifier) {
                bytes.push(NUMERIC);
                number(bytes, identifier);
            } else {
                bytes.push(ALPHANUMERIC);
                text(bytes, identifier.as_bytes());
            }
        });
    }
    out.mark(END);
}

/// A number first; ranges, URLs and branch names are not versions.
pub fn validate(version: &str) -> Result<(), &'static str> {
    let core = trim(version).split(['-', '+']).next().unwrap_or("");
    if core.split('.').all(is_number) { Ok(()) } else { Err("its first part is not dot-separated numbers") }
}
