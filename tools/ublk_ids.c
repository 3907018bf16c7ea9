/* SPDX-License-Identifier: MIT */
/* Devices as arguments and as a list. */
#include "tools/ublk_ids.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

/* As getdents64(2) returns it; no header of the kernel's has it */
struct dirent64 {
	u64 ino;
	s64 off;
	u16 reclen;
	u8 type;
	char name[];
};

int ublk_id_parse(const char *text, u32 *id)
{
	const char *rest = str_starts(text, "/dev/");

	text = rest ? rest : text;
	rest = str_starts(text, "ublkb");
	return parse_u32(rest ? rest : text, id);
}

static void insert_sorted(u32 *ids, int nr, u32 id)
{
	for (; nr > 0 && ids[nr - 1] > id; nr--)
		ids[nr] = ids[nr - 1];
	ids[nr] = id;
}

static int take_entries(const char *entries, long len, u32 *ids, int nr)
{
	for (long at = 0; at < len && nr < UBLK_IDS_MAX;) {
		const struct dirent64 *e = (const void *)(entries + at);
		const char *number = str_starts(e->name, "ublkc");
		u32 id;

		if (number && !parse_u32(number, &id))
			insert_sorted(ids, nr++, id);
		at += e->reclen;
	}
	return nr;
}

int ublk_ids_all(u32 *ids)
{
	u64 buf[512];
	int fd = sys_openat(AT_FDCWD, "/sys/class/ublk-char", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int nr = 0;
	long len;

	if (fd < 0)
		return fd;
	while ((len = sys_getdents64(fd, buf, sizeof(buf))) > 0)
		nr = take_entries((const char *)buf, len, ids, nr);
	(void)sys_close(fd);
	return len < 0 ? (int)len : nr;
}
