/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * file_open, a handler of the dispatcher: at the end of the call, the path is that of the file which was really
 * installed, so that a string changed meanwhile in user memory deceives nobody. Only failed opens use that string.
 */
#include "common.h"
#include "folder.bpf.h"
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

static __always_inline void read_call(struct call *c, struct pt_regs *regs)
{
	c->dirfd = AT_FDCWD;
	switch (syscall_number(regs)) {
	case NR_OPEN:
		c->path = (const char *)ARG1(regs);
		c->flags = ARG2(regs);
		c->mode = ARG3(regs);
		break;
	case NR_CREAT:
		c->path = (const char *)ARG1(regs);
		c->flags = O_CREAT_TRUNC_WRONLY;
		c->mode = ARG2(regs);
		break;
	case NR_OPENAT2: {
		struct open_how how = {};

		bpf_probe_read_user(&how, sizeof(how), (void *)ARG3(regs));
		c->dirfd = ARG1(regs);
		c->path = (const char *)ARG2(regs);
		c->flags = how.flags;
		c->mode = how.mode;
		break;
	}
	default:
		c->dirfd = ARG1(regs);
		c->path = (const char *)ARG2(regs);
		c->flags = ARG3(regs);
		c->mode = ARG4(regs);
	}
	/* Of other opens the argument is whatever the register held. O_TMPFILE is two bits. */
	if (!(c->flags & O_CREAT) && (c->flags & O_TMPFILE) != O_TMPFILE)
		c->mode = 0;
	c->mode &= 07777;
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

static __always_inline bool is_as_judged(const struct judgement *j, const struct filter *f,
					 const struct task_struct *task)
{
	const struct task_struct *leader = task->group_leader;
	const struct cred *cred = task->real_cred;
	__u64 comm[2];

	__builtin_memcpy(comm, leader->comm, sizeof(comm));
	return j->generation == f->generation && j->start_time == leader->start_boottime &&
	       j->exec_id == task->self_exec_id && ((__u64 *)j->comm)[0] == comm[0] &&
	       ((__u64 *)j->comm)[1] == comm[1] && j->uid == cred->uid.val && j->gid == cred->gid.val &&
	       j->caps_effective == capabilities(&cred->cap_effective) &&
	       j->caps_permitted == capabilities(&cred->cap_permitted) &&
	       j->login_uid == task->loginuid.val && j->mnt_ns == task->nsproxy->mnt_ns->ns.inum &&
	       j->cgroup_id == task->cgroups->dfl_cgrp->kn->id;
}

/* The groups of which an open must hit one; *unjudged when nobody judged the process as it is. */
static __always_inline __u64 wanted_groups(const struct filter *f, const struct task_struct *task, __u32 flags,
					   long result, bool *unjudged)
{
	__u32 class = (flags & 3) | (flags & O_CREAT ? 4 : 0) | (result >= 0 ? 8 : 0);
	__u32 pid = task->tgid;
	const struct judgement *j = bpf_map_lookup_elem(&judged, &pid);

	/* The mask below must be an instruction, not something that the compiler knows. */
	barrier_var(class);
	if (j && is_as_judged(j, f, task))
		return j->groups[class & (OPEN_CLASSES - 1)];
	*unjudged = true;
	barrier_var(class);
	return f->groups[class & (OPEN_CLASSES - 1)];
}

/* Where a search is. It lives in a map, as a walk does: of what it reads there the verifier knows nothing. */
struct place {
	__u64 hit, hit_before;
	__u32 at, end, row, row_before, named, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct place);
} places SEC(".maps");

struct search {
	const struct scratch *s;
	const struct filter *f;
	struct place *place;
};

/* Bytes looked at in one turn of bpf_loop(): a turn is a call. */
#define SEARCH_STEP 16

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

/* The next bytes of a path. False at the end of the search. */
static __always_inline bool search(const struct search *search, int most)
{
	const struct scratch *s = search->s;
	const struct filter *f = search->f;
	struct place *place = search->place;
	__u32 at = place->at, end = place->end, row = place->row;
	__u64 hit = place->hit;
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
	place->at = at;
	place->row = row;
	place->hit = hit;
	return more;
}

static long search_of_loop(__u32 turn, struct search *s)
{
	struct place *place = s->place;

	if (search(s, SEARCH_STEP))
		return 0;
	if (place->end == PATH_SIZE)
		return 1;
	/* Behind the folder's path. */
	place->row_before = place->row;
	place->hit_before = place->hit;
	place->named = place->at == place->end;
	place->end = PATH_SIZE;
	return 0;
}

/* The groups that a path hits of which all but the end was searched. */
static __always_inline __u64 hit_at_end(const struct search *found)
{
	__u64 hit = found->place->hit;

	next_state(found->f, found->place->row, FILTER_END, &hit);
	return hit;
}

