//! Recordings of a real API server's audit log (`content/recordings/audit`, written by `e2e audit --record`) raise exactly
//! what the scripts of `e2e/audit` name, with the bodies of requests and without them.

use std::collections::{BTreeMap, BTreeSet};

use detect::{CompileOptions, Engine, Matches, RuleSet, content};
use limits::yaml::{self, Node, YamlLimits};
use serde_json::Value;

/// A recorded script: its name and the keys that it must raise.
struct Script {
    name: String,
    alerts: BTreeSet<String>,
    events: Vec<Value>,
}

fn scripts() -> Vec<Script> {
    let folder = testkit::repository().join("e2e/audit");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    let mut all = vec![script("control-plane", "benign", BTreeSet::new())];
    for file in files {
        let scenario = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let (documents, diagnostics) = yaml::load(&testkit::read_text(&file), &scenario, &YamlLimits::DEFAULT);
        assert_eq!(diagnostics, []);
        let keys = documents[0].get("alerts").and_then(Node::items).unwrap();
        let alerts: BTreeSet<String> = keys.iter().filter_map(Node::scalar_text).collect();
        let json = documents[0].to_json();
        let variants: Vec<String> = json["variants"].as_object().unwrap().keys().cloned().collect();
        assert!(variants.len() >= 2 && json["benign"].is_string(), "{scenario}: two variants and a benign twin");
        for part in variants.iter().map(String::as_str).chain(["attack"]) {
            all.push(script(&scenario, part, alerts.clone()));
        }
        all.push(script(&scenario, "benign", BTreeSet::new()));
    }
    all
}

fn script(scenario: &str, part: &str, alerts: BTreeSet<String>) -> Script {
    let file = testkit::repository().join(format!("content/recordings/audit/{scenario}/{part}.jsonl"));
    let text = testkit::read_text(&file);
    let events = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Script { name: format!("{scenario}/{part}"), alerts, events }
}

fn raised(rules: &RuleSet, events: &[Value]) -> BTreeSet<String> {
    let mut engine = Engine::new(rules.clone());
    let (mut found, mut keys) = (Matches::new(), BTreeSet::new());
    for (seq, event) in events.iter().enumerate() {
        engine.evaluate(&crate::audit_cases::event(&event.to_string(), seq as u64), &mut found);
        keys.extend(found.iter().map(|found| found.rule.key.clone()));
    }
    keys
}

fn rules() -> RuleSet {
    RuleSet::compile(&content::rules(), &CompileOptions::default()).0
}

#[test]
fn every_recorded_script_raises_exactly_its_alerts() {
    let rules = rules();
    let mut of_key: BTreeMap<String, usize> = BTreeMap::new();
    for script in scripts() {
        assert!(!script.events.is_empty(), "{} has events", script.name);
        assert_eq!(raised(&rules, &script.events), script.alerts, "{}", script.name);
        for key in script.alerts {
            *of_key.entry(key).or_default() += 1;
        }
    }
    let of_api = |rule: &&std::sync::Arc<detect::Rule>| rule.source == detect::EventSource::K8sAudit;
    for rule in rules.rules().iter().filter(of_api) {
        assert!(of_key.get(&rule.key).is_some_and(|count| *count >= 3), "{} has three recordings", rule.key);
    }
}

/// At level `Metadata` a rule either does without the body, or it is said that the body was not seen.
#[test]
fn without_bodies_nothing_is_missed_in_silence() {
    let rules = rules();
    let mut unseen = 0;
    for mut script in scripts() {
        for event in script.events.iter_mut().filter_map(Value::as_object_mut) {
            event.remove("requestObject");
            event.remove("responseObject");
            event.insert("level".into(), "Metadata".into());
        }
        let keys = raised(&rules, &script.events);
        let lacks = |event: &Value| detect::unseen::lacks_body(&crate::audit_cases::event(&event.to_string(), 0));
        let told = script.events.iter().any(lacks);
        assert!(keys.is_superset(&script.alerts) || told, "{}: {keys:?} of {:?}", script.name, script.alerts);
        assert!(script.name.ends_with("benign") || keys.is_subset(&script.alerts), "{}: {keys:?}", script.name);
        unseen += usize::from(told);
    }
    assert!(unseen > 30, "{unseen}");
}

/// With their bodies recordings lack nothing.
#[test]
fn with_bodies_nothing_is_unseen() {
    for script in scripts() {
        for event in script.events {
            let event = crate::audit_cases::event(&event.to_string(), 0);
            assert!(!detect::unseen::lacks_body(&event), "{}: {:?}", script.name, event.body);
        }
    }
}

/// Recordings go into the repository, so they say nothing of the machine on which they were made.
#[test]
fn recordings_say_nothing_of_a_machine() {
    for script in scripts() {
        for event in script.events {
            let text = event.to_string();
            for trace in ["/tmp/", "shop-0", "apiserver.latency", "\"resourceVersion\""] {
                assert!(!text.contains(trace), "{} has {trace:?}", script.name);
            }
        }
    }
}
