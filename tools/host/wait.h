/* SPDX-License-Identifier: MIT */
/* Waiting that SIGINT and SIGTERM end, so that what was begun can be undone. */
#ifndef TOOLS_HOST_WAIT_H
#define TOOLS_HOST_WAIT_H

#include "uapi/types.h"

/**
 * struct host_waiting - from host_wait_begin()
 * @deadline: CLOCK_MONOTONIC, see ublk/deadline.h
 */
struct host_waiting {
	u64 deadline;
	int signal_fd;
};

/* host_wait_begin() - from now on, until the program ends, the two signals end waits, not
 * the process; HOST_WAIT_NEVER is for ever */
#define HOST_WAIT_NEVER (~0ULL)
void host_wait_begin(struct host_waiting *w, u64 timeout_ns);

/**
 * host_wait_turn() - until a file is readable, half a second has passed, a signal comes or
 *                    the time is up
 * @fd: or below 0 for none
 *
 * Return: 0, or
 *   -ETIME  the deadline has passed
 *   -EINTR  a signal has come
 *   -EPIPE  nobody reads standard output any more
 */
NODISCARD int host_wait_turn(const struct host_waiting *w, int fd);

#endif
