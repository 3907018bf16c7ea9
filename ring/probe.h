/* SPDX-License-Identifier: MIT */
/*
 * What this kernel's io_uring offers: opcodes, register operations, features,
 * flags, limits. For a program that wants to choose before it starts, and for
 * bug reports (`bareblk ring probe`). A ring that is merely to be made needs
 * none of this: ring_init() falls back by itself, and a ring says what it got.
 *
 * One answer to a question about one ring is ring_register_probe() or ring_query()
 * of ring/register.h.
 *
 * Nothing is remembered and nothing stays behind; any thread may ask. It takes
 * some milliseconds, three megabytes for a moment, and some dozens of system
 * calls.
 */
#ifndef RING_PROBE_H
#define RING_PROBE_H

#include "uapi/types.h"

/**
 * struct ring_probe - an answer
 * @ops:            a bit per IORING_OP_*; see ring_probe_has_op()
 * @register_ops:   a bit per IORING_REGISTER_* that the kernel knows
 * @features:       IORING_FEAT_*
 * @setup_flags:    IORING_SETUP_* that a ring can be made with, here and now:
 *                  each was tried, with those that it cannot be without
 * @enter_flags:    IORING_ENTER_* that the kernel knows
 * @nr_ops:         opcodes of this kernel, supported or not: one above the last
 * @max_sq_entries: what the largest ring has; 0 when it could not be made
 *                  (-ENOMEM, in a small cgroup)
 * @max_cq_entries: the same
 * @max_ring_fds:   rings that a thread can register, beside those it has
 */
struct ring_probe {
	u64 ops[4];
	u64 register_ops;
	u64 features;
	u64 setup_flags;
	u64 enter_flags;
	u32 nr_ops;
	u32 max_sq_entries;
	u32 max_cq_entries;
	u32 max_ring_fds;
};

/**
 * ring_get_probe() - ask the kernel
 * @p: overwritten, all of it; on failure it is zeroed
 *
 * Return: 0, or
 *   -EPERM   io_uring is switched off (sysctl kernel.io_uring_disabled), or a
 *            seccomp filter or security module refuses it, or a part of it
 *   -ENOSYS  the kernel has no io_uring, or a seccomp filter hides it
 *   -EINVAL  the kernel is older than 5.6: it cannot be asked for its opcodes
 *   -ENOMEM, -EMFILE, -ENFILE
 */
NODISCARD int ring_get_probe(struct ring_probe *p);

/* ring_probe_has_op() - true when the kernel has IORING_OP_* @op */
static inline bool ring_probe_has_op(const struct ring_probe *p, u8 op)
{
	return p->ops[op / 64] >> op % 64 & 1;
}

#endif
