//! A compiled set of rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Diagnostic;

use crate::{Degraded, Needs, Priority, Rule, Source};

/// How many rules one event may match (Falco's `rule_matching`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// The first one in the order of loading, per event source.
    #[default]
    First,
    /// All.
    All,
}

/// How to compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileOptions {
    /// How many rules one event may match.
    pub matching: Matching,
    /// Rules that are less urgent are left out.
    pub minimum_priority: Priority,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self { matching: Matching::First, minimum_priority: Priority::Debug }
    }
}

/// Rules ready to be evaluated.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Vec<Arc<Rule>>,
    version: String,
}

impl RuleSet {
    /// Compiles rule files in the order given: later files may override earlier ones.
    ///
    /// Never fails: what is wrong is left out and said in a diagnostic.
    pub fn compile(_sources: &[Source], _options: &CompileOptions) -> (Self, Vec<Diagnostic>) {
        (Self::default(), Vec::new())
    }

    /// The enabled rules, in the order of loading.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// A hash over everything that was compiled: the `content_version` of alerts.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the rules need from a sensor.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        for rule in &self.rules {
            needs.add(rule);
        }
        needs
    }

    /// The rules that cannot work as written where only these kinds of events are seen and these fields are absent.
    pub fn degraded(&self, kinds: &BTreeSet<&str>, absent_fields: &BTreeSet<&str>) -> Vec<Degraded> {
        let check = |rule: &Arc<Rule>| {
            let missing_kinds: BTreeSet<_> = rule.kinds.iter().copied().filter(|kind| !kinds.contains(kind)).collect();
            let missing_fields: BTreeSet<_> =
                rule.fields.iter().copied().filter(|field| absent_fields.contains(field)).collect();
            let blind = !rule.kinds.is_empty() && missing_kinds.len() == rule.kinds.len();
            let found = !missing_kinds.is_empty() || !missing_fields.is_empty();
            found.then(|| Degraded { rule: rule.name.clone(), missing_kinds, missing_fields, blind })
        };
        self.rules.iter().filter_map(check).collect()
    }
}
