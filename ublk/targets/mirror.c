/* SPDX-License-Identifier: MIT */
/*
 * mirror: two disks with the same on them, and one of them may still be getting it.
 *
 * WHY IT IS CORRECT. The disk is cut into regions, and a region has a word of
 * state (mirror_parts.h). What always holds, of each block: a leg that is not
 * stale in its region has what was last written there, or the block is locked;
 * and of no region are both legs stale. So a read may be answered by any leg that
 * is not stale there, without a lock: what it meets while the block is locked is
 * what was there before or what is being written, and the writer has not been
 * answered yet.
 *
 * A change (write, discard, zeroes) locks its blocks, so that of two that overlap
 * both legs get one before the other, and only then looks at the state. It goes to
 * every leg that is not stale, and to a stale one that is being copied to. It is
 * done when all have answered, and the blocks are given back then. The bytes are
 * the same for both legs, because the front end has taken a copy (needs_snapshot).
 *
 * A copy marks a region as being copied, and then goes through it piece by
 * piece: it locks the piece, reads it from the one leg, writes it to the other, and
 * gives the lock back. Of a change in the region one of three is true. It had its
 * lock before the copy had that of the piece: then the copy waits for it, and reads
 * what it has written. It has it later: then the mark is there to be seen, by the
 * order of the locks, and it goes to both legs, after the old data and not before.
 * Or the piece is still to come: then the copy brings it, whether it went to both
 * or not. So at the last piece both have the same, and stale and mark are taken
 * away in one step, if the mark is still there: a change that could not be
 * written to the leg that is being copied to has removed it.
 *
 * Failures. Where a leg fails a change that the other has taken, it is stale there,
 * and it has failed: from now on it is stale wherever something is written, and no
 * leg that has not failed is left out for it. It may also have lost what it had
 * not been made to keep, by a flush: those are the regions with the mark of an
 * intent, and they become stale too. It is set before a change begins and taken
 * away some time after, by a flush of both legs (mirror_copy.c). A leg that is
 * the only one not to be stale in a region is asked there in any case, and its
 * errors are the disk's. A flush is done when both legs have done theirs; one that
 * fails there has failed, unless it is the only one to have something.
 *
 * With a bitmap a change also waits, with its blocks locked, until the file has the
 * intent, and its answer until the file has what failed: see mirror_map.c.
 *
 * Nothing waits in a circle: see blocks.h; the copy has one piece for each lane, and
 * takes no lock while it has one. A write waits for a copy as long as one piece
 * takes, not as long as the rate has it wait: it is given back before that.
 */
#include "ublk/targets/mirror_parts.h"

#include <asm/errno.h>

#include "ublk/targets/targets.h"

#define REGION_BYTES (1ULL << 20)
#define MAX_REGIONS (1ULL << 19) /* at the start; a disk may grow to twice that */
#define MAX_RANGE_BYTES (32U << 20) /* of one discard: 128 words of locks */

struct mirror_values {
	u64 region_bytes;
	u64 rate_bytes;
	const char *bitmap;
	bool paused;
	bool clean;
};

#define MIRROR_PARAMS(X)									\
	X(struct mirror_values, region_bytes,							\
	  OPT_TEXT("region", "SIZE", "that is copied or not, a power of two; default 1M")	\
	  OPT_RANGE("64K", "256M"), .kind = OPT_SIZE)						\
	X(struct mirror_values, rate_bytes,							\
	  OPT_TEXT("rate", "SIZE", "bytes that are copied per second; default any"),		\
	  .kind = OPT_SIZE)									\
	X(struct mirror_values, bitmap,								\
	  OPT_TEXT("bitmap", "PATH", "file that says what differs, also after a crash"),	\
	  .kind = OPT_STRING)									\
	X(struct mirror_values, paused,								\
	  OPT_TEXT("paused", "0|1", "copies when it is told to"), .kind = OPT_BOOL)		\
	X(struct mirror_values, clean,								\
	  OPT_TEXT("clean", "0|1", "believe that both are the same: if not, data is lost"),	\
	  .kind = OPT_BOOL)

/* --- the state of regions ------------------------------------------------------------- */

static void count(u64 *counter, bool was, bool is)
{
	if (was != is)
		__atomic_fetch_add(counter, is ? 1 : ~0ULL, __ATOMIC_SEQ_CST);
}

