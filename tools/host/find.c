/* SPDX-License-Identifier: MIT */
/* Block devices by what they are called. */
#include "tools/host/find.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "dm/node.h"
#include "tools/host/dir.h"
#include "tools/host/file.h"
#include "tools/text/disk.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define DIR "/sys/class/block"
#define OFFSET "/PARTNROFF="
#define LINE_BYTES 128 /* more than any of them has */

bool host_find_number(const char *text, u64 *dev)
{
	const char *rest;
	u64 major;
	u32 minor;

	if (parse_number(text, &major, &rest) || *rest != ':' || parse_u32(rest + 1, &minor) ||
	    major > DM_MAX_MAJOR || minor > DM_MAX_MINOR)
		return false;
	*dev = dm_dev((u32)major, minor);
	return true;
}

/* By a node of our own, for as long as it takes: there may be nobody who makes one, and
 * one of that name may be another's. */
static bool read_partuuid(const char *name, const char *nr, char uuid[37])
{
	_Alignas(u64) u8 disk[DISK_BYTES] = { 0 };
	char path[40];
	u64 number;
	u64 dev;

	if (parse_number(nr, &number, &nr) ||
	    !host_find_number(host_file_line(path, sizeof(path), DIR "/%s/../dev", name), &dev))
		return false;
	fmt_print(path, sizeof(path), "/dev/.bareblk.%d", sys_getpid());
	if (sys_mknodat(AT_FDCWD, path, S_IFBLK | 0600, (u32)dev))
		return false;
	(void)!host_file_read(AT_FDCWD, path, (char *)disk, sizeof(disk));
	(void)sys_unlinkat(AT_FDCWD, path, 0);
	return disk_partuuid(disk, (u32)number, uuid);
}

/* The line is in the partition's file uevent, or would be if the kernel told all. */
static bool has_line(const char *name, const char *line)
{
	char uevent[1024];
	char uuid[37];
	const char *nr = str_find(host_file_line(uevent, sizeof(uevent) - 64, DIR "/%s/uevent", name),
				  "\nPARTN=");
	bool is_told = !nr || str_find(nr, "\nPARTUUID=") || !read_partuuid(name, nr + 7, uuid);

	fmt_print(uevent + str_len(uevent), 64, is_told ? "\n" : "\nPARTUUID=%s\n", uuid);
	return str_find(uevent, line) != NULL;
}

static int search(const char *line, char found[64], struct diag *why)
{
	struct host_dir dir;
	const char *name;
	int err = -ENOENT;

	(void)host_dir_open(&dir, DIR);
	while ((name = host_dir_next(&dir))) {
		if (!has_line(name, line))
			continue;
		err = err == -ENOENT ? 0 : diag_set(why, -ENOTUNIQ, "%s has it, and %s", found, name);
		(void)!str_copy(found, 64, name);
	}
	return err;
}

/* As the kernel has it: uuids in lower case, of a label's characters 7 bits */
static void make_line(char line[LINE_BYTES], bool is_label, const char *value, const char *end)
{
	char *to = line + fmt_print(line, LINE_BYTES, is_label ? "\nPARTNAME=" : "\nPARTUUID=");

	while (value < end && to < line + LINE_BYTES - 2) {
		u32 c = (u8)*value++;

		while ((*value & 0xc0) == 0x80)
			c = c << 6 | (*value++ & 0x3f);
		c &= 0x7f;
		if (is_label && (c < ' ' || c == 0x7f))
			c = '!';
		*to++ = is_label ? (char)c : str_lower((char)c);
	}
	*to++ = '\n';
	*to = '\0';
}

/* The partition that stands so many numbers behind it: its name ends in the number */
static void step(char name[64], s32 by)
{
	char *nr = name + str_len(name);
	u32 old;

	while (nr > name && str_is_digit(nr[-1]))
		nr--;
	if (by && !parse_u32(nr, &old))
		fmt_print(nr, 12, "%u", old + (u32)by);
}

static int by_value(const char *spec, char name[64], struct diag *why)
{
	const char *uuid = str_starts(spec, "PARTUUID=");
	const char *value = uuid ? uuid : str_starts(spec, "PARTLABEL=");
	const char *offset = uuid ? str_find(uuid, OFFSET) : NULL;
	char line[LINE_BYTES];
	s32 by = 0;
	int err;

	if (!value || (offset && parse_s32(offset + sizeof(OFFSET) - 1, &by)))
		return -EINVAL;
	make_line(line, !uuid, value, offset ? offset : value + str_len(value));
	err = search(line, name, why);
	if (!err)
		step(name, by);
	return err;
}

int host_find(const char *spec, u64 *dev, struct diag *why)
{
	const char *path = str_starts(spec, "/dev/");
	char name[64];
	char number[24];
	int err;

	if (path) {
		if (!dm_node_find(spec, dev))
			return 0;
		(void)!str_copy(name, sizeof(name), path);
		for (char *c = name; *c; c++)
			*c = *c == '/' ? '!' : *c;
	} else {
		err = by_value(spec, name, why);
		if (err)
			return err;
	}
	if (host_find_number(host_file_line(number, sizeof(number), DIR "/%s/dev", name), dev))
		return 0;
	return -ENOENT;
}
