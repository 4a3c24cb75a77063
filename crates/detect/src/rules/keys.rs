//! Keys of items, and what a misspelt one probably means.

use std::borrow::Cow;
use std::collections::BTreeSet;

use limits::yaml::{Node, Yaml};
use model::Level;

use super::Collected;
use super::text::File;

/// Keys of a list.
pub const LIST: &[&str] = &["list", "items", "append", "override"];
/// Keys of a macro.
pub const MACRO: &[&str] = &["macro", "condition", "append", "override"];
/// Keys of a rule.
pub const RULE: &[&str] = &[
    "rule",
    "condition",
    "output",
    "desc",
    "priority",
    "source",
    "enabled",
    "capture",
    "capture_duration",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "tags",
    "exceptions",
    "override",
    "append",
];
/// Keys of an exception.
pub const EXCEPTION: &[&str] = &["name", "fields", "comps", "values"];
/// Keys of a rule that an `override` may append to.
pub const APPENDABLE: &[&str] = &["condition", "output", "desc", "tags", "exceptions"];
/// Keys of a rule that an `override` may replace.
pub const REPLACEABLE: &[&str] = &[
    "condition",
    "output",
    "desc",
    "priority",
    "capture",
    "capture_duration",
    "tags",
    "exceptions",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
];

impl Collected {
    /// An item of which every key is there once: of equal ones the first counts, as for Falco.
    pub(super) fn first_of_each_key<'a>(&mut self, node: &'a Node, file: &File) -> Cow<'a, Node> {
        let mut seen = BTreeSet::new();
        let twice: Vec<usize> = (0..node.entries().len())
            .filter(|at| node.entries()[*at].0.scalar_text().is_some_and(|name| !seen.insert(name)))
            .collect();
        if twice.is_empty() {
            return Cow::Borrowed(node);
        }
        let mut kept = node.clone();
        let Yaml::Mapping(entries) = &mut kept.value else { return Cow::Borrowed(node) };
        for at in twice.into_iter().rev() {
            let (key, _) = entries.remove(at);
            let message =
                format!("the key `{}` is there twice; the first one counts", key.scalar_text().unwrap_or_default());
            self.report(&key, file, "rule/duplicate-key", Level::Warning, message, "remove one of them");
        }
        Cow::Owned(kept)
    }

    /// Warns of keys that mean nothing.
    pub(super) fn unknown_keys(&mut self, node: &Node, file: &File, known: &[&str]) {
        for (key, _) in node.entries() {
            let name = key.scalar_text().unwrap_or_default();
            if !known.contains(&name.as_str()) {
                let fix = closest(&name, known).map_or_else(
                    || format!("remove it; known are {}", known.join(", ")),
                    |known| format!("did you mean `{known}`?"),
                );
                self.report(
                    key,
                    file,
                    "rule/unknown-key",
                    Level::Warning,
                    format!("unknown key `{name}` is ignored"),
                    &fix,
                );
            }
        }
    }
}

/// The known word that is nearest to a misspelt one: at most a third of its letters differ.
pub fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |other: &&'a str| edit_distance(word, other);
    let best = known.iter().copied().min_by_key(|other| distance(other))?;
    (distance(&best) <= (word.len() / 3).max(1)).then_some(best)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let cost = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
