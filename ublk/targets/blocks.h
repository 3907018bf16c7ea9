/* SPDX-License-Identifier: MIT */
/*
 * Locks of blocks: who changes some of a disk has them for itself meanwhile. A
 * bit per block, modulo the size of the table: blocks that share a bit exclude
 * each other without need, and nothing else happens.
 *
 *	if (!blocks_take(&b, &wait, first, nr))
 *		err = blocks_wait(&wait, q, op, STEP);	the type's cqe() comes with STEP: again,
 *	...						until blocks_are_taken(&wait)
 *	blocks_give(&b, &wait);
 *
 * As long as nobody waits, to take is a compare-and-swap for each 64 blocks, all
 * of them or none, and to give is the same. Who finds a bit taken gives back what
 * he has and stands in line, under a lock that is held for as long as it takes
 * to go through the line; and while there is a line, all who come go that way.
 *
 * Nothing deadlocks: who waits has no bit, and who has bits waits for none.
 *
 * Nobody waits for ever: in the line, of two that overlap the earlier is first, so
 * whoever stands there is overtaken only by those who had looked before he came,
 * which is one for each thread. A wide one is not starved by narrow ones: they
 * stand behind it.
 *
 * No wake-up is lost: who waits has counted himself (nr_waiting) before he looks at
 * the bits for the last time; who gives clears the bits before he looks at the
 * count. Both in one order that is the same for all (seq_cst): so the one sees
 * the bits clear, or the other sees that somebody waits.
 *
 * Threads: any number of queues. A waiter's memory stays from take to give.
 */
#ifndef UBLK_TARGETS_BLOCKS_H
#define UBLK_TARGETS_BLOCKS_H

#include "uapi/rt/pages.h"
#include "ublk/tgt.h"

struct __kernel_timespec;

/* struct blocks_wait - who has blocks, or waits for them */
struct blocks_wait {
	struct blocks_wait *prev;
	struct blocks_wait *next;
	u64 first;
	u64 nr;
	u32 nr_before; /* in the line, that overlap */
	u32 is_on;     /* atomic; a futex */
	bool is_in_line;
};

/* struct blocks - of one disk */
struct blocks {
	u64 *bits;
	u64 mask; /* how many there are, less one */
	u32 nr_waiting; /* atomic */
	u32 is_locked;	/* the line */
	bool by_time;	/* this kernel has no entries that wait for a futex; atomic */
	struct blocks_wait *first;
	struct blocks_wait *last;
	struct pages mem;
};

/* blocks_init() - of a disk of @nr blocks; 0 or -ENOMEM */
NODISCARD int blocks_init(struct blocks *b, u64 nr);
void blocks_exit(struct blocks *b);

/* blocks_max() - how many one may take at most */
static inline u64 blocks_max(const struct blocks *b)
{
	return b->mask + 1;
}

/* blocks_take() - true: all of them are taken */
bool blocks_take(struct blocks *b, struct blocks_wait *w, u64 first, u64 nr);

/* blocks_try() - the same, but never in the line: false is no */
bool blocks_try(struct blocks *b, struct blocks_wait *w, u64 first, u64 nr);

/**
 * blocks_wait() - have the type's cqe() called when they may have been taken
 *
 * It may come for nothing: look and wait again. One entry of the ring. Linux before
 * 6.7 has none that waits for a futex, which blocks_woken() notices: there a
 * moment passes instead.
 *
 * Return: 0, or -errno of tgt_reserve_sqes(): they are to be given back
 */
NODISCARD int blocks_wait(struct blocks *b, struct blocks_wait *w, struct tgt_queue *q,
			  struct tgt_op *op, u32 step);

/* blocks_sleep() - the same for any word that is @value still, and for @moment there */
NODISCARD int blocks_sleep(struct blocks *b, const u32 *word, u32 value,
			   const struct __kernel_timespec *moment, struct tgt_queue *q,
			   struct tgt_op *op, u32 step);

/* blocks_woken() - what cqe() was given for either */
void blocks_woken(struct blocks *b, s32 res);

/* blocks_are_taken() - and all that others did with them is there to be seen */
static inline bool blocks_are_taken(const struct blocks_wait *w)
{
	return __atomic_load_n(&w->is_on, __ATOMIC_ACQUIRE);
}

/* blocks_give() - give them back, or stop waiting for them */
void blocks_give(struct blocks *b, struct blocks_wait *w);

/* blocks_wake() - whoever sleeps for a word that is another one now */
void blocks_wake(u32 *word);

#endif
