//! What fields of requests are that Falco does not have: the object that is asked for, in every form of a body.

use serde_json::{Value as Json, json};

use super::output;
use crate::testing::audit;

fn check(body: &Json, fields: &[(&str, &str)]) {
    let event = audit(json!({ "auditID": "1", "objectRef": { "name": "n" }, "requestObject": body }));
    for (field, expected) in fields {
        assert_eq!(output(&format!("%{field}"), &event), *expected, "{field} of {body}");
    }
}

#[test]
fn a_pod_is_found_wherever_it_is() {
    let spec = json!({
        "containers": [{ "image": "a:1" }],
        "initContainers": [{ "image": "b", "securityContext": { "privileged": true } }],
        "volumes": [{ "hostPath": { "path": "/var//lib/./kubelet/" } }, { "emptyDir": {} }, { "hostPath": { "path": "//" } }],
    });
    let expected = [
        ("ka.pod.images", r#"["a:1","b"]"#),
        ("ka.pod.privileged", "true"),
        ("ka.pod.hostpaths", r#"["/var/lib/kubelet","/"]"#),
    ];
    check(&json!({ "spec": spec }), &expected);
    check(&json!({ "spec": { "template": { "spec": spec } } }), &expected);
    check(&json!({ "spec": { "jobTemplate": { "spec": { "template": { "spec": spec } } } } }), &expected);
    check(&json!([{ "op": "add", "path": "/spec/template/spec", "value": spec }]), &expected);
}

#[test]
fn a_json_patch_is_the_object_that_it_changes() {
    let at = |path: &str, value: Json| json!([{ "op": "test", "path": "/x", "value": 1 }, { "op": "replace", "path": path, "value": value }]);
    let container = "/spec/template/spec/containers/0";
    check(&at(&format!("{container}/securityContext/privileged"), json!(true)), &[("ka.pod.privileged", "true")]);
    check(
        &at(&format!("{container}/image"), json!("x/y")),
        &[("ka.pod.images", r#"["x/y"]"#), ("ka.pod.privileged", "<NA>")],
    );
    check(&at("/spec/volumes/-", json!({ "hostPath": { "path": "/etc" } })), &[("ka.pod.hostpaths", r#"["/etc"]"#)]);
    check(&at("/rules/-", json!({ "verbs": ["*"], "resources": ["pods"] })), &[("ka.role.grants", r#"["* pods"]"#)]);
    check(&at("/spec/type", json!("LoadBalancer")), &[("ka.service.type", "LoadBalancer")]);
    check(&at("/metadata/labels/a~1b~0c", json!("v")), &[("ka.service.names", r#"["n","v"]"#)]);
    check(&json!([{ "op": "remove", "path": "/spec/type" }, 5, null]), &[("ka.service.type", "<NA>")]);
    check(&at(&"/spec".repeat(100_000), json!("x")), &[("ka.service.type", "<NA>")]);
}

#[test]
fn rights_go_with_their_own_resources() {
    let rules = json!({ "rules": [
        { "verbs": ["get", "list"], "resources": ["pods"] },
        { "verbs": ["delete"], "resources": ["secrets"] },
        { "verbs": ["get"], "nonResourceURLs": ["/metrics"] },
    ] });
    check(&rules, &[("ka.role.grants", r#"["get pods","list pods","delete secrets","get /metrics"]"#)]);
}

#[test]
fn a_service_is_known_by_its_answer() {
    let event = audit(json!({
        "auditID": "1", "objectRef": { "name": "cache" },
        "requestObject": { "spec": { "type": "LoadBalancer" } },
        "responseObject": { "metadata": { "labels": { "app": "redis" } }, "spec": { "selector": { "a": "b" }, "ports": [{ "port": 6379, "targetPort": "x" }] } },
    }));
    assert_eq!(output("%ka.service.names", &event), r#"["cache","redis","b"]"#);
    assert_eq!(output("%ka.service.ports", &event), "(6379)");
}

#[test]
fn limits_are_met() {
    let many: Vec<Json> = (0..300)
        .map(|n| json!({ "op": "add", "path": "/spec/containers/-", "value": { "image": n.to_string() } }))
        .collect();
    let event = audit(json!({ "auditID": "1", "requestObject": many }));
    let images: Vec<String> = serde_json::from_str(&output("%ka.pod.images", &event)).unwrap();
    assert_eq!(images.len(), 256);
    let verbs: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let event =
        audit(json!({ "auditID": "1", "requestObject": { "rules": [{ "verbs": verbs, "resources": verbs }] } }));
    let ends = [("ka.role.grants contains '\"99 40\"'", "true"), ("ka.role.grants contains '\"0 41\"'", "false")];
    super::check(&event, &ends);
}
