/* SPDX-License-Identifier: MIT */
/*
 * Rings whose entries have two sizes: IORING_SETUP_SQE_MIXED (6.19) with 64 and
 * 128 bytes in one submission queue, IORING_SETUP_CQE_MIXED (6.18) with 16 and 32
 * in one completion queue. What is large takes two slots, which lie side by
 * side; where the queue's end is between them a filler takes the last slot.
 *
 * The functions of ring/ring.h know nothing of that, so that other rings do not
 * pay for it: ring_get_sqe() gives a small entry, which is right, and counts of
 * entries are of slots. To reap a ring with CQE_MIXED take those below; they
 * work on all rings.
 */
#ifndef RING_MIXED_H
#define RING_MIXED_H

#include "ring/ring.h"

/**
 * ring_get_sqe128() - the next free submission entry of 128 bytes
 *
 * For NOP128 and URING_CMD128 of a ring with SQE_MIXED, or for any operation of a
 * ring with SQE128. At the end of the queue a NOP fills the slot that is left
 * over; it has no completion, except when it is in a chain (it goes on with one
 * that the entry before has begun, once the flags of that are set) that fails
 * before it: then one with user_data 0.
 *
 * A kernel refuses IOSQE_IO_DRAIN with -EOPNOTSUPP on a ring that has had a filler.
 *
 * Return: the entry, or NULL: no room, or entries of this ring are small
 */
struct io_uring_sqe *ring_get_sqe128(struct ring *r);

/* ring_cqe_is_filler() - nobody's completion: to be skipped */
static inline bool ring_cqe_is_filler(const struct io_uring_cqe *cqe)
{
	return cqe->flags & IORING_CQE_F_SKIP;
}

/* ring_cqe_slots() - of a ring with CQE_MIXED: 1, or 2 and big_cqe[] is there */
static inline u32 ring_cqe_slots(const struct io_uring_cqe *cqe)
{
	return cqe->flags & IORING_CQE_F_32 ? 2 : 1;
}

/* Slots that it takes to step over @cqe in whatever ring this is */
static inline u32 ring_cqe_step(const struct ring *r, const struct io_uring_cqe *cqe)
{
	return r->flags & IORING_SETUP_CQE_MIXED ? ring_cqe_slots(cqe) : 1;
}

/* The next completion between *head, which fillers move, and @tail, or NULL */
static inline struct io_uring_cqe *ring_next_cqe_mixed(const struct ring *r, u32 *head, u32 tail)
{
	for (; *head != tail; ++*head) {
		struct io_uring_cqe *cqe = ring_cqe_at(r, *head);

		if (!ring_cqe_is_filler(cqe))
			return cqe;
	}
	return NULL;
}

/**
 * ring_for_each_cqe_mixed() - every completion that is there, oldest first
 *
 * As ring_for_each_cqe(); after it comes ring_cq_advance_to(r, head), since
 * completions are fewer than slots.
 */
#define ring_for_each_cqe_mixed(r, head, cqe)                                              \
	for (u32 ring_tail_ = ((head) = *(r)->cq.khead, ring_load_acquire((r)->cq.ktail)); \
	     ((cqe) = ring_next_cqe_mixed((r), &(head), ring_tail_));                       \
	     (head) += ring_cqe_step((r), (cqe)))

/* ring_peek_cqe_mixed() - the oldest completion, fillers before it given back, or NULL */
static inline struct io_uring_cqe *ring_peek_cqe_mixed(struct ring *r)
{
	u32 head = *r->cq.khead;
	struct io_uring_cqe *cqe = ring_next_cqe_mixed(r, &head, ring_load_acquire(r->cq.ktail));

	if (head != *r->cq.khead)
		ring_cq_advance_to(r, head);
	return cqe;
}

/* ring_cqe_seen_mixed() - @cqe, which ring_peek_cqe_mixed() gave, has been read */
static inline void ring_cqe_seen_mixed(struct ring *r, const struct io_uring_cqe *cqe)
{
	ring_cq_advance(r, ring_cqe_step(r, cqe));
}

#endif
