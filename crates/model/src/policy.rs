//! Verdicts of policies (contract §6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a violated policy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// Refuse the request.
    #[default]
    Deny,
    /// Let it pass and tell the caller.
    Warn,
    /// Let it pass and count it.
    Dryrun,
    /// Only look at what exists.
    Audit,
}

/// One reason why an object violates a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// The policy's message.
    pub message: String,
    /// JSON pointer into the object, when the policy says where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The policy's own details.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

/// What one policy says of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// `Kind/name` of the constraint.
    pub policy: String,
    /// What a violation does.
    pub enforcement: Enforcement,
    /// Empty: the object conforms.
    #[serde(default)]
    pub violations: Vec<Violation>,
    /// RFC 6902 patches that the policy proposes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Value>,
    /// An evaluation error. It is always accompanied by a violation: an error is never a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
