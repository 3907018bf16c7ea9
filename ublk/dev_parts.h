/* SPDX-License-Identifier: MIT */
/* What the steps of a device's life share: for ublk/dev.c and ublk/recover.c. */
#ifndef UBLK_DEV_PARTS_H
#define UBLK_DEV_PARTS_H

#include "ublk/dev.h"

/* Of the kernel's device, as commands have it */
static inline s32 dev_id_of(const struct ublk_dev *dev)
{
	return (s32)dev->info.dev_id;
}

static inline u32 dev_ctrl_id(const struct ublk_dev *dev)
{
	return ublk_ctrl_id(&dev->info);
}

static inline void dev_set_state(struct ublk_dev *dev, enum ublk_dev_state state)
{
	__atomic_store_n(&dev->state, (u32)state, __ATOMIC_RELEASE);
}

/* dev_init() - an empty device, with opts that are checked and whose defaults are filled in */
NODISCARD int dev_init(struct ublk_dev *dev, const struct ublk_dev_opts *opts,
		       struct ublk_error *error);

NODISCARD int dev_open_ctrl(struct ublk_dev *dev, struct ublk_error *error);
NODISCARD int dev_open_target(struct ublk_dev *dev, struct ublk_error *error);
NODISCARD int dev_open_eventfds(struct ublk_dev *dev, struct ublk_error *error);
/* dev_open_char() - dev->char_fd, by the numbers in dev->params.devt */
NODISCARD int dev_open_char(struct ublk_dev *dev, u64 deadline, struct ublk_error *error);
void dev_close_char(struct ublk_dev *dev);
/* dev_remove_nodes() - those that were made here */
void dev_remove_nodes(struct ublk_dev *dev);

void dev_set_name(struct ublk_dev *dev);

/* dev_let_go() - what is left of a device without queues is closed, but for the kernel's */
NODISCARD int dev_let_go(struct ublk_dev *dev, struct ublk_error *error);

/* dev_drop() - close all that the above have opened; the kernel's device stays */
void dev_drop(struct ublk_dev *dev);

/* recover_try_target() - whether opening the target would wait for the disk itself: -ELOOP, or
 * -ETIMEDOUT when a child that tries has not done it in some seconds */
NODISCARD int recover_try_target(struct ublk_dev *dev, struct ublk_error *error);

/* recover_close_others() - for a child that may be left behind, and has no use for what its parent
 * has open, but for @fd (-1: not even that) */
void recover_close_others(s32 fd);

/* recover_reap() - wait for a child of sys_fork_silent(). -ETIMEDOUT: it is killed, and goes when
 * the kernel lets it */
NODISCARD int recover_reap(int pid, u64 deadline, int *status);

/* recover_check_kept() - -EOPNOTSUPP: something of the target has died with its server */
NODISCARD int recover_check_kept(const struct ublk_dev *dev, struct ublk_error *error);

/* recover_take_over() - from a server that has let go of it, with what that has changed since
 * the target was opened */
NODISCARD int recover_take_over(struct ublk_dev *dev, struct ublk_error *error);

/* recover_fetch_rest() - for START_USER_RECOVERY of kernels before 6.16 */
NODISCARD int recover_fetch_rest(struct ublk_dev *dev, struct ublk_error *error);

#endif
