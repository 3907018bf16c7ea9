/* SPDX-License-Identifier: MIT */
/*
 * fault: goes wrong as rules say, and loses its power when it is told to.
 *
 * An operation goes through steps: the gate, where it is seen whether there is
 * power; its delay; its stall; its turn among those that overlap with it and, with
 * powercut, the reading of what it will overwrite; then the child.
 *
 * After a power cut every operation fails. When the power is to come back, the
 * first operation that comes waits until none of before is under way, and puts back
 * what was lost; the others wait for that. Waiting is a timeout in the queue's ring.
 *
 * The bytes of a write are never altered.
 */
#include <asm/errno.h>

#include "ring/prep.h"
#include "ublk/targets/fault_parts.h"
#include "ublk/targets/targets.h"

struct fault_values {
	const char *rules;
	u64 seed;
	u64 read_delay_ns;
	u64 write_delay_ns;
	u32 error_every;
	bool powercut;
	u64 cut_after;
	u32 keep;
};

#define FAULT_PARAMS(X)										\
	X(struct fault_values, rules,								\
	  OPT_TEXT("rules", "RULES",								\
		   "WHAT/KEY=VALUE/...;WHAT...: error, delay, stall, flip, misdirect, torn, "	\
		   "lost, noflush, nofua, with on=KIND+KIND, at=FROM-TO, every=N, odds=N, "	\
		   "skip=N, times=N, by=TIME-TIME, err=NAME"),				\
	  .kind = OPT_STRING)									\
	X(struct fault_values, seed, OPT_TEXT("seed", "N", "of all dice"), .kind = OPT_U64)	\
	X(struct fault_values, read_delay_ns,							\
	  OPT_TEXT("read_delay", "TIME", "of each read"), .kind = OPT_DURATION)			\
	X(struct fault_values, write_delay_ns,							\
	  OPT_TEXT("write_delay", "TIME", "of each write"), .kind = OPT_DURATION)		\
	X(struct fault_values, error_every,							\
	  OPT_TEXT("error_every", "N", "one in so many operations fails") OPT_LEAST("1"),	\
	  .kind = OPT_U32)									\
	X(struct fault_values, powercut,							\
	  OPT_TEXT("powercut", "0|1", "power can be cut: memory for what is written"),		\
	  .kind = OPT_BOOL)									\
	X(struct fault_values, cut_after,							\
	  OPT_TEXT("cut_after", "N", "operations, then power is cut") OPT_LEAST("1"),		\
	  .kind = OPT_U64)									\
	X(struct fault_values, keep,								\
	  OPT_TEXT("keep", "HOW", "what a cut leaves of what was not flushed")			\
	  OPT_CHOICES("some\0none"),								\
	  .kind = OPT_CHOICE)

enum tgt_status fault_leave(struct fault *f, struct tgt_op *op, s64 result)
{
	struct fault_passage *p = fault_passage_of(op);

	if (p->has_turn)
		turns_give(&f->turns, &p->turn);
	/* After a cut nobody knows what was done. */
	if (p->is_inside && fault_power(f) != FAULT_POWER_ON)
		result = -EIO;
	if (p->is_inside)
		__atomic_fetch_sub(&f->nr_inside, 1, __ATOMIC_SEQ_CST);
	p->next = FAULT_HAS_ENDED;
	return tgt_finish(op, result);
}

enum tgt_status fault_wait(struct tgt_queue *q, struct tgt_op *op, u64 ns, u32 step)
{
	struct fault_passage *p = fault_passage_of(op);
	struct fault *f = op->tgt->state;
	struct io_uring_sqe *sqe;
	int err = tgt_reserve_sqes(q, 1);

	if (err)
		return fault_leave(f, op, err);
	p->ts.tv_sec = (s64)(ns / 1000000000);
	p->ts.tv_nsec = (long long)(ns % 1000000000);
	sqe = tgt_get_sqe(q);
	ring_prep_rw(IORING_OP_TIMEOUT, sqe, -1, &p->ts, 1, 0);
	tgt_sqe_owner(sqe, op, step);
	return TGT_PENDING;
}

/* --- steps: DONE: it goes on with the next, or has ended; see go() ------------------- */

static bool is_last(struct fault *f)
{
	u64 left = __atomic_load_n(&f->cut_after, __ATOMIC_RELAXED);

	return left && __atomic_fetch_sub(&f->cut_after, 1, __ATOMIC_RELAXED) == 1;
}

