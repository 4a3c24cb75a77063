//! The manifest: which segments make up a database.

use std::path::Path;

use limits::json::{self, JsonLimits};
use serde::{Deserialize, Serialize};
use vuln::segment::Meta;

/// Name of the manifest's file.
pub const FILE: &str = "manifest.json";
/// Version of the manifest's form.
pub const FORMAT: u32 = 1;
/// Largest manifest: 300 feeds with their ecosystems stay under 200 KiB.
const MAX_BYTES: usize = 4 << 20;

/// A database's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// When it was last changed.
    pub updated: model::Timestamp,
    /// The segments, by name.
    pub segments: Vec<Entry>,
}

/// A segment of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// File in the database's directory.
    pub file: String,
    /// Its size.
    pub size_bytes: u64,
    /// Its SHA-256, hex.
    pub hash: String,
    /// What the segment says of itself.
    #[serde(flatten)]
    pub meta: Meta,
    /// When it was fetched or built.
    #[serde(default)]
    pub updated: model::Timestamp,
    /// Why the last update of this feed failed, when it did: the segment is then older than it could be.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failed: String,
    /// What the server said of the source's version, for conditional requests.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub etag: String,
}

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] limits::ReadError),
    /// It is not what it should be.
    #[error("{path}: {source}")]
    Parse {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: json::JsonError,
    },
    /// It is of another version.
    #[error("{path} has format {found}, this program reads {FORMAT}")]
    Format {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
    },
    /// A segment's file name leads out of the directory.
    #[error("{path} names the file {file:?}, which is not a plain name")]
    Name {
        /// The manifest.
        path: String,
        /// The name.
        file: String,
    },
}

impl Manifest {
    /// Reads the manifest of a directory.
    pub fn read(dir: &Path) -> Result<Self, ManifestError> {
        let path = dir.join(FILE);
        let bytes = limits::read_file(&path, MAX_BYTES as u64)?;
        Self::parse(&bytes, &path.display().to_string())
    }

    /// Reads a manifest. `path` names it in errors.
    pub fn parse(bytes: &[u8], path: &str) -> Result<Self, ManifestError> {
        let json = JsonLimits { bytes: MAX_BYTES, depth: 8 };
        let manifest: Self =
            json::from_slice(bytes, &json).map_err(|source| ManifestError::Parse { path: path.to_owned(), source })?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format { path: path.to_owned(), found: manifest.format });
        }
        if let Some(entry) = manifest.segments.iter().find(|entry| !is_plain(&entry.file)) {
            return Err(ManifestError::Name { path: path.to_owned(), file: entry.file.clone() });
        }
        Ok(manifest)
    }

    /// The segment of a name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.segments.iter().find(|entry| entry.meta.name == name)
    }
}

fn is_plain(file: &str) -> bool {
    !file.is_empty() && !file.starts_with('.') && !file.contains(['/', '\\', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert!(Manifest::parse(text.as_bytes(), "m").unwrap_err().to_string().contains(expected), "{text}");
    }

    #[test]
    fn refuses_what_it_cannot_use() {
        check("{", "m: ");
        check(r#"{"format":2,"updated":"2026-01-01T00:00:00Z","segments":[]}"#, "format 2");
        for file in ["../x", "/x", ".x", "a\\b", ""] {
            let entry = Entry { file: file.into(), ..Entry::default() };
            let manifest = Manifest { format: FORMAT, segments: vec![entry], ..Manifest::default() };
            check(&serde_json::to_string(&manifest).unwrap(), "not a plain name");
        }
        let large = format!("{{\"x\":\"{}\"}}", "y".repeat(MAX_BYTES));
        check(&large, "more than");
    }

    #[test]
    fn reads_back() {
        let entry = Entry { file: "a.seg".into(), failed: "404".into(), ..Entry::default() };
        let manifest = Manifest { format: FORMAT, segments: vec![entry], ..Manifest::default() };
        let text = serde_json::to_vec(&manifest).unwrap();
        assert_eq!(Manifest::parse(&text, "m").unwrap(), manifest);
    }
}
