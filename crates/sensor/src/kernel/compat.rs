//! System calls of 32-bit programs, as the 64-bit calls that do the same.
//!
//! Source: `arch/x86/entry/syscalls/syscall_32.tbl`. What it is not: calls that the sensor tells nothing of.

/// `socketcall(2)`: one number for all calls of sockets, told apart by its first argument.
pub const SOCKETCALL: u32 = 102;
/// What it stands for, by the numbers that these calls have of their own.
const SOCKETS: [u32; 5] = [359, 361, 362, 363, 364];

/// Number of a 32-bit call, number of the 64-bit call. Arguments have the same places in both.
pub const CALLS: &[(u32, u32)] = &[
    (5, 2),     // open
    (8, 85),    // creat
    (9, 86),    // link
    (10, 87),   // unlink
    (15, 90),   // chmod
    (16, 94),   // lchown
    (21, 165),  // mount
    (22, 166),  // umount
    (23, 105),  // setuid
    (26, 101),  // ptrace
    (30, 132),  // utime
    (38, 82),   // rename
    (39, 83),   // mkdir
    (40, 84),   // rmdir
    (41, 32),   // dup
    (46, 106),  // setgid
    (52, 166),  // umount2
    (54, 16),   // ioctl
    (63, 33),   // dup2
    (70, 113),  // setreuid
    (71, 114),  // setregid
    (83, 88),   // symlink
    (92, 76),   // truncate
    (93, 77),   // ftruncate
    (94, 91),   // fchmod
    (95, 93),   // fchown
    (128, 175), // init_module
    (138, 122), // setfsuid
    (139, 123), // setfsgid
    (164, 117), // setresuid
    (170, 119), // setresgid
    (182, 92),  // chown
    (193, 76),  // truncate64
    (194, 77),  // ftruncate64
    (198, 94),  // lchown32
    (203, 113), // setreuid32
    (204, 114), // setregid32
    (207, 93),  // fchown32
    (208, 117), // setresuid32
    (210, 119), // setresgid32
    (212, 92),  // chown32
    (213, 105), // setuid32
    (214, 106), // setgid32
    (215, 122), // setfsuid32
    (216, 123), // setfsgid32
    (217, 155), // pivot_root
    (271, 235), // utimes
    (295, 257), // openat
    (296, 258), // mkdirat
    (298, 260), // fchownat
    (299, 261), // futimesat
    (301, 263), // unlinkat
    (302, 264), // renameat
    (303, 265), // linkat
    (304, 266), // symlinkat
    (306, 268), // fchmodat
    (310, 272), // unshare
    (320, 280), // utimensat
    (330, 292), // dup3
    (346, 308), // setns
    (350, 313), // finit_module
    (353, 316), // renameat2
    (356, 319), // memfd_create
    (357, 321), // bpf
    (359, 41),  // socket
    (361, 49),  // bind
    (362, 42),  // connect
    (363, 50),  // listen
    (364, 288), // accept4
    (374, 323), // userfaultfd
    (412, 280), // utimensat_time64
    (425, 425), // io_uring_setup
    (427, 427), // io_uring_register
    (428, 428), // open_tree
    (429, 429), // move_mount
    (432, 432), // fsmount
    (437, 437), // openat2
    (452, 452), // fchmodat2
];

/// The numbers at which the hook has to look for 32-bit calls that do the same as a 64-bit one.
pub fn numbers(call: u32) -> impl Iterator<Item = u32> {
    let own = CALLS.iter().filter(move |(_, known)| *known == call).map(|(number, _)| *number);
    own.flat_map(|number| [Some(number), SOCKETS.contains(&number).then_some(SOCKETCALL)]).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::programs::{self, Program};
    use super::*;

    #[test]
    fn every_call_that_is_told_has_its_32_bit_one() {
        // accept(2) has no number there but socketcall's; accept4 tells it.
        for number in programs::ALL.iter().flat_map(Program::calls).filter(|n| **n != 43) {
            assert!(numbers(*number).next().is_some(), "{number}");
        }
    }

    #[test]
    fn socketcall_is_looked_at_for_sockets() {
        assert_eq!(numbers(42).collect::<Vec<_>>(), [362, SOCKETCALL]);
        assert_eq!(numbers(2).collect::<Vec<_>>(), [5]);
        let header = include_str!("../bpf/compat.h");
        for number in SOCKETS {
            assert!(header.contains(&format!("return {number};")), "{number}");
        }
    }
}
