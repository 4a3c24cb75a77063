//! The fields that each kind of event has beside the envelope's.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PathSource;
use crate::{Extra, OpenFlags, ProcessKey};

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
    /// Inode number of a pipe: two processes with the same one are its two ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipe: Option<u64>,
    /// Family of a socket: `ipv4`, `ipv6` or `unix`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Both ends of an internet socket, a terminal, or `/dev/null`; files and pipes are not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
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
    /// Attributes that bind root too: immutable, append-only.
    Attributes,
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
    /// New permission bits; of `attributes` the bits that are asked for (`FS_*_FL` of `linux/fs.h`).
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
