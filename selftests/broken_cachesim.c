/* SPDX-License-Identifier: MIT */
/*
 * cachesim: a disk with a volatile write cache. The child always has the newest
 * bytes; what a block held when the last flush ended is kept aside before the
 * first write to it. A flush forgets what is aside, and a power cut puts it
 * back. So a cut undoes what no flush has covered, and a liar, who answers a
 * flush without forgetting, loses what he said was safe.
 */
#include <asm/errno.h>

#include "selftests/broken_chain.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"

#define RANGE_BYTES (4U << 20) /* largest discard: all of it is read first */

enum lie { LIE_NOT, LIE_FLUSH, LIE_FUA };

struct cachesim {
	struct broken_stats *stats; /* first: see broken_stats() */
	u32 lie;
	u32 shift; /* block size */
	u64 nr_blocks;
	char *aside;  /* laid out as the disk is, as the next */
	char *before; /* what a write is about to replace */
	u64 *is_aside; /* bit b: block b was written since the last flush; atomic words */
	struct pages aside_mem;
	struct pages before_mem;
	struct pages bitmap;
};

struct cachesim_values {
	u32 lie;
};

#define CACHESIM_PARAMS(X)									\
	X(struct cachesim_values, lie,								\
	  OPT_TEXT("lie", "WHAT", "what it says is durable and is not")				\
	  OPT_CHOICES("not\0flush\0fua"),							\
	  .kind = OPT_CHOICE)

static bool is_aside(const struct cachesim *c, u64 block)
{
	return __atomic_load_n(&c->is_aside[block / 64], __ATOMIC_ACQUIRE) >> (block % 64) & 1;
}

static void set_aside(struct cachesim *c, u64 first, u64 end, bool aside)
{
	for (u64 b = first; b < end; b++) {
		u64 bit = 1ULL << (b % 64);

		if (aside)
			__atomic_fetch_or(&c->is_aside[b / 64], bit, __ATOMIC_RELEASE);
		else
			__atomic_fetch_and(&c->is_aside[b / 64], ~bit, __ATOMIC_RELEASE);
	}
}

/* The sub-operation moves these blocks between the child and memory laid out as
 * the disk is. */
static enum tgt_status move_blocks(struct cachesim *c, struct tgt_op *op, u8 kind, char *mem,
				   u64 first, u64 end, chain_fn *next)
{
	struct tgt_op *sub = chain_sub(op);

	sub->kind = kind;
	sub->flags = 0;
	sub->offset_bytes = first << c->shift;
	sub->len_bytes = (end - first) << c->shift;
	tgt_set_mem(sub, mem + sub->offset_bytes);
	return chain_then(op, next);
}

static u64 first_of(const struct cachesim *c, const struct tgt_op *op)
{
	return op->offset_bytes >> c->shift;
}

static u64 end_of(const struct cachesim *c, const struct tgt_op *op)
{
	return (op->offset_bytes + op->len_bytes) >> c->shift;
}

/* It is written; FUA is a flush of these blocks. */
static enum tgt_status written(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	struct cachesim *c = t->state;

	(void)q;
	if (result < 0 || !(op->flags & TGT_F_FUA) || op->kind != TGT_WRITE)
		return tgt_finish(op, result);
	if (c->lie == LIE_FUA)
		__atomic_fetch_add(&c->stats->nr_broken, 1, __ATOMIC_RELAXED);
	else
		set_aside(c, first_of(c, op), end_of(c, op), false);
	return tgt_finish(op, result);
}

/* The old bytes are in c->before: those that are not aside yet go there. */
static enum tgt_status was_read(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	struct cachesim *c = t->state;

	(void)q;
	if (result != (s64)op->len_bytes)
		return tgt_finish(op, result < 0 ? result : -EIO);
	for (u64 b = first_of(c, op); b < end_of(c, op); b++)
		if (!is_aside(c, b))
			memcpy(c->aside + (b << c->shift), c->before + (b << c->shift),
			       1ULL << c->shift);
	set_aside(c, first_of(c, op), end_of(c, op), true);
	return chain_all(op, written);
}

static enum tgt_status change(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	struct cachesim *c = t->state;

	(void)q;
	(void)result;
	return move_blocks(c, op, TGT_READ, c->before, first_of(c, op), end_of(c, op), was_read);
}

static enum tgt_status pass_on(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	(void)t;
	(void)q;
	(void)result;
	return chain_all(op, chain_result);
}

