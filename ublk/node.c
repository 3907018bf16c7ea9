/* SPDX-License-Identifier: MIT */
/* Waiting for device nodes, and making them. */
#include "ublk/node.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "uapi/sys.h"
#include "ublk/deadline.h"

/* With devtmpfs a node is there before the command that makes it returns; this
 * long a user-space device manager has before the node is made here. */
#define MANAGER_MS 100

/* R_OK | W_OK of access(2), which no header of the kernel's has */
#define ACCESS_READ_WRITE 6

#define FIRST_SLEEP_US 200
#define LAST_SLEEP_US 20000

bool node_is_there(const char *path)
{
	return sys_faccessat(AT_FDCWD, path, 0) == 0;
}

/* A name alone proves nothing: where nobody looks after /dev, the node of a
 * server that was killed stays, and its numbers may be another disk's by now. */
static bool is_of(const char *path, u32 mode, u32 dev)
{
	struct statx st;

	return sys_statx(AT_FDCWD, path, 0, STATX_TYPE, &st) == 0 &&
	       (st.stx_mode & S_IFMT) == (mode & S_IFMT) &&
	       node_dev(st.stx_rdev_major, st.stx_rdev_minor) == dev;
}

int node_await(const char *path, u64 deadline)
{
	int err;

	do
		err = sys_faccessat(AT_FDCWD, path, ACCESS_READ_WRITE);
	while (err && deadline_sleep_us(deadline, LAST_SLEEP_US));
	return err;
}

int node_appear(const char *path, u32 mode, u32 dev, u64 deadline, bool *made)
{
	u64 patience = deadline_in_ms(MANAGER_MS);
	u32 us = FIRST_SLEEP_US;
	int err;

	if (!made || patience > deadline)
		patience = deadline;
	while (!is_of(path, mode, dev)) {
		if (deadline_sleep_us(patience, us)) {
			us = us < LAST_SLEEP_US ? us * 2 : us;
			continue;
		}
		if (!made)
			return -ENOENT;
		(void)sys_unlinkat(AT_FDCWD, path, 0);
		err = sys_mknodat(AT_FDCWD, path, mode, dev);
		*made = !err;
		/* Somebody was quicker: that must be the right one, then. */
		return err == -EEXIST && is_of(path, mode, dev) ? 0 : err;
	}
	return 0;
}

int node_open(const char *path, u32 mode, u32 dev, u64 deadline, bool *made)
{
	u32 us = FIRST_SLEEP_US;
	int err = node_appear(path, mode, dev, deadline, made);

	while (!err) {
		/* O_NONBLOCK: the ring's reads and writes run at once and on this thread. */
		int fd = sys_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0);

		if (fd != -ENOENT && fd != -EACCES && fd != -EBUSY)
			return fd;
		if (!deadline_sleep_us(deadline, us))
			return fd;
		us = us < LAST_SLEEP_US ? us * 2 : us;
	}
	return err;
}
