/* SPDX-License-Identifier: MIT */
/*
 * Targets that misbehave on demand, to show that a test can fail, and that
 * count what they were asked for, to show that it did look. All are composites
 * with one child and pass through whatever they do not break:
 *
 *	broken?how=stale&every=100:[ram:64M]	wrong once in so many operations
 *	broken?control=/c:[ram:64M]		as the file says, which others write to
 *	cachesim?lie=flush:[ram:64M]		a volatile cache, honest or not
 *	delay?by=1ms:[ram:64M]			answers later, by the queue's ring
 *	elastic?size=16M:[ram:64M]		another size, messages, numbers
 *	fail:[ram:64M]				answers with errors while it is told to
 *	mangle?what=ref&at=4K:[integrity:[ram:64M]]	wrong metadata at one place
 *	mirror-unlocked:[ram:64M],[ram:64M]	and -disordered, -live: mirrors that are wrong
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
	BROKEN_DEAF,	  /* "deaf": what failed is said to have succeeded */
	BROKEN_TWICE,	  /* "twice": what is answered at once is completed as well */
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

/**
 * struct broken_control - the file of broken?control=FILE, which the target makes
 * @how:   enum broken_how, may be changed at any time; atomic
 * @every: once in so many operations; the same
 *
 * For a disk that some other program serves: counts are read here, too.
 */
struct broken_control {
	struct broken_stats stats;
	u32 how;
	u32 every;
};

/* broken_stats() - of the outermost target of this file in the tree, or NULL */
struct broken_stats *broken_stats(const struct tgt_tree *tree);

/* The table for tgt_open(): tgt_types and those above */
extern const struct tgt_type *const broken_types[];

/*
 * An operation of cachesim alone: the power fails. What was written since the
 * last flush is taken back, each block with even odds (offset_bytes is the seed
 * of the dice, len_bytes 0), or every block when offset_bytes is 0. Nothing
 * else may be in flight. It goes only to the root, by whoever submits operations.
 */
#define BROKEN_POWER_CUT 0xe0

/**
 * broken_fail() - what a fail target answers with an error, from now on
 * @nr:    which of them in the tree, from 0
 * @kinds: 1 << enum tgt_kind for each; 0: all is well again
 * @begin_bytes, @end_bytes: only where an operation touches this; a flush always does
 *
 * Return: how often it has failed so far
 */
u64 broken_fail(const struct tgt_tree *tree, u32 nr, u32 kinds, u64 begin_bytes, u64 end_bytes);

#endif
