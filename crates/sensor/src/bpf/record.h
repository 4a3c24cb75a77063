/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What goes through the ring: one header, one body per kind, then text. Read by src/record.rs, byte by byte; change both.
 * All numbers are in the machine's byte order, all structs without holes. Times are nanoseconds of CLOCK_BOOTTIME.
 */
#ifndef SEAWALL_RECORD_H
#define SEAWALL_RECORD_H

enum record_kind {
	RECORD_EXEC = 1,
	RECORD_EXIT = 2,
	RECORD_OPEN = 3,
	RECORD_CONNECT = 4,
	RECORD_FORK = 5,
	RECORD_CALL = 6,
	RECORD_CHANGE = 7,
	RECORD_CGROUP = 8,
	RECORD_DNS = 9,
	RECORD_TASK = 10,
	RECORD_CAPABILITY = 11,
	RECORD_FPU = 12,
	RECORD_URING = 13,
	RECORD_SIGNAL = 14,
};

/* Counters per signal, index into the `losses` map: two u64 each. */
struct loss {
	__u64 lost;	/* the ring was full */
	__u64 filtered; /* left out on purpose */
};

struct header {
	__u32 size; /* whole record */
	__u16 kind;
	__u16 signal; /* index of the signal in `losses` and in src/signal.rs */
	__u64 time;
	__u64 start_time; /* of the thread group's leader */
	__u64 cgroup_id;
	__u64 caps_effective;
	__u64 caps_permitted;
	__u32 pid; /* thread group, in the host's pid namespace */
	__u32 tid;
	__u32 uid;
	__u32 gid;
	__u32 login_uid;
	__u32 mnt_ns;
	char comm[16];
	__u64 exec_id; /* grows with every exec of the process */
}; /* 96 bytes */

/* Bits of exec_body.exe_flags and of task records. */
#define EXE_UPPER 1
#define EXE_OVERLAY 2
#define EXE_DELETED 4
#define EXE_MEMFD 8
#define EXE_TMPFS 16
#define EXE_KNOWN 32

struct address {
	__u16 family; /* AF_INET, AF_INET6, AF_UNIX or 0 */
	__u16 local_port;
	__u16 remote_port;
	__u16 protocol; /* IPPROTO_* */
	__u8 local[16];
	__u8 remote[16];
}; /* 40 bytes */

#define STDIO_NONE 0
#define STDIO_FILE 1
#define STDIO_PIPE 2
#define STDIO_SOCKET 3
#define STDIO_TTY 4

struct exec_body {
	__u64 parent_start;
	__u64 exe_inode;
	__u32 ppid;
	__u32 tty;
	__u32 sid;
	__u32 pgid;
	__u32 vpid;
	__u32 pid_ns;
	__u32 net_ns;
	__u32 user_ns;
	__u32 exe_flags;
	__u32 exe_dev;
	__u16 argv_size;
	__u16 exe_size;
	__u16 cwd_size;
	__u16 script_size;
	__u16 env_size;
	__u16 flags; /* bit 0: argv truncated */
	__u8 stdio[3];
	__u8 pad;
	struct address peers[3]; /* of a pipe: its inode number in `local`; of a character device: its number */
	__u64 exe_changed;	 /* nanoseconds since 1970: status, content */
	__u64 exe_modified;
}; /* 208 bytes, then argv (NUL after each), exe, cwd, script, env (NUL after each) */

struct exit_body {
	__u32 code; /* as in wait(2) */
	__u32 pad;
};

#define OPEN_USER_PATH 1
#define OPEN_UNJUDGED 2 /* user space did not judge the process as it is now */

struct open_body {
	__s64 result;
	__u64 inode;
	__u32 flags; /* open(2) */
	__u32 bits;  /* OPEN_* */
	__u32 mode;  /* of a file that is created */
	__u16 path_size;
	__u16 raw_size;
}; /* 32 bytes, then path, the string the caller gave */

struct connect_body {
	__s64 result;
	__s32 fd;
	__u16 path_size;
	__u16 how; /* 0 connect, 1 accept, 2 listen, 3 bind, 4 send */
	struct address address;
}; /* 56 bytes, then the path of a Unix socket */

struct fork_body {
	__u64 start_time;
	__u64 flags; /* clone(2) */
	__u32 pid;
	__u32 vpid;
}; /* 24 bytes; the header is the parent's */

/* A system call by its number and arguments; what they mean is told in src/calls.rs. */
struct call_body {
	__s64 result;
	__u64 args[6];
	__u32 number;
	__u16 text_size;
	__u16 pad;
}; /* 64 bytes, then a string that one of the arguments points at, or (dup) the address of the socket */

/* What was done to a file is the system call's number; src/calls.rs knows them. */
struct change_body {
	__s64 result;
	__u32 number;
	__u32 mode; /* the argument mode or flags, as it is */
	__u16 base_size[2];
	__u16 path_size[2];
	__u32 bits; /* CHANGE_* */
	__u32 pad;
}; /* 32 bytes, then directory, path, directory, path */

#define CHANGE_KERNEL_PATH 1 /* the first path is the kernel's own, by its descriptor */

struct capability_body {
	__s32 capability;
	__s32 result;
}; /* 8 bytes */

struct fpu_body {
	__u32 hits;
	__u32 window_ms;
}; /* 8 bytes */

struct dns_body {
	__u16 family;
	__u16 server_port;
	__u16 payload_size;
	__u16 outgoing;
	__u8 server[16];
}; /* 24 bytes, then the message */

struct uring_body {
	__u32 opcode;
	__s32 fd;
	__u32 submitter; /* thread group on whose behalf, when a kernel thread does it */
	__u32 path_size;
}; /* 16 bytes, then the path of its file */

struct signal_body {
	__s32 number;
	__s32 target;
	__s32 result;
	__s32 code;
}; /* 16 bytes */

struct cgroup_body {
	__u64 id;
	__u32 removed;
	__u16 path_size;
	__u16 pad;
}; /* 16 bytes, then the path below the unified hierarchy; the header is that of who made it */

#endif
