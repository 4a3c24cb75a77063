//! The gate: what the corpus may raise.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use limits::yaml::{self, YamlLimits};
use model::Severity;
use serde::Deserialize;

use super::run::{Outcome, Raised};

/// How many alerts one pass over the corpus may raise, by rule (`content/noise/budget.yaml`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// By severity, for rules without an own number.
    pub by_severity: BTreeMap<String, u64>,
    /// By rule; each comes with its reason in the file.
    #[serde(default)]
    pub by_rule: BTreeMap<String, u64>,
}

impl Budget {
    /// Reads the file.
    pub fn read() -> Result<Self> {
        let file = testkit::repository().join("content/noise/budget.yaml");
        let (text, name) = (testkit::read_text(&file), file.display().to_string());
        let (node, found) = yaml::load_one(&text, &name, &YamlLimits::DEFAULT);
        ensure!(found.is_empty(), "{name}: {found:?}");
        let value = node.with_context(|| format!("{name} is empty"))?.to_json();
        serde_json::from_value(value).with_context(|| format!("reading {name}"))
    }

    fn of(&self, rule: &str, severity: Severity) -> u64 {
        let general = || self.by_severity.get(severity.as_str()).copied().unwrap_or(0);
        self.by_rule.get(rule).copied().unwrap_or_else(general)
    }
}

/// What is wrong with a run; nothing when the gate is passed.
pub fn complaints(outcome: &Outcome, budget: &Budget) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<(&str, Severity), u64> = BTreeMap::new();
    for raised in &outcome.raised {
        let Some(item) = outcome.items.iter().map(|done| &done.item).find(|item| item.name == raised.item) else {
            continue;
        };
        let expected = item.one_incident_of.contains(&raised.key);
        // Alerts that belong to the one incident of an item are that incident, not noise.
        if expected || !item.one_incident_of.is_empty() && joins(outcome, raised) {
            continue;
        }
        if raised.severity >= Severity::Medium && !item.falco.contains_key(&raised.rule) {
            wrong.push(format!("{}: {} ({}): {}", item.name, raised.rule, raised.severity.as_str(), raised.output));
        } else if raised.severity < Severity::Medium {
            *counts.entry((&raised.rule, raised.severity)).or_default() += 1;
        }
    }
    for ((rule, severity), count) in counts {
        let allowed = budget.of(rule, severity);
        if count > allowed {
            wrong.push(format!("{rule}: {count} alerts in one pass, its budget is {allowed}"));
        }
    }
    for done in outcome.items.iter().filter(|done| !done.item.one_incident_of.is_empty()) {
        wrong.extend(one_incident(outcome, &done.item.name, &done.item.one_incident_of));
    }
    wrong
}

/// Whether an alert is in the incident of its item's expected alerts.
fn joins(outcome: &Outcome, raised: &Raised) -> bool {
    let expected = outcome.raised.iter().filter(|other| other.item == raised.item && outcome.expects(other));
    expected.clone().any(|other| other.root == raised.root)
}

fn one_incident(outcome: &Outcome, item: &str, keys: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    let raised: Vec<&Raised> = outcome.raised.iter().filter(|raised| raised.item == item).collect();
    for key in keys {
        if !raised.iter().any(|raised| raised.key == *key) {
            wrong.push(format!("{item}: {key} was not raised"));
        }
    }
    let incidents: BTreeSet<&str> = outcome
        .incidents
        .iter()
        .filter(|incident| incident.item == item && incident.severity >= Severity::Medium)
        .map(|incident| incident.id.as_str())
        .collect();
    if incidents.len() != 1 {
        wrong.push(format!("{item}: {} incidents of Medium or above on the hub, expected one", incidents.len()));
    }
    wrong
}
