/* SPDX-License-Identifier: MIT */
/*
 * io_uring without a library under it. A ring is a struct that the caller
 * owns; ring_init() maps it, ring_exit() unmaps it, and nothing else is
 * allocated. Names and meanings are liburing's where it has one.
 *
 *	struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER };
 *	struct ring r;
 *
 *	err = ring_init(&r, 64, &p);
 *	sqe = ring_get_sqe(&r);
 *	ring_prep_read(sqe, fd, buf, sizeof(buf), 0);		(ring/prep.h)
 *	ring_sqe_set_data64(sqe, 1);
 *	err = ring_submit_and_wait(&r, 1);
 *	cqe = ring_peek_cqe(&r);
 *	... cqe->user_data, cqe->res ...
 *	ring_cqe_seen(&r, cqe);
 *	ring_exit(&r);
 *
 * Beside it: ring/wait.h waits in more ways (timeouts, dates, signal masks),
 * ring/register.h is what a ring can be told once, ring/mixed.h is for rings
 * whose entries have two sizes, ring/mem.h for rings in the caller's memory and
 * for rings that change their size.
 *
 * Threads. Not here are threads, locks and event loops. A ring has a side that
 * fills and submits (get_sqe, prep, submit, also with a wait) and a side that
 * reaps (peek, for_each, seen, advance, the waits of ring/wait.h that do not
 * submit). At any time one thread may be on each side, the same or two; two on
 * one side need a lock (ring/guard.h). Of a ring with IORING_SETUP_SINGLE_ISSUER
 * one thread is both sides, the one that made it (with R_DISABLED: that enabled
 * it); others get -EEXIST. A ring whose fd was registered works in the thread
 * that did so and in no other. ring_init(), ring_exit(), resizing and
 * registration want the ring for themselves.
 *
 * A forked child has no ring: its queues are not inherited.
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
 * The first 64 bytes are all that preparing, submitting and reaping touch.
 * Fields are for reading; the functions below write them. Indices run freely,
 * through 2^32, and are masked when an entry is looked at.
 */
struct ring {
	struct {
		struct io_uring_sqe *sqes; /* NULL: the ring has no queues */
		u32 *ktail;
		u32 sqe_tail; /* index of the next entry to hand out */
		u32 sqe_end;  /* where it is full: what the kernel has taken, and a ring more */
	} sq;
	struct {
		struct io_uring_cqe *cqes;
		u32 *khead;
		u32 *ktail;
	} cq;
	u32 sq_mask;
	u32 cq_mask;
	s32 enter_fd;	 /* fd, or its index once the ring is registered */
	u16 enter_flags; /* that every io_uring_enter of this ring carries */
	u8 sq_shift;	 /* entries are 1 << shift bytes: 6, with SQE128 7 */
	u8 cq_shift;	 /* entries are 1 << shift bytes: 4, with CQE32 5 */

	s32 fd;	      /* -1 with IORING_SETUP_REGISTERED_FD_ONLY */
	u32 flags;    /* IORING_SETUP_*: what the kernel granted */
	u32 features; /* IORING_FEAT_* */
	u32 sq_entries; /* 0: the ring is not set up */
	u32 cq_entries;
	u32 *sq_khead;
	u32 *kflags;	/* IORING_SQ_* */
	u32 *kdropped;	/* submissions that named no entry */
	u32 *koverflow; /* completions that the kernel had to drop */
	u32 *cq_kflags; /* IORING_CQ_*, which we write and the kernel reads */
	void *shared;	/* the mapping that the two queues' headers live in */
	u64 shared_len_bytes; /* 0, as the next, when it is the caller's memory */
	u64 sqes_len_bytes;
	u32 no_queue[2]; /* see ring_resize_rings() */

	/* Of ring/op.h, for the caller to set: completions that belong to no op */
	void (*other)(struct ring *r, const struct io_uring_cqe *cqe);
	u64 last_id; /* the newest ring_id() */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct ring, fd) == 64, "the hot half is one cache line");

