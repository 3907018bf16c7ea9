/* SPDX-License-Identifier: MIT */
/* concat: its children one behind the other; it grows as the last one does. */
#include <asm/errno.h>

#include "ublk/targets/split.h"
#include "ublk/targets/targets.h"

static u64 concat_pos(const struct tgt *t, u32 i, u64 offset)
{
	const u64 *start = ((const struct split *)t->state)->start;

	if (offset <= start[i])
		return 0;
	/* The last one ends wherever it does: it may have grown. */
	if (i + 1 < t->nr_children && offset > start[i + 1])
		offset = start[i + 1];
	return offset - start[i];
}

static u64 concat_at(const struct tgt *t, u32 i, u64 pos)
{
	return ((const struct split *)t->state)->start[i] + pos;
}

static COLD int concat_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	static const struct split_map map = { concat_pos, concat_at };
	struct split *s = t->state;
	u64 end = 0;
	u64 unused = 0;
	int err = split_open(t, &map, why);

	(void)arg;
	(void)values;
	if (err)
		return err;
	for (u32 i = 0; i < t->nr_children; i++) {
		u64 size = t->child[i]->limits.size_bytes;
		u64 rest = size & ((1ULL << t->limits.logical_shift) - 1);

		s->start[i] = end;
		unused += rest;
		if (size == rest)
			return diag_set(why, -EINVAL, "child %u is smaller than a logical block of %u",
					i + 1, 1U << t->limits.logical_shift);
		if (__builtin_add_overflow(end, size - rest, &end) || end >> 63)
			return diag_set(why, -EFBIG, "its children are too large together");
		if (t->limits.chunk_bytes)
			split_cut(t, s->start[i]);
	}
	t->limits.size_bytes = end;
	if (unused)
		tgt_notice(t, "%llu bytes at the end of its children are not used: whole blocks of %u",
			   unused, 1U << t->limits.logical_shift);
	return 0;
}

const struct tgt_type concat_target = {
	.name = "concat",
	.summary = "its children one behind the other",
	.state_bytes = sizeof(struct split),
	.min_children = 1,
	.max_children = TGT_MAX_CHILDREN,
	.open = concat_open,
	.submit = split_submit,
	.direct = split_direct,
	.resize = split_resize,
	.refresh = split_refresh,
	.seek = split_seek,
};
