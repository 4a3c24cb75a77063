//! The signals: kinds of things that can be seen, each with its own providers, counters and line in the coverage table.
//!
//! What it is not: the events' kinds. Most signals give exactly one kind of event, whose name they share.

/// A kind of thing that can be seen. The numbers are those of `src/bpf/signals.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Signal {
    /// A program was started.
    Exec = 0,
    /// A process ended.
    Exit = 1,
    /// A file was opened.
    FileOpen = 2,
    /// A connection was tried.
    Connect = 3,
    /// A process was created.
    Fork = 4,
    /// A connection came in.
    Accept = 5,
    /// A socket began to listen.
    Listen = 6,
    /// A name was asked for.
    Dns = 7,
    /// A file was renamed, removed, linked, or its mode changed.
    FileChange = 8,
    /// ptrace(2).
    Ptrace = 9,
    /// bpf(2).
    Bpf = 10,
    /// A kernel module was loaded.
    ModuleLoad = 11,
    /// Mounts.
    Mount = 12,
    /// Namespaces.
    Namespace = 13,
    /// `memfd_create(2)`.
    Memfd = 14,
    /// `io_uring`.
    IoUring = 15,
    /// setuid(2) and its family.
    SetId = 16,
    /// A signal to another process.
    Signal = 17,
    /// A capability was asked for.
    Capability = 18,
    /// The FPU's rounding mode.
    FpuRounding = 19,
    /// A descriptor was duplicated onto 0, 1 or 2.
    Dup = 20,
    /// A socket was created.
    Socket = 21,
    /// userfaultfd(2).
    Userfaultfd = 22,
    /// A container began or ended.
    Container = 23,
}

impl Signal {
    /// All signals, by number.
    pub const ALL: [Self; 24] = [
        Self::Exec,
        Self::Exit,
        Self::FileOpen,
        Self::Connect,
        Self::Fork,
        Self::Accept,
        Self::Listen,
        Self::Dns,
        Self::FileChange,
        Self::Ptrace,
        Self::Bpf,
        Self::ModuleLoad,
        Self::Mount,
        Self::Namespace,
        Self::Memfd,
        Self::IoUring,
        Self::SetId,
        Self::Signal,
        Self::Capability,
        Self::FpuRounding,
        Self::Dup,
        Self::Socket,
        Self::Userfaultfd,
        Self::Container,
    ];

    /// The name as in events' kinds and coverage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::FileOpen => "file_open",
            Self::Connect => "connect",
            Self::Fork => "fork",
            Self::Accept => "accept",
            Self::Listen => "listen",
            Self::Dns => "dns",
            Self::FileChange => "file_change",
            Self::Ptrace => "ptrace",
            Self::Bpf => "bpf",
            Self::ModuleLoad => "module_load",
            Self::Mount => "mount",
            Self::Namespace => "namespace",
            Self::Memfd => "memfd",
            Self::IoUring => "io_uring",
            Self::SetId => "set_id",
            Self::Signal => "signal",
            Self::Capability => "capability",
            Self::FpuRounding => "fpu_rounding",
            Self::Dup => "dup",
            Self::Socket => "socket",
            Self::Userfaultfd => "userfaultfd",
            Self::Container => "container",
        }
    }

    /// The signal with a number of `src/bpf/signals.h`.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The signal with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_read_back_and_agree_with_the_header() {
        let header = include_str!("bpf/signals.h");
        for signal in Signal::ALL {
            assert_eq!(Signal::from_number(signal as u16), Some(signal));
            assert_eq!(Signal::from_name(signal.name()), Some(signal));
            let line = format!("SIGNAL_{} = {},", signal.name().to_uppercase(), signal as u16);
            assert!(header.contains(&line), "signals.h lacks {line}");
        }
    }
}
