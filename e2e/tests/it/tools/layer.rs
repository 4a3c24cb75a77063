//! Layers out of folders, images out of layers, and what a tool told of each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use e2e::parts::process::output;
use model::Evidence;
use serde_json::json;
use testkit::image::digest;

/// A package as the tool that installed it tells of it.
#[derive(Debug, Clone)]
pub struct Told {
    /// Type of its purl.
    pub kind: &'static str,
    /// Name as its ecosystem writes it.
    pub name: String,
    /// Version as the inventory writes it.
    pub version: String,
    /// The file that shows it, or a folder above that.
    pub below: String,
    /// How it is to be found.
    pub evidence: Evidence,
}

impl Told {
    /// A package whose installed files show it.
    pub fn file(kind: &'static str, name: impl Into<String>, version: impl Into<String>, below: &str) -> Self {
        Self { kind, name: name.into(), version: version.into(), below: below.to_owned(), evidence: Evidence::File }
    }

    /// A package that is linked into a program.
    pub fn linked(kind: &'static str, name: impl Into<String>, version: impl Into<String>, below: &str) -> Self {
        Self { evidence: Evidence::Binary, ..Self::file(kind, name, version, below) }
    }
}

/// Asks the package manager of a layer who owns a file: the package's name.
pub type Owner = Box<dyn Fn(&str) -> Result<Option<String>>>;

/// A layer and what is known of it.
pub struct Layer {
    descriptor: serde_json::Value,
    diff_id: String,
    /// What the tools told.
    pub told: Vec<Told>,
    owner: Option<Owner>,
}

impl Layer {
    /// A layer whose blob is a file of a layout.
    pub fn new(blob: &[u8], media_type: &str, diff_id: String, told: Vec<Told>, owner: Option<Owner>) -> Self {
        let descriptor = json!({ "mediaType": media_type, "digest": digest(blob), "size": blob.len() });
        Self { descriptor, diff_id, told, owner }
    }

    /// A layer that no package manager of an operating system wrote.
    pub const fn not_owned() -> Option<Owner> {
        None
    }

    /// Whether a package manager wrote it that owns packages of other kinds.
    pub const fn has_owned(&self) -> bool {
        self.owner.is_some()
    }

    /// The package that a file belongs to.
    pub fn owner(&self, path: &str) -> Result<Option<String>> {
        self.owner.as_ref().map_or(Ok(None), |owner| owner(path))
    }
}

/// An image in the making, in an OCI layout of its own.
pub struct Image {
    /// Its repository.
    pub name: String,
    folder: PathBuf,
    /// Base first.
    pub layers: Vec<Layer>,
}

impl Image {
    /// An image without layers.
    pub fn new(name: &str, folder: &Path) -> Result<Self> {
        let image = Self { name: name.to_owned(), folder: folder.join(format!("image-{name}")), layers: Vec::new() };
        fs::create_dir_all(image.layout().join("blobs/sha256")).context("making a layout")?;
        Ok(image)
    }

    /// The folder of its layout.
    pub fn layout(&self) -> PathBuf {
        self.folder.join("layout")
    }

    /// Adds a layer that is there as a blob.
    pub fn add_base(&mut self, (layer, blob): (Layer, Vec<u8>)) -> Result<()> {
        self.put(&blob)?;
        self.push(layer)
    }

    /// Adds the files of a folder, packed by tar.
    pub fn add(&mut self, root: &Path, told: Vec<Told>, owner: Option<Owner>) -> Result<()> {
        let archive = self.folder.join(format!("{}.tar", self.layers.len()));
        output(pack(root, &archive, &[]))?;
        let plain = testkit::read(&archive);
        let layer = Layer::new(&plain, "application/vnd.oci.image.layer.v1.tar", digest(&plain), told, owner);
        self.add_base((layer, plain))
    }

    fn push(&mut self, layer: Layer) -> Result<()> {
        self.layers.push(layer);
        let diff_ids: Vec<&str> = self.layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let config = json!({ "os": "linux", "architecture": "amd64", "config": {},
            "rootfs": { "type": "layers", "diff_ids": diff_ids } });
        let config = self.document(&config, "application/vnd.oci.image.config.v1+json")?;
        let layers: Vec<&serde_json::Value> = self.layers.iter().map(|layer| &layer.descriptor).collect();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
        let manifest = self.document(&manifest, media_type)?;
        let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
        fs::write(self.layout().join("index.json"), index.to_string()).context("writing the index")?;
        fs::write(self.layout().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).context("writing the layout")
    }

    fn document(&self, value: &serde_json::Value, media_type: &str) -> Result<serde_json::Value> {
        let text = value.to_string();
        let digest = self.put(text.as_bytes())?;
        Ok(json!({ "mediaType": media_type, "digest": digest, "size": text.len() }))
    }

    fn put(&self, blob: &[u8]) -> Result<String> {
        let digest = digest(blob);
        let path = self.layout().join("blobs").join(digest.replace(':', "/"));
        fs::write(&path, blob).with_context(|| format!("writing {}", path.display()))?;
        Ok(digest)
    }
}

/// The command that packs a folder.
pub fn pack(root: &Path, archive: &Path, options: &[&str]) -> Command {
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--numeric-owner", "--owner=0", "--group=0"]).args(options);
    tar.arg("-C").arg(root).arg("-cf").arg(archive).arg(".");
    tar
}

/// Writes a file with the folders above it.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

/// A command in a folder, without what a build by cargo left in the environment.
pub fn command(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder);
    let ours = |name: &str| ["CARGO", "RUST", "__CARGO"].iter().any(|start| name.starts_with(start));
    for (name, _) in
        std::env::vars().filter(|(name, _)| ours(name) && !matches!(name.as_str(), "CARGO_HOME" | "RUSTUP_HOME"))
    {
        command.env_remove(name);
    }
    command
}
