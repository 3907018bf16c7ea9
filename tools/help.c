/* SPDX-License-Identifier: MIT */
/* Help and usage, made from the rows. */
#include "tools/help.h"

#include "tools/targets.h"
#include "uapi/rt/str.h"

const struct cmd *const cmds[] = {
#define CMD(noun, verb) &cmd_##noun##_##verb,
#include "tools/cmds.h"
#undef CMD
};
const u32 nr_cmds = ARRAY_SIZE(cmds);

static void list_verbs(struct fmt_buf *out, const char *noun)
{
	for (u32 i = 0; i < nr_cmds; i++) {
		const struct cmd *c = cmds[i];

		if (noun && !str_eq(cmd_noun(c), noun))
			continue;
		fmt_add(out, "  %s %-*s %s\n", cmd_noun(c), 19 - (int)str_len(cmd_noun(c)),
			cmd_verb(c), cmd_summary(c));
	}
}

void help_program(struct fmt_buf *out)
{
	fmt_add(out, "Usage: bareblk NOUN VERB [OPTION]... [ARGUMENT]...\n"
		     "Linux block devices from one static program.\n\n");
	list_verbs(out, NULL);
	fmt_add(out, "\n  --help           this; after a noun or a verb, its own\n"
		     "  --version        which version this is\n\n"
		     "Called as \"ublk\"%s, the first word is left out.\n"
		     "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no permission, 4 not supported\n"
		     "here, 5 no such device, 6 busy or id taken, 7 a deadline passed, 8 out of\n"
		     "memory.\n", HAS_DM ? " or \"dmsetup\"" : "");
}

void help_noun(struct fmt_buf *out, const char *noun)
{
	fmt_add(out, "Usage: bareblk %s VERB [OPTION]... [ARGUMENT]...\n\n", noun);
	list_verbs(out, noun);
	fmt_add(out, "\n\"bareblk %s VERB --help\" tells more.\n", noun);
}

void help_cmd(struct fmt_buf *out, const struct cmd *cmd)
{
	fmt_add(out, "Usage: bareblk %s %s%s%s%s\n%s.\n", cmd_noun(cmd), cmd_verb(cmd),
		cmd->opts ? " [OPTION]..." : "", *cmd_args(cmd) ? " " : "", cmd_args(cmd),
		cmd_summary(cmd));
	if (cmd->opts) {
		fmt_add(out, "\n");
		opt_help(&cmd->opts->table, cmd->sets, out);
	}
	if (*cmd_notes(cmd))
		fmt_add(out, "\n%s", cmd_notes(cmd));
	if (cmd->lists_targets)
		target_help_all(out);
}
