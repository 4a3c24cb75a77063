/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * file_open, a handler of the dispatcher: at the end of the call, the path is that of the file which was really
 * installed, so that a string changed meanwhile in user memory deceives nobody. Only failed opens use that string.
 */
#include "compat.h"
#include "folder.bpf.h"
#include "repeat.bpf.h"
#include "signals.h"

#define O_CREAT 0100
#define O_TMPFILE 020200000
#define O_CREAT_TRUNC_WRONLY (0100 | 01000 | 01)

struct open_how {
	__u64 flags, mode;
};

struct call {
	const char *path;
	__u32 flags, mode;
	__s32 dirfd;
};

static __always_inline void read_call_of(struct call *c, __u32 number, __u64 a, __u64 b, __u64 d, __u64 e)
{
	c->dirfd = AT_FDCWD;
	switch (number) {
	case NR_OPEN:
		c->path = (const char *)a;
		c->flags = b;
		c->mode = d;
		break;
	case NR_CREAT:
		c->path = (const char *)a;
		c->flags = O_CREAT_TRUNC_WRONLY;
		c->mode = b;
		break;
	case NR_OPEN_BY_HANDLE_AT:
		c->path = NULL;
		c->flags = d;
		c->mode = 0;
		break;
	case NR_OPENAT2: {
		struct open_how how = {};

		bpf_probe_read_user(&how, sizeof(how), (void *)d);
		c->dirfd = a;
		c->path = (const char *)b;
		c->flags = how.flags;
		c->mode = how.mode;
		break;
	}
	default:
		c->dirfd = a;
		c->path = (const char *)b;
		c->flags = d;
		c->mode = e;
	}
	/* Of other opens the argument is whatever the register held. O_TMPFILE is two bits. */
	if (!(c->flags & O_CREAT) && (c->flags & O_TMPFILE) != O_TMPFILE)
		c->mode = 0;
	c->mode &= 07777;
}

/*
 * The registers are read one by one: nearly all opens are 64-bit calls, and this is the most frequent handler. False for
 * a 32-bit call with the number of an open among the 64-bit ones, of which the dispatcher does not know.
 */
static __always_inline bool read_call(struct call *c, const struct pt_regs *regs, const struct task_struct *task)
{
	if (is_compat_of(task)) {
		struct args args = {};

		read_compat_args(&args, regs);
		if (!args.number)
			return false;
		read_call_of(c, args.number, args.of[0], args.of[1], args.of[2], args.of[3]);
	} else {
		read_call_of(c, syscall_number(regs), ARG1(regs), ARG2(regs), ARG3(regs), ARG4(regs));
	}
	return true;
}

/*
 * Opens that no rule can want are left out before anything else is done. User space told for each class of opens
 * (crates/detect/src/opens) the groups of which the path must hit one: for everybody, and for each process that it
 * judged. Its judgement counts only while the process is exactly as it was judged. Paths are looked up in a table: a
 * byte, its class, the next row, the groups hit there.
 */
#define FILTER_STATES 2048
#define FILTER_CLASSES 64
#define FILTER_END 1
#define FILTER_HITS 0x8000 /* in `next`: something is hit there; mostly nothing is */
#define OPEN_CLASSES 16
#define GROUP_ALWAYS (1ULL << 63)

struct filter {
	__u64 groups[OPEN_CLASSES]; /* of processes that are not judged */
	__u64 hits[FILTER_STATES];
	__u16 next[FILTER_STATES * FILTER_CLASSES];
	__u8 classes[256];
	__u32 generation; /* 0: nothing is left out */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct filter);
} filter SEC(".maps");

struct judgement {
	__u64 start_time, exec_id, cgroup_id, caps_effective, caps_permitted;
	__u32 uid, gid, login_uid, mnt_ns;
	char comm[16];
	__u32 generation, pad;
	__u64 groups[OPEN_CLASSES];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, JUDGED);
	__type(key, __u32);
	__type(value, struct judgement);
} judged SEC(".maps");

