//! The table of our programs: which signal each serves, where its code is, how it is attached.

use crate::signal::Signal;

/// How a program is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attach {
    /// A tracepoint with BTF (`tp_btf`).
    Trace,
    /// A hook of the root cgroup.
    Cgroup,
    /// An iterator that is read once.
    Iterator,
    /// The dispatcher jumps to it at the end of these system calls.
    Syscalls(&'static [u32]),
}

/// A program.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The signal it serves.
    pub signal: Signal,
    /// Name of the function in the object file.
    pub name: &'static str,
    /// The name of its provider in events and coverage.
    pub provider: &'static str,
    /// The object file.
    pub object: &'static [u8],
    /// How it is attached.
    pub attach: Attach,
}

/// An object file as an aligned static: libelf reads 64-bit fields in place.
macro_rules! object {
    ($name:literal) => {{
        #[repr(C, align(8))]
        struct Aligned<T: ?Sized>(T);
        static BYTES: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bpf.o")));
        &BYTES.0
    }};
}

/// All programs but the snapshot's.
pub static OBJECT: &[u8] = object!("sensor");
static SNAPSHOT: &[u8] = object!("snapshot");
/// The entries behind the kernel's functions of system calls.
pub static ENTRIES: &[u8] = object!("entries");

/// The hook on system calls that the handlers depend on.
pub static DISPATCH: Program = Program {
    signal: Signal::FileOpen,
    name: "dispatch",
    provider: "tp_btf/sys_exit",
    object: OBJECT,
    attach: Attach::Trace,
};

/// The processes that already run; read once, never attached.
pub const PROCESSES: Program = Program {
    signal: Signal::Exec,
    name: "snapshot",
    provider: "iter.s/task",
    object: SNAPSHOT,
    attach: Attach::Iterator,
};

#[cfg(target_arch = "x86_64")]
mod syscalls {
    //! Numbers of `arch/x86/entry/syscalls/syscall_64.tbl`.
    pub(super) const OPEN: &[u32] = &[2, 85, 257, 304, 437];
    pub(super) const CONNECT: &[u32] = &[42];
    pub(super) const ACCEPT: &[u32] = &[43, 288];
    pub(super) const LISTEN: &[u32] = &[49, 50];
    /// ioctl (of attributes), truncate, rename, mkdir, rmdir, link, unlink, symlink, chmod, chown, utimensat and their
    /// families.
    pub(super) const CHANGE: &[u32] = &[
        16, 76, 77, 82, 83, 84, 86, 87, 88, 90, 91, 92, 93, 94, 132, 235, 258, 260, 261, 263, 264, 265, 266, 268, 280,
        316, 452,
    ];
    pub(super) const PTRACE: &[u32] = &[101, 310, 311, 438];
    pub(super) const BPF: &[u32] = &[321];
    pub(super) const USERFAULTFD: &[u32] = &[323];
    pub(super) const SOCKET: &[u32] = &[41];
    pub(super) const NAMESPACE: &[u32] = &[272, 308];
    pub(super) const MEMFD: &[u32] = &[319];
    pub(super) const SET_ID: &[u32] = &[105, 106, 113, 114, 116, 117, 119, 122, 123];
    pub(super) const MODULE: &[u32] = &[175, 176, 246, 313, 320];
    pub(super) const MOUNT: &[u32] = &[155, 161, 165, 166, 428, 429, 430, 432, 442];
    pub(super) const URING: &[u32] = &[425, 427];
    pub(super) const DUP: &[u32] = &[32, 33, 292];
}

const fn program(signal: Signal, name: &'static str, provider: &'static str, attach: Attach) -> Program {
    Program { signal, name, provider, object: OBJECT, attach }
}

const fn handler(signal: Signal, name: &'static str, numbers: &'static [u32]) -> Program {
    program(signal, name, "tp_btf/sys_exit", Attach::Syscalls(numbers))
}

/// What is started when a program is refused: its name, and who stands in. Not tried otherwise, both would tell the same.
pub static INSTEAD: &[(&str, Program)] = &[
    ("capability", program(Signal::Capability, "capability_exit", "fexit/cap_capable", Attach::Trace)),
    ("uring_request", program(Signal::IoUring, "uring_request_sqe", "tp_btf/io_uring_submit_sqe", Attach::Trace)),
];

/// All programs, best provider of a signal first.
pub static ALL: &[Program] = &[
    program(Signal::Exec, "exec_task", "tp_btf/sched_process_exec", Attach::Trace),
    program(Signal::Exit, "exit_task", "tp_btf/sched_process_exit", Attach::Trace),
    program(Signal::Fork, "fork_task", "tp_btf/task_newtask", Attach::Trace),
    program(Signal::Container, "cgroup_made", "tp_btf/cgroup_mkdir", Attach::Trace),
    program(Signal::Container, "cgroup_gone", "tp_btf/cgroup_rmdir", Attach::Trace),
    handler(Signal::FileOpen, "file_open", syscalls::OPEN),
    handler(Signal::FileChange, "file_change", syscalls::CHANGE),
    program(Signal::Connect, "connect4", "cgroup/connect4", Attach::Cgroup),
    program(Signal::Connect, "connect6", "cgroup/connect6", Attach::Cgroup),
    program(Signal::Connect, "sendmsg4", "cgroup/sendmsg4", Attach::Cgroup),
    program(Signal::Connect, "sendmsg6", "cgroup/sendmsg6", Attach::Cgroup),
    handler(Signal::Connect, "connect", syscalls::CONNECT),
    handler(Signal::Accept, "accept_call", syscalls::ACCEPT),
    handler(Signal::Listen, "listen_call", syscalls::LISTEN),
    program(Signal::Dns, "dns_out", "cgroup_skb/egress", Attach::Cgroup),
    program(Signal::Dns, "dns_in", "cgroup_skb/ingress", Attach::Cgroup),
    handler(Signal::Ptrace, "ptrace", syscalls::PTRACE),
    handler(Signal::Bpf, "bpf_call", syscalls::BPF),
    handler(Signal::Userfaultfd, "userfaultfd", syscalls::USERFAULTFD),
    handler(Signal::Dup, "dup_standard", syscalls::DUP),
    handler(Signal::Socket, "socket_call", syscalls::SOCKET),
    handler(Signal::Namespace, "namespace", syscalls::NAMESPACE),
    handler(Signal::Memfd, "memfd", syscalls::MEMFD),
    handler(Signal::SetId, "set_id", syscalls::SET_ID),
    handler(Signal::ModuleLoad, "module_load", syscalls::MODULE),
    handler(Signal::Mount, "mount", syscalls::MOUNT),
    program(Signal::IoUring, "uring_request", "tp_btf/io_uring_submit_req", Attach::Trace),
    handler(Signal::IoUring, "uring_call", syscalls::URING),
    program(Signal::Signal, "signal_sent", "tp_btf/signal_generate", Attach::Trace),
    program(Signal::Capability, "capability", "tp_btf/cap_capable", Attach::Trace),
    program(Signal::FpuRounding, "fpu_rounding", "tp_btf/x86_fpu_regs_deactivated", Attach::Trace),
];
