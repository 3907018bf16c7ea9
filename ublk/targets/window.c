/* SPDX-License-Identifier: MIT */
/* window: a part of its child, as a partition is. */
#include <asm/errno.h>

#include "ublk/targets/split.h"
#include "ublk/targets/targets.h"

struct window_values {
	u64 offset_bytes;
	u64 length_bytes;
};

#define WINDOW_PARAMS(X)									\
	X(struct window_values, offset_bytes,							\
	  OPT_TEXT("offset", "SIZE", "where it begins on the child; default 0"),		\
	  .kind = OPT_SIZE)									\
	X(struct window_values, length_bytes,							\
	  OPT_TEXT("length", "SIZE", "default: to the child's end, wherever that is") OPT_LEAST("512"),		\
	  .kind = OPT_SIZE)

static u64 window_pos(const struct tgt *t, u32 i, u64 offset)
{
	(void)i;
	return ((const struct split *)t->state)->start[0] + offset;
}

static u64 window_at(const struct tgt *t, u32 i, u64 pos)
{
	(void)i;
	return pos - ((const struct split *)t->state)->start[0];
}

static COLD int check(const struct window_values *v, const struct tgt_limits *child,
		      struct diag *why)
{
	u64 block = 1ULL << child->logical_shift;

	if (v->offset_bytes % block)
		return diag_set(why, -EINVAL, "offset=%llu: not a multiple of the logical block, %llu",
				v->offset_bytes, block);
	if (v->offset_bytes >= child->size_bytes)
		return diag_set(why, -EINVAL, "offset=%llu: the child ends at %llu", v->offset_bytes,
				child->size_bytes);
	if (v->length_bytes > child->size_bytes - v->offset_bytes)
		return diag_set(why, -EINVAL, "length=%llu: from %llu on the child has %llu bytes",
				v->length_bytes, v->offset_bytes,
				child->size_bytes - v->offset_bytes);
	if (v->length_bytes && v->length_bytes < block)
		return diag_set(why, -EINVAL, "length=%llu: less than a logical block, %llu",
				v->length_bytes, block);
	return 0;
}

static COLD int window_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	static const struct split_map map = { window_pos, window_at };
	const struct window_values *v = values;
	const struct tgt_limits *child = &t->child[0]->limits;
	struct tgt_limits *l = &t->limits;
	struct split *s = t->state;
	u32 granularity = child->discard_granularity_bytes;
	u64 rest;
	int err = split_open(t, &map, why);

	(void)arg;
	if (!err)
		err = check(v, child, why);
	if (err)
		return err;
	s->start[0] = v->offset_bytes;
	s->is_cut = v->length_bytes;
	l->size_bytes = v->length_bytes ? v->length_bytes : child->size_bytes - v->offset_bytes;
	rest = l->size_bytes & ((1ULL << l->logical_shift) - 1);
	l->size_bytes -= rest;
	if (rest)
		tgt_notice(t, "%llu bytes at its end are not used: whole blocks of %u", rest,
			   1U << l->logical_shift);
	/* The first multiple of it on the child that is inside */
	if (granularity)
		l->discard_alignment_bytes =
			(u32)((granularity + child->discard_alignment_bytes % granularity -
			       v->offset_bytes % granularity) % granularity);
	if (l->chunk_bytes)
		split_cut(t, v->offset_bytes);
	return 0;
}

const struct tgt_type window_target = {
	.name = "window",
	.summary = "a part of its child",
	.params = OPT_TABLE(WINDOW_PARAMS),
	.values_bytes = sizeof(struct window_values),
	.state_bytes = sizeof(struct split),
	.min_children = 1,
	.max_children = 1,
	.open = window_open,
	.submit = split_submit,
	.direct = split_direct,
	.resize = split_resize,
	.refresh = split_refresh,
	.seek = split_seek,
};
