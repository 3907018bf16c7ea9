/* SPDX-License-Identifier: MIT */
/* Submission entries of two sizes in one queue. */
#include "ring/mixed.h"

#include "ring/internal.h"

#define LINKS (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)

/* Is there room for so many, be it after another look at the kernel's head? */
static bool has_room(struct ring *r, u32 nr_slots)
{
	if (r->sq.sqe_end - r->sq.sqe_tail < nr_slots && r->flags & IORING_SETUP_SQPOLL)
		r->sq.sqe_end = ring_load_acquire(r->sq_khead) + r->sq_entries;
	return r->sq.sqe_end - r->sq.sqe_tail >= nr_slots;
}

/* A chain that the entry before goes on with goes on with the filler: one that
 * ended there would leave out what comes next. */
static void fill_last_slot(struct ring *r)
{
	u32 tail = r->sq.sqe_tail++;
	struct io_uring_sqe *sqe = &r->sq.sqes[tail & r->sq_mask];
	u8 links = ring_sq_prepared(r) > 1 ? sqe[-1].flags & LINKS : 0;

	*sqe = (struct io_uring_sqe){
		.opcode = IORING_OP_NOP,
		.flags = (u8)(IOSQE_CQE_SKIP_SUCCESS | links),
	};
}

struct io_uring_sqe *ring_get_sqe128(struct ring *r)
{
	bool is_at_end = (r->sq.sqe_tail & r->sq_mask) == r->sq_mask;
	struct io_uring_sqe *sqe;

	if (r->flags & IORING_SETUP_SQE128)
		return ring_get_sqe(r);
	if (!(r->flags & IORING_SETUP_SQE_MIXED) || !has_room(r, 2U + is_at_end))
		return NULL;
	if (is_at_end)
		fill_last_slot(r);
	sqe = &r->sq.sqes[r->sq.sqe_tail & r->sq_mask];
	r->sq.sqe_tail += 2;
	return sqe;
}
