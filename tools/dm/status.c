/* SPDX-License-Identifier: MIT */
/* bareblk dm status: the state of each target. */
#include "tools/dm/show.h"

static enum exit_code status_run(const struct cmd_run *r)
{
	return dm_lines_run(r, "status", 0);
}

const struct cmd cmd_dm_status = {
	.text = CMD_TEXT("dm", "status", "[DEVICE]...", "state of each target of devices", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(INACTIVE) | DM_SETS(NOFLUSH) | DM_SETS(TARGET) |
		   DM_SETS(EXEC) | DM_SETS(SELECT) | DM_SETS(JSON)),
	.max_args = CMD_ANY_ARGS,
	.run = status_run,
};
