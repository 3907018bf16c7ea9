/* SPDX-License-Identifier: MIT */
/*
 * Between the parts of fault: fault.c has the way of an operation and how it is
 * opened, fault_power.c the power, fault_ask.c what is asked of a running disk,
 * fault_rules.c what goes wrong, fault_log.c what a cut takes back.
 */
#ifndef UBLK_TARGETS_FAULT_PARTS_H
#define UBLK_TARGETS_FAULT_PARTS_H

#include <linux/time_types.h>

#include "ublk/targets/fault_log.h"
#include "ublk/targets/fault_rules.h"
#include "ublk/turns.h"

#define FAULT_NR_TABLES 4
#define FAULT_WAIT_NS 1000000U /* before it is looked again */
#define FAULT_RANGE_BYTES (1U << 20) /* that is read before it is discarded, or put back */

/* Of the power; atomic. Whoever changes BACK to MENDING puts back what was lost */
enum { FAULT_POWER_ON, FAULT_POWER_OFF, FAULT_POWER_BACK, FAULT_POWER_MENDING };

enum { FAULT_STEP_GATE, FAULT_STEP_STALL, FAULT_STEP_TURN };

/* What is counted beside the faults */
enum { FAULT_STAT_OPS = NR_FAULTS, FAULT_STAT_CUTS, FAULT_STAT_LOST_BLOCKS, FAULT_NR_STATS };

struct fault {
	struct fault_rules tables[FAULT_NR_TABLES]; /* of which one is in use, and old ones rest */
	struct fault_rules *rules;		    /* atomic */
	struct fault_seen *seen;		    /* by queue */
	struct pages seen_mem;
	u64 seed;
	u64 stats[FAULT_NR_STATS]; /* atomic */
	u32 nr_releases;	   /* atomic */
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

/* Room of one operation, in the place of a sub-operation */
struct fault_passage {
	struct turn turn;
	struct fault_plan plan;
	struct __kernel_timespec ts; /* which the kernel reads when it is submitted */
	struct tgt_op *sub;
	u64 offset_bytes; /* what is asked of the child */
	u64 len_bytes;
	u32 release;
	bool is_inside;
	bool has_turn;
	u8 next; /* enum fault_next */
};
_Static_assert(sizeof(struct fault_passage) <= sizeof(struct tgt_op), "it has the room of one");

/* Where an operation goes on */
enum fault_next {
	FAULT_AT_GATE,
	FAULT_AT_DELAY,
	FAULT_AT_STALL,
	FAULT_AT_TURN,
	FAULT_AT_KEEP,
	FAULT_AT_CHILD,
	FAULT_AT_END,
	FAULT_HAS_ENDED,
};

static inline struct fault_passage *fault_passage_of(const struct tgt_op *op)
{
	return (struct fault_passage *)(uintptr_t)op->scratch[0];
}

static inline void fault_count(struct fault *f, u32 what, u64 nr)
{
	__atomic_fetch_add(&f->stats[what], nr, __ATOMIC_RELAXED);
}

static inline u32 fault_power(const struct fault *f)
{
	return __atomic_load_n(&f->power, __ATOMIC_SEQ_CST);
}

static inline bool fault_changes(const struct tgt_op *op)
{
	return op->kind == TGT_WRITE || op->kind == TGT_DISCARD || op->kind == TGT_WRITE_ZEROES;
}

static inline bool fault_has(const struct tgt_op *op, enum fault_what what)
{
	return fault_passage_of(op)->plan.what >> what & 1;
}

/* fault_leave() - the operation's answer, and its end here */
enum tgt_status fault_leave(struct fault *f, struct tgt_op *op, s64 result);

/* fault_wait() - a timeout of the ring, after which the operation goes on */
enum tgt_status fault_wait(struct tgt_queue *q, struct tgt_op *op, u64 ns, u32 step);
void fault_go_on(struct tgt_queue *q, struct tgt_op *op);

/* fault_power_open() - memory for what a cut takes back */
NODISCARD int fault_power_open(struct tgt *t, struct diag *why);

/* fault_cut() - what was not flushed is lost, or some of it: fault_next_seed() says of which */
void fault_cut(struct fault *f, u64 seed);
u64 fault_next_seed(const struct fault *f);

/* fault_come_back() - of an operation that comes when the power is back: DONE, it is
 * to look again; or PENDING */
enum tgt_status fault_come_back(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);

/* fault_use() - these rules from now on, of fault_next_table(): a table that rests */
struct fault_rules *fault_next_table(struct fault *f, bool copy);
void fault_use(struct fault *f, struct fault_rules *rules);

/* Of struct tgt_type */
int fault_message(struct tgt *t, const char *word, const char *value, struct diag *why);
void fault_stat(const struct tgt *t, tgt_say_fn *say, void *ctx);
s64 fault_seek(struct tgt *t, u64 offset_bytes, bool hole);
int fault_resize(struct tgt *t, u64 size_bytes, struct diag *why);
int fault_refresh(struct tgt *t, struct diag *why);

#endif
