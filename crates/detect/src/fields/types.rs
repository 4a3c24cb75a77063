//! Which of Falco's event types an event is (contract §2).
//!
//! A kind may stand for several system calls (`file_open` for open, openat, openat2, creat): a check of `evt.type`
//! holds when it holds for one of them, so that a rule works whichever name it was written with.

use model::event::{Call, FileOperation, Network};
use model::{Body, Event, OpenFlags};

/// Kinds of events in the order of their bits in [`Kinds`].
pub const KINDS: [&str; 26] = [
    "exec",
    "fork",
    "exit",
    "file_open",
    "file_change",
    "connect",
    "accept",
    "listen",
    "dns",
    "capability",
    "ptrace",
    "bpf",
    "userfaultfd",
    "dup",
    "socket",
    "module_load",
    "mount",
    "namespace",
    "memfd",
    "io_uring",
    "set_id",
    "signal",
    "fpu_rounding",
    "container",
    "k8s_audit",
    "log",
];

/// A set of kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kinds(pub u32);

impl Kinds {
    /// All.
    pub const ALL: Self = Self((1 << KINDS.len()) - 1);
    /// None.
    pub const NONE: Self = Self(0);
    /// Audit events only.
    pub const AUDIT: Self = Self(1 << 24);
    /// What the sensor sees.
    pub const SENSOR: Self = Self(Self::ALL.0 & !Self::AUDIT.0);

    /// Names in the set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        KINDS.into_iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| name)
    }

    /// The set with one kind, by its name; empty for an unknown one.
    pub fn named(name: &str) -> Self {
        Self(KINDS.iter().position(|kind| *kind == name).map_or(0, |bit| 1 << bit))
    }
}

/// The index of a body's kind in [`KINDS`].
pub fn kind_index(body: &Body) -> usize {
    match body {
        Body::Exec(_) => 0,
        Body::Fork(_) => 1,
        Body::Exit(_) => 2,
        Body::FileOpen(_) => 3,
        Body::FileChange(_) => 4,
        Body::Connect(_) => 5,
        Body::Accept(_) => 6,
        Body::Listen(_) => 7,
        Body::Dns(_) => 8,
        Body::Capability(_) => 9,
        Body::Ptrace(_) => 10,
        Body::Bpf(_) => 11,
        Body::Userfaultfd(_) => 12,
        Body::Dup(_) => 13,
        Body::Socket(_) => 14,
        Body::ModuleLoad(_) => 15,
        Body::Mount(_) => 16,
        Body::Namespace(_) => 17,
        Body::Memfd(_) => 18,
        Body::IoUring(_) => 19,
        Body::SetId(_) => 20,
        Body::Signal(_) => 21,
        Body::FpuRounding(_) => 22,
        Body::Container(_) => 23,
        Body::K8sAudit(_) => 24,
        Body::Log(_) => 25,
    }
}

/// The names that each kind can have, in the order of [`KINDS`]; the first one is printed when none is known better.
pub const NAMES: [&[&str]; 26] = [
    &["execve", "execveat"],
    &["clone", "clone3", "fork", "vfork"],
    &["procexit", "exit", "exit_group"],
    &["openat", "open", "openat2", "creat"],
    &[
        "rename",
        "renameat",
        "renameat2",
        "unlink",
        "unlinkat",
        "rmdir",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "chmod",
        "fchmod",
        "fchmodat",
        "fchmodat2",
        "chown",
        "fchown",
        "lchown",
        "fchownat",
        "utime",
        "utimes",
        "utimensat",
        "futimesat",
        "ioctl",
        "truncate",
        "ftruncate",
        "mkdir",
        "mkdirat",
        "creat",
        "close",
    ],
    &["connect", "sendto", "sendmsg", "sendmmsg"],
    &["accept4", "accept", "recvfrom", "recvmsg", "recvmmsg"],
    &["listen", "bind"],
    &["dns"],
    &["capset", "cap_capable"],
    &["ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"],
    &["bpf"],
    &["userfaultfd"],
    &["dup2", "dup", "dup3"],
    &["socket", "socketpair"],
    &["finit_module", "init_module", "delete_module", "kexec_load", "kexec_file_load"],
    &[
        "mount",
        "umount",
        "umount2",
        "move_mount",
        "fsopen",
        "fsmount",
        "open_tree",
        "mount_setattr",
        "pivot_root",
        "chroot",
    ],
    &["setns", "unshare", "clone", "clone3"],
    &["memfd_create"],
    &["io_uring_setup", "io_uring_enter", "io_uring_register", "io_uring_submit"],
    &["setuid", "setgid", "setresuid", "setresgid", "setreuid", "setregid", "setfsuid", "setfsgid", "setgroups"],
    &["kill", "tkill", "tgkill", "pidfd_send_signal"],
    &["fpu_rounding"],
    &["container"],
    &["pluginevent", "k8s_audit"],
    &["log"],
];

