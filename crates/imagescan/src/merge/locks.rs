//! Lock files beside what they installed: the installed packages are the truth, the lock also has what was left out
//! (development dependencies, other platforms) and what was changed since.

use std::collections::{BTreeMap, BTreeSet};

use model::{Diagnostic, Evidence, Level};
use rustc_hash::FxHashSet;

use crate::path::parent;
use crate::record::Found;

/// What tells that a lock file was installed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Packages below its folder, where the ecosystem installs there.
    Below,
    /// A program that was built from what it is the lock of.
    Program,
    /// Half of the packages that it locks, anywhere: the other half may be what only development needs, and a single one
    /// may belong to something else.
    Any,
}

fn sign(r#type: &str) -> Sign {
    match r#type {
        "npm" | "composer" => Sign::Below,
        "golang" | "cargo" => Sign::Program,
        _ => Sign::Any,
    }
}

/// Whether a package of npm tells that its project was installed: a project's own manifest does not, and of what Yarn
/// keeps packed (`.yarn/cache`) it unpacks a few packages only.
fn is_installed_module(path: &str) -> bool {
    path.contains("node_modules/") && !path.split('/').any(|part| part == ".yarn")
}

/// What is installed.
#[derive(Debug, Default)]
pub struct Installed<'a> {
    /// Files that packages were found in, by type.
    paths: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Types and names of packages; of programs only those that they were built from.
    names: FxHashSet<(&'a str, String)>,
}

impl<'a> Installed<'a> {
    /// Adds a package, the file that it was found in, and whether an OS package owns that file: what the distribution
    /// installed, nobody installed from a lock file.
    pub fn add(&mut self, found: &'a Found, path: &'a str, is_owned: bool) {
        if found.evidence == Evidence::Lock || is_owned {
            return;
        }
        match sign(&found.r#type) {
            Sign::Below if found.r#type != "npm" || is_installed_module(path) => {
                self.paths.entry(&found.r#type).or_default().insert(path);
            }
            Sign::Program if !found.properties.contains_key("main") => {}
            Sign::Below => {}
            Sign::Program | Sign::Any => drop(self.names.insert((&found.r#type, plain(&found.name)))),
        }
    }

    /// Whether a lock file was installed from: of its `all` lines so many do [`Self::shows`].
    pub fn enough(r#type: &str, shown: usize, all: usize) -> bool {
        match sign(r#type) {
            Sign::Below | Sign::Program => shown > 0,
            Sign::Any => shown * 2 >= all,
        }
    }

    /// Whether a line of a lock file shows that what the file locks is installed.
    pub fn shows(&self, found: &Found, path: &str) -> bool {
        match sign(&found.r#type) {
            Sign::Below => self.has_below(&found.r#type, parent(path)),
            // The lock of a program names it as a package of its own folder.
            Sign::Program if !found.properties.contains_key("source") => false,
            Sign::Program | Sign::Any => self.names.contains(&(found.r#type.as_str(), plain(&found.name))),
        }
    }

    fn has_below(&self, r#type: &str, folder: &str) -> bool {
        let Some(paths) = self.paths.get(r#type) else { return false };
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        paths.range(folder.as_str()..).next().is_some_and(|installed| installed.starts_with(&folder))
    }
}

/// A name without what ecosystems do not tell names apart by (PEP 503 for Python).
fn plain(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Says of a lock file that it was not used.
pub fn note(path: &str, count: usize) -> Diagnostic {
    let message =
        format!("its {count} packages are not listed: what it locks is installed and listed by what is on disk");
    Diagnostic::new("lock/superseded", Level::Note, path, message)
}
