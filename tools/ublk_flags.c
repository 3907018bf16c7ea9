/* SPDX-License-Identifier: MIT */
/* The UBLK_F_* flags by name. */
#include "tools/ublk_flags.h"

#include "uapi/ublk_cmd.h"

#define ROW(flag, release, used) \
	[__builtin_ctzll(UBLK_F_##flag)] = { .name = #flag, .since = release, .is_used = used }

const struct ublk_flag ublk_flags[] = {
	ROW(SUPPORT_ZERO_COPY, "6.15", false),
	ROW(URING_CMD_COMP_IN_TASK, "6.0", true),
	ROW(NEED_GET_DATA, "6.0", false),
	ROW(USER_RECOVERY, "6.1", false),
	ROW(USER_RECOVERY_REISSUE, "6.1", false),
	ROW(UNPRIVILEGED_DEV, "6.3", false),
	ROW(CMD_IOCTL_ENCODE, "6.4", true),
	ROW(USER_COPY, "6.5", false),
	ROW(ZONED, "6.6", false),
	ROW(USER_RECOVERY_FAIL_IO, "6.13", false),
	ROW(UPDATE_SIZE, "6.16", false),
	ROW(AUTO_BUF_REG, "6.16", false),
	ROW(QUIESCE, "6.16", false),
	ROW(PER_IO_DAEMON, "6.16", false),
	ROW(BUF_REG_OFF_DAEMON, "6.17", false),
	ROW(BATCH_IO, "7.0", false),
	ROW(INTEGRITY, "7.0", false),
	ROW(SAFE_STOP_DEV, "7.0", false),
	ROW(NO_AUTO_PART_SCAN, "7.0", false),
	ROW(SHMEM_ZC, "7.1", false),
	ROW(IO_DESC_SIZE, "7.3", false),
};
const u32 nr_ublk_flags = ARRAY_SIZE(ublk_flags);