/* Those that this processor needed last: finding one in `judged` takes as long as comparing it. */
#define RECENT 16

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RECENT);
	__type(key, __u32);
	__type(value, struct judgement);
} recent SEC(".maps");

static __always_inline bool is_as_judged(const struct judgement *j, const struct filter *f,
					 const struct task_struct *task)
{
	const struct task_struct *leader = task->group_leader;
	const struct cred *cred = task->real_cred;
	__u64 comm[2], other;

	if (j->generation != f->generation || j->start_time != leader->start_boottime)
		return false;
	/* Mostly nothing is other: one question at the end costs less than one each, also for the verifier. */
	__builtin_memcpy(comm, leader->comm, sizeof(comm));
	other = j->exec_id ^ task->self_exec_id;
	other |= ((__u64 *)j->comm)[0] ^ comm[0];
	other |= ((__u64 *)j->comm)[1] ^ comm[1];
	other |= j->uid ^ cred->uid.val;
	other |= j->gid ^ cred->gid.val;
	other |= j->caps_effective ^ capabilities(&cred->cap_effective);
	other |= j->caps_permitted ^ capabilities(&cred->cap_permitted);
	other |= j->login_uid ^ task->loginuid.val;
	other |= j->mnt_ns ^ task->nsproxy->mnt_ns->ns.inum;
	other |= j->cgroup_id ^ task->cgroups->dfl_cgrp->kn->id;
	return !other;
}

/* The groups of which an open must hit one; *unjudged when nobody judged the process as it is. */
static __always_inline __u64 wanted_groups(const struct filter *f, const struct task_struct *task, __u32 flags,
					   long result, bool *unjudged)
{
	__u32 class = (flags & 3) | (flags & O_CREAT ? 4 : 0) | (result >= 0 ? 8 : 0);
	__u32 pid = task->tgid, slot = pid % RECENT;
	struct judgement *last = bpf_map_lookup_elem(&recent, &slot);
	const struct judgement *j;

	/* The mask below must be an instruction, not something that the compiler knows. */
	barrier_var(class);
	if (last && is_as_judged(last, f, task))
		return last->groups[class & (OPEN_CLASSES - 1)];
	j = bpf_map_lookup_elem(&judged, &pid);
	if (last && j && is_as_judged(j, f, task)) {
		*last = *j;
		return j->groups[class & (OPEN_CLASSES - 1)];
	}
	*unjudged = true;
	barrier_var(class);
	return f->groups[class & (OPEN_CLASSES - 1)];
}

struct search {
	struct scratch *s;
	const struct filter *f;
};

/* Bytes looked at in one turn of bpf_loop(): a turn is a call. Most names of files are shorter. */
#define SEARCH_STEP 24

/* The next row; adds what is hit there. */
static __always_inline __u32 next_state(const struct filter *f, __u32 row, __u32 class, __u64 *hit)
{
	__u32 at = row * FILTER_CLASSES + class;

	/* Else the parts are masked and then added, which verifiers before 6.2 do not follow. */
	barrier_var(at);
	row = f->next[at & (FILTER_STATES * FILTER_CLASSES - 1)];
	if (row & FILTER_HITS)
		*hit |= f->hits[row & (FILTER_STATES - 1)];
	return row & (FILTER_STATES - 1);
}

/*
 * The next bytes of a path. False at the end of the search. Where it is lives in a map, as with a walk: of what is read
 * there the verifier knows nothing.
 */
static __always_inline bool search(struct scratch *s, const struct filter *f, int most)
{
	__u32 at = s->at, end = s->end, row = s->row;
	__u64 hit = s->hit;
	bool more = true;

	for (int i = 0; i < most; i++) {
		__u32 class;

		barrier_var(at);
		if (at >= end) {
			more = false;
			break;
		}
		class = f->classes[(__u8)s->path[at & (PATH_SIZE - 1)]] & (FILTER_CLASSES - 1);
		row = next_state(f, row, class, &hit);
		at++;
	}
	s->at = at;
	s->row = row;
	s->hit = hit;
	return more;
}

