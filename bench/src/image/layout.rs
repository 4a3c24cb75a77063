//! Images as OCI layouts on disk: what is in them, and small ones made here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

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

/// A minimal Debian as an OCI layout of one gzip layer.
pub fn debian(folder: &Path) -> Result<PathBuf> {
    let layout = folder.join("debian");
    let script = r#"
set -eu
root=$1/root; layout=$2
debootstrap --variant=minbase bookworm "$root" >/dev/null
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
    let status = Command::new("sh").args(["-c", script, "sh"]).arg(folder).arg(&layout).status();
    if !status.context("starting sh")?.success() {
        bail!("debootstrap failed");
    }
    Ok(layout)
}
