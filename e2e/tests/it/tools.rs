//! Images made with the tools that make them in the world, pushed with skopeo, pulled and scanned by our program.
//!
//! What must be found is what the tools themselves say they installed ([`Told`]), never a list typed in here; only the
//! databases whose tools cannot be had (apk, Composer) are written as their tools write them ([`written`]).

mod debian;
mod documents;
mod go;
mod java;
mod layer;
mod node;
mod python;
mod rpm;
mod ruby;
mod rust;
mod written;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::parts::process::output;
use e2e::parts::program;
use model::image::{ScanReport, ScannedImage};
use model::{Inventory, Package};
use testkit::need;
use testkit::registry::Registry;

use layer::{Image, Layer, Told};

#[test]
fn everything_that_the_tools_say_they_installed_is_found() -> Result<()> {
    need!(root, debootstrap, skopeo, registry, rpmbuild, node, pip, gem, go, jdk);
    let folder = tempfile::tempdir()?;
    let images = [application(folder.path())?, rpm::image(folder.path())?, written::apk(folder.path())?];
    let cache = folder.path().join("cache");
    let registry = Registry::start();
    for image in &images {
        let scanned = pull(&registry, image, folder.path(), &cache)?;
        ensure!(scanned.read.layers_known == 0, "{}: nothing was read before", image.name);
        check(image, &scanned.inventory)?;
    }
    // Another registry, other names: the layers are the same.
    need!(new_go);
    let registry = Registry::start_distribution(false);
    for image in &images {
        let scanned = pull(&registry, image, folder.path(), &cache)?;
        ensure!(scanned.read.layers_known == scanned.read.layers, "{}: every layer was read before", image.name);
        check(image, &scanned.inventory)?;
    }
    Ok(())
}

/// A Debian with a layer of every language's own installer.
fn application(folder: &Path) -> Result<Image> {
    let mut image = Image::new("application", folder)?;
    image.add_base(debian::base()?)?;
    for (name, make) in [
        ("node", node::make as fn(&Path, &Path) -> Result<Vec<Told>>),
        ("python", python::make),
        ("ruby", ruby::make),
        ("rust", rust::make),
        ("go", go::make),
        ("java", java::make),
        ("composer", written::composer),
    ] {
        let (work, root) = (folder.join(name), folder.join(name).join("root"));
        fs::create_dir_all(&root).with_context(|| format!("making {}", root.display()))?;
        let told = make(&work, &root).with_context(|| format!("making the layer of {name}"))?;
        ensure!(!told.is_empty(), "the tool of {name} says nothing");
        image.add(&root, told, Layer::not_owned())?;
    }
    Ok(image)
}

/// Pushes an image with skopeo and scans it from the registry.
fn pull(registry: &Registry, image: &Image, folder: &Path, cache: &Path) -> Result<ScannedImage> {
    let reference = format!("{}/{}:1", registry.host(), image.name);
    let mut push = Command::new("skopeo");
    push.args(["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", "--preserve-digests"]);
    push.arg(format!("oci:{}", image.layout().display())).arg(format!("docker://{reference}"));
    output(push)?;
    let mut scan = Command::new(program("seawall")?);
    scan.args(["scan", &reference, "--format", "json", "--verify-diff-ids"]);
    // Without a database: what is asked here is what an image contains.
    scan.arg("--cache").arg(cache).env("XDG_DATA_HOME", folder).env_remove("SEAWALL_DB");
    let report: ScanReport = serde_json::from_str(&output(scan)?).context("reading the report")?;
    ensure!(report.images.len() == 1, "{} images", report.images.len());
    report.images.into_iter().next().context("an image")
}

/// Every package that a tool told of is there, with its layer, place and evidence; and the files that the image's package
/// manager owns are attributed as the manager itself attributes them.
fn check(image: &Image, inventory: &Inventory) -> Result<()> {
    ensure!(inventory.layers.len() == image.layers.len(), "{}: {} layers", image.name, inventory.layers.len());
    let mut wrong = Vec::new();
    for (layer, read) in image.layers.iter().zip(&inventory.layers) {
        ensure!(read.complete, "{}: {} is not complete", image.name, read.digest);
        for told in &layer.told {
            if !inventory.packages.iter().any(|package| is_told(package, told, &read.digest)) {
                let near = inventory.packages.iter().filter(|package| package.name == told.name).collect::<Vec<_>>();
                wrong.push(format!("{told:?} is not found; near: {near:?}"));
            }
        }
        let mut attributed = 0;
        for package in &inventory.packages {
            let languages = !matches!(package.r#type.as_str(), "deb" | "rpm" | "apk");
            if !languages || package.layer.as_ref() != Some(&read.digest) {
                continue;
            }
            let path = package.locations[0].path.split("!/").next().unwrap_or_default();
            let owner = layer.owner(path)?;
            attributed += usize::from(owner.is_some());
            let ours = package.owner.as_deref().and_then(|purl| purl.split('@').next()?.rsplit('/').next());
            if ours != owner.as_deref() {
                wrong.push(format!("/{path} belongs to {owner:?}, not {ours:?}"));
            }
        }
        if layer.has_owned() && attributed == 0 {
            wrong.push(format!("{}: no file of a package of another kind is owned", read.digest));
        }
    }
    ensure!(wrong.is_empty(), "{}:\n{}", image.name, wrong.join("\n"));
    Ok(())
}

fn is_told(package: &Package, told: &Told, layer: &str) -> bool {
    (package.r#type.as_str(), package.name.as_str(), package.version.as_str())
        == (told.kind, told.name.as_str(), told.version.as_str())
        && package.evidence == told.evidence
        && package.layer.as_deref() == Some(layer)
        && package
            .locations
            .iter()
            .any(|place| place.layer.as_deref() == Some(layer) && place.path.starts_with(&told.below))
}
