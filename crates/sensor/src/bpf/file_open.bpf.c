/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * file_open, a handler of the dispatcher: at the end of the call, the path is that of the file which was really
 * installed, so that a string changed meanwhile in user memory deceives nobody. Only failed opens use that string.
 */
#include "common.h"
#include "signals.h"

#define O_CREAT_TRUNC_WRONLY (0100 | 01000 | 01)
#define AT_FDCWD -100

struct open_how {
	__u64 flags;
};

struct call {
	const char *path;
	__u32 flags;
	__s32 dirfd;
};

static __always_inline void read_call(struct call *c, struct pt_regs *regs)
{
	c->dirfd = AT_FDCWD;
	switch (syscall_number(regs)) {
	case NR_OPEN:
		c->path = (const char *)ARG1(regs);
		c->flags = ARG2(regs);
		break;
	case NR_CREAT:
		c->path = (const char *)ARG1(regs);
		c->flags = O_CREAT_TRUNC_WRONLY;
		break;
	case NR_OPENAT2: {
		struct open_how how = {};

		bpf_probe_read_user(&how, sizeof(how), (void *)ARG3(regs));
		c->dirfd = ARG1(regs);
		c->path = (const char *)ARG2(regs);
		c->flags = how.flags;
		break;
	}
	default:
		c->dirfd = ARG1(regs);
		c->path = (const char *)ARG2(regs);
		c->flags = ARG3(regs);
	}
}

SEC("tp_btf/sys_exit")
int file_open(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	long result = ctx[1];
	struct call call = {};
	struct scratch *s;
	struct open_body *b;
	__u32 at = sizeof(*b);

	if (is_own(task))
		return 0;
	s = get_scratch();
	if (!s)
		return 0;
	read_call(&call, regs);
	b = (void *)s->text;
	fill_header(&s->header, task, RECORD_OPEN, SIGNAL_FILE_OPEN);
	b->result = result;
	b->flags = call.flags;
	b->dirfd = call.dirfd;
	b->bits = 0;
	b->inode = 0;
	b->path_size = 0;
	b->raw_size = 0;
	if (result >= 0) {
		struct file *file = file_of(task, result);

		if (!file)
			return 0;
		b->inode = BPF_CORE_READ(file, f_inode, i_ino);
		walk_file(s, file, task);
		b->path_size = append_path(s, at);
		at += b->path_size;
	} else {
		long len;

		b->bits = OPEN_USER_PATH;
		if (call.dirfd == AT_FDCWD) {
			walk_cwd(s, task);
			b->path_size = append_path(s, at);
		} else {
			struct file *dir = file_of(task, call.dirfd);

			if (dir) {
				walk_file(s, dir, task);
				b->path_size = append_path(s, at);
			}
		}
		at += b->path_size;
		len = bpf_probe_read_user_str(&s->text[at & (TEXT_SIZE - 1)], PATH_SIZE, call.path);
		if (len > 0) {
			b->raw_size = len - 1;
			at += len - 1;
		}
	}
	submit(s, sizeof(s->header) + at);
	return 0;
}
