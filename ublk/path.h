/* SPDX-License-Identifier: MIT */
/*
 * Paths: the ways in which the bytes of a request move between the kernel and
 * the target. The kernel's device is made for one of them. Internal to ublk/:
 * ublk/queue.c has the requests, a path_*.c says where their bytes are.
 *
 *	path		what moves the bytes				target gets
 *	copy		the kernel, to and from a buffer of ours	memory
 *	get-data	the same, the place told request by request	memory
 *	user-copy	we, by pread and pwrite on /dev/ublkcN		a file
 *	user-copy-ring	we, by entries of the ring			memory
 *	zero-copy	nobody: its pages become a registered buffer	a buffer's number
 *	auto-buf-reg	the same, done by the kernel (6.16)		a buffer's number
 *
 * A target that cannot take what a path gives gets a copy in memory.
 */
#ifndef UBLK_PATH_H
#define UBLK_PATH_H

#include "ring/prep.h"
#include "ublk/queue.h"
#include "ublk/stats_count.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* What an entry of the front end was for: bits 1 to 5 of its user_data, over the
 * address of the tag (worker for BELL); bit 0 is TGT_USER_DATA_FRONT. */
enum ublk_step {
	UBLK_STEP_TAG, /* FETCH, COMMIT_AND_FETCH: a request */
	UBLK_STEP_PLAIN, /* the same, which is served without looking further if it can be */
	UBLK_STEP_BELL,
	UBLK_STEP_WATCH,
	UBLK_STEP_CALL, /* over the address of the loop */
	UBLK_STEP_FETCH, /* FETCH_IO_CMDS, COMMIT_IO_CMDS: of a struct ublk_batch */
	UBLK_STEP_COMMIT,
	UBLK_STEP_PATH, /* and above: the path's own */
};

/**
 * struct ublk_tag - one request slot
 * @op:      first and aligned, so that one is found from the other
 * @commit:  COMMIT_AND_FETCH of it, but for the result
 * @begin_ticks: when its request began; 0: it has none. Others look at it
 * @counts:  of its queue and thread: reads, and writes
 * @stats:   and the rest
 * @desc:    what is asked
 * @buf:     its buffer: setup->max_io_bytes, never touched by an idle device
 * @file_at: where its bytes are behind /dev/ublkcN
 * @addr:    what its next FETCH or COMMIT says
 * @buf_reg: the same, in sqe->addr (AUTO_BUF_REG)
 * @batch:   its queue's, or NULL: it has commands of its own
 * @is_registered: by us, to be undone when it is committed
 * @is_linked: its commit hangs on an entry before it, and is cancelled when that fails
 */
struct ublk_tag {
	struct tgt_op op;
	struct io_uring_sqe commit;
	struct tgt_slab slab;
	u64 begin_ticks;
	struct ublk_stats_count *counts[2];
	struct ublk_stats_slot *stats;
	const struct ublksrv_io_desc *desc;
	char *buf;
	u64 addr;
	u64 buf_reg;
	u64 file_at;
	struct ublk_batch *batch;
	struct tgt_piece meta;
	u16 q_id;
	u16 tag;
	u16 buf_index;
	bool is_registered;
	bool is_linked;
};

/**
 * struct ublk_path - one way
 * @flags:   UBLK_F_* that the device needs for it
 * @kind:    enum tgt_data_kind that a target gets if it can take that
 * @nr_sqes: entries of the ring that a tag can have under way, its commit among them
 * @uses_memfd: the buffers are a file as well
 * @init:    a tag, before its first FETCH
 * @begin:   a request that moves bytes: say where they are, and then or later
 *           ublk_request_submit()
 * @end:     the target has answered such a request: then or later ublk_request_commit().
 *           NULL: at once
 * @cqe:     an entry with UBLK_STEP_PATH or above; NULL: has none
 */
struct ublk_path {
	const char *name;
	u64 flags;
	u8 kind;
	u8 nr_sqes;
	bool uses_memfd;
	void (*init)(struct ublk_worker *w, struct ublk_tag *t);
	void (*begin)(struct ublk_worker *w, struct ublk_tag *t);
	void (*end)(struct ublk_worker *w, struct ublk_tag *t);
	void (*cqe)(struct ublk_worker *w, struct ublk_tag *t, u32 step, s32 res);
};