bool mirror_change(struct mirror *m, u64 region, u32 *old, u32 now)
{
	u32 was = *old;

	if (!__atomic_compare_exchange_n(&m->regions[region], old, now, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return false;
	count(&m->nr_stale[0], was & MIRROR_STALE, now & MIRROR_STALE);
	count(&m->nr_stale[1], was & MIRROR_STALE << 1, now & MIRROR_STALE << 1);
	count(&m->nr_unreadable, was & MIRROR_UNREADABLE, now & MIRROR_UNREADABLE);
	return true;
}

COLD void mirror_set_stale(struct mirror *m, u64 region, u32 leg)
{
	u32 old = mirror_region(m, region);
	u32 now;

	do {
		now = old;
		if (old & MIRROR_STALE << leg)
			now &= (u32)~MIRROR_COPYING;
		else if (!(old & MIRROR_STALE_ANY))
			now |= MIRROR_STALE << leg;
	} while (!mirror_change(m, region, &old, now));
}

COLD void mirror_leg_fails(struct tgt *t, u32 leg, s32 err)
{
	struct mirror *m = t->state;

	if (__atomic_fetch_or(&m->failed, 1U << leg, __ATOMIC_SEQ_CST) >> leg & 1)
		return;
	for (u64 r = 0; r < m->nr_regions; r++)
		if (mirror_region(m, r) & MIRROR_INTENT)
			mirror_set_stale(m, r, leg);
	mirror_map_all(m);
	if (m->events.failed)
		m->events.failed(m->events.ctx, leg, err);
	mirror_ring_bell(m);
}

/* --- operations --------------------------------------------------------------------------- */

COLD s32 mirror_note_error(struct mirror *m, u32 leg, s64 result)
{
	s32 err = result < 0 ? (s32)result : -EIO;

	__atomic_store_n(&m->leg_errno[leg], (u32)-err, __ATOMIC_RELAXED);
	return err;
}

struct tgt_op *mirror_sub(struct tgt_op *op, tgt_done_fn *done)
{
	struct tgt_op *sub = tgt_sub(op, done);

	sub->offset_bytes = op->offset_bytes;
	sub->len_bytes = op->len_bytes;
	sub->data = op->data;
	return sub;
}

static enum tgt_status mirror_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	u64 size = __atomic_load_n(&t->limits.size_bytes, __ATOMIC_RELAXED);

	if (op->kind == TGT_FLUSH)
		return mirror_flush(t, q, op);
	if (op->kind > TGT_WRITE && op->kind != TGT_DISCARD && op->kind != TGT_WRITE_ZEROES)
		return tgt_finish(op, -EOPNOTSUPP);
	if (!op->len_bytes || op->len_bytes > size || op->offset_bytes > size - op->len_bytes)
		return tgt_finish(op, -EINVAL);
	return op->kind == TGT_READ ? mirror_read(t, q, op) :
					mirror_begin_change(t, q, op);
}

static void mirror_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	const struct mirror *m = t->state;

	if (step != MIRROR_STEP_LOCK && (op == &m->tidy->op || step < MIRROR_STEP_SAVED))
		mirror_home_cqe(t, q, op, step, res);
	else
		mirror_change_cqe(t, q, op, step, res);
}

/* --- open --------------------------------------------------------------------------------- */

static COLD int check_legs(const struct tgt *t, struct diag *why)
{
	const struct tgt_limits *a = &t->child[0]->limits;
	const struct tgt_limits *b = &t->child[1]->limits;

	if (a->zones.zone_bytes || b->zones.zone_bytes || a->meta.bytes || b->meta.bytes)
		return diag_set(why, -EOPNOTSUPP, "its %s leg is zoned or has metadata",
				a->zones.zone_bytes || a->meta.bytes ? "first" : "second");
	/* Block sizes are powers of two: the one is a multiple of the other. */
	if (a->size_bytes != b->size_bytes)
		return diag_set(why, -EINVAL, "its legs have %llu and %llu bytes: the second is too %s",
				a->size_bytes, b->size_bytes,
				b->size_bytes < a->size_bytes ? "small" : "large");
	if (b->attrs & UBLK_ATTR_READ_ONLY)
		return diag_set(why, -EROFS, "its second leg is read-only");
	if (a->chunk_bytes && b->chunk_bytes && a->chunk_bytes != b->chunk_bytes)
		return diag_set(why, -EINVAL, "its legs have chunks of %u and %u bytes",
				a->chunk_bytes, b->chunk_bytes);
	return 0;
}

static u64 larger(u64 a, u64 b)
{
	return a > b ? a : b;
}

/* Of two maxima, where 0 is none */
static u64 both(u64 a, u64 b)
{
	return a && b ? mirror_smaller(a, b) : larger(a, b);
}

static COLD void fill_limits(struct tgt *t)
{
	const struct tgt_limits *a = &t->child[0]->limits;
	const struct tgt_limits *b = &t->child[1]->limits;
	struct tgt_limits *l = &t->limits;
	u32 either = a->attrs | b->attrs;
	u32 fua = UBLK_ATTR_FUA;

	/* A leg without a cache needs none. */
	if ((a->attrs & UBLK_ATTR_VOLATILE_CACHE && !(a->attrs & UBLK_ATTR_FUA)) ||
	    (b->attrs & UBLK_ATTR_VOLATILE_CACHE && !(b->attrs & UBLK_ATTR_FUA)))
		fua = 0;
	*l = (struct tgt_limits){
		.size_bytes = a->size_bytes,
		.logical_shift = (u8)larger(a->logical_shift, b->logical_shift),
		.physical_shift = (u8)larger(a->physical_shift, b->physical_shift),
		.io_min_shift = (u8)larger(a->io_min_shift, b->io_min_shift),
		.io_opt_shift = (u8)larger(a->io_opt_shift, b->io_opt_shift),
		.attrs = (either & ~(u32)UBLK_ATTR_FUA) | (either & fua),
		.max_io_bytes = (u32)both(a->max_io_bytes, b->max_io_bytes),
		.discard_granularity_bytes = (u32)larger(a->discard_granularity_bytes,
							 b->discard_granularity_bytes),
		.discard_alignment_bytes = a->discard_granularity_bytes ==
					   b->discard_granularity_bytes ?
					   a->discard_alignment_bytes : 0,
		.max_discard_bytes = mirror_smaller(a->max_discard_bytes, b->max_discard_bytes),
		.max_write_zeroes_bytes = mirror_smaller(a->max_write_zeroes_bytes,
						  b->max_write_zeroes_bytes),
		.dma_alignment_bytes = (u32)larger(a->dma_alignment_bytes, b->dma_alignment_bytes),
		.chunk_bytes = (u32)larger(a->chunk_bytes, b->chunk_bytes),
	};
	l->max_discard_bytes = mirror_smaller(l->max_discard_bytes, MAX_RANGE_BYTES);
	l->max_write_zeroes_bytes = mirror_smaller(l->max_write_zeroes_bytes, MAX_RANGE_BYTES);
}

