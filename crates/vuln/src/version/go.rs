//! Go's order: module versions, pseudo-versions, and the versions of the standard library and toolchain.
//!
//! Source: the Go module reference (versions, pseudo-versions, `+incompatible`) and `go help version`. A module
//! version is a semantic version with `v`; `go1.21rc2` and `1.21rc2` are read as `1.21.0-rc.2`, which is how the Go
//! vulnerability database writes bounds; `-X:experiment` of a toolchain does not count.

use super::packed::{Packed, split_digits};
use super::semver;

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    semver::pack(&canonical(version), out);
}

/// The version in the form that advisories use: no `v`, no `go`, toolchain pre-releases with dots.
pub fn canonical(version: &str) -> String {
    let version = version.trim();
    let version = version.split_once(" X:").map_or(version, |(version, _)| version);
    let version = version.split_once("-X:").map_or(version, |(version, _)| version);
    let version = version.strip_prefix("go").or_else(|| version.strip_prefix(['v', 'V'])).unwrap_or(version);
    let end = version.bytes().position(|byte| !byte.is_ascii_digit() && byte != b'.').unwrap_or(version.len());
    let (core, tail) = version.split_at(end);
    for word in ["rc", "beta"] {
        if let Some(rest) = tail.strip_prefix(word) {
            let (number, after) = split_digits(rest);
            if !number.is_empty() && after.is_empty() {
                let zeros = ".0".repeat(2_usize.saturating_sub(core.matches('.').count()));
                return format!("{core}{zeros}-{word}.{number}");
            }
        }
    }
    version.to_owned()
}

/// `(devel)` and the like are not versions.
pub fn validate(version: &str) -> Result<(), &'static str> {
    semver::validate(&canonical(version)).map_err(|_| "it is not a module or toolchain version")
}

/// Whether a version is a pseudo-version: it ends in a time and a commit.
pub fn is_pseudo(version: &str) -> bool {
    let mut parts = version.rsplit('-');
    let commit = parts.next().is_some_and(|part| part.len() == 12 && part.bytes().all(|b| b.is_ascii_hexdigit()));
    let time = parts.next().and_then(|part| part.rsplit('.').next());
    commit && time.is_some_and(|part| part.len() == 14 && part.bytes().all(|b| b.is_ascii_digit()))
}
