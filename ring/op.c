/* SPDX-License-Identifier: MIT */
/* Completion callbacks, and the synchronous call on top of them. */
#include "ring/op.h"

#include <asm/errno.h>
#include <linux/time.h>

#include "ring/mixed.h"
#include "ring/prep.h"
#include "uapi/sys.h"

#define CANCEL_AGAIN_NS 100000000

/* A request, and the request to cancel it: which of the two are in flight? */
enum { REQUEST = 1, CANCEL = 2 };

struct call {
	struct ring_op op;
	struct ring_op cancel;
	s32 res;
	u32 cqe_flags;
	bool has_result;
	u8 in_flight;
};

struct io_uring_sqe *ring_op_sqe(struct ring *r)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);
	int ret;

	if (sqe || ring_submit(r) < 0)
		return sqe;
	/* The thread of an SQPOLL ring takes its time. */
	do
		ret = ring_sqring_wait(r);
	while (ret == -EINTR);
	return ring_get_sqe(r);
}

struct io_uring_sqe *ring_op_prep(struct ring *r, u64 user_data, u8 opcode, s32 fd,
				  const void *addr, u32 len, u64 offset)
{
	struct io_uring_sqe *sqe = ring_op_sqe(r);

	if (sqe) {
		ring_prep_rw(opcode, sqe, fd, addr, len, offset);
		sqe->user_data = user_data;
	}
	return sqe;
}

int ring_op_cancel(struct ring *r, const struct ring_op *op, u64 user_data)
{
	const void *target = (const void *)(uintptr_t)ring_op_data(op);

	return ring_op_prep(r, user_data, IORING_OP_ASYNC_CANCEL, -1, target, 0, 0) ? 0 : -EAGAIN;
}

/*
 * An entry is given back before its callback runs: that one may dispatch, or
 * wait for completions that need the room.
 */
static bool dispatch_one(struct ring *r)
{
	union {
		struct io_uring_cqe cqe;
		u64 words[4];
	} copy;
	struct io_uring_cqe *cqe = ring_peek_cqe_mixed(r);
	struct ring_op *op;
	u32 nr_slots;

	if (!cqe)
		return false;
	nr_slots = ring_cqe_step(r, cqe);
	__builtin_memcpy(&copy, cqe, (size_t)nr_slots << r->cq_shift);
	ring_cq_advance(r, nr_slots);
	if (!(copy.cqe.user_data & RING_OP_NONE)) {
		if (r->other)
			r->other(r, &copy.cqe);
		return true;
	}
	op = (struct ring_op *)(uintptr_t)(copy.cqe.user_data - RING_OP_NONE);
	if (op)
		op->done(op, copy.cqe.res, copy.cqe.flags);
	return true;
}

u32 ring_dispatch(struct ring *r, u32 max)
{
	u32 nr = 0;

	while (nr < max && dispatch_one(r))
		nr++;
	return nr;
}

int ring_turn(struct ring *r, u64 timeout_ns)
{
	int err = ring_submit_and_wait_timeout(r, 1, timeout_ns);
	u32 nr = ring_dispatch(r, ring_cq_ready(r));

	/* That one is said once; others come again. */
	return err == -EBADR || (err < 0 && !nr) ? err : (int)nr;
}

/* Of several results the first one counts: the others are what becomes of it. */
static void call_done(struct ring_op *op, s32 res, u32 cqe_flags)
{
	struct call *c = CONTAINER_OF(op, struct call, op);

	if (!c->has_result) {
		c->has_result = true;
		c->res = res;
		c->cqe_flags = cqe_flags;
	}
	if (!(cqe_flags & IORING_CQE_F_MORE))
		c->in_flight &= (u8)~REQUEST;
}

static void cancel_done(struct ring_op *op, s32 res, u32 cqe_flags)
{
	(void)res;
	(void)cqe_flags;
	CONTAINER_OF(op, struct call, cancel)->in_flight &= (u8)~CANCEL;
}

/* With no room for it there is a next time. */
static void cancel(struct ring *r, struct call *c)
{
	if (!(c->in_flight & CANCEL) && !ring_op_cancel(r, &c->op, ring_op_data(&c->cancel)))
		c->in_flight |= CANCEL;
}

