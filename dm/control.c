/* SPDX-License-Identifier: MIT */
/* The control node and what it says of itself. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "dm/ioctl.h"
#include "uapi/sys.h"

#define DIR_PATH "/dev/" DM_DIR
#define CONTROL_PATH DIR_PATH "/" DM_CONTROL_NODE

/* MISC_MAJOR and MAPPER_CTRL_MINOR of the kernel, since 2.6.36 */
#define CONTROL_MAJOR 10
#define CONTROL_MINOR 236

/* Without O_NONBLOCK a FIFO that stands there would wait for a writer. */
int dm_control_open(void)
{
	return sys_openat(AT_FDCWD, CONTROL_PATH, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
}

static bool is_control(const struct statx *st)
{
	return (st->stx_mode & S_IFMT) == S_IFCHR && st->stx_rdev_major == CONTROL_MAJOR &&
	       st->stx_rdev_minor == CONTROL_MINOR;
}

int dm_control_make(void)
{
	struct statx st;
	int err = sys_statx(AT_FDCWD, CONTROL_PATH, 0, STATX_TYPE, &st);

	if (!err && is_control(&st))
		return 0;
	err = sys_mkdirat(AT_FDCWD, DIR_PATH, 0755);
	if (err && err != -EEXIST)
		return err;
	/* A link that leads nowhere is in the way, too. */
	err = sys_unlinkat(AT_FDCWD, CONTROL_PATH, 0);
	if (err && err != -ENOENT)
		return err;
	err = sys_mknodat(AT_FDCWD, CONTROL_PATH, S_IFCHR | 0600,
			  (u32)dm_dev(CONTROL_MAJOR, CONTROL_MINOR));
	return err == -EEXIST ? 0 : err; /* somebody else was quicker */
}

void dm_control_close(int control_fd)
{
	if (control_fd >= 0)
		(void)sys_close(control_fd);
}

int dm_version_get(int control_fd, struct dm_version *version)
{
	struct dm_ioctl io;
	int err = dm_head_for(&io, DM_NOBODY, 0, 0);

	err = err ? err : dm_send(control_fd, DM_VERSION_CMD, &io, NULL);
	*version = (struct dm_version){ 0 };
	/* A kernel that refuses our version has still written its own. */
	if (!err || err == -EPROTONOSUPPORT)
		__builtin_memcpy(version, io.version, sizeof(*version));
	return err;
}
