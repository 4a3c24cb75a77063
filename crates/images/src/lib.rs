//! Where images come from: registries, OCI layouts, archives, directories.
//!
//! What it is: [`open`] turns a [`Reference`] into [`ImageHandle`]s (one per platform of an index), whose layers stream
//! as [`Blob`]s: bounded buffers, digests and sizes checked on the way, broken connections resumed.
//! What it is not: it inflates nothing, looks into no layer and keeps no cache; `assess` does that with `imagescan`.
//!
//! Everything here reads what strangers wrote. Sizes of documents are capped, paths are made of parsed digests only,
//! and errors name the registry or file, the blob, and what to do.

pub mod archive;
pub mod blob;
pub mod containerd;
pub mod credentials;
pub mod digest;
pub mod directory;
pub mod docker_archive;
mod file;
pub mod layout;
pub mod manifest;
pub mod pipe;
pub mod platform;
pub mod reference;
pub mod registry;
pub mod source;

pub use blob::{Blob, BlobError, Verdict, Verified};
pub use credentials::Credentials;
pub use digest::Digest;
pub use platform::PlatformFilter;
pub use reference::{Reference, RegistryReference};
pub use source::{FailedImage, ImageHandle, LayerHandle, OpenError, Opened, Options, open};
