//! The identity of an inventory: a hash of what was found and of the analysers' version.
//!
//! The reference and the index are names, not content: the same image under two names has one identity.

use std::io;

use model::{Artifact, Inventory};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Hashes what is written to it.
struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// SHA-256 in hex over the JSON form of the content.
pub fn of(inventory: &Inventory) -> String {
    let artifact = Artifact { reference: None, index_digest: None, ..inventory.artifact.clone() };
    let content =
        (&artifact, &inventory.os, &inventory.layers, &inventory.packages, &inventory.diagnostics, &inventory.producer);
    let mut hasher = Hasher(Sha256::new());
    let mut serializer = serde_json::Serializer::new(&mut hasher);
    // Neither the values (string keys only) nor the writer can fail; were it so, the text of the error is hashed too.
    if let Err(error) = content.serialize(&mut serializer) {
        hasher.0.update(error.to_string());
    }
    hex::encode(hasher.0.finalize())
}
