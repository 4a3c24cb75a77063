/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Signals whose hooks cost other programs nothing: capabilities, signals to other processes, io_uring requests, and the
 * rounding mode of the FPU. Each is thinned out in the kernel: what repeats is counted, not sent.
 */
#include "common.h"
#include "signals.h"
#include "uring.bpf.h"

/* (thread group, capability) pairs that were told already; the oldest are forgotten first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u8);
} told SEC(".maps");

struct capability_record {
	struct header header;
	struct capability_body body;
};

/* Asked for very often, also by whoever has all of them; only the first of each process and capability is told. */
static __always_inline int capability_asked(int cap, int result)
{
	struct task_struct *task = current_task();
	__u64 key = ((__u64)BPF_CORE_READ(task, tgid) << 32) | (__u32)(cap << 1) | (result != 0);
	struct capability_record *r;
	__u8 one = 1;

	if (is_own(task))
		return 0;
	if (bpf_map_lookup_elem(&told, &key)) {
		count_filtered(SIGNAL_CAPABILITY);
		return 0;
	}
	bpf_map_update_elem(&told, &key, &one, BPF_ANY);
	r = reserve(sizeof(*r), SIGNAL_CAPABILITY);
	if (!r) {
		count_lost(SIGNAL_CAPABILITY);
		return 0;
	}
	fill_header(&r->header, task, RECORD_CAPABILITY, SIGNAL_CAPABILITY);
	r->header.size = sizeof(*r);
	r->body.capability = cap;
	r->body.result = result;
	bpf_ringbuf_submit(r, 0);
	return 0;
}

SEC("tp_btf/cap_capable")
int BPF_PROG(capability, const struct cred *cred, struct user_namespace *target, const struct user_namespace *have,
	     int cap, int result)
{
	return capability_asked(cap, result);
}

/* Kernels before 6.14 lack the tracepoint. */
SEC("fexit/cap_capable")
int BPF_PROG(capability_exit, const struct cred *cred, struct user_namespace *target, int cap, unsigned int opts,
	     int result)
{
	return capability_asked(cap, result);
}

struct signal_record {
	struct header header;
	struct signal_body body;
};

#define SIGCHLD 17
#define SI_USER 0
#define SI_TKILL -6

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_sent, int number, struct kernel_siginfo *info, struct task_struct *target, int group, int result)
{
	struct task_struct *task = current_task();
	struct signal_record *r;
	int code = SI_USER;

	/* SEND_SIG_NOINFO is 0, SEND_SIG_PRIV is 1: the kernel's own. */
	if ((unsigned long)info == 1 || number == SIGCHLD)
		return 0;
	if (info)
		code = BPF_CORE_READ(info, si_code);
	if (code != SI_USER && code != SI_TKILL)
		return 0;
	if (BPF_CORE_READ(target, tgid) == BPF_CORE_READ(task, tgid) || is_own(task))
		return 0;
	r = reserve(sizeof(*r), SIGNAL_SIGNAL);
	if (!r) {
		count_lost(SIGNAL_SIGNAL);
		return 0;
	}
	fill_header(&r->header, task, RECORD_SIGNAL, SIGNAL_SIGNAL);
	r->header.size = sizeof(*r);
	r->body.number = number;
	r->body.target = BPF_CORE_READ(target, tgid);
	r->body.result = result;
	r->body.code = code;
	bpf_ringbuf_submit(r, 0);
	return 0;
}

/* include/uapi/linux/io_uring.h: what opens, connects, or changes names; reads and writes of open files are not told. */
static __always_inline bool is_telling(__u8 opcode)
{
	switch (opcode) {
	case 13: /* ACCEPT */
	case 16: /* CONNECT */
	case 18: /* OPENAT */
	case 28: /* OPENAT2 */
	case 35: /* RENAMEAT */
	case 36: /* UNLINKAT */
	case 37: /* MKDIRAT */
	case 38: /* SYMLINKAT */
	case 39: /* LINKAT */
	case 45: /* SOCKET */
		return true;
	default:
		return false;
	}
}

struct uring_record {
	struct header header;
	struct uring_body body;
};

static __always_inline int request_told(struct io_kiocb *request, __u8 opcode)
{
	struct task_struct *task = current_task();
	struct uring_record *r;

	if (is_own(task))
		return 0;
	if (!is_telling(opcode)) {
		count_filtered(SIGNAL_IO_URING);
		return 0;
	}
	r = reserve(sizeof(*r), SIGNAL_IO_URING);
	if (!r) {
		count_lost(SIGNAL_IO_URING);
		return 0;
	}
	fill_header(&r->header, task, RECORD_URING, SIGNAL_IO_URING);
	r->header.size = sizeof(*r);
	r->body.opcode = opcode;
	r->body.fd = BPF_CORE_READ(request, cqe.fd);
	r->body.submitter = BPF_CORE_READ(request, ctx, submitter_task, tgid);
	r->body.path_size = 0;
	bpf_ringbuf_submit(r, 0);
	open_requested(request, opcode, task);
	return 0;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(uring_request, struct io_kiocb *request)
{
	return request_told(request, BPF_CORE_READ(request, opcode));
}

/* Its name before 6.4. Before 6.0 the first argument was another; read in place, it is refused there. */
SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(uring_request_sqe, struct io_kiocb *request)
{
	return request_told(request, request->opcode);
}

/*
 * RandomX switches the SSE rounding mode all the time, almost nothing else ever does. Sampled where the kernel saves a
 * task's registers; a process with enough samples in a window is told, then again after the next window.
 */
#define MXCSR_ROUNDING 0x6000
#define FPU_WINDOW_NS 5000000000ULL
#define FPU_HITS 5

struct rounding {
	__u64 since;
	__u32 hits;
	__u32 told;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct rounding);
} roundings SEC(".maps");

struct fpu_record {
	struct header header;
	struct fpu_body body;
};

SEC("tp_btf/x86_fpu_regs_deactivated")
int BPF_PROG(fpu_rounding, struct fpu *fpu)
{
	struct task_struct *task = current_task();
	__u32 pid = BPF_CORE_READ(task, tgid);
	__u32 mxcsr = BPF_CORE_READ(fpu, fpstate, regs.fxsave.mxcsr);
	struct rounding fresh = {}, *seen;
	struct fpu_record *r;
	__u64 now;

	if (!(mxcsr & MXCSR_ROUNDING))
		return 0;
	now = bpf_ktime_get_boot_ns();
	seen = bpf_map_lookup_elem(&roundings, &pid);
	if (!seen) {
		fresh.since = now;
		fresh.hits = 1;
		bpf_map_update_elem(&roundings, &pid, &fresh, BPF_ANY);
		return 0;
	}
	if (now - seen->since > FPU_WINDOW_NS) {
		seen->since = now;
		seen->hits = 0;
		seen->told = 0;
	}
	seen->hits++;
	if (seen->hits < FPU_HITS || seen->told)
		return 0;
	seen->told = 1;
	r = reserve(sizeof(*r), SIGNAL_FPU_ROUNDING);
	if (!r) {
		count_lost(SIGNAL_FPU_ROUNDING);
		return 0;
	}
	fill_header(&r->header, task, RECORD_FPU, SIGNAL_FPU_ROUNDING);
	r->header.size = sizeof(*r);
	r->body.hits = seen->hits;
	r->body.window_ms = (now - seen->since) / 1000000;
	bpf_ringbuf_submit(r, 0);
	return 0;
}
