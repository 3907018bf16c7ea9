/* SPDX-License-Identifier: MIT */
/*
 * What a ring test needs of the kernel. On a kernel that has it nothing
 * happens; on one that lacks it the case ends as skipped, with a reason that
 * ends in the first release that has it: "IORING_OP_PIPE (Linux 6.16)". On
 * that release or a newer one the same is a failure, and check/judge.sh holds
 * a report to this once more.
 *
 * A kernel that lacks something has to refuse it cleanly: before they skip,
 * NEED_OP, NEED_REGISTER and NEED_SETUP ask for it, and anything but -EINVAL
 * fails the case.
 */
#ifndef SELFTESTS_RING_CAPS_H
#define SELFTESTS_RING_CAPS_H

#include "uapi/types.h"

/** NEED_OP() - an opcode, IORING_OP_* */
#define NEED_OP(op)							\
	do {								\
		if (!ring_has_op(op))					\
			need_linux(ring_op_release(op), #op);		\
	} while (0)

/** NEED_REGISTER() - an operation of io_uring_register(2), IORING_REGISTER_* */
#define NEED_REGISTER(op)						\
	do {								\
		if (!ring_has_register(op))				\
			need_linux(ring_register_release(op), #op);	\
	} while (0)

/** NEED_SETUP() - one flag of io_uring_setup(2), IORING_SETUP_*; those that it
 * cannot be without are added for the trial */
#define NEED_SETUP(flag)						\
	do {								\
		if (!ring_has_setup(flag))				\
			need_linux(ring_setup_release((u32)__builtin_ctz(flag)), #flag);	\
	} while (0)

/** NEED_FEAT() - one feature of the kernel's answer to that, IORING_FEAT_* */
#define NEED_FEAT(feature)						\
	do {								\
		if (!ring_has_feat(feature))				\
			need_linux(ring_feat_release((u32)__builtin_ctz(feature)), #feature);	\
	} while (0)

/**
 * need_linux() - the kernel has refused, with -EINVAL or -EOPNOTSUPP: may it?
 * @release: the first that has it, "6.12"
 * @what:    what it is: "incremental provided buffers"
 *
 * For what cannot be asked beforehand. Skips on an older kernel, fails on
 * @release and newer ones.
 */
_Noreturn void need_linux(const char *release, const char *what);

/** is_linux() - the kernel is @release ("6.12") or newer */
bool is_linux(const char *release);

/** ring_op_release() - the first release that has an opcode: "6.16"; NULL for
 * one that Linux 7.3 does not know. The same for a register operation, and the
 * number of a bit of setup flags and of features. */
const char *ring_op_release(u32 op);
const char *ring_register_release(u32 op);
const char *ring_setup_release(u32 bit);
const char *ring_feat_release(u32 bit);

/** ring_has_op() - true, or false when it was refused with -EINVAL; anything
 * else fails the case. The same for what else can be asked for. */
bool ring_has_op(u32 op);
bool ring_has_register(u32 op);
bool ring_has_setup(u32 flag);
bool ring_has_feat(u32 feature);

#endif
