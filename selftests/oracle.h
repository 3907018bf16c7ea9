/* SPDX-License-Identifier: MIT */
/*
 * What a disk should hold, block by block: the judge of every read-back.
 *
 * Each block that is written carries its generation, its position and a
 * payload that follows from both and from the seed, so that a wrong block says
 * what is wrong with it: an old generation is a stale read or a lost write,
 * another position is a misdirected write, a payload that does not fit its
 * head is torn or flipped. A block is accepted when its generation is between
 * the oldest that may be there and the newest that was written; the two differ
 * after a failed write or a power cut, until a read has shown what is there.
 *
 * Knows neither targets nor devices: a test tells it what it does, before and
 * after. The state is in shared memory, so a child made by fork may judge.
 *
 * Threads: several may use it, each for blocks of its own. Blocks that have a
 * write in flight are not read.
 */
#ifndef SELFTESTS_ORACLE_H
#define SELFTESTS_ORACLE_H

#include "uapi/rt/diag.h"
#include "uapi/types.h"

/**
 * struct oracle_block - generations of one block; 0 is the zeroes of a new disk
 * @issued:    the last that was given out
 * @oldest, @newest: what may be there
 * @durable:   what at least survives a power cut
 * @zero:      the last that is zeroes and not data
 * @acked_at:  flush epoch in which newest was acknowledged
 */
struct oracle_block {
	u32 issued;
	u32 oldest;
	u32 newest;
	u32 durable;
	u32 zero;
	u32 acked_at;
};

struct oracle {
	u64 seed;
	u64 size_bytes;
	u32 block_bytes;
	u32 epoch; /* flushes begun; atomic */
	bool zeroes_after_discard; /* or anything, as a disk may */
	struct oracle_block *blocks;
	u64 mem_len_bytes;
	u64 nr_checked; /* blocks; atomic */
};

/**
 * oracle_init() - of a disk that is all zeroes
 * @block_bytes: a power of two from 512 on
 *
 * Return: 0, or -EINVAL, -ENOMEM
 */
NODISCARD int oracle_init(struct oracle *o, u64 size_bytes, u32 block_bytes, u64 seed);
void oracle_exit(struct oracle *o);

/* oracle_write_begin() - fill @mem with what is to be written there */
void oracle_write_begin(struct oracle *o, u64 offset_bytes, void *mem, u64 len_bytes);

/* oracle_write_end() - it was answered: @ok, and durable by itself (FUA) or not */
void oracle_write_end(struct oracle *o, u64 offset_bytes, u64 len_bytes, bool ok, bool fua);

/* The same for what makes zeroes. A discard may leave anything, see above */
void oracle_zero_begin(struct oracle *o, u64 offset_bytes, u64 len_bytes);
void oracle_zero_end(struct oracle *o, u64 offset_bytes, u64 len_bytes, bool ok, bool is_discard);

/* A flush covers what was acknowledged before it began; the token joins the two */
NODISCARD u32 oracle_flush_begin(struct oracle *o);
void oracle_flush_end(struct oracle *o, u32 token, bool ok);

/* oracle_power_cut() - whatever no acknowledged flush has covered may be gone */
void oracle_power_cut(struct oracle *o);

/**
 * oracle_check() - judge what was read
 *
 * Return: 0, or -EILSEQ with *why naming the block and what is wrong with it
 */
NODISCARD int oracle_check(struct oracle *o, u64 offset_bytes, const void *mem, u64 len_bytes,
			   struct diag *why);

/* What a test does next */

enum oracle_kind { ORACLE_READ, ORACLE_WRITE, ORACLE_FLUSH, ORACLE_DISCARD, ORACLE_ZERO };

/**
 * struct oracle_mix - how often what, of the sum of all
 * @max_blocks: of one operation
 * @fua_of_16:  of 16 writes so many are FUA
 */
struct oracle_mix {
	u32 read;
	u32 write;
	u32 flush;
	u32 discard;
	u32 zero;
	u32 max_blocks;
	u32 fua_of_16;
};

struct oracle_op {
	enum oracle_kind kind;
	u64 offset_bytes;
	u64 len_bytes;
	bool fua;
	bool nounmap; /* ORACLE_ZERO: keep the space */
};

/* oracle_random() - the next number of a sequence; *state is its seed, not 0 */
u64 oracle_random(u64 *state);

/* oracle_below() - a number below @end, which is not 0 */
u64 oracle_below(u64 *state, u64 end);

/* oracle_pick() - a random operation within the given range, whole blocks */
void oracle_pick(const struct oracle *o, u64 *state, const struct oracle_mix *mix, u64 begin_bytes,
		 u64 end_bytes, struct oracle_op *op);

#endif
