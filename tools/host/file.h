/* SPDX-License-Identifier: MIT */
/* Small files of /proc and /sys. */
#ifndef TOOLS_HOST_FILE_H
#define TOOLS_HOST_FILE_H

#include "uapi/types.h"

/* host_file_read() - as much of a file as fits, terminated; its length or -errno */
NODISCARD long host_file_read(int dirfd, const char *path, char *text, size_t size);

#endif
