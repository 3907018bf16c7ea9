/* SPDX-License-Identifier: MIT */
/* The power of fault: how it is cut, and how the disk becomes what a cut has left. */
#include <asm/errno.h>

#include "ublk/targets/fault_parts.h"

void fault_cut(struct fault *f, u64 seed)
{
	u32 on = FAULT_POWER_ON;

	f->cut_seed = seed;
	if (__atomic_compare_exchange_n(&f->power, &on, FAULT_POWER_OFF, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		fault_count(f, FAULT_STAT_CUTS, 1);
}

u64 fault_next_seed(const struct fault *f)
{
	return f->keeps_none ? 0 : fault_hash(f->seed, f->stats[FAULT_STAT_CUTS], 3) | 1;
}

static u64 most_mended(const struct tgt *child, u64 at)
{
	const struct tgt_limits *l = &child->limits;
	u64 most = l->max_io_bytes && l->max_io_bytes < FAULT_RANGE_BYTES ? l->max_io_bytes :
									  FAULT_RANGE_BYTES;

	if (l->chunk_bytes && most > l->chunk_bytes - at % l->chunk_bytes)
		most = l->chunk_bytes - at % l->chunk_bytes;
	return most;
}

/* Puts back the next blocks; true: all of them are, or it has failed */
static bool mend_more(struct tgt *t, struct tgt_queue *q, s64 *result)
{
	struct fault *f = t->state;
	struct tgt *child = t->child[0];
	struct tgt_op *m = f->mend;
	u64 from = m->offset_bytes;

	for (;;) {
		u64 len;
		u64 at = fault_log_lost(&f->log, from, FAULT_RANGE_BYTES, f->cut_seed, &len);

		if (!len) {
			fault_log_drop_all(&f->log);
			return true;
		}
		if (len > most_mended(child, at))
			len = most_mended(child, at);
		from = at + len;
		f->slab.queue = q;
		f->slab.nr_ops = 1;
		f->slab.nr_pieces = 0;
		m->offset_bytes = at;
		m->len_bytes = len;
		tgt_set_mem(m, f->log.aside + at);
		fault_count(f, FAULT_STAT_LOST_BLOCKS, len >> f->log.shift);
		if (tgt_submit(child, q, m) == TGT_PENDING)
			return false;
		*result = m->result;
		if (m->result != (s64)len)
			return true;
	}
}

/* A disk that cannot be put back has no power: it may be tried again */
static void mended(struct fault *f, s64 result)
{
	u32 power = result < 0 ? FAULT_POWER_OFF : FAULT_POWER_ON;

	__atomic_store_n(&f->power, power, __ATOMIC_SEQ_CST);
}

static void mend_done(struct tgt_queue *q, struct tgt_op *m)
{
	struct tgt_op *op = m->parent;
	struct fault *f = op->tgt->state;
	s64 result = m->result == (s64)m->len_bytes ? 0 : -EIO;

	m->offset_bytes += m->len_bytes;
	if (!result && !mend_more(op->tgt, q, &result))
		return;
	mended(f, result);
	fault_go_on(q, op);
}

static enum tgt_status mend(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	s64 result = 0;

	*f->mend = (struct tgt_op){
		.kind = TGT_WRITE,
		.done = mend_done,
		.parent = op,
		.slab = &f->slab,
	};
	if (!mend_more(t, q, &result))
		return TGT_PENDING;
	mended(f, result);
	return TGT_DONE;
}

/* Nobody of before may be under way any more; whoever comes waits */
enum tgt_status fault_come_back(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	u32 back = FAULT_POWER_BACK;

	if (__atomic_load_n(&f->nr_inside, __ATOMIC_SEQ_CST) ||
	    !__atomic_compare_exchange_n(&f->power, &back, FAULT_POWER_MENDING, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return fault_wait(q, op, FAULT_WAIT_NS, FAULT_STEP_GATE);
	return mend(t, q, op);
}

static COLD u64 at_most(u64 a, u64 b)
{
	return a < b ? a : b;
}

/* What is discarded is read first, in one piece */
COLD int fault_power_open(struct tgt *t, struct diag *why)
{
	struct fault *f = t->state;
	struct tgt_limits *l = &t->limits;
	const struct tgt *child = t->child[0];
	u64 most = most_mended(child, 0);
	int err = fault_log_open(&f->log, l->size_bytes, l->logical_shift);

	if (!err)
		err = pages_map(&f->slab_mem, (1 + child->nr_ops) * sizeof(struct tgt_op) +
				child->nr_pieces * sizeof(struct tgt_piece));
	if (err)
		return diag_set(why, err, "no room for what a power cut takes back");
	f->slab.ops = f->slab_mem.addr;
	f->slab.pieces = (struct tgt_piece *)(void *)(f->slab.ops + 1 + child->nr_ops);
	f->mend = f->slab.ops;
	l->attrs |= UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA;
	l->max_discard_bytes = at_most(l->max_discard_bytes, most);
	l->max_write_zeroes_bytes = at_most(l->max_write_zeroes_bytes, most);
	t->nr_ops += 1 + child->nr_ops;
	t->nr_pieces += 1 + child->nr_pieces;
	return 0;
}
