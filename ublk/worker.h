/* SPDX-License-Identifier: MIT */
/* What ublk/queue.c, loop.c and worker.c have in common. Internal to ublk/. */
#ifndef UBLK_WORKER_H
#define UBLK_WORKER_H

#include "ublk/path.h"

/* How long the kernel may take to take back the tags after the first */
#define UBLK_CANCEL_MS 1000

/* Files that a worker registers with a loop of its own */
#define UBLK_WORKER_FILES 3

/* ublk_tag_fetch() - its first FETCH; its files and its buffer have their places */
void ublk_tag_fetch(struct ublk_worker *w, struct ublk_tag *t);

/* ublk_request_start() - a tag has a request */
void ublk_request_start(struct ublk_worker *w, struct ublk_tag *t);

/* ublk_worker_taken_back() - the kernel has taken @nr idle tags away */
void ublk_worker_taken_back(struct ublk_worker *w, u32 nr);

/* ublk_worker_nr_tags() - that the worker of this number has */
u32 ublk_worker_nr_tags(const struct ublk_worker_setup *setup, u32 idx);

/* ublk_worker_fail() - it cannot go on: it leaves, with this error */
void ublk_worker_fail(struct ublk_worker *w, s32 err);

/* ublk_worker_close_target() - its target's queue, if that is open */
void ublk_worker_close_target(struct ublk_worker *w);

/* ublk_loop_poll() - tell @owner, by @step, once when the file is readable; 0 or -EAGAIN */
NODISCARD int ublk_loop_poll(struct ublk_loop *loop, s32 fd, u8 sqe_flags, void *owner, u32 step);

/* ublk_loop_reap() - handle everything that came */
void ublk_loop_reap(struct ublk_loop *loop);

/* ublk_loop_turn() - submit, wait, reap; but let nobody go, and answer no calls; 0 or -errno */
NODISCARD int ublk_loop_turn(struct ublk_loop *loop, u64 timeout_ns);

/* ublk_loop_take_calls() - those that have come; 1 to go on, 0 when there is nothing
 * to stay for, or -errno: no more will come */
NODISCARD int ublk_loop_take_calls(struct ublk_loop *loop);

/* ublk_tag_done() - the done() of every tag's operation */
void ublk_tag_done(struct tgt_queue *tq, struct tgt_op *op);

/**
 * ublk_loop_end_some() - let go of workers that own nothing and are to go
 * @timeout_ns: cut to when the next may go, and to nothing when one has gone
 *
 * Return: 1 to go on, 0 when there is none left, or -errno
 */
NODISCARD int ublk_loop_end_some(struct ublk_loop *loop, u64 *timeout_ns);

#endif
