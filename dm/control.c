/* SPDX-License-Identifier: MIT */
/* The control node and what it says of itself. */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "dm/dm.h"
#include "uapi/dm-ioctl.h"
#include "uapi/sys.h"

#define CONTROL_PATH "/dev/" DM_DIR "/" DM_CONTROL_NODE

/* The lowest version of the interface, which every 4.x accepts */
#define LOWEST_MAJOR 4
#define LOWEST_MINOR 0

int dm_control_open(void)
{
	return sys_openat(AT_FDCWD, CONTROL_PATH, O_RDONLY | O_CLOEXEC, 0);
}

void dm_control_close(int control_fd)
{
	if (control_fd >= 0)
		(void)sys_close(control_fd);
}

int dm_version_get(int control_fd, struct dm_version *version)
{
	struct dm_ioctl io = {
		.version = { LOWEST_MAJOR, LOWEST_MINOR, 0 },
		.data_size = sizeof(io),
		.data_start = sizeof(io),
	};
	int err = (int)sys_ioctl(control_fd, DM_VERSION, &io);

	*version = (struct dm_version){ 0 };
	/* A kernel that refuses our version has still written its own. */
	if (err == -EINVAL && io.version[0] != LOWEST_MAJOR)
		err = -EPROTONOSUPPORT;
	if (err < 0 && err != -EPROTONOSUPPORT)
		return err;
	*version = (struct dm_version){
		.major = io.version[0],
		.minor = io.version[1],
		.patchlevel = io.version[2],
	};
	return err;
}
