//! Small images made on the spot: archives entry by entry, layers, an OCI layout directory.
//!
//! What it is not: a builder for anybody but tests; names longer than ustar's 100 bytes are refused.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// A tar archive in the making.
#[derive(Debug, Clone, Default)]
pub struct Tar(Vec<u8>);

impl Tar {
    /// An empty archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a regular file with mode 644.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(path, b'0', "", content.as_ref())
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(self, path: &str) -> Self {
        self.entry(path, b'5', "", &[])
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(path, b'2', target, &[])
    }

    /// Adds an entry of any type (POSIX `pax`, "ustar Header Block").
    ///
    /// # Panics
    /// When a name is longer than 100 bytes.
    #[must_use]
    pub fn entry(mut self, path: &str, kind: u8, link: &str, content: &[u8]) -> Self {
        assert!(path.len() <= 100 && link.len() <= 100, "names of test archives are short");
        let mut header = [0; 512];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        put(0, path.as_bytes());
        put(100, if kind == b'5' { b"0000755" } else { b"0000644" });
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{:011o}", content.len()).as_bytes());
        put(136, b"00000000000");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&header);
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// The archive with its end.
    pub fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }

    /// The archive as a gzip file.
    pub fn gzip(self) -> Vec<u8> {
        gzip(&self.finish())
    }
}

/// Bytes as a gzip file.
///
/// # Panics
/// Never: writing to memory cannot fail.
pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// `sha256:…` of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A layer: the blob, its plain digest and its media type.
#[derive(Debug, Clone)]
pub struct TestLayer {
    /// The bytes of the blob.
    pub blob: Vec<u8>,
    /// Digest of the plain archive.
    pub diff_id: String,
    /// Media type.
    pub media_type: &'static str,
}

impl TestLayer {
    /// A gzip layer.
    pub fn gzip(tar: Tar) -> Self {
        let plain = tar.finish();
        let media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
        Self { blob: gzip(&plain), diff_id: digest(&plain), media_type }
    }

    /// A plain layer.
    pub fn plain(tar: Tar) -> Self {
        let plain = tar.finish();
        let diff_id = digest(&plain);
        Self { blob: plain, diff_id, media_type: "application/vnd.oci.image.layer.v1.tar" }
    }
}

/// An image: its layers and the documents about them.
#[derive(Debug, Clone)]
pub struct TestImage {
    /// Layers, base first.
    pub layers: Vec<TestLayer>,
    /// The configuration document.
    pub config: Vec<u8>,
    /// The manifest document.
    pub manifest: Vec<u8>,
    /// `os/architecture`.
    pub platform: String,
}

/// Media type of the manifests made here.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of the indexes made here.
pub const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

impl TestImage {
    /// An image for linux/amd64.
    pub fn new(layers: Vec<TestLayer>) -> Self {
        Self::for_platform("linux/amd64", layers)
    }

    /// An image for `os/architecture`.
    pub fn for_platform(platform: &str, layers: Vec<TestLayer>) -> Self {
        let (os, architecture) = platform.split_once('/').unwrap_or((platform, ""));
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let history: Vec<_> =
            (0..layers.len()).map(|number| serde_json::json!({"created_by": format!("step {number}")})).collect();
        let config = serde_json::json!({
            "created": "2026-01-02T03:04:05Z", "os": os, "architecture": architecture,
            "config": {"Labels": {"made-by": "testkit"}},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": history,
        })
        .to_string()
        .into_bytes();
        let descriptors: Vec<_> = layers
            .iter()
            .map(|layer| {
                serde_json::json!({
                    "mediaType": layer.media_type, "digest": digest(&layer.blob), "size": layer.blob.len(),
                })
            })
            .collect();
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest(&config), "size": config.len(),
            },
            "layers": descriptors,
        })
        .to_string()
        .into_bytes();
        Self { layers, config, manifest, platform: platform.to_owned() }
    }

    /// Digest of the manifest.
    pub fn digest(&self) -> String {
        digest(&self.manifest)
    }

    /// Every blob but the manifest.
    pub fn blobs(&self) -> impl Iterator<Item = &[u8]> {
        self.layers.iter().map(|layer| layer.blob.as_slice()).chain([self.config.as_slice()])
    }

    /// What an index says of it.
    pub fn descriptor(&self) -> serde_json::Value {
        let (os, architecture) = self.platform.split_once('/').unwrap_or((&self.platform, ""));
        serde_json::json!({
            "mediaType": MANIFEST_TYPE, "digest": self.digest(), "size": self.manifest.len(),
            "platform": {"os": os, "architecture": architecture},
        })
    }

    /// Writes it into an OCI layout directory under a name.
    ///
    /// # Panics
    /// When the directory cannot be written.
    pub fn write_layout(&self, dir: &Path, name: &str) {
        let mut descriptor = self.descriptor();
        descriptor["annotations"] = serde_json::json!({"org.opencontainers.image.ref.name": name});
        write_layout(dir, &[self], &[descriptor]);
    }
}

/// An index over images.
pub fn index(images: &[&TestImage]) -> Vec<u8> {
    let manifests: Vec<_> = images.iter().map(|image| image.descriptor()).collect();
    serde_json::json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}).to_string().into_bytes()
}

/// Writes an OCI layout directory with the blobs of the images and these entries.
///
/// # Panics
/// When the directory cannot be written.
pub fn write_layout(dir: &Path, images: &[&TestImage], entries: &[serde_json::Value]) {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("the layout can be made");
    for image in images {
        for blob in image.blobs().chain([image.manifest.as_slice()]) {
            write_blob(dir, blob);
        }
    }
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("the layout can be written");
    let index = serde_json::json!({"schemaVersion": 2, "manifests": entries}).to_string();
    fs::write(dir.join("index.json"), index).expect("the layout can be written");
}

/// Adds a blob to a layout directory; gives its path.
///
/// # Panics
/// When the directory cannot be written.
pub fn write_blob(dir: &Path, blob: &[u8]) -> std::path::PathBuf {
    let digest = digest(blob);
    let path = dir.join("blobs").join(digest.replace(':', "/"));
    fs::write(&path, blob).expect("the blob can be written");
    path
}
