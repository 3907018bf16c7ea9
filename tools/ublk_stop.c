/* SPDX-License-Identifier: MIT */
/* bareblk ublk stop: remove the disk and end the server, keep the id. */
#include "tools/ublk_remove.h"

static enum exit_code stop_run(const struct cmd_run *r)
{
	return ublk_remove(r, false);
}

const struct cmd cmd_ublk_stop = {
	.noun = "ublk",
	.verb = "stop",
	.args = "DEVICE...",
	.summary = "stop devices; their servers end, their ids stay taken",
	.notes = "DEVICE is 0, ublkb0 or /dev/ublkb0. \"bareblk ublk del\" frees the id.\n",
	.opts = remove_opts,
	.nr_opts = ARRAY_SIZE(remove_opts),
	.values_bytes = sizeof(struct remove_values),
	.defaults = &remove_defaults,
	.min_args = 1,
	.max_args = 255,
	.run = stop_run,
};
