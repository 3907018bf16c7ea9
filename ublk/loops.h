/* SPDX-License-Identifier: MIT */
/*
 * Loops that several devices share: as many threads as it takes serve as many
 * devices as there are.
 *
 *	struct ublk_loops loops;
 *	struct ublk_loops_opts how = { .nr_loops = 2, .threads = &... };
 *	struct ublk_dev_opts opts = { ..., .loops = &loops };
 *	err = ublk_loops_open(&loops, &how, &why);
 *	err = ublk_dev_create_and_start(&dev, &opts, &error);	any number of them
 *	...
 *	err = ublk_loops_close(&loops);				when all are closed
 *
 * Without a thread hook there is one loop, and one thread that opens it, makes the
 * devices and steps: ublk_dev_step() of any of them serves all of them.
 *
 * A device whose queue cannot go on, because the driver refused a command of it,
 * keeps its place in the loop until it is stopped, which may time out: with a
 * thread of its own the kernel is told by the end of its ring, with this only by
 * the end of the process. ublk_dev_wait() tells of it at once.
 */
#ifndef UBLK_LOOPS_H
#define UBLK_LOOPS_H

#include "uapi/rt/diag.h"
#include "uapi/rt/pages.h"
#include "uapi/types.h"
#include "ublk/queue.h"

#define UBLK_LOOPS_DEFAULT_ENTRIES 1024
#define UBLK_LOOPS_DEFAULT_BUFS 4096
#define UBLK_LOOPS_MAX_BUFS 16384 /* IORING_MAX_REG_BUFFERS, io_uring/rsrc.c */

struct ublk_threads;
struct ublk_loops_thread;

/**
 * struct ublk_loops_opts - what is wanted; zero means the default
 * @nr_loops:   default 1
 * @nr_entries: of each ring: with fewer than its devices have requests under way at
 *              a time, turns are shorter; default 1024
 * @nr_bufs:    that each loop has room for: a queue takes one for each of its tags with
 *              zero-copy and auto-buf-reg, one with batches, otherwise none; default 4096
 * @threads:    NULL: the calling thread serves, nr_loops is 1
 */
struct ublk_loops_opts {
	u32 nr_loops;
	u32 nr_entries;
	u32 nr_bufs;
	const struct ublk_threads *threads;
};

/* struct ublk_loops - the caller's memory; stays where it is until it is closed */
struct ublk_loops {
	struct ublk_loops_opts opts;
	u32 next;    /* atomic: the loop of the next queue */
	u32 nr_told; /* atomic: threads that are ready or failed; wakes */
	s32 err;     /* atomic: the first failure */
	u32 nr_threads;
	struct ublk_loops_thread *all;
	struct pages mem;
};

/**
 * ublk_loops_open() - make the loops, and start their threads
 * @l: overwritten
 *
 * Return: 0, or -errno with *why and nothing left behind, but for -ETIMEDOUT: a thread
 * has begun and is not ready, and *l must stay
 */
NODISCARD int ublk_loops_open(struct ublk_loops *l, const struct ublk_loops_opts *opts,
			      struct diag *why);

/**
 * ublk_loops_close() - end them; safe on a zeroed struct and twice
 *
 * Return: 0, or -EBUSY, and nothing is done: a device is on them that has not been
 * stopped
 */
NODISCARD int ublk_loops_close(struct ublk_loops *l);

/* ublk_loops_next() - for a device's next queue: they go round. Any thread */
struct ublk_loop *ublk_loops_next(struct ublk_loops *l);

#endif
