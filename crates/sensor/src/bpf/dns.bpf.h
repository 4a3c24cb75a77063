/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dns: datagrams, and messages in one segment of TCP, from and to port 53 at the root cgroup's packet hooks. The message
 * goes to user space, which parses it; here only the lengths of the headers are looked at. Questions are told by the
 * process that sends; answers come in whoever happens to run, so that user space ties them to the question by address,
 * port and id.
 */
#include "common.h"
#include "signals.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define DNS_PORT 53
#define MESSAGE_SIZE 512

struct dns_record {
	struct header header;
	struct dns_body body;
	__u8 message[MESSAGE_SIZE];
};

static __always_inline int packet(struct __sk_buff *skb, __u16 outgoing)
{
	struct task_struct *task;
	struct dns_record *r;
	__u8 first, protocol;
	__u16 ports[2];
	__u32 udp, message, size, address;
	__u16 length;
	__u8 first_of_flags;

	if (bpf_skb_load_bytes(skb, 0, &first, 1))
		return 1;
	if (first >> 4 == 4) {
		udp = (first & 15) * 4;
		address = outgoing ? 16 : 12;
		if (bpf_skb_load_bytes(skb, 9, &protocol, 1))
			return 1;
	} else {
		/* Extension headers before UDP are not followed: resolvers send none. */
		udp = 40;
		address = outgoing ? 24 : 8;
		if (bpf_skb_load_bytes(skb, 6, &protocol, 1))
			return 1;
	}
	if ((protocol != PROTOCOL_UDP && protocol != PROTOCOL_TCP) || bpf_skb_load_bytes(skb, udp, ports, 4))
		return 1;
	if (ports[outgoing ? 1 : 0] != __builtin_bswap16(DNS_PORT))
		return 1;
	message = udp + 8;
	if (protocol == PROTOCOL_TCP) {
		/* Behind the header (RFC 9293) a length, then the message (RFC 1035, 4.2.2); one that is cut is not told. */
		if (bpf_skb_load_bytes(skb, udp + 12, &first_of_flags, 1))
			return 1;
		message = udp + (first_of_flags >> 4) * 4 + 2;
		if (message > skb->len || bpf_skb_load_bytes(skb, message - 2, &length, 2))
			return 1;
		if (__builtin_bswap16(length) != skb->len - message)
			return 1;
	}
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		count_lost(SIGNAL_DNS);
		return 1;
	}
	task = current_task();
	fill_header(&r->header, task, RECORD_DNS, SIGNAL_DNS);
	r->header.size = sizeof(*r);
	r->body.family = first >> 4 == 4 ? AF_INET : AF_INET6;
	r->body.server_port = DNS_PORT;
	r->body.outgoing = outgoing;
	__builtin_memset(r->body.server, 0, sizeof(r->body.server));
	if (first >> 4 == 4)
		bpf_skb_load_bytes(skb, address, r->body.server, 4);
	else
		bpf_skb_load_bytes(skb, address, r->body.server, 16);
	size = skb->len - message;
	if (size > MESSAGE_SIZE)
		size = MESSAGE_SIZE;
	if (size == 0)
		goto discard;
	/* From 1 to MESSAGE_SIZE, in a form that verifiers before 6.4 follow. */
	size--;
	barrier_var(size);
	size = (size & (MESSAGE_SIZE - 1)) + 1;
	if (bpf_skb_load_bytes(skb, message, r->message, size)) {
discard:
		bpf_ringbuf_discard(r, 0);
		return 1;
	}
	r->body.payload_size = size;
	bpf_ringbuf_submit(r, 0);
	return 1;
}

SEC("cgroup_skb/egress")
int dns_out(struct __sk_buff *skb)
{
	return packet(skb, 1);
}

SEC("cgroup_skb/ingress")
int dns_in(struct __sk_buff *skb)
{
	return packet(skb, 0);
}
