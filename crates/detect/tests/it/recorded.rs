//! Recordings of real attacks (`content/recordings`, written by `e2e attacks --record`) raise what they should.
//!
//! The first line of a file names the alerts; each other line is an event as the sensor told it. Those of the Kubernetes
//! API are in a folder of their own (`audit_recorded`).

use std::collections::BTreeSet;
use std::path::PathBuf;

use detect::{CompileOptions, Engine, Matches, RuleSet, content};
use model::Event;
use serde_json::Value;

fn recordings() -> Vec<PathBuf> {
    let folder = testkit::repository().join("content/recordings");
    let scenarios = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = scenarios
        .filter(|scenario| !scenario.ends_with("audit"))
        .flat_map(|scenario| std::fs::read_dir(scenario).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn every_recording_raises_its_alerts() {
    let (rules, _) = RuleSet::compile(&content::rules(), &CompileOptions::default());
    let files = recordings();
    assert!(files.len() > 50, "only {} recordings", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = testkit::read_text(&file);
        let mut lines = text.lines();
        let head: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        let mut engine = Engine::new(rules.clone());
        let (mut found, mut raised) = (Matches::new(), BTreeSet::new());
        for line in lines {
            let event: Event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            engine.evaluate(&event, &mut found);
            raised.extend(found.iter().map(|found| found.rule.key.clone()));
        }
        let expected = head["alerts"].as_array().unwrap().iter().map(|key| key.as_str().unwrap());
        let missing: Vec<&str> = expected.filter(|key| !raised.contains(*key)).collect();
        if !missing.is_empty() {
            wrong.push(format!("{} does not raise {missing:?} but {raised:?}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Recordings go into the repository, so they say nothing of the machine on which they were made.
#[test]
fn recordings_say_nothing_of_a_machine() {
    for file in recordings() {
        let text = testkit::read_text(&file);
        for trace in ["/work", "containerd.sock", ".tmp", "localhost/lab", "/root/.cache", "/target/"] {
            assert!(!text.contains(trace), "{} has {trace:?}", file.display());
        }
    }
}
