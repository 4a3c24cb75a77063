//! Images in the content store of this machine's containerd (`containerd:NAME`).
//!
//! containerd keeps the names of images in a bolt database (`io.containerd.metadata.v1.bolt/meta.db`, buckets `v1` →
//! namespace → `images` → name → `target`; containerd's `metadata/buckets.go`) and their blobs as files named by their
//! digests. Both are read as they are on disk, so no program of containerd is needed and none is disturbed.
//! What it is not: a client of its socket, or a reader of unpacked snapshots.

mod bolt;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::{Digest, DigestError};
use crate::layout::Layout;
use crate::manifest::Descriptor;
use crate::reference::RegistryReference;
use bolt::{Bolt, Node};

/// Where containerd keeps its state by default.
pub const DEFAULT_ROOT: &str = "/var/lib/containerd";

/// Images of containerd that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContainerdError {
    /// Its database could not be opened or read.
    #[error("reading containerd's images in {}", path.display())]
    Read {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its database is damaged, or of a form that is not known.
    #[error("containerd's database {} cannot be understood: {reason}", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// No image has the name.
    #[error("containerd has no image {name:?}; it has: {}", list(.names))]
    NoSuchImage {
        /// The name that was asked for.
        name: String,
        /// Names that are there, at most ten.
        names: Vec<String>,
    },
    /// The image's digest cannot be verified.
    #[error("the image {name:?} has no usable digest")]
    Digest {
        /// The image.
        name: String,
        /// Why.
        #[source]
        source: DigestError,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// An image of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Namespace, such as `k8s.io`.
    pub namespace: String,
    /// Name, as containerd writes it.
    pub name: String,
    /// Digest of its manifest or index; not checked.
    pub digest: String,
    /// Media type of that.
    pub media_type: String,
}

/// Finds an image by its name, as containerd writes it or with Docker's defaults, in any namespace.
pub(crate) fn open(root: &Path, name: &str) -> Result<(Layout, Vec<Descriptor>), ContainerdError> {
    let path = root.join("io.containerd.metadata.v1.bolt/meta.db");
    let file =
        crate::file::open_regular(&path).map_err(|source| ContainerdError::Read { path: path.clone(), source })?;
    let images = images(&file, &path)?;
    // containerd stores full names; people write short ones.
    let full = name.parse::<RegistryReference>().map(|reference| reference.to_string()).unwrap_or_default();
    let Some(image) =
        images.iter().find(|image| image.name == name).or_else(|| images.iter().find(|image| image.name == full))
    else {
        let mut names: Vec<String> =
            images.into_iter().map(|image| image.name).filter(|name| !name.starts_with("sha256:")).collect();
        names.sort();
        names.dedup();
        names.truncate(10);
        return Err(ContainerdError::NoSuchImage { name: name.to_owned(), names });
    };
    tracing::debug!(namespace = image.namespace, name = image.name, digest = image.digest, "found in containerd");
    let digest: Digest =
        image.digest.parse().map_err(|source| ContainerdError::Digest { name: image.name.clone(), source })?;
    let descriptor = Descriptor {
        media_type: image.media_type.clone(),
        digest,
        size: 0,
        platform: None,
        annotations: std::collections::BTreeMap::new(),
        artifact_type: None,
    };
    Ok((Layout::blobs_only(root.join("io.containerd.content.v1.content")), vec![descriptor]))
}

/// All images of all namespaces in a database, in the order of namespace and name. `path` is for errors.
pub fn images(file: &File, path: &Path) -> Result<Vec<Image>, ContainerdError> {
    let read = |source| ContainerdError::Read { path: path.to_owned(), source };
    let found = bolt::read_consistently(file, |bolt| {
        let mut images = Vec::new();
        for (namespace, bucket) in children(bolt, &bolt.root(), b"v1")? {
            for (name, image) in children(bolt, &bucket, b"images")? {
                let Some(target) = bolt.bucket(&image, b"target")? else { continue };
                let text = |key: &[u8]| -> Result<String, bolt::BoltError> {
                    let value = bolt.value(&target, key)?;
                    Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
                };
                images.push(Image {
                    namespace: namespace.clone(),
                    name,
                    digest: text(b"digest")?,
                    media_type: text(b"mediatype")?,
                });
            }
        }
        Ok(images)
    });
    found.map_err(|error| match error {
        bolt::BoltError::Read(source) => read(source),
        bolt::BoltError::Damaged(reason) => ContainerdError::Damaged { path: path.to_owned(), reason },
    })
}

/// The buckets within a bucket of a bucket, with their names.
fn children(bolt: &Bolt<'_>, parent: &Node, name: &[u8]) -> Result<Vec<(String, Node)>, bolt::BoltError> {
    match bolt.bucket(parent, name)? {
        Some(bucket) => bolt.buckets(&bucket),
        None => Ok(Vec::new()),
    }
}
