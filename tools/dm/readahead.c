/* SPDX-License-Identifier: MIT */
/* See tools/dm/readahead.h. */
#include "tools/dm/readahead.h"

#include <linux/fcntl.h>

#include "tools/dm/sysname.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

/* Of what says a number: none is none, + only ever makes it more */
static int sectors_of(const char *text, u32 *sectors)
{
	*sectors = 0;
	return str_eq(text, "none") ? 0 : parse_u32(text + (*text == '+'), sectors);
}

/* auto is the kernel's own choice. */
static bool is_kept(const char *text)
{
	return !text || str_eq(text, "auto");
}

enum exit_code dm_readahead_check(const struct cmd_run *r)
{
	const char *text = dm_options(r)->readahead;
	u32 sectors;

	if (is_kept(text) || !sectors_of(text, &sectors))
		return EXIT_OK;
	return cmd_usage(r, "--readahead=%s: sectors, +sectors, auto or none", text);
}

void dm_readahead_set(const struct dm_tool *t, u64 dev)
{
	const char *wish = t->o->readahead;
	char number[DM_DEV_BYTES];
	char text[64];
	u32 sectors;
	u64 now;
	int fd;
	int err;

	if (is_kept(wish) || sectors_of(wish, &sectors) ||
	    (*wish == '+' && dm_sys_readahead(dev, &now) && now >= sectors))
		return;
	fmt_print(text, sizeof(text), "/sys/dev/block/%s/bdi/read_ahead_kb",
		  dm_dev_text(number, dev));
	fd = sys_openat(AT_FDCWD, text, O_WRONLY | O_CLOEXEC, 0);
	err = fd;
	if (fd >= 0) {
		size_t len = fmt_print(text, sizeof(text), "%llu", ((u64)sectors + 1) / 2);

		err = (int)sys_write(fd, text, len);
		(void)sys_close(fd);
	}
	if (err < 0)
		cmd_say(t->r, "%s: its read ahead: %s", number, err_text(err));
}
