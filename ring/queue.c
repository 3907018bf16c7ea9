/* SPDX-License-Identifier: MIT */
/* Submitting and waiting: io_uring_enter(2). */
#include "ring/ring.h"

#include <asm/errno.h>
#include <linux/time_types.h>

#include "uapi/sys.h"

static int enter(struct ring *r, u32 to_submit, u32 wait_nr, u32 flags, const void *arg,
		 size_t arg_len_bytes)
{
	return sys_io_uring_enter(r->enter_fd, to_submit, wait_nr, flags | r->enter_flags, arg,
				  arg_len_bytes);
}

/*
 * The kernel waits only when it took everything that it was given, so a short
 * submission goes round again; it can be short once without making progress.
 */
static int submit(struct ring *r, u32 wait_nr, const void *arg, size_t arg_len_bytes, u32 flags)
{
	int total = 0;

	for (;;) {
		u32 want = ring_sq_ready(r);
		int ret;

		if (!want && !wait_nr)
			return total;
		ring_store_relaxed(r->sq.ktail, r->sq.sqe_tail);
		ret = enter(r, want, wait_nr, flags, arg, arg_len_bytes);
		if (ret < 0)
			return total ? total : ret;
		r->sq.sqe_head += (u32)ret;
		total += ret;
		if ((u32)ret == want || ret == 0)
			return total;
	}
}

int ring_submit(struct ring *r)
{
	return submit(r, 0, NULL, 0, 0);
}

int ring_submit_and_wait(struct ring *r, u32 wait_nr)
{
	return submit(r, wait_nr, NULL, 0, IORING_ENTER_GETEVENTS);
}

int ring_submit_and_wait_timeout(struct ring *r, u32 wait_nr, u64 timeout_ns)
{
	struct __kernel_timespec ts = {
		.tv_sec = (s64)(timeout_ns / 1000000000),
		.tv_nsec = (s64)(timeout_ns % 1000000000),
	};
	struct io_uring_getevents_arg arg = { .ts = (u64)(uintptr_t)&ts };

	if (timeout_ns == RING_NO_TIMEOUT)
		return ring_submit_and_wait(r, wait_nr);
	return submit(r, wait_nr, &arg, sizeof(arg), IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG);
}

int ring_get_events(struct ring *r)
{
	int ret = enter(r, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);

	return ret < 0 ? ret : 0;
}
