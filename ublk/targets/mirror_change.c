/* SPDX-License-Identifier: MIT */
/*
 * What changes a mirror: writes, discards and zeroes, in their turn and to all legs
 * that have to have them; and flushes. Why it is so is written in mirror.c.
 */
#include <asm/errno.h>

#include "ublk/targets/mirror_parts.h"

/* What a change needs, in place of a sub-operation */
struct passage {
	struct blocks_wait wait;
	struct mirror_save save;
	struct tgt_op *sub[2];
	u32 legs; /* that were asked */
	bool is_answered; /* by all of them */
	s64 result;
};
_Static_assert(sizeof(struct passage) <= sizeof(struct tgt_op), "it has the room of one");

static struct passage *passage_of(const struct tgt_op *op)
{
	return (struct passage *)(uintptr_t)op->scratch[0];
}

static struct passage *make_passage(struct tgt_op *op)
{
	struct passage *p = (void *)tgt_sub(op, NULL);

	op->scratch[0] = (u64)(uintptr_t)p;
	*p = (struct passage){ .legs = 0 };
	return p;
}

/* Who has to get what is written there. A leg is a bit, as its being stale is. */
static u32 legs_for(struct mirror *m, u64 region, bool *is_saved)
{
	u32 old = mirror_region(m, region);

	for (;;) {
		u32 failed = __atomic_load_n(&m->failed, __ATOMIC_SEQ_CST);
		u32 has = ~old & MIRROR_STALE_ANY;
		u32 legs = has & ~failed;
		u32 now = (old | MIRROR_INTENT) & (u32)~MIRROR_QUIET;

		if (!legs)
			legs = has;
		else
			now |= has & failed;
		if (mirror_is_copied(old))
			legs |= MIRROR_STALE_ANY & ~failed;
		if (old != now && !mirror_change(m, region, &old, now))
			continue;
		if (old & MIRROR_COPYING)
			__atomic_fetch_add(&m->met_copying, 1, __ATOMIC_RELAXED);
		if (!(old & MIRROR_INTENT) && !__atomic_load_n(&m->is_ticking, __ATOMIC_SEQ_CST))
			mirror_ring_bell(m);
		*is_saved &= !!(old & MIRROR_SAVED);
		return legs;
	}
}

static bool was_good(const struct tgt_op *op, const struct tgt_op *sub)
{
	return op->kind == TGT_WRITE ? sub->result == (s64)op->len_bytes : sub->result >= 0;
}

/* Which of the legs that were asked have done it; *err is of the last that has not */
static u32 good_legs(const struct tgt_op *op, s32 *err)
{
	const struct passage *p = passage_of(op);
	u32 good = 0;

	for (u32 leg = 0; leg < 2; leg++) {
		if (!(p->legs >> leg & 1))
			continue;
		if (was_good(op, p->sub[leg]))
			good |= 1U << leg;
		else
			*err = mirror_note_error(op->tgt->state, leg, p->sub[leg]->result);
	}
	return good;
}

/* Nobody is left who has all of it: the error is the disk's, and where both had the
 * same they may not any more. */
static COLD s64 change_fails(struct mirror *m, const struct tgt_op *op, u32 bad, s32 err)
{
	u32 leg = bad == MIRROR_STALE_ANY ? !__atomic_load_n(&m->primary, __ATOMIC_SEQ_CST) :
					    bad >> 1;

	for (u64 r = mirror_first(m, op); r <= mirror_last(m, op); r++) {
		u32 s = mirror_region(m, r);

		mirror_set_stale(m, r, s & MIRROR_STALE_ANY ? (s & MIRROR_STALE_ANY) >> 1 : leg);
	}
	mirror_ring_bell(m);
	return err;
}

/* Some leg has not done it, or has failed meanwhile. */
static COLD s64 judge_change(struct tgt *t, const struct tgt_op *op, u32 good, s32 err)
{
	const struct passage *p = passage_of(op);
	struct mirror *m = t->state;
	u32 bad = p->legs & ~good;
	u32 out;

	for (u64 r = mirror_first(m, op); r <= mirror_last(m, op); r++)
		if (!(~mirror_region(m, r) & good & MIRROR_STALE_ANY))
			return change_fails(m, op, bad, err);
	for (u32 leg = 0; leg < 2; leg++)
		if (bad >> leg & 1)
			mirror_leg_fails(t, leg, err);
	out = bad | (p->legs & __atomic_load_n(&m->failed, __ATOMIC_SEQ_CST));
	for (u64 r = mirror_first(m, op); r <= mirror_last(m, op); r++)
		for (u32 leg = 0; leg < 2; leg++)
			if (out >> leg & 1)
				mirror_set_stale(m, r, leg);
	return op->kind == TGT_WRITE ? (s64)op->len_bytes : 0;
}

/* The file has to say that a leg has failed before anything is answered that it lacks. */
static bool knows_failed(const struct mirror *m)
{
	return m->map.fd < 0 || __atomic_load_n(&m->failed, __ATOMIC_SEQ_CST) ==
					__atomic_load_n(&m->map.saved_failed, __ATOMIC_SEQ_CST);
}

static void end_quiet(struct mirror *m, const struct tgt_op *op)
{
	for (u64 r = mirror_first(m, op); r <= mirror_last(m, op); r++)
		if (mirror_region(m, r) & MIRROR_QUIET)
			__atomic_fetch_and(&m->regions[r], (u32)~MIRROR_QUIET, __ATOMIC_SEQ_CST);
}

