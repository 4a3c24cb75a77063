/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * container: a runtime makes a container's cgroup before any process is in it, so that this record comes first in the
 * ring and user space knows the container before its first event. Only the unified hierarchy counts: on machines with
 * both, each container has one cgroup there and one per controller elsewhere.
 */
#include "common.h"
#include "signals.h"

static __always_inline int tell_cgroup(struct cgroup *cgroup, const char *path, __u32 removed)
{
	struct scratch *s;
	struct cgroup_body *b;
	long size;

	if (BPF_CORE_READ(cgroup, root, hierarchy_id))
		return 0;
	s = get_scratch();
	if (!s)
		return 0;
	b = (void *)s->text;
	fill_header(&s->header, current_task(), RECORD_CGROUP, SIGNAL_CONTAINER);
	b->id = BPF_CORE_READ(cgroup, kn, id);
	b->removed = removed;
	b->path_size = 0;
	b->pad = 0;
	size = bpf_probe_read_kernel_str(s->text + sizeof(*b), PATH_SIZE, path);
	if (size > 0)
		b->path_size = size - 1;
	submit(s, sizeof(s->header) + sizeof(*b) + b->path_size);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *cgroup, const char *path)
{
	return tell_cgroup(cgroup, path, 0);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_gone, struct cgroup *cgroup, const char *path)
{
	return tell_cgroup(cgroup, path, 1);
}
