/* SPDX-License-Identifier: MIT */
/*
 * Regions that nobody has written to for a while lose the mark of an intent, and
 * their bits in the file: from then on neither a leg that fails nor a cut of the power
 * has them copied again.
 *
 * It may go when both legs are the same there, and keep it. So each look marks the
 * regions that have an intent as quiet, and a change takes that away, when it begins
 * and again before it gives its blocks back. What is still quiet a while later is
 * made to be kept, by a flush of both legs; and what is quiet still, and has no
 * block locked, is done with: a change that ended before the flush began is covered
 * by it; one that ended later has taken the mark away; one that has not ended has
 * blocks locked.
 */
#include <asm/errno.h>

#include "ring/prep_event.h"
#include "ublk/targets/mirror_parts.h"

#define PERIOD_S 1

static bool has_intent(u32 s)
{
	return s & MIRROR_INTENT && !(s & MIRROR_STALE_ANY);
}

/* Marks all that has an intent; *nr_quiet: how many were marked already. Returns
 * how many have one */
static u64 mark_quiet(struct mirror *m, u64 *nr_quiet)
{
	u64 nr = __atomic_load_n(&m->nr_regions, __ATOMIC_SEQ_CST);
	u64 nr_intents = 0;

	*nr_quiet = 0;
	for (u64 r = 0; r < nr; r++) {
		u32 s = mirror_region(m, r);

		if (!has_intent(s))
			continue;
		nr_intents++;
		if (s & MIRROR_QUIET)
			(*nr_quiet)++;
		else
			__atomic_fetch_or(&m->regions[r], MIRROR_QUIET, __ATOMIC_SEQ_CST);
	}
	return nr_intents;
}

static void forget_intent(struct mirror *m, u64 region)
{
	u32 shift = m->region_shift - MIRROR_BLOCK_SHIFT;
	struct blocks_wait wait;
	u32 old;

	if (!blocks_try(&m->blocks, &wait, region << shift, 1ULL << shift))
		return;
	old = mirror_region(m, region);
	while (has_intent(old) && old & MIRROR_QUIET)
		if (mirror_change(m, region, &old, old & (u32)~(MIRROR_INTENT | MIRROR_SAVED |
							       MIRROR_QUIET))) {
			mirror_map_changed(m, region, region);
			break;
		}
	blocks_give(&m->blocks, &wait);
}

/* --- step by step ----------------------------------------------------------------------- */

static void end_round(struct tgt *t, struct tgt_queue *q);
static void tick(struct tgt *t, struct tgt_queue *q);
static void saved(struct tgt *t, struct tgt_queue *q, int ret);

static void all_flushed(struct tgt *t, struct tgt_queue *q)
{
	struct mirror *m = t->state;
	u64 nr = __atomic_load_n(&m->nr_regions, __ATOMIC_SEQ_CST);

	for (u32 leg = 0; leg < 2; leg++) {
		if (m->tidy->sub[leg]->result >= 0)
			continue;
		if (!__atomic_load_n(&m->nr_stale[!leg], __ATOMIC_SEQ_CST))
			mirror_leg_fails(t, leg, (s32)m->tidy->sub[leg]->result);
		end_round(t, q);
		return;
	}
	for (u64 r = 0; r < nr; r++)
		if (mirror_region(m, r) & MIRROR_QUIET)
			forget_intent(m, r);
	if (m->map.fd < 0)
		end_round(t, q);
	else
		saved(t, q, mirror_save(t, q, &m->tidy->op, &m->tidy->save));
}

static void flush_done(struct tgt_queue *q, struct tgt_op *sub)
{
	struct tgt_op *op = sub->parent;

	if (--op->nr_waiting == 0)
		all_flushed(op->tgt, q);
}

static void flush_legs(struct tgt *t, struct tgt_queue *q)
{
	struct mirror *m = t->state;
	struct mirror_bell *tidy = m->tidy;

	tidy->slab.nr_ops = 0;
	tidy->slab.nr_pieces = 0;
	tidy->op.nr_waiting = 0;
	for (u32 leg = 0; leg < 2; leg++) {
		struct tgt_op *sub = tgt_sub(&tidy->op, flush_done);

		sub->kind = TGT_FLUSH;
		tidy->sub[leg] = sub;
		tidy->op.nr_waiting += tgt_submit(t->child[leg], q, sub) == TGT_PENDING;
	}
	if (!tidy->op.nr_waiting)
		all_flushed(t, q);
}

