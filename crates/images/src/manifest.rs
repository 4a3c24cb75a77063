//! Manifests, indexes and configurations of images.
//!
//! Sources: OCI image specification 1.1 (`manifest.md`, `image-index.md`, `config.md`, `descriptor.md`) and Docker's
//! Image Manifest Version 2, Schema 2, whose documents have the same fields under other media types. Schema 1 has no
//! verifiable layers and is refused by name.
//!
//! The bytes come from outside: sizes are capped before parsing, and a document that could be read in two ways is
//! refused (GHSA-qq97-vm5h-rrhg).

use std::collections::BTreeMap;

use limits::json::{JsonError, JsonLimits};
use model::{Platform, Timestamp};
use serde::Deserialize;

use crate::digest::Digest;

/// Largest manifest or index, in bytes: the limit that registries keep to (distribution specification, 4 MiB).
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// Largest configuration, in bytes: histories of thousands of long lines stay under 1 MiB.
pub const MAX_CONFIG_BYTES: u64 = 8 << 20;
/// Most layers of an image: overlay file systems stop at 500 and Docker at 127.
pub const MAX_LAYERS: usize = 1_000;
/// Most images of an index; the largest official ones have about 20 platforms, each with an attestation.
pub const MAX_INDEX_ENTRIES: usize = 512;

/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker image manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// A document that is not an image.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not JSON, or not of the shape that the specification says.
    #[error("it is not a readable {what}")]
    Json {
        /// What it should have been.
        what: &'static str,
        /// Why not.
        #[source]
        source: JsonError,
    },
    /// Schema 1.
    #[error("it is a Docker schema 1 manifest, whose layers cannot be verified")]
    Schema1,
    /// It is neither an index nor a manifest.
    #[error("it is neither an image index nor an image manifest (media type {media_type:?})")]
    Unknown {
        /// What it calls itself.
        media_type: String,
    },
    /// It can be read in two ways.
    #[error("it is ambiguous: {reason}")]
    Ambiguous {
        /// How.
        reason: &'static str,
    },
    /// It has too much of something.
    #[error("it has more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// Most allowed.
        limit: usize,
    },
    /// It is an artifact of another kind.
    #[error("it is no image but an artifact of type {artifact_type}")]
    NotAnImage {
        /// Its type.
        artifact_type: String,
    },
}

/// A pointer to content.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Descriptor {
    /// What it points to.
    #[serde(rename = "mediaType", default)]
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Size of the content in bytes.
    pub size: u64,
    /// Platform, in an index.
    #[serde(default)]
    pub platform: Option<OciPlatform>,
    /// Notes; `org.opencontainers.image.ref.name` names images of a layout.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Type of the artifact, in an index.
    #[serde(rename = "artifactType", default)]
    pub artifact_type: Option<String>,
}

/// The platform of an entry of an index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OciPlatform {
    /// `linux`, `windows`, or `unknown` for attestations.
    #[serde(default)]
    pub os: String,
    /// `amd64`, …
    #[serde(default)]
    pub architecture: String,
    /// Such as `v8`.
    #[serde(default)]
    pub variant: Option<String>,
    /// Build of Windows.
    #[serde(rename = "os.version", default)]
    pub os_version: Option<String>,
}

impl From<OciPlatform> for Platform {
    fn from(platform: OciPlatform) -> Self {
        let present = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            os: platform.os,
            architecture: platform.architecture,
            variant: present(platform.variant),
            os_version: present(platform.os_version),
        }
    }
}

/// An index or a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Several images.
    Index(Vec<Descriptor>),
    /// One image.
    Image(Manifest),
}

/// The manifest of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers, base first.
    pub layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct RawDocument {
    #[serde(rename = "schemaVersion", default)]
    schema_version: u32,
    #[serde(rename = "mediaType", default)]
    media_type: Option<String>,
    #[serde(rename = "artifactType", default)]
    artifact_type: Option<String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<serde::de::IgnoredAny>,
}

