//! Keys of items, and what a misspelt one probably means.

use limits::yaml::Node;
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
