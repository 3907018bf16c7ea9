/* SPDX-License-Identifier: MIT */
/*
 * Submitting in batches: prepared entries go to the kernel when there are so
 * many of them, or when the first has waited so long, whichever comes first.
 * One system call for many requests, at a price in latency that is known.
 *
 *	for (;;) {
 *		...prepare what there is to do...
 *		ret = ring_batch_submit(&b, now);	(after each, or after some)
 *		ret = ring_batch_wait(&b, now, 1, RING_NO_TIMEOUT);
 *		ring_dispatch(r, ~0U);
 *	}
 *
 * Optional. For the side of the ring that submits, see "Threads" in
 * ring/ring.h; ring_batch_wait() is for a thread that is both sides. There is
 * no thread or timer behind it: a deadline is kept by calls of these functions,
 * and ring_batch_left_ns() is what another event loop has to sleep at most.
 *
 * The time is the caller's, in nanoseconds: any clock that does not go back.
 */
#ifndef RING_BATCH_H
#define RING_BATCH_H

#include "ring/ring.h"

/**
 * struct ring_batch - when to submit
 * @max_nr:       entries that are enough
 * @max_delay_ns: how long the first entry may wait
 * @first_ns:     when the first of them was seen, RING_NO_TIMEOUT when there is none
 */
struct ring_batch {
	struct ring *ring;
	u64 max_delay_ns;
	u64 first_ns;
	u32 max_nr;
};

/**
 * ring_batch_init() - a batcher on a ring
 * @max_nr:       0, or more than the ring has: as many as fit
 * @max_delay_ns: 0 submits always, RING_NO_TIMEOUT only a full batch
 */
static inline void ring_batch_init(struct ring_batch *b, struct ring *r, u32 max_nr,
				   u64 max_delay_ns)
{
	if (!max_nr || max_nr > r->sq_entries)
		max_nr = r->sq_entries;
	*b = (struct ring_batch){ r, max_delay_ns, RING_NO_TIMEOUT, max_nr };
}

/**
 * ring_batch_left_ns() - how long until the batch is due
 *
 * An entry's time begins with the first call of this or the next two functions
 * that sees it.
 *
 * Return: nanoseconds, 0: now; RING_NO_TIMEOUT: nothing is prepared
 */
u64 ring_batch_left_ns(struct ring_batch *b, u64 now_ns);

/**
 * ring_batch_submit() - submit when the batch is due
 *
 * Return: entries taken, 0: not yet, or as ring_submit(): it is due still then
 */
NODISCARD int ring_batch_submit(struct ring_batch *b, u64 now_ns);

/* ring_batch_flush() - submit now */
NODISCARD int ring_batch_flush(struct ring_batch *b);

/**
 * ring_batch_wait() - wait for completions, and submit when the batch is due
 * @wait_nr:    completions that are enough. With more than 1 the wait ends after
 *              max_delay_ns with those that there are, if any: completions come in
 *              batches as well. The kernel does that (6.12); before, 1 is enough.
 * @timeout_ns: RING_NO_TIMEOUT waits for ever
 *
 * When it is due already, submitting and waiting is one system call.
 *
 * Return: completions that are there (as ring_cq_ready() counts them), or with none
 *   0       something was submitted, and then time ran out or a signal came
 *   -ETIME  time ran out; what was not due is not submitted
 *   -EINTR  a signal came
 *   ...     as ring_submit()
 */
NODISCARD int ring_batch_wait(struct ring_batch *b, u64 now_ns, u32 wait_nr, u64 timeout_ns);

#endif
