//! Records as the BPF programs write them into the ring (`src/bpf/record.h`): bytes → [`Record`].
//!
//! Pure and total: whatever the bytes, it gives a record or a [`RecordError`] and never panics; text is cut where the
//! record ends. What it is not: it knows no processes and no containers, see `convert`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

mod decode;

pub use decode::{address, decode, split};

/// Bytes that are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Shorter than what its kind always has.
    #[error("a record of {size} bytes ends before byte {needed}")]
    Short {
        /// Its length.
        size: usize,
        /// What was needed.
        needed: usize,
    },
    /// A kind that this program does not know.
    #[error("unknown kind of record {0}")]
    Kind(u16),
}

/// Length of the header.
pub const HEADER_SIZE: usize = 96;

/// What every record begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// `enum record_kind`.
    pub kind: u16,
    /// Number of the signal.
    pub signal: u16,
    /// When, nanoseconds of `CLOCK_BOOTTIME`.
    pub time: u64,
    /// When the process started, nanoseconds of `CLOCK_BOOTTIME`.
    pub start_time: u64,
    /// Id of its cgroup in the unified hierarchy.
    pub cgroup_id: u64,
    /// Effective capabilities.
    pub caps_effective: u64,
    /// Permitted capabilities.
    pub caps_permitted: u64,
    /// Thread group.
    pub pid: u32,
    /// Thread.
    pub tid: u32,
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Audit login id, `u32::MAX` when unset.
    pub login_uid: u32,
    /// Inode number of the mount namespace.
    pub mnt_ns: u32,
    /// Name, NUL-padded.
    pub comm: [u8; 16],
    /// Grows with every exec of the process.
    pub exec_id: u64,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// What every record has.
    pub header: Header,
    /// What this kind has.
    pub body: Body<'a>,
}

/// What a kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// A program was started.
    Exec(Box<Task<'a>>),
    /// A task that was there when the sensor started.
    Task(Box<Task<'a>>),
    /// A process ended; the code is as in wait(2).
    Exit {
        /// As in wait(2).
        code: u32,
    },
    /// A file was opened.
    Open(Open<'a>),
    /// A socket was connected, accepted, made to listen.
    Socket(Socket<'a>),
    /// A process was created; the header is the parent's.
    Fork(Fork),
    /// A cgroup of the unified hierarchy was made or removed.
    Cgroup(Cgroup<'a>),
    /// A system call.
    Call(Call<'a>),
    /// A system call that changes a file.
    Change(Change<'a>),
    /// A capability was asked for; 0 or the negative error number.
    Capability {
        /// Its number.
        capability: i32,
        /// 0 when it was there.
        result: i32,
    },
    /// The FPU rounds in a strange way.
    Fpu {
        /// Samples.
        hits: u32,
        /// In so many milliseconds.
        window_ms: u32,
    },
    /// A datagram from or to a name server.
    Dns(Dns<'a>),
    /// A request in an `io_uring`.
    Uring(Uring),
    /// A signal to another process.
    Signal(SignalSent),
}

/// All that is known of a task's program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Task<'a> {
    /// When the parent started.
    pub parent_start: u64,
    /// Inode of the executable file.
    pub exe_inode: u64,
    /// Parent.
    pub ppid: u32,
    /// Terminal's device number.
    pub tty: u32,
    /// Session.
    pub sid: u32,
    /// Process group.
    pub pgid: u32,
    /// Id in its own pid namespace.
    pub vpid: u32,
    /// Inode number of that namespace.
    pub pid_ns: u32,
    /// Inode number of the network namespace.
    pub net_ns: u32,
    /// Inode number of the user namespace.
    pub user_ns: u32,
    /// `EXE_*`.
    pub exe_flags: u32,
    /// Arguments, a NUL after each.
    pub argv: &'a [u8],
    /// Executable file.
    pub exe: &'a [u8],
    /// Working directory.
    pub cwd: &'a [u8],
    /// Script, when an interpreter was started for one.
    pub script: &'a [u8],
    /// Environment, a NUL after each.
    pub env: &'a [u8],
    /// Whether arguments were cut.
    pub argv_truncated: bool,
    /// Types of descriptors 0 to 2, `STDIO_*`.
    pub stdio: [u8; 3],
    /// Their peers where they are internet sockets.
    pub peers: [Address; 3],
    /// When the status of the executable file changed last, nanoseconds since 1970; 0 when not known.
    pub exe_changed: u64,
    /// When its content changed last.
    pub exe_modified: u64,
}

/// `exe_flags`: the file is in an overlay's upper layer.
pub const EXE_UPPER: u32 = 1;
/// `exe_flags`: the file is on an overlay.
pub const EXE_OVERLAY: u32 = 2;
/// `exe_flags`: the file has no name any more.
pub const EXE_DELETED: u32 = 4;
/// `exe_flags`: a memory file.
pub const EXE_MEMFD: u32 = 8;
/// `exe_flags`: the file is on a tmpfs.
pub const EXE_TMPFS: u32 = 16;
/// `exe_flags`: the file was looked at.
pub const EXE_KNOWN: u32 = 32;

/// An open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open<'a> {
    /// Descriptor or negative error number.
    pub result: i64,
    /// Inode number, 0 when it failed.
    pub inode: u64,
    /// Flags of the call.
    pub flags: u32,
    /// Mode of a file that the call creates, else 0.
    pub mode: u32,
    /// Whether `path` is only the directory that `raw` is relative to.
    pub user_path: bool,
    /// Whether the opens of the process as it is now were not judged yet.
    pub unjudged: bool,
    /// The file as the kernel knows it, or the directory.
    pub path: &'a [u8],
    /// What the caller gave; empty when it was not read.
    pub raw: &'a [u8],
}

/// A new process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fork {
    /// When it started, nanoseconds since boot.
    pub start_time: u64,
    /// Flags of clone(2).
    pub flags: u64,
    /// Its id.
    pub pid: u32,
    /// Its id in its own pid namespace.
    pub vpid: u32,
}

/// A system call as it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// What it returned.
    pub result: i64,
    /// Its arguments.
    pub args: [u64; 6],
    /// Its number.
    pub number: u32,
    /// The string that one of the arguments points at.
    pub text: &'a [u8],
}

/// A system call that changes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// What it returned.
    pub result: i64,
    /// Its number.
    pub number: u32,
    /// Its argument mode or flags.
    pub mode: u32,
    /// Whether the first path is the kernel's own.
    pub kernel_path: bool,
    /// The folders that the paths are relative to.
    pub bases: [&'a [u8]; 2],
    /// The paths as the caller gave them.
    pub paths: [&'a [u8]; 2],
}

/// A datagram from or to a name server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dns<'a> {
    /// Whether it leaves this machine.
    pub outgoing: bool,
    /// The server, as the remote end.
    pub server: Address,
    /// The message, perhaps cut.
    pub message: &'a [u8],
}

/// A request in an `io_uring`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uring {
    /// `IORING_OP_*`.
    pub opcode: u32,
    /// Its descriptor.
    pub fd: i32,
    /// The process on whose behalf, where a kernel thread submits; 0 when not known.
    pub submitter: u32,
}

/// A signal to another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalSent {
    /// Its number.
    pub number: i32,
    /// The process.
    pub target: i32,
    /// `enum` of `include/trace/events/signal.h`: 0 delivered, 1 ignored, …
    pub result: i32,
}

/// A cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cgroup<'a> {
    /// Its id.
    pub id: u64,
    /// Whether it is gone.
    pub removed: bool,
    /// Its path below the hierarchy's root.
    pub path: &'a [u8],
}

