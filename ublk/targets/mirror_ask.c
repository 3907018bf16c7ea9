/* SPDX-License-Identifier: MIT */
/* What a mirror is asked beside I/O: its verbs, numbers and size. */
#include <asm/errno.h>

#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "ublk/targets/mirror_parts.h"
#include "ublk/targets/targets.h"

static COLD int set_rate(struct mirror *m, const char *value, struct diag *why)
{
	u64 rate;

	if (!value || parse_size(value, &rate))
		return diag_set(why, -EINVAL, "rate=%s: bytes per second, as rate=10M; 0: any",
				value ? value : "");
	__atomic_store_n(&m->rate_bytes, rate, __ATOMIC_RELAXED);
	return 0;
}

static COLD int switch_legs(struct mirror *m, struct diag *why)
{
	u32 to = !__atomic_load_n(&m->primary, __ATOMIC_SEQ_CST);
	const char *name = to ? "second" : "first";

	if (mirror_has_failed(m, to))
		return diag_set(why, -EIO, "the %s leg has failed", name);
	if (__atomic_load_n(&m->nr_stale[to], __ATOMIC_SEQ_CST))
		return diag_set(why, -EBUSY, "the %s leg does not have all yet: %llu regions to go",
				name, m->nr_stale[to]);
	__atomic_store_n(&m->primary, to, __ATOMIC_SEQ_CST);
	return 0;
}

/* Failed legs are tried again, and so is what could not be read. */
static COLD void reconnect(struct mirror *m)
{
	__atomic_store_n(&m->failed, 0, __ATOMIC_SEQ_CST);
	/* An error from here on is none of before. */
	for (u32 leg = 0; leg < 2; leg++)
		__atomic_store_n(&m->leg_errno[leg], 0, __ATOMIC_RELAXED);
	for (u64 r = 0; r < m->nr_regions; r++) {
		u32 old = mirror_region(m, r);

		while (old & MIRROR_UNREADABLE &&
		       !mirror_change(m, r, &old, old & (u32)~MIRROR_UNREADABLE))
			;
	}
}

static COLD void resync(struct mirror *m)
{
	u32 to = !__atomic_load_n(&m->primary, __ATOMIC_SEQ_CST);

	reconnect(m);
	for (u64 r = 0; r < m->nr_regions; r++)
		if (!(mirror_region(m, r) & MIRROR_STALE_ANY))
			mirror_set_stale(m, r, to);
}

COLD int mirror_message(struct tgt *t, const char *word, const char *value, struct diag *why)
{
	struct mirror *m = t->state;
	int err = 0;

	if (str_eq(word, "pause") || str_eq(word, "resume"))
		__atomic_store_n(&m->is_paused, *word == 'p', __ATOMIC_SEQ_CST);
	else if (str_eq(word, "rate"))
		err = set_rate(m, value, why);
	else if (str_eq(word, "switch"))
		err = switch_legs(m, why);
	else if (str_eq(word, "reconnect"))
		reconnect(m);
	else if (str_eq(word, "resync"))
		resync(m);
	else
		return tgt_knows_not(t, word, why);
	mirror_map_all(m);
	mirror_ring_bell(m);
	return err;
}

COLD void mirror_stat(const struct tgt *t, tgt_say_fn *say, void *ctx)
{
	const struct mirror *m = t->state;
	u32 failed = __atomic_load_n(&m->failed, __ATOMIC_RELAXED);
	u32 primary = __atomic_load_n(&m->primary, __ATOMIC_RELAXED);

	say(ctx, "copied_bytes", __atomic_load_n(&m->copied_bytes, __ATOMIC_RELAXED));
	say(ctx, "total_bytes", __atomic_load_n(&m->total_bytes, __ATOMIC_RELAXED));
	say(ctx, "dirty_regions", __atomic_load_n(&m->nr_stale[0], __ATOMIC_RELAXED) +
				  __atomic_load_n(&m->nr_stale[1], __ATOMIC_RELAXED));
	say(ctx, "region_bytes", 1ULL << m->region_shift);
	say(ctx, "unreadable_regions", __atomic_load_n(&m->nr_unreadable, __ATOMIC_RELAXED));
	say(ctx, "met_copying", __atomic_load_n(&m->met_copying, __ATOMIC_RELAXED));
	say(ctx, "read_errors", __atomic_load_n(&m->read_errors, __ATOMIC_RELAXED));
	say(ctx, "rate_bytes", __atomic_load_n(&m->rate_bytes, __ATOMIC_RELAXED));
	say(ctx, "paused", __atomic_load_n(&m->is_paused, __ATOMIC_RELAXED));
	say(ctx, "primary_leg", primary + 1);
	say(ctx, "failed_leg", failed);
	say(ctx, "primary_errno", __atomic_load_n(&m->leg_errno[primary], __ATOMIC_RELAXED));
	say(ctx, "secondary_errno", __atomic_load_n(&m->leg_errno[!primary], __ATOMIC_RELAXED));
}

