//! Events: what happened (contract §2). One envelope, one body per kind.

use std::net::IpAddr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{Extra, OpenFlags, Process, ProcessKey, Scope, Timestamp};

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
    /// setns(2), unshare(2) or clone flags that create a namespace.
    Namespace(Call),
    /// memfd_create(2).
    Memfd(Call),
    /// An io_uring was set up or used.
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

/// Fields of `exec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
pub struct Exec {
    /// The argument vector was longer than the sensor's limit.
    #[serde(default)]
    pub argv_truncated: bool,
    /// The script file when an interpreter was started for one (`#!`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// What descriptors 0, 1 and 2 are; empty when not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stdio: Vec<Stdio>,
    /// 0, or the negative error number of a start that failed.
    #[serde(default)]
    pub result: i64,
}

/// One of a process's standard descriptors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stdio {
    /// `file`, `pipe`, `socket`, `tty` or `none`.
    pub r#type: StdioType,
    /// Address of the other end of a connected internet socket, `ip:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
}

/// Type of a standard descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StdioType {
    /// A file or a device.
    File,
    /// A pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A terminal.
    Tty,
    /// Closed.
    None,
}

/// Fields of `fork`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fork {
    /// The new process.
    pub child: ProcessKey,
    /// Names of the clone flags.
    #[serde(default)]
    pub flags: Vec<String>,
}

/// Fields of `exit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
pub struct Exit {
    /// Exit code.
    pub code: i32,
    /// Number of the signal that ended it, 0 for none.
    pub signal: i32,
    /// How long it ran.
    pub duration_ms: u64,
}

/// Fields of `file_open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileOpen {
    /// The file, as seen inside the container.
    pub path: String,
    /// Open flags.
    pub flags: OpenFlags,
    /// The descriptor, or the negative error number.
    pub result: i64,
    /// Inode number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// Who said so.
    #[serde(default)]
    pub path_source: PathSource,
    /// The path as the caller gave it, when it differs from `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_path: Option<String>,
}

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the system call of that name")]
pub enum FileOperation {
    Create,
    WriteClose,
    Rename,
    Unlink,
    Link,
    Symlink,
    Chmod,
    Chown,
    Utimes,
    Truncate,
    Mkdir,
    Rmdir,
}

/// Fields of `file_change`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// What was done.
    pub operation: FileOperation,
    /// The file.
    pub path: String,
    /// The new name, for rename and the links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_path: Option<String>,
    /// New permission bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// 0, or the negative error number.
    #[serde(default)]
    pub result: i64,
    /// Content before, on watched paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_before: Option<String>,
    /// Content after, on watched paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_after: Option<String>,
    /// Who said so.
    #[serde(default)]
    pub path_source: PathSource,
}

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// Address; IPv4-mapped IPv6 addresses are written as IPv4.
    pub ip: IpAddr,
    /// Port; 0 when not known or not applicable.
    pub port: u16,
}

/// Which way a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Into the process.
    Inbound,
    /// Out of the process.
    Outbound,
}

/// Fields of `connect`, `accept`, `listen`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// `tcp`, `udp`, `icmp`, `unix`.
    pub protocol: String,
    /// This end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<Endpoint>,
    /// The other end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Endpoint>,
    /// Path of a Unix socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// 0 or the descriptor, or the negative error number (`-115`, in progress, is how a non-blocking connect begins).
    pub result: i64,
    /// Which way.
    pub direction: Direction,
}

/// Fields of `dns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dns {
    /// The name asked for, lower case, without the final dot.
    pub question: String,
    /// Record type, such as `A`.
    pub r#type: String,
    /// Response code, such as `NXDOMAIN`; absent for a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcode: Option<String>,
    /// Answers as text.
    #[serde(default)]
    pub answers: Vec<String>,
    /// The server asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Endpoint>,
}

/// Fields of `capability`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CapabilityUse {
    /// Kernel name.
    pub capability: String,
    /// Whether it was there.
    pub granted: bool,
}

/// Fields of the kinds that are one system call: its arguments by their kernel names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
pub struct Call {
    /// The call's name, such as `setns`.
    pub call: String,
    /// Its arguments by their kernel names.
    #[serde(default)]
    pub args: Extra,
    /// Return value.
    #[serde(default)]
    pub result: i64,
}

/// Fields of `fpu_rounding`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FpuRounding {
    /// Hits in the window.
    pub hits: u32,
    /// Length of the window.
    pub window_ms: u64,
}

/// A container's phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The runtime made it.
    Created,
    /// Its first process runs.
    Started,
    /// Its last process ended.
    Stopped,
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerMount {
    /// Path on the host, or the file system's type.
    pub source: String,
    /// Path in the container.
    pub destination: String,
    /// Whether it cannot be written.
    #[serde(default)]
    pub read_only: bool,
}

/// Fields of `container`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerPhase {
    /// The new phase.
    pub phase: Phase,
    /// The runtime, such as `containerd`.
    pub runtime: String,
    /// Mounts.
    #[serde(default)]
    pub mounts: Vec<ContainerMount>,
    /// Whether it has all privileges.
    #[serde(default)]
    pub privileged: bool,
    /// Namespaces shared with the host: `pid`, `network`, `ipc`, `uts`, `mount`.
    #[serde(default)]
    pub host_namespaces: Vec<String>,
    /// Bounding set.
    #[serde(default)]
    pub capabilities: crate::Capabilities,
    /// Labels of the pod, when known.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub labels: std::collections::BTreeMap<String, String>,
}

/// Fields of `k8s_audit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct K8sAudit {
    /// The audit event (`audit.k8s.io/v1`) as the API server wrote it.
    pub audit: Value,
    /// Parts of the event that were left out because they were too big (JSON pointers).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped_too_big: Vec<String>,
}

/// Fields of `log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// `stdout`, `stderr`, or the file.
    pub stream: String,
    /// The line without its end.
    pub line: String,
    /// Whether the line goes on in the next record.
    #[serde(default)]
    pub partial: bool,
    /// Labels of the source.
    #[serde(default)]
    pub labels: std::collections::BTreeMap<String, String>,
}

impl Body {
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