static COLD int make_regions(struct tgt *t, const struct mirror_values *v, struct diag *why)
{
	struct mirror *m = t->state;
	u64 region = v->region_bytes ? v->region_bytes : REGION_BYTES;
	u64 size = t->limits.size_bytes;
	bool is_new = true;
	int err;

	if (region & (region - 1) || region < 1ULL << t->limits.logical_shift)
		return diag_set(why, -EINVAL, "region=%llu: not a power of two, or less than a block",
				region);
	if (v->region_bytes && size / region > MAX_REGIONS)
		return diag_set(why, -EINVAL, "region=%llu: more than %llu of them", region,
				MAX_REGIONS);
	while (size / region > MAX_REGIONS)
		region *= 2;
	m->region_shift = tgt_shift_of(region);
	m->nr_regions = ((size - 1) >> m->region_shift) + 1;
	m->max_regions = 2 * MAX_REGIONS;
	err = pages_map(&m->regions_mem, m->max_regions * sizeof(*m->regions));
	m->regions = m->regions_mem.addr;
	if (!err && v->bitmap) {
		err = mirror_open_map(t, v->bitmap, v->region_bytes, why);
		if (err < 0)
			return err;
		is_new = err;
		region = 1ULL << m->region_shift;
	}
	if (err >= 0)
		err = blocks_init(&m->blocks,
				  ((size > region ? size : region) >> MIRROR_BLOCK_SHIFT) + 1);
	if (err)
		return diag_set(why, err, "no memory for its regions");
	if (!v->clean && is_new) {
		for (u64 r = 0; r < m->nr_regions; r++)
			m->regions[r] = MIRROR_STALE << 1;
		m->nr_stale[1] = m->nr_regions;
	}
	if (v->bitmap && !m->map.is_anothers)
		err = mirror_save_now(t);
	return err ? diag_set(why, err, "bitmap %s: cannot be written", v->bitmap) : 0;
}

static COLD void mirror_close(struct tgt *t)
{
	struct mirror *m = t->state;

	if (m->map.fd >= 0 && m->map.image && m->lanes && !m->map.is_anothers)
		(void)!mirror_save_now(t);
	mirror_close_map(t);
	blocks_exit(&m->blocks);
	pages_unmap(&m->regions_mem);
	pages_unmap(&m->home_mem);
}

static COLD int mirror_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct mirror_values *v = values;
	struct mirror *m = t->state;
	int err = check_legs(t, why);

	(void)arg;
	if (err)
		return err;
	fill_limits(t);
	m->map.fd = -1;
	m->rate_bytes = v->rate_bytes;
	m->is_paused = v->paused;
	t->forgets = !v->bitmap; /* which leg has failed, and which is the first */
	err = make_regions(t, v, why);
	if (!err)
		err = mirror_copy_open(t, why);
	if (err) {
		mirror_close(t);
		return err;
	}
	t->data_kinds = t->child[0]->data_kinds & t->child[1]->data_kinds;
	t->needs_snapshot = true;
	t->nr_ops++;		/* the passage */
	if (!t->nr_sqes)	/* waits before a leg has anything */
		t->nr_sqes = 1;
	return 0;
}

const struct tgt_type mirror_target = {
	.name = "mirror",
	.summary = "two disks with the same on them, copied while it is used",
	.messages = "pause, resume, rate=SIZE, switch, reconnect, resync",
	.params = OPT_TABLE(MIRROR_PARAMS),
	.values_bytes = sizeof(struct mirror_values),
	.state_bytes = sizeof(struct mirror),
	.min_children = 2,
	.max_children = 2,
	.open = mirror_open,
	.close = mirror_close,
	.hand_over = mirror_hand_over,
	.resume = mirror_resume,
	.queue_init = mirror_queue_init,
	.queue_stop = mirror_queue_stop,
	.submit = mirror_submit,
	.resize = mirror_resize,
	.refresh = mirror_refresh,
	.seek = mirror_seek,
	.message = mirror_message,
	.stat = mirror_stat,
	.cqe = mirror_cqe,
};
