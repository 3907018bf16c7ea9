/* SPDX-License-Identifier: MIT */
/* Looking at what is in the queues. */
#include "ring/trace.h"

#include "ring/mixed.h"

void ring_trace_init(struct ring_trace *t, struct ring *r)
{
	*t = (struct ring_trace){
		.ring = r,
		.sq_shown = r->sq.sqe_tail - ring_sq_ready(r),
		.cq_shown = *r->cq.khead,
	};
}

/* Where to go on: what others have submitted or given back is gone. */
static u32 start_of(u32 shown, u32 head, u32 tail)
{
	return shown - head <= tail - head ? shown : head;
}

static bool is_large(const struct ring *r, const struct io_uring_sqe *sqe)
{
	return r->flags & IORING_SETUP_SQE_MIXED &&
	       (sqe->opcode == IORING_OP_NOP128 || sqe->opcode == IORING_OP_URING_CMD128);
}

void ring_trace_entries(struct ring_trace *t)
{
	const struct ring *r = t->ring;
	u32 tail = r->sq.sqe_tail;
	u32 i = start_of(t->sq_shown, tail - ring_sq_ready(r), tail);

	while (i != tail) {
		const struct io_uring_sqe *sqe =
			(const void *)((const char *)r->sq.sqes +
				       ((size_t)(i & r->sq_mask) << r->sq_shift));

		if (t->on_sqe)
			t->on_sqe(t, sqe);
		i += is_large(r, sqe) ? 2 : 1;
	}
	t->sq_shown = tail;
}

void ring_trace_completions(struct ring_trace *t)
{
	const struct ring *r = t->ring;
	u32 tail = ring_load_acquire(r->cq.ktail);
	u32 i = start_of(t->cq_shown, *r->cq.khead, tail);
	const struct io_uring_cqe *cqe;

	for (; (cqe = ring_next_cqe_mixed(r, &i, tail)); i += ring_cqe_step(r, cqe)) {
		if (t->on_cqe)
			t->on_cqe(t, cqe);
	}
	t->cq_shown = tail;
}

int ring_trace_submit(struct ring_trace *t, u32 wait_nr, u64 timeout_ns)
{
	int ret;

	ring_trace_entries(t);
	ret = ring_submit_and_wait_timeout(t->ring, wait_nr, timeout_ns);
	/* With SQ_REWIND what was not taken, and was shown, has another index now. */
	t->sq_shown = t->ring->sq.sqe_tail;
	if (ret < 0 && t->on_error)
		t->on_error(t, ret);
	ring_trace_completions(t);
	return ret;
}
