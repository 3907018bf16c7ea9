/* SPDX-License-Identifier: MIT */
/* A device's workers, on threads or on the calling one. For ublk/dev.c. */
#ifndef UBLK_SERVE_H
#define UBLK_SERVE_H

#include "ublk/dev.h"
#include "ublk/loops.h"
#include "ublk/queue.h"

/**
 * struct ublk_dev_thread - a worker, and the loop that it is on
 * @own_loop: of a thread of the device's own
 * @call:    of a thread that serves other devices, too: to begin
 * @cpus:    to run on; nr_words of it
 * @why:     of a failure, written before nr_failed counts it
 */
struct ublk_dev_thread {
	struct ublk_loop *loop;
	struct ublk_loop own_loop;
	struct ublk_worker w;
	struct ublk_loop_call call;
	struct ublk_dev *dev;
	u16 idx;
	bool has_left; /* without a hook: step says 0 from now on */
	u32 nr_words;
	struct diag why;
	u64 cpus[UBLK_CTRL_PAYLOAD_BYTES / sizeof(u64)];
};

/* serve_is_here() - by the calling thread, in steps */
static inline bool serve_is_here(const struct ublk_dev *dev)
{
	return dev->opts.loops ? !dev->opts.loops->opts.threads : !dev->opts.threads;
}

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
 * Those on shared loops cannot leave while the kernel has their tags, so the device
 * is told to stop first, unless it has been (@is_stopped).
 *
 * Return: 0, or -ETIMEDOUT: some still serve, and nothing was released
 */
NODISCARD int serve_end(struct ublk_dev *dev, u64 deadline, bool is_stopped);

/* serve_let_go() - serve_end() of queues whose device the kernel keeps, not on shared loops;
 * without @is_answered what they have is left for another server */
NODISCARD int serve_let_go(struct ublk_dev *dev, u64 deadline, bool is_answered);

/* serve_has_ended() - every queue that has begun has left; any thread */
bool serve_has_ended(const struct ublk_dev *dev);

/* serve_wait_ended() - until it has, or, if so wanted, until a queue on a shared loop
 * cannot go on and has not left either; 0 or -ETIMEDOUT */
NODISCARD int serve_wait_ended(struct ublk_dev *dev, u64 deadline, bool or_stuck);

#endif
