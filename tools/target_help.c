/* SPDX-License-Identifier: MIT */
/* bareblk target help: everything about one target. */
#include "tools/cmd.h"
#include "tools/targets.h"

static enum exit_code help_run(const struct cmd_run *r)
{
	if (target_help_one(r->out, r->argv[0]))
		return EXIT_OK;
	return cmd_fail(r, EXIT_USAGE, 0, "no target is called %s; see \"bareblk target list\"",
			r->argv[0]);
}

const struct cmd cmd_target_help = {
	.text = CMD_TEXT("target", "help", "NAME", "explain one target and its parameters", ""),
	.min_args = 1,
	.max_args = 1,
	.run = help_run,
};
