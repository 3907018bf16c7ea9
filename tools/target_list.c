/* SPDX-License-Identifier: MIT */
/* bareblk target list: what can be served. */
#include "tools/cmd.h"
#include "tools/targets.h"

static enum exit_code list_run(const struct cmd_run *r)
{
	target_help_all(r->out);
	return EXIT_OK;
}

const struct cmd cmd_target_list = {
	.text = CMD_TEXT("target", "list", "", "list the targets and how they are written", ""),
	.run = list_run,
};
