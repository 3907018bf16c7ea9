/* SPDX-License-Identifier: MIT */
/*
 * Requests that know what to do when they complete. An op is a callback in a
 * struct of the caller's; its address is the request's user_data, and
 * ring_dispatch() runs the callbacks in the order of the completions.
 * ring_call() makes one request synchronous while the others go on.
 *
 * Optional: nothing in the core refers to this. The thread that owns the ring
 * calls it, callbacks run in ring_dispatch(), ring_turn() and ring_call() and
 * nowhere else, and nothing is allocated.
 *
 * Ops and other user_data share a ring: the lowest bit of user_data is set for
 * an op and must be clear in anything else. So pointers to structs, ring_id()
 * and 0 are never taken for an op; a completion with one of those goes to
 * r->other, and is dropped when that is NULL.
 */
#ifndef RING_OP_H
#define RING_OP_H

#include "ring/ring.h"

/**
 * struct ring_op - what happens at each completion of a request
 * @done: gets the op, the result and IORING_CQE_F_*
 *
 * The struct stays until the last completion, the one without
 * IORING_CQE_F_MORE in its flags; in that callback, or after it, it may be
 * freed or submitted again. Requests without multishot complete once; a
 * zero-copy send completes twice (result, then IORING_CQE_F_NOTIF).
 *
 * done() may prepare, submit, dispatch and ring_call(). Its own completion has
 * left the queue before, and a dispatch inside of it goes on with the next one.
 * ring_exit() runs no callbacks.
 */
struct ring_op {
	void (*done)(struct ring_op *op, s32 res, u32 cqe_flags);
};

/* user_data of a request that nobody wants to hear of */
#define RING_OP_NONE 1ULL

/* ring_op_data() - the user_data that stands for an op: for ring_prep_cancel64(),
 * or as the message by which another ring runs the op on this one (MSG_RING) */
static inline u64 ring_op_data(const struct ring_op *op)
{
	return (u64)(uintptr_t)op | RING_OP_NONE;
}

/* ring_sqe_set_op() - op->done() runs when this request completes */
static inline void ring_sqe_set_op(struct io_uring_sqe *sqe, const struct ring_op *op)
{
	sqe->user_data = ring_op_data(op);
}

/* ring_id() - a number that no other request of this ring has had, for programs
 * that tell requests by number: even, growing from 2 or ring_set_id() */
static inline u64 ring_id(struct ring *r)
{
	return r->last_id += 2;
}

/* ring_set_id() - the next ring_id() is the first even number above @id */
static inline void ring_set_id(struct ring *r, u64 id)
{
	r->last_id = id & ~1ULL;
}

/* ring_sqe_set_id() - give the request a number, which is returned; its
 * completion goes to r->other with it as user_data */
static inline u64 ring_sqe_set_id(struct ring *r, struct io_uring_sqe *sqe)
{
	return sqe->user_data = ring_id(r);
}

/**
 * ring_op_sqe() - ring_get_sqe() that makes room by submitting
 *
 * For whoever does not know what else is prepared. A chain of linked entries
 * that is not complete would be cut: take its entries with ring_get_sqe(),
 * after a look at ring_sq_space_left().
 *
 * Return: the entry, or NULL when the kernel takes none of those prepared
 */
struct io_uring_sqe *ring_op_sqe(struct ring *r);

/**
 * ring_op_prep() - ring_op_sqe() with an entry of the common shape in it
 * @user_data: ring_op_data(), RING_OP_NONE, or a ring_id()
 *
 * As ring_prep_rw() writes it, but not inline: for code that is to be small.
 *
 * Return: the entry, or NULL as ring_op_sqe()
 */
struct io_uring_sqe *ring_op_prep(struct ring *r, u64 user_data, u8 opcode, s32 fd,
				  const void *addr, u32 len, u64 offset);

/* ring_op_cancel() - prepare a request that cancels the one of @op, and completes with
 * @user_data; -EAGAIN when there is no entry for it */
NODISCARD int ring_op_cancel(struct ring *r, const struct ring_op *op, u64 user_data);

/**
 * ring_dispatch() - run the callbacks of completions that are there
 * @max: how many at most; ~0U for all, also those that arrive meanwhile
 *
 * Does not enter the kernel: to submit, to wait, to have deferred work run and
 * overflown completions posted, see ring_turn().
 *
 * Return: how many were taken off the queue
 */
u32 ring_dispatch(struct ring *r, u32 max);

/**
 * ring_turn() - one turn of an event loop: submit, wait, dispatch
 * @timeout_ns: how long to wait for the first completion; RING_NO_TIMEOUT for ever
 *
 * One system call. Dispatches what is there at its end, 0 included when there
 * was something to submit and time ran out.
 *
 * Return: completions dispatched, or with none
 *   -ETIME  time ran out
 *   -EINTR  a signal came
 *   ...     as ring_submit(); -EBADR also after some were dispatched
 */
NODISCARD int ring_turn(struct ring *r, u64 timeout_ns);

/* ring_deadline_ns() - the date (CLOCK_MONOTONIC) that is @timeout_ns away,
 * RING_NO_TIMEOUT when there is none: for loops around ring_turn() */
u64 ring_deadline_ns(u64 timeout_ns);

/* ring_left_ns() - how far away it is now, 0 when it has passed */
u64 ring_left_ns(u64 deadline_ns);

/**
 * ring_call_timeout() - submit, and wait for one request's result
 * @sqe:        from ring_get_sqe() or ring_op_sqe(), filled and not yet submitted;
 *              its user_data is overwritten, IOSQE_CQE_SKIP_SUCCESS taken off.
 *              NULL gives -EBUSY, so that a full queue needs no test.
 * @timeout_ns: after that time the request is cancelled; RING_NO_TIMEOUT never
 * @cqe_flags:  out: IORING_CQE_F_* of the result; may be NULL
 *
 * Everything else that is prepared is submitted too, and completions of other
 * requests are dispatched meanwhile. Returns when the kernel is done with the
 * request: after a timeout it waits for the cancelled request as well, which is
 * short for whatever waits for an event, and as long as it takes for a disk.
 * (It cannot cancel a request that is linked behind another one before that
 * has completed; and an IOPOLL ring knows neither times nor cancels.) Signals do
 * not end the wait.
 *
 * Of a request that completes several times the first result counts, and the
 * call returns after the last one.
 *
 * Return: the request's result, a count or -errno, or
 *   -ETIME  cancelled because of @timeout_ns
 *   -EBUSY  @sqe is NULL
 *   -EAGAIN, -EEXIST, -EBADFD ... as ring_submit(): the request was not
 *           submitted, and its entry has become a nop
 *   -EBADR, -EBADF, -EOWNERDEAD  the ring broke while the request was in
 *           flight; there is nothing to do with this ring but ring_exit()
 */
NODISCARD int ring_call_timeout(struct ring *r, struct io_uring_sqe *sqe, u64 timeout_ns,
				u32 *cqe_flags);

/* ring_call() - the same, for as long as it takes */
NODISCARD static inline int ring_call(struct ring *r, struct io_uring_sqe *sqe)
{
	return ring_call_timeout(r, sqe, RING_NO_TIMEOUT, NULL);
}

/* ring_call_copy() - the same with an entry of 64 bytes that the caller has filled on
 * its stack; takes one of the ring's by ring_op_sqe(), -EBUSY when there is none */
NODISCARD int ring_call_copy(struct ring *r, const struct io_uring_sqe *sqe);

#endif
