//! Which folders of an archive have classes: what tells one project from another.

use rustc_hash::FxHashSet;

use crate::path::self_and_parents;

/// Folders of classes that are remembered of one archive; enough to tell a project, which is all they are for.
const MAX_FOLDERS: usize = 2_000;

/// Folders that have classes.
#[derive(Debug, Default)]
pub struct Folders {
    seen: FxHashSet<String>,
}

impl Folders {
    /// Adds a folder. Versioned and packed classes count as what they stand for.
    pub fn add(&mut self, folder: &str) {
        let folder = folder.strip_prefix("BOOT-INF/classes/").unwrap_or(folder);
        if self.seen.len() < MAX_FOLDERS && !folder.starts_with("META-INF/") && !self.seen.contains(folder) {
            self.seen.insert(folder.to_owned());
        }
    }

    pub fn has(&self, above: &str) -> bool {
        self.seen.iter().any(|folder| lies_in(folder, above))
    }
}

/// Whether a folder of classes is, or lies in, another.
fn lies_in(folder: &str, above: &str) -> bool {
    self_and_parents(folder).any(|part| part == above)
}