static void saved(struct tgt *t, struct tgt_queue *q, int ret)
{
	if (ret)
		end_round(t, q);
}

static void wait_a_period(struct tgt *t, struct tgt_queue *q)
{
	struct mirror *m = t->state;
	struct io_uring_sqe *sqe;

	if (tgt_reserve_sqes(q, 1)) {
		__atomic_store_n(&m->is_ticking, false, __ATOMIC_SEQ_CST);
		q->nr_busy--;
		return;
	}
	sqe = tgt_get_sqe(q);
	m->tidy->is_armed = true;
	m->tidy->period = (struct __kernel_timespec){ .tv_sec = PERIOD_S };
	ring_prep_timeout(sqe, &m->tidy->period, 0, 0);
	tgt_sqe_owner(sqe, &m->tidy->op, MIRROR_STEP_TICK);
}

/* A writer that sets an intent looks whether somebody ticks after that; so the last
 * look for one comes after it has been said that nobody does. */
static void end_round(struct tgt *t, struct tgt_queue *q)
{
	struct mirror *m = t->state;
	u64 nr_quiet;

	if (!q->is_stopping && mark_quiet(m, &nr_quiet)) {
		wait_a_period(t, q);
		return;
	}
	if (q->is_stopping && !m->tidy->is_last && m->map.fd >= 0) {
		m->tidy->is_last = true;
		tick(t, q);
		return;
	}
	__atomic_store_n(&m->is_ticking, false, __ATOMIC_SEQ_CST);
	q->nr_busy--;
	if (!q->is_stopping && mark_quiet(m, &nr_quiet))
		mirror_ring_bell(m);
}

static void tick(struct tgt *t, struct tgt_queue *q)
{
	struct mirror *m = t->state;
	u64 nr_quiet;
	u64 nr = mark_quiet(m, &nr_quiet);

	/* Without a leg that fails nothing can be kept on both. */
	if (!__atomic_load_n(&m->failed, __ATOMIC_SEQ_CST) && (q->is_stopping ? nr : nr_quiet))
		flush_legs(t, q);
	else
		end_round(t, q);
}

/* --- from home ------------------------------------------------------------------------------ */

bool mirror_tidy_look(struct tgt *t, struct tgt_queue *q)
{
	struct mirror *m = t->state;
	u64 nr_quiet;

	if (__atomic_load_n(&m->is_ticking, __ATOMIC_SEQ_CST))
		return true;
	/* The last time: what is in the file then is what has to be copied after. */
	if (q->is_stopping && (m->tidy->is_last || m->map.fd < 0))
		return false;
	m->tidy->is_last = q->is_stopping;
	if (!mark_quiet(m, &nr_quiet))
		return false;
	__atomic_store_n(&m->is_ticking, true, __ATOMIC_SEQ_CST);
	q->nr_busy++;
	if (q->is_stopping)
		tick(t, q);
	else
		wait_a_period(t, q);
	return true;
}

void mirror_tidy_cqe(struct tgt *t, struct tgt_queue *q, u32 step, s32 res)
{
	struct mirror *m = t->state;

	if (step == MIRROR_STEP_TICK) {
		m->tidy->is_armed = false;
		m->tidy->is_last |= q->is_stopping;
		tick(t, q);
	} else {
		saved(t, q, mirror_saved(t, q, &m->tidy->op, &m->tidy->save, step, res));
	}
}

COLD void mirror_tidy_stop(struct tgt *t, struct tgt_queue *q)
{
	struct mirror *m = t->state;
	struct io_uring_sqe *sqe;

	m->tidy->is_last = false;
	if (!m->tidy->is_armed || tgt_reserve_sqes(q, 1))
		return;
	sqe = tgt_get_sqe(q);
	ring_prep_timeout_remove(sqe, (u64)(uintptr_t)&m->tidy->op | MIRROR_STEP_TICK << 1, 0);
	tgt_sqe_owner(sqe, &m->tidy->op, MIRROR_STEP_CANCEL);
	q->nr_busy++;
}
