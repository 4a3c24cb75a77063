//! Lock files beside what they installed: the installed packages are the truth, the lock also has what was left out
//! (development dependencies, other platforms) and what was changed since.

use std::collections::{BTreeMap, BTreeSet};

use model::{Diagnostic, Evidence, Level};

use crate::path::parent;
use crate::record::Found;

/// What is installed, by type.
#[derive(Debug, Default)]
pub struct Installed<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> Installed<'a> {
    /// Adds a package and the file that it was found in.
    pub fn add(&mut self, found: &'a Found, path: &'a str) {
        // A project's own manifest is no sign that its dependencies were installed.
        let counts = found.r#type != "npm" || path.contains("node_modules/");
        if found.evidence != Evidence::Lock && counts {
            self.0.entry(&found.r#type).or_default().insert(path);
        }
    }

    /// Whether what a lock file locks is installed: below its folder, where the ecosystem installs there; else anywhere.
    pub fn supersedes(&self, found: &Found, path: &str) -> bool {
        let Some(paths) = self.0.get(found.r#type.as_str()) else { return false };
        if !matches!(found.r#type.as_str(), "npm" | "composer") {
            return true;
        }
        let folder = match parent(path) {
            "" => String::new(),
            parent => format!("{parent}/"),
        };
        paths.range(folder.as_str()..).next().is_some_and(|installed| installed.starts_with(&folder))
    }
}

/// Says of a lock file that it was not used.
pub fn note(path: &str, count: usize) -> Diagnostic {
    let message =
        format!("its {count} packages are not listed: what it locks is installed and listed by what is on disk");
    Diagnostic::new("lock/superseded", Level::Note, path, message)
}
