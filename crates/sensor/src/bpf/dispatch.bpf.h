/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one hook on system calls. It is attached only when a signal needs it, because any such hook costs every call of
 * the machine about 100 ns; it looks the call's number up and jumps to the signal's own program, which was loaded alone.
 */
#include "compat.h"
#include "signals.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SIGNALS);
	__type(key, __u32);
	__type(value, __u32);
} handlers SEC(".maps");

SEC("tp_btf/sys_exit")
int dispatch(u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	__u32 number = syscall_number(regs);
	__u32 *slots, slot;

	slots = bpf_map_lookup_elem(&syscalls, &number);
	if (!slots || !*slots)
		return 0;
	slot = *slots & 0xff;
	/* The most frequent one: a slot that is a constant is a plain jump, and it looks itself whose number it is. */
	if (slot == SIGNAL_FILE_OPEN + 1)
		bpf_tail_call_static(ctx, &handlers, SIGNAL_FILE_OPEN);
	if (is_compat()) {
		number = compat_number(regs);
		slots = bpf_map_lookup_elem(&syscalls, &number);
		slot = slots && number != COMPAT_SOCKETCALL ? *slots >> 8 & 0xff : 0;
	}
	if (slot)
		bpf_tail_call(ctx, &handlers, slot - 1);
	return 0;
}
