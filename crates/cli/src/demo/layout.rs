//! A small image as an OCI layout directory, made on the spot.
//!
//! What it is: enough of the OCI image specification (v1.1: layout, index, manifest, configuration) to write one image
//! of plain tar layers. What it is not: a builder; the demonstration and the end-to-end tests need files at paths, no
//! more. Everything is reproducible: times are zero, entries are in the order given.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A file or a link of a layer.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A regular file: path without a leading slash, permission bits, content.
    File(String, u32, Vec<u8>),
    /// A symbolic link: path, target.
    Link(String, String),
    /// A folder: path, permission bits.
    Folder(String, u32),
}

impl Entry {
    /// A readable file.
    pub fn text(path: &str, content: &str) -> Self {
        Self::File(path.to_owned(), 0o644, content.as_bytes().to_vec())
    }
}

/// What to run.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// The process's arguments.
    pub args: Vec<String>,
}

/// Digests of what was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// Digest of the manifest.
    pub manifest: String,
    /// Digest of the configuration.
    pub config: String,
}

/// Writes an image of the given layers, base first, under a name that runtimes import it by.
pub fn write(folder: &Path, name: &str, layers: &[Vec<Entry>], command: &Command) -> io::Result<Written> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let mut descriptors = Vec::new();
    let mut diff_ids = Vec::new();
    for entries in layers {
        let archive = archive(entries)?;
        let descriptor = put(&blobs, "application/vnd.oci.image.layer.v1.tar", &archive)?;
        diff_ids.push(descriptor["digest"].clone());
        descriptors.push(descriptor);
    }
    let config = to_bytes(&json!({
        "architecture": architecture(), "os": "linux",
        "config": { "Cmd": command.args, "Env": ["PATH=/usr/bin:/bin"], "WorkingDir": "/" },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    }));
    let config = put(&blobs, "application/vnd.oci.image.config.v1+json", &config)?;
    let manifest = to_bytes(&json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": descriptors,
    }));
    let mut descriptor = put(&blobs, "application/vnd.oci.image.manifest.v1+json", &manifest)?;
    let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
    descriptor["annotations"] = json!({ "io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag });
    let written = Written { manifest: text(&descriptor["digest"]), config: text(&config["digest"]) };
    fs::write(folder.join("oci-layout"), to_bytes(&json!({ "imageLayoutVersion": "1.0.0" })))?;
    fs::write(folder.join("index.json"), to_bytes(&json!({ "schemaVersion": 2, "manifests": [descriptor] })))?;
    Ok(written)
}

/// Go's name of this machine's architecture, as images use it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn archive(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(0);
        match entry {
            Entry::File(path, mode, content) => {
                header.set_mode(*mode);
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, content.as_slice())?;
            }
            Entry::Link(path, target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_mode(0o777);
                header.set_size(0);
                builder.append_link(&mut header, path, target)?;
            }
            Entry::Folder(path, mode) => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(*mode);
                header.set_size(0);
                builder.append_data(&mut header, path, io::empty())?;
            }
        }
    }
    builder.into_inner()
}

fn put(blobs: &Path, media_type: &str, bytes: &[u8]) -> io::Result<Value> {
    let hex = hex::encode(Sha256::digest(bytes));
    fs::write(blobs.join(&hex), bytes)?;
    Ok(json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len() }))
}

fn to_bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
