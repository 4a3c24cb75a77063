//! Coverage: what was not seen (contract §5). Silence is never health.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Scope, Timestamp};

/// One statement about what was or was not seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// About what.
    pub subject: Subject,
    /// The signal, feed or source, such as `file_open`, `debian:12`, `pypi`.
    pub signal: String,
    /// Whether it is seen.
    pub state: CoverageState,
    /// Since when; absent when the state has no beginning (a segment that is simply not there).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why, in one sentence for people; empty for plain `seen`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What is seen by: the provider that is active, such as `tp_btf/sched_process_exec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What was lost on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Loss>,
}

/// What a coverage statement is about. On the wire `{"type": "scope", …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "few are alive at a time; a box would show in every match")]
pub enum Subject {
    /// A place.
    Scope {
        /// The place.
        scope: Scope,
    },
    /// A type of package in an image, such as `deb` or `pypi`.
    PackageType {
        /// The purl type.
        name: String,
        /// How many packages of it the inventory has.
        packages: u64,
    },
    /// An operating system release.
    Os {
        /// `id:version`, such as `debian:12`.
        name: String,
    },
    /// A layer of an image.
    Layer {
        /// Its digest.
        digest: String,
    },
    /// A table of the store.
    Table {
        /// Its name.
        name: String,
    },
    /// A control.
    Control {
        /// Its id.
        id: String,
    },
    /// A rule that a lost signal degrades.
    Rule {
        /// Its name.
        name: String,
        /// The fields that have no source.
        missing_fields: Vec<String>,
    },
}

/// Whether something is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoverageState {
    /// It is seen.
    Seen,
    /// It is not seen here and now.
    Unseen,
    /// It was seen, too long ago.
    Stale,
    /// Seawall cannot see it at all.
    Unsupported,
    /// It could be seen, but its source does not answer.
    Unreachable,
}

/// Four different ways in which records do not arrive (DESIGN §5.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Loss {
    /// Gone in the kernel: a buffer was full.
    #[serde(default)]
    pub lost: u64,
    /// Gone in our programs: a queue or a spool was full.
    #[serde(default)]
    pub dropped: u64,
    /// Left out on purpose: no rule asks for it.
    #[serde(default)]
    pub filtered: u64,
    /// Aggregated over the budget of what leaves a node.
    #[serde(default)]
    pub shed: u64,
}

impl Loss {
    /// Adds another count.
    pub const fn add(&mut self, other: Self) {
        self.lost = self.lost.saturating_add(other.lost);
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.filtered = self.filtered.saturating_add(other.filtered);
        self.shed = self.shed.saturating_add(other.shed);
    }

    /// Whether nothing that mattered went missing (`filtered` never matters).
    pub const fn is_clean(self) -> bool {
        self.lost == 0 && self.dropped == 0 && self.shed == 0
    }
}

impl Coverage {
    /// A plain statement without time, provider or loss.
    pub fn new(subject: Subject, signal: impl Into<String>, state: CoverageState, reason: impl Into<String>) -> Self {
        Self { subject, signal: signal.into(), state, since: None, reason: reason.into(), provider: None, lost: None }
    }
}