static bool enter(struct fault *f, struct fault_passage *p)
{
	__atomic_fetch_add(&f->nr_inside, 1, __ATOMIC_SEQ_CST);
	p->is_inside = fault_power(f) == FAULT_POWER_ON;
	if (!p->is_inside)
		__atomic_fetch_sub(&f->nr_inside, 1, __ATOMIC_SEQ_CST);
	return p->is_inside;
}

static enum tgt_status at_gate(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	struct fault_passage *p = fault_passage_of(op);

	while (f->has_log && !enter(f, p)) {
		if (fault_power(f) == FAULT_POWER_OFF)
			return fault_leave(f, op, -EIO);
		if (fault_come_back(t, q, op) == TGT_PENDING)
			return TGT_PENDING;
	}
	if (f->has_log && is_last(f)) {
		fault_cut(f, fault_next_seed(f));
		return fault_leave(f, op, -EIO);
	}
	p->next = FAULT_AT_DELAY;
	return TGT_DONE;
}

static bool is_held(const struct fault *f, const struct tgt_queue *q, const struct fault_passage *p)
{
	return p->release == __atomic_load_n(&f->nr_releases, __ATOMIC_RELAXED) &&
	       !q->is_stopping && fault_power(f) == FAULT_POWER_ON;
}

/* What it does in the place of its child */
static bool is_answered(const struct tgt_op *op, s64 *result)
{
	if (fault_has(op, FAULT_ERROR))
		*result = fault_passage_of(op)->plan.err;
	else if (fault_has(op, FAULT_LOST))
		*result = (s64)op->len_bytes;
	else if (fault_has(op, FAULT_NOFLUSH))
		*result = 0;
	else
		return false;
	return true;
}

static u64 misdirected_to(const struct tgt *t, const struct tgt_op *op)
{
	u64 chunk = t->limits.chunk_bytes;
	u64 right = op->offset_bytes + op->len_bytes;
	bool fits_right = right + op->len_bytes <= t->limits.size_bytes &&
			  (!chunk || right / chunk == (right + op->len_bytes - 1) / chunk);
	u64 left = op->offset_bytes - op->len_bytes;

	if (fits_right)
		return right;
	if (op->offset_bytes < op->len_bytes ||
	    (chunk && left / chunk != (op->offset_bytes - 1) / chunk))
		return op->offset_bytes;
	return left;
}

static void set_place(const struct tgt *t, struct tgt_op *op)
{
	struct fault_passage *p = fault_passage_of(op);
	u32 shift = t->limits.logical_shift;

	p->offset_bytes = fault_has(op, FAULT_MISDIRECT) ? misdirected_to(t, op) : op->offset_bytes;
	p->len_bytes = op->len_bytes;
	if (fault_has(op, FAULT_TORN))
		p->len_bytes = op->len_bytes >> (shift + 1) << shift;
}

/* Of a write the log is about, in its turn: what is there is read first */
static enum tgt_status at_turn(struct fault *f, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault_passage *p = fault_passage_of(op);
	int err;

	if (!p->has_turn)
		(void)turns_take(&f->turns, &p->turn, p->offset_bytes, p->len_bytes, false);
	p->has_turn = true;
	if (turns_is_on(&p->turn)) {
		p->next = FAULT_AT_KEEP;
		return TGT_DONE;
	}
	err = turns_wait(&p->turn, q, op, FAULT_STEP_TURN);
	return err ? fault_leave(f, op, err) : TGT_PENDING;
}

static void sub_done(struct tgt_queue *q, struct tgt_op *sub)
{
	fault_go_on(q, sub->parent);
}

static enum tgt_status keep_old(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	struct fault_passage *p = fault_passage_of(op);

	p->sub = tgt_sub(op, sub_done);
	p->sub->kind = TGT_READ;
	p->sub->flags = 0;
	p->sub->offset_bytes = p->offset_bytes;
	p->sub->len_bytes = p->len_bytes;
	tgt_set_mem(p->sub, f->log.before + p->offset_bytes);
	p->next = FAULT_AT_CHILD;
	return tgt_submit(t->child[0], q, p->sub);
}

static enum tgt_status ask_child(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault_passage *p = fault_passage_of(op);

	p->sub = tgt_sub(op, sub_done);
	p->sub->offset_bytes = p->offset_bytes;
	p->sub->len_bytes = p->len_bytes;
	p->sub->data = op->data;
	if (fault_has(op, FAULT_NOFUA))
		p->sub->flags &= ~TGT_F_FUA;
	if (p->len_bytes < op->len_bytes)
		tgt_slice(op, 0, p->sub); /* the bytes themselves stay as they are */
	p->next = FAULT_AT_END;
	return tgt_submit(t->child[0], q, p->sub);
}

