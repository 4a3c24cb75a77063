//! Alerts and incidents: what events mean (contract §3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{Coverage, Event, Extra, Process, ProcessKey, Scope, Sender, Severity, Timestamp};

/// Something that someone should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// `UUIDv8` from [`Alert::id_for`]: the same chain gives the same id, so that sending twice changes nothing.
    pub id: Uuid,
    /// Key of the alert catalogue, or the user's rule name.
    pub key: String,
    /// The rule that raised it; absent for a detector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Title for people.
    pub title: String,
    /// From the catalogue, or from the rule's priority.
    pub severity: Severity,
    /// MITRE ATT&CK tactics by name.
    #[serde(default)]
    pub tactics: Vec<String>,
    /// MITRE ATT&CK techniques by id, such as `T1059.004`.
    #[serde(default)]
    pub techniques: Vec<String>,
    /// First event.
    pub first_seen: Timestamp,
    /// Last event.
    pub last_seen: Timestamp,
    /// How many times within the window.
    pub count: u64,
    /// Where.
    pub scope: Scope,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// The process and its ancestors, root first.
    #[serde(default)]
    pub process_tree: Vec<Process>,
    /// The events that prove it.
    #[serde(default)]
    pub evidence: Vec<Event>,
    /// What it is about.
    #[serde(default)]
    pub entities: Vec<Entity>,
    /// Where the chain started.
    pub causal_root: CausalRoot,
    /// Version of the rules and lists that raised it.
    pub content_version: String,
    /// What was not seen where it was raised.
    #[serde(default)]
    pub coverage: Vec<Coverage>,
    /// The rule's formatted output, one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// What was done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// Fields that this program does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What an alert is about. On the wire `{"type": "file", "path": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants' fields are what their names say")]
pub enum Entity {
    /// A file.
    File { path: String },
    /// An internet address.
    Ip { address: String, port: u16 },
    /// A domain.
    Dns { domain: String },
    /// A container.
    Container { id: String, name: String },
    /// A pod.
    Pod { namespace: String, name: String },
    /// An image.
    Image { reference: String },
    /// An account of the machine or of the API.
    Account { name: String },
    /// A Kubernetes object.
    Object { kind: String, namespace: String, name: String },
}

/// Where a chain of events started. Alerts with the same root within the window belong to one incident.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CausalRoot {
    /// A process of a node: in a container the process that entered it from outside, or its first process.
    Process {
        /// Cluster.
        cluster: String,
        /// Node.
        node: String,
        /// The process.
        key: ProcessKey,
    },
    /// An API identity and the request that it began with.
    Audit {
        /// Cluster.
        cluster: String,
        /// The user, with the impersonator when there was one.
        user: String,
        /// What ties the requests together: source address and user agent.
        session: String,
    },
}

impl CausalRoot {
    /// A text that is equal exactly for equal roots; the key of incidents.
    pub fn key(&self) -> String {
        match self {
            Self::Process { cluster, node, key } => {
                format!("process/{cluster}/{node}/{}/{}", key.pid, key.start_time.as_nanos())
            }
            Self::Audit { cluster, user, session } => format!("audit/{cluster}/{user}/{session}"),
        }
    }
}

impl Alert {
    /// The identity of an alert: a `UUIDv8` over rule, causal root and the first event's place in its stream.
    ///
    /// The version and variant bits are those of RFC 9562 §5.8; the other 122 are the first of a SHA-256.
    pub fn id_for(rule: &str, root: &CausalRoot, sender: &Sender, stream: &str, first_seq: u64) -> Uuid {
        let mut hash = Sha256::new();
        let root = root.key();
        let parts = [
            rule,
            root.as_str(),
            sender.cluster.as_str(),
            sender.node.as_deref().unwrap_or(""),
            sender.program.as_str(),
            stream,
        ];
        for part in parts {
            // Length first, so that no two lists of parts give the same bytes.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(sender.boot_id.as_bytes());
        hash.update(first_seq.to_le_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Uuid::new_v8(bytes)
    }
}

/// What an operator says of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    /// Nobody looked yet.
    #[default]
    New,
    /// Somebody works on it.
    Active,
    /// Done.
    Resolved,
    /// It was nothing.
    FalsePositive,
}

/// A line of an incident's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineEntry {
    /// When.
    pub time: Timestamp,
    /// What, in one line.
    pub text: String,
    /// The alert that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Uuid>,
    /// The user who did it, for changes of status and owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Alerts of one causal root. Built on the hub only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// `UUIDv7`.
    pub id: Uuid,
    /// The root that its alerts share.
    pub root: CausalRoot,
    /// Title of its worst alert.
    pub title: String,
    /// The highest of its alerts.
    pub severity: Severity,
    /// What was said of it.
    pub status: IncidentStatus,
    /// Who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its alerts' ids, oldest first.
    pub alerts: Vec<Uuid>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// Where: the scope of its first alert.
    pub scope: Scope,
    /// First event of its first alert.
    pub first_seen: Timestamp,
    /// Last event of any alert.
    pub last_seen: Timestamp,
}
