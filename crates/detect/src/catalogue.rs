//! The alert catalogue: for every key a title, severity, tactics, techniques, our description and remediation.
//!
//! Files are YAML lists of entries. A rule raises the entry whose key is its name, or its name up to the first dot
//! (`reverse-shell.one-liner` raises `reverse-shell`).

mod noise;
mod page;

use std::collections::BTreeMap;

use limits::yaml::{self, Node, YamlLimits};
use model::{Diagnostic, Level, Severity};

use crate::Source;
use crate::rules::closest;

pub use noise::{Noise, NoiseItem, RuleNoise, load as load_noise};
pub use page::page;

/// An entry of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Stable key of alerts.
    pub key: String,
    /// Identifier of the corresponding alert type of Microsoft, where one is documented.
    pub microsoft_id: Option<String>,
    /// Title for people.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// MITRE ATT&CK tactics by name.
    pub tactics: Vec<String>,
    /// MITRE ATT&CK techniques by id.
    pub techniques: Vec<String>,
    /// What it means and why it matters.
    pub description: String,
    /// What to do, step by step.
    pub remediation: Vec<String>,
    /// What it can be decided from: `exec`, `file`, `network`, `dns`, `syscall`, `k8s_audit`, `intel`, …
    pub decidable_from: Vec<String>,
    /// Name of the detector that raises it.
    pub detector: Option<String>,
    /// What it waits for, when nothing raises it yet.
    pub waits_for: Option<String>,
}

/// All entries by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    entries: BTreeMap<String, Entry>,
}

impl Catalogue {
    /// Entries in the order of their keys.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The entry that a rule raises.
    pub fn of_rule(&self, rule: &str) -> Option<&Entry> {
        self.get(rule).or_else(|| rule.split_once('.').and_then(|(key, _)| self.get(key)))
    }

    /// The entry that a detector raises.
    pub fn of_detector(&self, detector: &str) -> Option<&Entry> {
        self.entries().find(|entry| entry.detector.as_deref() == Some(detector))
    }

    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }
}

const KEYS: &[&str] = &[
    "key",
    "microsoft_id",
    "title",
    "severity",
    "tactics",
    "techniques",
    "description",
    "remediation",
    "decidable_from",
    "detector",
    "waits_for",
];

/// Reads catalogue files. What is not understood is left out and said.
pub fn load(sources: &[Source]) -> (Catalogue, Vec<Diagnostic>) {
    let mut catalogue = Catalogue::default();
    let mut diagnostics = Vec::new();
    for source in sources {
        let (documents, found) = yaml::load(&source.text, &source.name, &YamlLimits::DEFAULT);
        diagnostics.extend(found);
        for node in documents.iter().flat_map(|document| document.items().unwrap_or_default()) {
            match entry(node, source, &mut diagnostics) {
                Ok(entry) if catalogue.entries.contains_key(&entry.key) => {
                    let message = format!("the key `{}` is there twice", entry.key);
                    diagnostics.push(node.diagnostic("catalogue/twice", Level::Error, &source.name, message));
                }
                Ok(entry) => {
                    catalogue.entries.insert(entry.key.clone(), entry);
                }
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
    }
    (catalogue, diagnostics)
}

fn entry(node: &Node, source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Result<Entry, Box<Diagnostic>> {
    for (key, _) in node.entries() {
        let name = key.scalar_text().unwrap_or_default();
        if !KEYS.contains(&name.as_str()) {
            let mut found =
                key.diagnostic("catalogue/unknown-key", Level::Warning, &source.name, format!("unknown key `{name}`"));
            if let Some(near) = closest(&name, KEYS) {
                found = found.with_fix(format!("did you mean `{near}`?"));
            }
            diagnostics.push(found);
        }
    }
    let refuse =
        |at: &Node, message: String| Box::new(at.diagnostic("catalogue/entry", Level::Error, &source.name, message));
    let optional = |key: &str| node.get(key).and_then(Node::scalar_text);
    let text = |key: &str| optional(key).ok_or_else(|| refuse(node, format!("an entry needs a text `{key}`")));
    let texts = |key: &str| match node.get(key) {
        None => Ok(Vec::new()),
        Some(value) => value
            .items()
            .and_then(|items| items.iter().map(Node::scalar_text).collect::<Option<Vec<_>>>())
            .ok_or_else(|| refuse(value, format!("`{key}` is a list of texts"))),
    };
    let word = text("severity")?;
    let severity = Severity::from_word(&word).filter(|level| !matches!(level, Severity::Unknown | Severity::Critical));
    Ok(Entry {
        key: text("key")?,
        microsoft_id: optional("microsoft_id"),
        title: text("title")?,
        severity: severity.ok_or_else(|| refuse(node, format!("`{word}` is no severity of alerts")))?,
        tactics: texts("tactics")?,
        techniques: texts("techniques")?,
        description: text("description")?.trim().to_owned(),
        remediation: texts("remediation")?,
        decidable_from: texts("decidable_from")?,
        detector: optional("detector"),
        waits_for: optional("waits_for"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "- key: k\n  title: t\n  severity: Low\n  description: d\n  tactics: [Execution]\n";

    #[test]
    fn entries_and_what_is_wrong_with_them() {
        let cases = [
            (ENTRY.to_owned(), 1, ""),
            (format!("{ENTRY}{ENTRY}"), 1, "catalogue/twice"),
            (ENTRY.replace("Low", "Critical"), 0, "catalogue/entry"),
            (ENTRY.replace("  title: t\n", ""), 0, "catalogue/entry"),
            (format!("{ENTRY}  remedy: x\n"), 1, "catalogue/unknown-key"),
            (ENTRY.replace("[Execution]", "x"), 0, "catalogue/entry"),
            ("a: [".into(), 0, "yaml/syntax"),
        ];
        for (text, entries, code) in cases {
            let (catalogue, diagnostics) = load(&[Source::new("c.yaml", text.as_str())]);
            let codes: Vec<&str> = diagnostics.iter().map(|d| d.code.as_str()).collect();
            assert_eq!((catalogue.entries().count(), codes.join(",")), (entries, code.to_owned()), "{text}");
        }
    }

    #[test]
    fn rules_raise_the_entry_of_their_name() {
        let (catalogue, _) = load(&[Source::new("c.yaml", ENTRY)]);
        assert!(catalogue.of_rule("k").is_some());
        assert!(catalogue.of_rule("k.other").is_some());
        assert!(catalogue.of_rule("kk").is_none());
    }
}
