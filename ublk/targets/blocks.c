/* SPDX-License-Identifier: MIT */
/* Bits for blocks, and a line of those who found one taken. */
#include "ublk/targets/blocks.h"

#include <asm/errno.h>
#include <linux/futex.h>
#include <linux/time_types.h>

#include "ring/prep_event.h"
#include "uapi/sys.h"

#define MIN_BITS (16U << 10)
#define MAX_BITS (512U << 10)
#define MOMENT_NS 1000000

/*
 * FUTEX2_SIZE_U32, which older headers do not have. Not a private one: those of a
 * process move to a table of its own when it gets its second thread (6.16), and
 * who waits by an entry of a ring is left behind in the old one, and never woken. The
 * ring's own worker, for a write that would block, is such a second thread.
 */
#define FUTEX_FLAGS 0x02

COLD int blocks_init(struct blocks *b, u64 nr)
{
	u64 bits = MIN_BITS;

	while (bits < nr && bits < MAX_BITS)
		bits *= 2;
	*b = (struct blocks){ .mask = bits - 1 };
	if (pages_map(&b->mem, bits / 8))
		return -ENOMEM;
	b->bits = b->mem.addr;
	return 0;
}

COLD void blocks_exit(struct blocks *b)
{
	pages_unmap(&b->mem);
}

/* --- bits ----------------------------------------------------------------------- */

/* The word of the block that is @at from the first, and which of its bits are ours */
static u64 *word_of(const struct blocks *b, const struct blocks_wait *w, u64 at, u64 *bits,
		    u64 *nr)
{
	u64 bit = (w->first + at) & b->mask;

	*nr = 64 - bit % 64 < w->nr - at ? 64 - bit % 64 : w->nr - at;
	*bits = (*nr == 64 ? ~0ULL : (1ULL << *nr) - 1) << bit % 64;
	return &b->bits[bit / 64];
}

static void clear_bits(struct blocks *b, const struct blocks_wait *w, u64 end)
{
	u64 bits;
	u64 nr;

	for (u64 at = 0; at < end; at += nr) {
		u64 *word = word_of(b, w, at, &bits, &nr);

		__atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
	}
}

