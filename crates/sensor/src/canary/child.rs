//! What the child does. Nothing of it changes the machine: calls fail for want of a file or an argument, or undo
//! themselves. What it is not: the judge of what was seen, which is the parent.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::signal::Signal;

mod ring;

/// Places that are tried for a cgroup; the root of a hierarchy has some hundred entries.
const MAX_PLACES: usize = 1024;
/// A name that no file has.
const NO_FILE: &str = "/proc/self/seawall-canary";

/// Does one thing per signal, says which ones could not be done, and stays until stdin is closed. exec, exit and fork
/// are its own life.
pub fn perform() {
    // Most results are ignored on purpose: a refused call is seen as well as one that works.
    drop(std::fs::File::open(NO_FILE));
    // fanotify tells of files that are there.
    drop(std::fs::File::open("/proc/self/exe"));
    drop(std::fs::rename(NO_FILE, NO_FILE));
    network();
    plain_calls();
    // Signal 0 would only test; SIGURG is ignored by default and asks for nothing.
    if let Ok(parent) = i32::try_from(std::os::unix::process::parent_id()) {
        let _sent = nix::sys::signal::kill(nix::unistd::Pid::from_raw(parent), nix::sys::signal::Signal::SIGURG);
    }
    // A new process, so that a fork is seen that is not the sensor's own; not waited for, so that /proc still has it.
    let fork = Command::new("/proc/self/exe").arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut untried = Vec::new();
    let deeds: [(Signal, fn() -> bool); 3] =
        [(Signal::Container, make_cgroup), (Signal::FpuRounding, round_down), (Signal::IoUring, ring::submit)];
    for (signal, deed) in deeds {
        if !deed() {
            untried.push(signal.name());
        }
    }
    let mut stdout = std::io::stdout().lock();
    drop(writeln!(stdout, "{}", untried.join(" ")).and_then(|()| stdout.flush()));
    // Until the parent closes it, or is gone.
    drop(std::io::stdin().lock().read(&mut [0]));
    if let Ok(mut fork) = fork {
        drop(fork.wait());
    }
}

/// Makes a cgroup and removes it. False where nothing of the hierarchy can be written.
fn make_cgroup() -> bool {
    let Some(root) = crate::kernel::unified_hierarchy() else { return false };
    let own = crate::process::proc::cgroup_path(std::process::id());
    // The root itself is closed to whoever may not overrule modes.
    let below = std::fs::read_dir(&root).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let places = own.map(|path| root.join(path.trim_start_matches('/'))).into_iter().chain(below);
    places.take(MAX_PLACES).any(|place| {
        let folder = place.join(format!("seawall-canary-{}", std::process::id()));
        std::fs::create_dir(&folder).and_then(|()| std::fs::remove_dir(&folder)).is_ok()
    })
}

/// Computes nothing with another rounding, and lets others run a few times meanwhile: the kernel looks at it then.
#[cfg(target_arch = "x86_64")]
fn round_down() -> bool {
    /// Times; the program in the kernel asks for five.
    const TIMES: usize = 12;
    /// Towards minus infinity, of the bits of the rounding mode (Intel SDM, volume 1, 10.2.3).
    const DOWN: u32 = 0x2000;
    const MODE: u32 = 0x6000;
    let mut before = 0_u32;
    // SAFETY: four bytes are written to `before`; the instruction changes nothing else.
    #[expect(unsafe_code, reason = "there is no safe way to read the register")]
    unsafe {
        core::arch::asm!("stmxcsr [{}]", in(reg) &raw mut before, options(nostack));
    }
    set_rounding(before & !MODE | DOWN);
    for _ in 0..TIMES {
        std::thread::sleep(Duration::from_micros(50));
    }
    set_rounding(before);
    true
}

#[cfg(target_arch = "x86_64")]
fn set_rounding(control: u32) {
    // SAFETY: only the rounding mode differs, and this program computes no fractions until it is set back.
    #[expect(unsafe_code, reason = "there is no safe way to write the register")]
    unsafe {
        core::arch::asm!("ldmxcsr [{}]", in(reg) &raw const control, options(nostack));
    }
}

/// Only x86-64's rounding is looked at.
#[cfg(not(target_arch = "x86_64"))]
fn round_down() -> bool {
    false
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
        // Not onto 0 and 1, by which the parent is heard and told.
        libc::syscall(libc::SYS_dup2, socket, 2);
    }
}
