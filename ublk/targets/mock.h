/* SPDX-License-Identifier: MIT */
/*
 * A mock: a target that writes down what it is asked for and answers as it is told,
 * for tests of programs that use disks, of composites and of front ends.
 *
 *	static u8 bytes[1 << 20];
 *	static struct tgt_mock_op log[100];
 *	static struct tgt_mock_rule rules[] = {
 *		{ .kind = TGT_WRITE, .nth = 2, .err = -ENOSPC },
 *		{ .kind = TGT_FLUSH, .nth = 1, .holds = true },
 *	};
 *	struct tgt_mock mock = {
 *		.limits = { .size_bytes = sizeof(bytes) }, .mem = bytes,
 *		.log = log, .max_log = 100, .rules = rules, .nr_rules = 2,
 *	};
 *
 *	err = tgt_mock_open(&tree, &mock, &why);
 *	...					tgt_disk_attach(), or struct ublk_dev_opts.tree
 *	tgt_mock_count(&mock, TGT_FLUSH); log[0].offset_bytes; ...
 *	tgt_mock_release(&mock, 0);		the flush is answered now
 *
 * Threads: any number of queues. An operation that is held is released by the thread
 * of its queue, which turns the queue then: a thread that waits in it would sleep on.
 */
#ifndef UBLK_TARGETS_MOCK_H
#define UBLK_TARGETS_MOCK_H

#include "ublk/tgt.h"

/* struct tgt_mock_op - an operation as it came; data_hash: of a write's bytes, or 0 */
struct tgt_mock_op {
	u8 kind;
	u32 flags;
	u32 queue_idx;
	u32 nr_pieces;
	u64 offset_bytes;
	u64 len_bytes;
	u64 data_hash;
};

#define TGT_MOCK_ANY 0xff

/**
 * struct tgt_mock_rule - what is answered
 * @kind:  TGT_READ, ... or TGT_MOCK_ANY
 * @nth:   of those that the rule is about, from 1; 0: each of them
 * @err:   -errno; 0: done as a disk would do it
 * @holds: it stays unanswered until tgt_mock_release()
 * @begin_bytes, @end_bytes: only operations that touch this range; 0, 0: any
 *
 * All rules count what they are about; of those that hit the first one says.
 */
struct tgt_mock_rule {
	u8 kind;
	bool holds;
	u32 nth;
	s32 err;
	u64 begin_bytes;
	u64 end_bytes;
	u32 nr_seen; /* its own; atomic */
};

/**
 * struct tgt_mock - the caller's, alive and in its place until tgt_close()
 * @limits: size_bytes is needed; blocks of 512 bytes when there are none
 * @mem:    limits.size_bytes of it (max_size_bytes); NULL: writes are forgotten, reads
 *          are zeroes
 * @log:    max_log of them; what comes when it is full is counted only
 * @max_size_bytes: how far it may be resized; 0: not at all
 * @hashes: fill data_hash
 * @needs_snapshot: see struct tgt
 */
struct tgt_mock {
	struct tgt_limits limits;
	void *mem;
	struct tgt_mock_op *log;
	u32 max_log;
	u32 nr_rules;
	struct tgt_mock_rule *rules;
	u64 max_size_bytes;
	bool hashes;
	bool needs_snapshot;
	/* its own */
	u32 nr_ops;	 /* that came; atomic */
	u32 nr_queues;	 /* that are open; atomic */
	u32 is_locked;
	u32 nr_held;
	struct tgt_op *held; /* the oldest first */
	struct tgt_op **held_last;
};

/**
 * tgt_mock_open() - make it a tree of one target
 *
 * Return: 0, or -EINVAL (a size that is 0 or no whole blocks), -ENOMEM
 */
NODISCARD int tgt_mock_open(struct tgt_tree *tree, struct tgt_mock *mock, struct diag *why);

/* tgt_mock_nr_logged() - entries of the log that are filled */
u32 tgt_mock_nr_logged(const struct tgt_mock *mock);

/* tgt_mock_count() - operations of a kind in the log; TGT_MOCK_ANY */
u32 tgt_mock_count(const struct tgt_mock *mock, u8 kind);

/* tgt_mock_forget() - empty the log and have the rules count from 0 */
void tgt_mock_forget(struct tgt_mock *mock);

/**
 * tgt_mock_release() - do and answer one that is held
 * @nth: from 0, in the order in which they came; so others may be answered first
 *
 * Return: whether there was one
 */
bool tgt_mock_release(struct tgt_mock *mock, u32 nth);

/* tgt_mock_hash() - what data_hash of these bytes is: FNV-1a in 64 bits */
u64 tgt_mock_hash(const void *mem, u64 len_bytes);

#endif
