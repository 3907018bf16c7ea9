/* SPDX-License-Identifier: MIT */
/*
 * Requests as function calls: each submits one, waits for it while others are
 * dispatched, and returns what the system call of that name would, with -errno in
 * its result. See ring_call() for what happens to everything else on the ring, and
 * for a request with flags, a fixed file, a registered buffer or a time limit:
 *
 *	sqe = ring_op_sqe(r);
 *	if (sqe)
 *		ring_prep_read(sqe, slot, buf, len, offset);
 *	...set IOSQE_FIXED_FILE...
 *	ret = ring_call_timeout(r, sqe, 2000000000, NULL);
 *
 * -EBUSY and -EAGAIN may mean that the request could not be submitted.
 */
#ifndef RING_CALL_H
#define RING_CALL_H

#include "ring/op.h"
#include "ring/prep.h"

/* Nothing and waiting */

NODISCARD static inline int ring_call_nop(struct ring *r)
{
	struct io_uring_sqe sqe;

	ring_prep_nop(&sqe);
	return ring_call_copy(r, &sqe);
}

/* the events that are there: waits for one of POLLIN, POLLOUT ... */
NODISCARD static inline int ring_call_poll(struct ring *r, s32 fd, u32 poll_mask)
{
	struct io_uring_sqe sqe;

	ring_prep_poll_add(&sqe, fd, poll_mask);
	return ring_call_copy(r, &sqe);
}

/* Files */

/* the new descriptor */
NODISCARD static inline int ring_call_openat(struct ring *r, s32 dfd, const char *path, u32 flags,
					     u32 mode)
{
	struct io_uring_sqe sqe;

	ring_prep_openat(&sqe, dfd, path, flags, mode);
	return ring_call_copy(r, &sqe);
}

NODISCARD static inline int ring_call_close(struct ring *r, s32 fd)
{
	struct io_uring_sqe sqe;

	ring_prep_close(&sqe, fd);
	return ring_call_copy(r, &sqe);
}

/* bytes read, 0 at the end of the file; offset -1 is where the file stands */
NODISCARD static inline int ring_call_read(struct ring *r, s32 fd, void *buf, u32 nr_bytes,
					   u64 offset)
{
	struct io_uring_sqe sqe;

	ring_prep_read(&sqe, fd, buf, nr_bytes, offset);
	return ring_call_copy(r, &sqe);
}

/* bytes written */
NODISCARD static inline int ring_call_write(struct ring *r, s32 fd, const void *buf, u32 nr_bytes,
					    u64 offset)
{
	struct io_uring_sqe sqe;

	ring_prep_write(&sqe, fd, buf, nr_bytes, offset);
	return ring_call_copy(r, &sqe);
}

/* bytes read */
NODISCARD static inline int ring_call_readv(struct ring *r, s32 fd, const struct iovec *iovecs,
					    u32 nr_vecs, u64 offset)
{
	struct io_uring_sqe sqe;

	ring_prep_readv(&sqe, fd, iovecs, nr_vecs, offset);
	return ring_call_copy(r, &sqe);
}

/* bytes written */
NODISCARD static inline int ring_call_writev(struct ring *r, s32 fd, const struct iovec *iovecs,
					     u32 nr_vecs, u64 offset)
{
	struct io_uring_sqe sqe;

	ring_prep_writev(&sqe, fd, iovecs, nr_vecs, offset);
	return ring_call_copy(r, &sqe);
}

/* 0; IORING_FSYNC_DATASYNC or 0 */
NODISCARD static inline int ring_call_fsync(struct ring *r, s32 fd, u32 fsync_flags)
{
	struct io_uring_sqe sqe;

	ring_prep_fsync(&sqe, fd, fsync_flags);
	return ring_call_copy(r, &sqe);
}

NODISCARD static inline int ring_call_fallocate(struct ring *r, s32 fd, u32 mode, u64 offset,
						u64 len)
{
	struct io_uring_sqe sqe;

	ring_prep_fallocate(&sqe, fd, mode, offset, len);
	return ring_call_copy(r, &sqe);
}

NODISCARD static inline int ring_call_fadvise(struct ring *r, s32 fd, u64 offset, u32 len,
					      u32 advice)
{
	struct io_uring_sqe sqe;

	ring_prep_fadvise(&sqe, fd, offset, len, advice);
	return ring_call_copy(r, &sqe);
}

/* bytes moved; offset -1 for a pipe, or where the file stands */
NODISCARD static inline int ring_call_splice(struct ring *r, s32 fd_in, s64 off_in, s32 fd_out,
					     s64 off_out, u32 nr_bytes, u32 flags)
{
	struct io_uring_sqe sqe;

	ring_prep_splice(&sqe, fd_in, off_in, fd_out, off_out, nr_bytes, flags);
	return ring_call_copy(r, &sqe);
}

NODISCARD static inline int ring_call_statx(struct ring *r, s32 dfd, const char *path, u32 flags,
					    u32 mask, struct statx *out)
{
	struct io_uring_sqe sqe;

	ring_prep_statx(&sqe, dfd, path, flags, mask, out);
	return ring_call_copy(r, &sqe);
}

/* Sockets */

/* the new socket; addr and addrlen may be NULL */
NODISCARD static inline int ring_call_accept(struct ring *r, s32 fd, struct sockaddr *addr,
					     u32 *addrlen, s32 flags)
{
	struct io_uring_sqe sqe;

	ring_prep_accept(&sqe, fd, addr, addrlen, flags);
	return ring_call_copy(r, &sqe);
}

NODISCARD static inline int ring_call_connect(struct ring *r, s32 fd, const struct sockaddr *addr,
					      u32 addrlen)
{
	struct io_uring_sqe sqe;

	ring_prep_connect(&sqe, fd, addr, addrlen);
	return ring_call_copy(r, &sqe);
}

/* bytes sent; MSG_NOSIGNAL spares a SIGPIPE */
NODISCARD static inline int ring_call_send(struct ring *r, s32 sockfd, const void *buf, size_t len,
					   s32 flags)
{
	struct io_uring_sqe sqe;

	ring_prep_send(&sqe, sockfd, buf, len, flags);
	return ring_call_copy(r, &sqe);
}

/* bytes received, 0 when the other side has ended */
NODISCARD static inline int ring_call_recv(struct ring *r, s32 sockfd, void *buf, size_t len,
					   s32 flags)
{
	struct io_uring_sqe sqe;

	ring_prep_recv(&sqe, sockfd, buf, len, flags);
	return ring_call_copy(r, &sqe);
}

/* bytes sent */
NODISCARD static inline int ring_call_sendmsg(struct ring *r, s32 fd, const struct msghdr *msg,
					      u32 flags)
{
	struct io_uring_sqe sqe;

	ring_prep_sendmsg(&sqe, fd, msg, flags);
	return ring_call_copy(r, &sqe);
}

/* bytes received */
NODISCARD static inline int ring_call_recvmsg(struct ring *r, s32 fd, struct msghdr *msg,
					      u32 flags)
{
	struct io_uring_sqe sqe;

	ring_prep_recvmsg(&sqe, fd, msg, flags);
	return ring_call_copy(r, &sqe);
}

NODISCARD static inline int ring_call_shutdown(struct ring *r, s32 fd, s32 how)
{
	struct io_uring_sqe sqe;

	ring_prep_shutdown(&sqe, fd, how);
	return ring_call_copy(r, &sqe);
}

#endif
