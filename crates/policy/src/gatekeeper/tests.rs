//! Policies end to end: a small template of ours through every form, and Gatekeeper's library as the oracle.

#![expect(clippy::needless_pass_by_value, reason = "tables of literals read better without references")]

use std::path::{Path, PathBuf};

use limits::yaml::{self, YamlLimits};

use super::suite::Outcome;
use super::*;

const TEMPLATE: &str = r#"
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: requiredlabels}
spec:
  crd:
    spec:
      names: {kind: RequiredLabels}
      validation:
        openAPIV3Schema:
          type: object
          properties:
            labels: {type: array, items: {type: string}}
            word: {type: string, default: lacks}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package requiredlabels
      import data.lib.words
      violation[{"msg": msg, "details": {"label": label}}] {
        label := input.parameters.labels[_]
        not words.has(input.review.object.metadata.labels, label)
        msg := sprintf("%v %v %v", [input.review.object.metadata.name, input.parameters.word, label])
      }
      violation[{"msg": "no labels"}] { not input.review.object.metadata.labels }
    libs:
    - |
      package lib.words
      has(labels, label) { labels[label] }
"#;

fn document(text: &str) -> Value {
    let (node, diagnostics) = yaml::load_one(text, "test", &YamlLimits::DEFAULT);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    node.unwrap().to_json()
}

fn template() -> Template {
    Template::parse(&document(TEMPLATE)).unwrap()
}

fn constraint(spec: Value) -> Value {
    json!({
        "apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "RequiredLabels",
        "metadata": { "name": "c" }, "spec": spec,
    })
}

fn pod(labels: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "n", "labels": labels } })
}

fn verdicts(spec: Value, object: &Value, inventory: &Inventory) -> Vec<Verdict> {
    let template = template();
    let constraint = Constraint::parse(&constraint(spec), &template).unwrap();
    let policy = Policy::new(template, vec![constraint], inventory).unwrap();
    policy.evaluate(&Review::parse(object).unwrap(), inventory, &Limits::at(0))
}

#[test]
fn a_verdict_has_policy_enforcement_messages_and_details() {
    let spec = json!({ "parameters": { "labels": ["a", "b"] }, "enforcementAction": "warn" });
    let found = verdicts(spec, &pod(json!({ "a": "1" })), &Inventory::default());
    assert_eq!(found[0].policy, "RequiredLabels/c");
    assert_eq!(found[0].enforcement, Enforcement::Warn);
    assert_eq!(
        found[0].violations,
        [Violation { message: "p lacks b".to_owned(), path: None, details: json!({ "label": "b" }) }]
    );
    assert!(!denies(&found));
}

#[test]
fn a_constraint_applies_where_it_matches() {
    let check = |match_spec: Value, object: &Value, expected: bool| {
        let spec = json!({ "parameters": { "labels": ["x"] }, "match": match_spec });
        assert_eq!(!verdicts(spec, object, &Inventory::default()).is_empty(), expected, "{match_spec}");
    };
    let pod = pod(json!({ "a": "1" }));
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "n", "labels": {} } });
    check(json!({ "kinds": [{ "apiGroups": [""], "kinds": ["Pod"] }] }), &pod, true);
    check(json!({ "kinds": [{ "apiGroups": ["apps"], "kinds": ["*"] }] }), &pod, false);
    check(json!({ "kinds": [{ "kinds": ["Pod"] }], "namespaces": ["m", "n*"] }), &pod, true);
    check(json!({ "namespaces": ["m"] }), &pod, false);
    check(json!({ "excludedNamespaces": ["*n"] }), &pod, false);
    check(json!({ "excludedNamespaces": ["n"] }), &namespace, false);
    check(json!({ "scope": "Cluster" }), &pod, false);
    check(json!({ "scope": "Cluster" }), &namespace, true);
    check(json!({ "scope": "Namespaced" }), &pod, true);
    check(json!({ "scope": "namespaced" }), &namespace, true);
    check(json!({ "labelSelector": { "matchLabels": { "a": "2" } } }), &pod, false);
    check(json!({ "name": "p*" }), &pod, true);
    check(json!({ "name": "q" }), &pod, false);
    check(json!({ "source": "Generated" }), &pod, false);
    check(json!({ "source": "Original" }), &pod, true);
}