static long search_of_loop(__u32 turn, struct search *search_)
{
	struct scratch *s = search_->s;

	if (search(s, search_->f, SEARCH_STEP))
		return 0;
	if (s->end == PATH_SIZE)
		return 1;
	/* Behind the folder's path. */
	s->row_before = s->row;
	s->hit_before = s->hit;
	s->named = s->at == s->end;
	s->end = PATH_SIZE;
	return 0;
}

/* The groups that a path hits of which all but the end was searched. */
static __always_inline __u64 hit_at_end(const struct scratch *s, const struct filter *f)
{
	__u64 hit = s->hit;

	next_state(f, s->row, FILTER_END, &hit);
	return hit;
}

/*
 * Searches the walked path, for kernels that know no bpf_loop(): all turns are verified. So it is a function that is
 * verified by itself, and no turn has two ways to go on: the groups are asked for at each byte.
 */
__noinline int search_all(void)
{
	__u32 zero = 0, at, row = 0;
	const struct filter *f = bpf_map_lookup_elem(&filter, &zero);
	struct scratch *s = get_scratch();
	__u64 hit = 0;

	if (TYPED || !f || !s)
		return 0;
	at = s->position;
	for (int i = 0; i < PATH_SIZE; i++) {
		__u32 next;

		barrier_var(at);
		if (at >= PATH_SIZE)
			break;
		next = row * FILTER_CLASSES + (f->classes[(__u8)s->path[at]] & (FILTER_CLASSES - 1));
		barrier_var(next);
		row = f->next[next & (FILTER_STATES * FILTER_CLASSES - 1)] & (FILTER_STATES - 1);
		hit |= f->hits[row];
		at++;
	}
	s->row = row;
	s->hit = hit;
	return 0;
}

/* The groups that the walked path hits. */
static __always_inline __u64 groups_hit(struct scratch *s, const struct filter *f)
{
	/* What has no place in the tree is compared by user space. */
	if (s->path[s->position & (PATH_SIZE - 1)] != '/')
		return ~0ULL;
	search_all();
	return hit_at_end(s, f);
}

/*
 * Writes a slash and a name at the end of the path. Gives where it begins. A short name is copied in words, from its end
 * on: what stands before it is part of the entry, too, and is not looked at.
 */
static __always_inline __u32 append_name(struct scratch *s, const struct dentry *entry)
{
	__u32 len = entry->d_name.len & NAME_SIZE;
	__u32 at = (PATH_SIZE - len) & (PATH_SIZE - 1);
	__u64 *path = (void *)s->path;

	if (len <= 3 * sizeof(*path)) {
		__u64 end = (__u64)entry->d_name.name + len;

		path[PATH_SIZE / 8 - 1] = WORD(end - 8);
		path[PATH_SIZE / 8 - 2] = WORD(end - 16);
		path[PATH_SIZE / 8 - 3] = WORD(end - 24);
	} else {
		bpf_probe_read_kernel(&s->path[at], len, entry->d_name.name);
	}
	at = (at - 1) & (PATH_SIZE - 1);
	s->path[at] = '/';
	return at;
}

/*
 * The groups that a file's path hits. The path is walked unless its folder is known; *walked says whether it was.
 * The chain is looked at before and after a walk: what changed meanwhile is not remembered.
 */
