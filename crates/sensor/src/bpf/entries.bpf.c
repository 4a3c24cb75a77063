/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Entries behind the kernel's own functions of system calls: where the kernel lets programs be attached to functions,
 * a call that nobody asked for pays nothing. Each jumps to the handler of its signal, the same that the hook on all
 * system calls would jump to: what it is given (registers, result) is the same. The loader names the function.
 */
#include "vmlinux.h"
#include "signals.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 32); /* SIGNALS of common.h */
	__type(key, __u32);
	__type(value, __u32);
} functions SEC(".maps");

#define ENTRY(name, signal)						\
	SEC("fexit")							\
	int at_##name(u64 *ctx)						\
	{								\
		bpf_tail_call_static(ctx, &functions, signal);		\
		return 0;						\
	}

ENTRY(x64_sys_open, SIGNAL_FILE_OPEN)
ENTRY(x64_sys_creat, SIGNAL_FILE_OPEN)
ENTRY(x64_sys_open_by_handle_at, SIGNAL_FILE_OPEN)
ENTRY(x64_sys_openat, SIGNAL_FILE_OPEN)
ENTRY(x64_sys_openat2, SIGNAL_FILE_OPEN)
ENTRY(x64_sys_ioctl, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_truncate, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_ftruncate, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_rename, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_renameat, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_renameat2, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_mkdir, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_mkdirat, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_rmdir, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_link, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_linkat, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_unlink, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_unlinkat, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_symlink, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_symlinkat, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_chmod, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_fchmod, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_fchmodat, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_fchmodat2, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_chown, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_fchown, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_lchown, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_fchownat, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_utime, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_utimes, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_futimesat, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_utimensat, SIGNAL_FILE_CHANGE)
ENTRY(x64_sys_connect, SIGNAL_CONNECT)
ENTRY(x64_sys_accept, SIGNAL_ACCEPT)
ENTRY(x64_sys_accept4, SIGNAL_ACCEPT)
ENTRY(x64_sys_bind, SIGNAL_LISTEN)
ENTRY(x64_sys_listen, SIGNAL_LISTEN)
ENTRY(x64_sys_ptrace, SIGNAL_PTRACE)
ENTRY(x64_sys_process_vm_readv, SIGNAL_PTRACE)
ENTRY(x64_sys_process_vm_writev, SIGNAL_PTRACE)
ENTRY(x64_sys_pidfd_getfd, SIGNAL_PTRACE)
ENTRY(x64_sys_bpf, SIGNAL_BPF)
ENTRY(x64_sys_userfaultfd, SIGNAL_USERFAULTFD)
ENTRY(x64_sys_dup, SIGNAL_DUP)
ENTRY(x64_sys_dup2, SIGNAL_DUP)
ENTRY(x64_sys_dup3, SIGNAL_DUP)
ENTRY(x64_sys_socket, SIGNAL_SOCKET)
ENTRY(x64_sys_setns, SIGNAL_NAMESPACE)
ENTRY(x64_sys_unshare, SIGNAL_NAMESPACE)
ENTRY(x64_sys_memfd_create, SIGNAL_MEMFD)
ENTRY(x64_sys_setgroups, SIGNAL_SET_ID)
ENTRY(x64_sys_setuid, SIGNAL_SET_ID)
ENTRY(x64_sys_setgid, SIGNAL_SET_ID)
ENTRY(x64_sys_setreuid, SIGNAL_SET_ID)
ENTRY(x64_sys_setregid, SIGNAL_SET_ID)
ENTRY(x64_sys_setresuid, SIGNAL_SET_ID)
ENTRY(x64_sys_setresgid, SIGNAL_SET_ID)
ENTRY(x64_sys_setfsuid, SIGNAL_SET_ID)
ENTRY(x64_sys_setfsgid, SIGNAL_SET_ID)
ENTRY(x64_sys_init_module, SIGNAL_MODULE_LOAD)
ENTRY(x64_sys_delete_module, SIGNAL_MODULE_LOAD)
ENTRY(x64_sys_kexec_load, SIGNAL_MODULE_LOAD)
ENTRY(x64_sys_kexec_file_load, SIGNAL_MODULE_LOAD)
ENTRY(x64_sys_finit_module, SIGNAL_MODULE_LOAD)
ENTRY(x64_sys_pivot_root, SIGNAL_MOUNT)
ENTRY(x64_sys_chroot, SIGNAL_MOUNT)
ENTRY(x64_sys_mount, SIGNAL_MOUNT)
ENTRY(x64_sys_fsopen, SIGNAL_MOUNT)
ENTRY(x64_sys_mount_setattr, SIGNAL_MOUNT)
ENTRY(x64_sys_umount, SIGNAL_MOUNT)
ENTRY(x64_sys_open_tree, SIGNAL_MOUNT)
ENTRY(x64_sys_move_mount, SIGNAL_MOUNT)
ENTRY(x64_sys_fsmount, SIGNAL_MOUNT)
ENTRY(x64_sys_io_uring_setup, SIGNAL_IO_URING)
ENTRY(x64_sys_io_uring_register, SIGNAL_IO_URING)

