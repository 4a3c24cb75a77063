/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Shared by all programs: the ring, the settings, the header, and paths by walking dentries.
 * The maps named here are created by the loader and reused however the programs are loaded; `scratch` belongs to each
 * object file: programs that use it run with preemption off, the snapshot's may sleep and has its own.
 */
#ifndef SEAWALL_COMMON_H
#define SEAWALL_COMMON_H

#include "vmlinux.h"
#include "record.h"
#include "signals.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SIGNALS 32
#define SYSCALLS 512
/* A path longer than this is cut at its front; PATH_MAX is 4096, real ones are below 200. */
#define PATH_SIZE 1024
#define NAME_SIZE 255
#define COMPONENTS 40
/* Text of one record. Arguments beyond it are cut and the record says so. */
#define TEXT_SIZE 8192

/*
 * System calls by architecture: numbers, and arguments at the end of a call. On arm64 the first argument's register
 * holds the result then, the kernel keeps the original beside it. Calls that arm64 never had get a number out of range.
 */
#if defined(__TARGET_ARCH_x86)
#define syscall_number(regs) ((__u32)(regs)->orig_ax)
#define ARG1(regs) ((regs)->di)
#define ARG2(regs) ((regs)->si)
#define ARG3(regs) ((regs)->dx)
#define ARG4(regs) ((regs)->r10)
#define ARG5(regs) ((regs)->r8)
#define ARG6(regs) ((regs)->r9)
#define TS_COMPAT 2
/* A 32-bit call (`int 0x80`, also of 64-bit programs) has another table of numbers and other registers: compat.h. */
#define is_compat_of(task) ((task)->thread_info.status & TS_COMPAT)
#define is_compat() is_compat_of(current_task())
/* arch/x86/entry/syscalls/syscall_64.tbl */
#define NR_OPEN 2
#define NR_IOCTL 16
#define NR_SOCKET 41
#define NR_CONNECT 42
#define NR_ACCEPT 43
#define NR_SENDTO 44
#define NR_SENDMSG 46
#define NR_BIND 49
#define NR_LISTEN 50
#define NR_RENAME 82
#define NR_MKDIR 83
#define NR_RMDIR 84
#define NR_CREAT 85
#define NR_LINK 86
#define NR_UNLINK 87
#define NR_SYMLINK 88
#define NR_CHMOD 90
#define NR_FCHMOD 91
#define NR_CHOWN 92
#define NR_FCHOWN 93
#define NR_LCHOWN 94
#define NR_TRUNCATE 76
#define NR_FTRUNCATE 77
#define NR_CHROOT 161
#define NR_UMOUNT2 166
#define NR_DELETE_MODULE 176
#define NR_MKDIRAT 258
#define NR_FCHOWNAT 260
#define NR_UNLINKAT 263
#define NR_RENAMEAT 264
#define NR_LINKAT 265
#define NR_SYMLINKAT 266
#define NR_FCHMODAT 268
#define NR_FUTIMESAT 261
#define NR_UTIMENSAT 280
#define NR_OPEN_BY_HANDLE_AT 304
#define NR_RENAMEAT2 316
#define NR_FSOPEN 430
#define NR_OPENAT2 437
#define NR_FCHMODAT2 452
#else
#error "only x86-64 so far: add the numbers and registers of this architecture here"
#endif

/*
 * Pointers that were found behind others are cast to what they point at: the verifier then lets fields be read in
 * place, a few instructions where bpf_probe_read_kernel() is a call. Kernels before 6.2 have no such cast, there the
 * same fields are read by calls. `TYPED` says which; it is a constant when the program is loaded.
 */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#define TYPED (!!bpf_rdonly_cast)
#define as(type, pointer) ((type *)bpf_rdonly_cast((pointer), bpf_core_type_id_kernel(type)))
/*
 * Without the verifier's trust: for each pointer that is read from a trusted one it searches all names of the kernel's
 * types for annotations, which is most of what loading would take.
 */
#define plain(type, pointer) (TYPED ? as(type, pointer) : (pointer))
#define current_task() plain(struct task_struct, bpf_get_current_task_btf())

struct settings {
	__u32 own_pid;	 /* thread group of the sensor: never reported, else it would watch itself reading */
	__u32 flags;
	__u32 fields;	 /* FIELD_* that some rule reads */
	__u32 pad;
};
#define SETTING_CONNECT_BY_SYSCALL 1
#define SETTING_SEND_ALL 2 /* repetitions, too: for recordings */
/* Processes that a rule matched and whose opens are all sent. */
#define MATCHED 1024
/* Processes whose opens were judged. */
#define JUDGED 8192
#define FIELD_ENV 1

