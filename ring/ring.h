/* SPDX-License-Identifier: MIT */
/*
 * io_uring without a library under it. A ring is a struct that the caller
 * owns; ring_init() maps it, ring_exit() unmaps it, and nothing else is
 * allocated. Names and meanings are liburing's where it has one.
 *
 * Not here: threads, locks and event loops. A ring has one thread that submits
 * and reaps; a ring set up with IORING_SETUP_SINGLE_ISSUER is bound to the
 * thread that made it.
 *
 * Every function returns 0 or a count, or -errno.
 */
#ifndef RING_RING_H
#define RING_RING_H

#include "ring/barrier.h"
#include "uapi/io_uring.h"
#include "uapi/types.h"

/**
 * struct ring - one io_uring instance
 *
 * The first 64 bytes are all that preparing and reaping touch. Fields are for
 * reading; the functions below write them.
 */
struct ring {
	struct {
		struct io_uring_sqe *sqes; /* NULL: the ring is not set up */
		u32 *ktail;
		u32 *kflags;
		u32 sqe_head; /* first entry that the kernel has not taken */
		u32 sqe_tail; /* next entry to hand out; both run freely */
	} sq;
	struct {
		struct io_uring_cqe *cqes;
		u32 *khead;
		u32 *ktail;
	} cq;
	u16 sq_mask;
	u16 cq_mask;
	u8 sq_shift; /* entries are 64 << shift bytes: 1 with SQE128 */
	u8 cq_shift; /* entries are 16 << shift bytes: 1 with CQE32 */

	u32 enter_flags; /* that every io_uring_enter of this ring carries */
	s32 enter_fd;	 /* fd, or its index once the ring is registered */
	s32 fd;
	u32 flags;    /* IORING_SETUP_*: what the kernel granted */
	u32 features; /* IORING_FEAT_* */
	u32 sq_entries;
	u32 cq_entries;
	u32 *koverflow; /* completions that the kernel had to drop */
	u32 *cq_kflags; /* IORING_CQ_*, which we write and the kernel reads */
	void *shared;	/* the mapping that the two queues' headers live in */
	u64 shared_len_bytes;
	u64 sqes_len_bytes;

	/* Of ring/op.h, for the caller to set: completions that belong to no op */
	void (*other)(struct ring *r, const struct io_uring_cqe *cqe);
	u64 last_id; /* the newest ring_id() */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct ring, enter_flags) == 64, "the hot half is one cache line");

/**
 * ring_init() - set up a ring and map it
 * @r:       overwritten; on failure it is zeroed and needs no ring_exit()
 * @entries: submission entries; the kernel rounds up to a power of two
 * @p:       flags, cq_entries (with IORING_SETUP_CQSIZE) and wq_fd as the
 *           kernel takes them, the rest zero; filled with the kernel's answer
 *
 * Flags that only make a ring faster are dropped, newest first, when the
 * kernel does not know them: NO_SQARRAY (6.6), DEFER_TASKRUN (6.1),
 * SINGLE_ISSUER (6.0), TASKRUN_FLAG and COOP_TASKRUN (5.19), SUBMIT_ALL (5.18).
 * r->flags says what was granted. Flags that change what the ring means
 * (SQE128, CQE32, CQSIZE ...) are never dropped.
 *
 * Return: 0, or
 *   -EINVAL      the kernel refuses a flag that cannot be dropped, or it
 *                is one not served here: IOPOLL, SQPOLL, NO_MMAP, REGISTERED_FD_ONLY,
 *                SQE_MIXED, CQE_MIXED, SQ_REWIND
 *   -EPERM       io_uring is switched off (sysctl kernel.io_uring_disabled)
 *   -ENOSYS      the kernel has no io_uring, or a seccomp filter hides it
 *   -EOPNOTSUPP  the kernel lacks FEAT_SINGLE_MMAP, NODROP or EXT_ARG (5.11)
 *   -ENOMEM, -EMFILE, -ENFILE
 */
NODISCARD int ring_init(struct ring *r, u32 entries, struct io_uring_params *p);

/* ring_exit() - unmap and close; safe on a zeroed struct and twice. Of a ring
 * whose fd was registered, by the thread that did so. */
void ring_exit(struct ring *r);

