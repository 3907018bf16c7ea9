/* SPDX-License-Identifier: MIT */
/* What is in a directory. */
#include "tools/host/dir.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define PATH_BYTES 1024

/* As getdents64(2) returns it; no header of the kernel's has it */
struct dirent64 {
	u64 ino;
	s64 off;
	u16 reclen;
	u8 type;
	char name[];
};

int host_dir_open(struct host_dir *d, const char *path, ...)
{
	char full[PATH_BYTES];
	va_list args;

	va_start(args, path);
	d->fd = fmt_vprint(full, sizeof(full), path, args) < sizeof(full) ? 0 : -ENAMETOOLONG;
	va_end(args);
	if (!d->fd)
		d->fd = sys_openat(AT_FDCWD, full, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	d->at = 0;
	d->len = 0;
	return d->fd;
}

const char *host_dir_next(struct host_dir *d)
{
	while (d->fd >= 0) {
		const struct dirent64 *e = (const void *)((const char *)d->entries + d->at);

		if (d->at < d->len) {
			d->at += e->reclen;
			if (!str_eq(e->name, ".") && !str_eq(e->name, ".."))
				return e->name;
			continue;
		}
		d->at = 0;
		d->len = sys_getdents64(d->fd, d->entries, sizeof(d->entries));
		if (d->len <= 0)
			break;
	}
	if (d->fd >= 0)
		(void)sys_close(d->fd);
	return NULL;
}
