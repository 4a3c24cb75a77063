//! Events: what happened (contract §2). One envelope, one body per kind.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{Extra, Process, Scope, Timestamp};

mod fields;

pub use fields::*;

/// The version of the envelope that this program writes.
pub const EVENT_VERSION: u32 = 1;

/// Something that happened. On the wire one flat object: `{ v, kind, time, seq, scope, attribution, provider, process?, …fields of the kind }`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Event {
    /// Version of the envelope, [`EVENT_VERSION`].
    pub v: u32,
    /// When it happened.
    pub time: Timestamp,
    /// Position in the sender's stream since the sender's start, without holes.
    pub seq: u64,
    /// Where it happened.
    pub scope: Arc<Scope>,
    /// How much of the scope is known.
    pub attribution: Attribution,
    /// What saw it: `tp_btf`, `raw_tp`, `lsm`, `cgroup`, `fanotify`, `proc_connector`, `k8s_audit`, …
    pub provider: String,
    /// Who did it; absent for events without a process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Arc<Process>>,
    /// The kind and its fields.
    #[serde(flatten)]
    pub body: Body,
    /// Fields that this program does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How much of an event's scope is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// Image digest and labels are known.
    Complete,
    /// The container is known, the rest is pending.
    Partial,
    /// Not in a container.
    Host,
    /// It could not be told.
    Unknown,
}

/// Whether a path is the kernel's or was read from user memory (then it is no proof).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum PathSource {
    /// Resolved by the kernel.
    #[default]
    Kernel,
    /// Read from the caller's memory.
    User,
}

/// The kind of an event and the fields that only this kind has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// A program was started.
    Exec(Exec),
    /// A process was created.
    Fork(Fork),
    /// A process ended.
    Exit(Exit),
    /// A file was opened, or the attempt failed.
    FileOpen(FileOpen),
    /// A file or directory was changed.
    FileChange(FileChange),
    /// An outgoing connection was tried.
    Connect(Network),
    /// An incoming connection was accepted.
    Accept(Network),
    /// A socket began to listen.
    Listen(Network),
    /// A name was asked for.
    Dns(Dns),
    /// A capability was asked for.
    Capability(CapabilityUse),
    /// ptrace(2).
    Ptrace(Call),
    /// bpf(2).
    Bpf(Call),
    /// userfaultfd(2).
    Userfaultfd(Call),
    /// A descriptor was duplicated onto 0, 1 or 2.
    Dup(Call),
    /// A socket was created.
    Socket(Call),
    /// A kernel module was loaded.
    ModuleLoad(Call),
    /// mount(2), umount2(2) or the new mount calls.
    Mount(Call),
    /// `setns(2)`, `unshare(2)` or clone flags that create a namespace.
    Namespace(Call),
    /// `memfd_create(2)`.
    Memfd(Call),
    /// An `io_uring` was set up or used.
    IoUring(Call),
    /// setuid(2) and its family.
    SetId(Call),
    /// A signal was sent to another process.
    Signal(Call),
    /// The FPU's rounding mode was changed the way RandomX changes it.
    FpuRounding(FpuRounding),
    /// A container changed its phase.
    Container(ContainerPhase),
    /// A Kubernetes audit event as the API server wrote it.
    K8sAudit(K8sAudit),
    /// A line of a log.
    Log(LogLine),
}

impl Body {
    /// The call of the kinds that are one system call with plain arguments.
    #[must_use]
    pub const fn call(&self) -> Option<&Call> {
        match self {
            Self::Ptrace(call)
            | Self::Bpf(call)
            | Self::Userfaultfd(call)
            | Self::Dup(call)
            | Self::Socket(call)
            | Self::ModuleLoad(call)
            | Self::Mount(call)
            | Self::Namespace(call)
            | Self::Memfd(call)
            | Self::IoUring(call)
            | Self::SetId(call)
            | Self::Signal(call) => Some(call),
            _ => None,
        }
    }

    /// The kind's name as on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Exec(_) => "exec",
            Self::Fork(_) => "fork",
            Self::Exit(_) => "exit",
            Self::FileOpen(_) => "file_open",
            Self::FileChange(_) => "file_change",
            Self::Connect(_) => "connect",
            Self::Accept(_) => "accept",
            Self::Listen(_) => "listen",
            Self::Dns(_) => "dns",
            Self::Capability(_) => "capability",
            Self::Ptrace(_) => "ptrace",
            Self::Bpf(_) => "bpf",
            Self::Userfaultfd(_) => "userfaultfd",
            Self::Dup(_) => "dup",
            Self::Socket(_) => "socket",
            Self::ModuleLoad(_) => "module_load",
            Self::Mount(_) => "mount",
            Self::Namespace(_) => "namespace",
            Self::Memfd(_) => "memfd",
            Self::IoUring(_) => "io_uring",
            Self::SetId(_) => "set_id",
            Self::Signal(_) => "signal",
            Self::FpuRounding(_) => "fpu_rounding",
            Self::Container(_) => "container",
            Self::K8sAudit(_) => "k8s_audit",
            Self::Log(_) => "log",
        }
    }
}

impl Event {
    /// An event of this envelope version with no unknown fields.
    pub fn new(
        time: Timestamp,
        seq: u64,
        scope: Arc<Scope>,
        attribution: Attribution,
        provider: &str,
        body: Body,
    ) -> Self {
        Self {
            v: EVENT_VERSION,
            time,
            seq,
            scope,
            attribution,
            provider: provider.to_owned(),
            process: None,
            body,
            extra: Extra::new(),
        }
    }

    /// The same event with its process.
    #[must_use]
    pub fn with_process(mut self, process: Arc<Process>) -> Self {
        self.process = Some(process);
        self
    }
}

/// The envelope's own fields; everything else belongs to the body or is unknown.
#[derive(Deserialize)]
struct Envelope {
    v: u32,
    time: Timestamp,
    seq: u64,
    scope: Arc<Scope>,
    attribution: Attribution,
    provider: String,
    #[serde(default)]
    process: Option<Arc<Process>>,
}

impl<'de> Deserialize<'de> for Event {
    // By hand, because two flattened fields cannot share what is left: the body would see the unknown fields and the
    // map of unknown fields would see the body's.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let mut all = Extra::deserialize(deserializer)?;
        let mut envelope = Extra::new();
        for name in crate::names::ENVELOPE {
            if let Some(value) = all.remove(*name) {
                envelope.insert((*name).to_owned(), value);
            }
        }
        let mut extra = Extra::new();
        let unknown: Vec<String> =
            all.keys().filter(|key| crate::names::BODY.binary_search(&key.as_str()).is_err()).cloned().collect();
        for key in unknown {
            if let Some(value) = all.remove(&key) {
                extra.insert(key, value);
            }
        }
        let Envelope { v, time, seq, scope, attribution, provider, process } =
            serde_json::from_value(Value::Object(envelope)).map_err(D::Error::custom)?;
        let body = serde_json::from_value(Value::Object(all)).map_err(D::Error::custom)?;
        Ok(Self { v, time, seq, scope, attribution, provider, process, body, extra })
    }
}
