/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait for something or tell somebody: polls, timeouts, cancels,
 * messages, futexes, and the commands of drivers.
 */
#ifndef RING_PREP_EVENT_H
#define RING_PREP_EVENT_H

#include "ring/prep_base.h"

static inline void ring_prep_nop(struct io_uring_sqe *sqe)
{
	ring_prep_rw(IORING_OP_NOP, sqe, -1, NULL, 0, 0);
}

/* one completion each time that the file becomes ready, IORING_CQE_F_MORE set
 * as long as more may follow (5.13) */
static inline void ring_prep_poll_multishot(struct io_uring_sqe *sqe, s32 fd, u32 poll_mask)
{
	ring_prep_op(IORING_OP_POLL_ADD, sqe, fd, NULL, IORING_POLL_ADD_MULTI, 0, poll_mask);
}

static inline void ring_prep_poll_add(struct io_uring_sqe *sqe, s32 fd, u32 poll_mask)
{
	ring_prep_op(IORING_OP_POLL_ADD, sqe, fd, NULL, 0, 0, poll_mask);
}

/* cancels the requests whose user_data is @user_data */
static inline void ring_prep_cancel64(struct io_uring_sqe *sqe, u64 user_data, u32 flags)
{
	ring_prep_op(IORING_OP_ASYNC_CANCEL, sqe, -1, (const void *)(uintptr_t)user_data, 0, 0,
		     flags);
}

/* a completion with @len as result and @data as user_data on the ring @fd (5.18) */
static inline void ring_prep_msg_ring(struct io_uring_sqe *sqe, s32 fd, u32 len, u64 data,
				      u32 flags)
{
	ring_prep_op(IORING_OP_MSG_RING, sqe, fd, NULL, len, data, flags);
}

/* the driver's own command; its arguments start at byte 48, see ring_sqe_cmd() */
static inline void ring_prep_uring_cmd(struct io_uring_sqe *sqe, s32 fd, u32 cmd_op)
{
	/* cmd_op is the lower half of off, the upper must be zero */
	ring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, cmd_op);
}

/* the same on a ring of 128-byte entries: 80 bytes of arguments, all zero */
static inline void ring_prep_uring_cmd128(struct io_uring_sqe *sqe, s32 fd, u32 cmd_op)
{
	sqe[1] = (struct io_uring_sqe){ .opcode = 0 };
	ring_prep_uring_cmd(sqe, fd, cmd_op);
}

/* where the arguments of a driver's command go: 16 bytes, 80 with SQE128 */
static inline void *ring_sqe_cmd(struct io_uring_sqe *sqe)
{
	return (char *)sqe + 48;
}

#endif
