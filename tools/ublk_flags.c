/* SPDX-License-Identifier: MIT */
/* The UBLK_F_* flags by name: one string, no pointers that would have to be relocated. */
#include "tools/ublk_flags.h"

#include "ring/names.h"

/* In the order of the bits */
#define FLAGS(X)                                                                                   \
	X(SUPPORT_ZERO_COPY, "6.15")                                                               \
	X(URING_CMD_COMP_IN_TASK, "6.0")                                                           \
	X(NEED_GET_DATA, "6.0")                                                                    \
	X(USER_RECOVERY, "6.1")                                                                    \
	X(USER_RECOVERY_REISSUE, "6.1")                                                            \
	X(UNPRIVILEGED_DEV, "6.3")                                                                 \
	X(CMD_IOCTL_ENCODE, "6.4")                                                                 \
	X(USER_COPY, "6.5")                                                                        \
	X(ZONED, "6.6")                                                                            \
	X(USER_RECOVERY_FAIL_IO, "6.13")                                                           \
	X(UPDATE_SIZE, "6.16")                                                                     \
	X(AUTO_BUF_REG, "6.16")                                                                    \
	X(QUIESCE, "6.16")                                                                         \
	X(PER_IO_DAEMON, "6.16")                                                                   \
	X(BUF_REG_OFF_DAEMON, "6.17")                                                              \
	X(BATCH_IO, "7.0")                                                                         \
	X(INTEGRITY, "7.0")                                                                        \
	X(SAFE_STOP_DEV, "7.0")                                                                    \
	X(NO_AUTO_PART_SCAN, "7.0")                                                                \
	X(SHMEM_ZC, "7.1")                                                                         \
	X(IO_DESC_SIZE, "7.3")

#define STRINGS(flag, release) #flag "\0" release "\0"
static const char strings[] = FLAGS(STRINGS);

#define BIT_NR(flag, release) BIT_NR_##flag,
enum { FLAGS(BIT_NR) };

#define IN_ORDER(flag, release) \
	_Static_assert(UBLK_F_##flag == 1ULL << BIT_NR_##flag, "in the order of the bits");
FLAGS(IN_ORDER)

const char *ublk_flag_name(u32 bit)
{
	return ring_name_at(strings, 2 * bit);
}

const char *ublk_flag_since(u32 bit)
{
	return ring_name_at(strings, 2 * bit + 1);
}
