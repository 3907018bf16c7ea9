/* SPDX-License-Identifier: MIT */
/* A write to several files: requests that count down together. */
#include "ring/fanout.h"

#include <asm/errno.h>

#include "ring/prep.h"

#define REQUEST_MAX_BYTES (1U << 30) /* the kernel takes a little less than 2 GiB */

/* The rest of a file's bytes; -EBUSY when there is no entry */
static int prepare(struct ring_fanout_leg *leg)
{
	const struct ring_fanout *f = leg->fanout;
	u64 left = f->len_bytes - leg->done_bytes;
	u64 offset = leg->offset_bytes;
	struct io_uring_sqe *sqe;

	if (offset != RING_FANOUT_POSITION)
		offset += leg->done_bytes;
	sqe = ring_op_prep(f->ring, ring_op_data(&leg->op), IORING_OP_WRITE, leg->fd,
			   RING_PTR_AT(f->buf, leg->done_bytes),
			   left < REQUEST_MAX_BYTES ? (u32)left : REQUEST_MAX_BYTES, offset);
	if (!sqe)
		return -EBUSY;
	if (leg->is_fixed)
		sqe->flags = IOSQE_FIXED_FILE;
	return 0;
}

static void leg_done(struct ring_op *op, s32 res, u32 cqe_flags)
{
	struct ring_fanout_leg *leg = CONTAINER_OF(op, struct ring_fanout_leg, op);
	struct ring_fanout *f = leg->fanout;

	(void)cqe_flags;
	if (res > 0)
		leg->done_bytes += (u32)res;
	if (leg->done_bytes < f->len_bytes) {
		if (res > 0 || res == -EINTR)
			leg->err = prepare(leg);
		else
			leg->err = res ? res : -EIO;
		if (!leg->err)
			return;
	} else if (res < 0) {
		leg->err = res;
	}
	if (!--f->nr_left && f->done)
		f->done(f);
}

int ring_fanout_write(struct ring_fanout *f, struct ring *r, struct ring_fanout_leg *legs,
		      u32 nr_legs, const void *buf, u64 len_bytes,
		      void (*done)(struct ring_fanout *f))
{
	*f = (struct ring_fanout){ r, legs, buf, len_bytes, nr_legs, 0, done };
	for (u32 i = 0; i < nr_legs; i++) {
		struct ring_fanout_leg *leg = &legs[i];

		leg->op.done = leg_done;
		leg->fanout = f;
		leg->done_bytes = 0;
		leg->err = prepare(leg);
		f->nr_left += !leg->err;
		/* Later ones have somebody in flight who will call done(). */
		if (!f->nr_left)
			return leg->err;
	}
	return nr_legs ? 0 : -EINVAL;
}

int ring_fanout_wait(struct ring_fanout *f)
{
	while (f->nr_left) {
		int ret = ring_turn(f->ring, RING_NO_TIMEOUT);

		if (ret < 0 && ret != -EINTR && ret != -EAGAIN)
			return ret;
	}
	for (u32 i = 0; i < f->nr_legs; i++) {
		if (f->legs[i].err)
			return f->legs[i].err;
	}
	return 0;
}
