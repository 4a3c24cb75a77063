//! System calls by number: names, and arguments by their kernel names, for the kinds of events that are one call.
//!
//! Sources: `arch/x86/entry/syscalls/syscall_64.tbl`, and the calls' manual pages for arguments and flags. Pure.

use model::Extra;
use model::event::{Call, FileOperation};
use serde_json::Value;

/// How an argument is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A number.
    Number,
    /// A user or group id; -1 for "as it is".
    Id,
    /// Names of bits.
    Flags(&'static [(u64, &'static str)]),
    /// A name of a value.
    Name(&'static [(u64, &'static str)]),
    /// The string that the record carries.
    Text,
}

/// A call: number, name, arguments in order.
type Shape = (u32, &'static str, &'static [(&'static str, Form)]);

const CLONE: &[(u64, &str)] = &[
    (0x80, "CLONE_NEWTIME"),
    (0x0002_0000, "CLONE_NEWNS"),
    (0x0200_0000, "CLONE_NEWCGROUP"),
    (0x0400_0000, "CLONE_NEWUTS"),
    (0x0800_0000, "CLONE_NEWIPC"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x4000_0000, "CLONE_NEWNET"),
];

const PTRACE: &[(u64, &str)] = &[
    (0, "PTRACE_TRACEME"),
    (1, "PTRACE_PEEKTEXT"),
    (2, "PTRACE_PEEKDATA"),
    (3, "PTRACE_PEEKUSR"),
    (4, "PTRACE_POKETEXT"),
    (5, "PTRACE_POKEDATA"),
    (6, "PTRACE_POKEUSR"),
    (7, "PTRACE_CONT"),
    (8, "PTRACE_KILL"),
    (9, "PTRACE_SINGLESTEP"),
    (12, "PTRACE_GETREGS"),
    (13, "PTRACE_SETREGS"),
    (16, "PTRACE_ATTACH"),
    (17, "PTRACE_DETACH"),
    (24, "PTRACE_SYSCALL"),
    (0x4200, "PTRACE_SETOPTIONS"),
    (0x4204, "PTRACE_GETREGSET"),
    (0x4205, "PTRACE_SETREGSET"),
    (0x4206, "PTRACE_SEIZE"),
];

const BPF: &[(u64, &str)] = &[
    (0, "BPF_MAP_CREATE"),
    (1, "BPF_MAP_LOOKUP_ELEM"),
    (2, "BPF_MAP_UPDATE_ELEM"),
    (3, "BPF_MAP_DELETE_ELEM"),
    (4, "BPF_MAP_GET_NEXT_KEY"),
    (5, "BPF_PROG_LOAD"),
    (6, "BPF_OBJ_PIN"),
    (7, "BPF_OBJ_GET"),
    (8, "BPF_PROG_ATTACH"),
    (9, "BPF_PROG_DETACH"),
    (17, "BPF_RAW_TRACEPOINT_OPEN"),
    (18, "BPF_BTF_LOAD"),
    (28, "BPF_LINK_CREATE"),
];

const FAMILY: &[(u64, &str)] = &[
    (1, "AF_UNIX"),
    (2, "AF_INET"),
    (10, "AF_INET6"),
    (16, "AF_NETLINK"),
    (17, "AF_PACKET"),
    (31, "AF_BLUETOOTH"),
    (38, "AF_ALG"),
    (40, "AF_VSOCK"),
    (44, "AF_XDP"),
];

const MEMFD: &[(u64, &str)] =
    &[(1, "MFD_CLOEXEC"), (2, "MFD_ALLOW_SEALING"), (4, "MFD_HUGETLB"), (8, "MFD_NOEXEC_SEAL"), (16, "MFD_EXEC")];

const MOUNT: &[(u64, &str)] = &[
    (1, "MS_RDONLY"),
    (2, "MS_NOSUID"),
    (4, "MS_NODEV"),
    (8, "MS_NOEXEC"),
    (32, "MS_REMOUNT"),
    (4096, "MS_BIND"),
    (8192, "MS_MOVE"),
    (16384, "MS_REC"),
    (1 << 17, "MS_UNBINDABLE"),
    (1 << 18, "MS_PRIVATE"),
    (1 << 19, "MS_SLAVE"),
    (1 << 20, "MS_SHARED"),
];

use Form::{Flags, Id, Name, Number, Text};

const IDS: [&[(&str, Form)]; 3] =
    [&[("uid", Id)], &[("ruid", Id), ("euid", Id)], &[("ruid", Id), ("euid", Id), ("suid", Id)]];
const GIDS: [&[(&str, Form)]; 3] =
    [&[("gid", Id)], &[("rgid", Id), ("egid", Id)], &[("rgid", Id), ("egid", Id), ("sgid", Id)]];

/// Calls that become events of the kind `call`, by number.
const CALLS: &[Shape] = &[
    (33, "dup2", &[("oldfd", Number), ("newfd", Number)]),
    (32, "dup", &[("oldfd", Number)]),
    (292, "dup3", &[("oldfd", Number), ("newfd", Number)]),
    (41, "socket", &[("domain", Name(FAMILY)), ("type", Number), ("proto", Number)]),
    (101, "ptrace", &[("request", Name(PTRACE)), ("pid", Number), ("addr", Number)]),
    (105, "setuid", IDS[0]),
    (106, "setgid", GIDS[0]),
    (113, "setreuid", IDS[1]),
    (114, "setregid", GIDS[1]),
    (117, "setresuid", IDS[2]),
    (119, "setresgid", GIDS[2]),
    (122, "setfsuid", IDS[0]),
    (116, "setgroups", &[("gidsetsize", Number)]),
    (123, "setfsgid", GIDS[0]),
    (155, "pivot_root", &[("new_root", Number), ("put_old", Text)]),
    (161, "chroot", &[("path", Text)]),
    (165, "mount", &[("source", Number), ("target", Text), ("type", Number), ("flags", Flags(MOUNT))]),
    (166, "umount2", &[("target", Text), ("flags", Number)]),
    (175, "init_module", &[("length", Number)]),
    (176, "delete_module", &[("name", Text), ("flags", Number)]),
    (246, "kexec_load", &[("entry", Number), ("nr_segments", Number)]),
    (272, "unshare", &[("flags", Flags(CLONE))]),
    (308, "setns", &[("fd", Number), ("nstype", Flags(CLONE))]),
    (310, "process_vm_readv", &[("pid", Number)]),
    (311, "process_vm_writev", &[("pid", Number)]),
    (313, "finit_module", &[("fd", Number), ("params", Number), ("flags", Number)]),
    (319, "memfd_create", &[("name", Text), ("flags", Flags(MEMFD))]),
    (320, "kexec_file_load", &[("kernel_fd", Number), ("initrd_fd", Number)]),
    (321, "bpf", &[("cmd", Name(BPF))]),
    (323, "userfaultfd", &[("flags", Number)]),
    (425, "io_uring_setup", &[("entries", Number)]),
    (427, "io_uring_register", &[("fd", Number), ("opcode", Number)]),
    (428, "open_tree", &[("dfd", Number), ("path", Text), ("flags", Number)]),
    (429, "move_mount", &[("from_dfd", Number), ("from_path", Text), ("to_dfd", Number)]),
    (430, "fsopen", &[("fs_name", Text), ("flags", Number)]),
    (432, "fsmount", &[("fs_fd", Number), ("flags", Number)]),
    (438, "pidfd_getfd", &[("pidfd", Number), ("targetfd", Number)]),
    (442, "mount_setattr", &[("dfd", Number), ("path", Text)]),
];

/// What a call with these arguments and this string was.
pub fn call(number: u32, args: &[u64; 6], result: i64, text: &str) -> Option<Call> {
    let (_, name, shape) = CALLS.iter().find(|(known, ..)| *known == number)?;
    let mut named = Extra::new();
    for ((argument, form), value) in shape.iter().zip(args) {
        named.insert((*argument).to_owned(), write(*form, *value, text));
    }
    Some(Call { call: (*name).to_owned(), args: named, result })
}

fn write(form: Form, value: u64, text: &str) -> Value {
    match form {
        Form::Number => value.into(),
        // The kernel takes 32 bits.
        Form::Id => i32::from_ne_bytes(low_half(value)).into(),
        Form::Text => text.into(),
        Form::Name(names) => {
            let low = value & 0xffff_ffff;
            names.iter().find(|(known, _)| *known == low).map_or_else(|| low.into(), |(_, name)| (*name).into())
        }
        Form::Flags(names) => names.iter().filter(|(bit, _)| value & bit != 0).map(|(_, name)| *name).collect(),
    }
}

/// The low 32 bits.
fn low_half(value: u64) -> [u8; 4] {
    u32::try_from(value & 0xffff_ffff).unwrap_or_default().to_ne_bytes()
}

/// What a call does to a file; `mode` is the argument that the record carries.
pub const fn operation(number: u32, mode: u32) -> Option<FileOperation> {
    use FileOperation as Op;
    /// `AT_REMOVEDIR` of unlinkat(2).
    const AT_REMOVEDIR: u32 = 0x200;
    Some(match number {
        16 => Op::Attributes,
        76 | 77 => Op::Truncate,
        82 | 264 | 316 => Op::Rename,
        83 | 258 => Op::Mkdir,
        263 if mode & AT_REMOVEDIR == 0 => Op::Unlink,
        84 | 263 => Op::Rmdir,
        86 | 265 => Op::Link,
        87 => Op::Unlink,
        88 | 266 => Op::Symlink,
        90 | 91 | 268 | 452 => Op::Chmod,
        92 | 93 | 94 | 260 => Op::Chown,
        132 | 235 | 261 | 280 => Op::Utimes,
        _ => return None,
    })
}

/// Names of `io_uring` operations (`include/uapi/linux/io_uring.h`), those that records carry.
pub const fn uring_operation(opcode: u32) -> &'static str {
    match opcode {
        13 => "accept",
        16 => "connect",
        18 => "openat",
        28 => "openat2",
        35 => "renameat",
        36 => "unlinkat",
        37 => "mkdirat",
        38 => "symlinkat",
        39 => "linkat",
        45 => "socket",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_named() {
        let check = |number, args: [u64; 6], text: &str, expected: serde_json::Value| {
            let call = call(number, &args, 0, text).unwrap();
            assert_eq!(serde_json::json!([call.call, call.args]), expected);
        };
        check(
            101,
            [16, 42, 0, 0, 0, 0],
            "",
            serde_json::json!(["ptrace", {"request": "PTRACE_ATTACH", "pid": 42, "addr": 0}]),
        );
        check(105, [0, 9, 9, 9, 9, 9], "", serde_json::json!(["setuid", {"uid": 0}]));
        check(
            117,
            [0xffff_ffff, 33, 0, 0, 0, 0],
            "",
            serde_json::json!(["setresuid", {"ruid": -1, "euid": 33, "suid": 0}]),
        );
        check(
            272,
            [0x1002_0000, 0, 0, 0, 0, 0],
            "",
            serde_json::json!(["unshare", {"flags": ["CLONE_NEWNS", "CLONE_NEWUSER"]}]),
        );
        check(
            319,
            [1, 1, 0, 0, 0, 0],
            "x",
            serde_json::json!(["memfd_create", {"name": "x", "flags": ["MFD_CLOEXEC"]}]),
        );
        check(321, [77, 0, 0, 0, 0, 0], "", serde_json::json!(["bpf", {"cmd": 77}]));
        assert_eq!(call(0, &[0; 6], 0, ""), None);
    }

    #[test]
    fn unlinkat_removes_files_and_folders() {
        assert_eq!(operation(263, 0), Some(FileOperation::Unlink));
        assert_eq!(operation(263, 0x200), Some(FileOperation::Rmdir));
        assert_eq!(operation(0, 0), None);
    }
}
