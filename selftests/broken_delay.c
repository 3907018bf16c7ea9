/* SPDX-License-Identifier: MIT */
/*
 * delay: passes everything on after a while, by an entry of the queue's ring.
 * With by=0 it is a NOP: no time passes, but everything above is answered from
 * the run list.
 */
#include <asm/errno.h>
#include <linux/time_types.h>

#include "ring/prep.h"
#include "selftests/broken_chain.h"

struct delay {
	u64 by_ns;
};

#define DELAY_PARAMS(X)										\
	X(struct delay, by_ns,									\
	  OPT_TEXT("by", "TIME", "how long each operation waits"),				\
	  .kind = OPT_DURATION)

_Static_assert(sizeof(struct __kernel_timespec) <= sizeof(((struct tgt_op *)0)->scratch),
	       "the time is kept in the operation");

static enum tgt_status delay_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct delay *d = t->state;
	struct io_uring_sqe *sqe;
	int err = tgt_reserve_sqes(q, 1);

	if (err)
		return tgt_finish(op, err);
	/* a struct __kernel_timespec, which the kernel reads when it is submitted */
	op->scratch[0] = d->by_ns / 1000000000;
	op->scratch[1] = d->by_ns % 1000000000;
	sqe = tgt_get_sqe(q);
	if (d->by_ns)
		ring_prep_rw(IORING_OP_TIMEOUT, sqe, -1, op->scratch, 1, 0);
	else
		ring_prep_nop(sqe);
	tgt_sqe_owner(sqe, op, 0);
	return TGT_PENDING;
}

static enum tgt_status pass_on(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	(void)t;
	(void)q;
	(void)result;
	return chain_all(op, chain_result);
}

static void delay_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	(void)step;
	if (res < 0 && res != -ETIME)
		tgt_complete(q, op, res);
	else if (chain_run(t, q, op, pass_on) == TGT_DONE)
		tgt_complete(q, op, op->result);
}

static int delay_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)arg;
	(void)why;
	*(struct delay *)t->state = *(const struct delay *)values;
	chain_open(t, 1);
	t->nr_sqes++;
	return 0;
}

const struct tgt_type delay_target = {
	.name = "delay",
	.summary = "answers later, for tests",
	.params = OPT_TABLE(DELAY_PARAMS),
	.values_bytes = sizeof(struct delay),
	.state_bytes = sizeof(struct delay),
	.min_children = 1,
	.max_children = 1,
	.open = delay_open,
	.submit = delay_submit,
	.cqe = delay_cqe,
};
