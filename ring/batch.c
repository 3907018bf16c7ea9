/* SPDX-License-Identifier: MIT */
/* When a batch is due, and sleeping no longer than until then. */
#include "ring/batch.h"

#include <asm/errno.h>

#include "ring/wait.h"

/* What an SQPOLL ring's thread was given is not ours to hold back any more. */
static u32 nr_held(const struct ring *r)
{
	if (r->flags & IORING_SETUP_SQPOLL)
		return r->sq.sqe_tail - ring_load_relaxed(r->sq.ktail);
	return ring_sq_ready(r);
}

static u64 min_ns(u64 a, u64 b)
{
	return a < b ? a : b;
}

u64 ring_batch_left_ns(struct ring_batch *b, u64 now_ns)
{
	u32 nr = nr_held(b->ring);
	u64 waited_ns;

	if (!nr) {
		b->first_ns = RING_NO_TIMEOUT;
		return RING_NO_TIMEOUT;
	}
	b->first_ns = min_ns(b->first_ns, now_ns);
	waited_ns = now_ns - b->first_ns;
	if (nr >= b->max_nr || waited_ns >= b->max_delay_ns || !ring_sq_space_left(b->ring))
		return 0;
	return b->max_delay_ns == RING_NO_TIMEOUT ? RING_NO_TIMEOUT : b->max_delay_ns - waited_ns;
}

int ring_batch_flush(struct ring_batch *b)
{
	int ret = ring_submit(b->ring);

	if (ret >= 0)
		b->first_ns = RING_NO_TIMEOUT;
	return ret;
}

int ring_batch_submit(struct ring_batch *b, u64 now_ns)
{
	return ring_batch_left_ns(b, now_ns) ? 0 : ring_batch_flush(b);
}

/* One enter, with or without submitting */
static int wait_for(struct ring_batch *b, u32 wait_nr, u64 timeout_ns, bool is_due)
{
	u64 min_wait_us = min_ns(b->max_delay_ns, timeout_ns) / 1000;
	struct ring_wait how = { .timeout_ns = timeout_ns };
	struct io_uring_cqe *cqe;
	int ret;

	if (!(b->ring->features & IORING_FEAT_MIN_TIMEOUT) || !min_wait_us)
		wait_nr = 1;
	if (wait_nr > 1)
		how.min_wait_us = (u32)min_ns(min_wait_us, ~0U);
	if (!is_due)
		return ring_wait_cqes(b->ring, &cqe, wait_nr, &how);
	ret = ring_submit_and_wait_how(b->ring, wait_nr, &how);
	if (ret < 0)
		return ret;
	b->first_ns = RING_NO_TIMEOUT;
	return 0;
}

int ring_batch_wait(struct ring_batch *b, u64 now_ns, u32 wait_nr, u64 timeout_ns)
{
	u64 left_ns = ring_batch_left_ns(b, now_ns);
	int ret = -ETIME;

	if (left_ns)
		ret = wait_for(b, wait_nr, min_ns(left_ns, timeout_ns), false);
	if (ret == -ETIME && left_ns <= timeout_ns && left_ns != RING_NO_TIMEOUT) {
		if (timeout_ns != RING_NO_TIMEOUT)
			timeout_ns -= left_ns;
		ret = wait_for(b, wait_nr, timeout_ns, true);
	}
	return ring_cq_ready(b->ring) ? (int)ring_cq_ready(b->ring) : ret;
}
