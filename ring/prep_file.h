/* SPDX-License-Identifier: MIT */
/*
 * Requests on files that are open: reading, writing, what is on the disk and
 * what is in the cache, pipes, and buffers for reads.
 *
 * Buffers of data stay as they are until the completion. Arrays of struct
 * iovec and what a struct io_uring_attr_pi says are copied at submission, so
 * they may go once ring_submit() has taken the entry; on a ring with SQPOLL
 * they stay until the completion, too.
 *
 * An @offset of -1 is the file's own position, which then moves (5.6). Files
 * without one, pipes and terminals, want -1 or 0.
 */
#ifndef RING_PREP_FILE_H
#define RING_PREP_FILE_H

#include "ring/prep_base.h"

struct iovec;
struct io_uring_attr_pi;

/* read(2), write(2) (5.6). The result is the number of bytes, which may be short. */
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

/* preadv2(2), pwritev2(2) (5.1). flags: RWF_* of <linux/fs.h> */
static inline void ring_prep_readv2(struct io_uring_sqe *sqe, s32 fd, const struct iovec *iovecs,
				    u32 nr_vecs, u64 offset, u32 flags)
{
	ring_prep_op(IORING_OP_READV, sqe, fd, iovecs, nr_vecs, offset, flags);
}

static inline void ring_prep_writev2(struct io_uring_sqe *sqe, s32 fd, const struct iovec *iovecs,
				     u32 nr_vecs, u64 offset, u32 flags)
{
	ring_prep_op(IORING_OP_WRITEV, sqe, fd, iovecs, nr_vecs, offset, flags);
}

static inline void ring_prep_readv(struct io_uring_sqe *sqe, s32 fd, const struct iovec *iovecs,
				   u32 nr_vecs, u64 offset)
{
	ring_prep_readv2(sqe, fd, iovecs, nr_vecs, offset, 0);
}

static inline void ring_prep_writev(struct io_uring_sqe *sqe, s32 fd, const struct iovec *iovecs,
				    u32 nr_vecs, u64 offset)
{
	ring_prep_writev2(sqe, fd, iovecs, nr_vecs, offset, 0);
}

/* The same with the registered buffer @buf_index (5.1): all of @buf lies in it. In a
 * buffer that a driver registered, addresses start at 0. */
static inline void ring_prep_read_fixed(struct io_uring_sqe *sqe, s32 fd, void *buf, u32 nr_bytes,
					u64 offset, u16 buf_index)
{
	ring_prep_buf(IORING_OP_READ_FIXED, sqe, fd, buf, nr_bytes, offset, 0, buf_index);
}

static inline void ring_prep_write_fixed(struct io_uring_sqe *sqe, s32 fd, const void *buf,
					 u32 nr_bytes, u64 offset, u16 buf_index)
{
	ring_prep_buf(IORING_OP_WRITE_FIXED, sqe, fd, buf, nr_bytes, offset, 0, buf_index);
}

/* ... with several pieces of that one buffer (6.15) */
static inline void ring_prep_readv_fixed(struct io_uring_sqe *sqe, s32 fd,
					 const struct iovec *iovecs, u32 nr_vecs, u64 offset,
					 u32 flags, u16 buf_index)
{
	ring_prep_buf(IORING_OP_READV_FIXED, sqe, fd, iovecs, nr_vecs, offset, flags, buf_index);
}

static inline void ring_prep_writev_fixed(struct io_uring_sqe *sqe, s32 fd,
					  const struct iovec *iovecs, u32 nr_vecs, u64 offset,
					  u32 flags, u16 buf_index)
{
	ring_prep_buf(IORING_OP_WRITEV_FIXED, sqe, fd, iovecs, nr_vecs, offset, flags, buf_index);
}

/* A read of a pipe, socket or terminal each time that there is something, into a buffer
 * of @buf_group (6.7). @nr_bytes has to be 0: the buffer's size decides. The last
 * completion is the one without IORING_CQE_F_MORE. It carries IOSQE_BUFFER_SELECT. */
static inline void ring_prep_read_multishot(struct io_uring_sqe *sqe, s32 fd, u32 nr_bytes,
					    u64 offset, u16 buf_group)
{
	ring_prep_buf(IORING_OP_READ_MULTISHOT, sqe, fd, NULL, nr_bytes, offset, 0, buf_group);
	sqe->flags = IOSQE_BUFFER_SELECT;
}

/* Protection information that goes with a read or write, past the page cache, of a
 * device that has it; set after its ring_prep_*() function (IORING_FEAT_RW_ATTR) */
static inline void ring_sqe_set_attr_pi(struct io_uring_sqe *sqe, const struct io_uring_attr_pi *pi)
{
	ring_sqe_word *word = (ring_sqe_word *)sqe;

	word[6] = RING_PTR(pi); /* attr_ptr, attr_type_mask: newer than some headers */
	word[7] = IORING_RW_ATTR_FLAG_PI;
}

/* What is said to live as long as other data of the same stream, on a device that keeps
 * such data together (6.16); set after the ring_prep_*() function of the write */
