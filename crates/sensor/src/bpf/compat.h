/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls of 32-bit programs, and of 64-bit ones by `int 0x80`: told as the 64-bit calls that do the same. Numbers
 * are translated by a map that user space fills (src/kernel/compat.rs).
 */
#ifndef SEAWALL_COMPAT_H
#define SEAWALL_COMPAT_H

#include "common.h"

/*
 * Number of a system call -> 1 + slot in `handlers`; 0 for calls that nobody asked for. The same in the next eight bits
 * for the 32-bit call of that number.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYSCALLS);
	__type(key, __u32);
	__type(value, __u32);
} syscalls SEC(".maps");

/* Number of a 32-bit call -> that of the 64-bit call; 0 (read) for those that nothing is told of. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYSCALLS);
	__type(key, __u32);
	__type(value, __u32);
} compat_calls SEC(".maps");

/* A system call at its end. */
struct args {
	__u64 of[6];
	__u32 number; /* that of the 64-bit call */
	__u32 pad;
};

#define COMPAT_SOCKETCALL 102

/* The 32-bit call that socketcall(2) stands for: include/uapi/linux/net.h, arch/x86/entry/syscalls/syscall_32.tbl. */
static __always_inline __u32 socketcall_number(__u32 which)
{
	switch (which) {
	case 1:
		return 359; /* socket */
	case 2:
		return 361; /* bind */
	case 3:
		return 362; /* connect */
	case 4:
		return 363; /* listen */
	case 5:
	case 18:
		return 364; /* accept, accept4 */
	default:
		return COMPAT_SOCKETCALL;
	}
}

static __always_inline __u32 compat_number(const struct pt_regs *regs)
{
	__u32 number = syscall_number(regs);

	return number == COMPAT_SOCKETCALL ? socketcall_number(regs->bx) : number;
}

static __noinline int read_compat_args(struct args *args, const struct pt_regs *regs)
{
	__u32 number = compat_number(regs), *known;

	if (!args)
		return 0;
	if (syscall_number(regs) == COMPAT_SOCKETCALL) {
		__u32 of[6] = {};

		/* Each call takes its own number of arguments; what lies behind them may not be there. */
		if (bpf_probe_read_user(of, sizeof(of), (void *)(regs->cx & ~0U)))
			bpf_probe_read_user(of, 3 * sizeof(*of), (void *)(regs->cx & ~0U));
		for (int i = 0; i < 6; i++)
			args->of[i] = of[i];
	} else {
		args->of[0] = (__u32)regs->bx;
		args->of[1] = (__u32)regs->cx;
		args->of[2] = (__u32)regs->dx;
		args->of[3] = (__u32)regs->si;
		args->of[4] = (__u32)regs->di;
		args->of[5] = (__u32)regs->bp;
	}
	known = bpf_map_lookup_elem(&compat_calls, &number);
	args->number = known ? *known : 0;
	return 0;
}

static __always_inline void read_args(struct args *args, const struct pt_regs *regs)
{
	args->number = syscall_number(regs);
	args->pad = 0;
	args->of[0] = ARG1(regs);
	args->of[1] = ARG2(regs);
	args->of[2] = ARG3(regs);
	args->of[3] = ARG4(regs);
	args->of[4] = ARG5(regs);
	args->of[5] = ARG6(regs);
	if (is_compat())
		read_compat_args(args, regs);
}

#endif