static enum tgt_status at_child(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	struct fault_passage *p = fault_passage_of(op);

	if (p->has_turn) { /* what is there was read */
		if (p->sub->result != (s64)p->len_bytes)
			return fault_leave(f, op, p->sub->result < 0 ? p->sub->result : -EIO);
		if (fault_power(f) != FAULT_POWER_ON)
			return fault_leave(f, op, -EIO);
		fault_log_keep(&f->log, p->offset_bytes, p->len_bytes);
	}
	return ask_child(t, q, op);
}

/* Of what is behind a char device a read's bytes cannot be read: eight others take their
 * place, which are the same once in 2^64. */
static int flip(const struct tgt_op *op)
{
	u64 random = fault_passage_of(op)->plan.random;
	u64 at = (random >> 3) % op->len_bytes;
	u8 byte;

	if (op->data.kind == TGT_DATA_FILE)
		return tgt_copy_to_op(op, at & ~7ULL, &random, sizeof(random));
	if (tgt_copy_from_op(op, at, &byte, 1))
		return -EIO;
	byte ^= (u8)(1 << (random & 7));
	return tgt_copy_to_op(op, at, &byte, 1);
}

static enum tgt_status at_end(struct fault *f, struct tgt_op *op)
{
	struct fault_passage *p = fault_passage_of(op);
	s64 result = p->sub->result;

	if (result < 0)
		return fault_leave(f, op, result);
	if (fault_has(op, FAULT_FLIP) && result == (s64)op->len_bytes && flip(op))
		return fault_leave(f, op, -EIO);
	if (f->has_log && op->kind == TGT_WRITE && (p->sub->flags & TGT_F_FUA))
		fault_log_drop(&f->log, p->offset_bytes, p->len_bytes);
	if (f->has_log && op->kind == TGT_FLUSH && fault_power(f) == FAULT_POWER_ON)
		fault_log_drop_all(&f->log);
	if (p->len_bytes < op->len_bytes && result == (s64)p->len_bytes)
		result = (s64)op->len_bytes;
	return fault_leave(f, op, result);
}

/* After the gate: what is in the way of the child */
static enum tgt_status before_child(struct fault *f, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault_passage *p = fault_passage_of(op);
	s64 result;

	if (p->next == FAULT_AT_DELAY) {
		p->next = FAULT_AT_STALL;
		p->release = __atomic_load_n(&f->nr_releases, __ATOMIC_RELAXED);
		if (fault_has(op, FAULT_DELAY) && p->plan.delay_ns)
			return fault_wait(q, op, p->plan.delay_ns, FAULT_STEP_STALL);
	}
	if (fault_has(op, FAULT_STALL) && is_held(f, q, p))
		return fault_wait(q, op, FAULT_WAIT_NS, FAULT_STEP_STALL);
	if (is_answered(op, &result))
		return fault_leave(f, op, result);
	p->next = f->has_log && fault_changes(op) ? FAULT_AT_TURN : FAULT_AT_CHILD;
	return TGT_DONE;
}

static enum tgt_status go(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	enum tgt_status status = TGT_DONE;

	while (status == TGT_DONE) {
		switch ((enum fault_next)fault_passage_of(op)->next) {
		case FAULT_AT_GATE:
			status = at_gate(t, q, op);
			break;
		case FAULT_AT_DELAY:
		case FAULT_AT_STALL:
			status = before_child(f, q, op);
			break;
		case FAULT_AT_TURN:
			status = at_turn(f, q, op);
			break;
		case FAULT_AT_KEEP:
			status = keep_old(t, q, op);
			break;
		case FAULT_AT_CHILD:
			status = at_child(t, q, op);
			break;
		case FAULT_AT_END:
			status = at_end(f, op);
			break;
		case FAULT_HAS_ENDED:
			return TGT_DONE;
		}
	}
	return TGT_PENDING;
}

void fault_go_on(struct tgt_queue *q, struct tgt_op *op)
{
	if (go(op->tgt, q, op) == TGT_DONE)
		tgt_complete(q, op, op->result);
}

static void fault_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step_nr, s32 res)
{
	(void)t;
	(void)step_nr;
	(void)res; /* a timeout is over; what was waited for is looked at again */
	fault_go_on(q, op);
}

/* What this operation can have: a rule for writes that lie elsewhere wants room */
static u32 possible(const struct tgt *t, const struct tgt_op *op)
{
	u32 all = (1U << NR_FAULTS) - 1;

	if (op->kind == TGT_WRITE && misdirected_to(t, op) == op->offset_bytes)
		all &= ~(1U << FAULT_MISDIRECT);
	if (op->len_bytes >> t->limits.logical_shift < 2)
		all &= ~(1U << FAULT_TORN);
	return all;
}

