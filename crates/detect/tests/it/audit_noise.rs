//! Noise of our rules for the Kubernetes API: recorded everyday requests raise nothing.

use std::collections::BTreeMap;

use detect::{CompileOptions, Engine, Matches, RuleSet, content};
use testkit::need;

/// Captures of requests that are nobody's attack: objects without special rights are made, changed and deleted.
const BENIGN: [&str; 12] = [
    "create_clusterrole",
    "create_configmap",
    "create_configmap_no_sensitive_values",
    "create_nginx_pod_no_secctx_1st_container_privileged_2nd_container",
    "create_nginx_pod_unprivileged",
    "create_nginx_pod_unsensitive_mount",
    "create_nginx_service_nodeport",
    "create_nginx_service_nonodeport",
    "delete_deployment",
    "delete_secret",
    "delete_service",
    "delete_serviceaccount",
];

/// Requests that give away too much, so that silence about the others means something.
const NOT_BENIGN: [(&str, &str); 2] =
    [("create_cluster_role_wildcard_verbs", "high-privileges-role"), ("attach_pod", "exec-into-pod")];

/// How often each key was raised by captures.
fn counts(names: &[&str]) -> BTreeMap<String, usize> {
    let (rules, _) = RuleSet::compile(&content::rules(), &CompileOptions::default());
    let mut engine = Engine::new(rules);
    let (mut found, mut counts) = (Matches::new(), BTreeMap::new());
    for name in names {
        let capture = testkit::read_text(testkit::data(&format!("kubernetes-audit/captures/{name}.json")));
        for (seq, line) in capture.lines().filter(|line| !line.trim().is_empty()).enumerate() {
            engine.evaluate(&crate::audit_cases::event(line, seq as u64), &mut found);
            for matched in &found {
                *counts.entry(matched.rule.key.clone()).or_insert(0) += 1;
            }
        }
    }
    counts
}

#[test]
fn recorded_everyday_requests_raise_nothing() {
    need!(data);
    assert_eq!(counts(&BENIGN), BTreeMap::new());
    for (name, key) in NOT_BENIGN {
        assert!(counts(&[name]).contains_key(key), "{name} raises {key}: {:?}", counts(&[name]));
    }
}