#define RING_SIZE (8 << 20)
/* Of the ring, for what tells who is who: without it all else that is told is of somebody unknown. */
#define RING_RESERVED (RING_SIZE / 4)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_SIZE);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SIGNALS);
	__type(key, __u32);
	__type(value, struct loss);
} losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct scratch {
	struct header header;
	char text[TEXT_SIZE + 4096];
	__u64 position;
	/* Where the walk is, and where it ends. */
	volatile __u64 mnt, dentry, root_mnt, root_dentry;
	/* Where the search of a path is, and where it was behind the folder's part of it. */
	__u64 hit, hit_before;
	__u32 at, end, row, row_before, named;
	/* The walk writes from PATH_SIZE towards the front; the tail keeps the verifier content. */
	char path[PATH_SIZE * 2];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline const struct settings *get_settings(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline struct scratch *get_scratch(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&scratch, &zero);
}

static __always_inline bool is_own(const struct task_struct *task)
{
	const struct settings *s = get_settings();
	return !s || s->own_pid == (__u32)task->tgid;
}

static __always_inline void count_lost(__u32 signal)
{
	struct loss *loss = bpf_map_lookup_elem(&losses, &signal);
	if (loss)
		loss->lost++;
}

static __always_inline void count_filtered(__u32 signal)
{
	struct loss *loss = bpf_map_lookup_elem(&losses, &signal);
	if (loss)
		loss->filtered++;
}

/* One number of eight bytes, or two of four. */
static __always_inline __u64 capabilities(const kernel_cap_t *set)
{
	return *(const __u64 *)set;
}

static __always_inline void fill_header(struct header *h, const struct task_struct *task, __u16 kind, __u16 signal)
{
	const struct task_struct *leader = task->group_leader;
	const struct cred *cred = task->real_cred;

	h->kind = kind;
	h->signal = signal;
	h->time = bpf_ktime_get_boot_ns();
	h->start_time = leader->start_boottime;
	h->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	h->pid = task->tgid;
	h->tid = task->pid;
	h->uid = cred->uid.val;
	h->gid = cred->gid.val;
	h->caps_effective = capabilities(&cred->cap_effective);
	h->caps_permitted = capabilities(&cred->cap_permitted);
	h->login_uid = task->loginuid.val;
	h->mnt_ns = task->nsproxy->mnt_ns->ns.inum;
	/* The leader's name, as /proc/PID/comm shows: a thread may call itself anything. */
	__builtin_memcpy(h->comm, leader->comm, sizeof(h->comm));
	h->exec_id = task->self_exec_id;
}

/* Whether the ring has room left for a signal. */
static __always_inline bool has_room(__u32 signal)
{
	if (signal == SIGNAL_EXEC || signal == SIGNAL_EXIT || signal == SIGNAL_FORK || signal == SIGNAL_CONTAINER)
		return true;
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < RING_SIZE - RING_RESERVED;
}

/* A record of the ring, or NULL when it is full. */
#define reserve(size, signal) (has_room(signal) ? bpf_ringbuf_reserve(&events, size, 0) : NULL)

/* Sends `size` bytes from the header on. False when the ring was full. */
static __always_inline bool submit(struct scratch *s, __u32 size)
{
	/* Else the compiler compares one register and passes another, and the verifier does not know that they are equal. */
	barrier_var(size);
	if (size > sizeof(s->header) + TEXT_SIZE)
		size = sizeof(s->header) + TEXT_SIZE;
	barrier_var(size);
	s->header.size = size;
	if (has_room(s->header.signal) && !bpf_ringbuf_output(&events, s, size, 0))
		return true;
	count_lost(s->header.signal);
	return false;
}

/*
 * One component of a path towards the root. False when there are no more.
 * What changes from turn to turn lives in the map: the verifier then knows nothing of it and all turns look alike to it,
 * where registers would give each turn its own ranges and types, and a hundred thousand states in all.
 */
#define STEP(step, FIELD, CAST)											       \
	static __always_inline bool step(struct scratch *s)							       \
	{													       \
		const void *mnt = (const void *)s->mnt, *dentry = (const void *)s->dentry;			       \
		const void *parent;										       \
		__u32 len, at;											       \
														       \
		if (s->dentry == s->root_dentry && s->mnt == s->root_mnt)					       \
			return false;										       \
		if (dentry == FIELD(CAST(struct vfsmount, mnt), mnt_root)) {					       \
			const struct mount *here = CAST(struct mount, mount_of(mnt));				       \
			const void *above = FIELD(here, mnt_parent);						       \
														       \
			if (above == mount_of(mnt))								       \
				return false;									       \
			s->dentry = (__u64)FIELD(here, mnt_mountpoint);						       \
			s->mnt = (__u64)above + bpf_core_field_offset(struct mount, mnt);			       \
			return true;										       \
		}												       \
		parent = FIELD(CAST(struct dentry, dentry), d_parent);						       \
		len = FIELD(CAST(struct dentry, dentry), d_name.len) & NAME_SIZE;				       \
		if (s->position < len + 1)									       \
			return false;										       \
		at = (s->position - len) & (PATH_SIZE - 1);							       \
		bpf_probe_read_kernel(&s->path[at], len, FIELD(CAST(struct dentry, dentry), d_name.name));	       \
		s->position = at;										       \
		if (parent == dentry)										       \
			return false;										       \
		at = (at - 1) & (PATH_SIZE - 1);								       \
		s->path[at] = '/';										       \
		s->position = at;										       \
		s->dentry = (__u64)parent;									       \
		return true;											       \
	}

#define IN_PLACE(pointer, field) ((pointer)->field)
#define BY_CALL(pointer, field) BPF_CORE_READ(pointer, field)
#define AS_IT_IS(type, pointer) ((type *)(pointer))

static __always_inline const void *mount_of(const void *vfsmnt)
{
	return vfsmnt - bpf_core_field_offset(struct mount, mnt);
}

STEP(step_in_place, IN_PLACE, as)
STEP(step_by_calls, BY_CALL, AS_IT_IS)

struct walk {
	struct scratch *s;
};

static long step_of_loop(__u32 turn, struct walk *walk)
{
	return !step_in_place(walk->s);
}

/* A function of its own: kernels before 6.2 know no loop that is entered behind a call. */
static __noinline int walk_by_calls(struct scratch *s)
{
	for (int i = 0; i < COMPONENTS; i++) {
		if (!step_by_calls(s))
			break;
	}
	return 0;
}

/*
 * Walks from where scratch says. A function that is verified once, by itself, and not wherever it is called: kernels
 * that know bpf_loop() verify one turn of it, before 5.17 all turns are verified, which takes them a while.
 */
__noinline int walk_up(void)
{
	struct walk walk = { get_scratch() };

	if (!walk.s)
		return 0;
	if (TYPED)
		bpf_loop(COMPONENTS, step_of_loop, &walk, 0);
	else
		walk_by_calls(walk.s);
	return 0;
}

/*
 * Writes the path of (mnt, dentry) as the task sees it, from its root directory on, into s->path; s->position says where
 * it starts. A file that has no place in the tree (memfd) gives its bare name.
 */
static __always_inline void walk_path(struct scratch *s, const void *mnt, const void *dentry,
				      const struct task_struct *task)
{
	s->position = PATH_SIZE;
	s->mnt = (__u64)mnt;
	s->dentry = (__u64)dentry;
	s->root_mnt = (__u64)task->fs->root.mnt;
	s->root_dentry = (__u64)task->fs->root.dentry;
	walk_up();
	if (s->position >= PATH_SIZE) {
		s->position = PATH_SIZE - 1;
		s->path[PATH_SIZE - 1] = '/';
	}
}

static __always_inline void walk_file(struct scratch *s, struct file *file, const struct task_struct *task)
{
	if (TYPED) {
		struct file *typed = as(struct file, file);

		walk_path(s, typed->f_path.mnt, typed->f_path.dentry, task);
	} else {
		walk_path(s, BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry), task);
	}
}