/**
 * ring_init() - set up a ring and map it
 * @r:       overwritten; on failure it is zeroed and needs no ring_exit()
 * @entries: submission entries; the kernel rounds up to a power of two
 * @p:       flags, cq_entries (with IORING_SETUP_CQSIZE), sq_thread_cpu and
 *           sq_thread_idle (SQPOLL) and wq_fd (ATTACH_WQ) as the kernel takes
 *           them, the rest zero; filled with the kernel's answer
 *
 * Flags that only make a ring faster are dropped, newest first, when the
 * kernel does not know them: SQ_REWIND (7.0), HYBRID_IOPOLL (6.13), NO_SQARRAY
 * (6.6), DEFER_TASKRUN (6.1), SINGLE_ISSUER (6.0), TASKRUN_FLAG and
 * COOP_TASKRUN (5.19), SUBMIT_ALL (5.18). r->flags says what was granted. Flags
 * that change what the ring means are never dropped, and nothing else is added.
 *
 * The flags, and what they ask of the caller:
 *
 *   CQSIZE         p->cq_entries completions instead of 2 * entries
 *   CLAMP          too many entries become the maximum, 32768 and 65536
 *   SUBMIT_ALL     a bad entry does not end a submission (it never does here:
 *                  without this flag it costs another system call)
 *   SINGLE_ISSUER, DEFER_TASKRUN, COOP_TASKRUN  completions cost least with all
 *                  three; one thread, see above, and see "Making progress"
 *   TASKRUN_FLAG   ring_cq_needs_enter() tells when there is work to run
 *   NO_SQARRAY, SQ_REWIND  less shared memory to touch; nothing
 *   SQE128, CQE32  entries of twice the size, for those who use what is in it
 *   SQE_MIXED, CQE_MIXED  only where it is used: ring/mixed.h
 *   SQPOLL         a kernel thread submits, and sleeps when it had nothing to do
 *                  for sq_thread_idle milliseconds (0: a second). With SQ_AFF it
 *                  stays on CPU sq_thread_cpu. See "A thread that submits"
 *   IOPOLL         reads and writes with O_DIRECT on devices that can be
 *                  polled. Nothing completes but in a system call; all other
 *                  operations are -EINVAL, timeouts do not end a wait.
 *                  HYBRID_IOPOLL sleeps first
 *   ATTACH_WQ      shares workers, and the thread of SQPOLL, with ring p->wq_fd
 *   R_DISABLED     ring_submit() is -EBADFD until ring_enable_rings() (or, with
 *                  SQPOLL, without effect); before that is the time for
 *                  restrictions and waiting regions
 *   NO_MMAP, REGISTERED_FD_ONLY  -EINVAL here: ring_init_mem(), ring/mem.h
 *
 * Return: 0, or
 *   -EINVAL      the kernel refuses a flag that cannot be dropped
 *   -EPERM       io_uring is switched off (sysctl kernel.io_uring_disabled)
 *   -ENOSYS      the kernel has no io_uring, or a seccomp filter hides it
 *   -EOPNOTSUPP  the kernel lacks FEAT_SINGLE_MMAP, NODROP or EXT_ARG (5.11)
 *   -ENXIO       ATTACH_WQ: wq_fd is no descriptor
 *   -ENOMEM, -EMFILE, -ENFILE
 */
NODISCARD int ring_init(struct ring *r, u32 entries, struct io_uring_params *p);

/**
 * ring_exit() - unmap and close; safe on a zeroed struct and twice
 *
 * Of a ring whose fd was registered, by the thread that did so. The kernel
 * cancels what is under way after this has returned: memory that requests
 * write to must stay until they are known to have completed.
 *
 * Only this closes r->fd. Closed by others it is lost, while the number goes to
 * the next file that is opened; a thread that waits in the ring is not woken by
 * that, and all later calls are -EBADF.
 */
void ring_exit(struct ring *r);

/* Submitting */

