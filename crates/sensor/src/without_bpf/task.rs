//! A process of /proc (proc(5)) in the form of the kernel programs' records. What it is not: a moment in time, as theirs
//! are; the process goes on while it is read.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::clock::{Clock, START_RESOLUTION};
use crate::kernel::unified_hierarchy;
use crate::process::proc;
use crate::record::{EXE_DELETED, EXE_KNOWN, EXE_MEMFD, EXE_OVERLAY, EXE_TMPFS, Header, Task};
use crate::signal::Signal;

/// /proc/PID/status: some sixty lines.
const MAX_STATUS_BYTES: u64 = 16 << 10;
/// /proc/PID/loginuid: a number.
const MAX_NUMBER_BYTES: u64 = 32;
/// As much of an environment as exec records carry.
const MAX_ENVIRON_BYTES: u64 = 64 << 10;

/// A header in which nothing is known.
pub const NOBODY: Header = Header {
    kind: 0,
    signal: 0,
    time: 0,
    start_time: 0,
    cgroup_id: 0,
    caps_effective: 0,
    caps_permitted: 0,
    pid: 0,
    tid: 0,
    uid: 0,
    gid: 0,
    login_uid: u32::MAX,
    mnt_ns: 0,
    comm: [0; 16],
    exec_id: 0,
};

fn dir(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

/// What every record has; `None` when the process is gone.
pub fn header(pid: u32, signal: Signal) -> Option<Header> {
    let read = proc::read_stat(pid)?;
    let status = limits::read_text(dir(pid).join("status"), MAX_STATUS_BYTES).ok()?;
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let first = |name: &str| line(name)?.split_whitespace().next()?.parse().ok();
    let hex = |name: &str| line(name).and_then(|text| u64::from_str_radix(text, 16).ok());
    let login = limits::read_text(dir(pid).join("loginuid"), MAX_NUMBER_BYTES).ok();
    let mut comm = [0; 16];
    let length = read.name.len().min(comm.len() - 1);
    comm[..length].copy_from_slice(&read.name.as_bytes()[..length]);
    Some(Header {
        signal: signal as u16,
        time: Clock::since_boot(),
        start_time: read.start_ticks * START_RESOLUTION,
        cgroup_id: cgroup_id(pid).unwrap_or(0),
        caps_effective: hex("CapEff:")?,
        caps_permitted: hex("CapPrm:")?,
        pid,
        tid: pid,
        uid: first("Uid:")?,
        gid: first("Gid:")?,
        login_uid: login.and_then(|text| text.trim().parse().ok()).unwrap_or(u32::MAX),
        mnt_ns: namespace(pid, "mnt"),
        comm,
        ..NOBODY
    })
}

/// A cgroup's id is the inode number of its folder.
fn cgroup_id(pid: u32) -> Option<u64> {
    let path = proc::cgroup_path(pid)?;
    let folder = unified_hierarchy()?.join(path.trim_start_matches('/'));
    std::fs::metadata(folder).ok().map(|found| found.ino())
}

fn namespace(pid: u32, name: &str) -> u32 {
    std::fs::metadata(dir(pid).join("ns").join(name))
        .ok()
        .and_then(|found| u32::try_from(found.ino()).ok())
        .unwrap_or(0)
}

/// Its id in its own pid namespace.
pub fn inner_pid(pid: u32) -> u32 {
    let status = limits::read_text(dir(pid).join("status"), MAX_STATUS_BYTES).unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    ids.and_then(|ids| ids.split_whitespace().last()?.parse().ok()).unwrap_or(pid)
}

/// What an exec record says, owned.
#[derive(Debug, Default)]
pub struct Read {
    task: Task<'static>,
    argv: Vec<u8>,
    exe: String,
    cwd: String,
    env: Vec<u8>,
}

impl Read {
    /// Reads a process; `None` when it is gone.
    pub fn of(pid: u32) -> Option<Self> {
        let read = proc::read_in(Path::new("/proc"), pid).filter(|read| !read.exe.is_empty())?;
        let mut argv = Vec::new();
        for arg in &read.args {
            argv.extend_from_slice(arg.as_bytes());
            argv.push(0);
        }
        let file = std::fs::metadata(dir(pid).join("exe")).ok();
        let task = Task {
            parent_start: proc::read_stat(read.ppid).map_or(0, |parent| parent.start_ticks * START_RESOLUTION),
            ppid: read.ppid,
            tty: read.tty,
            sid: u32::try_from(read.sid).unwrap_or(0),
            pgid: u32::try_from(read.pgid).unwrap_or(0),
            vpid: inner_pid(pid),
            pid_ns: namespace(pid, "pid"),
            net_ns: namespace(pid, "net"),
            user_ns: namespace(pid, "user"),
            exe_flags: exe_flags(pid),
            exe_inode: file.as_ref().map_or(0, std::os::unix::fs::MetadataExt::ino),
            exe_changed: file.as_ref().map_or(0, |file| nanos(file.ctime(), file.ctime_nsec())),
            exe_modified: file.as_ref().map_or(0, |file| nanos(file.mtime(), file.mtime_nsec())),
            ..Task::default()
        };
        let environ = dir(pid).join("environ");
        let env = limits::read_file(&environ, MAX_ENVIRON_BYTES).unwrap_or_default();
        Some(Self { task, argv, exe: read.exe, cwd: read.cwd, env })
    }

    /// As a record has it.
    pub fn task(&self) -> Task<'_> {
        Task {
            argv: &self.argv,
            exe: self.exe.as_bytes(),
            cwd: self.cwd.as_bytes(),
            env: &self.env,
            ..self.task.clone()
        }
    }
}

/// Nanoseconds since 1970; 0 before.
fn nanos(seconds: i64, nanos: i64) -> u64 {
    u64::try_from(seconds.saturating_mul(1_000_000_000).saturating_add(nanos)).unwrap_or(0)
}

/// Where the program's file came from, as far as its file system tells: an overlay's layers are not told apart here.
fn exe_flags(pid: u32) -> u32 {
    let exe = dir(pid).join("exe");
    let Ok(found) = nix::sys::statfs::statfs(&exe) else { return 0 };
    let link = std::fs::read_link(&exe).map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
    let mut flags = EXE_KNOWN;
    if found.filesystem_type() == nix::sys::statfs::OVERLAYFS_SUPER_MAGIC {
        flags |= EXE_OVERLAY;
    } else if found.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC {
        flags |= EXE_TMPFS;
    }
    if link.starts_with("/memfd:") {
        flags |= EXE_MEMFD;
    }
    if link.ends_with(" (deleted)") {
        flags |= EXE_DELETED;
    }
    flags
}