/* What was acknowledged before is covered; what is written meanwhile may be. */
static enum tgt_status flush(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	struct cachesim *c = t->state;

	if (c->lie == LIE_FLUSH) {
		__atomic_fetch_add(&c->stats->nr_broken, 1, __ATOMIC_RELAXED);
		return tgt_finish(op, 0);
	}
	for (u64 i = 0; i < (c->nr_blocks + 63) / 64; i++)
		if (__atomic_load_n(&c->is_aside[i], __ATOMIC_RELAXED))
			__atomic_store_n(&c->is_aside[i], 0, __ATOMIC_RELEASE);
	return pass_on(t, q, op, result);
}

/* Some blocks had reached the medium by themselves. */
static bool survives(u64 seed, u64 block)
{
	u64 x = (block + 1) * 0x9e3779b97f4a7c15ULL ^ seed * 0xbf58476d1ce4e5b9ULL;

	return seed && (x ^ x >> 29) >> 17 & 1;
}

/* The next run of blocks that all go back; a block that stays ends it */
static u64 forget_run(struct cachesim *c, u64 seed, u64 first)
{
	u64 b = first;

	while (b < c->nr_blocks && is_aside(c, b) && !survives(seed, b))
		b++;
	set_aside(c, first, b, false);
	return b;
}

static enum tgt_status cut_more(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	struct cachesim *c = t->state;
	u64 first = end_of(c, chain_last(op));
	u64 end;

	(void)q;
	if (result < 0)
		return tgt_finish(op, result);
	chain_rewind(op);
	for (; first < c->nr_blocks; first++) {
		end = forget_run(c, op->offset_bytes, first);
		if (end > first)
			return move_blocks(c, op, TGT_WRITE, c->aside, first, end, cut_more);
		set_aside(c, first, first + 1, false);
	}
	return tgt_finish(op, 0);
}

static enum tgt_status cut(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	(void)chain_sub(op); /* from block 0 on */
	return cut_more(t, q, op, result);
}

static enum tgt_status cachesim_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct cachesim *c = t->state;

	broken_count(c->stats, op);
	switch (op->kind) {
	case TGT_WRITE:
	case TGT_DISCARD:
	case TGT_WRITE_ZEROES:
		return chain_run(t, q, op, change);
	case TGT_FLUSH:
		return chain_run(t, q, op, flush);
	case BROKEN_POWER_CUT:
		return chain_run(t, q, op, cut);
	default:
		return chain_run(t, q, op, pass_on);
	}
}

static u64 at_most(u64 a, u64 b)
{
	return a < b ? a : b;
}

static void cachesim_close(struct tgt *t)
{
	struct cachesim *c = t->state;

	broken_stats_unmap(c->stats);
	pages_unmap(&c->aside_mem);
	pages_unmap(&c->before_mem);
	pages_unmap(&c->bitmap);
}

static int cachesim_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct cachesim_values *v = values;
	struct cachesim *c = t->state;
	int err;

	(void)arg;
	chain_open(t, 2);
	t->limits.attrs |= UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA;
	t->limits.max_discard_bytes = at_most(t->limits.max_discard_bytes, RANGE_BYTES);
	t->limits.max_write_zeroes_bytes = at_most(t->limits.max_write_zeroes_bytes, RANGE_BYTES);
	c->lie = v->lie;
	c->shift = t->limits.logical_shift;
	c->nr_blocks = t->limits.size_bytes >> c->shift;
	err = broken_stats_map(&c->stats);
	if (!err)
		err = pages_map(&c->aside_mem, t->limits.size_bytes);
	if (!err)
		err = pages_map(&c->before_mem, t->limits.size_bytes);
	if (!err)
		err = pages_map(&c->bitmap, c->nr_blocks / 8 + 8);
	if (err) {
		cachesim_close(t);
		return diag_set(why, err, "no memory for what it keeps aside");
	}
	c->aside = c->aside_mem.addr;
	c->before = c->before_mem.addr;
	c->is_aside = c->bitmap.addr;
	return 0;
}

const struct tgt_type cachesim_target = {
	.name = "cachesim",
	.summary = "a volatile write cache that can lose its power, for tests",
	.params = OPT_TABLE(CACHESIM_PARAMS),
	.values_bytes = sizeof(struct cachesim_values),
	.state_bytes = sizeof(struct cachesim),
	.min_children = 1,
	.max_children = 1,
	.open = cachesim_open,
	.close = cachesim_close,
	.submit = cachesim_submit,
};
