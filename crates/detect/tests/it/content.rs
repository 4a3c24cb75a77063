//! Our own rules and detectors against their tests in `content/tests`: each entry has a positive case, two variants and a
//! benign twin that stays silent.

use std::collections::BTreeSet;

use detect::{CompileOptions, Engine, Matches, RuleSet, content};
use limits::yaml::{self, Node, YamlLimits};
use model::Level;

use crate::notation;

fn rules() -> RuleSet {
    let (rules, diagnostics) = RuleSet::compile(&content::rules(), &CompileOptions::default());
    let text = |name: &str| {
        content::rules()
            .into_iter()
            .find(|source| *source.name == *name)
            .map_or(String::new(), |source| source.text.to_string())
    };
    let shown: Vec<String> = diagnostics.iter().map(|found| found.render(&text(&found.span.source))).collect();
    assert!(shown.is_empty(), "our rules compile without a word:\n{}", shown.join("\n"));
    rules
}

fn tests() -> Vec<Node> {
    let folder = testkit::repository().join("content/tests");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let (documents, diagnostics) = yaml::load(&testkit::read_text(&file), &name, &YamlLimits::DEFAULT);
        assert_eq!(diagnostics, [], "{name}");
        all.extend(documents.iter().flat_map(|document| document.items().unwrap().to_vec()));
    }
    all
}

/// Keys that a case raises.
fn raised(rules: &RuleSet, case: &Node) -> BTreeSet<String> {
    let mut engine = Engine::new(rules.clone());
    let mut found = Matches::new();
    let mut keys = BTreeSet::new();
    for event in notation::events(case) {
        engine.evaluate(&event, &mut found);
        keys.extend(found.iter().map(|found| found.rule.key.clone()));
    }
    keys
}

#[test]
fn every_entry_is_raised_by_its_cases_and_not_by_its_benign_twin() {
    let rules = rules();
    let mut tested = BTreeSet::new();
    let mut wrong = Vec::new();
    for test in tests() {
        let key = test.get("key").and_then(Node::scalar_text).unwrap();
        let cases = |name: &str| test.get(name).and_then(Node::items).unwrap_or_default();
        assert!(
            !cases("positive").is_empty() && cases("variants").len() >= 2,
            "{key}: a positive case and two variants"
        );
        assert!(!cases("benign").is_empty(), "{key}: a benign twin");
        for (name, expected) in [("positive", true), ("variants", true), ("benign", false)] {
            for case in cases(name) {
                let keys = raised(&rules, case);
                if keys.contains(&key) != expected {
                    wrong.push(format!("{key}: {name} {} raised {keys:?}", case.to_json()));
                }
            }
        }
        tested.insert(key);
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let raised: BTreeSet<String> = rules.rules().iter().chain(rules.detectors()).map(|rule| rule.key.clone()).collect();
    assert_eq!(tested, raised, "what can be raised is tested, and the other way round");
}

#[test]
fn every_rule_has_an_entry_and_every_entry_a_source_or_a_reason() {
    let (catalogue, diagnostics) = detect::catalogue::load(&content::catalogue_sources());
    assert_eq!(diagnostics, []);
    let rules = rules();
    for rule in rules.rules().iter().chain(rules.detectors()) {
        let entry = catalogue.get(&rule.key).unwrap_or_else(|| panic!("{} has no entry", rule.name));
        assert_eq!(rule.severity, entry.severity);
        assert!(!entry.remediation.is_empty(), "{}: what to do", entry.key);
    }
    let waits = ["arm", "history", "config", "malware"];
    for entry in catalogue.entries() {
        let has_source = rules.rules().iter().chain(rules.detectors()).any(|rule| rule.key == entry.key);
        let decidable = entry.decidable_from.iter().all(|source| !waits.contains(&source.as_str()));
        let prevented = entry.key == "drift-binary-blocked";
        assert_eq!(has_source, decidable && !prevented, "{}", entry.key);
        assert_eq!(entry.waits_for.is_some(), !has_source, "{}", entry.key);
    }
}

#[test]
fn the_committed_catalogue_page_is_current() {
    let rules = rules();
    let names: Vec<String> = rules.rules().iter().map(|rule| rule.name.clone()).collect();
    let (noise, diagnostics) = detect::catalogue::load_noise(&content::noise_source());
    assert_eq!(diagnostics, []);
    assert!(!noise.items.is_empty() && noise.seconds > 0, "the corpus was measured");
    let page = detect::catalogue::page(content::catalogue(), &names, &noise);
    testkit::golden(testkit::repository().join("docs/reference/alerts.md"), &page);
}

#[test]
fn the_committed_fields_page_is_current() {
    testkit::golden(testkit::repository().join("docs/reference/fields.md"), &detect::fields::page());
}

/// Every entry of the shared list of alerts is in the catalogue.
#[test]
fn the_catalogue_is_complete() {
    testkit::need!(data);
    let list = testkit::data_dir().unwrap().join("../spec/alerts.json");
    if !list.exists() {
        return;
    }
    let known: Vec<serde_json::Value> = serde_json::from_slice(&testkit::read(list)).unwrap();
    for alert in known {
        let entry = content::catalogue().get(alert["key"].as_str().unwrap()).unwrap_or_else(|| panic!("{alert}"));
        assert_eq!(entry.microsoft_id.as_deref(), alert["microsoft_id"].as_str());
        assert_eq!(entry.severity.as_str(), alert["severity"].as_str().unwrap(), "{}", entry.key);
    }
}

#[test]
fn falco_s_files_load_beside_ours() {
    testkit::need!(data);
    let mut sources = content::rules();
    for name in ["falco_rules.yaml", "k8s_audit_rules.yaml"] {
        let text = testkit::read_text(testkit::data(&format!("falco/rules/{name}")));
        sources.push(detect::Source::new(name, text));
    }
    let (rules, diagnostics) = RuleSet::compile(&sources, &CompileOptions::default());
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.level == Level::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(rules.rules().len() > 200, "{}", rules.rules().len());
}
