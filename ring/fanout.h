/* SPDX-License-Identifier: MIT */
/*
 * One buffer written to several files: a request per file, all in flight
 * together, one callback when the last has ended.
 *
 * Optional. The thread that owns the ring calls it and dispatches (ring/op.h);
 * memory is the caller's. Files are independent of each other: nothing orders
 * them, and one that fails does not stop the others. Within a file what a short
 * write has left follows what was written.
 */
#ifndef RING_FANOUT_H
#define RING_FANOUT_H

#include "ring/op.h"

struct ring_fanout;

/* offset_bytes of a file that has no places (a pipe, a socket), or is to be
 * written to where it stands */
#define RING_FANOUT_POSITION (~0ULL)

/**
 * struct ring_fanout_leg - one of the files
 * @fd:           in: descriptor, or slot with @is_fixed
 * @offset_bytes: in: where to write, or RING_FANOUT_POSITION. With O_APPEND it is
 *                the end of the file, and what others append may come between
 *                the parts of a write that was short.
 * @done_bytes:   out: written so far
 * @err:          out: 0, or why there is no more than @done_bytes: -errno; -EIO when
 *                a write of some bytes has written none; -EBUSY when the kernel
 *                took no entry
 */
struct ring_fanout_leg {
	struct ring_op op; /* this and the next are not the caller's */
	struct ring_fanout *fanout;
	u64 offset_bytes;
	u64 done_bytes;
	s32 fd;
	s32 err;
	bool is_fixed;
};

/**
 * struct ring_fanout - one write to all; all fields are filled by ring_fanout_write()
 * @nr_left: files that are not done; 0: all are
 */
struct ring_fanout {
	struct ring *ring;
	struct ring_fanout_leg *legs;
	const void *buf;
	u64 len_bytes;
	u32 nr_legs;
	u32 nr_left;
	void (*done)(struct ring_fanout *f);
};

/**
 * ring_fanout_write() - prepare a write of the same bytes to all files
 * @legs: nr_legs of them, with what is marked "in" set
 * @buf:  stays as it is, as @f and @legs do, until @done
 * @done: called once, when the last file is done, from a dispatch; or NULL
 *
 * The requests start with the next submission; only when entries run out they are
 * submitted here. What is left of a short write is prepared in the dispatch that
 * saw it, and goes with the next submission.
 *
 * Return: 0, or with nothing started
 *   -EINVAL  nr_legs is 0
 *   -EBUSY   no entry, and the kernel took none of those prepared
 */
NODISCARD int ring_fanout_write(struct ring_fanout *f, struct ring *r,
				struct ring_fanout_leg *legs, u32 nr_legs, const void *buf,
				u64 len_bytes, void (*done)(struct ring_fanout *f));

/**
 * ring_fanout_wait() - turn the ring until all files are done
 *
 * Others are dispatched meanwhile; signals do not end it.
 *
 * Return: 0: all files have everything; or the err of the first that has not; or,
 * while @f->nr_left is not 0, what ring_turn() said
 */
NODISCARD int ring_fanout_wait(struct ring_fanout *f);

#endif
