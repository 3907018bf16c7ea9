/* SPDX-License-Identifier: MIT */
/* Servers of one device, one after another. */
#ifndef TOOLS_UBLK_SUPERVISE_H
#define TOOLS_UBLK_SUPERVISE_H

#include "tools/cmd.h"

/* What a server returns that finds no device to recover: somebody has deleted it, or serves it */
#define SUPERVISE_GONE 100

/* struct supervise_plan - @serve runs in a process of its own each time
 *
 * @serve:       serves until the device ends, and returns its exit code; says by
 *               supervise_ready() when it is live. recovered_id: @dev_id at first, then the
 *               device's; is_next: it is not the first
 * @dev_id:      of a device that is to be recovered; UBLK_AUTO_ID: of none yet
 * @max_deaths:  so many servers may die in a row, each within ten seconds
 * @timeout_ns:  how long one may take to end when it is told to
 * @is_daemon:   SIGHUP is nothing to end for
 * @notify_fd:   for notify_ready()
 * @report_fd:   of a daemon: closed, and what else it has of its parent, once it is live; or -1
 */
struct supervise_plan {
	enum exit_code (*serve)(void *ctx, s32 recovered_id, s32 ready_fd, bool is_next);
	void *ctx;
	s32 dev_id;
	u32 max_deaths;
	u64 timeout_ns;
	bool is_daemon;
	s32 report_fd;
	s32 notify_fd;
};

void supervise_ready(s32 ready_fd, u32 dev_id);

/**
 * ublk_supervise() - keep a device in service, until a signal or its end
 *
 * When a server dies, the next takes over: at once for the first time, later ones after a
 * while that doubles. Then, or when the first of all did not begin, its exit code.
 */
enum exit_code ublk_supervise(const struct cmd_run *r, const struct supervise_plan *plan);

#endif
