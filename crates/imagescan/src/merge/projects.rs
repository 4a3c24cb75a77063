//! What projects ask for, resolved among the files of a tree: properties, parents, central lists of versions.
//!
//! Rules: Maven's "Introduction to the POM" (inheritance, interpolation, dependency management) and `NuGet`'s "Central
//! Package Management". Nothing is fetched: what only a registry could tell is named as not resolved.

use std::collections::BTreeMap;

use model::{Diagnostic, Evidence, Level};

use super::tree::Tree;
use crate::path::{parent, resolve as relative, self_and_parents};
use crate::record::{Content, Found, Project, Wanted};

/// Files that a project inherits from, one after another; real ones have up to six.
const MAX_CHAIN: usize = 16;
/// References in the values of references.
const MAX_REFERENCES: usize = 16;
/// Bytes of a name or version with its references resolved.
const MAX_VALUE: usize = 256;
/// Names that a note lists.
const SHOWN: usize = 5;

/// Packages that all projects of an image ask for; more are left out and told. The largest builds ask for some thousands.
const MAX_WANTED: usize = 200_000;
/// Names with references in one list of versions; usual are a few dozen.
const MAX_REFERENCE_NAMES: usize = 256;
/// Lists that one project takes over; usual are up to ten.
const MAX_IMPORTS: usize = 64;

/// What the projects of a tree ask for.
#[derive(Debug, Default)]
pub struct Resolved {
    /// File, layer, packages.
    pub packages: Vec<(String, usize, Vec<Found>)>,
    /// What could not be resolved.
    pub notes: Vec<Diagnostic>,
}

/// Resolves the projects of a tree.
pub fn resolve(tree: &Tree) -> Resolved {
    let projects = Projects::of(tree);
    let (mut resolved, mut left) = (Resolved::default(), MAX_WANTED);
    for (path, entry) in &projects.by_path {
        let chain = projects.chain(path, entry);
        let (mut found, mut missing) = (own(entry.project, &chain), Vec::new());
        for wanted in entry.project.wanted.iter().take(left) {
            let name = expand(&wanted.name, &chain);
            match version(wanted, &chain, &projects) {
                Some(version) => found.push(package(entry.project, &name, version, wanted)),
                None => missing.push(name),
            }
        }
        missing.extend(entry.project.wanted.iter().skip(left).map(|wanted| wanted.name.clone()));
        left = left.saturating_sub(entry.project.wanted.len());
        if !missing.is_empty() {
            resolved.notes.push(note(path, &missing));
        }
        resolved.packages.push(((*path).to_owned(), entry.layer, found));
    }
    resolved
}

