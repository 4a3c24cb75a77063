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

static DISPATCH_OBJECT: &[u8] = object!("dispatch");
static EXEC: &[u8] = object!("exec");
static EXIT: &[u8] = object!("exit");
static FILE_OPEN: &[u8] = object!("file_open");
static FORK: &[u8] = object!("fork");
static CONTAINER: &[u8] = object!("container");
static SNAPSHOT: &[u8] = object!("snapshot");
static CONNECT: &[u8] = object!("connect");

/// The hook on system calls that the handlers depend on.
pub const DISPATCH: Program = Program {
    signal: Signal::FileOpen,
    name: "dispatch",
    provider: "tp_btf/sys_exit",
    object: DISPATCH_OBJECT,
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
    pub(super) const OPEN: &[u32] = &[2, 85, 257, 437];
    pub(super) const CONNECT: &[u32] = &[42];
}

/// All programs, best provider of a signal first.
pub const ALL: &[Program] = &[
    Program {
        signal: Signal::Exec,
        name: "exec_task",
        provider: "tp_btf/sched_process_exec",
        object: EXEC,
        attach: Attach::Trace,
    },
    Program {
        signal: Signal::Exit,
        name: "exit_task",
        provider: "tp_btf/sched_process_exit",
        object: EXIT,
        attach: Attach::Trace,
    },
    Program {
        signal: Signal::Fork,
        name: "fork_task",
        provider: "tp_btf/task_newtask",
        object: FORK,
        attach: Attach::Trace,
    },
    Program {
        signal: Signal::Container,
        name: "cgroup_made",
        provider: "tp_btf/cgroup_mkdir",
        object: CONTAINER,
        attach: Attach::Trace,
    },
    Program {
        signal: Signal::Container,
        name: "cgroup_gone",
        provider: "tp_btf/cgroup_rmdir",
        object: CONTAINER,
        attach: Attach::Trace,
    },
    Program {
        signal: Signal::FileOpen,
        name: "file_open",
        provider: "tp_btf/sys_exit",
        object: FILE_OPEN,
        attach: Attach::Syscalls(syscalls::OPEN),
    },
    Program {
        signal: Signal::Connect,
        name: "connect4",
        provider: "cgroup/connect4",
        object: CONNECT,
        attach: Attach::Cgroup,
    },
    Program {
        signal: Signal::Connect,
        name: "connect6",
        provider: "cgroup/connect6",
        object: CONNECT,
        attach: Attach::Cgroup,
    },
    Program {
        signal: Signal::Connect,
        name: "connect",
        provider: "tp_btf/sys_exit",
        object: CONNECT,
        attach: Attach::Syscalls(syscalls::CONNECT),
    },
];
