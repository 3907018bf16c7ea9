/* SPDX-License-Identifier: MIT */
/*
 * Overlapping operations one after the other. One line for all of a disk: it is
 * as long as there are requests in flight, and gone through under a lock that is
 * held for no longer than that takes.
 */
#include "ublk/turns.h"

#include <linux/futex.h>

#include "ring/prep_event.h"
#include "uapi/sys.h"

/* FUTEX2_SIZE_U32, which older headers do not have; not a private one: from 6.16 on who
 * waits by a ring is forgotten when the process gets its second thread. */
#define FUTEX_FLAGS 0x02

/* Acquire, with the release in unlock(): the line as the last one left it */
static void lock(struct turns *ts)
{
	while (__atomic_exchange_n(&ts->is_locked, 1, __ATOMIC_ACQUIRE))
		(void)sys_sched_yield();
}

static void unlock(struct turns *ts)
{
	__atomic_store_n(&ts->is_locked, 0, __ATOMIC_RELEASE);
}

static bool is_in_the_way(const struct turn *a, const struct turn *b)
{
	return a->begin_bytes < b->end_bytes && b->begin_bytes < a->end_bytes &&
	       !(a->is_shared && b->is_shared);
}

bool turns_take(struct turns *ts, struct turn *turn, u64 offset_bytes, u64 len_bytes,
		bool is_shared)
{
	*turn = (struct turn){
		.begin_bytes = offset_bytes,
		.end_bytes = offset_bytes + len_bytes,
		.is_shared = is_shared,
	};
	lock(ts);
	for (const struct turn *other = ts->first; other; other = other->next)
		turn->nr_before += is_in_the_way(other, turn);
	turn->is_on = !turn->nr_before;
	turn->prev = ts->last;
	*(ts->last ? &ts->last->next : &ts->first) = turn;
	ts->last = turn;
	unlock(ts);
	return turns_is_on(turn);
}

int turns_wait(const struct turn *turn, struct tgt_queue *q, struct tgt_op *op, u32 step)
{
	struct io_uring_sqe *sqe;
	int err = tgt_reserve_sqes(q, 1);

	if (err)
		return err;
	sqe = tgt_get_sqe(q);
	ring_prep_futex_wait(sqe, &turn->is_on, 0, FUTEX_BITSET_MATCH_ANY, FUTEX_FLAGS, 0);
	tgt_sqe_owner(sqe, op, step);
	return 0;
}

/* Takes it out of the line; returns those whose turn it is now */
static struct turn *leave(struct turns *ts, struct turn *turn)
{
	struct turn *ready = NULL;

	*(turn->prev ? &turn->prev->next : &ts->first) = turn->next;
	*(turn->next ? &turn->next->prev : &ts->last) = turn->prev;
	for (struct turn *other = turn->next; other; other = other->next) {
		if (is_in_the_way(turn, other) && --other->nr_before == 0) {
			other->ready = ready;
			ready = other;
		}
	}
	return ready;
}

void turns_give(struct turns *ts, struct turn *turn)
{
	struct turn *ready;

	lock(ts);
	ready = leave(ts, turn);
	unlock(ts);
	while (ready) {
		u32 *is_on = &ready->is_on;

		ready = ready->ready;
		/* Release, with the acquire in turns_is_on(): what was done in this turn.
		 * From here on it may be gone: who waits there then looks again. */
		__atomic_store_n(is_on, 1, __ATOMIC_RELEASE);
		(void)sys_futex(is_on, FUTEX_WAKE, 1, NULL);
	}
}
