//! From what files tell to the packages of an inventory: purls, layers, owners, one entry for each.

use std::collections::{BTreeMap, BTreeSet};

use model::{Diagnostic, Evidence, Layer, Location, OperatingSystem, Package};

use super::locks::{self, Installed};
use super::owners::Owners;
use super::projects::{self, Resolved};
use super::tree::Tree;
use super::{end_of_life, purl};
use crate::path::parent;
use crate::record::{Content, Found, Manager, OsRelease};

/// Packages of one purl that differ and are still compared: a hostile image has as many as it likes.
const MAX_TWINS: usize = 64;

/// The system for the inventory.
pub fn operating_system(os: OsRelease) -> OperatingSystem {
    let end_of_life = end_of_life::of_system(&os).date();
    OperatingSystem { id: os.id, version: os.version, name: os.name, end_of_life }
}

/// All packages, sorted by purl, and notes about what was left out.
///
/// In an image (`is_image`) a lock file that nothing was installed from is doubtful: it tells what a build may have used.
pub fn collect(
    tree: &Tree,
    os: Option<&OsRelease>,
    layers: &[Layer],
    is_image: bool,
) -> (Vec<Package>, Vec<Diagnostic>) {
    let mut collector = Collector { os, layers, is_image, packages: BTreeMap::new() };
    let (branch, content_sets) = (tree.facts("apk_branch"), tree.facts("content_sets"));
    for (path, node) in tree.files() {
        let Content::Database(manager, found) = &node.content else { continue };
        for found in found {
            let since = tree.installed_since(*manager, found).unwrap_or(node.layer);
            let mut package = collector.package(found, path, since);
            let fact = match manager {
                Manager::Apk => branch.first().map(|(_, value)| ("apk_branch", *value)),
                Manager::Rpm => nearest(&content_sets, since).map(|value| ("content_sets", value)),
                Manager::Dpkg => None,
            };
            if let Some((name, value)) = fact {
                package.properties.insert(name.to_owned(), value.to_owned());
            }
            collector.add(since, package);
        }
    }
    let projects = projects::resolve(tree);
    let mut notes = languages(tree, &projects, &mut collector);
    notes.extend(projects.notes);
    (collector.finish(), notes)
}

/// The statement of a layer, or of the nearest below it: what a layer installs comes from the repositories that it, or
/// the layer that it was built on, names.
fn nearest<'a>(facts: &[(usize, &'a str)], layer: usize) -> Option<&'a str> {
    let below = facts.iter().filter(|(at, _)| *at <= layer).max_by_key(|(at, _)| *at);
    below.or_else(|| facts.first()).map(|(_, value)| *value)
}

/// Packages that are files, or in files.
fn languages(tree: &Tree, projects: &Resolved, collector: &mut Collector<'_>) -> Vec<Diagnostic> {
    let owners = Owners::of(tree, collector.os);
    let superseded = superseded(tree, projects, &owners);
    // Folders whose assemblies are listed by a file: what an assembly says of itself adds nothing there.
    let listed: BTreeSet<&str> = packages(tree, projects)
        .filter(|(_, _, found)| found.r#type == "nuget" && found.evidence == Evidence::File)
        .map(|(path, ..)| parent(path))
        .collect();
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    // What a document tells comes last: it adds only what nothing else found.
    let (told, seen): (Vec<_>, Vec<_>) =
        packages(tree, projects).partition(|(_, _, found)| found.evidence == Evidence::Sbom);
    for (path, layer, found) in seen.into_iter().chain(told) {
        if found.evidence == Evidence::Lock && superseded.contains(&(path, found.r#type.as_str())) {
            *left_out.entry(path).or_default() += 1;
            continue;
        }
        if found.r#type == "nuget" && found.evidence == Evidence::Binary && listed.contains(parent(path)) {
            continue;
        }
        let owner = owners.get(path);
        // A program that is known by its version string only, and belongs to an OS package, is that package.
        if owner.is_some() && found.r#type == "generic" {
            continue;
        }
        let mut package = Package { owner, ..collector.package(found, path, layer) };
        if found.evidence == Evidence::Sbom && collector.has_seen(&package.purl) {
            continue;
        }
        if collector.is_image && found.evidence == Evidence::Lock {
            package.properties.insert("confidence".into(), "low".into());
        }
        collector.add(layer, package);
    }
    left_out.into_iter().map(|(path, count)| locks::note(path, count)).collect()
}

