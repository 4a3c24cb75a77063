//! Files as people write them.

use super::*;

fn report(text: &str) -> Report {
    let mut report = Report::default();
    report.add(text, "a.yaml", Level::Baseline, Version::LATEST);
    report
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      hostPID: true
      containers:
      - name: app
        securityContext:
          privileged: true
";

#[test]
fn a_failure_says_object_file_place_reason_and_patch() {
    let report = report(DEPLOYMENT);
    let finding = &report.findings[0];
    assert_eq!(finding.result.control, "pss/hostNamespaces");
    assert_eq!(finding.result.subject.name, "web");
    assert_eq!(finding.result.subject.scope.namespace.as_deref(), Some("shop"));
    assert_eq!(finding.result.subject.file.as_deref(), Some("a.yaml"));
    assert_eq!(finding.result.evidence[0].path, "/spec/template/spec/hostPID");
    assert_eq!(finding.position.map(|p| (p.line, p.column)), Some((9, 16)));
    assert_eq!(
        finding.result.remediation.patch,
        [serde_json::json!({ "op": "remove", "path": "/spec/template/spec/hostPID" })]
    );
    assert_eq!(report.checked[0].failures, 2);
    assert_eq!(report.checked[0].patch.len(), 2);
    assert_eq!(report.worst(), Some(Severity::High));
    assert!(!report.is_incomplete());
}

#[test]
fn every_kind_of_workload_is_opened() {
    let spec = "{hostPID: true, containers: [{name: a}]}";
    let check = |text: String, expected: &str| {
        let report = report(&text);
        let paths: Vec<_> = report.findings.iter().map(|f| f.result.evidence[0].path.as_str()).collect();
        assert_eq!(paths, [expected], "{text}");
    };
    for kind in ["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"] {
        check(
            format!("apiVersion: apps/v1\nkind: {kind}\nspec: {{template: {{spec: {spec}}}}}"),
            "/spec/template/spec/hostPID",
        );
    }
    check(format!("apiVersion: v1\nkind: Pod\nspec: {spec}"), "/spec/hostPID");
    check(
        format!("apiVersion: batch/v1\nkind: Job\nspec: {{template: {{spec: {spec}}}}}"),
        "/spec/template/spec/hostPID",
    );
    check(
        format!("apiVersion: batch/v1\nkind: CronJob\nspec: {{jobTemplate: {{spec: {{template: {{spec: {spec}}}}}}}}}"),
        "/spec/jobTemplate/spec/template/spec/hostPID",
    );
    check(format!("apiVersion: v1\nkind: List\nitems: [{{apiVersion: v1, kind: Pod, spec: {spec}}}]"), "/spec/hostPID");
    check(
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\t\"spec\": {}}}",
            r#"{"hostPID": true, "containers": [{"name": "\/"}]}"#
        ),
        "/spec/hostPID",
    );
}

#[test]
fn what_was_not_judged_is_counted() {
    let report = report(
        "apiVersion: v1\nkind: Service\n---\napiVersion: example.com/v1\nkind: Widget\n---\nreplicas: 3\n---\n# nothing\n",
    );
    assert_eq!(report.without_pod, BTreeMap::from([("Service".to_owned(), 1)]));
    assert_eq!(report.unknown_kinds, BTreeMap::from([("Widget".to_owned(), 1)]));
    assert_eq!(report.not_objects, 1);
    assert!(report.checked.is_empty());
}

#[test]
fn broken_text_is_placed_and_what_stands_before_it_is_kept() {
    let report = report(&format!("{DEPLOYMENT}---\na: [1\nb: 2\n"));
    assert_eq!(report.checked.len(), 1);
    assert!(report.is_incomplete());
    let diagnostic = &report.diagnostics[0];
    assert_eq!(diagnostic.code, "yaml/syntax");
    assert!(diagnostic.span.start.is_some_and(|start| start.line >= 14), "{diagnostic:?}");
}

#[test]
fn a_template_is_recognised() {
    let report = report("apiVersion: v1\nkind: {{ .Values.kind }}\nspec: {{- if x }}\n");
    assert!(report.diagnostics[0].fix.as_ref().is_some_and(|fix| fix.contains("helm template")), "{report:?}");
}

#[test]
fn a_pod_that_cannot_be_judged_is_not_clean() {
    let report = report("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: {a: 1}\n");
    assert!(report.is_incomplete());
    assert_eq!(report.diagnostics[0].code, "manifest/malformed-pod");
    assert_eq!(report.diagnostics[0].span.start.map(|start| start.line), Some(5));
}

#[test]
fn lists_cannot_nest_for_ever() {
    let mut text = "{apiVersion: v1, kind: Pod}".to_owned();
    for _ in 0..=MAX_LIST_DEPTH {
        text = format!("{{apiVersion: v1, kind: List, items: [{text}]}}");
    }
    assert_eq!(report(&text).diagnostics[0].code, "manifest/nested-lists");
}

#[test]
fn sarif_is_stable() {
    let mut report = report(DEPLOYMENT);
    report.add("a: [1\n", "b c.yaml", Level::Baseline, Version::LATEST);
    let sarif = to_sarif(&report, "0.0.0");
    let mut shown = sarif["runs"][0].clone();
    shown["tool"]["driver"]["rules"] = shown["tool"]["driver"]["rules"].as_array().map_or(0, Vec::len).into();
    testkit::golden(
        "tests/golden/manifests-sarif.json",
        &format!("{}\n", serde_json::to_string_pretty(&shown).unwrap()),
    );
}
