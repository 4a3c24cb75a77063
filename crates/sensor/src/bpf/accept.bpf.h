/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* accept, listen and bind, handlers of the dispatcher: the ends are read from the socket itself. */
#include "compat.h"
#include "signals.h"

static __always_inline int tell_socket(u64 *ctx, __u16 signal, __u16 how, __s32 fd)
{
	struct task_struct *task = current_task();
	struct scratch *s;
	struct connect_body *b;
	struct sock *sk;

	if (is_own(task))
		return 0;
	sk = sock_of(file_of(task, fd));
	s = get_scratch();
	if (!sk || !s)
		return 0;
	b = (void *)s->text;
	__builtin_memset(b, 0, sizeof(*b));
	fill_header(&s->header, task, RECORD_CONNECT, signal);
	b->result = ctx[1];
	b->fd = fd;
	b->how = how;
	fill_address(&b->address, sk);
	submit(s, sizeof(s->header) + sizeof(*b));
	return 0;
}

SEC("tp_btf/sys_exit")
int accept_call(u64 *ctx)
{
	long result = ctx[1];

	/* A server that waits without blocking fails all the time. */
	return result < 0 ? 0 : tell_socket(ctx, SIGNAL_ACCEPT, 1, result);
}

SEC("tp_btf/sys_exit")
int listen_call(u64 *ctx)
{
	struct args args;

	read_args(&args, (struct pt_regs *)ctx[0]);
	return tell_socket(ctx, SIGNAL_LISTEN, args.number == NR_BIND ? 3 : 2, args.of[0]);
}
