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

/*
 * What is the same in every respect that a rule can read was judged already: the same process with the same name,
 * credentials and place, the same file, flags and outcome. The first such open is sent, its repetitions are counted as
 * filtered until the entry is REPEAT_NS old. A process that a rule matched is taken out by user space (`matched`), so
 * that its repetitions are counted one by one.
 */
#define REPEAT_NS 10000000000ULL
#define REPEAT_TEXT 160

struct repeat_key {
	__u64 start_time, cgroup_id, caps_effective, caps_permitted;
	__u32 pid, flags, uid, gid;
	__s32 error;
	__u16 path_size, raw_size;
	char comm[16];
	char text[REPEAT_TEXT];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct repeat_key);
} keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct repeat_key);
	__type(value, __u64);
} repeats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MATCHED);
	__type(key, __u32);
	__type(value, __u8);
} matched SEC(".maps");

/* The key of this open, or NULL when repetitions are wanted or it is too long to be remembered. */
static __always_inline struct repeat_key *key_of(struct scratch *s, const struct open_body *b, __u32 at)
{
	const struct settings *settings = get_settings();
	__u32 zero = 0, size = at - sizeof(*b);
	struct repeat_key *key;

	if (!settings || settings->flags & SETTING_SEND_ALL || size > REPEAT_TEXT)
		return NULL;
	if (bpf_map_lookup_elem(&matched, &s->header.pid))
		return NULL;
	key = bpf_map_lookup_elem(&keys, &zero);
	if (!key)
		return NULL;
	key->start_time = s->header.start_time;
	key->cgroup_id = s->header.cgroup_id;
	key->caps_effective = s->header.caps_effective;
	key->caps_permitted = s->header.caps_permitted;
	key->pid = s->header.pid;
	key->flags = b->flags;
	key->uid = s->header.uid;
	key->gid = s->header.gid;
	key->error = b->result < 0 ? b->result : 0;
	key->path_size = b->path_size;
	key->raw_size = b->raw_size;
	__builtin_memcpy(key->comm, s->header.comm, sizeof(key->comm));
	__builtin_memset(key->text, 0, sizeof(key->text));
	bpf_probe_read_kernel(key->text, size, s->text + sizeof(*b));
	return key;
}

/* Whether an open was told lately; if not, it is from now on. */
static __always_inline bool is_repeated(struct repeat_key *key, __u64 now)
{
	__u64 *told = bpf_map_lookup_elem(&repeats, key);

	if (told && now - *told < REPEAT_NS)
		return true;
	bpf_map_update_elem(&repeats, key, &now, BPF_ANY);
	return false;
}

SEC("tp_btf/sys_exit")
int file_open(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	long result = ctx[1];
	struct call call = {};
	struct repeat_key *key;
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
	key = key_of(s, b, at);
	if (key && is_repeated(key, s->header.time)) {
		count_filtered(SIGNAL_FILE_OPEN);
		return 0;
	}
	if (!submit(s, sizeof(s->header) + at) && key)
		bpf_map_delete_elem(&repeats, key);
	return 0;
}
