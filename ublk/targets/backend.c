/* SPDX-License-Identifier: MIT */
/* Synchronous callbacks as a target: one per operation, in the queue's thread. */
#include "ublk/targets/backend.h"

#include <asm/errno.h>

#include "uapi/rt/pages.h"

#define ERRNO_MAX 4095

static const struct tgt_backend *backend_of(const struct tgt *t)
{
	return t->state;
}

/* What a callback may say */
static s64 answer(int ret)
{
	return ret > 0 || ret < -ERRNO_MAX ? -EIO : ret;
}

static s64 backend_read(const struct tgt_backend *b, const struct tgt_op *op)
{
	u64 offset = op->offset_bytes;

	for (u32 i = 0; i < op->data.nr_pieces; i++) {
		const struct tgt_piece *p = &op->data.pieces[i];
		s64 err = answer(b->ops->read(b->ctx, offset, (void *)(uintptr_t)p->at,
					      p->len_bytes));

		if (err)
			return err;
		offset += p->len_bytes;
	}
	return (s64)op->len_bytes;
}

/* The narrowest way that there is to make a range durable */
static s64 make_durable(const struct tgt_backend *b, u64 offset, u64 len_bytes)
{
	if (b->ops->sync_range)
		return answer(b->ops->sync_range(b->ctx, offset, len_bytes));
	if (b->ops->sync)
		return answer(b->ops->sync(b->ctx));
	return b->ops->flush ? answer(b->ops->flush(b->ctx)) : 0;
}

static s64 backend_write(const struct tgt_backend *b, const struct tgt_op *op)
{
	u64 offset = op->offset_bytes;
	s64 err;

	if (!b->ops->write)
		return -EROFS;
	for (u32 i = 0; i < op->data.nr_pieces; i++) {
		const struct tgt_piece *p = &op->data.pieces[i];

		err = answer(b->ops->write(b->ctx, offset, (const void *)(uintptr_t)p->at,
					   p->len_bytes));
		if (err)
			return err;
		offset += p->len_bytes;
	}
	err = op->flags & TGT_F_FUA ? make_durable(b, op->offset_bytes, op->len_bytes) : 0;
	return err ? err : (s64)op->len_bytes;
}

static s64 backend_flush(const struct tgt_backend *b)
{
	return b->ops->flush ? answer(b->ops->flush(b->ctx)) : 0;
}

static s64 backend_discard(const struct tgt_backend *b, const struct tgt_op *op)
{
	if (!b->ops->discard)
		return -EOPNOTSUPP;
	return answer(b->ops->discard(b->ctx, op->offset_bytes, op->len_bytes));
}

static s64 backend_write_zeroes(const struct tgt_backend *b, const struct tgt_op *op)
{
	if (!b->ops->write_zeroes)
		return -EOPNOTSUPP;
	return answer(b->ops->write_zeroes(b->ctx, op->offset_bytes, op->len_bytes,
					   op->flags & TGT_F_NOUNMAP));
}

static enum tgt_status backend_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct tgt_backend *b = backend_of(t);

	(void)q;
	switch (op->kind) {
	case TGT_READ:
		return tgt_finish(op, backend_read(b, op));
	case TGT_WRITE:
		return tgt_finish(op, backend_write(b, op));
	case TGT_FLUSH:
		return tgt_finish(op, backend_flush(b));
	case TGT_DISCARD:
		return tgt_finish(op, backend_discard(b, op));
	case TGT_WRITE_ZEROES:
		return tgt_finish(op, backend_write_zeroes(b, op));
	default:
		return tgt_finish(op, -EOPNOTSUPP);
	}
}

static void backend_close(struct tgt *t)
{
	const struct tgt_backend *b = backend_of(t);

	if (b->ops->close)
		b->ops->close(b->ctx);
}

static COLD int backend_resize(struct tgt *t, u64 size_bytes, struct diag *why)
{
	const struct tgt_backend *b = backend_of(t);
	int err = (int)answer(b->ops->resize(b->ctx, size_bytes));

	if (err)
		return diag_set(why, err, "the backend does not become %llu bytes large",
				size_bytes);
	__atomic_store_n(&t->limits.size_bytes, size_bytes, __ATOMIC_RELAXED);
	return 0;
}