/* All or none */
static bool set_bits(struct blocks *b, const struct blocks_wait *w)
{
	u64 bits;
	u64 nr;

	for (u64 at = 0; at < w->nr; at += nr) {
		u64 *word = word_of(b, w, at, &bits, &nr);
		u64 old = __atomic_load_n(word, __ATOMIC_SEQ_CST);

		do {
			if (old & bits) {
				clear_bits(b, w, at);
				return false;
			}
		} while (!__atomic_compare_exchange_n(word, &old, old | bits, false,
						      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	}
	return true;
}

/* --- the line ---------------------------------------------------------------------- */

/* Acquire, with the release in unlock(): the line as the last one left it */
static void lock(struct blocks *b)
{
	while (__atomic_exchange_n(&b->is_locked, 1, __ATOMIC_ACQUIRE))
		(void)sys_sched_yield();
}

static void unlock(struct blocks *b)
{
	__atomic_store_n(&b->is_locked, 0, __ATOMIC_RELEASE);
}

/* Around the table: either begins within the other */
static bool overlap(const struct blocks *b, const struct blocks_wait *x,
		    const struct blocks_wait *y)
{
	return ((y->first - x->first) & b->mask) < x->nr ||
	       ((x->first - y->first) & b->mask) < y->nr;
}

static void join(struct blocks *b, struct blocks_wait *w)
{
	for (const struct blocks_wait *other = b->first; other; other = other->next)
		w->nr_before += overlap(b, other, w);
	w->prev = b->last;
	*(b->last ? &b->last->next : &b->first) = w;
	b->last = w;
	w->is_in_line = true;
	__atomic_fetch_add(&b->nr_waiting, 1, __ATOMIC_SEQ_CST);
}

static void leave(struct blocks *b, struct blocks_wait *w)
{
	for (struct blocks_wait *other = w->next; other; other = other->next)
		other->nr_before -= overlap(b, w, other);
	w->is_in_line = false;
	*(w->prev ? &w->prev->next : &b->first) = w->next;
	*(w->next ? &w->next->prev : &b->last) = w->prev;
	__atomic_fetch_sub(&b->nr_waiting, 1, __ATOMIC_SEQ_CST);
}

/* Whoever can go leaves the line; returns them, by their prev */
static struct blocks_wait *let_go(struct blocks *b)
{
	struct blocks_wait *ready = NULL;
	struct blocks_wait *next;

	for (struct blocks_wait *w = b->first; w; w = next) {
		next = w->next;
		if (w->nr_before || !set_bits(b, w))
			continue;
		leave(b, w);
		w->prev = ready;
		ready = w;
	}
	return ready;
}

/* Tell them, but not @self, who sees it */
static void tell(struct blocks_wait *ready, const struct blocks_wait *self)
{
	while (ready) {
		u32 *is_on = &ready->is_on;
		bool sleeps = ready != self;

		ready = ready->prev;
		/* Release, with the acquire in blocks_are_taken(). From here on it may be
		 * gone: who waits there then looks again. */
		__atomic_store_n(is_on, 1, __ATOMIC_RELEASE);
		if (sleeps)
			blocks_wake(is_on);
	}
}

static bool stand_in_line(struct blocks *b, struct blocks_wait *w)
{
	struct blocks_wait *ready;

	lock(b);
	join(b, w);
	ready = let_go(b);
	unlock(b);
	tell(ready, w);
	return blocks_are_taken(w);
}

/* What was held for a moment may be what somebody in the line has seen taken. */
static void look_after_line(struct blocks *b)
{
	struct blocks_wait *ready;

	if (!__atomic_load_n(&b->nr_waiting, __ATOMIC_SEQ_CST))
		return;
	lock(b);
	ready = let_go(b);
	unlock(b);
	tell(ready, NULL);
}

bool blocks_take(struct blocks *b, struct blocks_wait *w, u64 first, u64 nr)
{
	*w = (struct blocks_wait){ .first = first, .nr = nr };
	if (!__atomic_load_n(&b->nr_waiting, __ATOMIC_RELAXED) && set_bits(b, w)) {
		w->is_on = 1;
		return true;
	}
	return stand_in_line(b, w);
}

bool blocks_try(struct blocks *b, struct blocks_wait *w, u64 first, u64 nr)
{
	*w = (struct blocks_wait){ .first = first, .nr = nr };
	if (__atomic_load_n(&b->nr_waiting, __ATOMIC_RELAXED))
		return false;
	w->is_on = set_bits(b, w);
	if (!w->is_on)
		look_after_line(b);
	return w->is_on;
}

void blocks_give(struct blocks *b, struct blocks_wait *w)
{
	if (!blocks_are_taken(w)) {
		bool waits;

		lock(b);
		waits = w->is_in_line;
		if (waits)
			leave(b, w);
		unlock(b);
		if (waits) {
			look_after_line(b);
			return;
		}
		/* somebody is just about to tell */
		while (!blocks_are_taken(w))
			(void)sys_sched_yield();
	}
	clear_bits(b, w, w->nr);
	look_after_line(b);
}

/* --- sleeping -------------------------------------------------------------------------- */

int blocks_sleep(struct blocks *b, const u32 *word, u32 value,
		 const struct __kernel_timespec *moment, struct tgt_queue *q, struct tgt_op *op,
		 u32 step)
{
	struct io_uring_sqe *sqe;
	int err = tgt_reserve_sqes(q, 1);

	if (err)
		return err;
	sqe = tgt_get_sqe(q);
	if (__atomic_load_n(&b->by_time, __ATOMIC_RELAXED))
		ring_prep_timeout(sqe, moment, 0, 0);
	else
		ring_prep_futex_wait(sqe, word, value, FUTEX_BITSET_MATCH_ANY, FUTEX_FLAGS, 0);
	tgt_sqe_owner(sqe, op, step);
	return 0;
}

int blocks_wait(struct blocks *b, struct blocks_wait *w, struct tgt_queue *q, struct tgt_op *op,
		u32 step)
{
	static const struct __kernel_timespec moment = { .tv_nsec = MOMENT_NS };

	return blocks_sleep(b, &w->is_on, 0, &moment, q, op, step);
}

void blocks_woken(struct blocks *b, s32 res)
{
	if (res == -EINVAL)
		__atomic_store_n(&b->by_time, true, __ATOMIC_RELAXED);
}

void blocks_wake(u32 *word)
{
	(void)sys_futex(word, FUTEX_WAKE, 0x7fffffff, NULL);
}