static s64 changed(struct tgt *t, const struct tgt_op *op)
{
	struct mirror *m = t->state;
	s64 result = op->kind == TGT_WRITE ? (s64)op->len_bytes : 0;
	s32 err = 0;
	u32 good = good_legs(op, &err);

	if (good != passage_of(op)->legs || __atomic_load_n(&m->failed, __ATOMIC_SEQ_CST))
		result = judge_change(t, op, good, err);
	end_quiet(m, op);
	return result;
}

/* A leg whose flush fails may have lost what it had, and the other has it, too. */
static s64 flushed(struct tgt *t, const struct tgt_op *op)
{
	struct mirror *m = t->state;
	u32 legs = passage_of(op)->legs;
	s32 err = 0;
	u32 good = good_legs(op, &err);

	if (good == legs)
		return 0;
	for (u32 leg = 0; leg < 2; leg++) {
		bool is_bad = (legs & ~good) >> leg & 1;

		if (is_bad && (!good || __atomic_load_n(&m->nr_stale[!leg], __ATOMIC_SEQ_CST)))
			return err;
		if (is_bad)
			mirror_leg_fails(t, leg, err);
	}
	return 0;
}

/* All legs have answered, and what has to be saved is */
static enum tgt_status end_change(struct tgt *t, struct tgt_op *op, s64 result)
{
	struct mirror *m = t->state;

	if (op->kind != TGT_FLUSH)
		blocks_give(&m->blocks, &passage_of(op)->wait);
	return tgt_finish(op, result);
}

static enum tgt_status answer(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct passage *p = passage_of(op);
	struct mirror *m = t->state;
	int err;

	p->result = op->kind == TGT_FLUSH ? flushed(t, op) : changed(t, op);
	p->is_answered = true;
	if (p->result < 0 || knows_failed(m))
		return end_change(t, op, p->result);
	err = mirror_save(t, q, op, &p->save);
	return err ? end_change(t, op, err) : TGT_PENDING;
}

static void leg_done(struct tgt_queue *q, struct tgt_op *sub)
{
	struct tgt_op *op = sub->parent;

	if (--op->nr_waiting == 0 && answer(op->tgt, q, op) == TGT_DONE)
		tgt_complete(q, op, op->result);
}

static enum tgt_status ask_legs(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct passage *p = passage_of(op);

	op->nr_waiting = 0;
	for (u32 leg = 0; leg < 2; leg++) {
		if (!(p->legs >> leg & 1))
			continue;
		p->sub[leg] = mirror_sub(op, leg_done);
		op->nr_waiting += tgt_submit(t->child[leg], q, p->sub[leg]) == TGT_PENDING;
	}
	return op->nr_waiting ? TGT_PENDING : answer(t, q, op);
}

/* It has its blocks. */
static enum tgt_status go(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct passage *p = passage_of(op);
	struct mirror *m = t->state;
	bool is_saved = true;
	int err;

	for (u64 r = mirror_first(m, op); r <= mirror_last(m, op); r++)
		p->legs |= legs_for(m, r, &is_saved);
	if (m->map.fd < 0 || (is_saved && knows_failed(m)))
		return ask_legs(t, q, op);
	mirror_map_changed(m, mirror_first(m, op), mirror_last(m, op));
	err = mirror_save(t, q, op, &p->save);
	return err ? end_change(t, op, err) : TGT_PENDING;
}

/* The file has what the regions said: either before the legs are asked, or after. */
static enum tgt_status go_on(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct mirror *m = t->state;

	if (passage_of(op)->is_answered)
		return end_change(t, op, passage_of(op)->result);
	for (u64 r = mirror_first(m, op); r <= mirror_last(m, op); r++)
		__atomic_fetch_or(&m->regions[r], MIRROR_SAVED, __ATOMIC_SEQ_CST);
	return ask_legs(t, q, op);
}

static enum tgt_status wait_or_go(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct blocks_wait *wait = &passage_of(op)->wait;
	struct mirror *m = t->state;
	int err;

	if (blocks_are_taken(wait))
		return go(t, q, op);
	err = blocks_wait(&m->blocks, wait, q, op, MIRROR_STEP_LOCK);
	if (!err)
		return TGT_PENDING;
	blocks_give(&m->blocks, wait);
	return tgt_finish(op, err);
}

enum tgt_status mirror_begin_change(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct mirror *m = t->state;
	struct passage *p;
	u64 first = op->offset_bytes >> MIRROR_BLOCK_SHIFT;
	u64 last = (op->offset_bytes + op->len_bytes - 1) >> MIRROR_BLOCK_SHIFT;

	if (last - first >= blocks_max(&m->blocks))
		return tgt_finish(op, -EINVAL);
	p = make_passage(op);
	(void)blocks_take(&m->blocks, &p->wait, first, last - first + 1);
	return wait_or_go(t, q, op);
}

enum tgt_status mirror_flush(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct mirror *m = t->state;
	struct passage *p = make_passage(op);

	for (u32 leg = 0; leg < 2; leg++)
		if (!mirror_has_failed(m, leg) ||
		    __atomic_load_n(&m->nr_stale[!leg], __ATOMIC_SEQ_CST))
			p->legs |= 1U << leg;
	return ask_legs(t, q, op);
}

void mirror_change_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	struct mirror *m = t->state;
	enum tgt_status status;

	if (step == MIRROR_STEP_LOCK) {
		blocks_woken(&m->blocks, res);
		status = wait_or_go(t, q, op);
	} else {
		int ret = mirror_saved(t, q, op, &passage_of(op)->save, step, res);

		status = ret < 0 ? end_change(t, op, ret) : ret ? go_on(t, q, op) : TGT_PENDING;
	}
	if (status == TGT_DONE)
		tgt_complete(q, op, op->result);
}
