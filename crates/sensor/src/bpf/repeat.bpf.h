/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is the same in every respect that a rule can read was judged already: the same process with the same name,
 * credentials and place, the same file, call and outcome. The first is sent, its repetitions are counted as filtered
 * until the entry is REPEAT_NS old. A process that a rule matched is taken out by user space (`matched`), so that its
 * repetitions are counted one by one. Of a process that is not judged one in REPEAT_TOLD is sent, so that user space
 * learns that judging it is worth the trouble.
 */
#ifndef SEAWALL_REPEAT_H
#define SEAWALL_REPEAT_H

#include "common.h"

#define REPEAT_NS 10000000000ULL
#define REPEAT_TOLD 16
#define REPEAT_TEXT 160

struct repeat {
	__u64 told, times;
};

struct repeat_key {
	__u64 start_time, cgroup_id, caps_effective, caps_permitted;
	__u32 pid, uid, gid;
	/* What was done: of an open its flags, of a change the number of its system call; then its mode. */
	__u32 flags, mode;
	__s32 error;
	__u16 signal, sizes[4], pad;
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

/*
 * The key of what the record at hand tells, but for what was done: that is the caller's to fill in. NULL when repetitions
 * are wanted, or when the record's `size` bytes of text, which begin behind `body` others, are too many to be remembered.
 */
static __always_inline struct repeat_key *key_of(struct scratch *s, __u32 size, __u32 body)
{
	const struct settings *settings = get_settings();
	struct repeat_key *key;
	__u32 zero = 0;

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
	key->uid = s->header.uid;
	key->gid = s->header.gid;
	key->signal = s->header.signal;
	__builtin_memset(key->sizes, 0, sizeof(key->sizes));
	key->pad = 0;
	__builtin_memcpy(key->comm, s->header.comm, sizeof(key->comm));
	__builtin_memset(key->text, 0, sizeof(key->text));
	/* Again, of the register that is used: the first check was of a copy, for verifiers before 6.12. */
	barrier_var(size);
	if (size > REPEAT_TEXT)
		return NULL;
	bpf_probe_read_kernel(key->text, size, s->text + body);
	return key;
}

/* Whether this was told lately; if not, it is from now on. */
static __always_inline bool is_repeated(struct repeat_key *key, __u64 now, bool unjudged)
{
	struct repeat *known = bpf_map_lookup_elem(&repeats, key), fresh = { .told = now };

	if (known && now - known->told < REPEAT_NS)
		return !unjudged || ++known->times % REPEAT_TOLD;
	bpf_map_update_elem(&repeats, key, &fresh, BPF_ANY);
	return false;
}

#endif