/// Reads an index or a manifest. `content_type` is what the registry called it, where it said something.
pub fn parse_document(bytes: &[u8], content_type: Option<&str>) -> Result<Document, ManifestError> {
    let limits = JsonLimits { bytes: usize::try_from(MAX_MANIFEST_BYTES).unwrap_or(usize::MAX), depth: 64 };
    let raw: RawDocument = limits::json::from_slice(bytes, &limits)
        .map_err(|source| ManifestError::Json { what: "image manifest or index", source })?;
    if raw.schema_version == 1 || raw.fs_layers.is_some() {
        return Err(ManifestError::Schema1);
    }
    let media_type = raw.media_type.as_deref().or(content_type).unwrap_or_default();
    // A registry may say one thing and the document another: then two programs could see two images.
    if let (Some(inside), Some(outside)) = (raw.media_type.as_deref(), content_type)
        && is_known(inside)
        && is_known(outside)
        && is_index(inside) != is_index(outside)
    {
        return Err(ManifestError::Ambiguous { reason: "the registry and the document name different media types" });
    }
    match (raw.manifests, raw.layers, raw.config) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            Err(ManifestError::Ambiguous { reason: "it has both layers and manifests" })
        }
        (Some(manifests), None, None) => {
            if is_known(media_type) && !is_index(media_type) {
                return Err(ManifestError::Ambiguous { reason: "it calls itself a manifest and is an index" });
            }
            at_most(&manifests, MAX_INDEX_ENTRIES, "entries")?;
            Ok(Document::Index(manifests))
        }
        (None, layers, Some(config)) => {
            // Go programs write an image without layers as `null`.
            let layers = layers.unwrap_or_default();
            if is_index(media_type) {
                return Err(ManifestError::Ambiguous { reason: "it calls itself an index and is a manifest" });
            }
            at_most(&layers, MAX_LAYERS, "layers")?;
            if !matches!(config.media_type.as_str(), OCI_CONFIG | DOCKER_CONFIG | "") {
                let artifact_type = raw.artifact_type.unwrap_or(config.media_type);
                return Err(ManifestError::NotAnImage { artifact_type });
            }
            Ok(Document::Image(Manifest { config, layers }))
        }
        _ => Err(ManifestError::Unknown { media_type: media_type.to_owned() }),
    }
}

fn at_most(list: &[Descriptor], limit: usize, what: &'static str) -> Result<(), ManifestError> {
    if list.len() > limit { Err(ManifestError::TooMany { what, limit }) } else { Ok(()) }
}

fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_LIST)
}

fn is_known(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_LIST | OCI_MANIFEST | DOCKER_MANIFEST)
}

/// Whether a layer can be part of the image's file system. Media types are not to be trusted: only those of one document or
/// program (an attestation, a signature, WebAssembly) say for sure that it is none; anything else is read.
pub fn can_be_file_system(media_type: &str) -> bool {
    !media_type.starts_with("text/")
        && !["+json", "+yaml", "+xml", "+wasm", "/json", "/wasm"].iter().any(|end| media_type.ends_with(end))
}

/// Whether runtimes know a layer of this media type as a file system.
pub fn is_known_layer(media_type: &str) -> bool {
    media_type.is_empty()
        || media_type.starts_with("application/vnd.oci.image.layer.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.")
}

/// The configuration of an image: the parts that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ImageConfig {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
    #[serde(rename = "os.version", default)]
    os_version: Option<String>,
    /// When it was made, RFC 3339.
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    config: Option<RunConfig>,
    #[serde(default)]
    rootfs: RootFs,
    /// How its layers were made.
    #[serde(default)]
    history: Option<Vec<History>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct RunConfig {
    #[serde(rename = "Labels", default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct History {
    #[serde(default)]
    created_by: Option<String>,
    #[serde(default)]
    empty_layer: bool,
}

impl ImageConfig {
    /// Reads a configuration.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let limits = JsonLimits { bytes: usize::try_from(MAX_CONFIG_BYTES).unwrap_or(usize::MAX), depth: 64 };
        limits::json::from_slice(bytes, &limits)
            .map_err(|source| ManifestError::Json { what: "image configuration", source })
    }

    /// The platform that it is made for.
    pub fn platform(&self) -> Platform {
        OciPlatform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
            os_version: self.os_version.clone(),
        }
        .into()
    }

    /// When the image was made; absent when it does not say so readably.
    pub fn created(&self) -> Option<Timestamp> {
        self.created.as_deref().and_then(|text| text.parse().ok())
    }

    /// Labels.
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.config.as_ref().and_then(|config| config.labels.clone()).unwrap_or_default()
    }

    /// The plain digest that it claims for a layer; a claim, to be believed only after computing it.
    pub fn claimed_diff_id(&self, layer: usize) -> Option<&str> {
        self.rootfs.diff_ids.as_ref().and_then(|ids| ids.get(layer)).map(String::as_str)
    }

    /// How many layers it speaks of.
    pub fn layer_count(&self) -> usize {
        self.rootfs.diff_ids.as_ref().map_or(0, Vec::len)
    }

    /// The history lines of the layers, in their order. Lines of steps that made no layer are left out.
    pub fn created_by(&self, layer: usize) -> Option<&str> {
        let made = self.history.iter().flatten().filter(|entry| !entry.empty_layer);
        made.into_iter().nth(layer).and_then(|entry| entry.created_by.as_deref()).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
