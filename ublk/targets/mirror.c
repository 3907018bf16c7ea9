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

#include "uapi/rt/mem.h"
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

static u64 first_of(const struct mirror *m, const struct tgt_op *op)
{
	return op->offset_bytes >> m->region_shift;
}

static u64 last_of(const struct mirror *m, const struct tgt_op *op)
{
	return (op->offset_bytes + op->len_bytes - 1) >> m->region_shift;
}

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

/* --- changes --------------------------------------------------------------------------- */

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

/* For those who ask whose error it is that they got: tgt_disk_error() */
static COLD s32 note_error(struct mirror *m, u32 leg, s64 result)
{
	s32 err = result < 0 ? (s32)result : -EIO;

	__atomic_store_n(&m->leg_errno[leg], (u32)-err, __ATOMIC_RELAXED);
	return err;
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
			*err = note_error(op->tgt->state, leg, p->sub[leg]->result);
	}
	return good;
}

/* Nobody is left who has all of it: the error is the disk's, and where both had the
 * same they may not any more. */
static COLD s64 change_fails(struct mirror *m, const struct tgt_op *op, u32 bad, s32 err)
{
	u32 leg = bad == MIRROR_STALE_ANY ? !__atomic_load_n(&m->primary, __ATOMIC_SEQ_CST) :
					    bad >> 1;

	for (u64 r = first_of(m, op); r <= last_of(m, op); r++) {
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

	for (u64 r = first_of(m, op); r <= last_of(m, op); r++)
		if (!(~mirror_region(m, r) & good & MIRROR_STALE_ANY))
			return change_fails(m, op, bad, err);
	for (u32 leg = 0; leg < 2; leg++)
		if (bad >> leg & 1)
			mirror_leg_fails(t, leg, err);
	out = bad | (p->legs & __atomic_load_n(&m->failed, __ATOMIC_SEQ_CST));
	for (u64 r = first_of(m, op); r <= last_of(m, op); r++)
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
	for (u64 r = first_of(m, op); r <= last_of(m, op); r++)
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

static struct tgt_op *make_sub(struct tgt_op *op, tgt_done_fn *done)
{
	struct tgt_op *sub = tgt_sub(op, done);

	sub->offset_bytes = op->offset_bytes;
	sub->len_bytes = op->len_bytes;
	sub->data = op->data;
	return sub;
}

static enum tgt_status ask_legs(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct passage *p = passage_of(op);

	op->nr_waiting = 0;
	for (u32 leg = 0; leg < 2; leg++) {
		if (!(p->legs >> leg & 1))
			continue;
		p->sub[leg] = make_sub(op, leg_done);
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

	for (u64 r = first_of(m, op); r <= last_of(m, op); r++)
		p->legs |= legs_for(m, r, &is_saved);
	if (m->map.fd < 0 || (is_saved && knows_failed(m)))
		return ask_legs(t, q, op);
	mirror_map_changed(m, first_of(m, op), last_of(m, op));
	err = mirror_save(t, q, op, &p->save);
	return err ? end_change(t, op, err) : TGT_PENDING;
}

/* The file has what the regions said: either before the legs are asked, or after. */
static enum tgt_status go_on(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct mirror *m = t->state;

	if (passage_of(op)->is_answered)
		return end_change(t, op, passage_of(op)->result);
	for (u64 r = first_of(m, op); r <= last_of(m, op); r++)
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

static enum tgt_status change(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
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

static enum tgt_status flush(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct mirror *m = t->state;
	struct passage *p = make_passage(op);

	for (u32 leg = 0; leg < 2; leg++)
		if (!mirror_has_failed(m, leg) ||
		    __atomic_load_n(&m->nr_stale[!leg], __ATOMIC_SEQ_CST))
			p->legs |= 1U << leg;
	return ask_legs(t, q, op);
}

/* --- reads: scratch[0] is which legs were asked, and the first of them above FIRST_SHIFT; [1]
 * is what that one has said, if it was an error ---------------------------------------- */

#define FIRST_SHIFT 8

/* The leg to read all of these regions from, or -1 */
static s32 leg_to_read(const struct mirror *m, u64 first, u64 last, u32 not_these)
{
	u32 failed = __atomic_load_n(&m->failed, __ATOMIC_SEQ_CST);
	u32 primary = __atomic_load_n(&m->primary, __ATOMIC_SEQ_CST);
	u32 legs = MIRROR_STALE_ANY & ~not_these;

	for (u64 r = first; r <= last; r++)
		legs &= ~mirror_region(m, r);
	if (legs & ~failed)
		legs &= ~failed;
	if (!legs)
		return -1;
	return (s32)(legs >> primary & 1 ? primary : !primary);
}

/* True: the other leg, *leg, may have it */
static COLD bool read_again(struct mirror *m, struct tgt_op *op, const struct tgt_op *sub, s32 *leg)
{
	bool is_other = op->scratch[1];
	s32 err = note_error(m, (u32)(op->scratch[0] >> FIRST_SHIFT) ^ is_other, sub->result);

	__atomic_fetch_add(&m->read_errors, 1, __ATOMIC_RELAXED);
	if (is_other) {
		(void)tgt_finish(op, (s64)op->scratch[1]);
		return false;
	}
	*leg = leg_to_read(m, first_of(m, op), last_of(m, op), op->scratch[0] & MIRROR_STALE_ANY);
	op->scratch[1] = (u64)(s64)err;
	(void)tgt_finish(op, err);
	return *leg >= 0;
}

/* As read_again(); otherwise the result stands in op */
static bool was_read(struct tgt *t, struct tgt_op *op, const struct tgt_op *sub, s32 *leg)
{
	if (sub->result != (s64)op->len_bytes)
		return read_again(t->state, op, sub, leg);
	if (op->scratch[1])
		mirror_leg_fails(t, (u32)(op->scratch[0] >> FIRST_SHIFT),
				 (s32)(s64)op->scratch[1]);
	(void)tgt_finish(op, sub->result);
	return false;
}

static void read_done(struct tgt_queue *q, struct tgt_op *sub);

static enum tgt_status read_from(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s32 leg)
{
	struct tgt_op *sub;

	do {
		op->scratch[0] |= 1U << leg;
		sub = make_sub(op, read_done);
		if (tgt_submit(t->child[leg], q, sub) == TGT_PENDING)
			return TGT_PENDING;
	} while (was_read(t, op, sub, &leg));
	return TGT_DONE;
}

static void read_done(struct tgt_queue *q, struct tgt_op *sub)
{
	struct tgt_op *op = sub->parent;
	s32 leg;

	if (!was_read(op->tgt, op, sub, &leg) || read_from(op->tgt, q, op, leg) == TGT_DONE)
		tgt_complete(q, op, op->result);
}

/*
 * Each leg has a part that the other lacks: the first failed before the second had
 * all of it. Two pieces of the operation at most, or it is an error.
 */
static void part_done(struct tgt_queue *q, struct tgt_op *sub)
{
	struct tgt_op *op = sub->parent;

	if (sub->result != (s64)sub->len_bytes)
		op->result = sub->result < 0 ? sub->result : -EIO;
	if (--op->nr_waiting == 0)
		tgt_complete(q, op, op->result);
}

static void ask_part(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 leg, u64 at,
		     u64 len)
{
	struct tgt_op *sub = tgt_sub(op, part_done);

	sub->offset_bytes = op->offset_bytes + at;
	sub->len_bytes = len;
	sub->data = op->data;
	sub->data.pieces = &sub->piece;
	sub->piece = (struct tgt_piece){ op->data.pieces->at + at, len };
	if (tgt_submit(t->child[leg], q, sub) == TGT_PENDING)
		op->nr_waiting++;
	else if (sub->result != (s64)len)
		op->result = sub->result < 0 ? sub->result : -EIO;
}

static COLD enum tgt_status read_parts(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct mirror *m = t->state;
	u64 first = first_of(m, op);
	u64 last = last_of(m, op);
	u64 cut = first;
	s32 leg = leg_to_read(m, first, first, 0);
	s32 other;
	u64 len;

	while (cut < last && leg_to_read(m, first, cut + 1, !leg ? 2 : 1) == leg)
		cut++;
	other = leg >= 0 && cut < last ? leg_to_read(m, cut + 1, last, 1U << leg) : -1;
	if (other < 0 || op->data.nr_pieces != 1)
		return tgt_finish(op, -EIO);
	len = ((cut + 1) << m->region_shift) - op->offset_bytes;
	op->result = (s64)op->len_bytes;
	op->nr_waiting = 0;
	ask_part(t, q, op, (u32)leg, 0, len);
	ask_part(t, q, op, (u32)other, len, op->len_bytes - len);
	return op->nr_waiting ? TGT_PENDING : TGT_DONE;
}

static enum tgt_status mirror_read(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct mirror *m = t->state;
	s32 leg = leg_to_read(m, first_of(m, op), last_of(m, op), 0);

	if (leg < 0)
		return read_parts(t, q, op);
	op->scratch[0] = (u64)leg << FIRST_SHIFT;
	op->scratch[1] = 0;
	return read_from(t, q, op, leg);
}

static enum tgt_status mirror_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	u64 size = __atomic_load_n(&t->limits.size_bytes, __ATOMIC_RELAXED);

	if (op->kind == TGT_FLUSH)
		return flush(t, q, op);
	if (op->kind > TGT_WRITE && op->kind != TGT_DISCARD && op->kind != TGT_WRITE_ZEROES)
		return tgt_finish(op, -EOPNOTSUPP);
	if (!op->len_bytes || op->len_bytes > size || op->offset_bytes > size - op->len_bytes)
		return tgt_finish(op, -EINVAL);
	return op->kind == TGT_READ ? mirror_read(t, q, op) : change(t, q, op);
}

static void mirror_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	struct mirror *m = t->state;
	enum tgt_status status;

	if (step != MIRROR_STEP_LOCK && (op == &m->tidy->op || step < MIRROR_STEP_SAVED)) {
		mirror_home_cqe(t, q, op, step, res);
		return;
	}
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
	if (v->bitmap)
		err = mirror_save_now(t);
	return err ? diag_set(why, err, "bitmap %s: cannot be written", v->bitmap) : 0;
}

static COLD void mirror_close(struct tgt *t)
{
	struct mirror *m = t->state;

	if (m->map.fd >= 0 && m->map.image && m->lanes)
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
	.params = OPT_TABLE(MIRROR_PARAMS),
	.values_bytes = sizeof(struct mirror_values),
	.state_bytes = sizeof(struct mirror),
	.min_children = 2,
	.max_children = 2,
	.open = mirror_open,
	.close = mirror_close,
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
