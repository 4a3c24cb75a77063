/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * file_change: rename, unlink, links, modes, owners, times, attributes, folders. The names are the caller's strings with the folder
 * that they are relative to; what works on a descriptor has the kernel's own path.
 */
#include "compat.h"
#include "repeat.bpf.h"
#include "signals.h"

#define PATHS 2

/* Which arguments are directories' descriptors, names, and the mode; -1 for none. */
struct shape {
	signed char dir[PATHS], path[PATHS], mode;
};

static __always_inline struct shape shape_of(__u32 number)
{
	switch (number) {
	case NR_RENAME:
	case NR_LINK:
	case NR_SYMLINK:
		return (struct shape){ { -1, -1 }, { 0, 1 }, -1 };
	case NR_RENAMEAT:
	case NR_RENAMEAT2:
	case NR_LINKAT:
		return (struct shape){ { 0, 2 }, { 1, 3 }, 4 };
	case NR_SYMLINKAT:
		return (struct shape){ { -1, 1 }, { 0, 2 }, -1 };
	case NR_UNLINKAT:
	case NR_MKDIRAT:
	case NR_FCHMODAT:
	case NR_FCHMODAT2:
		return (struct shape){ { 0, -1 }, { 1, -1 }, 2 };
	case NR_FCHOWNAT:
	case NR_FUTIMESAT:
	case NR_UTIMENSAT:
		return (struct shape){ { 0, -1 }, { 1, -1 }, -1 };
	case NR_FCHMOD:
		return (struct shape){ { 0, -1 }, { -1, -1 }, 1 };
	case NR_FCHOWN:
	case NR_FTRUNCATE:
	case NR_IOCTL:
		return (struct shape){ { 0, -1 }, { -1, -1 }, -1 };
	default:
		return (struct shape){ { -1, -1 }, { 0, -1 }, 1 };
	}
}

/* Each is a constant place: a variable one would have to be checked. */
static __always_inline __u64 argument(const struct args *args, signed char index)
{
	switch (index) {
	case 0:
		return args->of[0];
	case 1:
		return args->of[1];
	case 2:
		return args->of[2];
	case 3:
		return args->of[3];
	case 4:
		return args->of[4];
	default:
		return 0;
	}
}

/* include/uapi/linux/fs.h: the requests that change a file's attributes, and those of either form that bind root too. */
#define FS_IOC_SETFLAGS 0x40086602
#define FS_IOC_FSSETXATTR 0x401c5820
#define FS_IMMUTABLE_FL 0x10
#define FS_APPEND_FL 0x20
#define FS_XFLAG_IMMUTABLE 0x08
#define FS_XFLAG_APPEND 0x10

/* The attributes that a request of ioctl(2) asks for; 0 for any other request. */
static __always_inline __u32 attributes_asked(const struct args *args)
{
	__u32 request = args->of[1], flags = 0;

	if (request != FS_IOC_SETFLAGS && request != FS_IOC_FSSETXATTR)
		return 0;
	bpf_probe_read_user(&flags, sizeof(flags), (void *)args->of[2]);
	/* The flags of the other form lie one bit lower. */
	if (request == FS_IOC_FSSETXATTR)
		flags = (flags & (FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND)) << 1;
	return flags & (FS_IMMUTABLE_FL | FS_APPEND_FL);
}

SEC("tp_btf/sys_exit")
int file_change(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct args args;
	struct shape shape;
	struct scratch *s;
	struct change_body *b;
	__u32 at = sizeof(*b), attributes = 0;
	struct repeat_key *key;

	read_args(&args, (struct pt_regs *)ctx[0]);
	if (args.number == NR_IOCTL) {
		attributes = attributes_asked(&args);
		if (!attributes)
			return 0;
	}
	if (is_own(task))
		return 0;
	s = get_scratch();
	if (!s)
		return 0;
	b = (void *)s->text;
	fill_header(&s->header, task, RECORD_CHANGE, SIGNAL_FILE_CHANGE);
	b->result = ctx[1];
	b->number = args.number;
	shape = shape_of(b->number);
	b->mode = attributes ? attributes : argument(&args, shape.mode);
	b->bits = 0;
	b->pad = 0;
	/* Kernels before 6.2 know no loop that is entered behind a call in it. */
#pragma clang loop unroll(full)
	for (int i = 0; i < PATHS; i++) {
		__s32 fd = shape.dir[i] >= 0 ? (__s32)argument(&args, shape.dir[i]) : AT_FDCWD;
		long size = 0;

		b->base_size[i] = b->path_size[i] = 0;
		if (shape.path[i] < 0 && shape.dir[i] < 0)
			continue;
		if (walk_at(s, fd, task))
			b->base_size[i] = append_path(s, at);
		at += b->base_size[i];
		if (shape.path[i] >= 0)
			size = bpf_probe_read_user_str(&s->text[at & (TEXT_SIZE - 1)], PATH_SIZE,
						       (void *)argument(&args, shape.path[i]));
		else
			b->bits |= CHANGE_KERNEL_PATH;
		if (size > 0) {
			b->path_size[i] = size - 1;
			at += b->path_size[i];
		}
	}
	key = key_of(s, at - sizeof(*b), sizeof(*b));
	if (key) {
		key->flags = b->number;
		key->mode = b->mode;
		key->error = b->result;
		__builtin_memcpy(key->sizes, b->base_size, sizeof(b->base_size));
		__builtin_memcpy(key->sizes + PATHS, b->path_size, sizeof(b->path_size));
		if (is_repeated(key, s->header.time, false)) {
			count_filtered(SIGNAL_FILE_CHANGE);
			return 0;
		}
	}
	if (!submit(s, sizeof(s->header) + at) && key)
		bpf_map_delete_elem(&repeats, key);
	return 0;
}