static inline void ring_sqe_set_write_stream(struct io_uring_sqe *sqe, u8 write_stream)
{
	sqe->file_index = write_stream;
}

/* fsync(2) (5.1). fsync_flags: IORING_FSYNC_DATASYNC or 0. It does not wait for writes
 * that are under way: link it behind them. sqe->off and sqe->len may say a range. */
static inline void ring_prep_fsync(struct io_uring_sqe *sqe, s32 fd, u32 fsync_flags)
{
	ring_prep_op(IORING_OP_FSYNC, sqe, fd, NULL, 0, 0, fsync_flags);
}

/* sync_file_range(2) (5.2). Note the order: length, offset; 0 bytes is up to the end. */
static inline void ring_prep_sync_file_range(struct io_uring_sqe *sqe, s32 fd, u32 len, u64 offset,
					     u32 flags)
{
	ring_prep_op(IORING_OP_SYNC_FILE_RANGE, sqe, fd, NULL, len, offset, flags);
}

/* fallocate(2) (5.6). mode: FALLOC_FL_* of <linux/falloc.h> */
static inline void ring_prep_fallocate(struct io_uring_sqe *sqe, s32 fd, u32 mode, u64 offset,
				       u64 len)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_FALLOCATE, 0, fd), offset, len,
		       ring_sqe_len(mode, 0), 0, 0);
}

/* ftruncate(2) (6.9) */
static inline void ring_prep_ftruncate(struct io_uring_sqe *sqe, s32 fd, s64 len)
{
	ring_prep_rw(IORING_OP_FTRUNCATE, sqe, fd, NULL, 0, (u64)len);
}

/* posix_fadvise(2) (5.6). advice: POSIX_FADV_*; 0 bytes is up to the end */
static inline void ring_prep_fadvise(struct io_uring_sqe *sqe, s32 fd, u64 offset, u32 len,
				     u32 advice)
{
	ring_prep_op(IORING_OP_FADVISE, sqe, fd, NULL, len, offset, advice);
}

/* ... with a length of 64 bits; before Linux 6.11 -EINVAL, unless it is 0 */
static inline void ring_prep_fadvise64(struct io_uring_sqe *sqe, s32 fd, u64 offset, u64 len,
				       u32 advice)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_FADVISE, 0, fd), offset, len,
		       ring_sqe_len(0, advice), 0, 0);
}

/* madvise(2) on the memory of the process that submits (5.6). advice: MADV_* */
static inline void ring_prep_madvise(struct io_uring_sqe *sqe, void *addr, u32 len, u32 advice)
{
	ring_prep_op(IORING_OP_MADVISE, sqe, -1, addr, len, 0, advice);
}

/* ... with a length of 64 bits; before Linux 6.11 -EINVAL, unless it is 0 */
static inline void ring_prep_madvise64(struct io_uring_sqe *sqe, void *addr, u64 len, u32 advice)
{
	ring_prep_op(IORING_OP_MADVISE, sqe, -1, addr, 0, len, advice);
}

/* splice(2) (5.7): one of the two is a pipe, and its offset is -1. splice_flags: those of
 * splice(2), and SPLICE_F_FD_IN_FIXED when @fd_in is a slot; IOSQE_FIXED_FILE is about
 * @fd_out. A result below @nr_bytes breaks a chain of links, even if it is no error. */
static inline void ring_prep_splice(struct io_uring_sqe *sqe, s32 fd_in, s64 off_in, s32 fd_out,
				    s64 off_out, u32 nr_bytes, u32 splice_flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_SPLICE, 0, fd_out), (u64)off_out, (u64)off_in,
		       ring_sqe_len(nr_bytes, splice_flags), ring_sqe_index(0, (u32)fd_in), 0);
}

/* tee(2) (5.8): both are pipes, flags as above */
static inline void ring_prep_tee(struct io_uring_sqe *sqe, s32 fd_in, s32 fd_out, u32 nr_bytes,
				 u32 splice_flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_TEE, 0, fd_out), 0, 0,
		       ring_sqe_len(nr_bytes, splice_flags), ring_sqe_index(0, (u32)fd_in), 0);
}

/* Gives the kernel @nr buffers of @len bytes each, from @addr on, ids @bid and up, for
 * requests with IOSQE_BUFFER_SELECT and the group @bgid (5.7). They are the kernel's until
 * a completion names them. A ring of buffers (5.19) does the same without requests. */
static inline void ring_prep_provide_buffers(struct io_uring_sqe *sqe, void *addr, u32 len, s32 nr,
					     u16 bgid, s32 bid)
{
	ring_prep_buf(IORING_OP_PROVIDE_BUFFERS, sqe, nr, addr, len, (u64)(s64)bid, 0, bgid);
}

/* Takes up to @nr of them back; the result is how many there were (5.7) */
static inline void ring_prep_remove_buffers(struct io_uring_sqe *sqe, s32 nr, u16 bgid)
{
	ring_prep_buf(IORING_OP_REMOVE_BUFFERS, sqe, nr, NULL, 0, 0, 0, bgid);
}

#endif
