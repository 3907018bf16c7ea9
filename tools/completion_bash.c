/* SPDX-License-Identifier: MIT */
/* bareblk completion bash: a completion for the shell, made from the rows. */
#include "tools/help.h"
#include "uapi/rt/str.h"

static void add_nouns(struct fmt_buf *out)
{
	const char *last = "";

	for (u32 i = 0; i < nr_cmds; i++) {
		if (!str_eq(cmd_noun(cmds[i]), last))
			fmt_add(out, "%s ", cmd_noun(cmds[i]));
		last = cmd_noun(cmds[i]);
	}
}

static void add_verbs(struct fmt_buf *out, const char *noun)
{
	for (u32 i = 0; i < nr_cmds; i++)
		if (str_eq(cmd_noun(cmds[i]), noun))
			fmt_add(out, "%s ", cmd_verb(cmds[i]));
}

static void add_options(struct fmt_buf *out, const struct cmd *cmd)
{
	const struct opt_table *table = cmd->opts ? &cmd->opts->table : NULL;

	for (u32 i = 0; table && i < table->nr; i++) {
		const char *name = opt_name(table, i);

		if (*str_nth(name, OPT_HELP) && opt_in_sets(&table->rows[i], cmd->sets))
			fmt_add(out, "--%s ", name);
	}
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
		if (!str_eq(cmd_noun(cmds[i]), last)) {
			fmt_add(out, "\t2:%s:*) words=\"", cmd_noun(cmds[i]));
			add_verbs(out, cmd_noun(cmds[i]));
			fmt_add(out, "--help\" ;;\n");
		}
		last = cmd_noun(cmds[i]);
	}
	for (u32 i = 0; i < nr_cmds; i++) {
		fmt_add(out, "\t*:%s:%s) words=\"", cmd_noun(cmds[i]), cmd_verb(cmds[i]));
		add_options(out, cmds[i]);
		fmt_add(out, "--help\" ;;\n");
	}
	fmt_add(out, "\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
		     "\"${COMP_WORDS[COMP_CWORD]}\")\n}\ncomplete -F _bareblk bareblk\n");
	return EXIT_OK;
}

const struct cmd cmd_completion_bash = {
	.text = CMD_TEXT("completion", "bash", "", "print a completion for bash", ""),
	.run = bash_run,
};
