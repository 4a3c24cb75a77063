//! The self-test: a child of the sensor does one harmless thing per signal, and a signal counts as seen when its record
//! came back through the kernel and the ring.
//!
//! Nothing that the child does changes the machine: calls fail for want of a file or an argument, or undo themselves.
//! What it is not: a test of rules; its events are swallowed.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::signal::Signal;

/// The hidden command of the program that runs [`perform`].
pub const COMMAND: &str = "canary";
/// The child needs some milliseconds; a machine under full load a hundred.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// A name that no file has.
const NO_FILE: &str = "/proc/self/seawall-canary";

/// Signals that the child cannot raise harmlessly on demand: a runtime's cgroup, a miner's arithmetic, a request in a ring
/// (which would have to be made and mapped).
pub const NOT_TESTED: [Signal; 3] = [Signal::Container, Signal::FpuRounding, Signal::IoUring];

/// Starts the child and waits for its end. Gives its pid.
pub fn run() -> std::io::Result<u32> {
    let mut child = Command::new("/proc/self/exe")
        .arg(COMMAND)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let (pid, end) = (child.id(), Instant::now() + PATIENCE);
    while child.try_wait()?.is_none() {
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(pid)
}

/// What is missing of what was expected.
pub fn missing(active: &BTreeSet<Signal>, seen: &BTreeSet<Signal>) -> BTreeSet<Signal> {
    active.iter().copied().filter(|signal| !NOT_TESTED.contains(signal) && !seen.contains(signal)).collect()
}

/// What the child does: each thing is one signal. exec, exit and fork are its own life.
pub fn perform() {
    // All results are ignored on purpose: a refused call is seen as well as one that works.
    drop(std::fs::File::open(NO_FILE));
    drop(std::fs::rename(NO_FILE, NO_FILE));
    network();
    plain_calls();
    // Signal 0 would only test; SIGURG is ignored by default and asks for nothing.
    if let Ok(parent) = i32::try_from(std::os::unix::process::parent_id()) {
        let _sent = nix::sys::signal::kill(nix::unistd::Pid::from_raw(parent), nix::sys::signal::Signal::SIGURG);
    }
    // A new process, so that a fork is seen that is not the sensor's own.
    drop(Command::new("/proc/self/exe").arg("--version").stdout(Stdio::null()).status());
}

fn network() {
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) else { return };
    let Ok(address) = listener.local_addr() else { return };
    let client = TcpStream::connect(address);
    drop(listener.accept());
    drop(client);
    if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
        // A question for a name that never exists (RFC 6761), to whoever listens on this machine.
        let question = b"\x53\x57\x01\0\0\x01\0\0\0\0\0\0\x06canary\x07invalid\0\0\x01\0\x01";
        drop(socket.send_to(question, SocketAddr::from((Ipv4Addr::LOCALHOST, 53))));
    }
}

fn plain_calls() {
    let none = std::ptr::null::<u8>();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_or(-1, |socket| {
        let fd = socket.as_raw_fd();
        // Kept open until the child ends, so that it can be duplicated.
        std::mem::forget(socket);
        fd
    });
    // SAFETY: every pointer is null or a literal, and every call is refused by its arguments or changes only this child,
    // which ends next: an unknown command of bpf, a ptrace of pid 0, ids that it has already, no new namespaces, a memory
    // file, no target for mount, a module of no bytes.
    #[expect(unsafe_code, reason = "raw system calls with arguments that are refused")]
    unsafe {
        libc::syscall(libc::SYS_bpf, -1, none, 0);
        libc::syscall(libc::SYS_ptrace, -1, 0, none, none);
        libc::syscall(libc::SYS_setuid, libc::getuid());
        libc::syscall(libc::SYS_unshare, 0);
        libc::syscall(libc::SYS_memfd_create, c"seawall-canary".as_ptr(), libc::MFD_CLOEXEC);
        libc::syscall(libc::SYS_umount2, c"".as_ptr(), 0);
        libc::syscall(libc::SYS_finit_module, -1, c"".as_ptr(), 0);
        libc::syscall(libc::SYS_userfaultfd, -1);
        libc::syscall(libc::SYS_dup2, socket, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_active_and_can_be_tested_is_missing() {
        let active = BTreeSet::from([Signal::Exec, Signal::FileOpen, Signal::FpuRounding]);
        assert_eq!(missing(&active, &BTreeSet::from([Signal::Exec])), BTreeSet::from([Signal::FileOpen]));
    }
}