/* ring_sq_ready() - entries prepared that the kernel has not taken */
static inline u32 ring_sq_ready(const struct ring *r)
{
	return r->sq.sqe_tail - r->sq.sqe_head;
}

/* ring_sq_space_left() - how many times ring_get_sqe() will succeed now */
static inline u32 ring_sq_space_left(const struct ring *r)
{
	return r->sq_entries - ring_sq_ready(r);
}

/**
 * ring_get_sqe() - the next free submission entry
 *
 * Its content is whatever was there: fill it with a ring_prep_*() function,
 * which writes all of it. Nothing is submitted before ring_submit().
 *
 * Return: the entry, or NULL when all are in use; ring_submit() frees them.
 */
static inline struct io_uring_sqe *ring_get_sqe(struct ring *r)
{
	u32 tail = r->sq.sqe_tail;

	if (tail - r->sq.sqe_head > r->sq_mask)
		return NULL;
	r->sq.sqe_tail = tail + 1;
	return &r->sq.sqes[(size_t)(tail & r->sq_mask) << r->sq_shift];
}

/**
 * ring_submit() - hand every prepared entry to the kernel
 *
 * Return: entries taken (fewer than prepared only when the kernel is short of
 * memory; the rest stay prepared), or -EAGAIN, -EBADR (the kernel had to drop
 * completions), -EEXIST (not the thread that this ring belongs to), ...
 */
NODISCARD int ring_submit(struct ring *r);

/**
 * ring_submit_and_wait() - submit, then wait for @wait_nr completions
 *
 * One system call. Completions that are there already count.
 *
 * Return: as ring_submit(), or -EINTR when a signal came before @wait_nr
 * completions, nothing was submitted by this call and there is no completion at
 * all. (With some, but fewer than @wait_nr, it is 0.)
 */
NODISCARD int ring_submit_and_wait(struct ring *r, u32 wait_nr);

/**
 * ring_submit_and_wait_timeout() - the same, for at most @timeout_ns
 * @timeout_ns: nanoseconds; RING_NO_TIMEOUT waits for ever
 *
 * Return: as ring_submit_and_wait(), or -ETIME when time ran out, nothing was
 * submitted by this call and there is no completion at all.
 */
NODISCARD int ring_submit_and_wait_timeout(struct ring *r, u32 wait_nr, u64 timeout_ns);

#define RING_NO_TIMEOUT (~0ULL)

/* ring_cq_ready() - completions that can be reaped without a system call */
static inline u32 ring_cq_ready(const struct ring *r)
{
	return ring_load_acquire(r->cq.ktail) - *r->cq.khead;
}

/* ring_cq_has_overflow() - completions wait in the kernel for room in the CQ;
 * reap, then enter the kernel once more, by ring_get_events() for instance */
static inline bool ring_cq_has_overflow(const struct ring *r)
{
	return ring_load_relaxed(r->sq.kflags) & IORING_SQ_CQ_OVERFLOW;
}

static inline struct io_uring_cqe *ring_cqe_at(const struct ring *r, u32 head)
{
	return &r->cq.cqes[(size_t)(head & r->cq_mask) << r->cq_shift];
}

/* ring_peek_cqe() - the oldest completion, or NULL when there is none */
static inline struct io_uring_cqe *ring_peek_cqe(const struct ring *r)
{
	u32 head = *r->cq.khead;

	if (ring_load_acquire(r->cq.ktail) == head)
		return NULL;
	return ring_cqe_at(r, head);
}

/**
 * ring_for_each_cqe() - every completion that is there, oldest first
 *
 * What a CQE says must be copied out before ring_cq_advance() gives the
 * entries back, which the caller does after the loop, once.
 */
#define ring_for_each_cqe(r, head, cqe)                                         \
	for (u32 ring_tail_ = ((head) = *(r)->cq.khead, ring_load_acquire((r)->cq.ktail)); \
	     (head) != ring_tail_ && ((cqe) = ring_cqe_at((r), (head)), true); (head)++)

/* ring_cq_advance() - @nr completions have been read and may be overwritten */
static inline void ring_cq_advance(struct ring *r, u32 nr)
{
	ring_store_release(r->cq.khead, *r->cq.khead + nr);
}

/* ring_get_events() - let the kernel post what it has, without waiting */
NODISCARD int ring_get_events(struct ring *r);

#endif
