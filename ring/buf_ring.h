/* SPDX-License-Identifier: MIT */
/*
 * Rings of provided buffers (5.19): memory that the kernel may choose from when
 * data comes, so that a thousand idle connections hold none. A request names a
 * group in buf_group, with IOSQE_BUFFER_SELECT; its completion says by
 * IORING_CQE_F_BUFFER that it took a buffer, and which: ring_cqe_bid().
 *
 *	br = ring_setup_buf_ring(&r, 64, GROUP, 0, &err);
 *	for (u16 bid = 0; bid < 64; bid++)
 *		ring_buf_ring_add(br, mem[bid], 4096, bid, ring_buf_ring_mask(64), bid);
 *	ring_buf_ring_advance(br, 64);
 *	...
 *	ring_buf_ring_add(br, mem[bid], 4096, bid, ring_buf_ring_mask(64), 0);
 *	ring_buf_ring_cq_advance(&r, br, 1);
 *
 * The buffers' memory is the caller's, and stays where it is from the moment
 * that it was added until a completion gave it back, or the group is gone and
 * with it every request that may have taken one. None free ends a request with
 * -ENOBUFS, a multishot one too.
 *
 * One thread adds to a group. Names and argument order are liburing's.
 */
#ifndef RING_BUF_RING_H
#define RING_BUF_RING_H

#include "ring/ring.h"

/**
 * ring_setup_buf_ring() - allocate a ring for buffers and make it group @bgid
 * @nr_entries: a power of two, 32768 at most; never add more than that at once
 * @bgid:       0 to 65535
 * @flags:      IOU_PBUF_RING_MMAP: in memory of the kernel (6.4);
 *              IOU_PBUF_RING_INC: a buffer stays until it is used up (6.12),
 *              see ring_buf_ring_consume()
 * @err:        0, or where NULL is returned
 *   -EINVAL  @nr_entries, or a flag that the kernel does not know
 *   -EEXIST  the group is there already
 *   -EBADF   IOU_PBUF_RING_MMAP on a ring without a descriptor
 *   -ENOMEM
 *
 * It holds no buffers yet. Not inherited by a forked child.
 */
NODISCARD struct io_uring_buf_ring *ring_setup_buf_ring(const struct ring *r, u32 nr_entries,
							u16 bgid, u32 flags, int *err);

/**
 * ring_free_buf_ring() - undo ring_setup_buf_ring()
 *
 * Before ring_exit(); buffers that requests have taken still come back by their
 * completions. On an error the memory is kept, the kernel may still read it.
 *
 * Return: 0, or -ENOENT when there is no such group, -EINVAL when it is not a ring
 */
NODISCARD int ring_free_buf_ring(const struct ring *r, struct io_uring_buf_ring *br,
				 u32 nr_entries, u16 bgid);

/**
 * ring_register_buf_ring() - the same in memory of the caller's
 * @reg:   ring_addr, at a page boundary, with room for ring_entries of struct
 *         io_uring_buf, zeroed by ring_buf_ring_init(); bgid; min_left: with
 *         IOU_PBUF_RING_INC a buffer is done when less than that is left in
 *         it (7.1, and the 6.18 series since some release)
 * @flags: added to reg->flags
 *
 * That memory stays until ring_unregister_buf_ring().
 *
 * Return: 0, or
 *   -EINVAL  entries are no power of two or above 32768; not at a page boundary;
 *            a flag, or min_left, that the kernel does not know
 *   -EEXIST  the group is there already
 *   -EFAULT  no memory there
 * Source: io_register_pbuf_ring(), io_uring/kbuf.c, Linux 7.3
 */
NODISCARD int ring_register_buf_ring(const struct ring *r, struct io_uring_buf_reg *reg, u32 flags);

/* ring_unregister_buf_ring() - -ENOENT when there is no such group, -EINVAL when
 * its buffers came by requests instead */
NODISCARD int ring_unregister_buf_ring(const struct ring *r, u16 bgid);

/* ring_buf_ring_head() - how many buffers the kernel has taken, modulo 65536 (6.8);
 * errors as ring_unregister_buf_ring() */
NODISCARD int ring_buf_ring_head(const struct ring *r, u16 bgid, u16 *head);

/* ring_buf_ring_available() - how many it has left to take, or as above (6.8) */
NODISCARD int ring_buf_ring_available(const struct ring *r, const struct io_uring_buf_ring *br,
				      u16 bgid);

/* ring_buf_ring_mask() - what ring_buf_ring_add() wants */
static inline u16 ring_buf_ring_mask(u32 nr_entries)
{
	return (u16)(nr_entries - 1);
}

/* ring_buf_ring_init() - nothing in it yet; before it is registered */
static inline void ring_buf_ring_init(struct io_uring_buf_ring *br)
{
	br->tail = 0;
}

/**
 * ring_buf_ring_add() - prepare one buffer
 * @bid:        its number, as completions will name it
 * @mask:       ring_buf_ring_mask()
 * @buf_offset: how many were added since the last ring_buf_ring_advance()
 *
 * The kernel sees it once ring_buf_ring_advance() was called.
 */
static inline void ring_buf_ring_add(struct io_uring_buf_ring *br, void *addr, u32 len_bytes,
				     u16 bid, u16 mask, u32 buf_offset)
{
	struct io_uring_buf *buf = &br->bufs[(br->tail + buf_offset) & mask];

	/* Not as a whole: the first entry's last two bytes are the tail. */
	buf->addr = (u64)(uintptr_t)addr;
	buf->len = len_bytes;
	buf->bid = bid;
}

/* ring_buf_ring_advance() - let the kernel take the @count buffers just added */
static inline void ring_buf_ring_advance(struct io_uring_buf_ring *br, u32 count)
{
	ring_store_release_u16(&br->tail, (u16)(br->tail + count));
}

/* ring_buf_ring_cq_advance() - the same, and as many completions are done with */
static inline void ring_buf_ring_cq_advance(struct ring *r, struct io_uring_buf_ring *br, u32 count)
{
	ring_buf_ring_advance(br, count);
	ring_cq_advance(r, count);
}

/* ring_cqe_has_buffer() - the request took a buffer of its group */
static inline bool ring_cqe_has_buffer(const struct io_uring_cqe *cqe)
{
	return cqe->flags & IORING_CQE_F_BUFFER;
}

/* ring_cqe_bid() - which one; of a bundle the first, the others follow in the
 * order in which they were added */
static inline u16 ring_cqe_bid(const struct io_uring_cqe *cqe)
{
	return (u16)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
}

/**
 * ring_buf_ring_consume() - where in its buffer a completion's data starts
 * @used_bytes: one count per bid, all 0 at first
 * @cqe:        that has a buffer
 *
 * For groups with IOU_PBUF_RING_INC, whose buffers fill bit by bit. Call it once
 * for each such completion, in their order, but not for bundles. The buffer is
 * the caller's again, to be added anew, when the completion lacks
 * IORING_CQE_F_BUF_MORE; its count is 0 then.
 *
 * For sockets, pipes and all else that can be polled. Of a regular file's buffer
 * the kernel uses up what was asked for, also when less was read, and some before
 * 7.0 do not say BUF_MORE.
 */
static inline u32 ring_buf_ring_consume(u32 *used_bytes, const struct io_uring_cqe *cqe)
{
	u32 *used = &used_bytes[ring_cqe_bid(cqe)];
	u32 start = *used;

	*used = 0;
	if (cqe->flags & IORING_CQE_F_BUF_MORE)
		*used = start + (cqe->res > 0 ? (u32)cqe->res : 0);
	return start;
}

#endif
