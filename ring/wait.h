/* SPDX-License-Identifier: MIT */
/*
 * More ways to wait than ring_submit_and_wait(): without submitting, with a
 * date, a signal mask, a first while in which few completions are not enough.
 *
 * Those that do not submit belong to the reaping side of a ring (see "Threads"
 * in ring/ring.h): another thread may fill and submit meanwhile.
 *
 * What all of them say, in *cqe and in what they return:
 *
 *   0         there is at least one completion, *cqe is the oldest. All that
 *             were waited for, unless time ran out, a signal came, or a
 *             TIMEOUT request of this ring completed: that ends any wait
 *   -ETIME    time ran out, and there is none
 *   -EINTR    a signal came, and there is none
 *   -EAGAIN   an IOPOLL ring, which knows no timeouts, has had none yet
 *   -EBADR    the kernel had to drop some, see ring_cq_overflow(). Said once
 *   -EEXIST, -EBADFD, -EBADF, -EOWNERDEAD  as ring_submit()
 *
 * *cqe is NULL in all cases but the first. Of a ring with CQE_MIXED the oldest may
 * be a filler: ring_peek_cqe_mixed() knows.
 */
#ifndef RING_WAIT_H
#define RING_WAIT_H

#include "ring/ring.h"

struct io_uring_reg_wait;

/**
 * struct ring_wait - how to wait
 * @timeout_ns:  nanoseconds, or the date with @is_date; RING_NO_TIMEOUT
 * @min_wait_us: for so many microseconds wait for all that were asked for;
 *               after that the first one is enough (6.12). 0: for all, until
 *               time runs out
 * @is_date:     @timeout_ns is a time of the ring's clock, which is
 *               CLOCK_MONOTONIC or what ring_register_clock() said (6.12)
 * @no_iowait:   sleep as one who is idle, not as one who waits for a disk (6.15);
 *               ignored by older kernels
 * @sigmask:     the signals that are blocked while it waits, as ppoll(2) has
 *               it; NULL changes nothing
 */
struct ring_wait {
	u64 timeout_ns;
	u32 min_wait_us;
	bool is_date;
	bool no_iowait;
	const u64 *sigmask;
};

/**
 * ring_wait_cqes() - wait for @wait_nr completions
 * @cqe: filled
 * @how: NULL waits for ever
 *
 * Return: as above; also -EOPNOTSUPP: min_wait_us or is_date, and the kernel is
 * older than 6.12
 */
NODISCARD int ring_wait_cqes(struct ring *r, struct io_uring_cqe **cqe, u32 wait_nr,
			     const struct ring_wait *how);

/* ring_wait_cqe_nr() - wait for @wait_nr, for ever */
NODISCARD int ring_wait_cqe_nr(struct ring *r, struct io_uring_cqe **cqe, u32 wait_nr);

/* ring_wait_cqe_timeout() - wait for one, for at most @timeout_ns */
NODISCARD int ring_wait_cqe_timeout(struct ring *r, struct io_uring_cqe **cqe, u64 timeout_ns);

/* ring_wait_cqe() - wait for one, for ever; no system call when there is one */
static inline int ring_wait_cqe(struct ring *r, struct io_uring_cqe **cqe)
{
	*cqe = ring_peek_cqe(r);
	return *cqe ? 0 : ring_wait_cqe_nr(r, cqe, 1);
}

/**
 * ring_submit_and_wait_how() - ring_submit_and_wait() with all of the above
 *
 * Return: as ring_submit_and_wait_timeout(); also -EOPNOTSUPP as ring_wait_cqes()
 */
NODISCARD int ring_submit_and_wait_how(struct ring *r, u32 wait_nr, const struct ring_wait *how);

/*
 * Registered waits (6.13). The kernel reads how to wait from memory that it
 * knows already, an array of struct io_uring_reg_wait in a region: that saves a
 * copy per wait. In this order: a ring with IORING_SETUP_R_DISABLED,
 * ring_register_region() with IORING_MEM_REGION_REG_WAIT_ARG,
 * ring_enable_rings(). An element may be changed while nobody waits by it.
 */

/* ring_reg_wait_set() - fill an element */
void ring_reg_wait_set(struct io_uring_reg_wait *element, const struct ring_wait *how);

/**
 * ring_submit_and_wait_reg() - submit, then wait as element @idx of the region says
 * @flags: IORING_ENTER_ABS_TIMER when its timeout is a date, IORING_ENTER_NO_IOWAIT
 *
 * Return: as ring_submit_and_wait_timeout(), or -EFAULT: there is no such
 * element, or no region
 */
NODISCARD int ring_submit_and_wait_reg(struct ring *r, u32 wait_nr, u32 idx, u32 flags);

/* ring_set_iowait() - whether a wait in this ring counts as one for a disk, for
 * all that come (as it does at the start); -EOPNOTSUPP before 6.15 */
NODISCARD int ring_set_iowait(struct ring *r, bool enable);

#endif