/* The functions of 32-bit calls. */
ENTRY(ia32_compat_sys_open, SIGNAL_FILE_OPEN)
ENTRY(ia32_sys_creat, SIGNAL_FILE_OPEN)
ENTRY(ia32_sys_link, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_unlink, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_chmod, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_lchown16, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_mount, SIGNAL_MOUNT)
ENTRY(ia32_sys_oldumount, SIGNAL_MOUNT)
ENTRY(ia32_sys_setuid16, SIGNAL_SET_ID)
ENTRY(ia32_compat_sys_ptrace, SIGNAL_PTRACE)
ENTRY(ia32_sys_utime32, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_rename, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_mkdir, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_rmdir, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_dup, SIGNAL_DUP)
ENTRY(ia32_sys_setgid16, SIGNAL_SET_ID)
ENTRY(ia32_sys_umount, SIGNAL_MOUNT)
ENTRY(ia32_compat_sys_ioctl, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_dup2, SIGNAL_DUP)
ENTRY(ia32_sys_setreuid16, SIGNAL_SET_ID)
ENTRY(ia32_sys_setregid16, SIGNAL_SET_ID)
ENTRY(ia32_sys_symlink, SIGNAL_FILE_CHANGE)
ENTRY(ia32_compat_sys_truncate, SIGNAL_FILE_CHANGE)
ENTRY(ia32_compat_sys_ftruncate, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_fchmod, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_fchown16, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_init_module, SIGNAL_MODULE_LOAD)
ENTRY(ia32_sys_setfsuid16, SIGNAL_SET_ID)
ENTRY(ia32_sys_setfsgid16, SIGNAL_SET_ID)
ENTRY(ia32_sys_setresuid16, SIGNAL_SET_ID)
ENTRY(ia32_sys_setresgid16, SIGNAL_SET_ID)
ENTRY(ia32_sys_chown16, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_ia32_truncate64, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_ia32_ftruncate64, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_lchown, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_setreuid, SIGNAL_SET_ID)
ENTRY(ia32_sys_setregid, SIGNAL_SET_ID)
ENTRY(ia32_sys_fchown, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_setresuid, SIGNAL_SET_ID)
ENTRY(ia32_sys_setresgid, SIGNAL_SET_ID)
ENTRY(ia32_sys_chown, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_setuid, SIGNAL_SET_ID)
ENTRY(ia32_sys_setgid, SIGNAL_SET_ID)
ENTRY(ia32_sys_setfsuid, SIGNAL_SET_ID)
ENTRY(ia32_sys_setfsgid, SIGNAL_SET_ID)
ENTRY(ia32_sys_pivot_root, SIGNAL_MOUNT)
ENTRY(ia32_sys_utimes_time32, SIGNAL_FILE_CHANGE)
ENTRY(ia32_compat_sys_openat, SIGNAL_FILE_OPEN)
ENTRY(ia32_sys_mkdirat, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_fchownat, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_futimesat_time32, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_unlinkat, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_renameat, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_linkat, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_symlinkat, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_fchmodat, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_unshare, SIGNAL_NAMESPACE)
ENTRY(ia32_sys_utimensat_time32, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_dup3, SIGNAL_DUP)
ENTRY(ia32_sys_setns, SIGNAL_NAMESPACE)
ENTRY(ia32_sys_finit_module, SIGNAL_MODULE_LOAD)
ENTRY(ia32_sys_renameat2, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_memfd_create, SIGNAL_MEMFD)
ENTRY(ia32_sys_bpf, SIGNAL_BPF)
ENTRY(ia32_sys_socket, SIGNAL_SOCKET)
ENTRY(ia32_sys_bind, SIGNAL_LISTEN)
ENTRY(ia32_sys_connect, SIGNAL_CONNECT)
ENTRY(ia32_sys_listen, SIGNAL_LISTEN)
ENTRY(ia32_sys_accept4, SIGNAL_ACCEPT)
ENTRY(ia32_sys_userfaultfd, SIGNAL_USERFAULTFD)
ENTRY(ia32_sys_utimensat, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_io_uring_setup, SIGNAL_IO_URING)
ENTRY(ia32_sys_io_uring_register, SIGNAL_IO_URING)
ENTRY(ia32_sys_open_tree, SIGNAL_MOUNT)
ENTRY(ia32_sys_move_mount, SIGNAL_MOUNT)
ENTRY(ia32_sys_fsmount, SIGNAL_MOUNT)
ENTRY(ia32_sys_openat2, SIGNAL_FILE_OPEN)
ENTRY(ia32_sys_fchmodat2, SIGNAL_FILE_CHANGE)
ENTRY(ia32_sys_chroot, SIGNAL_MOUNT)
ENTRY(ia32_sys_setgroups16, SIGNAL_SET_ID)
ENTRY(ia32_sys_setgroups, SIGNAL_SET_ID)
ENTRY(ia32_sys_delete_module, SIGNAL_MODULE_LOAD)
ENTRY(ia32_compat_sys_kexec_load, SIGNAL_MODULE_LOAD)
ENTRY(ia32_compat_sys_open_by_handle_at, SIGNAL_FILE_OPEN)
ENTRY(ia32_sys_process_vm_readv, SIGNAL_PTRACE)
ENTRY(ia32_sys_process_vm_writev, SIGNAL_PTRACE)
ENTRY(ia32_sys_fsopen, SIGNAL_MOUNT)
ENTRY(ia32_sys_pidfd_getfd, SIGNAL_PTRACE)
ENTRY(ia32_sys_mount_setattr, SIGNAL_MOUNT)

/* One call for all of sockets: include/uapi/linux/net.h. */
SEC("fexit")
int at_ia32_compat_sys_socketcall(u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];

	switch ((__u32)regs->bx) {
	case 1: /* socket */
		bpf_tail_call_static(ctx, &functions, SIGNAL_SOCKET);
		break;
	case 2: /* bind */
	case 4: /* listen */
		bpf_tail_call_static(ctx, &functions, SIGNAL_LISTEN);
		break;
	case 3: /* connect */
		bpf_tail_call_static(ctx, &functions, SIGNAL_CONNECT);
		break;
	case 5: /* accept */
	case 18: /* accept4 */
		bpf_tail_call_static(ctx, &functions, SIGNAL_ACCEPT);
		break;
	}
	return 0;
}
