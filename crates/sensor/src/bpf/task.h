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

/* The innermost id: numbers[] has one entry per nested pid namespace. */
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
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct task_struct *parent = BPF_CORE_READ(leader, real_parent, group_leader);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct tty_struct *tty = BPF_CORE_READ(signal, tty);

	b->ppid = BPF_CORE_READ(parent, tgid);
	b->parent_start = BPF_CORE_READ(parent, start_boottime);
	b->sid = pid_number(BPF_CORE_READ(signal, pids[PIDTYPE_SID]));
	b->pgid = pid_number(BPF_CORE_READ(signal, pids[PIDTYPE_PGID]));
	if (tty)
		b->tty = (BPF_CORE_READ(tty, driver, major) << 8) +
			 BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index);
	b->net_ns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	b->user_ns = BPF_CORE_READ(task, real_cred, user_ns, ns.inum);
	fill_inner_pid(b, BPF_CORE_READ(leader, thread_pid));
}

/* Where the program's file came from. An overlay inode has its upper dentry right behind the inode that it contains. */
static __always_inline void fill_exe(struct exec_body *b, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	unsigned long magic;
	struct dentry *upper = NULL;
	char name[8] = {};
	const unsigned char *text;

	if (!inode)
		return;
	magic = BPF_CORE_READ(inode, i_sb, s_magic);
	b->exe_inode = BPF_CORE_READ(inode, i_ino);
	b->exe_dev = BPF_CORE_READ(inode, i_sb, s_dev);
	b->exe_flags = EXE_KNOWN;
	if (BPF_CORE_READ(inode, i_nlink) == 0)
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
