//! `bench scan`: what reading an image costs, against inflating the same layers with programs that do nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::measure::{self, Median, median, on_path, program};
use crate::results::Page;

const RUNS: usize = 3;

/// Measures a scan of an OCI layout: the one given, or a Debian made by debootstrap.
pub fn run(args: &[String]) -> Result<()> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let layout = match args.first() {
        Some(given) => PathBuf::from(given),
        None => debian(folder.path(), "python3,perl,curl,openssl,git")?,
    };
    let layers = layers(&layout)?;
    let sizes: u64 = layers.iter().filter_map(|layer| layer.metadata().ok()).map(|meta| meta.len()).sum();
    let mut page = Page::new("scan", "Scan", "cargo xtask bench scan");
    page.line(&format!("{} gzip layers, {} MiB compressed; median of {RUNS} runs.\n", layers.len(), sizes >> 20));
    let mut rows = Vec::new();
    let mut floor = None;
    for name in ["igzip", "gzip"] {
        if on_path(name).is_none() {
            continue;
        }
        let paths: Vec<String> = layers.iter().map(|layer| layer.display().to_string()).collect();
        let cost = median(RUNS, name, &[&["-dc".to_owned()][..], &paths].concat())?;
        floor.get_or_insert(cost.middle.cpu_s);
        rows.push(row(&format!("`{name} -dc` of the layers"), &cost, floor));
    }
    let reference = format!("oci:{}", layout.display());
    let seawall = program("seawall")?;
    for (what, extra) in [("`seawall sbom`, cold", &["--no-cache"][..]), ("`seawall sbom`, layers cached", &[])] {
        // The inventory alone: a database would mix the cost of matching in.
        let common = ["sbom", &reference];
        let args = [&common[..], extra].concat();
        // Once unmeasured: fills the cache for the warm row and the page cache for the cold one.
        measure::once(&seawall, &args)?;
        let cost = median(RUNS, &seawall, &args)?;
        if cost.middle.code != 0 {
            bail!("{what} ended with {}", cost.middle.code);
        }
        rows.push(row(what, &cost, floor));
    }
    page.table(&["what", "CPU s (least–most)", "wall s", "peak MiB", "CPU, of the first row"], &rows);
    page.write()
}

fn row(what: &str, cost: &Median, floor: Option<f64>) -> Vec<String> {
    let cpu = format!("{:.2} ({:.2}–{:.2})", cost.middle.cpu_s, cost.least_s, cost.most_s);
    let ratio = floor.map(|floor| format!("{:.2}", cost.middle.cpu_s / floor)).unwrap_or_default();
    vec![what.to_owned(), cpu, format!("{:.2}", cost.middle.wall_s), format!("{:.0}", cost.peak_mib), ratio]
}

/// The gzip blobs of a layout.
pub fn layers(layout: &Path) -> Result<Vec<PathBuf>> {
    let blob = |digest: &Value| {
        let digest = digest.as_str().unwrap_or_default();
        layout.join("blobs").join(digest.replace(':', "/"))
    };
    let read = |path: &Path| -> Result<Value> {
        let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
        serde_json::from_reader(file).with_context(|| path.display().to_string())
    };
    let index = read(&layout.join("index.json"))?;
    let manifest = read(&blob(&index["manifests"][0]["digest"]))?;
    let layers = manifest["layers"].as_array().context("the manifest has no layers")?;
    Ok(layers.iter().map(|layer| blob(&layer["digest"])).collect())
}

/// A minimal Debian as an OCI layout of one gzip layer, with these packages more.
pub fn debian(folder: &Path, packages: &str) -> Result<PathBuf> {
    let layout = folder.join("debian");
    let script = r#"
set -eu
root=$1/root; layout=$2
debootstrap --variant=minbase ${3:+--include="$3"} bookworm "$root" >/dev/null
mkdir -p "$layout/blobs/sha256"
put() { h=$(sha256sum "$1" | cut -d ' ' -f 1); mv "$1" "$layout/blobs/sha256/$h"; echo "$h"; }
tar -C "$root" --numeric-owner --sort=name -cf "$1/layer.tar" .
diff=$(sha256sum "$1/layer.tar" | cut -d ' ' -f 1)
gzip -n "$1/layer.tar"; size=$(stat -c %s "$1/layer.tar.gz"); layer=$(put "$1/layer.tar.gz")
printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$diff" >"$1/config"
csize=$(stat -c %s "$1/config"); config=$(put "$1/config")
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:%s","size":%s}]}' "$config" "$csize" "$layer" "$size" >"$1/manifest"
msize=$(stat -c %s "$1/manifest"); manifest=$(put "$1/manifest")
printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s}]}' "$manifest" "$msize" >"$layout/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
rm -rf "$root"
"#;
    eprintln!("making a Debian with debootstrap …");
    let status = Command::new("sh").args(["-c", script, "sh"]).arg(folder).arg(&layout).arg(packages).status();
    if !status.context("starting sh")?.success() {
        bail!("debootstrap failed; give an OCI layout: bench scan DIR");
    }
    Ok(layout)
}
