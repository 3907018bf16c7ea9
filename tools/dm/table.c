/* SPDX-License-Identifier: MIT */
/* bareblk dm table: tables of devices, keys hidden. */
#include "tools/dm/show.h"

static enum exit_code table_run(const struct cmd_run *r)
{
	return dm_lines_run(r, "params", DM_STATUS_TABLE_FLAG | DM_SECURE_DATA_FLAG);
}

const struct cmd cmd_dm_table = {
	.text = CMD_TEXT("dm", "table", "[DEVICE]...", "tables of devices", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(INACTIVE) | DM_SETS(NOFLUSH) | DM_SETS(TARGET) |
		   DM_SETS(CONCISE) | DM_SETS(KEYS) | DM_SETS(EXEC) |
		   DM_SETS(SELECT) | DM_SETS(JSON)),
	.max_args = CMD_ANY_ARGS,
	.run = table_run,
};
