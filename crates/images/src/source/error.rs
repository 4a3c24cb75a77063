//! Why a reference could not be opened, and what helps.

use std::path::PathBuf;

use limits::ReadError;

use super::MAX_INDEX_DEPTH;
use crate::archive::ArchiveError;
use crate::blob::BlobError;
use crate::containerd::ContainerdError;
use crate::digest::Digest;
use crate::docker_archive::DockerArchiveError;
use crate::layout::LayoutError;
use crate::manifest::ManifestError;
use crate::reference::ReferenceError;
use crate::registry::RegistryError;

/// A reference that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not a reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The registry did not deliver.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The layout cannot be used.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The archive of `docker save` cannot be used.
    #[error(transparent)]
    DockerArchive(#[from] DockerArchiveError),
    /// The images of containerd cannot be read.
    #[error(transparent)]
    Containerd(#[from] ContainerdError),
    /// A document could not be read.
    #[error("reading {what}")]
    Read {
        /// Which.
        what: String,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// A document is not what its digest says.
    #[error("{what} cannot be trusted")]
    Untrusted {
        /// Which.
        what: String,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// A document is not a manifest, an index or a configuration.
    #[error("{what} cannot be used")]
    Document {
        /// Which.
        what: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// Manifest and configuration speak of different images.
    #[error("manifest {manifest} has {layers} layers, its configuration {diff_ids}")]
    LayerCount {
        /// Digest of the manifest.
        manifest: Digest,
        /// Layers of the manifest.
        layers: usize,
        /// Layers of the configuration.
        diff_ids: usize,
    },
    /// Indexes within indexes, too many.
    #[error("index {digest} is nested deeper than {MAX_INDEX_DEPTH} indexes")]
    TooDeep {
        /// Which.
        digest: Digest,
    },
    /// No image has the platform that was asked for.
    #[error("{reference} has no image for {wanted}; it has: {}", list(.found))]
    NoSuchPlatform {
        /// The reference.
        reference: String,
        /// `--platform`.
        wanted: String,
        /// Platforms that are there.
        found: Vec<String>,
    },
    /// The index has no image.
    #[error("{reference} has no images")]
    NoImages {
        /// The reference.
        reference: String,
    },
    /// A task of ours died.
    #[error("opening the image stopped")]
    Stopped(#[source] tokio::task::JoinError),
    /// The directory is none.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// Which.
        path: PathBuf,
    },
    /// This kind of reference has no images to open here.
    #[error("{reference} is not a kind of image that can be opened")]
    Unsupported {
        /// The reference.
        reference: String,
    },
}

fn list(found: &[String]) -> String {
    if found.is_empty() { "none that say their platform".to_owned() } else { found.join(", ") }
}

impl OpenError {
    /// The command or the step that helps; `None` where nothing general does.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Registry(error) => return error.hint(),
            Self::Layout(LayoutError::NotALayout { dir }) if dir.is_file() => {
                format!("for what docker save wrote: docker-archive:{}", dir.display())
            }
            Self::Layout(LayoutError::NotALayout { dir }) => format!("for a root file system: dir:{}", dir.display()),
            Self::NotADirectory { path } if path.is_file() => {
                format!("for an image in a tar file: docker-archive:{0} or oci-archive:{0}", path.display())
            }
            Self::Layout(LayoutError::NoSuchImage { dir, names, .. }) => match names.first() {
                Some(name) => format!("seawall scan oci:{}:{name}", dir.display()),
                None => format!("seawall scan oci:{}", dir.display()),
            },
            Self::Layout(LayoutError::Archive(ArchiveError::Unpack { .. }))
            | Self::DockerArchive(DockerArchiveError::Archive(ArchiveError::Unpack { .. })) => {
                format!("is there room in {}? TMPDIR names another folder", std::env::temp_dir().display())
            }
            Self::DockerArchive(DockerArchiveError::NotSaved { path }) => {
                format!("for an OCI layout in a tar file: oci-archive:{}", path.display())
            }
            Self::Containerd(ContainerdError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                "--containerd-root DIR names the folder of a containerd that keeps its state elsewhere".into()
            }
            Self::Containerd(ContainerdError::Read { .. }) => {
                "containerd's images belong to root: run it with sudo".into()
            }
            Self::NoSuchPlatform { found, .. } => format!("--platform {}", found.first()?),
            Self::Untrusted { .. } => {
                "the content was changed on the way or where it is stored; push or copy it again".into()
            }
            Self::Document { source: ManifestError::Schema1, .. } => "push the image again with a current tool".into(),
            _ => return None,
        })
    }
}
