/* SPDX-License-Identifier: MIT */
/* Names of block devices from /sys/dev/block. */
#include "tools/dm/sysname.h"

#include "tools/host/file.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

bool dm_sysname(u64 dev, enum dm_naming how, char out[DM_SYSNAME_BYTES])
{
	char number[DM_DEV_BYTES];
	char events[512];
	const char *name;
	size_t len = 0;

	dm_dev_text(number, dev);
	if (how == DM_NAMING_DEVNAME &&
	    *host_file_line(out, DM_SYSNAME_BYTES, "/sys/dev/block/%s/dm/name", number))
		return true;
	host_file_line(events, sizeof(events), "/sys/dev/block/%s/uevent", number);
	name = str_find(events, "DEVNAME=");
	for (name = name ? name + 8 : ""; name[len] && name[len] != '\n'; len++)
		;
	return fmt_print(out, DM_SYSNAME_BYTES, "%.*s", (int)len, name) > 0;
}

bool dm_sys_readahead(u64 dev, u64 *sectors)
{
	char number[DM_DEV_BYTES];
	char text[24];

	if (parse_u64(host_file_line(text, sizeof(text), "/sys/dev/block/%s/bdi/read_ahead_kb",
				     dm_dev_text(number, dev)), sectors))
		return false;
	*sectors *= 2;
	return true;
}