static u64 now_ns(void)
{
	struct __kernel_timespec ts = { .tv_sec = 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

u64 ring_deadline_ns(u64 timeout_ns)
{
	u64 now = timeout_ns == RING_NO_TIMEOUT ? 0 : now_ns();

	return timeout_ns < RING_NO_TIMEOUT - now ? now + timeout_ns : RING_NO_TIMEOUT;
}

u64 ring_left_ns(u64 deadline_ns)
{
	u64 now;

	if (deadline_ns == RING_NO_TIMEOUT)
		return RING_NO_TIMEOUT;
	now = now_ns();
	return deadline_ns > now ? deadline_ns - now : 0;
}

static int submit_and_wait(struct ring *r, u64 deadline_ns)
{
	return ring_submit_and_wait_timeout(r, 1, ring_left_ns(deadline_ns));
}

/* Is the ring still there? Time, signals, and a kernel that is busy, pass. */
static bool is_passing(int err)
{
	return err >= 0 || err == -ETIME || err == -EINTR || err == -EAGAIN || err == -EBUSY;
}

/* Slots from this entry to the end of those prepared, itself included */
static u32 slots_from(const struct ring *r, const struct io_uring_sqe *sqe)
{
	u32 slot = (u32)(((const char *)sqe - (const char *)r->sq.sqes) >> r->sq_shift);

	return ((r->sq.sqe_tail - slot - 1) & r->sq_mask) + 1;
}

/* The thread of an SQPOLL ring takes it sooner or later, unless there is an error. */
static bool is_taken(const struct ring *r, u32 nr_from, int err)
{
	return ring_sq_ready(r) < nr_from || (r->flags & IORING_SETUP_SQPOLL && is_passing(err));
}

/*
 * Makes a nop of it: what it points to goes away, and entries around it may be
 * others'. It may have moved, to a lower slot of a ring with SQ_REWIND.
 */
static void take_back(struct ring *r, u32 nr_from)
{
	size_t slot = (r->sq.sqe_tail - nr_from) & r->sq_mask;
	struct io_uring_sqe *sqe = (void *)((char *)r->sq.sqes + (slot << r->sq_shift));
	bool is_large = sqe->opcode == IORING_OP_NOP128 || sqe->opcode == IORING_OP_URING_CMD128;

	ring_prep_rw(is_large ? IORING_OP_NOP128 : IORING_OP_NOP, sqe, -1, NULL, 0, 0);
	sqe->user_data = RING_OP_NONE;
}

int ring_call_timeout(struct ring *r, struct io_uring_sqe *sqe, u64 timeout_ns, u32 *cqe_flags)
{
	struct call c = {
		.op.done = call_done,
		.cancel.done = cancel_done,
		.in_flight = REQUEST,
	};
	u64 deadline_ns = ring_deadline_ns(timeout_ns);
	bool is_late = false;
	u32 nr_from;
	int err;

	if (!sqe)
		return -EBUSY;
	nr_from = slots_from(r, sqe);
	sqe->flags &= (u8)~IOSQE_CQE_SKIP_SUCCESS;
	ring_sqe_set_op(sqe, &c.op);
	do {
		err = submit_and_wait(r, deadline_ns);
		/* No callback has run yet that could have added entries. */
		if (nr_from && !is_taken(r, nr_from, err)) {
			take_back(r, nr_from);
			return err < 0 ? err : -EAGAIN;
		}
		nr_from = 0;
		if (err == -ETIME) {
			is_late = true;
			cancel(r, &c);
			deadline_ns = ring_deadline_ns(CANCEL_AGAIN_NS);
		} else if (!is_passing(err)) {
			return err;
		}
		while (c.in_flight && ring_dispatch(r, 1))
			;
	} while (c.in_flight);
	if (cqe_flags)
		*cqe_flags = c.cqe_flags;
	return is_late && (c.res == -ECANCELED || c.res == -EINTR) ? -ETIME : c.res;
}

int ring_call_copy(struct ring *r, const struct io_uring_sqe *sqe)
{
	struct io_uring_sqe *mine = ring_op_sqe(r);

	if (mine)
		*mine = *sqe;
	return ring_call(r, mine);
}
