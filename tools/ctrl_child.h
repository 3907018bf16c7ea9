/* SPDX-License-Identifier: MIT */
/*
 * Control commands by way of a child process.
 *
 * A task that has a stuck command cannot exit: it waits for the command in the
 * kernel, deaf to SIGKILL. So the program never has one itself. A child sends
 * them; when an answer is late, the child is left behind, and named. It goes
 * as soon as the kernel answers, undoing an ADD_DEV that nobody waits for.
 *
 * SIGPIPE and SIGCHLD are ignored from ctrl_child_open() on.
 */
#ifndef TOOLS_CTRL_CHILD_H
#define TOOLS_CTRL_CHILD_H

#include "ublk/ctrl.h"
#include "ublk/error.h"

/**
 * struct ctrl_child - a way to the driver that can be abandoned
 * @ctrl: for ublk_dev_opts.ctrl and ublk_ctrl_*()
 * @pid:  of the child, 0 while there is none: it is made when it is needed
 */
struct ctrl_child {
	struct ublk_ctrl ctrl;
	s32 pid;
	s32 to_child;
	s32 from_child;
};

/* ctrl_child_init() - before anything else: for ublk_dev_create(), which opens it */
void ctrl_child_init(struct ctrl_child *child);

/**
 * ctrl_child_open() - ctrl_child_init(), find the driver and start the first child
 *
 * Opening loads the module and makes the control node where they are missing.
 *
 * Return: 0, or -errno with *error filled
 */
NODISCARD int ctrl_child_open(struct ctrl_child *child, struct ublk_error *error);

/* ctrl_child_rest() - end the child; the next command starts another */
void ctrl_child_rest(struct ctrl_child *child);

/* ctrl_child_stuck() - the pid of a child that had to be left behind, or 0 */
s32 ctrl_child_stuck(const struct ctrl_child *child);

#endif
