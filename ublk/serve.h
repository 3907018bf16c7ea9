/* SPDX-License-Identifier: MIT */
/* A device's queues, on threads or on the calling one. For ublk/dev.c. */
#ifndef UBLK_SERVE_H
#define UBLK_SERVE_H

#include "ublk/dev.h"
#include "ublk/queue.h"

/**
 * struct ublk_dev_queue - a queue and the thread that serves it
 * @cpus:    to run on; nr_words of it
 * @why:     of a failure, written before nr_failed counts it
 */
struct ublk_dev_queue {
	struct ublk_queue q;
	struct ublk_dev *dev;
	u16 idx;
	bool has_left; /* without a hook: step says 0 from now on */
	u32 nr_words;
	struct diag why;
	u64 cpus[UBLK_CTRL_PAYLOAD_BYTES / sizeof(u64)];
};

/**
 * serve_begin() - make every queue and wait until each has fetched its tags
 *
 * Return: 0, or -errno with *error filled and every queue gone again
 */
NODISCARD int serve_begin(struct ublk_dev *dev, u64 deadline, struct ublk_error *error);

/* serve_call() - the command that was prepared on dev->ctrl, while the queues go
 * on serving; as ublk_ctrl_call() */
NODISCARD int serve_call(struct ublk_dev *dev, u64 deadline);

/* serve_settle() - wait for the answer to a command that was late, while the
 * queues go on serving; 0, -ETIMEDOUT or -errno */
NODISCARD int serve_settle(struct ublk_dev *dev, u64 deadline);

/**
 * serve_end() - tell the queues to leave and wait for that
 *
 * Return: 0, or -ETIMEDOUT: some still serve, and nothing was released
 */
NODISCARD int serve_end(struct ublk_dev *dev, u64 deadline);

/* serve_has_ended() - every queue that has begun has left; any thread */
bool serve_has_ended(const struct ublk_dev *dev);

/* serve_wait_ended() - until it has; 0 or -ETIMEDOUT */
NODISCARD int serve_wait_ended(struct ublk_dev *dev, u64 deadline);

#endif
