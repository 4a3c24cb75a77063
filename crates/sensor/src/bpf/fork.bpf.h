/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fork: new processes, not new threads. This tracepoint knows the clone flags, sched_process_fork does not. */
#include "common.h"
#include "signals.h"
#include "task.h"

SEC("tp_btf/task_newtask")
int BPF_PROG(fork_task, struct task_struct *child, u64 clone_flags)
{
	struct task_struct *parent = current_task();
	struct exec_body inner = {};
	struct scratch *s;
	struct fork_body *b;

	child = plain(struct task_struct, child);
	if (child->pid != child->tgid)
		return 0;
	s = get_scratch();
	if (!s)
		return 0;
	b = (void *)s->text;
	fill_header(&s->header, parent, RECORD_FORK, SIGNAL_FORK);
	fill_inner_pid(&inner, BPF_CORE_READ(child, thread_pid));
	b->start_time = child->start_boottime;
	b->flags = clone_flags;
	b->pid = child->tgid;
	b->vpid = inner.vpid;
	submit(s, sizeof(s->header) + sizeof(*b));
	return 0;
}
