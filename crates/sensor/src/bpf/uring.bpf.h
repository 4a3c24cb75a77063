/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Opens that are asked for through io_uring: no system call has their path. The name is the kernel's own copy, so that
 * nobody can change it any more; whether the open works is decided later and not told.
 */
#include "common.h"
#include "signals.h"

/* The kernel adds it to every request of a 64-bit program. */
#define O_LARGEFILE 0100000
#define IORING_OP_OPENAT 18
#define IORING_OP_OPENAT2 28

static __always_inline void open_requested(struct io_kiocb *request, __u8 opcode, const struct task_struct *task)
{
	struct io_open *open = (struct io_open *)request;
	struct open_body *b;
	struct scratch *s;
	__u32 at = sizeof(*b);
	const char *name;
	long len;

	if ((opcode != IORING_OP_OPENAT && opcode != IORING_OP_OPENAT2) || !bpf_core_type_exists(struct io_open))
		return;
	s = get_scratch();
	name = BPF_CORE_READ(open, filename, name);
	if (!s || !name)
		return;
	b = (void *)s->text;
	fill_header(&s->header, task, RECORD_OPEN, SIGNAL_IO_URING);
	b->result = 0;
	b->inode = 0;
	b->flags = BPF_CORE_READ(open, how.flags) & ~O_LARGEFILE;
	b->mode = 0;
	b->bits = OPEN_USER_PATH;
	b->path_size = walk_at(s, BPF_CORE_READ(open, dfd), task) ? append_path(s, at) : 0;
	b->raw_size = 0;
	at += b->path_size;
	len = bpf_probe_read_kernel_str(&s->text[at & (TEXT_SIZE - 1)], PATH_SIZE, name);
	if (len > 0) {
		b->raw_size = len - 1;
		at += len - 1;
	}
	submit(s, sizeof(s->header) + at);
}
