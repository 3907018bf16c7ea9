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
#include <linux/time_types.h>

#include "ring/prep.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "ublk/targets/fault_log.h"
#include "ublk/targets/fault_rules.h"
#include "ublk/targets/targets.h"
#include "ublk/turns.h"

#define WAIT_NS 1000000U /* before it is looked again */
#define MAX_RANGE_BYTES (1U << 20) /* that is read before it is discarded, or put back */
#define NR_TABLES 4

/* Of the power; atomic. Whoever changes BACK to MENDING puts back what was lost */
enum { POWER_ON, POWER_OFF, POWER_BACK, POWER_MENDING };

enum { STEP_GATE, STEP_STALL, STEP_TURN };

/* What is counted beside the faults */
enum { STAT_OPS = NR_FAULTS, STAT_CUTS, STAT_LOST_BLOCKS, NR_STATS };

#define STAT_WORDS FAULT_WORDS "operations\0power_cuts\0lost_blocks\0"

struct fault {
	struct fault_rules tables[NR_TABLES]; /* of which one is in use, and old ones rest */
	struct fault_rules *rules;	      /* atomic */
	struct fault_seen *seen;	      /* by queue */
	struct pages seen_mem;
	u64 seed;
	u64 stats[NR_STATS]; /* atomic */
	u32 nr_releases;     /* atomic */
	/* with powercut */
	bool has_log;
	bool keeps_none;
	u32 power;
	u64 nr_inside; /* operations between gate and end; atomic */
	u64 cut_after; /* atomic */
	u64 cut_seed;
	struct fault_log log;
	struct turns turns;
	struct tgt_slab slab; /* of what puts back */
	struct pages slab_mem;
	struct tgt_op *mend; /* the first of it */
};

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
		   "lost, noflush, with on=KIND+KIND, at=FROM-TO, every=N, odds=N, skip=N, "	\
		   "times=N, by=TIME-TIME, err=NAME"),					\
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

/* Room of one operation, in the place of a sub-operation */
struct passage {
	struct turn turn;
	struct fault_plan plan;
	struct __kernel_timespec ts; /* which the kernel reads when it is submitted */
	struct tgt_op *sub;
	u64 offset_bytes; /* what is asked of the child */
	u64 len_bytes;
	u32 release;
	bool is_inside;
	bool has_turn;
	u8 next; /* enum next */
};
_Static_assert(sizeof(struct passage) <= sizeof(struct tgt_op), "it has the room of one");

/* Where an operation goes on */
enum next { AT_GATE, AT_DELAY, AT_STALL, AT_TURN, AT_KEEP, AT_CHILD, AT_END, HAS_ENDED };

static struct passage *passage_of(const struct tgt_op *op)
{
	return (struct passage *)(uintptr_t)op->scratch[0];
}

static void count(struct fault *f, u32 what, u64 nr)
{
	__atomic_fetch_add(&f->stats[what], nr, __ATOMIC_RELAXED);
}

static u32 power_of(const struct fault *f)
{
	return __atomic_load_n(&f->power, __ATOMIC_SEQ_CST);
}

static bool changes(const struct tgt_op *op)
{
	return op->kind == TGT_WRITE || op->kind == TGT_DISCARD || op->kind == TGT_WRITE_ZEROES;
}

static bool has(const struct tgt_op *op, enum fault_what what)
{
	return passage_of(op)->plan.what >> what & 1;
}

/* The operation's answer, and its end here */
static enum tgt_status leave(struct fault *f, struct tgt_op *op, s64 result)
{
	struct passage *p = passage_of(op);

	if (p->has_turn)
		turns_give(&f->turns, &p->turn);
	/* After a cut nobody knows what was done. */
	if (p->is_inside && power_of(f) != POWER_ON)
		result = -EIO;
	if (p->is_inside)
		__atomic_fetch_sub(&f->nr_inside, 1, __ATOMIC_SEQ_CST);
	p->next = HAS_ENDED;
	return tgt_finish(op, result);
}

