/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All programs in one object file: the kernel's types are read and matched once for all of them, which is most of what
 * starting takes. The loader can still load each one alone, with the others left out (src/kernel/mod.rs).
 */
#include "accept.bpf.h"
#include "call.bpf.h"
#include "connect.bpf.h"
#include "container.bpf.h"
#include "dispatch.bpf.h"
#include "dns.bpf.h"
#include "exec.bpf.h"
#include "exit.bpf.h"
#include "file_change.bpf.h"
#include "file_open.bpf.h"
#include "fork.bpf.h"
#include "quiet.bpf.h"
