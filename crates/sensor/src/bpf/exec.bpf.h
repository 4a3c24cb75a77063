/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* exec: everything that user space must know of the new program, taken while the kernel still holds it. */
#include "common.h"
#include "signals.h"
#include "task.h"

#define ARGV_SIZE 4096
#define ENV_SIZE 2048

static __always_inline void fill_stdio(struct exec_body *b, const struct task_struct *task)
{
	for (int fd = 0; fd < 3; fd++) {
		struct file *file = file_of(task, fd);
		struct inode *inode;
		__u32 major, mode;
		__u64 device;

		if (!file)
			continue;
		inode = BPF_CORE_READ(file, f_inode);
		mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
		device = BPF_CORE_READ(inode, i_rdev);
		major = device >> 20;
		b->stdio[fd] = STDIO_FILE;
		if (mode == S_IFCHR)
			__builtin_memcpy(b->peers[fd].local, &device, sizeof(device));
		if (mode == S_IFIFO) {
			__u64 number = BPF_CORE_READ(inode, i_ino);

			b->stdio[fd] = STDIO_PIPE;
			__builtin_memcpy(b->peers[fd].local, &number, sizeof(number));
		}
		/* 4 and 5: consoles; 136 to 143: pseudo-terminals (Documentation/admin-guide/devices.txt). */
		else if (mode == S_IFCHR && (major == 4 || major == 5 || (major >= 136 && major <= 143)))
			b->stdio[fd] = STDIO_TTY;
		else if (mode == S_IFSOCK) {
			b->stdio[fd] = STDIO_SOCKET;
			fill_address(&b->peers[fd], sock_of(file));
		}
	}
}

/* User memory from..to behind `at`; returns how much was read. */
static __always_inline __u32 append_user(struct scratch *s, __u32 at, unsigned long from, unsigned long to, __u32 most)
{
	unsigned long size = to - from;

	if (to <= from)
		return 0;
	if (size > most)
		size = most;
	/* The check must be of the register that is used next. */
	barrier_var(size);
	if (size > most)
		return 0;
	if (bpf_probe_read_user(&s->text[at & (TEXT_SIZE - 1)], size, (void *)from))
		return 0;
	return size;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_task, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct scratch *s = get_scratch();
	const struct settings *settings;
	struct exec_body *b;
	unsigned long from, to;
	struct file *file;
	const char *filename, *interp;
	__u32 at = sizeof(*b);

	if (!s)
		return 0;
	task = plain(struct task_struct, task);
	bprm = plain(struct linux_binprm, bprm);
	b = (void *)s->text;
	__builtin_memset(b, 0, sizeof(*b));
	fill_header(&s->header, task, RECORD_EXEC, SIGNAL_EXEC);
	fill_task(b, task);
	fill_stdio(b, task);

	from = task->mm->arg_start;
	to = task->mm->arg_end;
	b->argv_size = append_user(s, at, from, to, ARGV_SIZE);
	b->flags = to - from > ARGV_SIZE;
	at += b->argv_size;

	file = bprm->file;
	fill_exe(b, file);
	walk_file(s, file, task);
	b->exe_size = append_path(s, at);
	at += b->exe_size;

	walk_cwd(s, task);
	b->cwd_size = append_path(s, at);
	at += b->cwd_size;

	filename = bprm->filename;
	interp = bprm->interp;
	if (filename != interp) {
		long len = bpf_probe_read_kernel_str(&s->text[at & (TEXT_SIZE - 1)], 512, filename);

		if (len > 0) {
			b->script_size = len - 1;
			at += len - 1;
		}
	}

	/* Asked once: a verifier before 6.13 takes the second answer for one that may be NULL. */
	settings = get_settings();
	if (settings && settings->fields & FIELD_ENV) {
		from = task->mm->env_start;
		to = task->mm->env_end;
		b->env_size = append_user(s, at, from, to, ENV_SIZE);
		at += b->env_size;
	}
	submit(s, sizeof(s->header) + at);
	return 0;
}