static enum tgt_status fault_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	struct fault_passage *p = (void *)tgt_sub(op, NULL);

	*p = (struct fault_passage){ .next = FAULT_AT_GATE };
	op->scratch[0] = (u64)(uintptr_t)p;
	if (op->kind > TGT_WRITE_ZEROES || op->kind == UBLK_IO_OP_WRITE_SAME)
		return tgt_finish(op, -EOPNOTSUPP);
	fault_count(f, FAULT_STAT_OPS, 1);
	if (fault_power(f) == FAULT_POWER_ON)
		fault_rules_plan(__atomic_load_n(&f->rules, __ATOMIC_ACQUIRE),
				 &f->seen[q->idx % FAULT_MAX_QUEUES], f->seed, op, possible(t, op),
				 &p->plan);
	for (u32 i = 0; p->plan.what >> i; i++)
		if (p->plan.what >> i & 1)
			fault_count(f, i, 1);
	set_place(t, op);
	return go(t, q, op);
}

static COLD void add_simple(struct fault_rules *rules, u8 what, u32 kinds, u64 ns, u32 every)
{
	rules->rule[rules->nr++] = (struct fault_rule){
		.what = what,
		.kinds = kinds,
		.err = -EIO,
		.every = every,
		.odds = 1,
		.left = ~0ULL,
		.end_bytes = ~0ULL,
		.min_ns = ns,
		.max_ns = ns,
	};
}

static COLD int make_rules(struct fault *f, const struct fault_values *v, struct diag *why)
{
	struct fault_rules *rules = f->tables;

	f->rules = rules;
	if (v->read_delay_ns)
		add_simple(rules, FAULT_DELAY, 1 << TGT_READ, v->read_delay_ns, 1);
	if (v->write_delay_ns)
		add_simple(rules, FAULT_DELAY, 1 << TGT_WRITE, v->write_delay_ns, 1);
	if (v->error_every)
		add_simple(rules, FAULT_ERROR, ~0U, 0, v->error_every);
	return v->rules && *v->rules ? fault_rules_add(rules, v->rules, why) : 0;
}

static COLD void fault_close(struct tgt *t)
{
	struct fault *f = t->state;

	pages_unmap(&f->seen_mem);
	pages_unmap(&f->slab_mem);
	fault_log_close(&f->log);
}

static COLD int fault_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct fault_values *v = values;
	const struct tgt *child = t->child[0];
	struct fault *f = t->state;
	int err;

	(void)arg;
	t->limits = child->limits;
	if (t->limits.zones.zone_bytes || t->limits.meta.bytes)
		return diag_set(why, -EOPNOTSUPP, "its child, %s, has %s", child->type->name,
				t->limits.meta.bytes ? "metadata" : "zones");
	err = make_rules(f, v, why);
	if (err)
		return err;
	f->seed = v->seed;
	f->cut_after = v->cut_after;
	f->keeps_none = v->keep;
	f->has_log = v->powercut || v->cut_after;
	t->needs_snapshot = child->needs_snapshot;
	t->data_kinds = child->data_kinds & (1 << TGT_DATA_MEM | 1 << TGT_DATA_FILE);
	t->nr_ops++; /* the passage */
	if (!t->nr_sqes) /* waits before or after the child has anything */
		t->nr_sqes = 1;
	err = pages_map(&f->seen_mem, FAULT_MAX_QUEUES * sizeof(struct fault_seen));
	if (err)
		return diag_set(why, err, "no memory for its counters");
	f->seen = f->seen_mem.addr;
	err = f->has_log ? fault_power_open(t, why) : 0;
	if (err)
		fault_close(t);
	return err;
}

const struct tgt_type fault_target = {
	.name = "fault",
	.summary = "goes wrong as it is told to, and loses its power",
	.notes = "keep=some or none.\n",
	.messages = "rules=, add=, clear, release, cut, cut=none|SEED, restore",
	.params = OPT_TABLE(FAULT_PARAMS),
	.values_bytes = sizeof(struct fault_values),
	.state_bytes = sizeof(struct fault),
	.min_children = 1,
	.max_children = 1,
	.open = fault_open,
	.close = fault_close,
	.submit = fault_submit,
	.message = fault_message,
	.stat = fault_stat,
	.seek = fault_seek,
	.resize = fault_resize,
	.refresh = fault_refresh,
	.cqe = fault_cqe,
};
