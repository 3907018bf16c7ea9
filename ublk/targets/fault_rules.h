/* SPDX-License-Identifier: MIT */
/*
 * What goes wrong, and when: the rules of the fault target, and their dice. Whether
 * a rule strikes depends on the seed, the queue, and how many operations of that
 * queue the rule was for before: the same operations have the same faults.
 */
#ifndef UBLK_TARGETS_FAULT_RULES_H
#define UBLK_TARGETS_FAULT_RULES_H

#include "ublk/tgt.h"

enum fault_what {
	FAULT_ERROR,	 /* it fails and does nothing */
	FAULT_DELAY,	 /* it comes later */
	FAULT_STALL,	 /* it waits until it is released */
	FAULT_FLIP,	 /* a read: one bit of what is answered is wrong */
	FAULT_MISDIRECT, /* a write lands beside its place */
	FAULT_TORN,	 /* of a write only the first half lands */
	FAULT_LOST,	 /* a write is acknowledged and forgotten */
	FAULT_NOFLUSH,	 /* a flush is acknowledged and forgotten */
	FAULT_NOFUA,	 /* a write with FUA is one without */
	NR_FAULTS,
};

#define FAULT_WORDS "error\0delay\0stall\0flip\0misdirect\0torn\0lost\0noflush\0nofua\0"

#define FAULT_MAX_RULES 8
#define FAULT_MAX_QUEUES 4096 /* ublk's; of more, some count together */

/**
 * struct fault_rule - one of them
 * @kinds: 1 << enum tgt_kind
 * @every: one in so many; 1: each
 * @odds:  with dice: one in so many on average; 1: each
 * @skip:  so many are let through first
 * @left:  so often at most, of all queues together; atomic
 */
struct fault_rule {
	u8 what; /* enum fault_what */
	u32 kinds;
	s32 err;
	u32 every;
	u32 odds;
	u64 skip;
	u64 left;
	u64 begin_bytes;
	u64 end_bytes;
	u64 min_ns;
	u64 max_ns;
};

/* struct fault_rules - a table of them; @generation tells it from others */
struct fault_rules {
	u32 nr;
	u32 generation;
	struct fault_rule rule[FAULT_MAX_RULES];
};

/* struct fault_seen - of one queue: how many operations each rule was for */
struct fault_seen {
	u64 nr[FAULT_MAX_RULES];
	u32 generation;
};

/* struct fault_plan - what happens to one operation */
struct fault_plan {
	u32 what; /* 1 << enum fault_what */
	s32 err;
	u64 delay_ns;
	u64 random; /* for whatever needs to be chosen */
};

/* fault_rules_add() - "WHAT/key=value/...;WHAT..." behind those that are there */
NODISCARD int fault_rules_add(struct fault_rules *rules, const char *text, struct diag *why);

/* fault_rules_plan() - @possible: 1 << enum fault_what that this operation can have;
 * a rule that is for something else does not count it */
void fault_rules_plan(struct fault_rules *rules, struct fault_seen *seen, u64 seed,
		      const struct tgt_op *op, u32 possible, struct fault_plan *plan);

/* fault_hash() - a number that follows from three */
static inline u64 fault_hash(u64 a, u64 b, u64 c)
{
	u64 x = (a ^ 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL;

	x = (x ^ x >> 29 ^ b) * 0x94d049bb133111ebULL;
	x = (x ^ x >> 32 ^ c) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 29) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

#endif
