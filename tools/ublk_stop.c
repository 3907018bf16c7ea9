/* SPDX-License-Identifier: MIT */
/* bareblk ublk stop: remove the disk and end the server, keep the id. */
#include "tools/ublk_remove.h"

static enum exit_code stop_run(const struct cmd_run *r)
{
	return ublk_remove(r, false);
}

const struct cmd cmd_ublk_stop = {
	.text = CMD_TEXT("ublk", "stop", "DEVICE...",
			 "stop devices; their servers end, their ids stay taken",
			 "DEVICE is 0, ublkb0 or /dev/ublkb0. \"bareblk ublk del\" frees the id.\n"),
	.opts = &remove_opts,
	.sets = 1 << REMOVE_SET_ALL,
	.min_args = 1,
	.max_args = CMD_ANY_ARGS,
	.run = stop_run,
};
