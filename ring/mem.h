/* SPDX-License-Identifier: MIT */
/* Rings in memory that the caller owns, and rings that change their size. */
#ifndef RING_MEM_H
#define RING_MEM_H

#include "ring/ring.h"

/**
 * ring_memory_size() - how much memory ring_init_mem() needs
 * @p: flags and cq_entries, as it will get them
 *
 * Return: bytes, whole pages, or -EINVAL: numbers of entries that the kernel
 * refuses (0, too many without CLAMP, fewer completions than submissions)
 */
NODISCARD s64 ring_memory_size(u32 entries, const struct io_uring_params *p);

/**
 * ring_init_mem() - ring_init() with queues in memory of the caller (6.5)
 * @p:         as for ring_init(); IORING_SETUP_NO_MMAP is added, and
 *             REGISTERED_FD_ONLY is allowed: the ring takes no file descriptor,
 *             only a place in the thread's table of registered rings
 * @mem:       starts on a page, and stays until ring_exit(), which leaves it to
 *             the caller; its content does not matter
 * @len_bytes: at least ring_memory_size()
 *
 * One huge page holds a ring of 16384 entries and its completions, and spares
 * the TLB. Before 6.10 a queue that is larger than a page must be in one.
 *
 * The kernel takes a ring down after ring_exit() has returned, and until then may
 * write to its queues once more: unmap the memory, which it has pinned, but do
 * not make the next ring in it.
 *
 * A child that is forked shares the pages, or has copies of them, and must not
 * touch the ring in either case: MADV_DONTFORK, or pages_dontfork().
 *
 * Return: 0, or as ring_init(), and
 *   -ENOSPC  len_bytes is too small
 *   -EINVAL  also: mem is not aligned, or the kernel is older than 6.5
 *   -EFAULT  it cannot be written to
 *   -ENOMEM  also: RLIMIT_MEMLOCK, pages that are not contiguous (before 6.10)
 */
NODISCARD int ring_init_mem(struct ring *r, u32 entries, struct io_uring_params *p, void *mem,
			    u64 len_bytes);

/**
 * ring_resize_rings() - change the number of entries of a live ring (6.13)
 * @p: sq_entries, and cq_entries with IORING_SETUP_CQSIZE; IORING_SETUP_CLAMP; the
 *     rest zero. Filled with the kernel's answer
 *
 * What is under way goes on, completions that were not reaped stay. Of a ring
 * with DEFER_TASKRUN and NO_SQARRAY only. Pointers that ring_get_sqe() and
 * ring_peek_cqe() gave are dead afterwards.
 *
 * Return: 0, or with the ring as it was
 *   -EBUSY      entries are prepared and not submitted, or the ring has large
 *               CQEs (CQE32, CQE_MIXED), of which some are not reaped
 *   -EOVERFLOW  there are more completions than @p has room for
 *   -EINVAL     the ring lacks one of those flags, bad numbers, or an older kernel
 *   -EOPNOTSUPP the ring is in memory of the caller, or has no descriptor left to
 *               map it by
 * or, with the ring in the new size and its queues not mapped (the old ones are
 * gone then, which is why it cannot be undone),
 *   -ENOMEM     and r->sq.sqes is NULL. There is nothing to get, peek gives
 *               nothing, all that would enter the kernel is -EBADF. Calling
 *               this again, with *p as it is, maps them: nothing is lost, but
 *               the ring's fd is no longer registered. Or ring_exit()
 */
NODISCARD int ring_resize_rings(struct ring *r, struct io_uring_params *p);

#endif
