/* SPDX-License-Identifier: MIT */
/*
 * A ring that several threads submit to: a lock around the side that fills and
 * submits, see "Threads" in ring/ring.h.
 *
 *	sqe = ring_guard_get_sqe(&g);		(takes the lock)
 *	if (!sqe)
 *		return -EBUSY;
 *	ring_prep_read(sqe, fd, buf, len, offset);
 *	ring_sqe_set_op(sqe, &mine->op);
 *	ring_guard_ready(&g);			(gives it back)
 *	ret = ring_guard_submit(&g);		(this entry, and what others have ready)
 *
 * An entry is visible to nobody before it is complete: whoever submits holds the
 * lock, and so does whoever fills.
 *
 * Optional. The lock is a futex: a thread that waits for it sleeps, and it costs
 * no system call when nobody does. It is not for signal handlers, and a thread
 * that ends while it holds the lock stops the others.
 *
 * The other side, which reaps, needs no lock but may have one thread only. It
 * waits by ring/wait.h's functions that do not submit and may ring_dispatch();
 * callbacks submit through the guard like everybody else. What submits by
 * itself (ring_turn(), ring_call(), struct ring_file ...) is not for such a ring.
 */
#ifndef RING_GUARD_H
#define RING_GUARD_H

#include "ring/ring.h"

/* struct ring_guard - a ring's lock: 0 free, 1 taken, 2 and somebody waits */
struct ring_guard {
	struct ring *ring;
	u32 lock;
};

/**
 * ring_guard_init() - a guard for a ring, before there are threads
 *
 * Return: 0, or
 *   -EEXIST  the ring has IORING_SETUP_SINGLE_ISSUER: the kernel takes entries
 *            from one thread only, and gives others this error
 *   -EINVAL  the ring's fd was registered, and so works in one thread only
 */
NODISCARD int ring_guard_init(struct ring_guard *g, struct ring *r);

/* ring_guard_lock() - for more than an entry: a chain by ring_get_sqe(), or
 * ring_submit() right behind it. Not twice by the same thread. */
void ring_guard_lock(struct ring_guard *g);

/* ring_guard_unlock() - what the thread has prepared is complete */
void ring_guard_unlock(struct ring_guard *g);

/**
 * ring_guard_get_sqe() - take the lock and an entry
 *
 * When all are in use they are submitted to make room.
 *
 * Return: the entry, to be followed by ring_guard_ready(); or NULL, and the lock
 * is free: the kernel takes none
 */
struct io_uring_sqe *ring_guard_get_sqe(struct ring_guard *g);

/* ring_guard_ready() - the entry is complete */
static inline void ring_guard_ready(struct ring_guard *g)
{
	ring_guard_unlock(g);
}

/**
 * ring_guard_submit() - submit what is ready, whoever's it is
 *
 * Return: as ring_submit(); 0 when another thread has done it
 */
NODISCARD int ring_guard_submit(struct ring_guard *g);

#endif
