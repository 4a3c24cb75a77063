//! Cases of `alert`: inputs and what must come of them.

use std::collections::BTreeSet;

use model::event::{Exec, K8sAudit};
use model::{Ancestor, Attribution, Body, ContainerRef, Entity, Process, Scope, Severity};
use serde_json::json;

use super::*;
use crate::{EventSource, Priority};

fn rule() -> Arc<Rule> {
    Arc::new(Rule {
        name: "Shell".into(),
        key: "shell".into(),
        title: "A shell".into(),
        description: String::new(),
        source: EventSource::Syscall,
        priority: Priority::Warning,
        severity: Severity::Medium,
        tactics: vec!["Execution".into()],
        techniques: vec!["T1059.004".into()],
        tags: Vec::new(),
        detector: false,
        kinds: BTreeSet::from(["exec"]),
        event_types: BTreeSet::new(),
        fields: BTreeSet::new(),
        unavailable: BTreeSet::new(),
    })
}

fn ancestor(pid: i32, name: &str, same_container: bool) -> Arc<Ancestor> {
    Arc::new(Ancestor {
        pid,
        start_time: Timestamp::from_seconds(i64::from(pid)),
        name: name.into(),
        same_container,
        ..Ancestor::default()
    })
}

fn event(seconds: i64, seq: u64, pid: i32, container: bool) -> Event {
    let mut scope = Scope::node("local", "n1");
    if container {
        scope.container = Some(ContainerRef { id: "c".repeat(64), name: "web".into(), privileged: None });
    }
    let process = Process {
        pid,
        start_time: Timestamp::from_seconds(i64::from(pid)),
        name: "sh".into(),
        exe: "/bin/sh".into(),
        args: vec!["sh".into()],
        ancestors: vec![
            ancestor(30, "nginx", true),
            ancestor(20, "nginx", true),
            ancestor(10, "shim", false),
            ancestor(1, "init", false),
        ],
        ..Process::default()
    };
    let body = Body::Exec(Exec::default());
    Event::new(Timestamp::from_seconds(seconds), seq, Arc::new(scope), Attribution::Partial, "test", body)
        .with_process(Arc::new(process))
}

fn builder(options: AlertOptions) -> AlertBuilder {
    let sender = Sender {
        cluster: "local".into(),
        node: Some("n1".into()),
        program: "test".into(),
        version: "0".into(),
        boot_id: uuid::Uuid::nil(),
    };
    AlertBuilder::new(sender, "alerts", "v", options)
}

fn found() -> Match {
    Match { rule: rule(), output: "out".into(), earlier: Vec::new() }
}

#[test]
fn equal_matches_within_the_window_are_one_alert_with_a_count() {
    let mut builder = builder(AlertOptions::default());
    let first = builder.add(&event(0, 1, 40, true), &found()).unwrap();
    assert_eq!(builder.add(&event(1, 2, 41, true), &found()), None, "another process of the same parent and program");
    let updates = builder.updates(Timestamp::from_seconds(2));
    assert_eq!(updates.len(), 1);
    assert_eq!((updates[0].id, updates[0].count, updates[0].evidence.len()), (first.id, 2, 2));
    assert!(builder.updates(Timestamp::from_seconds(3)).is_empty(), "nothing changed since");
    let later = builder.add(&event(601, 3, 42, true), &found()).unwrap();
    assert_ne!(later.id, first.id, "a new window is a new alert");
}

#[test]
fn evidence_and_windows_are_bounded() {
    let mut builder = builder(AlertOptions { evidence: 2, open: 1, ..AlertOptions::default() });
    builder.add(&event(0, 1, 40, true), &found()).unwrap();
    for seq in 2..10 {
        assert_eq!(builder.add(&event(0, seq, 40, true), &found()), None);
    }
    let updates = builder.updates(Timestamp::from_seconds(1));
    assert_eq!((updates[0].count, updates[0].evidence.len()), (9, 2));
    builder.add(&event(1, 20, 40, false), &found()).unwrap();
    assert!(builder.add(&event(2, 21, 40, true), &found()).is_some(), "the older window made room");
}

#[test]
fn the_root_is_where_the_chain_entered() {
    let in_container = causal_root(&event(0, 1, 40, true));
    let CausalRoot::Process { key, .. } = in_container else { panic!("{in_container:?}") };
    assert_eq!(key.pid, 20, "the container's first process");
    let on_host = causal_root(&event(0, 1, 40, false));
    let CausalRoot::Process { key, .. } = on_host else { panic!("{on_host:?}") };
    assert_eq!(key.pid, 10, "the outermost below init");
}

#[test]
fn an_audit_event_is_rooted_in_its_identity() {
    let audit = json!({
        "auditID": "a", "user": { "username": "admin" }, "impersonatedUser": { "username": "bob" }, "sourceIPs": ["10.0.0.1"],
        "userAgent": "kubectl", "objectRef": { "resource": "pods", "namespace": "d" },
        "requestObject": { "metadata": { "name": "p" } }
    });
    let body = Body::K8sAudit(K8sAudit { audit, skipped_too_big: Vec::new() });
    let event =
        Event::new(Timestamp::from_seconds(0), 1, Arc::new(Scope::default()), Attribution::Unknown, "k8s_audit", body);
    assert_eq!(causal_root(&event).key(), "audit/local/admin as bob/10.0.0.1 kubectl");
    assert!(entities(&event).contains(&Entity::Object {
        kind: "pods".into(),
        namespace: "d".into(),
        name: "p".into()
    }));
    // A session is written when it begins and when it ends.
    let mut builder = builder(AlertOptions::default());
    assert!(builder.add(&event, &found()).is_some());
    assert_eq!(builder.add(&Event { seq: 2, ..event.clone() }, &found()), None);
    assert_eq!(builder.updates(Timestamp::from_seconds(1)), [], "one request");
}

#[test]
fn the_tree_is_root_first_and_ends_in_the_process() {
    let names: Vec<String> = process_tree(&event(0, 1, 40, true)).into_iter().map(|process| process.name).collect();
    assert_eq!(names, ["init", "shim", "nginx", "nginx", "sh"]);
}
