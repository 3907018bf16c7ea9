/* SPDX-License-Identifier: MIT */
/* The UBLK_F_* flags by name: one string, no pointers that would have to be relocated. */
#include "ublk/features.h"

#include <asm/errno.h>

#include "ring/names.h"
#include "uapi/sys.h"

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
enum { FLAGS(BIT_NR) NR_BITS };

#define IN_ORDER(flag, release) \
	_Static_assert(UBLK_F_##flag == 1ULL << BIT_NR_##flag, "in the order of the bits");
FLAGS(IN_ORDER)

const char *ublk_feature_name(u32 bit)
{
	return ring_name_at(strings, 2 * bit);
}

const char *ublk_feature_since(u32 bit)
{
	return ring_name_at(strings, 2 * bit + 1);
}

/* "6.12.48-amd64" as 6 << 16 | 12 */
static u32 release_number(const char *release)
{
	u32 number = 0;

	for (u32 part = 0; part < 2; part++) {
		u32 value = 0;

		for (; *release >= '0' && *release <= '9'; release++)
			value = value * 10 + (u32)(*release - '0');
		number = number << 16 | value;
		release += *release == '.';
	}
	return number;
}

u64 ublk_features_true(u64 features, const char *release)
{
	const char *since = ublk_feature_since(BIT_NR_SUPPORT_ZERO_COPY);

	if (features & UBLK_F_AUTO_BUF_REG || release_number(release) >= release_number(since))
		return features;
	return features & ~UBLK_F_SUPPORT_ZERO_COPY;
}

int ublk_features_get(struct ublk_ctrl *c, u64 *features, u32 timeout_ms, struct ublk_error *error)
{
	struct sys_utsname uts;
	int err = ublk_ctrl_get_features(c, features, timeout_ms);

	if (err == -ETIMEDOUT || err == -EBUSY)
		return ublk_error_set(error, "GET_FEATURES", UBLK_NO_DEVICE, err,
				      "the driver does not answer");
	if (err) {
		ublk_error_set(error, "GET_FEATURES", UBLK_NO_DEVICE, err,
			       "the driver does not tell what it can do: older than 6.5?");
		if (error)
			error->code = UBLK_KERNEL_NOT_SUPPORTED;
		return err;
	}
	if (!sys_uname(&uts))
		*features = ublk_features_true(*features, uts.release);
	return 0;
}

int ublk_features_refuse(const char *what, const char *since, const char *step, s32 dev_id,
			 struct ublk_error *error)
{
	ublk_error_set(error, step, dev_id, -EOPNOTSUPP, "%s: this kernel lacks it, Linux %s has it",
		       what, since);
	if (error)
		error->code = UBLK_KERNEL_NOT_SUPPORTED;
	return -EOPNOTSUPP;
}

int ublk_features_check(u64 wanted, u64 have, const char *step, s32 dev_id,
			struct ublk_error *error)
{
	u64 missing = wanted & ~have;
	u32 bit = NR_BITS - 1;

	if (!missing)
		return 0;
	/* Of several, the one that came last: with that kernel all are there. */
	while (bit && !(missing >> bit & 1))
		bit--;
	return ublk_features_refuse(ublk_feature_name(bit), ublk_feature_since(bit), step, dev_id,
				    error);
}