/* The groups that the walked path hits, for kernels that know no bpf_loop(). */
static __always_inline __u64 groups_hit(const struct scratch *s, const struct filter *f)
{
	__u32 zero = 0;
	struct search found = { .s = s, .f = f, .place = bpf_map_lookup_elem(&places, &zero) };

	/* What has no place in the tree is compared by user space. */
	if (!found.place || s->path[s->position & (PATH_SIZE - 1)] != '/')
		return ~0ULL;
	found.place->at = s->position;
	found.place->end = PATH_SIZE;
	found.place->row = 0;
	found.place->hit = 0;
	search(&found, PATH_SIZE);
	return hit_at_end(&found);
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
	__u32 zero = 0;
	struct place *place = bpf_map_lookup_elem(&places, &zero);
	struct search found = { .s = s, .f = f, .place = place };
	struct folder *folder = NULL;

	if (!place)
		return ~0ULL;
	place->end = PATH_SIZE;
	place->named = 0;

	above = WORD(&entry->d_parent);
	/* A file that is mounted has its name from there. */
	if (dentry != above && dentry != WORD(&as(struct vfsmount, (const void *)mnt)->mnt_root) &&
	    entry->d_name.len <= NAME_SIZE) {
		folder = folder_of(above);
		chain = chain_of(mnt, above, task);
	}
	if (folder && chain && folder->chain == chain && folder->generation == f->generation) {
		place->at = append_name(s, entry);
		place->row = folder->row;
		place->hit = folder->hit;
	} else {
		walk_file(s, file, task);
		*walked = true;
		if (s->path[s->position & (PATH_SIZE - 1)] != '/')
			return ~0ULL;
		place->at = s->position;
		place->row = 0;
		place->hit = 0;
		place->end = PATH_SIZE - 1 - (entry->d_name.len & NAME_SIZE);
	}
	bpf_loop(PATH_SIZE / SEARCH_STEP + 3, search_of_loop, &found, 0);
	if (*walked && folder && chain && place->named && chain == chain_of(mnt, above, task)) {
		folder->chain = chain;
		folder->row = place->row_before;
		folder->hit = place->hit_before;
		folder->generation = f->generation;
	}
	return hit_at_end(&found);
}

/*
 * What is the same in every respect that a rule can read was judged already: the same process with the same name,
 * credentials and place, the same file, flags and outcome. The first such open is sent, its repetitions are counted as
 * filtered until the entry is REPEAT_NS old. A process that a rule matched is taken out by user space (`matched`), so
 * that its repetitions are counted one by one. Of a process that is not judged one in REPEAT_TOLD is sent, so that user
 * space learns that judging it is worth the trouble.
 */
#define REPEAT_NS 10000000000ULL
#define REPEAT_TOLD 16
#define REPEAT_TEXT 160

struct repeat {
	__u64 told, times;
};

struct repeat_key {
	__u64 start_time, cgroup_id, caps_effective, caps_permitted;
	__u32 pid, flags, uid, gid;
	__s32 error;
	__u32 mode, pad;
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
	__type(value, struct repeat);
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
	key->mode = b->mode;
	key->pad = 0;
	key->uid = s->header.uid;
	key->gid = s->header.gid;
	key->error = b->result < 0 ? b->result : 0;
	key->path_size = b->path_size;
	key->raw_size = b->raw_size;
	__builtin_memcpy(key->comm, s->header.comm, sizeof(key->comm));
	__builtin_memset(key->text, 0, sizeof(key->text));
	/* Again, of the register that is used: the first check was of a copy, for verifiers before 6.12. */
	barrier_var(size);
	if (size > REPEAT_TEXT)
		return NULL;
	bpf_probe_read_kernel(key->text, size, s->text + sizeof(*b));
	return key;
}

/* Whether an open was told lately; if not, it is from now on. */
static __always_inline bool is_repeated(struct repeat_key *key, __u64 now, bool unjudged)
{
	struct repeat *known = bpf_map_lookup_elem(&repeats, key), fresh = { .told = now };

	if (known && now - known->told < REPEAT_NS)
		return !unjudged || ++known->times % REPEAT_TOLD;
	bpf_map_update_elem(&repeats, key, &fresh, BPF_ANY);
	return false;
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

	if (!f || is_own(task))
		return 0;
	read_call(&call, regs);
	if (f->generation) {
		wanted = wanted_groups(f, task, call.flags, result, &unjudged);
		if (!wanted)
			goto filtered;
	}
	s = get_scratch();
	if (!s)
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
	key = key_of(s, b, at);
	if (key && is_repeated(key, s->header.time, unjudged))
		goto filtered;
	if (!submit(s, sizeof(s->header) + at) && key)
		bpf_map_delete_elem(&repeats, key);
	return 0;
filtered:
	count_filtered(SIGNAL_FILE_OPEN);
	return 0;
}
