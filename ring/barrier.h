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
 *
 * SQ head, before an entry is filled again. Partner: the kernel's release store
 * of the head in io_commit_sqring(), after its thread (SQPOLL) has read the
 * entry. Without it the entry may change while it is read.
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
 * The SQ tail of a ring whose owner enters the kernel next, in the same thread:
 * the order of the program is the order that counts.
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

/*
 * The SQ tail of a ring with a submitting thread (SQPOLL), then the SQ flags:
 * is that thread asleep? Partner: io_sq_thread() sets NEED_WAKEUP, and behind a
 * full barrier looks at the tail once more before it sleeps. One of the two
 * sees what the other wrote only if neither load passes its own store, and a
 * release or an acquire does not keep a store before a later load: both would
 * read the old value, and the entries lie there until somebody else wakes it.
 *
 * Both are sequentially consistent, which on x86-64 is an exchange, on aarch64
 * stlr and ldar, on riscv64 a full fence between them. The load must be, too:
 * an acquire may become ldapr, which passes an earlier stlr.
 * Likewise the switch of an eventfd, then the CQ tail (ring/eventfd.c). Partner:
 * the kernel posts, and behind the full barrier in io_cqring_wake() reads the
 * switch. One of the two sees the other, or a completion wakes nobody.
 */
static inline u32 ring_store_then_load(u32 *word, u32 value, const u32 *flags)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
	return __atomic_load_n(flags, __ATOMIC_SEQ_CST);
}

#endif
