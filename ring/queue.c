/* SPDX-License-Identifier: MIT */
/* Submitting and waiting: io_uring_enter(2). */
#include <asm/errno.h>
#include <linux/time_types.h>

#include "ring/internal.h"

/*
 * The kernel waits only when it took everything that it was given, so a short
 * submission goes round again, until it makes no progress. Its own head is what
 * counts then: an entry that it skipped is not in the number that it returned.
 */
static __attribute__((noinline)) int submit_rest(struct ring *r, int ret, u32 wait_nr, u32 flags,
						 const void *arg, size_t arg_len_bytes)
{
	int total = 0;

	for (;;) {
		u32 before = r->sq.sqe_end;
		u32 want;

		if (ret < 0)
			return total ? total : ret;
		total += ret;
		r->sq.sqe_end = ring_load_acquire(r->sq_khead) + r->sq_entries;
		want = ring_sq_prepared(r);
		if (r->sq.sqe_end == before || !(want | wait_nr))
			return total;
		ret = ring_do_enter(r, want, wait_nr, flags, arg, arg_len_bytes);
		if (ret == (int)want) {
			r->sq.sqe_end = r->sq.sqe_tail + r->sq_entries;
			return total + ret;
		}
	}
}

/* The short way is the usual one: one call, and the kernel takes everything. */
static inline int submit(struct ring *r, u32 wait_nr, u32 flags, const void *arg,
			 size_t arg_len_bytes)
{
	u32 end = r->sq.sqe_tail + r->sq_mask + 1; /* when all is taken */
	u32 want = end - r->sq.sqe_end;
	u32 ring_flags = r->enter_flags;
	int ret;

	if (__builtin_expect(ring_flags & RING_IS_SPECIAL, 0))
		return ring_submit_special(r, wait_nr, flags, arg, arg_len_bytes);
	ring_store_relaxed(r->sq.ktail, r->sq.sqe_tail);
	ret = sys_io_uring_enter(r->enter_fd, want, wait_nr, flags | ring_flags, arg,
				 arg_len_bytes);
	if (__builtin_expect(ret != (int)want, 0))
		return submit_rest(r, ret, wait_nr, flags, arg, arg_len_bytes);
	r->sq.sqe_end = end;
	return ret;
}

int ring_submit(struct ring *r)
{
	if (!ring_sq_prepared(r))
		return 0;
	return submit(r, 0, 0, NULL, 0);
}

int ring_submit_and_wait(struct ring *r, u32 wait_nr)
{
	return submit(r, wait_nr, IORING_ENTER_GETEVENTS, NULL, 0);
}

__attribute__((noinline)) int ring_submit_arg(struct ring *r, u32 wait_nr, u32 flags,
					      const void *arg, size_t arg_len_bytes)
{
	return submit(r, wait_nr, flags, arg, arg_len_bytes);
}

int ring_submit_and_wait_timeout(struct ring *r, u32 wait_nr, u64 timeout_ns)
{
	struct __kernel_timespec ts = {
		.tv_sec = (s64)(timeout_ns / 1000000000),
		.tv_nsec = (s64)(timeout_ns % 1000000000),
	};
	struct io_uring_getevents_arg arg = { .ts = (u64)(uintptr_t)&ts };
	bool is_timed = timeout_ns != RING_NO_TIMEOUT;

	return ring_submit_arg(r, wait_nr,
			       IORING_ENTER_GETEVENTS | (is_timed ? IORING_ENTER_EXT_ARG : 0),
			       is_timed ? &arg : NULL, is_timed ? sizeof(arg) : 0);
}

int ring_submit_and_get_events(struct ring *r)
{
	return ring_submit_and_wait(r, 0);
}

int ring_get_events(struct ring *r)
{
	int ret = ring_do_enter(r, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);

	return ret < 0 ? ret : 0;
}
