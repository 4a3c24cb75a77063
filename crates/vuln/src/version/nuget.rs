//! .NET's order: up to four numbers, then pre-release labels that ignore case.
//!
//! Source: the `NuGet` documentation on package versioning: `1.0` is `1.0.0.0`, build metadata does not count, labels
//! follow Semantic Versioning but compare without case.

use super::packed::Packed;
use super::semver;

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    semver::pack(&version.to_lowercase(), out);
}
