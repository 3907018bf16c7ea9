/* SPDX-License-Identifier: MIT */
/* Small files of /proc and /sys. */
#include "tools/host/file.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "uapi/sys.h"

long host_file_read(int dirfd, const char *path, char *text, size_t size)
{
	int fd = sys_openat(dirfd, path, O_RDONLY | O_CLOEXEC, 0);
	size_t len = 0;
	long ret;

	if (fd < 0)
		return fd;
	do {
		ret = sys_read(fd, text + len, size - 1 - len);
		len += ret > 0 ? (size_t)ret : 0;
	} while ((ret > 0 || ret == -EINTR) && len < size - 1);
	(void)sys_close(fd);
	text[len] = '\0';
	return ret < 0 ? ret : (long)len;
}
