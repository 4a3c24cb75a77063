//! Controls over the facts of a node: files and kubelet settings.
//!
//! Aligned with the CIS Kubernetes Benchmark 1.12, sections 4.1 to 4.3: ids and intent are the benchmark's, the words
//! are ours. Settings are judged by what the kubelet really does with them: the running configuration if it is known,
//! else flags over drop-ins over the file, else the kubelet's own default, which differs between a kubelet with a
//! configuration file and one with flags alone. A fact that could not be had gives [`ControlState::Unreachable`].

mod controls;
mod facts;
mod files;
mod settings;

#[cfg(test)]
mod tests;

use model::posture::{ControlEvidence, ControlSubject, Remediation};
use model::{ControlResult, ControlState, NodeFacts, Scope, Severity};
use serde_json::Value;

pub use controls::CONTROLS;

use facts::View;

/// The profile that the controls are aligned with.
pub const PROFILE: &str = "cis-1.12";

/// A control over the facts of a node.
#[derive(Debug)]
pub struct Control {
    /// The benchmark's id, such as `4.2.1`.
    pub id: &'static str,
    /// What it asks for, one line.
    pub title: &'static str,
    /// How bad a failure is; ours, the benchmark does not grade.
    pub severity: Severity,
    /// What to do about a failure.
    pub remediation: &'static str,
    run: fn(&View<'_>) -> Outcome,
}

/// What a control came to.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    state: ControlState,
    evidence: Vec<ControlEvidence>,
    /// A command that fixes it.
    command: Option<String>,
    /// Said before the control's own remediation: why there is no verdict.
    note: Option<String>,
}

impl Outcome {
    const fn new(state: ControlState, evidence: Vec<ControlEvidence>) -> Self {
        Self { state, evidence, command: None, note: None }
    }

    fn without_verdict(state: ControlState, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..Self::new(state, Vec::new()) }
    }
}

/// Judges a node by every control.
pub fn judge(facts: &NodeFacts, cluster: &str) -> Vec<ControlResult> {
    let view = View::new(facts);
    let mut scope = Scope::cluster(cluster);
    scope.node = Some(facts.node.clone());
    let subject = ControlSubject { scope, kind: "Node".to_owned(), name: facts.node.clone(), file: None };
    CONTROLS.iter().map(|control| result(control, (control.run)(&view), &subject)).collect()
}

/// The control of a result, for its severity.
pub fn control_of(result: &ControlResult) -> Option<&'static Control> {
    let (profile, id) = result.control.split_once('/')?;
    CONTROLS.iter().find(|control| profile == PROFILE && control.id == id)
}

fn result(control: &Control, outcome: Outcome, subject: &ControlSubject) -> ControlResult {
    let text = match (outcome.state, outcome.note) {
        (ControlState::Pass, _) => String::new(),
        (ControlState::Fail, None) => control.remediation.to_owned(),
        (ControlState::Fail, Some(note)) => format!("{note}; {}", control.remediation),
        (_, note) => note.unwrap_or_default(),
    };
    ControlResult {
        control: format!("{PROFILE}/{}", control.id),
        profile: PROFILE.to_owned(),
        title: control.title.to_owned(),
        subject: subject.clone(),
        state: outcome.state,
        evidence: outcome.evidence,
        remediation: Remediation { text, patch: Vec::new(), command: outcome.command },
    }
}

fn evidence(path: impl Into<String>, found: impl Into<Value>, expected: &str) -> ControlEvidence {
    ControlEvidence { path: path.into(), found: found.into(), expected: expected.to_owned() }
}