/// What was done with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketCall {
    /// connect(2).
    Connect,
    /// accept(2).
    Accept,
    /// listen(2).
    Listen,
    /// bind(2).
    Bind,
    /// A datagram to an address.
    Send,
    /// connect, seen at the cgroup's hook before it is done.
    ConnectAtCgroup,
}

/// A socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket<'a> {
    /// Result of the call.
    pub result: i64,
    /// Descriptor; -1 when not known.
    pub fd: i32,
    /// Which call.
    pub call: SocketCall,
    /// Both ends.
    pub address: Address,
    /// Path of a Unix socket.
    pub path: &'a [u8],
}

/// Both ends of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Address {
    /// `AF_*`.
    pub family: u16,
    /// Port of this end.
    pub local_port: u16,
    /// Port of the other end.
    pub remote_port: u16,
    /// `IPPROTO_*`.
    pub protocol: u16,
    /// Address of this end, as in memory.
    pub local: [u8; 16],
    /// Address of the other end.
    pub remote: [u8; 16],
}

/// `AF_UNIX`.
pub const AF_UNIX: u16 = 1;
/// `AF_INET`.
pub const AF_INET: u16 = 2;
/// `AF_INET6`.
pub const AF_INET6: u16 = 10;

impl Address {
    /// The number of a pipe's inode or of a character device, which have no address and carry it in the place of one.
    pub fn number(self) -> u64 {
        self.local.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }

    fn ip(self, bytes: [u8; 16]) -> Option<IpAddr> {
        match self.family {
            AF_INET => Some(IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))),
            AF_INET6 => Some(Ipv6Addr::from(bytes).to_canonical()),
            _ => None,
        }
    }

    /// This end.
    pub fn local_ip(self) -> Option<IpAddr> {
        self.ip(self.local)
    }

    /// The other end.
    pub fn remote_ip(self) -> Option<IpAddr> {
        self.ip(self.remote)
    }
}

/// Text of the kernel: bytes up to the first NUL, replacement characters for what is not UTF-8.
pub fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Strings with a NUL after each; a last one that was cut counts.
pub fn strings(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod tests_support;
