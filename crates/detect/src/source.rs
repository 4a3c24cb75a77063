//! Texts that rules come from, and the sources of events that rules are written for.

use std::fmt;
use std::sync::Arc;

/// A rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What diagnostics call it: a path, or what stands for one.
    pub name: Arc<str>,
    /// Its text (YAML).
    pub text: Arc<str>,
}

impl Source {
    /// A source with a name and a text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// The source of events that a rule is written for (Falco's `source`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventSource {
    /// System calls and what else the sensor sees.
    Syscall,
    /// Kubernetes audit events.
    K8sAudit,
    /// A source that nothing here feeds: its rules load and are reported as such.
    Other(String),
}

impl EventSource {
    /// From the name in a rule file.
    pub fn from_name(name: &str) -> Self {
        match name {
            "syscall" => Self::Syscall,
            "k8s_audit" => Self::K8sAudit,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name in rule files.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Syscall => "syscall",
            Self::K8sAudit => "k8s_audit",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
