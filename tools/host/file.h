/* SPDX-License-Identifier: MIT */
/* Small files of /proc and /sys, and whole ones of any size. */
#ifndef TOOLS_HOST_FILE_H
#define TOOLS_HOST_FILE_H

#include "uapi/rt/fmt.h"
#include "uapi/rt/pages.h"

/* host_file_read() - as much of a file as fits, terminated; its length or -errno */
NODISCARD long host_file_read(int dirfd, const char *path, char *text, size_t size);

/* host_file_line() - what a small file of sysfs says, without its newline; "" when it cannot be
 * read; returns text */
const char *host_file_line(char *text, size_t size, const char *path, ...) PRINTF_LIKE(3, 4);

/* Of a file that host_file_load() takes */
#define HOST_FILE_MAX (64U << 20)

/**
 * host_file_load() - the whole of a file, with a NUL behind it
 * @path: NULL for standard input
 * @mem:  for pages_unmap(); zeroed on failure
 *
 * Return: its length, or -errno; -EFBIG when it is more than HOST_FILE_MAX
 */
NODISCARD long host_file_load(const char *path, struct pages *mem);

#endif
