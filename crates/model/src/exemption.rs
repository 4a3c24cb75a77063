//! The one exemption object, honoured by findings, recommendations, policy and alerts alike (contract §6, DESIGN §5.8).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Scope, Timestamp};

/// What an exemption is about: by equality, or by a glob where the text has `*` or `?`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "match", rename_all = "snake_case")]
pub enum ExemptionTarget {
    /// An advisory id or alias.
    Cve(String),
    /// A purl.
    Package(String),
    /// A path in an image or container.
    Path(String),
    /// An image digest.
    Digest(String),
    /// A control id.
    Control(String),
    /// A policy name.
    Policy(String),
    /// An alert key.
    AlertKey(String),
}

/// Why something is exempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExemptionReason {
    /// It is not so.
    FalsePositive,
    /// Something else prevents harm.
    Mitigated,
    /// The risk is taken.
    Accepted,
}

/// What an exemption did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub struct Matched {
    /// How often it matched.
    pub count: u64,
    /// When last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
}

/// A decision to leave something out of the verdict, with its author and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exemption {
    /// `UUIDv7`.
    pub id: Uuid,
    /// What is exempt.
    pub what: ExemptionTarget,
    /// Where; absent: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Why.
    pub reason: ExemptionReason,
    /// Who asked for it.
    pub author: String,
    /// Who allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends; an exemption without an end is not a thing.
    pub expires: Timestamp,
    /// A link or a text that supports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What it did so far.
    #[serde(default)]
    pub matched: Matched,
}

/// An exemption of alerts; the same object under the name that operators of alerts use.
pub type Suppression = Exemption;