/// How many of the names of `file_open` every open has.
const OPENS: usize = 3;

/// Names of a kind that each of its events has, all at once; empty where an event has some of the kind's names.
pub fn always(kind: usize) -> &'static [&'static str] {
    match KINDS.get(kind).copied().unwrap_or_default() {
        "exec" | "fork" | "exit" | "listen" | "dns" | "capability" => NAMES[kind],
        "file_open" => NAMES[kind].get(..OPENS).unwrap_or_default(),
        _ if NAMES[kind].len() == 1 => NAMES[kind],
        _ => &[],
    }
}

/// The names that one event has; a check of `evt.type` holds when it holds for one of them.
pub fn names(event: &Event) -> Names<'_> {
    let all = NAMES[kind_index(&event.body)];
    match &event.body {
        Body::FileOpen(open) => {
            // creat(2) is an open with exactly these flags; a rule about it must not match every open.
            let created = OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC;
            let names = if open.flags.0 & created == created { all } else { all.get(..OPENS).unwrap_or(all) };
            Names::Known(names)
        }
        Body::FileChange(change) => Names::Known(of_operation(change.operation)),
        Body::Connect(network) => Names::Known(connect_names(event, network)),
        Body::Accept(network) if network.protocol == "udp" => Names::Known(&["recvfrom", "recvmsg", "recvmmsg"]),
        Body::Accept(_) => Names::Known(&["accept4", "accept"]),
        body => body.call().map_or(Names::Known(all), |call| of_call(call, all)),
    }
}

/// A call that its kind does not list counts as the first one that it does: rules are compiled by kind.
fn of_call<'a>(call: &'a Call, all: &'static [&'static str]) -> Names<'a> {
    if all.contains(&call.call.as_str()) { Names::One(&call.call) } else { Names::Known(all.get(..1).unwrap_or(all)) }
}

const fn of_operation(operation: FileOperation) -> &'static [&'static str] {
    match operation {
        FileOperation::Create => &["creat"],
        FileOperation::WriteClose => &["close"],
        FileOperation::Rename => &["rename", "renameat", "renameat2"],
        FileOperation::Unlink => &["unlink", "unlinkat"],
        FileOperation::Link => &["link", "linkat"],
        FileOperation::Symlink => &["symlink", "symlinkat"],
        FileOperation::Chmod => &["chmod", "fchmod", "fchmodat", "fchmodat2"],
        FileOperation::Chown => &["chown", "fchown", "lchown", "fchownat"],
        FileOperation::Utimes => &["utimensat", "utime", "utimes", "futimesat"],
        FileOperation::Attributes => &["ioctl"],
        FileOperation::Truncate => &["truncate", "ftruncate"],
        FileOperation::Mkdir => &["mkdir", "mkdirat"],
        FileOperation::Rmdir => &["rmdir", "unlinkat"],
    }
}

/// A datagram that was sent without connect(2) comes as `connect` from a provider that names the sending hook.
fn connect_names(event: &Event, _network: &Network) -> &'static [&'static str] {
    if is_send(event) { &["sendto", "sendmsg", "sendmmsg"] } else { &["connect"] }
}

/// Whether a `connect` event is a datagram sent on a socket that is not connected.
pub fn is_send(event: &Event) -> bool {
    event.provider.contains("sendmsg") || event.provider.contains("sendto")
}

/// Names of an event's type.
#[derive(Debug, Clone, Copy)]
pub enum Names<'a> {
    /// One that the event itself carries.
    One(&'a str),
    /// Those that its kind stands for.
    Known(&'static [&'static str]),
}

impl<'a> Names<'a> {
    /// The name that is printed.
    pub fn first(self) -> &'a str {
        match self {
            Self::One(name) => name,
            Self::Known(names) => names.first().copied().unwrap_or_default(),
        }
    }

    /// All names.
    pub const fn as_slice(&self) -> &[&'a str] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Known(names) => names,
        }
    }

    /// Whether one of the names is accepted.
    pub fn any(self, accept: impl Fn(&str) -> bool) -> bool {
        self.as_slice().iter().any(|name| accept(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_names_line_up() {
        assert_eq!(KINDS.len(), NAMES.len());
        assert_eq!(Kinds::named("k8s_audit"), Kinds::AUDIT);
        assert_eq!(Kinds::ALL.names().count(), 26);
        assert_eq!(Kinds::named("nothing"), Kinds::NONE);
    }
}
