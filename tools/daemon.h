/* SPDX-License-Identifier: MIT */
/*
 * Going into the background: the first process waits until the second says that
 * it is ready, or why not, and passes that on.
 */
#ifndef TOOLS_DAEMON_H
#define TOOLS_DAEMON_H

#include "tools/cmd.h"

#define DAEMON_LINE_BYTES 512

/* struct daemon_report - what the second process has to say, once */
struct daemon_report {
	s32 code; /* enum exit_code */
	char line[DAEMON_LINE_BYTES];
};

/**
 * daemon_fork() - make the second process
 * @report_fd: in the second process: where its struct daemon_report goes
 *
 * In the first process this does not return before the report, or @timeout_ms.
 *
 * Return: 0 in the second process; in the first an exit code or -errno, and
 * *report filled for an exit code
 */
NODISCARD int daemon_fork(s32 *report_fd, u32 timeout_ms, struct daemon_report *report);

/* daemon_report() - say so; the first process ends then */
void daemon_report(s32 report_fd, const struct daemon_report *report);

/* daemon_detach() - let go of the terminal, of standard files (messages go to the kernel's log)
 * and, unless somebody has a use for it, of the directory */
void daemon_detach(bool keeps_directory);

#endif
