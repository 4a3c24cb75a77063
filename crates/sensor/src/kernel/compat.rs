//! System calls of 32-bit programs, as the 64-bit calls that do the same.
//!
//! Source: `arch/x86/entry/syscalls/syscall_32.tbl`. What it is not: calls that the sensor tells nothing of.

/// `socketcall(2)`: one number for all calls of sockets, told apart by its first argument.
pub const SOCKETCALL: u32 = 102;
/// What it stands for, by the numbers that these calls have of their own.
const SOCKETS: [u32; 5] = [359, 361, 362, 363, 364];

/// Number of a 32-bit call, number of the 64-bit call, the kernel's function of the first. Arguments have the same places in
/// both.
pub const CALLS: &[(u32, u32, &str)] = &[
    (5, 2, "compat_sys_open"),
    (8, 85, "sys_creat"),
    (9, 86, "sys_link"),
    (10, 87, "sys_unlink"),
    (15, 90, "sys_chmod"),
    (16, 94, "sys_lchown16"),
    (21, 165, "sys_mount"),
    (22, 166, "sys_oldumount"),
    (23, 105, "sys_setuid16"),
    (26, 101, "compat_sys_ptrace"),
    (30, 132, "sys_utime32"),
    (38, 82, "sys_rename"),
    (39, 83, "sys_mkdir"),
    (40, 84, "sys_rmdir"),
    (41, 32, "sys_dup"),
    (46, 106, "sys_setgid16"),
    (52, 166, "sys_umount"),
    (54, 16, "compat_sys_ioctl"),
    (61, 161, "sys_chroot"),
    (63, 33, "sys_dup2"),
    (70, 113, "sys_setreuid16"),
    (71, 114, "sys_setregid16"),
    (81, 116, "sys_setgroups16"),
    (83, 88, "sys_symlink"),
    (92, 76, "compat_sys_truncate"),
    (93, 77, "compat_sys_ftruncate"),
    (94, 91, "sys_fchmod"),
    (95, 93, "sys_fchown16"),
    (128, 175, "sys_init_module"),
    (129, 176, "sys_delete_module"),
    (138, 122, "sys_setfsuid16"),
    (139, 123, "sys_setfsgid16"),
    (164, 117, "sys_setresuid16"),
    (170, 119, "sys_setresgid16"),
    (182, 92, "sys_chown16"),
    (193, 76, "sys_ia32_truncate64"),
    (194, 77, "sys_ia32_ftruncate64"),
    (198, 94, "sys_lchown"),
    (203, 113, "sys_setreuid"),
    (204, 114, "sys_setregid"),
    (206, 116, "sys_setgroups"),
    (207, 93, "sys_fchown"),
    (208, 117, "sys_setresuid"),
    (210, 119, "sys_setresgid"),
    (212, 92, "sys_chown"),
    (213, 105, "sys_setuid"),
    (214, 106, "sys_setgid"),
    (215, 122, "sys_setfsuid"),
    (216, 123, "sys_setfsgid"),
    (217, 155, "sys_pivot_root"),
    (271, 235, "sys_utimes_time32"),
    (283, 246, "compat_sys_kexec_load"),
    (295, 257, "compat_sys_openat"),
    (296, 258, "sys_mkdirat"),
    (298, 260, "sys_fchownat"),
    (299, 261, "sys_futimesat_time32"),
    (301, 263, "sys_unlinkat"),
    (302, 264, "sys_renameat"),
    (303, 265, "sys_linkat"),
    (304, 266, "sys_symlinkat"),
    (306, 268, "sys_fchmodat"),
    (310, 272, "sys_unshare"),
    (320, 280, "sys_utimensat_time32"),
    (330, 292, "sys_dup3"),
    (342, 304, "compat_sys_open_by_handle_at"),
    (346, 308, "sys_setns"),
    (347, 310, "sys_process_vm_readv"),
    (348, 311, "sys_process_vm_writev"),
    (350, 313, "sys_finit_module"),
    (353, 316, "sys_renameat2"),
    (356, 319, "sys_memfd_create"),
    (357, 321, "sys_bpf"),
    (359, 41, "sys_socket"),
    (361, 49, "sys_bind"),
    (362, 42, "sys_connect"),
    (363, 50, "sys_listen"),
    (364, 288, "sys_accept4"),
    (374, 323, "sys_userfaultfd"),
    (412, 280, "sys_utimensat"),
    (425, 425, "sys_io_uring_setup"),
    (427, 427, "sys_io_uring_register"),
    (428, 428, "sys_open_tree"),
    (429, 429, "sys_move_mount"),
    (430, 430, "sys_fsopen"),
    (432, 432, "sys_fsmount"),
    (437, 437, "sys_openat2"),
    (438, 438, "sys_pidfd_getfd"),
    (442, 442, "sys_mount_setattr"),
    (452, 452, "sys_fchmodat2"),
];

/// The function of `socketcall(2)`; its entry jumps to the handlers of all calls of sockets, and is attached with connect's.
pub const SOCKETS_BY_ONE: (u32, u32, &str) = (SOCKETCALL, 42, "compat_sys_socketcall");

/// The numbers at which the hook has to look for 32-bit calls that do the same as a 64-bit one.
pub fn numbers(call: u32) -> impl Iterator<Item = u32> {
    let own = CALLS.iter().filter(move |(_, known, _)| *known == call).map(|(number, ..)| *number);
    own.flat_map(|number| [Some(number), SOCKETS.contains(&number).then_some(SOCKETCALL)]).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::programs::{self, Program};
    use super::*;

    #[test]
    fn every_call_that_is_told_has_its_32_bit_one() {
        // accept(2) has no number there but socketcall's, accept4 tells it; kexec_file_load(2) is not there.
        for number in programs::ALL.iter().flat_map(Program::calls).filter(|n| ![43, 320].contains(*n)) {
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
