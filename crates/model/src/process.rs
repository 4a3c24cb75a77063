//! Processes as events carry them (contract §2).

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Capabilities, Timestamp};

/// The key of a process on a node: pids are reused, start times are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ProcessKey {
    /// The host's process id (thread group).
    pub pid: i32,
    /// When it started.
    pub start_time: Timestamp,
}

/// A process at the time of an event. Paths are as seen inside the container. Empty text means "not known".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
pub struct Process {
    /// The host's process id (thread group).
    pub pid: i32,
    /// When it started; with `pid` the key.
    pub start_time: Timestamp,
    /// The parent's host process id.
    #[serde(default)]
    pub ppid: i32,
    /// The kernel's name of the process (`comm`, at most 15 bytes).
    pub name: String,
    /// Path of the executable file.
    #[serde(default)]
    pub exe: String,
    /// Where the executable file came from; absent when it could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe_origin: Option<ExeOrigin>,
    /// Inode number of the executable file, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe_inode: Option<u64>,
    /// When the status of the executable file changed last (its ctime), when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe_changed: Option<Timestamp>,
    /// When the content of the executable file changed last (its mtime), when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe_modified: Option<Timestamp>,
    /// The argument vector, program name first, secrets masked.
    #[serde(default)]
    pub args: Vec<String>,
    /// Working directory.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cwd: String,
    /// Real user id in the host's user namespace.
    #[serde(default)]
    pub uid: u32,
    /// Real group id in the host's user namespace.
    #[serde(default)]
    pub gid: u32,
    /// The audit login user id; absent when never set (-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// Name of the user `uid`, when the sensor could look it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Controlling terminal's device number; 0 without one.
    #[serde(default)]
    pub tty: u32,
    /// Effective capabilities.
    #[serde(default)]
    pub caps_effective: Capabilities,
    /// Permitted capabilities.
    #[serde(default)]
    pub caps_permitted: Capabilities,
    /// Namespace inode numbers.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// Process id inside its own pid namespace, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpid: Option<i32>,
    /// Session id (host's pid of the session leader), when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<i32>,
    /// Process group id (host's pid of the leader), when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pgid: Option<i32>,
    /// Environment, secrets masked; only when a rule or the configuration asks for it.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub env: Arc<[String]>,
    /// Parent first, then its parent, up to the container's first process or pid 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<Arc<Ancestor>>,
}

/// What is kept of an ancestor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
pub struct Ancestor {
    /// The host's process id.
    pub pid: i32,
    /// When it started.
    pub start_time: Timestamp,
    /// The kernel's name of the process.
    pub name: String,
    /// Path of the executable file.
    #[serde(default)]
    pub exe: String,
    /// The argument vector, secrets masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Whether it runs in the same container as the process; false for the runtime's shim and the host.
    #[serde(default)]
    pub same_container: bool,
}

/// Where an executable file came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExeOrigin {
    /// A lower layer: the image brought it.
    Image,
    /// The overlay's upper layer: written after the container started.
    Upper,
    /// An anonymous memory file.
    Memfd,
    /// The file has no name any more.
    Deleted,
    /// A mounted volume.
    Volume,
    /// A tmpfs.
    Tmpfs,
    /// The host's file system.
    Host,
}

/// Inode numbers of a process's namespaces; 0 when not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
pub struct Namespaces {
    /// Process ids.
    #[serde(default)]
    pub pid: u64,
    /// Mounts.
    #[serde(default)]
    pub mnt: u64,
    /// Network.
    #[serde(default)]
    pub net: u64,
    /// Users.
    #[serde(default)]
    pub user: u64,
}

impl Process {
    /// The process's key.
    pub const fn key(&self) -> ProcessKey {
        ProcessKey { pid: self.pid, start_time: self.start_time }
    }

    /// This process as its children will carry it.
    pub fn as_ancestor(&self, same_container: bool) -> Ancestor {
        Ancestor {
            pid: self.pid,
            start_time: self.start_time,
            name: self.name.clone(),
            exe: self.exe.clone(),
            args: self.args.clone(),
            same_container,
        }
    }

    /// The whole command line, arguments joined by one blank.
    pub fn command_line(&self) -> String {
        self.args.join(" ")
    }
}
