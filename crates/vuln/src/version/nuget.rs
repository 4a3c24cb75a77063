//! .NET's order: up to four numbers, then pre-release labels that ignore case.
//!
//! Source: the `NuGet` documentation on package versioning: `1.0` is `1.0.0.0`, build metadata does not count, labels
//! follow Semantic Versioning but compare without case. Its library takes for a number what 32 bits with a sign hold
//! (`-1` too); a longer one, such as a time, is text and so after every number.

use super::packed::Packed;
use super::semver;

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    semver::pack_by(&version.to_lowercase(), label, out);
}

fn label(label: &str, out: &mut Vec<u8>) {
    match label.parse::<i32>() {
        Ok(number) => {
            out.push(semver::NUMERIC);
            // With the sign turned, bytes sort as numbers do.
            out.extend_from_slice(&(number ^ i32::MIN).to_be_bytes());
        }
        Err(_) => semver::alphanumeric(label, out),
    }
}
