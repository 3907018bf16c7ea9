/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the broken targets: an operation as a chain of steps.
 * Each step but the last prepares a sub-operation of the only child and names
 * the step that comes when that has ended, be it inside submit() or later. The
 * chain has one sub-operation, used again and again, and both of op->scratch.
 */
#ifndef SELFTESTS_BROKEN_CHAIN_H
#define SELFTESTS_BROKEN_CHAIN_H

#include "selftests/broken.h"
#include "ublk/tgt.h"

/* A step: returns tgt_finish() or chain_then(); @result is of the one before */
typedef enum tgt_status chain_fn(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				 s64 result);

/* chain_run() - all of a chain from inside submit() */
enum tgt_status chain_run(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, chain_fn *first);

/* chain_sub() - the sub-operation with op's kind and flags and nothing else;
 * what it was before can be read from chain_last() */
struct tgt_op *chain_sub(struct tgt_op *op);
const struct tgt_op *chain_last(const struct tgt_op *op);

/* chain_then() - submit the sub-operation, then go on with @next */
enum tgt_status chain_then(struct tgt_op *op, chain_fn *next);

/* chain_all() - the sub-operation is all of op */
enum tgt_status chain_all(struct tgt_op *op, chain_fn *next);

/* chain_result() - a last step: the child's answer is the answer */
chain_fn chain_result;

/* chain_rewind() - what the child took from the slab is free again: only where
 * nothing else of the same request can be under way */
void chain_rewind(struct tgt_op *op);

/* chain_open() - limits and kinds of data are the child's, which is asked at most
 * @nr_steps times; what it takes from the slab it takes each time */
void chain_open(struct tgt *t, u32 nr_steps);

void broken_count(struct broken_stats *stats, const struct tgt_op *op);
NODISCARD int broken_stats_map(struct broken_stats **stats);
void broken_stats_unmap(struct broken_stats *stats);

extern const struct tgt_type cachesim_target;
extern const struct tgt_type delay_target;
extern const struct tgt_type elastic_target;
extern const struct tgt_type fail_target;
extern const struct tgt_type mangle_target;
extern const struct tgt_type mirror_disordered_target;
extern const struct tgt_type mirror_live_target;
extern const struct tgt_type mirror_unlocked_target;

#endif
