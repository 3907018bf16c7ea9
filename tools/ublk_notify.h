/* SPDX-License-Identifier: MIT */
/* What others are told of a server: whoever started it, and whoever ends all processes. */
#ifndef TOOLS_UBLK_NOTIFY_H
#define TOOLS_UBLK_NOTIFY_H

#include "tools/cmd.h"

/**
 * notify_ready() - the disk is there, for as long as this process is
 * @fd: gets an empty line, and is closed (-1: nobody waits there)
 *
 * A service manager is told by the datagram that it waits for, at NOTIFY_SOCKET: the protocol of
 * sd_notify(3), with this process's number.
 */
void notify_ready(const struct cmd_run *r, s32 fd, u32 dev_id);

/* notify_stopping() - the same of its end */
void notify_stopping(const struct cmd_run *r);

/* notify_survivor() - in an initramfs: whoever kills all processes before the root file system is
 * unmounted spares those whose name in ps begins with @ (systemd's convention) */
void notify_survivor(const struct cmd_run *r);

/* notify_log() - from now on messages go to the kernel's log; false where that cannot be had */
bool notify_log(void);

#endif
