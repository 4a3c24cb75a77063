//! .NET's order: up to four numbers, then pre-release labels that ignore case.
//!
//! Source: the `NuGet` documentation on package versioning: `1.0` is `1.0.0.0`, build metadata does not count, labels
//! follow Semantic Versioning but compare without case. Its program takes a label for a number only as far as 32 bits
//! reach; a longer one, such as a time, is text and so after every number.

use super::packed::Packed;
use super::semver;

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    semver::pack_by(&version.to_lowercase(), |label| is_digits(label) && label.parse::<i32>().is_ok(), out);
}

fn is_digits(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit())
}
