/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Folders that files were opened in, and where the search for needles stands behind each folder's path: the next file
 * there needs its own name looked at, and no walk.
 *
 * A folder's path is that of its entry, as long as no entry above it was renamed or moved, nothing was mounted above it,
 * and the entry is still the same one. So what is remembered counts only for the same chain of entries and mounts up to
 * the same root: their addresses, and of each entry its name's hash and the count of its changes (`d_seq`, which every
 * rename raises). All of this is looked at on every open; it is the names that are not read again.
 */
#ifndef SEAWALL_FOLDER_H
#define SEAWALL_FOLDER_H

#include "common.h"

#define FOLDERS 1024

struct folder {
	__u64 chain, hit;
	__u32 row, generation;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FOLDERS);
	__type(key, __u32);
	__type(value, struct folder);
} folders SEC(".maps");

/* A word from anywhere, without a call, and as a number: with pointers the verifier lets nobody reckon. */
#define WORD(address) ((__u64)as(struct timespec64, (const void *)(address))->tv_sec)

/* 2^64 divided by the golden ratio: its multiples spread over all bits. */
#define SPREAD 0x9E3779B97F4A7C15ULL

static __always_inline __u64 mix(__u64 sum, __u64 value)
{
	sum = (sum ^ value) * SPREAD;
	return sum ^ sum >> 32;
}

struct chain {
	__u64 mnt, top, dentry, root_mnt, root_dentry, sum;
	bool whole;
};

/* The entry at which a mount begins. */
static __always_inline __u64 top_of(__u64 mnt)
{
	return WORD(&as(struct vfsmount, (const void *)mnt)->mnt_root);
}

/* Adds an entry and goes on to the one above. False at the end of the chain. */
static __always_inline bool chain_step(struct chain *c)
{
	const struct dentry *entry = as(struct dentry, (const void *)c->dentry);
	__u64 changes = entry->d_seq.seqcount.sequence, above;

	if (c->dentry == c->root_dentry && c->mnt == c->root_mnt) {
		c->sum = mix(c->sum, c->dentry);
		c->whole = true;
		return false;
	}
	if (c->dentry == c->top) {
		__u64 here = c->mnt - bpf_core_field_offset(struct mount, mnt);
		const struct mount *mount = as(struct mount, (const void *)here);

		above = WORD(&mount->mnt_parent);
		c->dentry = WORD(&mount->mnt_mountpoint);
		c->sum = mix(c->sum, c->mnt);
		c->mnt = above + bpf_core_field_offset(struct mount, mnt);
		c->top = top_of(c->mnt);
		c->whole = above == here;
		return !c->whole;
	}
	above = WORD(&entry->d_parent);
	/* What does not need the sum so far is reckoned beside it. */
	c->sum = mix(c->sum, c->dentry ^ (changes << 32 | entry->d_name.hash) * SPREAD);
	c->whole = above == c->dentry;
	c->dentry = above;
	/* Odd: it is being changed. */
	if (changes & 1)
		c->whole = false;
	return !(changes & 1) && !c->whole;
}

static long chain_of_loop(__u32 turn, struct chain *c)
{
	return !chain_step(c);
}

/*
 * What stands for the path of a folder; 0 when nothing does. A function that is verified once, by itself: its many ways
 * to end would multiply with those of its callers.
 */
__noinline __u64 chain_sum(__u64 mnt, __u64 dentry, __u64 root_mnt, __u64 root_dentry)
{
	struct chain chain = { .mnt = mnt, .dentry = dentry, .root_mnt = root_mnt, .root_dentry = root_dentry };

	if (!TYPED)
		return 0;
	chain.top = top_of(mnt);
	bpf_loop(COMPONENTS, chain_of_loop, &chain, 0);
	return chain.whole ? chain.sum : 0;
}

/* Most folders are not deeper than this. Each call costs as much as some steps, where returns are made safe. */
#define NEAR 6

/* The same of a folder as a task sees it, without a call where it is near the root. */
static __always_inline __u64 chain_of(__u64 mnt, __u64 dentry, const struct task_struct *task)
{
	const struct path *root = &task->fs->root;
	struct chain chain = { .mnt = mnt, .dentry = dentry, .root_mnt = WORD(&root->mnt), .root_dentry = WORD(&root->dentry) };

	chain.top = top_of(mnt);
	for (int i = 0; i < NEAR; i++) {
		if (!chain_step(&chain))
			return chain.whole ? chain.sum : 0;
	}
	return chain_sum(mnt, dentry, WORD(&root->mnt), WORD(&root->dentry));
}

/* The same again, where a call does not matter. */
static __always_inline __u64 chain_again(__u64 mnt, __u64 dentry, const struct task_struct *task)
{
	const struct path *root = &task->fs->root;

	return chain_sum(mnt, dentry, WORD(&root->mnt), WORD(&root->dentry));
}

static __always_inline struct folder *folder_of(__u64 dentry)
{
	__u32 slot = mix(0, dentry) % FOLDERS;

	return bpf_map_lookup_elem(&folders, &slot);
}

#endif
