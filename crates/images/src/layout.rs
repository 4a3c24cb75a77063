//! OCI image layouts, as a directory (`oci:DIR`) or in a tar file (`oci-archive:FILE`).
//!
//! Source: OCI image specification 1.1, `image-layout.md`: a file `oci-layout`, an `index.json`, and `blobs/ALG/HEX`.
//! Paths are made from parsed digests only, so nothing in a document can lead out of the layout. The content store of
//! containerd keeps its blobs in the same way and is read through here too.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use limits::ReadError;

use crate::archive::{Archive, ArchiveError};
use crate::blob::{Blob, Expectation};
use crate::digest::Digest;
use crate::file::open_regular;
use crate::manifest::{self, Descriptor, Document, MAX_MANIFEST_BYTES, ManifestError};

/// Annotation with the name of an image of a layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Largest `oci-layout` file, in bytes: it has one field.
const MAX_MARKER_BYTES: u64 = 4 << 10;

/// A layout that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The tar file cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The directory or archive is none.
    #[error("{} is not an OCI image layout: it has no file oci-layout", dir.display())]
    NotALayout {
        /// Which directory.
        dir: PathBuf,
    },
    /// Its `index.json` cannot be used.
    #[error("{} cannot be used", path.display())]
    Index {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// No image has the name.
    #[error("{} has no image {name:?}; it has: {}", dir.display(), list(.names))]
    NoSuchImage {
        /// Which directory.
        dir: PathBuf,
        /// The name that was asked for.
        name: String,
        /// The names that are there.
        names: Vec<String>,
    },
    /// It has no image at all.
    #[error("{} has no images", dir.display())]
    Empty {
        /// Which directory.
        dir: PathBuf,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "images without names".to_owned() } else { names.join(", ") }
}

/// Where the files of a layout are.
#[derive(Debug, Clone)]
enum Tree {
    Directory(PathBuf),
    Archive(Archive),
}

impl Tree {
    fn path(&self) -> &Path {
        match self {
            Self::Directory(dir) => dir,
            Self::Archive(archive) => archive.path(),
        }
    }

    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        match self {
            Self::Directory(dir) => {
                let path = dir.join(name);
                open_regular(&path).map_err(|source| ReadError::Io { what: path.display().to_string(), source })?;
                limits::read_file(path, limit)
            }
            Self::Archive(archive) => archive.read(name, limit),
        }
    }
}

/// A layout.
#[derive(Debug, Clone)]
pub struct Layout {
    tree: Tree,
}

impl Layout {
    /// Opens `DIR` or `DIR:NAME`, the text after `oci:`. A directory whose own name has a colon wins.
    pub fn open(text: &str) -> Result<(Self, Vec<Descriptor>), LayoutError> {
        let (dir, name) = split_name(text, Path::is_dir);
        let is_layout = Path::new(dir).join("oci-layout").is_file();
        Self::with_images(Tree::Directory(dir.into()), is_layout, name)
    }

    /// Opens `FILE` or `FILE:NAME`, the text after `oci-archive:`.
    pub fn open_archive(text: &str) -> Result<(Self, Vec<Descriptor>), LayoutError> {
        let (file, name) = split_name(text, Path::is_file);
        let archive = Archive::open(Path::new(file))?;
        let is_layout = archive.size("oci-layout").is_some();
        Self::with_images(Tree::Archive(archive), is_layout, name)
    }

    /// Bytes that were written to a temporary file to read it.
    pub(crate) fn unpacked_bytes(&self) -> u64 {
        match &self.tree {
            Tree::Archive(archive) => archive.unpacked_bytes(),
            Tree::Directory(_) => 0,
        }
    }

    /// A directory that has nothing but `blobs/`.
    pub(crate) fn blobs_only(dir: PathBuf) -> Self {
        Self { tree: Tree::Directory(dir) }
    }

    fn with_images(tree: Tree, is_layout: bool, name: Option<&str>) -> Result<(Self, Vec<Descriptor>), LayoutError> {
        let path = tree.path().to_owned();
        if !is_layout {
            return Err(LayoutError::NotALayout { dir: path });
        }
        tree.read("oci-layout", MAX_MARKER_BYTES)?;
        let bytes = tree.read("index.json", MAX_MANIFEST_BYTES)?;
        let refuse = |source| LayoutError::Index { path: path.join("index.json"), source };
        let descriptors = match manifest::parse_document(&bytes, None).map_err(refuse)? {
            Document::Index(descriptors) => descriptors,
            Document::Image(_) => {
                return Err(refuse(ManifestError::Ambiguous { reason: "it is a manifest, not an index" }));
            }
        };
        let chosen = choose(&path, descriptors, name)?;
        Ok((Self { tree }, chosen))
    }

    /// A small blob as a whole. The caller checks its digest.
    pub fn small_blob(&self, digest: &Digest, limit: u64) -> Result<Bytes, ReadError> {
        Ok(self.tree.read(&name_of(digest), limit)?.into())
    }

    /// A blob as a stream.
    pub fn blob(&self, digest: &Digest, size_bytes: u64) -> Blob {
        let name = name_of(digest);
        let expectation = Expectation { digest: Some(digest.clone()), size_bytes: Some(size_bytes) };
        match &self.tree {
            Tree::Directory(dir) => {
                let path = dir.join(name);
                Blob::from_reader(move || open_regular(&path), expectation)
            }
            Tree::Archive(archive) => {
                let archive = archive.clone();
                Blob::from_reader(move || archive.member(&name), expectation)
            }
        }
    }
}

fn name_of(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

/// `PATH` or `PATH:NAME`; what exists as a whole is a path.
pub(crate) fn split_name(text: &str, exists: impl Fn(&Path) -> bool) -> (&str, Option<&str>) {
    if exists(Path::new(text)) {
        return (text, None);
    }
    // Names may have colons themselves (`app:1`): the shortest path that exists is the path.
    let colons = text.char_indices().filter(|(_, character)| *character == ':');
    for (at, _) in colons {
        if exists(Path::new(&text[..at])) {
            return (&text[..at], Some(&text[at + 1..]));
        }
    }
    (text, None)
}

/// The images of an index by name or digest; all without one.
pub(crate) fn choose(dir: &Path, all: Vec<Descriptor>, name: Option<&str>) -> Result<Vec<Descriptor>, LayoutError> {
    if all.is_empty() {
        return Err(LayoutError::Empty { dir: dir.to_owned() });
    }
    let Some(name) = name else { return Ok(all) };
    let digest = name.strip_prefix('@').unwrap_or(name);
    let is_wanted = |descriptor: &&Descriptor| {
        descriptor.annotations.get(REF_NAME).is_some_and(|found| found == name)
            || descriptor.digest.to_string() == digest
    };
    let chosen: Vec<Descriptor> = all.iter().filter(is_wanted).cloned().collect();
    if chosen.is_empty() {
        let names = all.iter().filter_map(|descriptor| descriptor.annotations.get(REF_NAME).cloned()).collect();
        return Err(LayoutError::NoSuchImage { dir: dir.to_owned(), name: name.to_owned(), names });
    }
    Ok(chosen)
}
