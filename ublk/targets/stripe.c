/* SPDX-License-Identifier: MIT */
/* stripe: chunks of the disk are on the children in turn. */
#include <asm/errno.h>

#include "ublk/targets/split.h"
#include "ublk/targets/targets.h"

#define DEFAULT_CHUNK_BYTES (64U << 10)

/* A request has as many slices at most, or one more: a list of that length for each tag */
#define MAX_SLICES 256U
#define MAX_IO_BYTES (32U << 20) /* that the driver has */

/* Of granularities and best sizes: the kernel has them in 32 bits */
#define MOST_HINT (128U << 20)

struct stripe_values {
	u64 chunk_bytes;
};

#define STRIPE_PARAMS(X)									\
	X(struct stripe_values, chunk_bytes,							\
	  OPT_TEXT("chunk", "SIZE",								\
		   "so much on one child, then so much on the next; default 64K")		\
	  OPT_RANGE("512", "1G"),								\
	  .kind = OPT_SIZE)

static u64 stripe_pos(const struct tgt *t, u32 i, u64 offset)
{
	u64 size = ((const struct split *)t->state)->chunk_bytes;
	u64 chunk = offset / size;
	u64 row = chunk / t->nr_children * size;
	u64 column = chunk % t->nr_children;

	if (i < column)
		return row + size;
	return i == column ? row + offset % size : row;
}

static u64 stripe_at(const struct tgt *t, u32 i, u64 pos)
{
	u64 size = ((const struct split *)t->state)->chunk_bytes;

	return (pos / size * t->nr_children + i) * size + pos % size;
}

/* The smallest child says how many chunks of each are used. */
static COLD int set_size(struct tgt *t, u64 chunk_bytes, struct diag *why)
{
	u64 used = ~0ULL;
	u64 unused = 0;

	for (u32 i = 0; i < t->nr_children; i++)
		if (used > t->child[i]->limits.size_bytes)
			used = t->child[i]->limits.size_bytes;
	used -= used % chunk_bytes;
	if (!used)
		return diag_set(why, -EINVAL, "its smallest child is smaller than a chunk of %llu",
				chunk_bytes);
	for (u32 i = 0; i < t->nr_children; i++)
		unused += t->child[i]->limits.size_bytes - used;
	if (__builtin_mul_overflow(used, (u64)t->nr_children, &t->limits.size_bytes) ||
	    t->limits.size_bytes >> 63)
		return diag_set(why, -EFBIG, "its children are too large together");
	if (unused)
		tgt_notice(t, "%llu bytes at the end of its children are not used: whole chunks "
			   "of the smallest", unused);
	return 0;
}

static COLD u32 pieces_of_child(const struct tgt *t, u64 chunk_bytes)
{
	u64 nr = (t->limits.max_io_bytes + chunk_bytes - 1) / chunk_bytes + 1;

	return (u32)((nr + t->nr_children - 1) / t->nr_children);
}

static COLD void set_limits(struct tgt *t, u64 chunk_bytes)
{
	struct tgt_limits *l = &t->limits;
	u64 most = chunk_bytes * MAX_SLICES;
	u32 nr;

	if (most > MAX_IO_BYTES)
		most = MAX_IO_BYTES;
	if (!l->max_io_bytes || l->max_io_bytes > most)
		l->max_io_bytes = (u32)most;
	/* A child that wants its requests cut gets one chunk at a time. */
	if (l->chunk_bytes)
		split_cut(t, chunk_bytes);
	/* Of each child a whole unit can be given back then. */
	if (l->discard_granularity_bytes > chunk_bytes && l->discard_granularity_bytes < MOST_HINT)
		l->discard_granularity_bytes *= t->nr_children;
	if (!(chunk_bytes & (chunk_bytes - 1))) {
		l->io_min_shift = tgt_shift_of(chunk_bytes);
		if (!(t->nr_children & (t->nr_children - 1)) &&
		    chunk_bytes * t->nr_children <= MOST_HINT)
			l->io_opt_shift = tgt_shift_of(chunk_bytes * t->nr_children);
	}
	nr = pieces_of_child(t, chunk_bytes);
	for (u32 i = 0; i < t->nr_children; i++)
		t->nr_pieces += nr - 1 + (nr - 1) * t->child[i]->nr_ops;
}

static COLD int stripe_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct stripe_values *v = values;
	static const struct split_map map = { stripe_pos, stripe_at };
	u64 chunk_bytes = v->chunk_bytes ? v->chunk_bytes : DEFAULT_CHUNK_BYTES;
	int err = split_open(t, &map, why);

	(void)arg;
	if (err)
		return err;
	if (chunk_bytes & ((1ULL << t->limits.logical_shift) - 1))
		return diag_set(why, -EINVAL, "chunk=%llu: not a multiple of the logical block, %u",
				chunk_bytes, 1U << t->limits.logical_shift);
	err = set_size(t, chunk_bytes, why);
	if (err)
		return err;
	((struct split *)t->state)->chunk_bytes = chunk_bytes;
	set_limits(t, chunk_bytes);
	return 0;
}

const struct tgt_type stripe_target = {
	.name = "stripe",
	.summary = "spread over its children, chunk by chunk",
	.params = OPT_TABLE(STRIPE_PARAMS),
	.values_bytes = sizeof(struct stripe_values),
	.state_bytes = sizeof(struct split),
	.min_children = 1,
	.max_children = TGT_MAX_CHILDREN,
	.open = stripe_open,
	.submit = split_submit,
	.direct = split_direct,
	.seek = split_seek,
};