#[test]
fn namespaces_are_selected_by_their_labels() {
    let spec = json!({ "match": { "namespaceSelector": { "matchLabels": { "team": "a" } } } });
    let mut inventory = Inventory::default();
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "n" } });
    let unknown = verdicts(spec.clone(), &pod, &inventory);
    assert!(unknown[0].error.is_some() && denies(&unknown), "not knowing is not passing: {unknown:?}");
    let mut namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "n", "labels": { "team": "a" } } });
    inventory.add(&namespace).unwrap();
    assert_eq!(verdicts(spec.clone(), &pod, &inventory)[0].violations[0].message, "no labels");
    namespace["metadata"]["labels"]["team"] = json!("b");
    inventory.add(&namespace).unwrap();
    assert_eq!(verdicts(spec, &pod, &inventory), []);
}

#[test]
fn an_evaluation_error_is_a_violation() {
    let mut object = document(TEMPLATE);
    object["spec"]["targets"][0]["libs"] = Value::Null;
    object["spec"]["targets"][0]["rego"] = json!(
        "package requiredlabels\nf(x) = 1 { x }\nf(x) = 2 { x }\nviolation[{\"msg\": m}] { f(true) == 1; m := \"x\" }\n"
    );
    let template = Template::parse(&object).unwrap();
    let constraint = Constraint::parse(&constraint(json!({})), &template).unwrap();
    let policy = Policy::new(template, vec![constraint], &Inventory::default()).unwrap();
    let review = Review::parse(&pod(json!({}))).unwrap();
    let found = policy.evaluate(&review, &Inventory::default(), &Limits::at(0));
    assert!(denies(&found));
    assert_eq!(found[0].error.as_deref(), Some(found[0].violations[0].message.as_str()));
}

#[test]
fn requests_are_judged_with_what_they_carry() {
    let mut request = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": { "operation": "DELETE", "namespace": "n", "oldObject": pod(json!({})) },
    });
    let found = verdicts(json!({ "parameters": { "labels": ["x"] } }), &request, &Inventory::default());
    assert_eq!(found[0].violations[0].message, "p lacks x", "what is removed is judged as if it were there");
    request["request"]["oldObject"] = Value::Null;
    assert!(matches!(Review::parse(&request), Err(ReviewError::NothingRemoved)));
    assert!(matches!(Review::parse(&json!({ "kind": "Pod" })), Err(ReviewError::NotAnObject("apiVersion"))));
}

#[test]
fn the_newer_form_of_templates_is_read() {
    let mut object = document(TEMPLATE);
    let target = &mut object["spec"]["targets"][0];
    let rego = "package t\nviolation contains {\"msg\": \"new\"} if { input.review.object.kind == \"Pod\" }\n";
    *target = json!({
        "target": "admission.k8s.gatekeeper.sh",
        "code": [
            { "engine": "K8sNativeValidation", "source": {} },
            { "engine": "Rego", "source": { "version": "v1", "rego": rego } },
        ],
    });
    let template = Template::parse(&object).unwrap();
    let constraint = Constraint::parse(&constraint(json!({})), &template).unwrap();
    let policy = Policy::new(template, vec![constraint], &Inventory::default()).unwrap();
    let found = policy.evaluate(&Review::parse(&pod(json!({}))).unwrap(), &Inventory::default(), &Limits::at(0));
    assert_eq!(found[0].violations[0].message, "new");
    object["spec"]["targets"][0]["code"] = json!([{ "engine": "K8sNativeValidation", "source": {} }]);
    assert_eq!(Template::parse(&object).unwrap_err().to_string(), "no Rego in it: its engines are K8sNativeValidation");
}

#[test]
fn bad_templates_and_constraints_say_where() {
    let check = |edit: &dyn Fn(&mut Value), expected: &str| {
        let mut object = document(TEMPLATE);
        edit(&mut object);
        assert_eq!(suite::chain(&Template::parse(&object).unwrap_err()), expected);
    };
    check(&|t| t["kind"] = json!("Pod"), "a Pod is no ConstraintTemplate of templates.gatekeeper.sh");
    check(
        &|t| t["metadata"]["name"] = json!("x"),
        "/metadata/name: \"x\" must be the kind in lower case, \"requiredlabels\"",
    );
    check(&|t| t["spec"]["targets"] = json!([]), "/spec/targets: exactly one is needed, 0 are there");
    check(&|t| t["spec"]["targets"][0]["rego"] = json!(1), "/spec/targets/0/rego: missing");
    check(
        &|t| t["spec"]["targets"][0]["rego"] = json!("package x\nv = data.other.y\n"),
        "its Rego cannot be used: requiredlabels.rego:2: data.other is not allowed: only data.lib and data.inventory are",
    );
    let refuse = |spec: Value, expected: &str| {
        assert_eq!(Constraint::parse(&constraint(spec), &template()).unwrap_err().to_string(), expected);
    };
    refuse(
        json!({ "parameters": { "labels": "a" } }),
        "/spec/parameters/labels: string where the schema asks for array",
    );
    refuse(
        json!({ "enforcementAction": "maybe" }),
        "/spec/enforcementAction: \"maybe\" is none of deny, warn, dryrun, scoped",
    );
    refuse(json!({ "match": { "kinds": [1] } }), "/spec/match/kinds: not a list of objects");
    refuse(
        json!({ "match": { "labelSelector": { "matchExpressions": [{}] } } }),
        "/spec/match/labelSelector: an expression has no key",
    );
}

