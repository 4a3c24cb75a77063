//! The alert catalogue: for every key a title, severity, tactics, techniques, our description and remediation.

use std::collections::BTreeMap;

use model::{Diagnostic, Severity};

use crate::Source;

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
    /// Names of the rules that raise it.
    pub rules: Vec<String>,
    /// Name of the detector that raises it.
    pub detector: Option<String>,
    /// What it waits for, when nothing raises it yet.
    pub waits_for: Option<String>,
}

/// All entries by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    entries: BTreeMap<String, Entry>,
    by_rule: BTreeMap<String, String>,
}

impl Catalogue {
    /// Entries in the order of their keys.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The entry that a rule raises.
    pub fn of_rule(&self, rule: &str) -> Option<&Entry> {
        self.by_rule.get(rule).and_then(|key| self.entries.get(key))
    }

    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }
}

/// Reads catalogue files.
pub fn load(_sources: &[Source]) -> (Catalogue, Vec<Diagnostic>) {
    (Catalogue::default(), Vec::new())
}
