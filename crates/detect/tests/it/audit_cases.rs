//! The cases of the Kubernetes audit rules: captures, extra rules, and what must match how often.

use std::collections::BTreeMap;

use detect::{CompileOptions, Engine, Matches, RuleSet, Source};
use serde::Deserialize;
use testkit::need;

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    capture: String,
    extra_rules: Vec<String>,
    expect: Vec<Expected>,
    base_rules: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Expected {
    rule: String,
    count: usize,
}

fn rules(path: &str) -> Source {
    Source::new(path, testkit::read_text(testkit::data(path)))
}

/// The event of a recorded line.
pub fn event(line: &str, seq: u64) -> model::Event {
    let audit: serde_json::Value = serde_json::from_str(line).unwrap();
    // Rules use "the time is 0" as a condition that never holds.
    let stamps = ["stageTimestamp", "requestReceivedTimestamp", "timestamp"];
    let time = stamps.iter().find_map(|key| audit.get(key)?.as_str()).unwrap().parse().unwrap();
    let body = model::Body::K8sAudit(model::event::K8sAudit { audit, skipped_too_big: Vec::new() });
    let scope = std::sync::Arc::new(model::Scope::default());
    model::Event::new(time, seq, scope, model::Attribution::Unknown, "k8s_audit", body)
}

fn run(case: &Case) -> BTreeMap<String, usize> {
    let mut sources = Vec::new();
    // The third base, an old falco_rules.yaml, has rules of another source only.
    if case.base_rules.iter().any(|base| base == "K8SAuditRules") {
        sources.push(rules("falco/rules/k8s_audit_rules.yaml"));
    }
    sources.extend(case.extra_rules.iter().map(|name| rules(&format!("kubernetes-audit/rules/{name}"))));
    let (set, diagnostics) = RuleSet::compile(&sources, &CompileOptions::default());
    let broken: Vec<_> = diagnostics.iter().filter(|d| d.level == model::Level::Error).collect();
    assert!(broken.is_empty(), "{}: {broken:?}", case.name);
    let mut engine = Engine::new(set);
    let mut counts = BTreeMap::new();
    let mut found = Matches::new();
    let capture = testkit::read_text(testkit::data(&format!("kubernetes-audit/captures/{}", case.capture)));
    for (seq, line) in capture.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        engine.evaluate(&event(line, seq as u64), &mut found);
        for matched in &found {
            *counts.entry(matched.rule.name.clone()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn every_case_gives_exactly_its_rules_and_counts() {
    need!(data);
    let cases = testkit::read_text(testkit::data("kubernetes-audit/cases.jsonl"));
    let cases: Vec<Case> = cases.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(cases.len(), 32);
    for case in &cases {
        let expected: BTreeMap<String, usize> = case.expect.iter().map(|e| (e.rule.clone(), e.count)).collect();
        assert_eq!(run(case), expected, "{}", case.name);
    }
}
