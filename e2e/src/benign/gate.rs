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
    let mut wrong = outcome.failed.clone();
    let mut counts: BTreeMap<(&str, Severity), u64> = BTreeMap::new();
    for raised in &outcome.raised {
        let item = outcome.items.iter().map(|done| &done.item).find(|item| item.name == raised.item);
        // Alerts that belong to the one incident of an item are that incident, not noise.
        if outcome.expects(raised) || joins(outcome, raised) {
            continue;
        }
        let explained = item.is_some_and(|item| item.explained.contains_key(&raised.rule));
        if raised.severity >= Severity::Medium && !explained {
            wrong.push(format!("{}: {} ({}): {}", raised.item, raised.rule, raised.severity.as_str(), raised.output));
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
    wrong.extend(repeated(outcome));
    for done in outcome.items.iter().filter(|done| !done.item.one_incident_of.is_empty()) {
        wrong.extend(one_incident(outcome, &done.item.name, &done.item.one_incident_of));
    }
    wrong
}

/// Alerts that should have been one with a count, and incidents that should have been one.
fn repeated(outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut alerts = BTreeSet::new();
    for raised in &outcome.raised {
        if !alerts.insert((&raised.rule, &raised.root, &raised.tree)) {
            wrong.push(format!(
                "{}: {} was raised twice for one process tree: {}",
                raised.item, raised.rule, raised.tree
            ));
        }
    }
    let mut roots = BTreeSet::new();
    for incident in outcome.incidents.iter().filter(|incident| !roots.insert(&incident.root)) {
        wrong.push(format!("{}: two incidents have the root {}", incident.item, incident.root));
    }
    wrong
}

/// Whether an alert is in the incident of its item's expected alerts.
fn joins(outcome: &Outcome, raised: &Raised) -> bool {
    outcome.raised.iter().any(|other| other.item == raised.item && other.root == raised.root && outcome.expects(other))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::super::run::{Done, Incident};
    use super::super::{Item, Kind};
    use super::*;

    static NEXT: AtomicU32 = AtomicU32::new(0);

    fn item(name: &str, one_incident_of: &[&str], falco: &[&str]) -> Done {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let item = Item {
            name: name.into(),
            about: "a".into(),
            kind: Kind::Host,
            image: None,
            network: false,
            options: Vec::new(),
            start: "true".into(),
            ready: None,
            steps: Vec::new(),
            one_incident_of: texts(one_incident_of),
            explained: texts(falco).into_iter().map(|rule| (rule, "why".to_owned())).collect(),
        };
        Done { item, took: Duration::from_secs(1) }
    }

    fn raised(item: &str, rule: &str, severity: Severity, root: &str) -> Raised {
        // Each stands for a process of its own, unless a test says otherwise.
        let tree = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        let (key, output) = (rule.to_owned(), String::new());
        Raised { item: item.into(), rule: key.clone(), key, severity, count: 1, root: root.into(), tree, output }
    }

    fn incident(item: &str, id: &str) -> Incident {
        Incident { id: id.into(), item: item.into(), root: id.into(), severity: Severity::High }
    }

    fn check(outcome: &Outcome, expected: &[&str]) {
        let by_severity = [("Low".to_owned(), 1)].into();
        let wrong = complaints(outcome, &Budget { by_severity, by_rule: [("noisy".to_owned(), 2)].into() });
        assert_eq!(wrong.len(), expected.len(), "{wrong:?}");
        for (wrong, expected) in wrong.iter().zip(expected) {
            assert!(wrong.contains(expected), "{wrong}");
        }
    }

    #[test]
    fn medium_is_refused_and_lower_ones_have_budgets() {
        let low = |rule: &str| raised("a", rule, Severity::Low, "r");
        let mut outcome = Outcome { items: vec![item("a", &[], &["Falco's"])], ..Outcome::default() };
        outcome.raised = vec![low("x"), low("noisy"), low("noisy"), raised("a", "Falco's", Severity::Medium, "r")];
        check(&outcome, &[]);
        outcome.raised.extend([low("x"), raised("a", "y", Severity::Medium, "r")]);
        check(&outcome, &["a: y (Medium)", "x: 2 alerts"]);
    }

    #[test]
    fn equal_trees_and_equal_roots_are_told_once() {
        let mut outcome = Outcome { items: vec![item("a", &[], &[])], ..Outcome::default() };
        let low = raised("a", "noisy", Severity::Low, "r");
        outcome.raised = vec![low.clone(), low];
        outcome.incidents = vec![incident("a", "1"), incident("a", "1")];
        check(&outcome, &["raised twice", "two incidents"]);
    }

    #[test]
    fn what_must_be_one_incident_is_exactly_one() {
        let mut outcome = Outcome { items: vec![item("a", &["k"], &[])], ..Outcome::default() };
        check(&outcome, &["k was not raised", "0 incidents"]);
        outcome.raised = vec![raised("a", "k", Severity::Medium, "r"), raised("a", "drift", Severity::High, "r")];
        outcome.incidents = vec![incident("a", "1")];
        check(&outcome, &[]);
        outcome.raised.push(raised("a", "other", Severity::Medium, "another root"));
        outcome.incidents.push(incident("a", "2"));
        check(&outcome, &["a: other (Medium)", "2 incidents"]);
    }
}
