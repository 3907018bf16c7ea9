/* SPDX-License-Identifier: MIT */
/* Files as text. */
#include "tools/host/file.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "uapi/rt/mem.h"
#include "uapi/sys.h"

/* Room for a name in a directory, and the directory */
#define PATH_BYTES 320

/* Up to size - 1 bytes and a NUL */
static long read_text(int fd, char *text, size_t size)
{
	size_t len = 0;
	long ret;

	do {
		ret = sys_read(fd, text + len, size - 1 - len);
		len += ret > 0 ? (size_t)ret : 0;
	} while ((ret > 0 || ret == -EINTR) && len < size - 1);
	text[len] = '\0';
	return ret < 0 ? ret : (long)len;
}

long host_file_read(int dirfd, const char *path, char *text, size_t size)
{
	int fd = sys_openat(dirfd, path, O_RDONLY | O_CLOEXEC, 0);
	long ret;

	if (fd < 0)
		return fd;
	ret = read_text(fd, text, size);
	(void)sys_close(fd);
	return ret;
}

const char *host_file_line(char *text, size_t size, const char *path, ...)
{
	char full[PATH_BYTES];
	va_list args;
	long len;

	va_start(args, path);
	(void)!fmt_vprint(full, sizeof(full), path, args);
	va_end(args);
	len = host_file_read(AT_FDCWD, full, text, size);
	if (len > 0 && text[len - 1] == '\n')
		len--;
	text[len > 0 ? len : 0] = '\0';
	return text;
}

/* What a file of /proc has only reading it tells, so the memory is doubled and it
 * is read on. */
static long load(int fd, struct pages *mem)
{
	size_t len = 0;
	int err = pages_map(mem, 64U << 10);

	while (!err) {
		struct pages more;
		long ret = read_text(fd, (char *)mem->addr + len, mem->len_bytes - len);

		if (ret < 0)
			return ret;
		len += (size_t)ret;
		if (len < mem->len_bytes - 1)
			return (long)len;
		if (mem->len_bytes >= HOST_FILE_MAX)
			return -EFBIG;
		err = pages_map(&more, 2 * mem->len_bytes);
		if (err)
			break;
		memcpy(more.addr, mem->addr, len);
		pages_unmap(mem);
		*mem = more;
	}
	return err;
}

long host_file_load(const char *path, struct pages *mem)
{
	int fd = path ? sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) : 0;
	long ret;

	*mem = (struct pages){ .addr = NULL };
	if (fd < 0)
		return fd;
	ret = load(fd, mem);
	if (path)
		(void)sys_close(fd);
	if (ret < 0)
		pages_unmap(mem);
	return ret;
}
