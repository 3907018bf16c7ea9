/* SPDX-License-Identifier: MIT */
/*
 * BATCH_IO (7.0): one command for many tags. One multishot fetch per queue puts
 * the numbers of tags that have a request into buffers that it shares with the
 * kernel; the results of a turn are committed by one command. Any thread may
 * fetch and commit any tag of its queue. Internal to ublk/.
 */
#ifndef UBLK_BATCH_H
#define UBLK_BATCH_H

#include "ublk/path.h"

struct ublk_batch;

/* ublk_batch_bytes() - memory that one worker needs for @nr_queues; page-aligned */
u64 ublk_batch_bytes(const struct ublk_worker_setup *s, u32 nr_queues);

/**
 * ublk_batch_begin() - of each queue of the worker: prepare its tags, fetch them
 * @mem: ublk_batch_bytes(), zeroed; until ublk_loop_exit()
 *
 * Return: 0, or -errno
 */
NODISCARD int ublk_batch_begin(struct ublk_worker *w, void *mem, u32 nr_queues);

/* ublk_batch_end() - its groups of buffers are the loop's again; of none or some, too */
void ublk_batch_end(struct ublk_worker *w);

/* ublk_batch_add() - the result of a tag goes with the next command */
void ublk_batch_add(struct ublk_tag *t, u64 addr, s32 result);

/* ublk_batch_drop() - also without BATCH_IO: what is answered from now on is not told to the
 * kernel, so that a tag comes once more at most; 0 or -ENOMEM */
NODISCARD int ublk_batch_drop(struct ublk_worker *w);

/* ublk_batch_flush() - the commands of a turn, before it submits */
void ublk_batch_flush(struct ublk_loop *loop);

/* Completions of UBLK_STEP_FETCH and UBLK_STEP_COMMIT; they do not count tags that came */
void ublk_batch_fetched(struct ublk_batch *b, s32 res, u32 flags);
void ublk_batch_committed(struct ublk_batch *b, s32 res);

#endif
