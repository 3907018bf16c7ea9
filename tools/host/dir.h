/* SPDX-License-Identifier: MIT */
/* What is in a directory. */
#ifndef TOOLS_HOST_DIR_H
#define TOOLS_HOST_DIR_H

#include "uapi/types.h"

/**
 * struct host_dir - one that is being read
 * @fd: of the directory, or -errno
 */
struct host_dir {
	int fd;
	long at;
	long len;
	u64 entries[128];
};

/* host_dir_open() - begin; its descriptor, or -errno, and then there is no name in it */
int host_dir_open(struct host_dir *d, const char *path, ...) PRINTF_LIKE(2, 3);

/* host_dir_next() - a name, but . and .., which stays until the next call; NULL behind the last,
 * and it is closed */
const char *host_dir_next(struct host_dir *d);

#endif
