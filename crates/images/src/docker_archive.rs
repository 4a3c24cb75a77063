//! What `docker save` writes (`docker-archive:FILE`).
//!
//! Source: Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format": a `manifest.json` that
//! names configurations and layers by their paths in the archive. Layers have no digests of their own there; where their
//! path is one (Docker since version 25) it is checked, and the digest is computed in any case.

use std::path::{Path, PathBuf};

use limits::ReadError;
use limits::json::{JsonError, JsonLimits};
use serde::Deserialize;

use crate::archive::{Archive, ArchiveError};
use crate::blob::{Blob, Expectation};
use crate::digest::Digest;
use crate::layout::split_name;
use crate::manifest::{ImageConfig, MAX_CONFIG_BYTES, MAX_LAYERS, MAX_MANIFEST_BYTES, ManifestError};
use crate::reference::RegistryReference;

/// An archive of `docker save` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DockerArchiveError {
    /// The tar file cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A member could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It has no `manifest.json`.
    #[error("{} has no manifest.json: docker save did not write it", path.display())]
    NotSaved {
        /// Which.
        path: PathBuf,
    },
    /// Its `manifest.json` is not what it should be.
    #[error("manifest.json in {} cannot be used", path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: JsonError,
    },
    /// A configuration cannot be used.
    #[error("{name} in {} cannot be used", path.display())]
    Config {
        /// Which archive.
        path: PathBuf,
        /// Which member.
        name: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// An image has too many layers.
    #[error("an image in {} has more than {MAX_LAYERS} layers", path.display())]
    TooManyLayers {
        /// Which.
        path: PathBuf,
    },
    /// No image has the name.
    #[error("{} has no image {name:?}; it has: {}", path.display(), .names.join(", "))]
    NoSuchImage {
        /// Which.
        path: PathBuf,
        /// The name that was asked for.
        name: String,
        /// The names that are there.
        names: Vec<String>,
    },
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "RepoTags", default)]
    tags: Option<Vec<String>>,
    #[serde(rename = "Layers", default)]
    layers: Option<Vec<String>>,
}

/// An image of an archive.
#[derive(Debug)]
pub(crate) struct SavedImage {
    /// Digest of the configuration's bytes: the image's id.
    pub config_digest: Digest,
    pub config: ImageConfig,
    pub layers: Vec<SavedLayer>,
}

/// A layer of an archive.
#[derive(Debug, Clone)]
pub(crate) struct SavedLayer {
    /// Path in the archive.
    pub name: String,
    /// Size in bytes; 0 for a layer that is missing, which its reading then tells.
    pub size_bytes: u64,
    /// Digest by its path, where the path is one.
    pub digest: Option<Digest>,
}

/// Opens `FILE` or `FILE:NAME`, the text after `docker-archive:`.
pub(crate) fn open(text: &str) -> Result<(Archive, Vec<SavedImage>), DockerArchiveError> {
    let (file, name) = split_name(text, Path::is_file);
    let archive = Archive::open(Path::new(file))?;
    let path = archive.path().to_owned();
    if archive.size("manifest.json").is_none() {
        return Err(DockerArchiveError::NotSaved { path });
    }
    let bytes = archive.read("manifest.json", MAX_MANIFEST_BYTES)?;
    let limits = JsonLimits { bytes: bytes.len(), depth: 16 };
    let entries: Vec<Entry> = limits::json::from_slice(&bytes, &limits)
        .map_err(|source| DockerArchiveError::Manifest { path: path.clone(), source })?;
    let images =
        choose(&path, entries, name)?.into_iter().map(|entry| image(&archive, entry)).collect::<Result<_, _>>()?;
    Ok((archive, images))
}

fn choose(path: &Path, entries: Vec<Entry>, name: Option<&str>) -> Result<Vec<Entry>, DockerArchiveError> {
    let Some(name) = name else { return Ok(entries) };
    // Docker writes short names, other tools full ones; people write either.
    let full = |text: &str| text.parse::<RegistryReference>().map_or_else(|_| text.to_owned(), |full| full.to_string());
    let wanted = full(name);
    let has_name = |entry: &Entry| entry.tags.iter().flatten().any(|tag| full(tag) == wanted);
    let names = entries.iter().flat_map(|entry| entry.tags.iter().flatten()).cloned().collect();
    let chosen: Vec<Entry> = entries.into_iter().filter(has_name).collect();
    if chosen.is_empty() {
        return Err(DockerArchiveError::NoSuchImage { path: path.to_owned(), name: name.to_owned(), names });
    }
    Ok(chosen)
}

fn image(archive: &Archive, entry: Entry) -> Result<SavedImage, DockerArchiveError> {
    let path = || archive.path().to_owned();
    let bytes = archive.read(&entry.config, MAX_CONFIG_BYTES)?;
    let config = ImageConfig::parse(&bytes).map_err(|source| DockerArchiveError::Config {
        path: path(),
        name: entry.config.clone(),
        source,
    })?;
    let names = entry.layers.unwrap_or_default();
    if names.len() > MAX_LAYERS {
        return Err(DockerArchiveError::TooManyLayers { path: path() });
    }
    let layers = names
        .into_iter()
        .map(|name| SavedLayer { size_bytes: archive.size(&name).unwrap_or(0), digest: digest_of(&name), name })
        .collect();
    Ok(SavedImage { config_digest: Digest::of(&bytes), config, layers })
}

/// `blobs/sha256/HEX` is the path of a blob with that digest.
fn digest_of(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

impl SavedLayer {
    /// Starts reading it.
    pub(crate) fn blob(&self, archive: &Archive) -> Blob {
        let (archive, name) = (archive.clone(), self.name.clone());
        let size_bytes = archive.size(&name);
        Blob::from_reader(move || archive.member(&name), Expectation { digest: self.digest.clone(), size_bytes })
    }
}
