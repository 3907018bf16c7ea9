/* SPDX-License-Identifier: MIT */
/* bareblk dm clear: drop the table that is loaded but not live. */
#include "tools/dm/change.h"

static enum exit_code clear_one(struct dm_change *c)
{
	return dm_change_told(c, dm_clear(c->t.control_fd, c->w->id, &c->info));
}

static enum exit_code clear_run(const struct cmd_run *r)
{
	return dm_change_each(r, clear_one);
}

const struct cmd cmd_dm_clear = {
	.text = CMD_TEXT("dm", "clear", "DEVICE...",
			 "drop tables that are loaded but not live", ""),
	DM_OPTIONS(DM_SETS(DEVICE)),
	.max_args = CMD_ANY_ARGS,
	.run = clear_run,
};
