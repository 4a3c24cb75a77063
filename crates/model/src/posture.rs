//! Facts of a node and results of controls (contract §6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Scope, Timestamp};

/// What was found out about a node, to be judged by controls. Paths are the host's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeFacts {
    /// Name of the node.
    pub node: String,
    /// When the facts were taken.
    pub taken: Timestamp,
    /// The files that were asked for, also those that are not there.
    #[serde(default)]
    pub files: Vec<FileFact>,
    /// Processes that matter: kubelet, kube-proxy, container runtimes.
    #[serde(default)]
    pub processes: Vec<ProcessFact>,
    /// The kubelet; absent when none runs and no configuration was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubelet: Option<KubeletFacts>,
    /// Kernel release.
    #[serde(default)]
    pub kernel: String,
    /// `PRETTY_NAME` of os-release.
    #[serde(default)]
    pub os: String,
    /// Container runtime and version, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_runtime: Option<String>,
    /// What could not be read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableFact>,
}

/// A file of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileFact {
    /// Path on the host.
    pub path: String,
    /// Permission bits, octal text such as `0600`; empty when it does not exist.
    #[serde(default)]
    pub mode: String,
    /// `user:group` by name, by number where there is no name.
    #[serde(default)]
    pub owner: String,
    /// Whether it exists.
    pub exists: bool,
}

/// A process of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessFact {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
}

/// What the kubelet was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
pub struct KubeletFacts {
    /// Its configuration file with drop-ins merged.
    #[serde(default)]
    pub config: Value,
    /// Path of the configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_path: Option<String>,
    /// Its command line flags, without the leading dashes.
    #[serde(default)]
    pub flags: std::collections::BTreeMap<String, String>,
    /// The running configuration as its API reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configz: Option<Value>,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadableFact {
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// Result of a control. Five-valued plus "unreachable": a fact that could not be had is never a pass or a fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlState {
    /// Conforms.
    Pass,
    /// Does not.
    Fail,
    /// The provider of the managed service says so; it cannot be seen from here.
    AttestedByProvider,
    /// The thing it is about is not there.
    NotApplicable,
    /// Only a person can tell.
    NeedsAPerson,
    /// The facts could not be had.
    Unreachable,
}

/// What a control says of a subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlResult {
    /// Id of the control, such as `cis-1.12/4.1.1` or `pss/privileged`.
    pub control: String,
    /// Profile it was run under, such as `baseline`.
    pub profile: String,
    /// Title for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// About what.
    pub subject: ControlSubject,
    /// The result.
    pub state: ControlState,
    /// What was looked at.
    #[serde(default)]
    pub evidence: Vec<ControlEvidence>,
    /// What to do; a patch that fixes it where one exists.
    pub remediation: Remediation,
}

/// What a control was run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlSubject {
    /// Where it is.
    pub scope: Scope,
    /// Kubernetes kind, or `Node`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The file it was read from, for manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A fact that a control looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlEvidence {
    /// JSON pointer, file or flag.
    pub path: String,
    /// What was there; null when nothing was.
    pub found: Value,
    /// What the control asks for.
    pub expected: String,
}

/// What to do about a failed control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
pub struct Remediation {
    /// Steps for a person.
    pub text: String,
    /// RFC 6902 patch of the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patch: Vec<Value>,
    /// A command that fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}
