/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* exit: once per process, when its last thread ends. */
#include "common.h"
#include "signals.h"

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_task, struct task_struct *task)
{
	struct scratch *s;
	struct exit_body *b;

	task = plain(struct task_struct, task);
	if (task->signal->live.counter)
		return 0;
	s = get_scratch();
	if (!s)
		return 0;
	b = (void *)s->text;
	fill_header(&s->header, task, RECORD_EXIT, SIGNAL_EXIT);
	b->code = task->exit_code;
	b->pad = 0;
	submit(s, sizeof(s->header) + sizeof(*b));
	return 0;
}
