//! How the cost grows with the size of an image and with its number of layers.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::floor;
use crate::measure;

/// MiB of an image of one layer.
const SIZES: &[u64] = &[100, 250, 500, 1000, 2000];
/// Layers of an image of [`SPLIT_MIB`].
const LAYERS: &[usize] = &[1, 2, 4, 8];
/// MiB of the image that is split.
const SPLIT_MIB: u64 = 500;
/// The end of an archive.
const END: [u8; 1024] = [0; 1024];

/// A measured image.
pub struct Point {
    /// MiB, plain.
    pub mib: u64,
    /// Layers.
    pub layers: usize,
    /// CPU seconds, the least of the runs.
    pub cpu_s: f64,
}

/// Measures images cut from the entries of plain archives, which are repeated when they are not enough.
pub fn measure(plain: &[PathBuf], program: &Path, scratch: &Path, runs: usize) -> Result<Vec<Point>> {
    let shapes = SIZES.iter().map(|mib| (*mib, 1)).chain(LAYERS.iter().map(|layers| (SPLIT_MIB, *layers)));
    let pieces = pieces(plain)?;
    let mut points = Vec::new();
    for (mib, layers) in shapes {
        let layout = scratch.join("growth");
        image(&pieces, mib << 20, layers, &layout)?;
        let reference = format!("oci:{}", layout.display());
        let args = ["sbom", &reference, "--no-cache"];
        let costs = (0..=runs).map(|_| measure::once(program, &args)).collect::<Result<Vec<_>>>()?;
        ensure!(costs.iter().all(|cost| cost.code == 0), "a generated image could not be read");
        // The least: what else the machine does only ever adds.
        let cpu_s = costs.iter().map(|cost| cost.cpu_s).fold(f64::INFINITY, f64::min);
        points.push(Point { mib, layers, cpu_s });
        std::fs::remove_dir_all(&layout).context("removing a generated image")?;
    }
    Ok(points)
}

/// Pieces of archives between the ends of entries: file, start, length. Taken from the archives in turn, so that every
/// part of an image is as hard to read as any other.
fn pieces(plain: &[PathBuf]) -> Result<Vec<(PathBuf, u64, u64)>> {
    const PIECE: u64 = 1 << 20;
    let mut lists = Vec::new();
    for path in plain {
        let (mut start, mut list) = (0, Vec::new());
        for end in floor::walk(path)? {
            if end - start >= PIECE {
                list.push((path.clone(), start, end - start));
                start = end;
            }
        }
        lists.push(list);
    }
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let nth = |list: &Vec<(PathBuf, u64, u64)>, index: usize| {
        // Shorter lists are spread over the length of the longest.
        let (at, next) = (index * list.len() / longest, (index + 1) * list.len() / longest);
        list[at..next].to_vec()
    };
    Ok((0..longest).flat_map(|index| lists.iter().flat_map(|list| nth(list, index)).collect::<Vec<_>>()).collect())
}

/// Writes an OCI layout of about so many plain bytes in layers of equal size.
fn image(pieces: &[(PathBuf, u64, u64)], bytes: u64, layers: usize, layout: &Path) -> Result<()> {
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).context("making a layout")?;
    let mut pieces = pieces.iter().cycle();
    let mut descriptors = Vec::new();
    for _ in 0..layers {
        let path = layout.join("layer");
        let mut packer = Command::new("igzip").args(["-1", "-c"]).stdin(Stdio::piped()).stdout(create(&path)?).spawn();
        let packer = packer.as_mut().map_err(|error| anyhow::anyhow!("starting igzip: {error}"))?;
        let mut out = packer.stdin.take().context("igzip has no input")?;
        let mut written = 0;
        while written < bytes / layers as u64 {
            let (file, start, length) = pieces.next().context("no pieces")?;
            let mut file = File::open(file).context("opening a plain layer")?;
            file.seek(SeekFrom::Start(*start)).context("seeking")?;
            written += io::copy(&mut file.take(*length), &mut out).context("packing")?;
        }
        io::copy(&mut &END[..], &mut out).context("packing")?;
        drop(out);
        ensure!(packer.wait().context("waiting for igzip")?.success(), "igzip failed");
        descriptors.push(put(&path, &blobs, "application/vnd.oci.image.layer.v1.tar+gzip")?);
    }
    let document = |value: &serde_json::Value, kind: &str| -> Result<serde_json::Value> {
        let path = layout.join("document");
        std::fs::write(&path, value.to_string()).context("writing a document")?;
        put(&path, &blobs, kind)
    };
    let config =
        json!({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}});
    let config = document(&config, "application/vnd.oci.image.config.v1+json")?;
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": descriptors});
    let manifest = document(&manifest, kind)?;
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    std::fs::write(layout.join("index.json"), index.to_string()).context("writing the index")?;
    std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).context("writing the mark")
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| path.display().to_string())
}

/// Moves a file into the blobs; its descriptor.
fn put(path: &Path, blobs: &Path, kind: &str) -> Result<serde_json::Value> {
    let mut hasher = Sha256::new();
    let (mut file, mut buffer, mut size) = (File::open(path).context("opening a blob")?, vec![0; 256 << 10], 0);
    loop {
        let count = file.read(&mut buffer).context("hashing")?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        size += count;
    }
    let hex = hex::encode(hasher.finalize());
    std::fs::rename(path, blobs.join(&hex)).context("moving a blob")?;
    Ok(json!({"mediaType": kind, "digest": format!("sha256:{hex}"), "size": size}))
}
