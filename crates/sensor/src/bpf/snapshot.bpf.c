/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The processes that already run when the sensor starts: one record each, in the form of an exec. */
#include "common.h"
#include "signals.h"
#include "task.h"

#define PF_KTHREAD 0x00200000
#define ARGV_SIZE 4096

SEC("iter.s/task")
int snapshot(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	const struct task_struct *seen;
	struct scratch *s;
	struct exec_body *b;
	unsigned long from, size;
	__u32 at = sizeof(*b);

	if (!task || task->pid != task->tgid || task->flags & PF_KTHREAD)
		return 0;
	s = get_scratch();
	if (!s)
		return 0;
	seen = plain(struct task_struct, task);
	b = (void *)s->text;
	__builtin_memset(b, 0, sizeof(*b));
	fill_header(&s->header, seen, RECORD_TASK, SIGNAL_EXEC);
	fill_task(b, seen);
	fill_exe(b, seen->mm->exe_file);

	from = seen->mm->arg_start;
	size = seen->mm->arg_end - from;
	b->flags = size > ARGV_SIZE;
	if (size > ARGV_SIZE)
		size = ARGV_SIZE;
	if (size && !bpf_copy_from_user_task(&s->text[at & (TEXT_SIZE - 1)], size, (void *)from, task, 0))
		b->argv_size = size;
	at += b->argv_size;

	walk_file(s, seen->mm->exe_file, seen);
	b->exe_size = append_path(s, at);
	at += b->exe_size;
	walk_cwd(s, seen);
	b->cwd_size = append_path(s, at);
	at += b->cwd_size;

	if (at > TEXT_SIZE)
		return 0;
	s->header.size = sizeof(s->header) + at;
	bpf_seq_write(ctx->meta->seq, s, sizeof(s->header) + at);
	return 0;
}
