//! Kubernetes manifests against the Pod Security Standards, before they reach a cluster.
//!
//! The text of a file goes in: YAML with one or more documents, or JSON; lists are opened. Every object with a pod
//! template is judged; what was not judged is counted by kind, because a clean report over nothing is not health.

mod sarif;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use limits::json::JsonLimits;
use limits::yaml::{Node, Yaml, YamlLimits};
use model::posture::{ControlEvidence, ControlSubject, Remediation};
use model::{ControlResult, ControlState, Diagnostic, Level as Gravity, Position, Scope, Severity};
use policy::pss::{self, Level, Version};
use serde::Serialize;
use serde_json::Value;

pub use sarif::to_sarif;

/// Lists inside lists: `kubectl` writes one level, nobody writes more than a few.
const MAX_LIST_DEPTH: usize = 8;

/// A place that does not conform.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The control's result: object, path, reason, patch.
    #[serde(flatten)]
    pub result: ControlResult,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and why it matters.
    pub message: String,
    /// What to know before applying the patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
    /// Where in the file: the field, or the nearest thing around it when the field is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// An object that was judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// Which.
    pub subject: ControlSubject,
    /// How many failures it has.
    pub failures: usize,
    /// One RFC 6902 patch that fixes all of them that have a fix.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patch: Vec<Value>,
}

/// What came of one or more files.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// Objects with a pod, in the order of the files.
    pub checked: Vec<Checked>,
    /// Their failures.
    pub findings: Vec<Finding>,
    /// Kinds of Kubernetes itself that have no pod, with how many objects there were.
    pub without_pod: BTreeMap<String, usize>,
    /// Objects of kinds that are not known here and do not look like workloads: a pod may come of them.
    pub unknown_kinds: BTreeMap<String, usize>,
    /// YAML documents that are no Kubernetes object (values, customisations).
    pub not_objects: usize,
    /// What could not be read or judged.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Whether something could not be read or judged.
    pub fn is_incomplete(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.level == Gravity::Error)
    }

    /// The worst failure.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Judges the objects of one more file.
    pub fn add(&mut self, text: &str, source: &str, level: Level, version: Version) {
        let before = self.diagnostics.len();
        for node in self.documents(text, source) {
            self.object(&node, source, level, version, 0);
        }
        if text.contains("{{") {
            let hint = "this looks like a template: render it first, such as `helm template CHART | seawall check manifests -`";
            for diagnostic in self.diagnostics[before..].iter_mut().filter(|d| d.code.starts_with("yaml/")) {
                diagnostic.fix.get_or_insert_with(|| hint.to_owned());
            }
        }
    }

    fn documents(&mut self, text: &str, source: &str) -> Vec<Node> {
        let (nodes, diagnostics) = limits::yaml::load(text, source, &YamlLimits::DEFAULT);
        if diagnostics.is_empty() {
            return nodes;
        }
        // JSON is YAML except for a few escapes and tabs; there the positions are lost, the objects are not.
        if text.trim_start().starts_with(['{', '['])
            && let Ok(value) = limits::json::parse(text.as_bytes(), &JsonLimits::DOCUMENT)
        {
            return vec![without_positions(&value)];
        }
        self.diagnostics.extend(diagnostics);
        nodes
    }

    fn object(&mut self, node: &Node, source: &str, level: Level, version: Version, depth: usize) {
        let kind = node.get("kind").and_then(Node::as_str).unwrap_or_default();
        let api = node.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
        if kind.is_empty() || api.is_empty() {
            self.not_objects += 1;
            return;
        }
        if let Some(items) = node.get("items").and_then(Node::items).filter(|_| kind.ends_with("List")) {
            if depth == MAX_LIST_DEPTH {
                let message = format!("lists nested deeper than {MAX_LIST_DEPTH}");
                self.diagnostics.push(node.diagnostic("manifest/nested-lists", Gravity::Error, source, message));
                return;
            }
            for item in items {
                self.object(item, source, level, version, depth + 1);
            }
            return;
        }
        let object = node.to_json();
        let Some(base) = pss::template_of(&object) else {
            let counts = if is_builtin(api) { &mut self.without_pod } else { &mut self.unknown_kinds };
            *counts.entry(kind.to_owned()).or_default() += 1;
            return;
        };
        self.pod(node, &object, base, source, level, version);
    }

    fn pod(&mut self, node: &Node, object: &Value, base: &str, source: &str, level: Level, version: Version) {
        let subject = subject(object, source);
        let evaluation = pss::evaluate(object, base, level, version);
        for problem in &evaluation.malformed {
            let message = format!("{} {}: {} at {}", subject.kind, subject.name, problem.message, problem.path);
            let mut diagnostic = Diagnostic::new("manifest/malformed-pod", Gravity::Error, source, message)
                .with_fix("the API server refuses this object; it was judged without this field");
            if let Some(place) = place_of(node, &problem.path) {
                diagnostic = diagnostic.at(place.start, place.length);
            }
            self.diagnostics.push(diagnostic);
        }
        let patch =
            if evaluation.failures.is_empty() { Vec::new() } else { pss::fix(object, base, level, version).patch };
        self.checked.push(Checked { subject: subject.clone(), failures: evaluation.failures.len(), patch });
        for failure in evaluation.failures {
            self.findings.push(finding(&failure, object, node, &subject, level));
        }
    }
}