/* ring_sq_ready() - entries prepared that the kernel has not taken */
static inline u32 ring_sq_ready(const struct ring *r)
{
	if (r->flags & IORING_SETUP_SQPOLL)
		return r->sq.sqe_tail - ring_load_acquire(r->sq_khead);
	return r->sq.sqe_tail - (r->sq.sqe_end - r->sq_mask - 1);
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
 * Return: the entry, or NULL when all are in use; ring_submit() frees them (on
 * an SQPOLL ring the kernel's thread does, see ring_sqring_wait())
 */
static inline struct io_uring_sqe *ring_get_sqe(struct ring *r)
{
	u32 tail = r->sq.sqe_tail;
	struct io_uring_sqe *sqe;

	/* The kernel's head is looked at only when it seems to be full: of an
	 * SQPOLL ring it may have moved on, of all others it is the same. */
	if (__builtin_expect(tail == r->sq.sqe_end, 0)) {
		r->sq.sqe_end = ring_load_acquire(r->sq_khead) + r->sq_entries;
		if (tail == r->sq.sqe_end)
			return NULL;
	}
	r->sq.sqe_tail = tail + 1;
	sqe = (void *)((char *)r->sq.sqes + ((size_t)(tail & r->sq_mask) << r->sq_shift));
	if (!sqe) /* saves the caller's test for it a second look */
		__builtin_unreachable();
	return sqe;
}

/**
 * ring_submit() - hand every prepared entry to the kernel
 *
 * An entry that is bad in itself is taken, and its completion says so.
 *
 * Return: entries taken (fewer than prepared only when the kernel is short of
 * memory; the rest stay prepared), or, with nothing taken,
 *   -EAGAIN     the kernel has no memory for a request: reap, try again
 *   -EBADR      a completion was lost for want of memory since the last enter.
 *               It is said once, and only by a call that takes nothing:
 *               ring_cq_overflow() is what counts them
 *   -EEXIST     not the thread that this ring belongs to
 *   -EBADFD     the ring is disabled (R_DISABLED)
 *   -EBADF      its file was closed
 *   -EOWNERDEAD the thread of an SQPOLL ring is gone
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

/* ring_sq_dropped() - entries that the kernel skipped, without a completion,
 * because the index array of a ring without NO_SQARRAY named none. Here the
 * array is written once and right: not 0 means that somebody else wrote to it. */
static inline u32 ring_sq_dropped(const struct ring *r)
{
	return ring_load_relaxed(r->kdropped);
}

/*
 * A thread that submits (SQPOLL). ring_submit() makes the entries visible to
 * it and enters the kernel only when it sleeps; the count returned is of
 * entries handed over. An entry is in use until the thread has taken it, which
 * may be later: a NULL of ring_get_sqe() may then mean to wait a little.
 */

/**
 * ring_sqring_wait() - wait until an SQPOLL ring has a free entry (5.10)
 *
 * Return: how many there are, at least 1, or -EINTR, -EOWNERDEAD. On other rings
 * it does not wait, and 0 means to submit.
 */
NODISCARD int ring_sqring_wait(struct ring *r);

/* Reaping */

/* ring_cq_ready() - completions that can be reaped without a system call */
static inline u32 ring_cq_ready(const struct ring *r)
{
	return ring_load_acquire(r->cq.ktail) - *r->cq.khead;
}

static inline struct io_uring_cqe *ring_cqe_at(const struct ring *r, u32 head)
{
	struct io_uring_cqe *cqe =
		(void *)((char *)r->cq.cqes + ((size_t)(head & r->cq_mask) << r->cq_shift));

	if (!cqe)
		__builtin_unreachable();
	return cqe;
}

/* ring_peek_cqe() - the oldest completion, or NULL when there is none. It never
 * enters the kernel: see "Making progress". */
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
 * entries back, which the caller does after the loop, once. @head is the index
 * of the one that is looked at, so ring_cq_advance_to(r, head) does that after
 * the whole loop, and after a break for those before.
 */
#define ring_for_each_cqe(r, head, cqe)                                         \
	for (u32 ring_tail_ = ((head) = *(r)->cq.khead, ring_load_acquire((r)->cq.ktail)); \
	     (head) != ring_tail_ && ((cqe) = ring_cqe_at((r), (head)), true); (head)++)

/* ring_cq_advance() - @nr completions have been read and may be overwritten */
static inline void ring_cq_advance(struct ring *r, u32 nr)
{
	ring_store_release(r->cq.khead, *r->cq.khead + nr);
}

/* ring_cq_advance_to() - all before the index @head have been */
static inline void ring_cq_advance_to(struct ring *r, u32 head)
{
	ring_store_release(r->cq.khead, head);
}

/* ring_cqe_seen() - the oldest has been, which is @cqe */
static inline void ring_cqe_seen(struct ring *r, const struct io_uring_cqe *cqe)
{
	(void)cqe;
	ring_cq_advance(r, 1);
}

/**
 * ring_peek_batch_cqe() - the oldest @count completions, or as many as there are
 * @cqes: filled; valid until they are given back by ring_cq_advance()
 *
 * When there is none and the kernel has some to post, it is entered for that.
 *
 * Return: how many
 */
u32 ring_peek_batch_cqe(struct ring *r, struct io_uring_cqe **cqes, u32 count);

/*
 * Making progress. Completions appear by themselves, but not always:
 *
 * - With DEFER_TASKRUN they are posted only inside of an enter that asks for
 *   events: a loop that does nothing but peek sees nothing for ever. With
 *   TASKRUN_FLAG as well, ring_cq_needs_enter() says when that is worth it.
 * - With IOPOLL (without SQPOLL) the devices are polled inside of an enter only.
 * - When the CQ is full the kernel keeps what comes in a list, in order, and
 *   posts from there when there is room and somebody enters for events.
 *
 * All waits do that, and ring_submit_and_wait(), also for 0 completions;
 * ring_submit() does not. So a loop that must not sleep is
 *
 *	if (!(cqe = ring_peek_cqe(r)) && ring_cq_needs_enter(r))
 *		err = ring_get_events(r);
 */

/* ring_cq_needs_enter() - the kernel has completions to post, or may have them */
static inline bool ring_cq_needs_enter(const struct ring *r)
{
	return (r->enter_flags & IORING_ENTER_GETEVENTS) ||
	       (ring_load_relaxed(r->kflags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN));
}

/* ring_cq_has_overflow() - completions wait in the kernel for room in the CQ;
 * reap, then enter the kernel once more, by ring_get_events() for instance */
static inline bool ring_cq_has_overflow(const struct ring *r)
{
	return ring_load_relaxed(r->kflags) & IORING_SQ_CQ_OVERFLOW;
}

/* ring_cq_overflow() - completions that are lost: there was no room, and no
 * memory to keep them in. Counts from the start of the ring. */
static inline u32 ring_cq_overflow(const struct ring *r)
{
	return ring_load_relaxed(r->koverflow);
}

/* ring_get_events() - let the kernel post what it has, without waiting; 0 or -errno */
NODISCARD int ring_get_events(struct ring *r);

/* ring_submit_and_get_events() - ring_submit() that does so too, in one call */
NODISCARD int ring_submit_and_get_events(struct ring *r);

/**
 * ring_enter() - io_uring_enter(2) by hand
 * @to_submit: at most that many of the prepared entries
 * @flags:     IORING_ENTER_*, beside those that the ring has anyway
 * @arg:       as @flags want it
 *
 * One system call, nothing is repeated; the ring's books are kept. A @to_submit
 * above what is prepared means all of it, and on an SQPOLL ring any number does.
 *
 * Return: as the kernel answers
 */
NODISCARD int ring_enter(struct ring *r, u32 to_submit, u32 min_complete, u32 flags,
			 const void *arg, size_t arg_len_bytes);

#endif
