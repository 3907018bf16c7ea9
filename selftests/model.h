/* SPDX-License-Identifier: MIT */
/*
 * Random operations against an array that says what the disk should hold: several
 * at a time in places that do not overlap, with data in memory, in a file and in a
 * registered buffer, in one piece or several. What is wrong fails the running test.
 */
#ifndef SELFTESTS_MODEL_H
#define SELFTESTS_MODEL_H

#include "selftests/opdriver.h"

#define MODEL_MAX_OPS 8 /* at a time */

/**
 * struct model_how - of one run; zero is the default
 * @nr_rounds:    of up to MODEL_MAX_OPS operations
 * @max_io_bytes: default 64K
 * @kinds:        1 << enum tgt_data_kind, of those that the target takes; 0: all
 * @forgets:      the disk reads as zeroes, always
 * @catches:      what is read wrong is counted, and no failure; nor is what is answered twice
 * @may_fail:     an operation may say that it has failed. Each block that was to be changed
 *                is then as it was or as it was to be, until one that succeeds tells or decides
 * @may_be_short: one may also say so by a count that is not all of it
 */
struct model_how {
	u64 seed;
	u32 nr_rounds;
	u32 max_io_bytes;
	u32 kinds;
	bool forgets;
	bool catches;
	bool may_fail;
	bool may_be_short;
};

#define MODEL_MAX_MAYBE 6

/* What a sector may hold, too: of writes that failed, their fill and how far into them */
struct model_maybe {
	u32 nr;
	struct {
		u8 fill;
		u32 from;
	} of[MODEL_MAX_MAYBE];
};

struct model {
	struct opdriver d;
	struct model_how how;
	u64 size_bytes;
	u64 random;
	u32 kinds;
	u8 *bytes;	/* what should be there */
	u8 *any;	/* a byte for each sector: as it was, or zeroes */
	struct model_maybe *maybe; /* one for each sector */
	u8 *arena;	/* data of the operations, one behind the other, and gaps */
	u64 room_bytes; /* of one */
	s32 memfd;	/* which the arena is */
	struct pages mem;
	u64 nr_reads;
	u64 nr_writes;
	u64 nr_others;
	u64 nr_failed; /* not counted above */
	u64 nr_by_kind[4];
	u64 nr_wrong;
};

void model_open(struct model *m, const struct tgt_type *const *types, const char *spec,
		const struct model_how *how);
void model_close(struct model *m);

/* model_run() - the rounds, and everything is read at the end */
void model_run(struct model *m);

/* model_run_zones() - the same of a zoned disk: each zone in order, some not to the end */
void model_run_zones(struct model *m);

/* model_check_all() - read everything */
void model_check_all(struct model *m);

#endif
