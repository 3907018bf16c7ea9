/* SPDX-License-Identifier: MIT */
/* Waits that end. */
#include "ublk/deadline.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/futex.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "uapi/sys.h"

#define NS_PER_S 1000000000ULL

static u64 now_ns(void)
{
	struct __kernel_timespec ts = { 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

u64 deadline_in_ms(u32 ms)
{
	return ms == DEADLINE_MS_NEVER ? DEADLINE_NEVER : now_ns() + ms * 1000000ULL;
}

u64 deadline_left_ns(u64 deadline)
{
	u64 now;

	if (deadline == DEADLINE_NEVER)
		return DEADLINE_NEVER;
	now = now_ns();
	return deadline > now ? deadline - now : 0;
}

/* For system calls where no timeout is a NULL pointer */
static const struct __kernel_timespec *left_timespec(u64 deadline, struct __kernel_timespec *ts)
{
	u64 left = deadline_left_ns(deadline);

	ts->tv_sec = (s64)(left / NS_PER_S);
	ts->tv_nsec = (s64)(left % NS_PER_S);
	return deadline == DEADLINE_NEVER ? NULL : ts;
}

bool deadline_sleep_us(u64 deadline, u32 us)
{
	u64 left = deadline_left_ns(deadline);
	u64 ns = us * 1000ULL < left ? us * 1000ULL : left;
	struct __kernel_timespec ts = {
		.tv_sec = (s64)(ns / NS_PER_S),
		.tv_nsec = (s64)(ns % NS_PER_S),
	};

	if (!left)
		return false;
	(void)sys_nanosleep(&ts, NULL);
	return true;
}

int deadline_wait_word(u32 *word, u32 value, u64 deadline)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) {
		struct __kernel_timespec ts;
		const struct __kernel_timespec *left = left_timespec(deadline, &ts);

		if (sys_futex(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, left) == -ETIMEDOUT)
			return -ETIMEDOUT;
	}
	return 0;
}

void deadline_wake_word(u32 *word)
{
	(void)sys_futex(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 0x7fffffff, NULL);
}

int deadline_wait_fd(int fd, u64 deadline)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ret;

	do {
		struct __kernel_timespec ts;

		ret = sys_ppoll(&pfd, 1, left_timespec(deadline, &ts));
	} while (ret == -EINTR);
	return ret > 0 ? 0 : ret ? ret : -ETIMEDOUT;
}
