/* SPDX-License-Identifier: MIT */
/*
 * A front end without ublk: opens a spec, makes a native ring and submits
 * operations, and checks on the way what every target has promised (done() is
 * called once, for PENDING only and never inside submit(); no more sub-
 * operations, pieces and ring entries than were declared).
 *
 * One thread per driver; several may share a tree. Broken promises fail the
 * running test.
 */
#ifndef SELFTESTS_OPDRIVER_H
#define SELFTESTS_OPDRIVER_H

#include "ring/ring.h"
#include "uapi/rt/pages.h"
#include "ublk/tgt.h"

#define OPD_SLOTS 16 /* operations in flight at a time */

/* Spare sub-operations and pieces, so that using too many is seen, not fatal */
#define OPD_SPARE 64

/* Pieces of an operation's data beside the first, at most */
#define OPD_MORE_PIECES 16

enum opd_state { OPD_FREE, OPD_IN_SUBMIT, OPD_PENDING, OPD_ANSWERED };

/**
 * struct opd_slot - one operation of a test
 * @op: filled by the test, but for done and slab
 */
struct opd_slot {
	struct tgt_op op;
	struct tgt_slab slab;
	enum opd_state state;
};

struct opdriver {
	struct tgt_tree own_tree;
	struct tgt_tree *tree;
	struct ring ring;
	struct tgt_queue q;
	struct tgt_run run;
	struct pages mem;
	struct opd_slot *slots; /* OPD_SLOTS of them */
	u32 nr_pending;
	u64 nr_were_pending; /* operations that did not end inside submit() */
	u64 nr_cqes;
	/* called with each entry before it goes to the kernel; the tail up to where it was */
	void (*meddle)(struct io_uring_sqe *sqe);
	/* called with each completion before its target is */
	void (*saw_cqe)(u64 user_data, s32 res);
	u32 nr_meddled;
	bool catches; /* what is answered twice is counted, and no failure */
	u64 nr_twice;
};

/* opd_open() - open a spec, or fail the test */
void opd_open(struct opdriver *d, const struct tgt_type *const *types, const char *spec);

/* opd_attach() - a queue on a tree that is open, which stays the caller's */
void opd_attach(struct opdriver *d, struct tgt_tree *tree, u32 queue_idx);

/* opd_close() - undoes either; nothing may be in flight */
void opd_close(struct opdriver *d);

/* opd_slot() - a free slot with its operation zeroed */
struct opd_slot *opd_slot(struct opdriver *d);

/* opd_start() - submit it; true: it is answered already */
bool opd_start(struct opdriver *d, struct opd_slot *slot);

/* opd_wait() - until it is answered; frees the slot and gives the result */
s64 opd_wait(struct opdriver *d, struct opd_slot *slot);

/* opd_step() - submit, wait for one completion if any is due, call done() */
void opd_step(struct opdriver *d);

/* opd_poll() - the same without waiting, for what targets do by themselves */
void opd_poll(struct opdriver *d);

/* One operation with its data in one stretch of memory; the result */
s64 opd_read(struct opdriver *d, u64 offset_bytes, void *mem, u64 len_bytes);
s64 opd_write(struct opdriver *d, u64 offset_bytes, const void *mem, u64 len_bytes, u32 flags);
s64 opd_simple(struct opdriver *d, u8 kind, u64 offset_bytes, u64 len_bytes, u32 flags);

/* The same with the data in @nr_pieces */
s64 opd_pieces(struct opdriver *d, u8 kind, u64 offset_bytes, u64 len_bytes,
	       struct tgt_piece *pieces, u32 nr_pieces);

/* opd_limits() - what the root is like */
const struct tgt_limits *opd_limits(const struct opdriver *d);

#endif
