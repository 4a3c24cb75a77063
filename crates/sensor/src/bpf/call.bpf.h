/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Handlers of the signals that are one system call with plain arguments. The record has the number and all arguments;
 * user space names them. One program per signal, so that each is loaded, refused and counted alone.
 */
#include "compat.h"
#include "signals.h"

/* `text_argument` is the argument that points at a string, or -1; `sk` is the socket whose ends follow instead. */
static __always_inline int call_with(u64 *ctx, const struct args *args, __u16 signal, int text_argument, struct sock *sk)
{
	struct task_struct *task = current_task();
	struct scratch *s;
	struct call_body *b;

	if (is_own(task))
		return 0;
	s = get_scratch();
	if (!s)
		return 0;
	b = (void *)s->text;
	fill_header(&s->header, task, RECORD_CALL, signal);
	b->result = ctx[1];
	__builtin_memcpy(b->args, args->of, sizeof(b->args));
	b->number = args->number;
	b->text_size = 0;
	b->pad = 0;
	if (text_argument >= 0) {
		long size = bpf_probe_read_user_str(s->text + sizeof(*b), PATH_SIZE, (void *)b->args[text_argument]);

		if (size > 0)
			b->text_size = size - 1;
	}
	if (sk) {
		struct address *ends = (void *)(s->text + sizeof(*b));

		__builtin_memset(ends, 0, sizeof(*ends));
		fill_address(ends, sk);
		b->text_size = sizeof(*ends);
	}
	submit(s, sizeof(s->header) + sizeof(*b) + b->text_size);
	return 0;
}

static __always_inline int call(u64 *ctx, __u16 signal, int text_argument)
{
	struct args args;

	read_args(&args, (struct pt_regs *)ctx[0]);
	return call_with(ctx, &args, signal, text_argument, NULL);
}

#define HANDLER(name, signal, text)	\
	SEC("tp_btf/sys_exit")		\
	int name(u64 *ctx)		\
	{				\
		return call(ctx, signal, text); \
	}

HANDLER(ptrace, SIGNAL_PTRACE, -1)
HANDLER(bpf_call, SIGNAL_BPF, -1)
HANDLER(userfaultfd, SIGNAL_USERFAULTFD, -1)
HANDLER(socket_call, SIGNAL_SOCKET, -1)
HANDLER(namespace, SIGNAL_NAMESPACE, -1)
HANDLER(memfd, SIGNAL_MEMFD, 0)
HANDLER(set_id, SIGNAL_SET_ID, -1)
HANDLER(uring_call, SIGNAL_IO_URING, -1)

/* Where, or of what kind: the first argument of some, the second of all others. */
SEC("tp_btf/sys_exit")
int mount(u64 *ctx)
{
	struct args args;

	read_args(&args, (struct pt_regs *)ctx[0]);
	if (args.number == NR_UMOUNT2 || args.number == NR_CHROOT || args.number == NR_FSOPEN)
		return call_with(ctx, &args, SIGNAL_MOUNT, 0, NULL);
	return call_with(ctx, &args, SIGNAL_MOUNT, 1, NULL);
}

/* What is taken away has a name, what is loaded is a file or memory. */
SEC("tp_btf/sys_exit")
int module_load(u64 *ctx)
{
	struct args args;

	read_args(&args, (struct pt_regs *)ctx[0]);
	if (args.number == NR_DELETE_MODULE)
		return call_with(ctx, &args, SIGNAL_MODULE_LOAD, 0, NULL);
	return call_with(ctx, &args, SIGNAL_MODULE_LOAD, -1, NULL);
}

/* Only onto 0, 1 and 2, and only when it worked: what a shell does thousands of times is of no interest otherwise. */
SEC("tp_btf/sys_exit")
int dup_standard(u64 *ctx)
{
	long result = ctx[1];
	struct args args;
	struct sock *sk;
	struct file *file;

	if (result < 0 || result > 2)
		return 0;
	file = file_of(current_task(), result);
	sk = sock_of(file);
	if (!sk) {
		count_filtered(SIGNAL_DUP);
		return 0;
	}
	read_args(&args, (struct pt_regs *)ctx[0]);
	return call_with(ctx, &args, SIGNAL_DUP, -1, sk);
}
