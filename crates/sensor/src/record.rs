//! Records as the BPF programs write them into the ring (`src/bpf/record.h`): bytes → [`Record`].
//!
//! Pure and total: whatever the bytes, it gives a record or a [`RecordError`] and never panics; text is cut where the
//! record ends. What it is not: it knows no processes and no containers, see `convert`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
pub const HEADER_SIZE: usize = 88;

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
    /// Whether `path` is only the directory that `raw` is relative to.
    pub user_path: bool,
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

/// A reader that remembers the length for its errors.
struct Cursor<'a> {
    rest: &'a [u8],
    size: usize,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, size: bytes.len() }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(RecordError::Short {
            size: self.size,
            needed: self.size - self.rest.len() + N,
        })?;
        self.rest = rest;
        Ok(*head)
    }

    fn u16(&mut self) -> Result<u16, RecordError> {
        Ok(u16::from_ne_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, RecordError> {
        Ok(u32::from_ne_bytes(self.array()?))
    }

    fn i32(&mut self) -> Result<i32, RecordError> {
        Ok(i32::from_ne_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, RecordError> {
        Ok(u64::from_ne_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64, RecordError> {
        Ok(i64::from_ne_bytes(self.array()?))
    }

    /// Text may be cut: what is there is better than nothing.
    fn text(&mut self, size: u16) -> &'a [u8] {
        let (head, rest) = self.rest.split_at(usize::from(size).min(self.rest.len()));
        self.rest = rest;
        head
    }

    fn address(&mut self) -> Result<Address, RecordError> {
        Ok(Address {
            family: self.u16()?,
            local_port: self.u16()?,
            remote_port: self.u16()?,
            protocol: self.u16()?,
            local: self.array()?,
            remote: self.array()?,
        })
    }

    fn header(&mut self) -> Result<Header, RecordError> {
        self.u32()?;
        Ok(Header {
            kind: self.u16()?,
            signal: self.u16()?,
            time: self.u64()?,
            start_time: self.u64()?,
            cgroup_id: self.u64()?,
            caps_effective: self.u64()?,
            caps_permitted: self.u64()?,
            pid: self.u32()?,
            tid: self.u32()?,
            uid: self.u32()?,
            gid: self.u32()?,
            login_uid: self.u32()?,
            mnt_ns: self.u32()?,
            comm: self.array()?,
        })
    }

    fn task(&mut self) -> Result<Box<Task<'a>>, RecordError> {
        let mut task = Task {
            parent_start: self.u64()?,
            exe_inode: self.u64()?,
            ppid: self.u32()?,
            tty: self.u32()?,
            sid: self.u32()?,
            pgid: self.u32()?,
            vpid: self.u32()?,
            pid_ns: self.u32()?,
            net_ns: self.u32()?,
            user_ns: self.u32()?,
            exe_flags: self.u32()?,
            ..Task::default()
        };
        self.u32()?;
        let sizes = [self.u16()?, self.u16()?, self.u16()?, self.u16()?, self.u16()?];
        task.argv_truncated = self.u16()? & 1 == 1;
        task.stdio = self.array()?;
        self.array::<1>()?;
        task.peers = [self.address()?, self.address()?, self.address()?];
        let [argv, exe, cwd, script, env] = sizes.map(|size| self.text(size));
        Ok(Box::new(Task { argv, exe, cwd, script, env, ..task }))
    }

    fn open(&mut self) -> Result<Open<'a>, RecordError> {
        let (result, inode, flags, bits) = (self.i64()?, self.u64()?, self.u32()?, self.u32()?);
        self.i32()?;
        let (path, raw) = (self.u16()?, self.u16()?);
        Ok(Open { result, inode, flags, user_path: bits & 1 == 1, path: self.text(path), raw: self.text(raw) })
    }

    fn fork(&mut self) -> Result<Fork, RecordError> {
        Ok(Fork { start_time: self.u64()?, flags: self.u64()?, pid: self.u32()?, vpid: self.u32()? })
    }

    fn cgroup(&mut self) -> Result<Cgroup<'a>, RecordError> {
        let (id, removed, path) = (self.u64()?, self.u32()? != 0, self.u16()?);
        self.u16()?;
        Ok(Cgroup { id, removed, path: self.text(path) })
    }

    fn call(&mut self) -> Result<Call<'a>, RecordError> {
        let result = self.i64()?;
        let args = [self.u64()?, self.u64()?, self.u64()?, self.u64()?, self.u64()?, self.u64()?];
        let (number, text) = (self.u32()?, self.u16()?);
        self.u16()?;
        Ok(Call { result, args, number, text: self.text(text) })
    }

    fn change(&mut self) -> Result<Change<'a>, RecordError> {
        let (result, number, mode) = (self.i64()?, self.u32()?, self.u32()?);
        let bases = [self.u16()?, self.u16()?];
        let paths = [self.u16()?, self.u16()?];
        let kernel_path = self.u32()? & 1 == 1;
        self.u32()?;
        let (base, path) = (self.text(bases[0]), self.text(paths[0]));
        let (base2, path2) = (self.text(bases[1]), self.text(paths[1]));
        Ok(Change { result, number, mode, kernel_path, bases: [base, base2], paths: [path, path2] })
    }

    fn dns(&mut self) -> Result<Dns<'a>, RecordError> {
        let (family, remote_port, size, outgoing) = (self.u16()?, self.u16()?, self.u16()?, self.u16()? != 0);
        let server = Address { family, remote_port, protocol: 17, remote: self.array()?, ..Address::default() };
        Ok(Dns { outgoing, server, message: self.text(size) })
    }

    fn uring(&mut self) -> Result<Uring, RecordError> {
        Ok(Uring { opcode: self.u32()?, fd: self.i32()?, submitter: self.u32()? })
    }

    fn signal(&mut self) -> Result<SignalSent, RecordError> {
        Ok(SignalSent { number: self.i32()?, target: self.i32()?, result: self.i32()? })
    }

    fn socket(&mut self) -> Result<Socket<'a>, RecordError> {
        let (result, fd, path, how) = (self.i64()?, self.i32()?, self.u16()?, self.u16()?);
        let call = match how {
            1 => SocketCall::Accept,
            2 => SocketCall::Listen,
            3 => SocketCall::Bind,
            4 => SocketCall::Send,
            5 => SocketCall::ConnectAtCgroup,
            _ => SocketCall::Connect,
        };
        Ok(Socket { result, fd, call, address: self.address()?, path: self.text(path) })
    }
}

