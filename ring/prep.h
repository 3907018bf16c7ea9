/* SPDX-License-Identifier: MIT */
/*
 * Filling submission entries. A ring_prep_*() function writes all 64 bytes, so
 * nothing of an earlier request can stay behind; flags and user_data are set
 * after it. Names and argument order are liburing's.
 */
#ifndef RING_PREP_H
#define RING_PREP_H

#include "uapi/io_uring.h"
#include "uapi/types.h"

#define RING_PTR(p) ((u64)(uintptr_t)(p))

static inline void ring_prep_rw(u8 opcode, struct io_uring_sqe *sqe, s32 fd, const void *addr,
				u32 len, u64 offset)
{
	*sqe = (struct io_uring_sqe){
		.opcode = opcode,
		.fd = fd,
		.off = offset,
		.addr = RING_PTR(addr),
		.len = len,
	};
}

static inline void ring_prep_nop(struct io_uring_sqe *sqe)
{
	ring_prep_rw(IORING_OP_NOP, sqe, -1, NULL, 0, 0);
}

static inline void ring_prep_read(struct io_uring_sqe *sqe, s32 fd, void *buf, u32 nr_bytes,
				  u64 offset)
{
	ring_prep_rw(IORING_OP_READ, sqe, fd, buf, nr_bytes, offset);
}

static inline void ring_prep_write(struct io_uring_sqe *sqe, s32 fd, const void *buf, u32 nr_bytes,
				   u64 offset)
{
	ring_prep_rw(IORING_OP_WRITE, sqe, fd, buf, nr_bytes, offset);
}

/* fsync_flags: IORING_FSYNC_DATASYNC or 0 */
static inline void ring_prep_fsync(struct io_uring_sqe *sqe, s32 fd, u32 fsync_flags)
{
	ring_prep_rw(IORING_OP_FSYNC, sqe, fd, NULL, 0, 0);
	sqe->fsync_flags = fsync_flags;
}

/* one completion each time that the file becomes ready, IORING_CQE_F_MORE set
 * as long as more may follow (5.13) */
static inline void ring_prep_poll_multishot(struct io_uring_sqe *sqe, s32 fd, u32 poll_mask)
{
	ring_prep_rw(IORING_OP_POLL_ADD, sqe, fd, NULL, IORING_POLL_ADD_MULTI, 0);
	sqe->poll32_events = poll_mask;
}

static inline void ring_prep_poll_add(struct io_uring_sqe *sqe, s32 fd, u32 poll_mask)
{
	ring_prep_rw(IORING_OP_POLL_ADD, sqe, fd, NULL, 0, 0);
	sqe->poll32_events = poll_mask;
}

/* cancels the requests whose user_data is @user_data */
static inline void ring_prep_cancel64(struct io_uring_sqe *sqe, u64 user_data, u32 flags)
{
	ring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, -1, NULL, 0, 0);
	sqe->addr = user_data;
	sqe->cancel_flags = flags;
}

/* a completion with @len as result and @data as user_data on the ring @fd (5.18) */
static inline void ring_prep_msg_ring(struct io_uring_sqe *sqe, s32 fd, u32 len, u64 data,
				      u32 flags)
{
	ring_prep_rw(IORING_OP_MSG_RING, sqe, fd, NULL, len, data);
	sqe->msg_ring_flags = flags;
}

/* the driver's own command; its arguments start at byte 48, see ring_sqe_cmd() */
static inline void ring_prep_uring_cmd(struct io_uring_sqe *sqe, s32 fd, u32 cmd_op)
{
	ring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->off = cmd_op; /* cmd_op is its lower half, the upper must be zero */
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

static inline void ring_sqe_set_data64(struct io_uring_sqe *sqe, u64 data)
{
	sqe->user_data = data;
}

/* IOSQE_* */
static inline void ring_sqe_set_flags(struct io_uring_sqe *sqe, u8 flags)
{
	sqe->flags = flags;
}

#endif
