//! Merged inventories: what an image contains, without reading and merging the records of its layers again.
//!
//! An inventory follows from the verified digests of the layers, from what the image says of itself, and from the
//! analysers. [`Key`] is a hash of all of that, so an image can only ever meet what would come out for it anyway; and
//! an inventory is kept only when every layer of it was verified.

use images::{Digest, ImageHandle};
use imagescan::ANALYSERS_VERSION;
use model::image::Producer;
use model::{Artifact, Diagnostic, Inventory, Layer, OperatingSystem};
use serde::{Deserialize, Serialize};

use super::packages;

/// Version of the form of what is kept and of what a key is made of.
pub const FORM: u32 = 1;

/// What an inventory follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(Digest);

impl Key {
    /// The key of an image; `None` where a layer has no digest that its bytes were or will be compared with.
    pub fn of(handle: &ImageHandle, plain_digests: bool) -> Option<Self> {
        if handle.directory().is_some() || handle.layers.is_empty() {
            return None;
        }
        let layers = handle.layers.iter().map(|layer| {
            let digest = layer.digest.as_ref()?.to_string();
            Some((digest, layer.size_bytes, layer.claimed_diff_id.as_deref(), layer.created_by.as_deref()))
        });
        let layers: Vec<_> = layers.collect::<Option<_>>()?;
        // Names are no content.
        let artifact = Artifact { reference: None, index_digest: None, ..handle.artifact.clone() };
        let parts = (FORM, ANALYSERS_VERSION, plain_digests, artifact, layers, &handle.diagnostics);
        serde_json::to_vec(&parts).ok().map(|bytes| Self(Digest::of(&bytes)))
    }

    /// As part of a file's name.
    pub fn hex(&self) -> &str {
        self.0.hex()
    }
}

/// All of an inventory but its artifact, which the image at hand has, and its packages.
#[derive(Serialize, Deserialize)]
struct Head {
    key: String,
    id: String,
    os: Option<OperatingSystem>,
    layers: Vec<Layer>,
    diagnostics: Vec<Diagnostic>,
    producer: Producer,
}

/// The bytes that are kept: length of the head, head as JSON, packages.
pub fn encode(key: &Key, inventory: &Inventory) -> Option<Vec<u8>> {
    // All fields by name: one that is added to the model does not get lost here.
    let Inventory { id, artifact: _, os, layers, packages, diagnostics, producer } = inventory.clone();
    let head = Head { key: key.hex().to_owned(), id, os, layers, diagnostics, producer };
    let head = serde_json::to_vec(&head).ok()?;
    let length = u32::try_from(head.len()).ok()?.to_le_bytes();
    Some([&length[..], &head, &packages::encode(&packages)].concat())
}

/// The inventory in such bytes, for the image whose key it was kept under.
pub fn decode(key: &Key, bytes: &[u8], artifact: &Artifact) -> Option<Inventory> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (head, packages) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let Head { key: kept, id, os, layers, diagnostics, producer } = serde_json::from_slice(head).ok()?;
    if kept != key.hex() || producer.analysers_version != ANALYSERS_VERSION {
        return None;
    }
    let packages = packages::decode(packages)?;
    Some(Inventory { id, artifact: artifact.clone(), os, layers, packages, diagnostics, producer })
}