/// Lock files, with the type of package, whose packages are installed and listed by what is on disk.
fn superseded<'a>(tree: &'a Tree, projects: &'a Resolved, owners: &Owners) -> BTreeSet<(&'a str, &'a str)> {
    let mut installed = Installed::default();
    for (path, _, found) in packages(tree, projects) {
        installed.add(found, path, owners.get(path).is_some());
    }
    let mut counts: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for (path, _, found) in packages(tree, projects).filter(|(_, _, found)| found.evidence == Evidence::Lock) {
        let (shown, all) = counts.entry((path, &found.r#type)).or_default();
        *shown += usize::from(installed.shows(found, path));
        *all += 1;
    }
    let counts = counts.into_iter();
    counts.filter(|((_, r#type), (shown, all))| Installed::enough(r#type, *shown, *all)).map(|(key, _)| key).collect()
}

/// File, layer and package of everything that is no OS package.
fn packages<'a>(tree: &'a Tree, projects: &'a Resolved) -> impl Iterator<Item = (&'a str, usize, &'a Found)> {
    let files = tree.files().filter_map(|(path, node)| match &node.content {
        Content::Packages(found) => Some((path, node.layer, found)),
        _ => None,
    });
    let projects = projects.packages.iter().map(|(path, layer, found)| (path.as_str(), *layer, found));
    files.chain(projects).flat_map(|(path, layer, found)| found.iter().map(move |found| (path, layer, found)))
}

/// Packages by purl; those that differ in more than their place stand beside each other.
struct Collector<'a> {
    os: Option<&'a OsRelease>,
    layers: &'a [Layer],
    is_image: bool,
    packages: BTreeMap<String, Vec<(usize, Package)>>,
}

impl Collector<'_> {
    fn package(&self, found: &Found, path: &str, layer: usize) -> Package {
        let path = if found.inner.is_empty() { path.to_owned() } else { format!("{path}!/{}", found.inner) };
        let layer = self.layers.get(layer).map(|layer| layer.digest.clone());
        Package {
            purl: purl::of(found, self.os).to_string(),
            name: found.name.clone(),
            version: found.version.clone(),
            architecture: found.architecture.clone(),
            r#type: found.r#type.clone(),
            source: found.source.clone(),
            layer: layer.clone(),
            locations: vec![Location { path, layer, offset: found.offset }],
            evidence: found.evidence,
            owner: None,
            licenses: found.licenses.clone(),
            vendor: found.vendor.clone(),
            properties: found.properties.clone(),
        }
    }

    /// Whether a package was found by more than another tool's word.
    fn has_seen(&self, purl: &str) -> bool {
        let same = self.packages.get(purl);
        same.is_some_and(|same| same.iter().any(|(_, package)| package.evidence != Evidence::Sbom))
    }

    fn add(&mut self, layer: usize, package: Package) {
        let same = self.packages.entry(package.purl.clone()).or_default();
        let twin = same.iter_mut().rev().take(MAX_TWINS).find(|(_, other)| {
            other.owner == package.owner && other.evidence == package.evidence && other.properties == package.properties
        });
        match twin {
            Some((first, other)) => {
                other.locations.extend(package.locations);
                // It came with the lowest of its layers.
                if layer < *first {
                    *first = layer;
                    other.layer = package.layer;
                }
            }
            None => same.push((layer, package)),
        }
    }

    fn finish(self) -> Vec<Package> {
        let packages = self.packages.into_values().flatten().map(|(_, mut package)| {
            package.locations.sort();
            package.locations.dedup();
            package
        });
        packages.collect()
    }
}
