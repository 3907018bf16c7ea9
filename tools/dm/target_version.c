/* SPDX-License-Identifier: MIT */
/* bareblk dm target-version: load target types, and tell their versions. */
#include "tools/dm/show.h"

const struct cmd cmd_dm_target_version = {
	.text = CMD_TEXT("dm", "target-version", "TYPE...",
			 "load target types and print their versions", ""),
	DM_OPTIONS(DM_SETS(JSON)),
	.min_args = 1,
	.max_args = CMD_ANY_ARGS,
	.run = dm_types_run,
};
