//! The records of an image's layers laid over each other: one tree, one inventory.
//!
//! Rules: OCI image specification, "Image Layer Filesystem Changeset". Layers are applied base first; the state after
//! each layer tells with which layer a package came: the first one from which on it was there without a break, in that
//! version.

pub(crate) mod end_of_life;
pub(crate) mod identity;
mod locks;
mod owners;
mod packages;
mod projects;
mod purl;
#[cfg(test)]
mod tests;
mod tree;

use model::image::Producer;
use model::{Artifact, Diagnostic, Inventory, Layer, Level};

use crate::ANALYSERS_VERSION;
use crate::record::LayerRecord;
use tree::Tree;

/// Merges the records of an image's layers, base first, into what the image contains.
///
/// A layer whose record is not complete ([`LayerRecord::unreadable`]) is marked so in the result; packages of the others
/// are kept. A record that another version of the analysers wrote counts as unreadable: scan the layer again.
pub fn merge(layers: Vec<(Layer, LayerRecord)>, artifact: Artifact) -> Inventory {
    let (mut merged, mut diagnostics) = (Vec::with_capacity(layers.len()), Vec::new());
    let mut tree = Tree::default();
    for (index, (mut layer, record)) in layers.into_iter().enumerate() {
        let record = if record.is_current() {
            record
        } else {
            let reason = format!("its cached record is of version {:?}, not {ANALYSERS_VERSION:?}", record.version);
            LayerRecord::unreadable(&layer.digest, &reason)
        };
        layer.complete &= record.complete;
        diagnostics.extend(record.diagnostics.iter().map(|diagnostic| in_layer(diagnostic, &layer)));
        tree.apply(index, record);
        merged.push(layer);
    }
    let os = tree.os_release();
    // A directory has neither digest.
    let is_image = artifact.manifest_digest.is_some() || artifact.config_digest.is_some();
    let (packages, notes) = packages::collect(&tree, os.as_ref(), &merged, is_image);
    diagnostics.extend(notes);
    diagnostics.extend(os.as_ref().and_then(|os| end_of_life::note(os, end_of_life::of_system(os))));
    let os = os.map(packages::operating_system);
    if let Some(note) = nothing_known(os.is_some(), packages.is_empty(), &merged) {
        diagnostics.push(note);
    }
    let producer = Producer { analysers_version: ANALYSERS_VERSION.to_owned() };
    let mut inventory = Inventory { id: String::new(), artifact, os, layers: merged, packages, diagnostics, producer };
    inventory.id = identity::of(&inventory);
    inventory
}

/// A diagnostic of a layer, with the layer named where it only named a file.
fn in_layer(diagnostic: &Diagnostic, layer: &Layer) -> Diagnostic {
    let mut diagnostic = diagnostic.clone();
    if diagnostic.span.source != layer.digest {
        diagnostic.span.source = format!("{}:{}", layer.digest, diagnostic.span.source);
    }
    diagnostic
}

/// An image without a known system and without packages may be a scratch image; a person should know which it is.
fn nothing_known(os: bool, empty: bool, layers: &[Layer]) -> Option<Diagnostic> {
    if os || !empty || layers.iter().any(|layer| !layer.complete) {
        return None;
    }
    let message = "no operating system and no packages were found: nothing can be said about vulnerabilities";
    Some(Diagnostic::new("image/nothing-found", Level::Note, "image", message))
}
