/* SPDX-License-Identifier: MIT */
/*
 * Targets that misbehave on demand, to show that a test can fail, and that
 * count what they were asked for, to show that it did look. All are composites
 * with one child and pass through whatever they do not break:
 *
 *	broken?how=stale&every=100:[ram:64M]	wrong once in so many operations
 *	cachesim?lie=flush:[ram:64M]		a volatile cache, honest or not
 *	delay?by=1ms:[ram:64M]			answers later, by the queue's ring
 *
 * They are targets like any other: for the host driver and for a device.
 */
#ifndef SELFTESTS_BROKEN_H
#define SELFTESTS_BROKEN_H

#include "ublk/tgt.h"

enum broken_how {
	BROKEN_NOT,	  /* "not": only counts */
	BROKEN_FLIP,	  /* "flip": one bit of what is read is wrong */
	BROKEN_STALE,	  /* "stale": a read gives what was there before the last write */
	BROKEN_LOST,	  /* "lost": a write is acknowledged and forgotten */
	BROKEN_TORN,	  /* "torn": only the first half of a write lands */
	BROKEN_MISDIRECT, /* "misdirect": a write lands beside its place */
	BROKEN_SHORT,	  /* "short": a read or write does half and says so */
};

/**
 * struct broken_stats - what a target of this file was asked for; atomic counters
 * @nr_broken: how often it misbehaved
 *
 * In shared memory: a process that opened the target before it forked the
 * server reads the server's numbers.
 */
struct broken_stats {
	u64 nr_reads;
	u64 nr_writes;
	u64 nr_flushes;
	u64 nr_fua; /* writes that were FUA, counted in nr_writes too */
	u64 nr_discards;
	u64 nr_write_zeroes;
	u64 nr_others;
	u64 read_bytes;
	u64 write_bytes;
	u64 nr_broken;
};

/* broken_stats() - of the outermost target of this file in the tree, or NULL */
struct broken_stats *broken_stats(const struct tgt_tree *tree);

/* The table for tgt_open(): tgt_types and the three above */
extern const struct tgt_type *const broken_types[];

/*
 * An operation of cachesim alone: the power fails. What was written since the
 * last flush is taken back, each block with even odds (offset_bytes is the seed
 * of the dice, len_bytes 0), or every block when offset_bytes is 0. Nothing
 * else may be in flight. It goes only to the root, by whoever submits operations.
 */
#define BROKEN_POWER_CUT 0xe0

#endif
