/* SPDX-License-Identifier: MIT */
/*
 * The UBLK_F_* flags: their names, the kernel that brought each, which of them
 * this kernel has, and the refusal where one is missing. Any thread.
 */
#ifndef UBLK_FEATURES_H
#define UBLK_FEATURES_H

#include "ublk/ctrl.h"

/* What the library asks for or relies on, on one kind of device or another */
#define UBLK_FEATURES_USED                                                                         \
	(UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_URING_CMD_COMP_IN_TASK | UBLK_F_NEED_GET_DATA |         \
	 UBLK_F_UNPRIVILEGED_DEV | UBLK_F_CMD_IOCTL_ENCODE | UBLK_F_USER_COPY | UBLK_F_ZONED |     \
	 UBLK_F_AUTO_BUF_REG | UBLK_F_PER_IO_DAEMON | UBLK_F_INTEGRITY |                           \
	 UBLK_F_NO_AUTO_PART_SCAN | UBLK_F_IO_DESC_SIZE | UBLK_F_BATCH_IO | UBLK_F_SHMEM_ZC |    \
	 UBLK_F_UPDATE_SIZE | UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE |               \
	 UBLK_F_USER_RECOVERY_FAIL_IO | UBLK_F_SAFE_STOP_DEV | UBLK_F_QUIESCE)

/* ublk_feature_name() - of a bit of ublksrv_ctrl_dev_info.flags; NULL beyond those of Linux 7.3 */
const char *ublk_feature_name(u32 bit);

/* ublk_feature_since() - the release in which it works, "6.0"; NULL as above */
const char *ublk_feature_since(u32 bit);

/**
 * ublk_features_true() - of what the driver says, what is so
 * @release: of the kernel, "6.12.48-amd64"
 *
 * Kernels before 6.15 list SUPPORT_ZERO_COPY and take it from every device. One
 * that has what came after it has it as well, whatever its number.
 */
u64 ublk_features_true(u64 features, const char *release);

/**
 * ublk_features_get() - which of them this kernel has
 *
 * Return: 0, or -errno with *error filled
 */
NODISCARD int ublk_features_get(struct ublk_ctrl *c, u64 *features, u32 timeout_ms,
				struct ublk_error *error);

/**
 * ublk_features_check() - refuse what is missing, naming it and the release that has it
 * @wanted: UBLK_F_*
 * @have:   of the kernel, or those that it granted
 *
 * Return: 0, or -EOPNOTSUPP with *error filled (UBLK_KERNEL_NOT_SUPPORTED)
 */
NODISCARD int ublk_features_check(u64 wanted, u64 have, const char *step, s32 dev_id,
				  struct ublk_error *error);

/* ublk_features_refuse() - such a refusal, of what is no flag; returns -EOPNOTSUPP */
int ublk_features_refuse(const char *what, const char *since, const char *step, s32 dev_id,
			 struct ublk_error *error);

#endif
