/* SPDX-License-Identifier: MIT */
/* See tools/host/wait.h. */
#include "tools/host/wait.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/poll.h>
#include <linux/time_types.h>

#include "uapi/rt/free/signal.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"

/* Who is waited for may have come without a word. */
#define TURN_NS 500000000

void host_wait_begin(struct host_waiting *w, u64 timeout_ns)
{
	const u64 mask = SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGTERM);

	(void)!signal_block(mask, NULL);
	w->signal_fd = signal_fd(mask, true);
	w->deadline = DEADLINE_NEVER;
	if (timeout_ns != HOST_WAIT_NEVER)
		w->deadline = deadline_in_ms(0) + timeout_ns;
}

int host_wait_turn(const struct host_waiting *w, int fd)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = w->signal_fd, .events = POLLIN },
		{ .fd = 1 },
	};
	u64 ns = deadline_left_ns(w->deadline);
	struct __kernel_timespec ts = { .tv_nsec = (s64)(ns < TURN_NS ? ns : TURN_NS) };

	if (!ns)
		return -ETIME;
	(void)sys_ppoll(fds, ARRAY_SIZE(fds), &ts);
	if (fds[1].revents)
		return -EINTR;
	return fds[2].revents & POLLERR ? -EPIPE : 0;
}
