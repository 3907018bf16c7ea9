/* SPDX-License-Identifier: MIT */
/* bareblk ublk del: stop devices and delete them. */
#include "tools/ublk_remove.h"

static enum exit_code del_run(const struct cmd_run *r)
{
	return ublk_remove(r, true);
}

const struct cmd cmd_ublk_del = {
	.text = CMD_TEXT("ublk", "del", "DEVICE...", "stop devices and delete them",
			 "DEVICE is 0, ublkb0 or /dev/ublkb0. Works on devices of dead servers and of\n"
			 "other programs as well. Requests in flight are completed first, by their\n"
			 "server; whoever has the device mounted gets errors from then on.\n"),
	.opts = &remove_opts,
	.sets = 1 << REMOVE_SET_ALL | 1 << REMOVE_SET_DEL,
	.min_args = 1,
	.max_args = CMD_ANY_ARGS,
	.run = del_run,
};
