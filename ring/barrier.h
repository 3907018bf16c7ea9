/* SPDX-License-Identifier: MIT */
/*
 * Every ordered access to memory that a ring shares with the kernel, each with
 * its partner. Shared words are aligned and touched by single loads and stores
 * only: a read-modify-write would be wrong (the kernel writes the other half)
 * and on aarch64 a call into libgcc.
 */
#ifndef RING_BARRIER_H
#define RING_BARRIER_H

#include "uapi/types.h"

/*
 * CQ tail, before CQEs are read. Partner: the kernel's release store of the
 * tail in io_commit_cqring(). Without it a CQE may be read before it is
 * written.
 */
static inline u32 ring_load_acquire(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/*
 * CQ head, after CQEs were read: the kernel may overwrite them from then on.
 * Partner: the kernel's read of the head and the control dependency on it in
 * io_cqe_cache_refill().
 */
static inline void ring_store_release(u32 *word, u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/*
 * The SQ tail: the same thread enters the kernel next, so the order of the
 * program is the order that counts.
 */
static inline void ring_store_relaxed(u32 *word, u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/*
 * SQ flags: what they say leads to a system call and to nothing else. One load
 * per decision, since two may differ.
 */
static inline u32 ring_load_relaxed(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/*
 * The tail of a ring of provided buffers, after its entries were written: the
 * kernel may take the buffers from then on. Partner: the kernel's acquire load
 * of the tail in io_ring_buffer_select() and io_ring_buffers_peek().
 */
static inline void ring_store_release_u16(u16 *word, u16 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

#endif