extern const struct ublk_path ublk_path_copy;
extern const struct ublk_path ublk_path_get_data;
extern const struct ublk_path ublk_path_user_copy;
extern const struct ublk_path ublk_path_user_copy_ring;
extern const struct ublk_path ublk_path_zero_copy;
extern const struct ublk_path ublk_path_auto_buf_reg;

/**
 * ublk_path_choose() - the one that was asked for, or the fastest that suits
 * @wanted:   enum ublk_mode of ublk/dev.h
 * @features: UBLK_F_* that the kernel has, and the device may have
 * @with:     UBLK_F_BATCH_IO, UBLK_F_SHMEM_ZC, and UBLK_F_PER_IO_DAEMON for more threads
 *            than queues: what it has to go with
 *
 * Return: the path, whose flags may be more than @features when it was asked for;
 * NULL with *why when it cannot serve such a disk
 */
const struct ublk_path *ublk_path_choose(u32 wanted, const struct tgt *tgt, u64 features,
					 u64 with, struct diag *why);

/* ublk_mode_of() - its enum ublk_mode */
u32 ublk_mode_of(const struct ublk_path *path);

static inline struct ublk_worker *ublk_worker_of(struct tgt_queue *tq)
{
	return CONTAINER_OF(tq, struct ublk_worker, tq);
}

/* ublk_request_submit() - its bytes are where t->op.data says: to the target */
void ublk_request_submit(struct ublk_worker *w, struct ublk_tag *t);

/* ublk_request_commit() - answer the kernel with t->op.result */
void ublk_request_commit(struct ublk_worker *w, struct ublk_tag *t);

/* ublk_request_uncommitted() - its commit was cancelled: commit that it failed */
void ublk_request_uncommitted(struct ublk_worker *w, struct ublk_tag *t);

/* ublk_request_aborted() - the kernel has taken the tag back in the middle */
void ublk_request_aborted(struct ublk_worker *w, struct ublk_tag *t);

/* ublk_request_sqe() - an entry, of a chain of at most @nr that are to follow
 * each other */
struct io_uring_sqe *ublk_request_sqe(struct ublk_worker *w, u32 nr);

/* ublk_request_own() - its completion comes to the tag, with UBLK_STEP_PATH + @step */
static inline void ublk_request_own(struct io_uring_sqe *sqe, struct ublk_tag *t, u32 step)
{
	ring_sqe_set_data64(sqe, (u64)(uintptr_t)t | (u64)(UBLK_STEP_PATH + step) << 1 |
					 TGT_USER_DATA_FRONT);
}

/* ublk_request_cmd() - one of the driver's commands about a tag: GET_DATA,
 * REGISTER_IO_BUF ...; its completion as above */
void ublk_request_cmd(struct ublk_worker *w, struct ublk_tag *t, struct io_uring_sqe *sqe,
		      u32 cmd_op, u64 addr, u32 step);

/* ublk_request_is_in() - the requester's bytes come to us: a write of any kind */
static inline bool ublk_request_is_in(const struct ublk_tag *t)
{
	return t->op.kind == TGT_WRITE || t->op.kind == TGT_ZONE_APPEND;
}

/* ublk_request_bounces() - the target wants memory, and this path has none */
static inline bool ublk_request_bounces(const struct ublk_worker *w, const struct ublk_tag *t)
{
	const struct tgt *tgt = w->tgt;

	return !(tgt->data_kinds >> w->path->kind & 1) || t->op.kind == TGT_REPORT_ZONES ||
	       (tgt->needs_snapshot && ublk_request_is_in(t));
}

/* ublk_request_place() - memory for its bytes: the target's own, or the buffer */
static inline void *ublk_request_place(const struct ublk_worker *w, const struct ublk_tag *t)
{
	void *mem = w->tgt->direct ? w->tgt->direct(w->tgt, &t->op) : NULL;

	return mem ? mem : t->buf;
}

#endif
