/* SPDX-License-Identifier: MIT */
/* bareblk dm measure: what IMA measures of each target. */
#include "tools/dm/show.h"

static enum exit_code measure_run(const struct cmd_run *r)
{
	return dm_lines_run(r, "measurement", DM_IMA_MEASUREMENT_FLAG);
}

const struct cmd cmd_dm_measure = {
	.text = CMD_TEXT("dm", "measure", "[DEVICE]...",
			 "what IMA measures of each target of devices", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(INACTIVE) | DM_SETS(TARGET) | DM_SETS(EXEC) |
		   DM_SETS(SELECT) | DM_SETS(JSON)),
	.max_args = CMD_ANY_ARGS,
	.run = measure_run,
};