static COLD void backend_stat(const struct tgt *t, tgt_say_fn *say, void *ctx)
{
	const struct tgt_backend *b = backend_of(t);
	struct tgt_backend_stat stats[TGT_BACKEND_MAX_STATS];
	u32 nr = b->ops->stats ? b->ops->stats(b->ctx, stats, TGT_BACKEND_MAX_STATS) : 0;

	for (u32 i = 0; i < nr && i < TGT_BACKEND_MAX_STATS; i++) {
		stats[i].name[TGT_BACKEND_NAME_BYTES - 1] = 0;
		say(ctx, stats[i].name, stats[i].value);
	}
}

/* Not in targets/list.h: no spec can name them, their callbacks come from a program. */
static const struct tgt_type fixed_type = {
	.name = "backend",
	.state_bytes = sizeof(struct tgt_backend),
	.close = backend_close,
	.submit = backend_submit,
	.stat = backend_stat,
};

/* Of its own: that it has resize is asked before the kernel is told to shrink. */
static const struct tgt_type resizable_type = {
	.name = "backend",
	.state_bytes = sizeof(struct tgt_backend),
	.close = backend_close,
	.submit = backend_submit,
	.resize = backend_resize,
	.stat = backend_stat,
};

static bool is_size(u64 size_bytes, const struct tgt_limits *l)
{
	return size_bytes && size_bytes % (1ULL << l->logical_shift) == 0;
}

static void fill_defaults(struct tgt_limits *l)
{
	l->logical_shift = l->logical_shift ? l->logical_shift : 9;
	l->physical_shift = l->physical_shift ? l->physical_shift : 12;
	if (l->physical_shift < l->logical_shift)
		l->physical_shift = l->logical_shift;
	if (!l->discard_granularity_bytes)
		l->discard_granularity_bytes = 4096;
	if (!l->max_discard_bytes)
		l->max_discard_bytes = l->size_bytes;
	if (!l->max_write_zeroes_bytes)
		l->max_write_zeroes_bytes = l->size_bytes;
}

/* What has no callback is not there; what has one is. */
static void fit_to_ops(struct tgt_limits *l, const struct tgt_backend_ops *ops)
{
	l->attrs &= ~(u32)(UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA);
	if (ops->flush)
		l->attrs |= UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA;
	if (!ops->write)
		l->attrs |= UBLK_ATTR_READ_ONLY;
	if (!ops->discard || !ops->write) {
		l->max_discard_bytes = 0;
		l->discard_granularity_bytes = 0;
	}
	if (!ops->write_zeroes || !ops->write)
		l->max_write_zeroes_bytes = 0;
}

static int check(const struct tgt_backend *b, const struct tgt_limits *l, struct diag *why)
{
	if (!b->ops || !b->ops->read)
		return diag_set(why, -EINVAL, "a backend without a read callback");
	if (l->logical_shift < 9 || l->logical_shift > 16)
		return diag_set(why, -EINVAL, "a logical block of 2^%u bytes: 2^9 to 2^16 are possible",
				l->logical_shift);
	if (!is_size(l->size_bytes, l))
		return diag_set(why, -EINVAL, "a size of %llu bytes: not a multiple of %u above zero",
				l->size_bytes, 1U << l->logical_shift);
	return 0;
}

int tgt_backend_open(struct tgt_tree *tree, const struct tgt_backend *backend, struct diag *why)
{
	u64 state_at = (sizeof(struct tgt) + 63) & ~63ULL;
	struct tgt_limits limits = backend->limits;
	struct tgt_backend *b;
	struct pages mem;
	struct tgt *t;
	int err;

	*tree = (struct tgt_tree){ .root = NULL };
	fill_defaults(&limits);
	err = check(backend, &limits, why);
	if (err)
		return err;
	fit_to_ops(&limits, backend->ops);
	err = pages_map(&mem, state_at + sizeof(*b));
	if (err)
		return diag_set(why, err, "no memory for the backend");
	t = mem.addr;
	b = (struct tgt_backend *)(void *)((char *)mem.addr + state_at);
	*b = *backend;
	*t = (struct tgt){
		.type = b->ops->resize ? &resizable_type : &fixed_type,
		.submit = backend_submit,
		.state = b,
		.limits = limits,
		.data_kinds = 1 << TGT_DATA_MEM,
	};
	*tree = (struct tgt_tree){
		.root = t,
		.nr = 1,
		.nodes = t,
		.mem = mem.addr,
		.mem_len_bytes = mem.len_bytes,
	};
	return 0;
}
