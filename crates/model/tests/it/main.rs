//! The contract's values as JSON: golden files, generated schemas, and the lists of names that reading depends on.

#![expect(clippy::unwrap_used, reason = "the samples are this test's own")]

use std::collections::BTreeSet;
use std::fmt::Debug;

use model::{Alert, BatchAnswer, Event, Severity};
use serde::Serialize;
use serde::de::DeserializeOwned;

mod samples;

fn golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    testkit::golden(testkit::repository().join(format!("crates/model/tests/golden/{name}.json")), &text);
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{name} reads back as it was");
}

#[test]
fn every_value_has_a_golden_file_and_reads_back() {
    golden("alert", &samples::alert());
    golden("assessment", &samples::assessment());
    golden("batch-answer", &BatchAnswer { acked: 12 });
    golden("batch-header", &samples::header());
    golden("control-result", &samples::control_result());
    golden("coverage", &samples::coverage());
    golden("events", &samples::events());
    golden("exemption", &samples::exemption());
    golden("incident", &samples::incident());
    golden("inventory", &samples::inventory());
    golden("node-facts", &samples::node_facts());
    golden("process", &samples::process());
    golden("scope", &samples::scope());
    golden("verdict", &samples::verdict());
}

#[test]
fn schemas_are_the_committed_ones() {
    for (name, schema) in model::schema::all() {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        testkit::golden(testkit::repository().join(format!("docs/reference/schema/{name}.json")), &text);
    }
}

#[test]
fn the_lists_of_names_are_what_events_write() {
    let known: BTreeSet<&str> = model::names::ENVELOPE.iter().chain(model::names::BODY).copied().collect();
    let mut written = BTreeSet::new();
    for event in samples::events() {
        let value = serde_json::to_value(&event).unwrap();
        written.extend(value.as_object().unwrap().keys().filter(|key| *key != "of_a_newer_sender").cloned());
    }
    let written: BTreeSet<&str> = written.iter().map(String::as_str).collect();
    assert_eq!(written, known);
    assert!(model::names::BODY.is_sorted(), "it is searched by bisection");
}

#[test]
fn what_a_newer_sender_wrote_is_kept() {
    let event = &samples::events()[0];
    let back: Event = serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
    assert_eq!(back.extra["of_a_newer_sender"], serde_json::json!([1, "two"]));
}

#[test]
fn an_unknown_kind_is_an_error_that_names_it() {
    let text = serde_json::to_string(&samples::events()[0]).unwrap().replace("\"kind\":\"exec\"", "\"kind\":\"dance\"");
    assert!(serde_json::from_str::<Event>(&text).unwrap_err().to_string().contains("dance"));
}

#[test]
fn alert_ids_depend_on_every_part() {
    let (root, sender) = (samples::root(), samples::sender());
    let id = |rule: &str, stream: &str, seq| Alert::id_for(rule, &root, &sender, stream, seq);
    assert_eq!(id("r", "s", 1), id("r", "s", 1));
    let different = BTreeSet::from([id("r", "s", 1), id("r", "s", 2), id("rs", "", 1), id("r2", "s", 1)]);
    assert_eq!(different.len(), 4);
    assert_eq!(id("r", "s", 1).get_version_num(), 8);
}

#[test]
fn severities_of_alerts_never_exceed_high() {
    for word in ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"] {
        assert!(Severity::from_falco_priority(word).unwrap() <= Severity::High);
    }
}