fn finding(failure: &pss::Failure, object: &Value, node: &Node, subject: &ControlSubject, level: Level) -> Finding {
    let patch = failure.patch(object);
    let text = match (patch.is_empty(), failure.caution) {
        (true, _) => format!("needs a decision: {}", failure.expected),
        (false, Some(caution)) => format!("apply the patch; {caution}"),
        (false, None) => "apply the patch".to_owned(),
    };
    Finding {
        result: ControlResult {
            control: format!("pss/{}", failure.check.id),
            profile: level.to_string(),
            title: failure.check.title.to_owned(),
            subject: subject.clone(),
            state: ControlState::Fail,
            evidence: vec![ControlEvidence {
                path: failure.path.clone(),
                found: failure.found.clone(),
                expected: failure.expected.to_owned(),
            }],
            remediation: Remediation { text, patch, command: None },
        },
        severity: failure.severity(),
        message: failure.why.clone(),
        caution: failure.caution.map(str::to_owned),
        position: place_of(node, &failure.path).map(|place| place.start),
    }
}

fn subject(object: &Value, source: &str) -> ControlSubject {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let metadata = &object["metadata"];
    // Before an object is in a cluster, no cluster can be named: it belongs to this machine.
    let mut scope = Scope::cluster("");
    scope.namespace = text(&metadata["namespace"]);
    let generated = || text(&metadata["generateName"]).map(|prefix| format!("{prefix}*"));
    let name = text(&metadata["name"]).or_else(generated).unwrap_or_else(|| "(no name)".to_owned());
    ControlSubject { scope, kind: text(&object["kind"]).unwrap_or_default(), name, file: Some(source.to_owned()) }
}

/// The deepest node on the way to a JSON pointer.
fn place_of<'a>(node: &'a Node, pointer: &str) -> Option<&'a Node> {
    let mut here = node;
    for key in pointer.split('/').skip(1) {
        let next = match here.items() {
            Some(items) => key.parse().ok().and_then(|index: usize| items.get(index)),
            None => here.get(&key.replace("~1", "/").replace("~0", "~")),
        };
        match next {
            Some(next) => here = next,
            None => break,
        }
    }
    (here.start != Position::default()).then_some(here)
}

/// Whether an API version is one of Kubernetes' own groups.
fn is_builtin(api: &str) -> bool {
    match api.split_once('/') {
        None => true,
        Some((group, _)) => {
            matches!(group, "apps" | "batch" | "autoscaling" | "policy" | "extensions") || group.ends_with(".k8s.io")
        }
    }
}

fn without_positions(value: &Value) -> Node {
    let text = |text: &str| node(Yaml::String(text.to_owned()));
    node(match value {
        Value::Null => Yaml::Null,
        Value::Bool(flag) => Yaml::Bool(*flag, flag.to_string()),
        Value::Number(number) => Yaml::Number(number.clone(), number.to_string()),
        Value::String(value) => Yaml::String(value.clone()),
        Value::Array(items) => Yaml::Sequence(items.iter().map(without_positions).collect()),
        Value::Object(fields) => {
            Yaml::Mapping(fields.iter().map(|(key, value)| (text(key), without_positions(value))).collect())
        }
    })
}

fn node(value: Yaml) -> Node {
    Node { value, start: Position::default(), length: 0, block_scalar: false }
}
