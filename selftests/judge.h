/* SPDX-License-Identifier: MIT */
/*
 * The oracle's operations through the host driver: each with its data in a few
 * pieces of odd lengths, with guard bytes between them, and every answer judged.
 */
#ifndef SELFTESTS_JUDGE_H
#define SELFTESTS_JUDGE_H

#include "selftests/opdriver.h"
#include "selftests/oracle.h"

#define JUDGE_MAX_PIECES 16

/* Where a target finds the data of an operation; not for one with fewer data_kinds */
enum judge_data {
	JUDGE_MEM,
	JUDGE_BLOCKS, /* memory, whole blocks from an aligned address on */
	JUDGE_FILE,   /* a memfd */
	JUDGE_FIXED,  /* the driver's registered buffer 0, as JUDGE_BLOCKS */
};

struct judge {
	enum judge_data data; /* set by judge_use_data() */
	s32 file;
	struct opdriver *d;
	struct oracle *o;
	u64 random;
	u32 max_pieces;
	u64 max_io_bytes;
	u8 *linear;    /* the bytes of an operation in order */
	u8 *scattered; /* and where the target sees them */
	struct pages mem;
	struct tgt_piece pieces[JUDGE_MAX_PIECES];
	u64 nr_reads;
	u64 nr_writes;
};

/* judge_init() - @seed says which pieces; the driver and the oracle must stay */
void judge_init(struct judge *j, struct opdriver *d, struct oracle *o, u64 max_io_bytes,
		u32 max_pieces, u64 seed);
void judge_exit(struct judge *j);

/* judge_use_data() - from now on; JUDGE_MEM is the default */
void judge_use_data(struct judge *j, enum judge_data data);

/**
 * judge_op() - do it and judge the answer
 *
 * Return: 0, or with *why
 *   -EILSEQ  the bytes are wrong
 *   -EPROTO  the result is none that the operation may have
 *   -EFAULT  memory outside the pieces was written to, or the bytes of a write
 */
NODISCARD int judge_op(struct judge *j, const struct oracle_op *op, struct diag *why);

/* judge_all() - read everything back */
NODISCARD int judge_all(struct judge *j, struct diag *why);

#endif