static __always_inline __u64 groups_hit_by(struct scratch *s, const struct filter *f, struct file *file,
					   const struct task_struct *task, bool *walked)
{
	const struct path *path = &as(struct file, file)->f_path;
	__u64 mnt = WORD(&path->mnt), dentry = WORD(&path->dentry), above, chain = 0;
	const struct dentry *entry = as(struct dentry, (const void *)dentry);
	struct search rest = { .s = s, .f = f };
	struct folder *folder = NULL;

	s->end = PATH_SIZE;
	s->named = 0;
	above = WORD(&entry->d_parent);
	/* A file that is mounted has its name from there. */
	if (dentry != above && dentry != WORD(&as(struct vfsmount, (const void *)mnt)->mnt_root) &&
	    entry->d_name.len <= NAME_SIZE) {
		folder = folder_of(above);
		chain = chain_of(mnt, above, task);
	}
	if (folder && chain && folder->chain == chain && folder->generation == f->generation) {
		s->at = append_name(s, entry);
		s->row = folder->row;
		s->hit = folder->hit;
		if (!search(s, f, SEARCH_STEP))
			return hit_at_end(s, f);
	} else {
		walk_file(s, file, task);
		*walked = true;
		if (s->path[s->position & (PATH_SIZE - 1)] != '/')
			return ~0ULL;
		s->at = s->position;
		s->row = 0;
		s->hit = 0;
		s->end = PATH_SIZE - 1 - (entry->d_name.len & NAME_SIZE);
	}
	bpf_loop(PATH_SIZE / SEARCH_STEP + 3, search_of_loop, &rest, 0);
	if (*walked && folder && chain && s->named && chain == chain_again(mnt, above, task)) {
		folder->chain = chain;
		folder->row = s->row_before;
		folder->hit = s->hit_before;
		folder->generation = f->generation;
	}
	return hit_at_end(s, f);
}

/* The file of a descriptor that was just given. */
static __always_inline struct file *opened(const struct task_struct *task, __u32 fd)
{
	const struct fdtable *fdt = task->files->fdt;

	if (!TYPED)
		return file_of(task, fd);
	return fd < fdt->max_fds ? (struct file *)WORD(fdt->fd + fd) : NULL;
}

SEC("tp_btf/sys_exit")
int file_open(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	long result = ctx[1];
	bool unjudged = false, walked = false;
	__u32 zero = 0, at = sizeof(struct open_body);
	const struct filter *f = bpf_map_lookup_elem(&filter, &zero);
	__u64 wanted = GROUP_ALWAYS;
	struct call call = {};
	struct file *file = NULL;
	struct repeat_key *key;
	struct open_body *b;
	struct scratch *s;

	if (!f || !read_call(&call, regs, task))
		return 0;
	if (f->generation) {
		wanted = wanted_groups(f, task, call.flags, result, &unjudged);
		if (!wanted)
			goto filtered;
	}
	s = get_scratch();
	if (!s || is_own(task))
		return 0;
	if (result >= 0) {
		file = opened(task, result);
		if (!file)
			return 0;
		if (!(wanted & GROUP_ALWAYS)) {
			__u64 hit;

			if (TYPED) {
				hit = groups_hit_by(s, f, file, task, &walked);
			} else {
				walk_file(s, file, task);
				walked = true;
				hit = groups_hit(s, f);
			}
			if (!(hit & wanted))
				goto filtered;
		}
		if (!walked)
			walk_file(s, file, task);
		walked = true;
	} else {
		walked = walk_at(s, call.dirfd, task);
	}
	b = (void *)s->text;
	fill_header(&s->header, task, RECORD_OPEN, SIGNAL_FILE_OPEN);
	b->result = result;
	b->flags = call.flags;
	b->mode = call.mode;
	b->bits = unjudged ? OPEN_UNJUDGED : 0;
	b->inode = file ? BPF_CORE_READ(file, f_inode, i_ino) : 0;
	b->path_size = walked ? append_path(s, at) : 0;
	b->raw_size = 0;
	at += b->path_size;
	if (result < 0) {
		long len = bpf_probe_read_user_str(&s->text[at & (TEXT_SIZE - 1)], PATH_SIZE, call.path);

		b->bits |= OPEN_USER_PATH;
		if (len > 0) {
			b->raw_size = len - 1;
			at += len - 1;
		}
	}
	key = key_of(s, at - sizeof(*b), sizeof(*b));
	if (key) {
		key->flags = b->flags;
		key->mode = b->mode;
		key->error = result < 0 ? result : 0;
		key->sizes[0] = b->path_size;
		key->sizes[1] = b->raw_size;
		if (is_repeated(key, s->header.time, unjudged))
			goto filtered;
	}
	if (!submit(s, sizeof(s->header) + at) && key)
		bpf_map_delete_elem(&repeats, key);
	return 0;
filtered:
	count_filtered(SIGNAL_FILE_OPEN);
	return 0;
}
