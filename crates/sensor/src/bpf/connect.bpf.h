/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * connect: at the end of the system call, with its result, where the dispatcher runs anyway; else before it, at the
 * cgroup's hook, which costs other calls nothing. The cgroup's hook also sees what io_uring connects, so that it stays
 * attached and then reports exactly what did not come through the system call. Datagrams to an address of their own
 * come through a hook of their own; only the first of each process to each address is told.
 */
#include "compat.h"
#include "signals.h"

#define EINPROGRESS 115

struct sockaddr_un_ {
	__u16 family;
	char path[108];
};

SEC("tp_btf/sys_exit")
int connect(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct scratch *s;
	struct connect_body *b;
	struct sock *sk;
	struct args args;
	__u32 at = sizeof(*b);

	if (is_own(task))
		return 0;
	s = get_scratch();
	if (!s)
		return 0;
	read_args(&args, (struct pt_regs *)ctx[0]);
	sk = sock_of(file_of(task, args.of[0]));
	if (!sk)
		return 0;
	b = (void *)s->text;
	__builtin_memset(b, 0, sizeof(*b));
	fill_header(&s->header, task, RECORD_CONNECT, SIGNAL_CONNECT);
	b->result = ctx[1];
	b->fd = args.of[0];
	fill_address(&b->address, sk);
	if (b->address.family == AF_UNIX) {
		long len = bpf_probe_read_user_str(&s->text[at], 108, (void *)args.of[1] + 2);

		if (len > 0) {
			b->path_size = len - 1;
			at += len - 1;
		}
	} else {
		/* The socket forgets its peer when the attempt fails, and an unconnected one never had it. */
		struct {
			__u16 family;
			__be16 port;
			__be32 ip4;
			__be32 ip6[4];
		} to = {};

		if (args.of[2] < 16 || bpf_probe_read_user(&to, 8, (void *)args.of[1]))
			return 0;
		if (!b->address.remote_port)
			b->address.remote_port = __builtin_bswap16(to.port);
		if (to.family == AF_INET) {
			if (!*(__u32 *)b->address.remote && b->address.family == AF_INET)
				__builtin_memcpy(b->address.remote, &to.ip4, 4);
		} else if (to.family == AF_INET6 && args.of[2] >= 24) {
			if (!*(__u64 *)b->address.remote && !*(__u64 *)(b->address.remote + 8))
				bpf_probe_read_user(b->address.remote, 16, (void *)args.of[1] + 8);
		} else {
			/* AF_UNSPEC takes an association away; there is no peer to tell of. */
			return 0;
		}
	}
	submit(s, sizeof(s->header) + at);
	return 0;
}

struct connect_record {
	struct header header;
	struct connect_body body;
};

/* Where a process sent datagrams already; the oldest are forgotten first. */
struct destination {
	__u32 pid;
	__u16 port, family;
	__u32 ip[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct destination);
	__type(value, __u8);
} destinations SEC(".maps");

static __always_inline bool is_known_destination(const struct task_struct *task, struct bpf_sock_addr *ctx, __u16 family)
{
	struct destination to = { .pid = task->tgid, .port = ctx->user_port, .family = family };
	__u8 one = 1;

	if (family == AF_INET) {
		to.ip[0] = ctx->user_ip4;
	} else {
		to.ip[0] = ctx->user_ip6[0];
		to.ip[1] = ctx->user_ip6[1];
		to.ip[2] = ctx->user_ip6[2];
		to.ip[3] = ctx->user_ip6[3];
	}
	if (bpf_map_lookup_elem(&destinations, &to))
		return true;
	bpf_map_update_elem(&destinations, &to, &one, BPF_ANY);
	return false;
}

/* Whether the handler above tells of the system call that goes on. */
static __always_inline bool is_told_by_call(void)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u32 number = BPF_CORE_READ(regs, orig_ax), *slots;

	if (!is_compat())
		return number == NR_CONNECT;
	if (number == COMPAT_SOCKETCALL)
		number = socketcall_number(BPF_CORE_READ(regs, bx));
	slots = bpf_map_lookup_elem(&syscalls, &number);
	return slots && *slots >> 8;
}

#define HOW_SEND 4
#define HOW_CONNECT_AT_CGROUP 5

/* These programs may be preempted, so that they write into the ring itself and not into the shared scratch. */
static __always_inline int at_cgroup(struct bpf_sock_addr *ctx, __u16 family, __u16 how)
{
	struct task_struct *task = current_task();
	const struct settings *settings = get_settings();
	struct connect_record *r;

	if (is_own(task))
		return 1;
	if (how == HOW_SEND && !(settings && settings->flags & SETTING_SEND_ALL) &&
	    is_known_destination(task, ctx, family)) {
		count_filtered(SIGNAL_CONNECT);
		return 1;
	}
	if (how == HOW_CONNECT_AT_CGROUP && settings && settings->flags & SETTING_CONNECT_BY_SYSCALL && is_told_by_call())
		return 1;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		count_lost(SIGNAL_CONNECT);
		return 1;
	}
	__builtin_memset(&r->body, 0, sizeof(r->body));
	fill_header(&r->header, task, RECORD_CONNECT, SIGNAL_CONNECT);
	r->header.size = sizeof(*r);
	/* An attempt to connect begins here, its end is not seen; a datagram is on its way. */
	r->body.result = how == HOW_SEND ? 0 : -EINPROGRESS;
	r->body.fd = -1;
	r->body.how = how;
	r->body.address.family = family;
	r->body.address.protocol = ctx->protocol;
	r->body.address.remote_port = __builtin_bswap16(ctx->user_port);
	if (family == AF_INET) {
		__u32 ip = ctx->user_ip4;

		__builtin_memcpy(r->body.address.remote, &ip, 4);
	} else {
		__u32 ip[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };

		__builtin_memcpy(r->body.address.remote, ip, 16);
	}
	bpf_ringbuf_submit(r, 0);
	return 1;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return at_cgroup(ctx, AF_INET, HOW_CONNECT_AT_CGROUP);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return at_cgroup(ctx, AF_INET6, HOW_CONNECT_AT_CGROUP);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return at_cgroup(ctx, AF_INET, HOW_SEND);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return at_cgroup(ctx, AF_INET6, HOW_SEND);
}
