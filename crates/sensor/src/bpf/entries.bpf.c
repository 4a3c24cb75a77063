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

ENTRY(open, SIGNAL_FILE_OPEN)
ENTRY(creat, SIGNAL_FILE_OPEN)
ENTRY(openat, SIGNAL_FILE_OPEN)
ENTRY(openat2, SIGNAL_FILE_OPEN)
ENTRY(ioctl, SIGNAL_FILE_CHANGE)
ENTRY(truncate, SIGNAL_FILE_CHANGE)
ENTRY(ftruncate, SIGNAL_FILE_CHANGE)
ENTRY(rename, SIGNAL_FILE_CHANGE)
ENTRY(renameat, SIGNAL_FILE_CHANGE)
ENTRY(renameat2, SIGNAL_FILE_CHANGE)
ENTRY(mkdir, SIGNAL_FILE_CHANGE)
ENTRY(mkdirat, SIGNAL_FILE_CHANGE)
ENTRY(rmdir, SIGNAL_FILE_CHANGE)
ENTRY(link, SIGNAL_FILE_CHANGE)
ENTRY(linkat, SIGNAL_FILE_CHANGE)
ENTRY(unlink, SIGNAL_FILE_CHANGE)
ENTRY(unlinkat, SIGNAL_FILE_CHANGE)
ENTRY(symlink, SIGNAL_FILE_CHANGE)
ENTRY(symlinkat, SIGNAL_FILE_CHANGE)
ENTRY(chmod, SIGNAL_FILE_CHANGE)
ENTRY(fchmod, SIGNAL_FILE_CHANGE)
ENTRY(fchmodat, SIGNAL_FILE_CHANGE)
ENTRY(fchmodat2, SIGNAL_FILE_CHANGE)
ENTRY(chown, SIGNAL_FILE_CHANGE)
ENTRY(fchown, SIGNAL_FILE_CHANGE)
ENTRY(lchown, SIGNAL_FILE_CHANGE)
ENTRY(fchownat, SIGNAL_FILE_CHANGE)
ENTRY(utime, SIGNAL_FILE_CHANGE)
ENTRY(utimes, SIGNAL_FILE_CHANGE)
ENTRY(futimesat, SIGNAL_FILE_CHANGE)
ENTRY(utimensat, SIGNAL_FILE_CHANGE)
ENTRY(connect, SIGNAL_CONNECT)
ENTRY(accept, SIGNAL_ACCEPT)
ENTRY(accept4, SIGNAL_ACCEPT)
ENTRY(bind, SIGNAL_LISTEN)
ENTRY(listen, SIGNAL_LISTEN)
ENTRY(ptrace, SIGNAL_PTRACE)
ENTRY(bpf, SIGNAL_BPF)
ENTRY(userfaultfd, SIGNAL_USERFAULTFD)
ENTRY(dup, SIGNAL_DUP)
ENTRY(dup2, SIGNAL_DUP)
ENTRY(dup3, SIGNAL_DUP)
ENTRY(socket, SIGNAL_SOCKET)
ENTRY(setns, SIGNAL_NAMESPACE)
ENTRY(unshare, SIGNAL_NAMESPACE)
ENTRY(memfd_create, SIGNAL_MEMFD)
ENTRY(setuid, SIGNAL_SET_ID)
ENTRY(setgid, SIGNAL_SET_ID)
ENTRY(setreuid, SIGNAL_SET_ID)
ENTRY(setregid, SIGNAL_SET_ID)
ENTRY(setresuid, SIGNAL_SET_ID)
ENTRY(setresgid, SIGNAL_SET_ID)
ENTRY(setfsuid, SIGNAL_SET_ID)
ENTRY(setfsgid, SIGNAL_SET_ID)
ENTRY(init_module, SIGNAL_MODULE_LOAD)
ENTRY(finit_module, SIGNAL_MODULE_LOAD)
ENTRY(pivot_root, SIGNAL_MOUNT)
ENTRY(mount, SIGNAL_MOUNT)
ENTRY(umount, SIGNAL_MOUNT)
ENTRY(open_tree, SIGNAL_MOUNT)
ENTRY(move_mount, SIGNAL_MOUNT)
ENTRY(fsmount, SIGNAL_MOUNT)
ENTRY(io_uring_setup, SIGNAL_IO_URING)
ENTRY(io_uring_register, SIGNAL_IO_URING)
