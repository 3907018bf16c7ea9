/* SPDX-License-Identifier: MIT */
/*
 * Submitting where the kernel does not take entries in the call, one after the
 * other: rings with a thread that does it (SQPOLL), and rings of which every
 * batch starts at the first slot (SQ_REWIND).
 */
#include "ring/internal.h"

/* Entries become visible, and the thread is woken if it sleeps or went to sleep
 * meanwhile. Without another reason nothing needs the kernel then. */
static __attribute__((noinline)) int enter_sqpoll(struct ring *r, u32 wait_nr, u32 flags,
						  const void *arg, size_t arg_len_bytes)
{
	u32 want = r->sq.sqe_tail - ring_load_relaxed(r->sq.ktail);
	u32 kflags = ring_store_then_load(r->sq.ktail, r->sq.sqe_tail, r->kflags);

	if (kflags & IORING_SQ_NEED_WAKEUP)
		flags |= IORING_ENTER_SQ_WAKEUP;
	if (!flags)
		return (int)want;
	return ring_do_enter(r, want, wait_nr, flags, arg, arg_len_bytes);
}

/* What was not taken moves to where the kernel starts the next time. */
static void move_down(struct ring *r, u32 nr_taken)
{
	u32 shift = r->sq_shift - 6U;
	u32 nr = (r->sq.sqe_tail - nr_taken) << shift;
	const struct io_uring_sqe *from = r->sq.sqes + ((size_t)nr_taken << shift);

	for (u32 i = 0; nr_taken && i < nr; i++)
		r->sq.sqes[i] = from[i];
	r->sq.sqe_tail -= nr_taken;
}

static __attribute__((noinline)) int enter_rewound(struct ring *r, u32 to_submit, u32 wait_nr,
						   u32 flags, const void *arg, size_t arg_len_bytes)
{
	int ret = ring_do_enter(r, to_submit, wait_nr, flags, arg, arg_len_bytes);

	if (ret > 0)
		move_down(r, (u32)ret);
	return ret;
}

int ring_enter_special(struct ring *r, u32 to_submit, u32 wait_nr, u32 flags, const void *arg,
		       size_t arg_len_bytes)
{
	if (r->flags & IORING_SETUP_SQPOLL)
		return enter_sqpoll(r, wait_nr, flags, arg, arg_len_bytes);
	return enter_rewound(r, to_submit, wait_nr, flags, arg, arg_len_bytes);
}

/* Goes round as submit_rest() of ring/queue.c does; there is no index array that
 * could make the kernel skip an entry. */
int ring_submit_special(struct ring *r, u32 wait_nr, u32 flags, const void *arg,
			size_t arg_len_bytes)
{
	int total = 0;

	if (r->flags & IORING_SETUP_SQPOLL)
		return enter_sqpoll(r, wait_nr, flags, arg, arg_len_bytes);
	for (;;) {
		u32 want = r->sq.sqe_tail;
		int ret = enter_rewound(r, want, wait_nr, flags, arg, arg_len_bytes);

		if (ret < 0)
			return total ? total : ret;
		total += ret;
		if ((u32)ret == want || !ret)
			return total;
	}
}
