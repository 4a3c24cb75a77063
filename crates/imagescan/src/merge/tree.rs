//! The merged tree: what is visible of the analysed files, and since which layer.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::path::{parent, self_and_parents};
use crate::pathset::{PathHash, hash};
use crate::record::{Content, Found, LayerRecord, Link, Manager, OsRelease};
use crate::scan::{COVERS_ALL, COVERS_BELOW, COVERS_FILE};

/// Links followed before a path is given up: the limit of Linux (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// A visible file.
#[derive(Debug)]
pub struct Node {
    /// What it contains.
    pub content: Content,
    /// The layer from which on it was there with this content.
    pub layer: usize,
    covered_by: Covers,
}

/// The hashes that would hide a path.
#[derive(Debug)]
struct Covers(Vec<PathHash>);

impl Covers {
    fn of(path: &str) -> Self {
        let all = self_and_parents(path).map(|path| hash(COVERS_ALL, path));
        let below = self_and_parents(parent(path)).map(|path| hash(COVERS_BELOW, path));
        Self(all.chain(below).chain([hash(COVERS_FILE, path), hash(COVERS_BELOW, "")]).collect())
    }

    fn hidden(&self, covers: &FxHashSet<PathHash>) -> bool {
        self.0.iter().any(|hash| covers.contains(hash))
    }
}

/// Identifies an installed OS package: manager, name, version, architecture.
pub type InstalledKey = (Manager, String, String, String);

/// What is visible after the layers so far.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, Node>,
    links: BTreeMap<String, (Link, Covers)>,
    /// Since which layer an OS package is installed.
    installed: FxHashMap<InstalledKey, usize>,
}

impl Tree {
    /// Lays a layer on top.
    pub fn apply(&mut self, layer: usize, record: LayerRecord) {
        let covers: FxHashSet<PathHash> = record.covers.iter().copied().collect();
        let mut hidden: FxHashMap<String, Node> = FxHashMap::default();
        if layer > 0 && !covers.is_empty() {
            let gone = self.files.extract_if(.., |_, node| node.covered_by.hidden(&covers));
            hidden.extend(gone);
            self.links.retain(|_, (_, covered_by)| !covered_by.hidden(&covers));
        }
        let databases = hidden.values().any(|node| matches!(node.content, Content::Database(..)))
            || record.files.iter().any(|file| matches!(file.content, Content::Database(..)));
        for file in record.files {
            let since = match hidden.get(&file.path) {
                Some(before) if before.content == file.content => before.layer,
                _ => layer,
            };
            self.insert(file.path, file.content, since);
        }
        for link in record.links {
            if link.hard {
                self.hard_link(&link, layer, &hidden);
            } else {
                let covered_by = Covers::of(&link.path);
                self.links.insert(link.path.clone(), (link, covered_by));
            }
        }
        if databases {
            self.update_installed(layer);
        }
    }

    fn insert(&mut self, path: String, content: Content, layer: usize) {
        let covered_by = Covers::of(&path);
        self.files.insert(path, Node { content, layer, covered_by });
    }

    /// A hard link is a second file with the content of the first, which the same layer may have just covered.
    fn hard_link(&mut self, link: &Link, layer: usize, hidden: &FxHashMap<String, Node>) {
        let target = self.files.get(&link.target).or_else(|| hidden.get(&link.target));
        if let Some(content) = target.map(|node| node.content.clone()) {
            self.insert(link.path.clone(), content, layer);
        }
    }

    fn update_installed(&mut self, layer: usize) {
        let now = self.databases().map(|(_, manager, found)| {
            let key = installed_key(manager, found);
            let since = self.installed.get(&key).copied().unwrap_or(layer);
            (key, since)
        });
        self.installed = now.collect();
    }

    /// Since which layer an OS package is installed.
    pub fn installed_since(&self, manager: Manager, found: &Found) -> Option<usize> {
        self.installed.get(&installed_key(manager, found)).copied()
    }

    /// All visible files, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.files.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// All installed OS packages with the path of their database.
    pub fn databases(&self) -> impl Iterator<Item = (&str, Manager, &Found)> {
        self.files.iter().flat_map(|(path, node)| {
            let (manager, found) = match &node.content {
                Content::Database(manager, found) => (*manager, found.as_slice()),
                _ => (Manager::Dpkg, [].as_slice()),
            };
            found.iter().map(move |found| (path.as_str(), manager, found))
        })
    }

    /// What the system says it is, by `os-release` or by what older and minimal systems have.
    pub fn os_release(&self) -> Option<OsRelease> {
        let stated = |path: &str| match &self.resolve(path)?.content {
            Content::Os(os) => Some(os.clone()),
            _ => None,
        };
        let numbered = |id: &str, path: &str| {
            // `12.5`; before a release is made the file has `trixie/sid`, which is no version.
            let os = stated(path).filter(|os| os.id.is_empty())?;
            let version = Some(os.version).filter(|version| version.starts_with(|c: char| c.is_ascii_digit()));
            let version = version.unwrap_or_default();
            Some(OsRelease { id: id.to_owned(), name: format!("{id} {version}"), version, ..OsRelease::default() })
        };
        let named = |path: &str| stated(path).filter(|os| !os.id.is_empty());
        named("etc/os-release")
            .or_else(|| named("usr/lib/os-release"))
            .or_else(|| named("etc/redhat-release"))
            .or_else(|| named("etc/centos-release"))
            .or_else(|| numbered("alpine", "etc/alpine-release"))
            .or_else(|| numbered("debian", "etc/debian_version"))
    }

    /// Statements about the distribution by a name, each with the layer that it came with.
    pub fn facts(&self, name: &str) -> Vec<(usize, &str)> {
        let facts = self.files.values().filter_map(|node| match &node.content {
            Content::Facts(facts) => facts.get(name).map(|value| (node.layer, value.as_str())),
            _ => None,
        });
        facts.collect()
    }

    /// The file at a path, through symbolic links.
    fn resolve(&self, path: &str) -> Option<&Node> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            if let Some(node) = self.files.get(&path) {
                return Some(node);
            }
            let at = self_and_parents(&path).find(|above| self.links.contains_key(*above))?;
            let (link, _) = self.links.get(at)?;
            let rest = path[at.len()..].trim_start_matches('/');
            path = crate::path::normalise(&format!("{}/{rest}", link.target));
        }
        None
    }
}

fn installed_key(manager: Manager, found: &Found) -> InstalledKey {
    let architecture = found.architecture.clone().unwrap_or_default();
    (manager, found.name.clone(), found.version.clone(), architecture)
}
