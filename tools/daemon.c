/* SPDX-License-Identifier: MIT */
/* Going into the background. */
#include "tools/daemon.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>

#include "tools/ublk_notify.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"

#define FOREGROUND 1

static int wait_report(int fd, u32 timeout_ms, struct daemon_report *report)
{
	int err = deadline_wait_fd(fd, deadline_in_ms(timeout_ms));

	if (err)
		return err;
	/* End of file: the second process died before it could say anything. */
	return sys_read(fd, report, sizeof(*report)) == sizeof(*report) ? FOREGROUND : -EPIPE;
}

int daemon_fork(s32 *report_fd, u32 timeout_ms, struct daemon_report *report)
{
	int fds[2];
	int pid;
	int err = sys_pipe2(fds, O_CLOEXEC);

	if (err)
		return err;
	pid = sys_fork();
	if (pid == 0) {
		(void)sys_close(fds[0]);
		(void)sys_setsid();
		*report_fd = fds[1];
		return 0;
	}
	(void)sys_close(fds[1]);
	err = pid < 0 ? pid : wait_report(fds[0], timeout_ms, report);
	(void)sys_close(fds[0]);
	return err;
}

void daemon_report(s32 report_fd, const struct daemon_report *report)
{
	(void)sys_write(report_fd, report, sizeof(*report));
	(void)sys_close(report_fd);
}

void daemon_detach(bool keeps_directory)
{
	int fd = sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);

	if (fd < 0)
		fd = sys_memfd_create("null", MFD_CLOEXEC);
	for (int i = 0; fd >= 0 && i < 3; i++)
		(void)sys_dup3(fd, i, 0);
	(void)notify_log();
	if (fd > 2)
		(void)sys_close(fd);
	if (!keeps_directory)
		(void)sys_chdir("/");
}
