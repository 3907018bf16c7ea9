/* SPDX-License-Identifier: MIT */
/*
 * Reads of a mirror: from a leg that lacks nothing there, and when that fails from the
 * other. scratch[0] of an operation is which legs were asked, and the first of them
 * above FIRST_SHIFT; [1] is what that one has said, if it was an error.
 */
#include <asm/errno.h>

#include "ublk/targets/mirror_parts.h"

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
	u32 first = (u32)(op->scratch[0] >> FIRST_SHIFT);
	s32 err = mirror_note_error(m, first ^ is_other, sub->result);

	__atomic_fetch_add(&m->read_errors, 1, __ATOMIC_RELAXED);
	if (is_other) {
		(void)tgt_finish(op, (s64)op->scratch[1]);
		return false;
	}
	*leg = leg_to_read(m, mirror_first(m, op), mirror_last(m, op),
			   op->scratch[0] & MIRROR_STALE_ANY);
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
		sub = mirror_sub(op, read_done);
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
 * all of it. Two parts of the operation at most, or it is an error.
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
	tgt_slice(op, at, sub);
	if (tgt_submit(t->child[leg], q, sub) == TGT_PENDING)
		op->nr_waiting++;
	else if (sub->result != (s64)len)
		op->result = sub->result < 0 ? sub->result : -EIO;
}

static COLD enum tgt_status read_parts(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct mirror *m = t->state;
	u64 first = mirror_first(m, op);
	u64 last = mirror_last(m, op);
	u64 cut = first;
	s32 leg = leg_to_read(m, first, first, 0);
	s32 other;
	u64 len;

	while (cut < last && leg_to_read(m, first, cut + 1, !leg ? 2 : 1) == leg)
		cut++;
	other = leg >= 0 && cut < last ? leg_to_read(m, cut + 1, last, 1U << leg) : -1;
	if (other < 0)
		return tgt_finish(op, -EIO);
	len = ((cut + 1) << m->region_shift) - op->offset_bytes;
	op->result = (s64)op->len_bytes;
	op->nr_waiting = 0;
	ask_part(t, q, op, (u32)leg, 0, len);
	ask_part(t, q, op, (u32)other, len, op->len_bytes - len);
	return op->nr_waiting ? TGT_PENDING : TGT_DONE;
}

enum tgt_status mirror_read(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct mirror *m = t->state;
	s32 leg = leg_to_read(m, mirror_first(m, op), mirror_last(m, op), 0);

	if (leg < 0)
		return read_parts(t, q, op);
	op->scratch[0] = (u64)leg << FIRST_SHIFT;
	op->scratch[1] = 0;
	return read_from(t, q, op, leg);
}
