/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What exec records and the snapshot at start both say of a task. */
#ifndef SEAWALL_TASK_H
#define SEAWALL_TASK_H

#include "common.h"

#define OVERLAYFS_MAGIC 0x794c7630
#define TMPFS_MAGIC 0x01021994
#define PIDTYPE_PGID 2
#define PIDTYPE_SID 3

static __always_inline __u32 pid_number(struct pid *pid)
{
	return BPF_CORE_READ(pid, numbers[0].nr);
}

/*
 * The innermost id: numbers[] has one entry per nested pid namespace. `pid` was read by a call and is a number for the
 * verifier: before 6.2 it allows no sum of a typed pointer and a register.
 */
static __always_inline void fill_inner_pid(struct exec_body *b, struct pid *pid)
{
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *inner = (void *)pid + bpf_core_field_offset(struct pid, numbers) + level * bpf_core_type_size(struct upid);
	struct pid_namespace *ns = BPF_CORE_READ(inner, ns);

	b->vpid = BPF_CORE_READ(inner, nr);
	b->pid_ns = BPF_CORE_READ(ns, ns.inum);
}

static __always_inline void fill_task(struct exec_body *b, const struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct task_struct *parent = leader->real_parent->group_leader;
	struct signal_struct *signal = task->signal;
	struct tty_struct *tty = signal->tty;

	b->ppid = parent->tgid;
	b->parent_start = parent->start_boottime;
	b->sid = pid_number(BPF_CORE_READ(signal, pids[PIDTYPE_SID]));
	b->pgid = pid_number(BPF_CORE_READ(signal, pids[PIDTYPE_PGID]));
	if (tty)
		b->tty = (tty->driver->major << 8) + tty->driver->minor_start + tty->index;
	b->net_ns = task->nsproxy->net_ns->ns.inum;
	b->user_ns = task->real_cred->user_ns->ns.inum;
	fill_inner_pid(b, BPF_CORE_READ(leader, thread_pid));
}

/* The times of an inode have changed their form twice. */
struct inode___6_5 {
	struct timespec64 i_ctime, i_mtime;
} __attribute__((preserve_access_index));
struct inode___6_10 {
	struct timespec64 __i_ctime, __i_mtime;
} __attribute__((preserve_access_index));
struct inode___6_11 {
	long long i_ctime_sec, i_mtime_sec;
	__u32 i_ctime_nsec, i_mtime_nsec;
} __attribute__((preserve_access_index));

#define SECOND 1000000000ULL
/* I_CTIME_QUERIED of linux/fs.h: a mark in the nanoseconds that somebody looked. */
#define QUERIED (1U << 31)
/* Nanoseconds of `ctime` or `mtime`. */
#define INODE_TIME(inode, which)									\
	({												\
		__u64 at_ = 0;										\
		if (bpf_core_field_exists(struct inode___6_11, i_##which##_sec)) {			\
			struct inode___6_11 *form_ = (void *)(inode);					\
			at_ = BPF_CORE_READ(form_, i_##which##_sec) * SECOND +				\
			      (BPF_CORE_READ(form_, i_##which##_nsec) & ~QUERIED);			\
		} else if (bpf_core_field_exists(struct inode___6_10, __i_##which)) {			\
			struct inode___6_10 *form_ = (void *)(inode);					\
			at_ = BPF_CORE_READ(form_, __i_##which.tv_sec) * SECOND +			\
			      BPF_CORE_READ(form_, __i_##which.tv_nsec);				\
		} else if (bpf_core_field_exists(struct inode___6_5, i_##which)) {			\
			struct inode___6_5 *form_ = (void *)(inode);					\
			at_ = BPF_CORE_READ(form_, i_##which.tv_sec) * SECOND +				\
			      BPF_CORE_READ(form_, i_##which.tv_nsec);					\
		}											\
		at_;											\
	})

/* Where the program's file came from. An overlay inode has its upper dentry right behind the inode that it contains. */
static __always_inline void fill_exe(struct exec_body *b, struct file *file)
{
	struct inode *inode = file->f_inode;
	unsigned long magic;
	struct dentry *upper = NULL;
	char name[8] = {};
	const unsigned char *text;

	if (!inode)
		return;
	magic = inode->i_sb->s_magic;
	b->exe_inode = inode->i_ino;
	b->exe_dev = inode->i_sb->s_dev;
	b->exe_changed = INODE_TIME(inode, ctime);
	b->exe_modified = INODE_TIME(inode, mtime);
	b->exe_flags = EXE_KNOWN;
	if (inode->i_nlink == 0)
		b->exe_flags |= EXE_DELETED;
	if (magic == TMPFS_MAGIC) {
		b->exe_flags |= EXE_TMPFS;
		text = BPF_CORE_READ(file, f_path.dentry, d_name.name);
		bpf_probe_read_kernel(name, 6, text);
		if (name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' && name[4] == 'd' && name[5] == ':')
			b->exe_flags |= EXE_MEMFD;
	} else if (magic == OVERLAYFS_MAGIC) {
		void *at = (void *)inode + bpf_core_type_size(struct inode);

		if (bpf_core_type_exists(struct ovl_inode))
			at = (void *)inode + bpf_core_field_offset(struct ovl_inode, __upperdentry) -
			     bpf_core_field_offset(struct ovl_inode, vfs_inode);
		bpf_probe_read_kernel(&upper, sizeof(upper), at);
		b->exe_flags |= EXE_OVERLAY;
		if (upper)
			b->exe_flags |= EXE_UPPER;
	}
}

#endif
