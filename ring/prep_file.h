/* SPDX-License-Identifier: MIT */
/*
 * Requests on files and file systems. What a pointer leads to stays as it is until
 * the completion, unless it is said here that the kernel copies it at submission.
 */
#ifndef RING_PREP_FILE_H
#define RING_PREP_FILE_H

#include "ring/prep_base.h"

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
	ring_prep_op(IORING_OP_FSYNC, sqe, fd, NULL, 0, 0, fsync_flags);
}

#endif