static enum tgt_status wait_ns(struct tgt_queue *q, struct tgt_op *op, u64 ns, u32 step)
{
	struct passage *p = passage_of(op);
	struct fault *f = op->tgt->state;
	struct io_uring_sqe *sqe;
	int err = tgt_reserve_sqes(q, 1);

	if (err)
		return leave(f, op, err);
	p->ts.tv_sec = (s64)(ns / 1000000000);
	p->ts.tv_nsec = (long long)(ns % 1000000000);
	sqe = tgt_get_sqe(q);
	ring_prep_rw(IORING_OP_TIMEOUT, sqe, -1, &p->ts, 1, 0);
	tgt_sqe_owner(sqe, op, step);
	return TGT_PENDING;
}

/* --- power --------------------------------------------------------------------------- */

static void cut(struct fault *f, u64 seed)
{
	u32 on = POWER_ON;

	f->cut_seed = seed;
	if (__atomic_compare_exchange_n(&f->power, &on, POWER_OFF, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		count(f, STAT_CUTS, 1);
}

static u64 next_seed(const struct fault *f)
{
	return f->keeps_none ? 0 : fault_hash(f->seed, f->stats[STAT_CUTS], 3) | 1;
}

static u64 most_mended(const struct tgt *child, u64 at)
{
	const struct tgt_limits *l = &child->limits;
	u64 most = l->max_io_bytes && l->max_io_bytes < MAX_RANGE_BYTES ? l->max_io_bytes :
									  MAX_RANGE_BYTES;

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
		u64 at = fault_log_lost(&f->log, from, MAX_RANGE_BYTES, f->cut_seed, &len);

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
		count(f, STAT_LOST_BLOCKS, len >> f->log.shift);
		if (tgt_submit(child, q, m) == TGT_PENDING)
			return false;
		*result = m->result;
		if (m->result != (s64)len)
			return true;
	}
}

static enum tgt_status go(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);

static void go_on(struct tgt_queue *q, struct tgt_op *op)
{
	if (go(op->tgt, q, op) == TGT_DONE)
		tgt_complete(q, op, op->result);
}

/* A disk that cannot be put back has no power: it may be tried again */
static void mended(struct fault *f, s64 result)
{
	__atomic_store_n(&f->power, result < 0 ? POWER_OFF : POWER_ON, __ATOMIC_SEQ_CST);
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
	go_on(q, op);
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
static enum tgt_status come_back(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	u32 back = POWER_BACK;

	if (__atomic_load_n(&f->nr_inside, __ATOMIC_SEQ_CST) ||
	    !__atomic_compare_exchange_n(&f->power, &back, POWER_MENDING, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return wait_ns(q, op, WAIT_NS, STEP_GATE);
	return mend(t, q, op);
}

/* --- steps: DONE: it goes on with the next, or has ended; see go() ------------------- */

static bool is_last(struct fault *f)
{
	u64 left = __atomic_load_n(&f->cut_after, __ATOMIC_RELAXED);

	return left && __atomic_fetch_sub(&f->cut_after, 1, __ATOMIC_RELAXED) == 1;
}

static bool enter(struct fault *f, struct passage *p)
{
	__atomic_fetch_add(&f->nr_inside, 1, __ATOMIC_SEQ_CST);
	p->is_inside = power_of(f) == POWER_ON;
	if (!p->is_inside)
		__atomic_fetch_sub(&f->nr_inside, 1, __ATOMIC_SEQ_CST);
	return p->is_inside;
}

static enum tgt_status at_gate(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	struct passage *p = passage_of(op);

	while (f->has_log && !enter(f, p)) {
		if (power_of(f) == POWER_OFF)
			return leave(f, op, -EIO);
		if (come_back(t, q, op) == TGT_PENDING)
			return TGT_PENDING;
	}
	if (f->has_log && is_last(f)) {
		cut(f, next_seed(f));
		return leave(f, op, -EIO);
	}
	p->next = AT_DELAY;
	return TGT_DONE;
}

static bool is_held(const struct fault *f, const struct tgt_queue *q, const struct passage *p)
{
	return p->release == __atomic_load_n(&f->nr_releases, __ATOMIC_RELAXED) &&
	       !q->is_stopping && power_of(f) == POWER_ON;
}

/* What it does in the place of its child */
static bool is_answered(const struct tgt_op *op, s64 *result)
{
	if (has(op, FAULT_ERROR))
		*result = passage_of(op)->plan.err;
	else if (has(op, FAULT_LOST))
		*result = (s64)op->len_bytes;
	else if (has(op, FAULT_NOFLUSH))
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

/* Of a list of pieces the first part; the bytes themselves stay as they are */
static void cut_data(const struct tgt_op *op, struct tgt_op *sub)
{
	u64 left = sub->len_bytes;
	u32 nr = 0;

	sub->data.pieces = op->slab->pieces + op->slab->nr_pieces;
	for (; left; nr++) {
		sub->data.pieces[nr] = op->data.pieces[nr];
		if (sub->data.pieces[nr].len_bytes > left)
			sub->data.pieces[nr].len_bytes = left;
		left -= sub->data.pieces[nr].len_bytes;
	}
	sub->data.nr_pieces = nr;
	op->slab->nr_pieces += nr;
}

static void set_place(const struct tgt *t, struct tgt_op *op)
{
	struct passage *p = passage_of(op);
	u32 shift = t->limits.logical_shift;

	p->offset_bytes = has(op, FAULT_MISDIRECT) ? misdirected_to(t, op) : op->offset_bytes;
	p->len_bytes = has(op, FAULT_TORN) ? op->len_bytes >> (shift + 1) << shift : op->len_bytes;
}

/* Of a write the log is about, in its turn: what is there is read first */
static enum tgt_status at_turn(struct fault *f, struct tgt_queue *q, struct tgt_op *op)
{
	struct passage *p = passage_of(op);
	int err;

	if (!p->has_turn)
		(void)turns_take(&f->turns, &p->turn, p->offset_bytes, p->len_bytes, false);
	p->has_turn = true;
	if (turns_is_on(&p->turn)) {
		p->next = AT_KEEP;
		return TGT_DONE;
	}
	err = turns_wait(&p->turn, q, op, STEP_TURN);
	return err ? leave(f, op, err) : TGT_PENDING;
}

static void sub_done(struct tgt_queue *q, struct tgt_op *sub)
{
	go_on(q, sub->parent);
}

static enum tgt_status keep_old(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	struct passage *p = passage_of(op);

	p->sub = tgt_sub(op, sub_done);
	p->sub->kind = TGT_READ;
	p->sub->flags = 0;
	p->sub->offset_bytes = p->offset_bytes;
	p->sub->len_bytes = p->len_bytes;
	tgt_set_mem(p->sub, f->log.before + p->offset_bytes);
	p->next = AT_CHILD;
	return tgt_submit(t->child[0], q, p->sub);
}

static enum tgt_status ask_child(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct passage *p = passage_of(op);

	p->sub = tgt_sub(op, sub_done);
	p->sub->offset_bytes = p->offset_bytes;
	p->sub->len_bytes = p->len_bytes;
	p->sub->data = op->data;
	if (p->len_bytes < op->len_bytes)
		cut_data(op, p->sub);
	p->next = AT_END;
	return tgt_submit(t->child[0], q, p->sub);
}

static enum tgt_status at_child(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	struct passage *p = passage_of(op);

	if (p->has_turn) { /* what is there was read */
		if (p->sub->result != (s64)p->len_bytes)
			return leave(f, op, p->sub->result < 0 ? p->sub->result : -EIO);
		if (power_of(f) != POWER_ON)
			return leave(f, op, -EIO);
		fault_log_keep(&f->log, p->offset_bytes, p->len_bytes);
	}
	return ask_child(t, q, op);
}

static void flip(const struct tgt_op *op)
{
	u64 random = passage_of(op)->plan.random;
	u64 at = (random >> 3) % op->len_bytes;
	u8 byte;

	if (tgt_copy_from_op(op, at, &byte, 1))
		return;
	byte ^= (u8)(1 << (random & 7));
	(void)!tgt_copy_to_op(op, at, &byte, 1);
}

static enum tgt_status at_end(struct fault *f, struct tgt_op *op)
{
	struct passage *p = passage_of(op);
	s64 result = p->sub->result;

	if (result < 0)
		return leave(f, op, result);
	if (has(op, FAULT_FLIP) && result == (s64)op->len_bytes)
		flip(op);
	if (f->has_log && op->kind == TGT_WRITE && (op->flags & TGT_F_FUA))
		fault_log_drop(&f->log, p->offset_bytes, p->len_bytes);
	if (f->has_log && op->kind == TGT_FLUSH && power_of(f) == POWER_ON)
		fault_log_drop_all(&f->log);
	if (p->len_bytes < op->len_bytes && result == (s64)p->len_bytes)
		result = (s64)op->len_bytes;
	return leave(f, op, result);
}

/* After the gate: what is in the way of the child */
static enum tgt_status before_child(struct fault *f, struct tgt_queue *q, struct tgt_op *op)
{
	struct passage *p = passage_of(op);
	s64 result;

	if (p->next == AT_DELAY) {
		p->next = AT_STALL;
		p->release = __atomic_load_n(&f->nr_releases, __ATOMIC_RELAXED);
		if (has(op, FAULT_DELAY) && p->plan.delay_ns)
			return wait_ns(q, op, p->plan.delay_ns, STEP_STALL);
	}
	if (has(op, FAULT_STALL) && is_held(f, q, p))
		return wait_ns(q, op, WAIT_NS, STEP_STALL);
	if (is_answered(op, &result))
		return leave(f, op, result);
	p->next = f->has_log && changes(op) ? AT_TURN : AT_CHILD;
	return TGT_DONE;
}

static enum tgt_status go(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fault *f = t->state;
	enum tgt_status status = TGT_DONE;

	while (status == TGT_DONE) {
		switch ((enum next)passage_of(op)->next) {
		case AT_GATE:
			status = at_gate(t, q, op);
			break;
		case AT_DELAY:
		case AT_STALL:
			status = before_child(f, q, op);
			break;
		case AT_TURN:
			status = at_turn(f, q, op);
			break;
		case AT_KEEP:
			status = keep_old(t, q, op);
			break;
		case AT_CHILD:
			status = at_child(t, q, op);
			break;
		case AT_END:
			status = at_end(f, op);
			break;
		case HAS_ENDED:
			return TGT_DONE;
		}
	}
	return TGT_PENDING;
}

static void fault_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step_nr, s32 res)
{
	(void)t;
	(void)step_nr;
	(void)res; /* a timeout is over; what was waited for is looked at again */
	go_on(q, op);
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
	struct passage *p = (void *)tgt_sub(op, NULL);

	*p = (struct passage){ .next = AT_GATE };
	op->scratch[0] = (u64)(uintptr_t)p;
	if (op->kind > TGT_WRITE_ZEROES || op->kind == UBLK_IO_OP_WRITE_SAME)
		return tgt_finish(op, -EOPNOTSUPP);
	count(f, STAT_OPS, 1);
	if (power_of(f) == POWER_ON)
		fault_rules_plan(__atomic_load_n(&f->rules, __ATOMIC_ACQUIRE),
				 &f->seen[q->idx % FAULT_MAX_QUEUES], f->seed, op, possible(t, op),
				 &p->plan);
	for (u32 i = 0; p->plan.what >> i; i++)
		if (p->plan.what >> i & 1)
			count(f, i, 1);
	set_place(t, op);
	return go(t, q, op);
}

/* --- asked of a running disk, by one thread at a time -------------------------------- */

/* Rules are changed in a table that rests; whoever still reads an old one finds numbers */
static COLD struct fault_rules *next_table(struct fault *f, bool copy)
{
	u32 generation = f->rules->generation + 1;
	struct fault_rules *next = &f->tables[generation % NR_TABLES];

	if (copy)
		*next = *f->rules;
	else
		*next = (struct fault_rules){ .nr = 0 };
	next->generation = generation;
	return next;
}

static COLD void use(struct fault *f, struct fault_rules *rules)
{
	__atomic_store_n(&f->rules, rules, __ATOMIC_RELEASE);
}

static COLD int change_rules(struct fault *f, const char *text, bool copy, struct diag *why)
{
	struct fault_rules *next = next_table(f, copy);
	int err = text && *text ? fault_rules_add(next, text, why) : 0;

	if (!err)
		use(f, next);
	return err;
}

static COLD int told_to_cut(struct fault *f, const char *value, struct diag *why)
{
	u64 seed = next_seed(f);

	if (!f->has_log)
		return diag_set(why, -EINVAL, "fault: it was opened without powercut=1");
	if (value && str_eq(value, "none"))
		seed = 0;
	else if (value && parse_u64(value, &seed))
		return diag_set(why, -EINVAL, "fault: cut=%s: none, or a seed", value);
	if (power_of(f) != POWER_ON)
		return diag_set(why, -EBUSY, "fault: its power is off");
	cut(f, seed);
	return 0;
}

static COLD int restore(struct fault *f, struct diag *why)
{
	u32 off = POWER_OFF;

	if (__atomic_compare_exchange_n(&f->power, &off, POWER_BACK, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return 0;
	return diag_set(why, -EINVAL, "fault: its power is not off");
}

static COLD int fault_message(struct tgt *t, const char *word, const char *value, struct diag *why)
{
	enum { RULES, ADD, CLEAR, RELEASE, CUT, RESTORE };
	struct fault *f = t->state;
	u32 what;

	if (parse_choice(word, "rules\0add\0clear\0release\0cut\0restore\0", &what))
		return diag_set(why, -EINVAL, "fault: it knows rules=, add=, clear, release, cut, "
				"cut=none|SEED and restore, not %s", word);
	switch (what) {
	case RULES:
	case CLEAR:
		return change_rules(f, what == RULES ? value : NULL, false, why);
	case ADD:
		return change_rules(f, value, true, why);
	case RELEASE:
		__atomic_fetch_add(&f->nr_releases, 1, __ATOMIC_RELAXED);
		return 0;
	case CUT:
		return told_to_cut(f, value, why);
	default:
		return restore(f, why);
	}
}

static COLD void fault_stat(const struct tgt *t, tgt_say_fn *say, void *ctx)
{
	const struct fault *f = t->state;
	const char *name = STAT_WORDS;

	for (u32 i = 0; i < NR_STATS; i++, name += str_len(name) + 1)
		say(ctx, name, __atomic_load_n(&f->stats[i], __ATOMIC_RELAXED));
}

static COLD s64 fault_seek(struct tgt *t, u64 offset_bytes, bool hole)
{
	struct tgt *child = t->child[0];

	if (child->type->seek)
		return child->type->seek(child, offset_bytes, hole);
	return (s64)(hole ? t->limits.size_bytes : offset_bytes);
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

static COLD u64 at_most(u64 a, u64 b)
{
	return a < b ? a : b;
}

/* What is discarded is read first, in one piece */
static COLD int make_log(struct tgt *t, struct diag *why)
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
	err = f->has_log ? make_log(t, why) : 0;
	if (err)
		fault_close(t);
	return err;
}

const struct tgt_type fault_target = {
	.name = "fault",
	.summary = "goes wrong as it is told to, and loses its power",
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
	.cqe = fault_cqe,
};
