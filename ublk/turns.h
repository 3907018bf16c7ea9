/* SPDX-License-Identifier: MIT */
/*
 * Turns: for a target that keeps something beside the bytes of its child, both of
 * which have to change together. Where operations overlap and one of them changes
 * something, the later waits until the earlier has ended; all others go at the
 * same time. They go in the order in which they came, so none waits for ever.
 *
 *	if (!turns_take(&turns, turn, op->offset_bytes, op->len_bytes, op->kind == TGT_READ))
 *		err = turns_wait(turn, q, op, STEP);	the type's cqe() comes with STEP: again,
 *	...						until turns_is_on(turn)
 *	turns_give(&turns, turn);			whoever may go now is told
 *
 * Threads: any number of queues have turns at the same time. An operation that
 * waits stays on its queue, whose thread sleeps, if it has nothing else to do,
 * in the wait for its ring: the word that it waits for is a futex.
 */
#ifndef UBLK_TURNS_H
#define UBLK_TURNS_H

#include "ublk/tgt.h"

/* struct turn - one operation's; its memory stays from take to give */
struct turn {
	struct turn *prev;
	struct turn *next;
	struct turn *ready; /* of those that are told to go together */
	u64 begin_bytes;
	u64 end_bytes;
	u32 nr_before; /* earlier ones that are in its way */
	u32 is_on;     /* atomic; a futex */
	bool is_shared;
};

/* struct turns - of one target; zeroed */
struct turns {
	struct turn *first; /* in the order in which they came */
	struct turn *last;
	u32 is_locked;
};

/**
 * turns_take() - stand in line
 * @is_shared: changes nothing
 *
 * Return: true: it is its turn already
 */
bool turns_take(struct turns *ts, struct turn *turn, u64 offset_bytes, u64 len_bytes,
		bool is_shared);

/**
 * turns_wait() - have the type's cqe() called when its turn may have come
 *
 * It may come for nothing: look at turns_is_on() and wait again. One entry of the ring.
 *
 * Return: 0, or -errno of tgt_reserve_sqes(); the turn still has to be given back
 */
NODISCARD int turns_wait(const struct turn *turn, struct tgt_queue *q, struct tgt_op *op, u32 step);

/* turns_is_on() - everything that those before it did is there to be seen */
static inline bool turns_is_on(const struct turn *turn)
{
	return __atomic_load_n(&turn->is_on, __ATOMIC_ACQUIRE);
}

/* turns_give() - the operation has ended, or gives up waiting */
void turns_give(struct turns *ts, struct turn *turn);

#endif
