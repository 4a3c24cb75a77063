//! From what files tell to the packages of an inventory: purls, layers, owners, one entry for each.

use std::collections::BTreeMap;

use model::{Layer, Location, OperatingSystem, Package};
use rustc_hash::FxHashMap;

use super::purl;
use super::tree::Tree;
use crate::analyse::owned;
use crate::path::{file_name, parent};
use crate::pathset::PathHash;
use crate::record::{Content, Found, Manager, OsRelease};

/// The system for the inventory.
pub fn operating_system(os: &OsRelease) -> OperatingSystem {
    OperatingSystem { id: os.id.clone(), version: os.version.clone(), name: os.name.clone(), end_of_life: None }
}

/// What makes two finds the same package: then their locations are joined.
type Key = (String, Option<String>, model::Evidence);

/// All packages, sorted by purl.
pub fn collect(tree: &Tree, os: Option<&OsRelease>, layers: &[Layer]) -> Vec<Package> {
    let digest = |index: usize| layers.get(index).map(|layer| layer.digest.clone());
    let mut packages: BTreeMap<Key, Package> = BTreeMap::new();
    let mut add = |package: Package| {
        let key = (package.purl.clone(), package.owner.clone(), package.evidence);
        match packages.entry(key) {
            std::collections::btree_map::Entry::Vacant(entry) => drop(entry.insert(package)),
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                entry.get_mut().locations.extend(package.locations);
            }
        }
    };
    let owners = Owners::of(tree, os);
    for (path, node) in tree.files() {
        match &node.content {
            Content::Database(manager, found) => {
                for found in found {
                    let since = tree.installed_since(*manager, found).unwrap_or(node.layer);
                    add(package(found, path, digest(since), os));
                }
            }
            Content::Packages(found) => {
                let owner = owners.get(path);
                for found in found {
                    let mut package = package(found, path, digest(node.layer), None);
                    package.owner.clone_from(&owner);
                    add(package);
                }
            }
            Content::Os(_) | Content::Owned(_) | Content::Facts(_) => {}
        }
    }
    let mut packages: Vec<Package> = packages.into_values().collect();
    for package in &mut packages {
        package.locations.sort();
        package.locations.dedup();
    }
    packages
}

fn package(found: &Found, path: &str, layer: Option<String>, os: Option<&OsRelease>) -> Package {
    let path = if found.inner.is_empty() { path.to_owned() } else { format!("{path}!/{}", found.inner) };
    Package {
        purl: purl::of(found, os).to_string(),
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

/// Which OS package owns which file.
struct Owners(FxHashMap<PathHash, String>);

impl Owners {
    fn of(tree: &Tree, os: Option<&OsRelease>) -> Self {
        // dpkg's lists are named `NAME` or, where several architectures can be installed at once, `NAME:ARCH`.
        let mut by_name: FxHashMap<String, String> = FxHashMap::default();
        let mut owners: FxHashMap<PathHash, String> = FxHashMap::default();
        for (_, manager, found) in tree.databases() {
            let purl = purl::of(found, os).to_string();
            owners.extend(found.owns.iter().map(|hash| (*hash, purl.clone())));
            if manager == Manager::Dpkg {
                if let Some(architecture) = &found.architecture {
                    by_name.insert(format!("{}:{architecture}", found.name), purl.clone());
                }
                by_name.insert(found.name.clone(), purl);
            }
        }
        for (_, node) in tree.files() {
            if let Content::Owned(owned) = &node.content
                && let Some(purl) = by_name.get(&owned.package)
            {
                owners.extend(owned.files.iter().map(|hash| (*hash, purl.clone())));
            }
        }
        Self(owners)
    }

    /// The owner of a file, or of the folder that it describes: dpkg lists `x.egg-info` where that is a file or a folder.
    fn get(&self, path: &str) -> Option<String> {
        let metadata_folder = matches!(file_name(path), "METADATA" | "PKG-INFO").then(|| parent(path));
        [Some(path), metadata_folder].into_iter().flatten().find_map(|path| self.0.get(&owned(path)).cloned())
    }
}
