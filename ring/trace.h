/* SPDX-License-Identifier: MIT */
/*
 * Seeing what goes through a ring: hooks for each entry that is about to be
 * submitted, each completion that has come, and each error of entering the
 * kernel. ring/text.h makes lines of the first two.
 *
 * Optional, for finding out what a program does. The core knows nothing of it
 * and pays nothing: these are functions that look at the queues before and after
 * it. What ring_submit(), ring_call() and others send by themselves is shown when
 * it is looked for in time: ring_trace_entries() before them,
 * ring_trace_completions() before completions are given back. Everything is
 * shown once.
 */
#ifndef RING_TRACE_H
#define RING_TRACE_H

#include "ring/ring.h"

/**
 * struct ring_trace - hooks on one ring
 * @on_sqe:   an entry, complete and not yet submitted; not to be changed
 * @on_cqe:   a completion that was not yet given back
 * @on_error: what ring_trace_submit() is about to return, below zero; -ETIME and
 *            -EINTR included
 *
 * Each hook may be NULL. They neither submit nor reap.
 */
struct ring_trace {
	struct ring *ring;
	void (*on_sqe)(struct ring_trace *t, const struct io_uring_sqe *sqe);
	void (*on_cqe)(struct ring_trace *t, const struct io_uring_cqe *cqe);
	void (*on_error)(struct ring_trace *t, int err);
	u32 sq_shown; /* indices up to which both were shown */
	u32 cq_shown;
};

/* ring_trace_init() - what is in the queues now is new; the hooks are set after this */
void ring_trace_init(struct ring_trace *t, struct ring *r);

/* ring_trace_entries() - show entries that are prepared; of the submitting side */
void ring_trace_entries(struct ring_trace *t);

/* ring_trace_completions() - show completions that are there; of the reaping side */
void ring_trace_completions(struct ring_trace *t);

/**
 * ring_trace_submit() - ring_submit_and_wait_timeout() between the two
 * @wait_nr: 0 does not wait, but lets the kernel post what it has
 *
 * Of a ring with SQ_REWIND, entries that others submitted may hide later ones.
 *
 * Return: as ring_submit_and_wait_timeout()
 */
NODISCARD int ring_trace_submit(struct ring_trace *t, u32 wait_nr, u64 timeout_ns);

#endif
