/* SPDX-License-Identifier: MIT */
/* Waiting for device nodes, and making them. */
#include "ublk/node.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "uapi/sys.h"
#include "ublk/deadline.h"

/* With devtmpfs a node is there before the command that makes it returns; this
 * long a user-space device manager has before the node is made here. */
#define MANAGER_MS 100

#define FIRST_SLEEP_US 200
#define LAST_SLEEP_US 20000

bool node_is_there(const char *path)
{
	return sys_faccessat(AT_FDCWD, path, 0) == 0;
}

int node_appear(const char *path, u32 mode, u32 dev, u64 deadline, bool *made)
{
	u64 patience = deadline_in_ms(MANAGER_MS);
	u32 us = FIRST_SLEEP_US;
	int err;

	if (patience > deadline)
		patience = deadline;
	while (!node_is_there(path)) {
		if (deadline_sleep_us(patience, us)) {
			us = us < LAST_SLEEP_US ? us * 2 : us;
			continue;
		}
		err = sys_mknodat(AT_FDCWD, path, mode, dev);
		if (err && err != -EEXIST)
			return err;
		*made = !err;
		return 0;
	}
	return 0;
}

int node_open(const char *path, u32 mode, u32 dev, u64 deadline, bool *made)
{
	u32 us = FIRST_SLEEP_US;
	int err = node_appear(path, mode, dev, deadline, made);

	while (!err) {
		int fd = sys_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);

		if (fd != -ENOENT && fd != -EACCES && fd != -EBUSY)
			return fd;
		if (!deadline_sleep_us(deadline, us))
			return fd;
		us = us < LAST_SLEEP_US ? us * 2 : us;
	}
	return err;
}
