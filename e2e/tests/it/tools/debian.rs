//! A Debian by debootstrap, with packages that bring Python's and Java's own kinds of packages. Kept between runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use e2e::parts::lab::lab_dir;
use e2e::parts::process::output;
use testkit::image::digest;

use super::layer::{Layer, Told, pack};

/// How it is made; the name of the kept archive says which of these made it.
const RECIPE: [&str; 3] = ["--variant=minbase", "--include=python3-yaml,libcommons-lang3-java,node-ms", "bookworm"];

/// The base layer and its blob.
pub fn base() -> Result<(Layer, Vec<u8>)> {
    let name = digest(RECIPE.join(" ").as_bytes())["sha256:".len()..][..12].to_owned();
    let kept = lab_dir()?.join(format!("debian-{name}.tar.gz"));
    if !kept.exists() {
        make(&kept)?;
    }
    // Which of its files belong to which package, dpkg itself says; it needs its own folder only.
    let admin = tempfile::tempdir().context("making a folder")?;
    let mut unpack = Command::new("tar");
    unpack.arg("-C").arg(admin.path()).arg("-xzf").arg(&kept).arg("./var/lib/dpkg");
    output(unpack)?;
    let told = told(admin.path())?;
    let blob = testkit::read(&kept);
    let diff_id = testkit::read_text(kept.with_extension("diff-id"));
    let owner = move |path: &str| owner(admin.path(), path);
    let media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    Ok((Layer::new(&blob, media_type, diff_id, told, Some(Box::new(owner))), blob))
}

fn make(kept: &Path) -> Result<()> {
    eprintln!("making {} with debootstrap; it is kept", kept.display());
    let work = tempfile::tempdir_in(lab_dir()?).context("making a folder")?;
    let root = work.path().join("root");
    let mut debootstrap = Command::new("debootstrap");
    output({
        debootstrap.args(&RECIPE[..2]).arg(RECIPE[2]).arg(&root);
        debootstrap
    })?;
    let plain = work.path().join("layer.tar");
    output(pack(
        &root,
        &plain,
        &["--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*", "--exclude=./dev/*"],
    ))?;
    fs::write(kept.with_extension("diff-id"), digest(&testkit::read(&plain))).context("keeping the digest")?;
    let mut gzip = Command::new("gzip");
    gzip.args(["-1", "-n"]).arg(&plain);
    output(gzip)?;
    fs::rename(work.path().join("layer.tar.gz"), kept).context("keeping the layer")
}

fn told(root: &Path) -> Result<Vec<Told>> {
    let mut query = dpkg_query(root);
    query.args(["--show", "--showformat", "${db:Status-Status}\t${Package}\t${Version}\n"]);
    let said = output(query)?;
    let installed = said.lines().filter_map(|line| line.strip_prefix("installed\t")?.split_once('\t'));
    Ok(installed.map(|(name, version)| Told::file("deb", name, version, "var/lib/dpkg/status")).collect())
}

fn owner(root: &Path, path: &str) -> Result<Option<String>> {
    let answer = dpkg_query(root).args(["--search", &format!("/{path}")]).output().context("asking dpkg-query")?;
    // `python3-yaml: /usr/…`, `libc6:amd64: /lib/…`; nothing and an exit code where nobody owns it.
    let said = String::from_utf8_lossy(&answer.stdout).into_owned();
    Ok(said.split(':').next().filter(|name| !name.is_empty()).map(str::to_owned))
}

fn dpkg_query(root: &Path) -> Command {
    let mut query = Command::new("dpkg-query");
    query.arg("--admindir").arg(root.join("var/lib/dpkg"));
    query
}
