/* SPDX-License-Identifier: MIT */
/* Chains of sub-operations. */
#include "selftests/broken_chain.h"

/* scratch[0] is the sub-operation, scratch[1] the step that comes after it. */

static struct tgt_op *sub_of(const struct tgt_op *op)
{
	return (struct tgt_op *)(uintptr_t)op->scratch[0];
}

/* A loop, since a chain of steps that all end at once may be long. */
static enum tgt_status go_on(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
			     enum tgt_status status)
{
	while (status == TGT_PENDING) {
		struct tgt_op *sub = sub_of(op);

		if (tgt_submit(t->child[0], q, sub) == TGT_PENDING)
			return TGT_PENDING;
		status = ((chain_fn *)(uintptr_t)op->scratch[1])(t, q, op, sub->result);
	}
	return TGT_DONE;
}

static void sub_done(struct tgt_queue *q, struct tgt_op *sub)
{
	struct tgt_op *op = sub->parent;
	chain_fn *next = (chain_fn *)(uintptr_t)op->scratch[1];

	if (go_on(op->tgt, q, op, next(op->tgt, q, op, sub->result)) == TGT_DONE)
		tgt_complete(q, op, op->result);
}

enum tgt_status chain_run(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, chain_fn *first)
{
	op->scratch[0] = (u64)(uintptr_t)tgt_sub(op, sub_done);
	return go_on(t, q, op, first(t, q, op, 0));
}

struct tgt_op *chain_sub(struct tgt_op *op)
{
	struct tgt_op *sub = sub_of(op);

	sub->kind = op->kind;
	sub->flags = op->flags;
	sub->offset_bytes = 0;
	sub->len_bytes = 0;
	sub->data = (struct tgt_data){ .kind = TGT_DATA_NONE, .fd = -1 };
	sub->meta = (struct tgt_data){ .kind = TGT_DATA_NONE, .fd = -1 };
	return sub;
}

const struct tgt_op *chain_last(const struct tgt_op *op)
{
	return sub_of(op);
}

enum tgt_status chain_then(struct tgt_op *op, chain_fn *next)
{
	op->scratch[1] = (u64)(uintptr_t)next;
	return TGT_PENDING;
}

enum tgt_status chain_all(struct tgt_op *op, chain_fn *next)
{
	struct tgt_op *sub = chain_sub(op);

	sub->offset_bytes = op->offset_bytes;
	sub->len_bytes = op->len_bytes;
	sub->data = op->data;
	sub->meta = op->meta;
	return chain_then(op, next);
}

enum tgt_status chain_result(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	(void)t;
	(void)q;
	return tgt_finish(op, result);
}

void chain_rewind(struct tgt_op *op)
{
	op->slab->nr_ops = (u32)(sub_of(op) - op->slab->ops) + 1;
	op->slab->nr_pieces = 0;
}

void chain_open(struct tgt *t, u32 nr_steps)
{
	const struct tgt *child = t->child[0];

	t->limits = child->limits;
	t->data_kinds = child->data_kinds & 1 << TGT_DATA_MEM;
	t->nr_ops = 1 + nr_steps * child->nr_ops;
	t->nr_pieces = 1 + nr_steps * child->nr_pieces;
}
