/* SPDX-License-Identifier: MIT */
/*
 * The ways in which data and commands move, for tests that go all of them on a
 * kernel's own driver.
 */
#ifndef SELFTESTS_WAYS_H
#define SELFTESTS_WAYS_H

#include "ublk/dev.h"

/* struct way - one; zero is what a device takes when nothing is asked for */
struct way {
	enum ublk_mode mode;
	enum ublk_tristate batch;
	u64 needs; /* UBLK_F_* */
};

/* FOR_EACH_WAY() - X(name, initializer of a struct way ...), for an array */
#define FOR_EACH_WAY(X)                                                                            \
	X("by default", .mode = UBLK_MODE_AUTO)                                                    \
	X("copy", .mode = UBLK_MODE_COPY)                                                          \
	X("get-data", .mode = UBLK_MODE_GET_DATA, .needs = UBLK_F_NEED_GET_DATA)                   \
	X("user-copy", .mode = UBLK_MODE_USER_COPY, .needs = UBLK_F_USER_COPY)                     \
	X("user-copy-ring", .mode = UBLK_MODE_USER_COPY_RING, .needs = UBLK_F_USER_COPY)           \
	X("zero-copy", .mode = UBLK_MODE_ZERO_COPY, .needs = UBLK_F_SUPPORT_ZERO_COPY)             \
	X("auto-buf-reg", .mode = UBLK_MODE_AUTO_BUF_REG, .needs = UBLK_F_AUTO_BUF_REG)            \
	X("copy, batched", .mode = UBLK_MODE_COPY, .batch = UBLK_YES, .needs = UBLK_F_BATCH_IO)    \
	X("user-copy, batched", .mode = UBLK_MODE_USER_COPY, .batch = UBLK_YES,                    \
	  .needs = UBLK_F_USER_COPY | UBLK_F_BATCH_IO)                                             \
	X("user-copy-ring, batched", .mode = UBLK_MODE_USER_COPY_RING, .batch = UBLK_YES,          \
	  .needs = UBLK_F_USER_COPY | UBLK_F_BATCH_IO)                                             \
	X("zero-copy, batched", .mode = UBLK_MODE_ZERO_COPY, .batch = UBLK_YES,                    \
	  .needs = UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_BATCH_IO)                                     \
	X("auto-buf-reg, batched", .mode = UBLK_MODE_AUTO_BUF_REG, .batch = UBLK_YES,              \
	  .needs = UBLK_F_AUTO_BUF_REG | UBLK_F_BATCH_IO)

/* way_set() - into what a device is made of; skips the case where the kernel lacks it */
void way_set(const struct way *way, struct ublk_dev_opts *opts);

#endif
