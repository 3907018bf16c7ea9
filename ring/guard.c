/* SPDX-License-Identifier: MIT */
/* A lock for the submitting side of a ring. */
#include "ring/guard.h"

#include <asm/errno.h>
#include <linux/futex.h>

#include "ring/op.h"
#include "uapi/sys.h"

enum { FREE, TAKEN, CONTENDED };

int ring_guard_init(struct ring_guard *g, struct ring *r)
{
	*g = (struct ring_guard){ .ring = r, .lock = FREE };
	if (r->flags & IORING_SETUP_SINGLE_ISSUER)
		return -EEXIST;
	return r->enter_flags & IORING_ENTER_REGISTERED_RING ? -EINVAL : 0;
}

/*
 * Acquire here, release in unlock: the next thread sees the queue's indices and
 * the entries as this one left them. Who has slept takes the lock as contended,
 * since others may sleep still.
 */
void ring_guard_lock(struct ring_guard *g)
{
	u32 expected = FREE;

	if (__atomic_compare_exchange_n(&g->lock, &expected, TAKEN, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&g->lock, CONTENDED, __ATOMIC_ACQUIRE) != FREE)
		(void)sys_futex(&g->lock, FUTEX_WAIT_PRIVATE, CONTENDED, NULL);
}

void ring_guard_unlock(struct ring_guard *g)
{
	if (__atomic_exchange_n(&g->lock, FREE, __ATOMIC_RELEASE) == CONTENDED)
		(void)sys_futex(&g->lock, FUTEX_WAKE_PRIVATE, 1, NULL);
}

struct io_uring_sqe *ring_guard_get_sqe(struct ring_guard *g)
{
	struct io_uring_sqe *sqe;

	ring_guard_lock(g);
	sqe = ring_op_sqe(g->ring);
	if (!sqe)
		ring_guard_unlock(g);
	return sqe;
}

int ring_guard_submit(struct ring_guard *g)
{
	int ret;

	ring_guard_lock(g);
	ret = ring_submit(g->ring);
	ring_guard_unlock(g);
	return ret;
}
