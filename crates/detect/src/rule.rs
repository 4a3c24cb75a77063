//! What is known of a rule once it is compiled, apart from its condition.

use std::collections::BTreeSet;

use model::{Coverage, CoverageState, Severity, coverage::Subject};

use crate::{EventSource, Priority};

/// A rule or a detector, as alerts, `detect check` and the console name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name, unique in a rule set.
    pub name: String,
    /// Key of the alert catalogue, or the name for a rule that the catalogue does not know.
    pub key: String,
    /// Title for people.
    pub title: String,
    /// One or two sentences: what it sees.
    pub description: String,
    /// Where its events come from.
    pub source: EventSource,
    /// As written in the rule file.
    pub priority: Priority,
    /// From the catalogue, or from the priority.
    pub severity: Severity,
    /// MITRE ATT&CK tactics by name.
    pub tactics: Vec<String>,
    /// MITRE ATT&CK techniques by id.
    pub techniques: Vec<String>,
    /// As written in the rule file.
    pub tags: Vec<String>,
    /// Whether it is a stateful detector of ours rather than a rule of a file.
    pub detector: bool,
    /// The kinds of events that can match it ([`model::Body::kind`]).
    pub kinds: BTreeSet<&'static str>,
    /// Falco's names of those event types, such as `openat`; empty means any.
    pub event_types: BTreeSet<String>,
    /// The fields that its condition reads, without arguments.
    pub fields: BTreeSet<&'static str>,
    /// What its condition asks for and nothing feeds anywhere (fields, event types): those checks never hold.
    pub unavailable: BTreeSet<String>,
}

/// What the loaded rules need from a sensor, so that it loads only those programs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Kinds of events ([`model::Body::kind`]).
    pub kinds: BTreeSet<&'static str>,
    /// Falco's names of event types, such as `openat` or `ptrace`.
    pub event_types: BTreeSet<String>,
    /// Fields of conditions and outputs, without arguments, such as `proc.env` or `fd.name`.
    pub fields: BTreeSet<&'static str>,
}

impl Needs {
    /// Adds what a rule needs.
    pub fn add(&mut self, rule: &Rule) {
        self.kinds.extend(&rule.kinds);
        self.event_types.extend(rule.event_types.iter().cloned());
        self.fields.extend(&rule.fields);
    }
}

/// A rule that cannot work as written because of what is not seen here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degraded {
    /// The rule.
    pub rule: String,
    /// Kinds of events that it needs and that are not seen.
    pub missing_kinds: BTreeSet<&'static str>,
    /// Fields of its condition that have no source.
    pub missing_fields: BTreeSet<String>,
    /// Whether nothing can match it any more; else it only sees less.
    pub blind: bool,
}

impl Degraded {
    /// What a rule misses where only these kinds of events are seen and these fields are absent; `None` for nothing.
    pub fn of(rule: &Rule, kinds: &BTreeSet<&str>, absent_fields: &BTreeSet<&str>) -> Option<Self> {
        let missing_kinds: BTreeSet<_> = rule.kinds.iter().copied().filter(|kind| !kinds.contains(kind)).collect();
        let absent =
            rule.fields.iter().filter(|field| absent_fields.contains(**field)).map(|field| (*field).to_owned());
        let missing_fields: BTreeSet<String> = absent.chain(rule.unavailable.iter().cloned()).collect();
        let blind = missing_kinds.len() == rule.kinds.len() && !(rule.kinds.is_empty() && rule.unavailable.is_empty());
        let found = !missing_kinds.is_empty() || !missing_fields.is_empty();
        found.then(|| Self { rule: rule.name.clone(), missing_kinds, missing_fields, blind })
    }

    /// As a statement of the coverage table.
    pub fn coverage(&self) -> Coverage {
        let signal: Vec<&str> = self.missing_kinds.iter().copied().collect();
        let reason =
            if self.blind { "the rule cannot match here" } else { "the rule sees only part of what it asks for" };
        let subject =
            Subject::Rule { name: self.rule.clone(), missing_fields: self.missing_fields.iter().cloned().collect() };
        Coverage::new(subject, signal.join(","), CoverageState::Unseen, reason)
    }
}
