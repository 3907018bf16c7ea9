/* SPDX-License-Identifier: MIT */
/* bareblk completion bash: a completion for the shell, made from the rows. */
#include "tools/help.h"
#include "uapi/rt/str.h"

static void add_nouns(struct fmt_buf *out)
{
	const char *last = "";

	for (u32 i = 0; i < nr_cmds; i++) {
		if (!str_eq(cmds[i]->noun, last))
			fmt_add(out, "%s ", cmds[i]->noun);
		last = cmds[i]->noun;
	}
}

static void add_verbs(struct fmt_buf *out, const char *noun)
{
	for (u32 i = 0; i < nr_cmds; i++)
		if (str_eq(cmds[i]->noun, noun))
			fmt_add(out, "%s ", cmds[i]->verb);
}

static enum exit_code bash_run(const struct cmd_run *r)
{
	struct fmt_buf *out = r->out;
	const char *last = "";

	fmt_add(out, "# Completion of bareblk for bash: eval \"$(bareblk completion bash)\"\n"
		     "_bareblk()\n{\n\tlocal words=\"--help\"\n"
		     "\tcase \"$COMP_CWORD:${COMP_WORDS[1]}:${COMP_WORDS[2]}\" in\n\t1:*) words=\"");
	add_nouns(out);
	fmt_add(out, "--help --version\" ;;\n");
	for (u32 i = 0; i < nr_cmds; i++) {
		if (!str_eq(cmds[i]->noun, last)) {
			fmt_add(out, "\t2:%s:*) words=\"", cmds[i]->noun);
			add_verbs(out, cmds[i]->noun);
			fmt_add(out, "--help\" ;;\n");
		}
		last = cmds[i]->noun;
	}
	for (u32 i = 0; i < nr_cmds; i++) {
		fmt_add(out, "\t*:%s:%s) words=\"", cmds[i]->noun, cmds[i]->verb);
		for (u32 o = 0; o < cmds[i]->nr_opts; o++)
			fmt_add(out, "--%s ", cmds[i]->opts[o].name);
		fmt_add(out, "--help\" ;;\n");
	}
	fmt_add(out, "\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
		     "\"${COMP_WORDS[COMP_CWORD]}\")\n}\ncomplete -F _bareblk bareblk\n");
	return EXIT_OK;
}

const struct cmd cmd_completion_bash = {
	.noun = "completion",
	.verb = "bash",
	.summary = "print a completion for bash",
	.run = bash_run,
};