static __always_inline void walk_cwd(struct scratch *s, const struct task_struct *task)
{
	walk_path(s, task->fs->pwd.mnt, task->fs->pwd.dentry, task);
}

static __always_inline struct file *file_of(const struct task_struct *task, __u32 fd)
{
	struct fdtable *fdt = task->files->fdt;
	struct file **table = fdt->fd;
	struct file *file = NULL;

	if (fd >= fdt->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), table + fd);
	return file;
}

#define AT_FDCWD -100

/* The folder that a name is relative to. One walk, however it was found: each walk costs the verifier a while. */
static __always_inline bool walk_at(struct scratch *s, __s32 fd, const struct task_struct *task)
{
	const void *mnt = task->fs->pwd.mnt, *dentry = task->fs->pwd.dentry;

	if (fd != AT_FDCWD) {
		struct file *file = file_of(task, fd);

		if (!file)
			return false;
		bpf_probe_read_kernel(&mnt, sizeof(mnt), &file->f_path.mnt);
		bpf_probe_read_kernel(&dentry, sizeof(dentry), &file->f_path.dentry);
	}
	walk_path(s, mnt, dentry, task);
	return true;
}

/* Copies the walked path behind `at` bytes of text; returns its size. */
static __always_inline __u32 append_path(struct scratch *s, __u32 at)
{
	__u32 position = s->position & (PATH_SIZE - 1);
	__u32 size = (PATH_SIZE - position) & (PATH_SIZE * 2 - 1);

	if (size > PATH_SIZE)
		return 0;
	bpf_probe_read_kernel(&s->text[at & (TEXT_SIZE - 1)], size, &s->path[position]);
	return size;
}

#define S_IFMT 00170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFCHR 0020000
#define S_IFIFO 0010000
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

static __always_inline struct sock *sock_of(struct file *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline void fill_address(struct address *a, struct sock *sk)
{
	a->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	a->protocol = BPF_CORE_READ(sk, sk_protocol);
	if (a->family == AF_INET) {
		a->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		a->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
		bpf_core_read(a->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(a->remote, 4, &sk->__sk_common.skc_daddr);
	} else if (a->family == AF_INET6) {
		a->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		a->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
		bpf_core_read(a->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(a->remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

#endif