/* What no leg lacks, and the primary has a hole at, is one. */
COLD s64 mirror_seek(struct tgt *t, u64 offset_bytes, bool hole)
{
	const struct mirror *m = t->state;
	u32 leg = __atomic_load_n(&m->primary, __ATOMIC_SEQ_CST);
	struct tgt *child = t->child[leg];

	if (!child->type->seek || mirror_has_failed(m, leg) ||
	    __atomic_load_n(&m->nr_stale[leg], __ATOMIC_SEQ_CST))
		return (s64)(hole ? t->limits.size_bytes : offset_bytes);
	return child->type->seek(child, offset_bytes, hole);
}

static COLD void forget_region(struct mirror *m, u64 region)
{
	u32 old = mirror_region(m, region);

	while (!mirror_change(m, region, &old, 0))
		;
}

/* The legs have that size; what is new was not written by us: who knows whether it is
 * the same. */
static COLD void set_size(struct tgt *t, u64 size_bytes)
{
	struct mirror *m = t->state;
	u64 nr = ((size_bytes - 1) >> m->region_shift) + 1;
	u64 old_size = t->limits.size_bytes;
	u32 primary = __atomic_load_n(&m->primary, __ATOMIC_SEQ_CST);

	for (u64 r = old_size >> m->region_shift; size_bytes > old_size && r < nr; r++)
		mirror_set_stale(m, r, !primary);
	for (u64 r = nr; r < m->nr_regions; r++)
		forget_region(m, r);
	__atomic_store_n(&m->nr_regions, nr, __ATOMIC_SEQ_CST);
	__atomic_store_n(&t->limits.size_bytes, size_bytes, __ATOMIC_SEQ_CST);
	mirror_map_all(m);
	mirror_ring_bell(m);
}

static COLD int check_size(const struct mirror *m, u64 size_bytes, struct diag *why)
{
	if (size_bytes - 1 < m->max_regions << m->region_shift)
		return 0;
	return diag_set(why, -EFBIG, "mirror: more than %llu regions of %llu", m->max_regions,
			1ULL << m->region_shift);
}

COLD int mirror_resize(struct tgt *t, u64 size_bytes, struct diag *why)
{
	u64 old_size = t->limits.size_bytes;
	int err = check_size(t->state, size_bytes, why);

	for (u32 leg = 0; leg < 2 && !err; leg++)
		if (!t->child[leg]->type->resize)
			err = diag_set(why, -EOPNOTSUPP, "mirror: the size of its %s leg is fixed",
				       leg ? "second" : "first");
	if (err)
		return err;
	/* From here on an error beyond it is none of a leg's. */
	if (size_bytes < old_size)
		set_size(t, size_bytes);
	for (u32 leg = 0; leg < 2; leg++) {
		err = t->child[leg]->type->resize(t->child[leg], size_bytes, why);
		if (err)
			return diag_prepend(why, err, "mirror: %s leg", leg ? "second" : "first");
	}
	if (size_bytes > old_size)
		set_size(t, size_bytes);
	return 0;
}

/* As large as the smaller leg has become */
COLD int mirror_refresh(struct tgt *t, struct diag *why)
{
	u64 size = ~0ULL;
	int err;

	for (u32 leg = 0; leg < 2; leg++) {
		struct tgt *child = t->child[leg];

		err = child->type->refresh ? child->type->refresh(child, why) : 0;
		if (err)
			return diag_prepend(why, err, "mirror: %s leg", leg ? "second" : "first");
		size = mirror_smaller(size, child->limits.size_bytes);
	}
	size &= ~((1ULL << t->limits.logical_shift) - 1);
	err = check_size(t->state, size, why);
	if (!err && size != t->limits.size_bytes)
		set_size(t, size);
	return err;
}

COLD int mirror_watch(struct tgt_tree *tree, const struct mirror_events *events)
{
	for (u32 i = 0; i < tree->nr; i++) {
		struct mirror *m = tree->nodes[i].state;

		if (tree->nodes[i].type != &mirror_target)
			continue;
		m->events = *events;
		return 0;
	}
	return -ENOENT;
}
