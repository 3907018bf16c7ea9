/* SPDX-License-Identifier: MIT */
/* The kernel's log. */
#include "tools/host/kmsg.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "uapi/sys.h"

int host_kmsg_open(void)
{
	int fd = sys_openat(AT_FDCWD, "/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
	long ret;

	if (fd < 0)
		return fd;
	ret = sys_lseek(fd, 0, SEEK_END);
	if (ret >= 0)
		return fd;
	(void)sys_close(fd);
	return (int)ret;
}

bool host_kmsg_next(int fd, char *record, size_t size)
{
	long ret;

	/* Overwritten before we came (EPIPE), or longer than this: the next one then. */
	do
		ret = sys_read(fd, record, size - 1);
	while (ret == -EPIPE || ret == -EINVAL || ret == -EINTR);
	record[ret > 0 ? ret : 0] = '\0';
	return ret > 0;
}
