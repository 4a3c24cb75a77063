//! An image with a layer of ten million entries: what it costs to refuse it.
//!
//! The archive is five gigabytes of distinct names that gzip packs into a hundred megabytes: nothing about it is damaged,
//! so only the cap on entries ends it. What must remain is the other layer, and the reason with the blob's name.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use testkit::image::{Tar, TestImage, TestLayer, digest, write_layout};

use super::goals::goal;
use crate::measure::{self, Cost};
use crate::results::Page;

/// Entries of the archive.
const ENTRIES: u32 = 10_000_000;
/// Exit code of a command that could not do all of it.
const INCOMPLETE: i32 = 2;

/// How an image was refused.
pub struct Refused {
    cost: Cost,
    /// Whether the report keeps the other layer and says which one is missing and why.
    told: bool,
}

impl Refused {
    /// As a row of the table of goals.
    pub fn goal(&self) -> Vec<String> {
        let met = self.told && self.cost.code == INCOMPLETE && self.cost.peak_mib <= 96.0;
        goal("ten million entries", "refused, exit 2, ≤ 96 MiB", met, || {
            format!("exit {}, {:.0} MiB, {:.1} s", self.cost.code, self.cost.peak_mib, self.cost.cpu_s)
        })
    }
}

/// Prints it.
pub fn print(page: &mut Page, refused: &Refused) {
    let Refused { cost, told } = refused;
    page.line(&format!(
        "## A layer of {ENTRIES} entries\n\nRefused after {:.1} CPU-s with {:.0} MiB, exit code {}; the other layer's package \
         {} and the blob named.\n",
        cost.cpu_s,
        cost.peak_mib,
        cost.code,
        if *told { "kept" } else { "**not** kept, or the reason not told" }
    ));
}

/// Makes the image, scans it, and looks at the report.
pub fn measure(seawall: &Path, scratch: &Path) -> Result<Refused> {
    let folder = scratch.join("many");
    let status = "Package: kept\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n";
    let good = Tar::new().file("etc/os-release", "ID=debian\nVERSION_ID=12\n").file("var/lib/dpkg/status", status);
    let blob = many()?;
    let name = digest(&blob);
    let bad = TestLayer { blob, diff_id: name.clone(), media_type: "application/vnd.oci.image.layer.v1.tar+gzip" };
    let image = TestImage::new(vec![TestLayer::gzip(good), bad]);
    write_layout(&folder, &[&image], &[image.descriptor()]);
    drop(image);
    let reference = format!("oci:{}", folder.display());
    let args = ["scan", &reference, "--no-cache", "--format", "json"];
    let cost = measure::once(seawall, &args)?;
    let output = Command::new(seawall).args(args).output().context("scanning the hostile image")?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).context("reading the report")?;
    let inventory = &report["images"][0]["inventory"];
    let kept = inventory["packages"][0]["name"] == "kept";
    let notes = inventory["diagnostics"].as_array().context("the report has no diagnostics")?;
    let reason = |note: &serde_json::Value| note.to_string().contains(&name) && note.to_string().contains("entries");
    std::fs::remove_dir_all(&folder).context("removing the hostile image")?;
    Ok(Refused { cost, told: kept && notes.iter().any(reason) })
}

/// The archive, packed.
fn many() -> Result<Vec<u8>> {
    let header = Tar::new().file("f0000000", "").finish();
    let sum: u32 = b"f0000000".iter().map(|byte| u32::from(*byte)).sum();
    let mut block: [u8; 512] = header[..512].try_into().context("a header is a block")?;
    block[148..156].fill(b' ');
    let rest = block.iter().map(|byte| u32::from(*byte)).sum::<u32>() - sum;
    let mut packed = BufWriter::with_capacity(1 << 20, GzEncoder::new(Vec::new(), Compression::fast()));
    for number in 0..ENTRIES {
        let name = format!("f{number:07}");
        block[..8].copy_from_slice(name.as_bytes());
        let sum = rest + name.bytes().map(u32::from).sum::<u32>();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        packed.write_all(&block).context("packing the hostile layer")?;
    }
    packed.write_all(&[0; 1024]).context("packing the hostile layer")?;
    let encoder =
        packed.into_inner().map_err(std::io::IntoInnerError::into_error).context("packing the hostile layer")?;
    encoder.finish().context("packing the hostile layer")
}
