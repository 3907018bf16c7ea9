/* SPDX-License-Identifier: MIT */
/* Nodes of misc devices. */
#include "tools/host/misc.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "tools/host/file.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/node.h"

#define MISC_MAJOR 10 /* of every misc device, Documentation/admin-guide/devices.txt */

/* A line of /proc/misc is "239 loop-control", with blanks in front. */
static bool line_minor(const char *line, const char *name, u64 *minor)
{
	const char *end;

	while (*line == ' ')
		line++;
	if (parse_number(line, minor, &end) || *end != ' ')
		return false;
	end = str_starts(end + 1, name);
	return end && (*end == '\n' || *end == '\0');
}

/* In one step, whatever stands in its place */
static int put_node(const char *path, u32 dev)
{
	char trial[128];
	int err;

	fmt_print(trial, sizeof(trial), "%s.%d", path, sys_getpid());
	err = sys_mknodat(AT_FDCWD, trial, S_IFCHR | 0600, dev);
	if (err)
		return err;
	err = sys_renameat2(AT_FDCWD, trial, AT_FDCWD, path, 0);
	if (err)
		(void)sys_unlinkat(AT_FDCWD, trial, 0);
	return err;
}

int host_misc_find(const char *name, u32 *dev)
{
	char text[4096];
	long len = host_file_read(AT_FDCWD, "/proc/misc", text, sizeof(text));
	const char *line = text;

	if (len < 0)
		return (int)len;
	while (line) {
		const char *next = str_chr(line, '\n');
		u64 minor;

		if (line_minor(line, name, &minor)) {
			*dev = node_dev(MISC_MAJOR, (u32)minor);
			return 0;
		}
		line = next ? next + 1 : NULL;
	}
	return -ENOENT;
}

int host_misc_make_node(const char *path, const char *name)
{
	u32 dev = 0;
	int err = host_misc_find(name, &dev);

	return err ? err : put_node(path, dev);
}
