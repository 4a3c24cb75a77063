//! Software bills of materials: an [`Inventory`] as CycloneDX 1.6 or SPDX 2.3 JSON, and back.
//!
//! Sources: the CycloneDX 1.6 JSON schema (ECMA-424), the SPDX 2.3 specification and its JSON schema, the purl
//! specification. What other tools write is read as they write it: Syft and Trivy keep source packages in purl
//! qualifiers, properties or free text.
//! What it is not: a validator. Parts that cannot be understood become diagnostics; the rest is read.

mod cyclonedx;
mod distribution;
mod read;
mod release;
mod spdx;
#[cfg(test)]
mod tests;
mod text;

use model::{Inventory, Timestamp};

pub use cyclonedx::cyclonedx;
pub use read::{MAX_SBOM_BYTES, SbomError, read};
pub use spdx::spdx;
pub use text::Form;

/// Who writes a document, and when. Parameters, since an engine has no clock.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// Version of the program.
    pub version: &'a str,
    /// Time of the document; the image's own time is used without one.
    pub time: Option<Timestamp>,
}

impl Made<'_> {
    /// RFC 3339 with seconds: neither format allows fractions everywhere.
    fn time_of(&self, inventory: &Inventory) -> Option<String> {
        let time = self.time.or(inventory.artifact.created)?.to_string();
        Some(format!("{}Z", time.get(..19)?))
    }
}

/// Prefix of the properties that carry what the formats have no field for.
const PROPERTY: &str = "seawall:";

/// The name of what is described: reference, else digest, else a word.
fn subject(inventory: &Inventory) -> String {
    let artifact = &inventory.artifact;
    let name = artifact.reference.as_ref().or(artifact.manifest_digest.as_ref()).or(artifact.config_digest.as_ref());
    name.cloned().unwrap_or_else(|| "image".to_owned())
}

/// A UUID that is the same for the same inventory: version 8 of RFC 9562 over the first bits of its identity.
fn uuid(inventory: &Inventory) -> String {
    let mut hex: Vec<u8> =
        inventory.id.bytes().filter(u8::is_ascii_hexdigit).chain(std::iter::repeat(b'0')).take(32).collect();
    hex[12] = b'8';
    hex[16] = b'8';
    let hex = String::from_utf8_lossy(&hex).to_ascii_lowercase();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