/// The project itself, if it is one of those with a name.
fn own(project: &Project, chain: &[&Entry<'_>]) -> Vec<Found> {
    let (name, version) = (expand(&project.name, chain), exact(&expand(&project.version, chain)));
    let named = name.split_once(':').is_some_and(|(group, name)| !group.is_empty() && !name.is_empty());
    let own = version.filter(|_| named).map(|version| {
        let mut found = Found::new(&project.r#type, name, version, Evidence::Lock);
        found.properties.insert("main".into(), "true".into());
        found
    });
    own.into_iter().collect()
}

fn package(project: &Project, name: &str, version: String, wanted: &Wanted) -> Found {
    let mut found = Found::new(&project.r#type, name, version, Evidence::Lock);
    if !wanted.scope.is_empty() && wanted.scope != "compile" {
        found.properties.insert("scope".into(), wanted.scope.clone());
    }
    found
}

fn note(path: &str, missing: &[String]) -> Diagnostic {
    let shown = missing[..missing.len().min(SHOWN)].join(", ");
    let more = if missing.len() > SHOWN { ", …" } else { "" };
    let message = format!("{} dependencies have no version that the files here tell: {shown}{more}", missing.len());
    let fix = "build the project and scan what it builds, or scan a lock file or SBOM of it";
    Diagnostic::new("project/unresolved", Level::Warning, path, message).with_fix(fix)
}

/// A project in its place.
struct Entry<'a> {
    layer: usize,
    project: &'a Project,
    /// Names in its list of versions that have references in them.
    references: Vec<&'a str>,
}

/// All projects, by path and by name.
struct Projects<'a> {
    by_path: BTreeMap<&'a str, Entry<'a>>,
    by_name: BTreeMap<&'a str, &'a str>,
}

/// A project and what it inherits from, the nearest first.
type Chain<'a> = Vec<&'a Entry<'a>>;

impl<'a> Projects<'a> {
    fn of(tree: &'a Tree) -> Self {
        let projects = tree.files().filter_map(|(path, node)| match &node.content {
            Content::Project(project) => {
                let names = project.managed.keys().map(String::as_str).filter(|name| name.contains('$'));
                let references = names.take(MAX_REFERENCE_NAMES).collect();
                Some((path, Entry { layer: node.layer, project, references }))
            }
            _ => None,
        });
        let by_path: BTreeMap<_, _> = projects.collect();
        let named = by_path.iter().filter(|(_, entry)| !entry.project.name.is_empty());
        Self { by_name: named.map(|(path, entry)| (entry.project.name.as_str(), *path)).collect(), by_path }
    }

    fn chain(&'a self, path: &str, entry: &'a Entry<'a>) -> Chain<'a> {
        if entry.project.r#type == "nuget" {
            return std::iter::once(entry).chain(self.lists_above(path)).collect();
        }
        let (mut chain, mut at) = (vec![entry], path);
        while let Some((above, entry)) = self.parent(at, chain[chain.len() - 1].project) {
            if chain.len() == MAX_CHAIN {
                break;
            }
            chain.push(entry);
            at = above;
        }
        chain
    }

    /// A project's parent: where it says, if that is the one of its name, else any of that name.
    fn parent(&'a self, path: &str, project: &Project) -> Option<(&'a str, &'a Entry<'a>)> {
        let named = project.parent.as_ref()?;
        let place = relative(path, &named.path);
        let file = format!("{place}/pom.xml");
        let there = [place.as_str(), file.as_str()].into_iter().find_map(|place| self.by_path.get_key_value(place));
        let there = there.filter(|(_, other)| !named.path.is_empty() && other.project.name == named.name);
        let named = || self.by_name.get(named.name.as_str()).and_then(|path| self.by_path.get_key_value(path));
        there.or_else(named).map(|(path, entry)| (*path, entry))
    }

    /// The lists that hold for a folder: the nearest of each name above it.
    fn lists_above(&'a self, path: &str) -> impl Iterator<Item = &'a Entry<'a>> {
        const LISTS: [&str; 3] = ["Directory.Build.props", "Directory.Packages.props", "Directory.Build.targets"];
        let nearest = move |name: &str| {
            let inside = self_and_parents(parent(path)).map(|folder| format!("{folder}/{name}"));
            inside.chain([name.to_owned()]).find_map(|place| self.by_path.get(place.as_str()))
        };
        LISTS.into_iter().filter_map(nearest).collect::<Vec<_>>().into_iter()
    }
}

/// The one version that a project asks for, if its files tell it.
fn version(wanted: &Wanted, chain: &[&Entry<'_>], projects: &Projects<'_>) -> Option<String> {
    if !wanted.version.is_empty() {
        return exact(&expand(&wanted.version, chain));
    }
    let name = expand(&wanted.name, chain);
    // `NuGet`'s names ignore case.
    let name = if chain[0].project.r#type == "nuget" { name.to_lowercase() } else { name };
    managed(&name, chain).or_else(|| imported(&name, chain, projects)).and_then(|version| exact(&version))
}

/// The version that a project or what it inherits from states for what does not ask for one.
fn managed(name: &str, chain: &[&Entry<'_>]) -> Option<String> {
    let stated = chain.iter().find_map(|entry| {
        let by_reference = || {
            let key = entry.references.iter().find(|key| expand(key, chain) == name)?;
            entry.project.managed.get(*key)
        };
        entry.project.managed.get(name).or_else(by_reference)
    });
    stated.map(|version| expand(version, chain))
}

/// The same from the projects whose lists are taken over.
fn imported(name: &str, chain: &[&Entry<'_>], projects: &Projects<'_>) -> Option<String> {
    let imports = chain.iter().flat_map(|entry| &entry.project.imports).take(MAX_IMPORTS);
    imports.map(|import| expand(import, chain)).find_map(|import| {
        let path = projects.by_name.get(import.as_str())?;
        managed(name, &projects.chain(path, projects.by_path.get(path)?))
    })
}

/// A text with its references to properties replaced: `${name}`, `$(name)`. One that is not known stays.
fn expand(text: &str, chain: &[&Entry<'_>]) -> String {
    let mut text = text.to_owned();
    if text.len() > MAX_VALUE {
        return text;
    }
    for _ in 0..MAX_REFERENCES {
        let Some((range, name)) = reference(&text, chain) else { break };
        let Some(value) = property(name, chain).filter(|value| text.len() + value.len() <= MAX_VALUE) else { break };
        text.replace_range(range, value);
    }
    text
}

/// The first reference that is known.
fn reference<'t>(text: &'t str, chain: &[&Entry<'_>]) -> Option<(std::ops::Range<usize>, &'t str)> {
    text.match_indices('$').find_map(|(start, _)| {
        let rest = &text[start + 1..];
        let close = match rest.as_bytes().first()? {
            b'{' => '}',
            b'(' => ')',
            _ => return None,
        };
        let end = rest.find(close)?;
        let name = &rest[1..end];
        property(name, chain).is_some().then_some((start..start + end + 2, name))
    })
}

/// A property, as the project nearest to the asking one states it. `pom.…` is the old way to say `project.…`.
fn property<'p>(name: &str, chain: &[&'p Entry<'_>]) -> Option<&'p str> {
    let modern = name.strip_prefix("pom.").map(|rest| format!("project.{rest}"));
    let name = modern.as_deref().unwrap_or(name);
    chain.iter().find_map(|entry| entry.project.properties.get(name)).map(String::as_str)
}

/// A version that is only one: no range, no placeholder, no reference left.
fn exact(version: &str) -> Option<String> {
    let inner = version.strip_prefix('[').and_then(|version| version.strip_suffix(']')).unwrap_or(version).trim();
    let plain = inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '~'));
    let moving = matches!(inner, "LATEST" | "RELEASE") || !inner.contains(|c: char| c.is_ascii_digit());
    (plain && !moving && inner.len() <= MAX_VALUE).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests;
