//! Which OS package owns which file.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::purl;
use super::tree::Tree;
use crate::analyse::owned;
use crate::path::{file_name, parent};
use crate::pathset::PathHash;
use crate::record::{Content, Manager, OsRelease};

/// Owners by the hash of a path.
pub struct Owners(FxHashMap<PathHash, Arc<str>>);

impl Owners {
    pub fn of(tree: &Tree, os: Option<&OsRelease>) -> Self {
        // dpkg's lists are named `NAME` or, where several architectures can be installed at once, `NAME:ARCH`.
        let mut by_name: FxHashMap<String, Arc<str>> = FxHashMap::default();
        let mut owners: FxHashMap<PathHash, Arc<str>> = FxHashMap::default();
        for (_, manager, found) in tree.databases() {
            let purl: Arc<str> = purl::of(found, os).to_string().into();
            owners.extend(found.owns.iter().map(|hash| (*hash, Arc::clone(&purl))));
            if manager == Manager::Dpkg {
                if let Some(architecture) = &found.architecture {
                    by_name.insert(format!("{}:{architecture}", found.name), Arc::clone(&purl));
                }
                by_name.insert(found.name.clone(), purl);
            }
        }
        for (_, node) in tree.files() {
            if let Content::Owned(owned) = &node.content
                && let Some(purl) = by_name.get(&owned.package)
            {
                owners.extend(owned.files.iter().map(|hash| (*hash, Arc::clone(purl))));
            }
        }
        Self(owners)
    }

    /// The owner of a file, or of the folder that it describes: dpkg lists `x.egg-info` where that is a file or a folder.
    pub fn get(&self, path: &str) -> Option<String> {
        let metadata_folder = matches!(file_name(path), "METADATA" | "PKG-INFO").then(|| parent(path));
        let mut paths = [Some(path), metadata_folder].into_iter().flatten();
        paths.find_map(|path| self.0.get(&owned(path))).map(ToString::to_string)
    }
}