#[test]
fn scoped_actions_take_the_strongest_for_admission() {
    let check = |actions: Value, expected| {
        let spec = json!({ "enforcementAction": "scoped", "scopedEnforcementActions": actions });
        assert_eq!(Constraint::parse(&constraint(spec), &template()).unwrap().enforcement(), expected);
    };
    let at = |action: &str, point: &str| json!({ "action": action, "enforcementPoints": [{ "name": point }] });
    check(json!([at("warn", "*"), at("deny", "validation.gatekeeper.sh")]), Enforcement::Deny);
    check(json!([at("deny", "audit.gatekeeper.sh")]), Enforcement::Audit);
}

#[test]
fn violations_are_capped() {
    let labels: Vec<String> = (0..=MAX_VIOLATIONS).map(|number| number.to_string()).collect();
    let found = verdicts(json!({ "parameters": { "labels": labels } }), &pod(json!({})), &Inventory::default());
    assert_eq!(found[0].violations.len(), MAX_VIOLATIONS + 1);
    assert_eq!(found[0].violations[MAX_VIOLATIONS].message, "and 1 more violations");
}

#[test]
fn suites_say_what_differs() {
    let mut files = |path: &str| match path {
        "t" => Ok(vec![document(TEMPLATE)]),
        "c" => Ok(vec![constraint(json!({ "parameters": { "labels": ["a"] } }))]),
        "bad" => Ok(vec![constraint(json!({ "parameters": { "labels": 1 } }))]),
        "p" => Ok(vec![pod(json!({ "b": "1" }))]),
        _ => Err(format!("{path}: no such file")),
    };
    let suite = document(
        "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests:\n\
         - {name: one, template: t, constraint: c, cases: [\n\
             {name: yes, object: p, assertions: [{violations: yes}, {violations: 1, message: 'lacks a$'}]},\n\
             {name: no, object: p, assertions: [{violations: no}]},\n\
             {name: gone, object: q, assertions: [{}]}, {name: left, object: p, skip: true}]}\n\
         - {name: two, template: t, constraint: bad, invalid: true}\n\
         - {name: three, template: t, constraint: c, invalid: true}\n\
         - {name: four, skip: true}\n",
    );
    let results = suite::run(&suite, &mut files, &Limits::at(0)).unwrap();
    let failed = |text: &str| Outcome::Failed(text.to_owned());
    let outcomes: Vec<Outcome> = results.into_iter().map(|result| result.outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Passed,
            failed("1 violations, expected false; messages: [\"p lacks a\"]"),
            failed("q: no such file"),
            Outcome::Skipped,
            Outcome::Passed,
            failed("the constraint should be invalid, and is not"),
            Outcome::Skipped,
        ]
    );
}

/// Gatekeeper's own library with its own tests: every case must come out as there.
#[test]
fn agrees_with_gatekeepers_library() {
    testkit::need!(data);
    let mut suites = Vec::new();
    find(&testkit::data("gatekeeper-library"), &mut suites);
    assert!(suites.len() > 20, "{} suites", suites.len());
    let (mut cases, mut wrong) = (0, Vec::new());
    for path in suites {
        let dir = path.parent().unwrap().to_path_buf();
        let mut load = |file: &str| Ok(documents(&dir.join(file)));
        let results = suite::run(&documents(&path)[0], &mut load, &Limits::at(0)).unwrap();
        for result in results {
            cases += 1;
            if result.outcome != Outcome::Passed {
                wrong.push(format!("{}: {} {}: {:?}", dir.display(), result.test, result.case, result.outcome));
            }
        }
    }
    assert!(cases > 100, "{cases} cases");
    assert!(wrong.is_empty(), "{} of {cases} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn documents(path: &Path) -> Vec<Value> {
    let text = testkit::read_text(path);
    let (nodes, diagnostics) = yaml::load(&text, &path.display().to_string(), &YamlLimits::DEFAULT);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    nodes.iter().map(yaml::Node::to_json).collect()
}

fn find(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            find(&path, found);
        } else if path.ends_with("suite.yaml") {
            found.push(path);
        }
    }
}