/// Reads one record.
pub fn decode(bytes: &[u8]) -> Result<Record<'_>, RecordError> {
    let mut cursor = Cursor::new(bytes);
    let header = cursor.header()?;
    let body = match header.kind {
        1 => Body::Exec(cursor.task()?),
        2 => Body::Exit { code: cursor.u32()? },
        3 => Body::Open(cursor.open()?),
        4 => Body::Socket(cursor.socket()?),
        5 => Body::Fork(cursor.fork()?),
        6 => Body::Call(cursor.call()?),
        7 => Body::Change(cursor.change()?),
        9 => Body::Dns(cursor.dns()?),
        11 => Body::Capability { capability: cursor.i32()?, result: cursor.i32()? },
        12 => Body::Fpu { hits: cursor.u32()?, window_ms: cursor.u32()? },
        13 => Body::Uring(cursor.uring()?),
        14 => Body::Signal(cursor.signal()?),
        8 => Body::Cgroup(cursor.cgroup()?),
        10 => Body::Task(cursor.task()?),
        other => return Err(RecordError::Kind(other)),
    };
    Ok(Record { header, body })
}

/// Splits a stream of records, as the snapshot's iterator gives it, by the size that each begins with.
pub fn split(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let size = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk::<4>()?)).ok()?;
        let (record, rest) = bytes.split_at_checked(size.max(HEADER_SIZE))?;
        bytes = rest;
        Some(record)
    })
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
