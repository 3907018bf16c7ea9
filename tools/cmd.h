/* SPDX-License-Identifier: MIT */
/*
 * What a verb is: one row, one function, one file tools/NOUN_VERB.c and one
 * line of tools/cmds.h. Help, usage and completion are made from the rows.
 */
#ifndef TOOLS_CMD_H
#define TOOLS_CMD_H

#include "tools/exit.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/free/start.h"
#include "uapi/rt/opt.h"
#include "uapi/rt/str.h"

/**
 * struct cmd_run - one call of a verb
 * @values: the verb's options, a struct of its own
 * @out:    standard output, buffered
 * @is_plain: messages go without "bareblk: NOUN VERB: " in front
 */
struct cmd_run {
	const struct cmd *cmd;
	const struct rt_start *start;
	const void *values;
	int argc;
	char **argv;
	struct fmt_buf *out;
	bool is_plain;
};

/* What the values of a verb's options may take */
#define CMD_VALUES_BYTES 512

/**
 * struct cmd_opts - options that one or several verbs have
 * @init: puts in values that are not 0 where no option is given; may be NULL
 */
struct cmd_opts {
	struct opt_table table;
	void (*init)(const struct cmd_run *r, void *values);
};

/* For a verb's row, of a list as for OPT_TABLE(): .opts = CMD_OPTS(OPTIONS, set_defaults) */
#define CMD_OPTS(list, init_)                                                                     \
	(&(const struct cmd_opts){ .table = OPT_TABLE(list), .init = (init_) })

/**
 * struct cmd - a row
 * @opts:     its options, or NULL
 * @run:      returns the exit code; errors are printed by cmd_fail()
 * @sets:     which of their rows are this verb's, see opt_in_sets()
 * @lists_targets: its help goes on with all targets
 * @text:     CMD_TEXT()
 */
struct cmd {
	const struct cmd_opts *opts;
	enum exit_code (*run)(const struct cmd_run *r);
	u32 sets;
	u8 min_args;
	u8 max_args;
	bool lists_targets;
	char text[];
};

/* For max_args: as many as the kernel hands over */
#define CMD_ANY_ARGS 0xff

/* The texts of a row: args is what stands after the options in the usage line, notes is
 * what else help says; both may be "". */
#define CMD_TEXT(noun, verb, args, summary, notes)                                                \
	noun "\0" verb "\0" args "\0" summary "\0" notes

static inline const char *cmd_noun(const struct cmd *cmd)
{
	return cmd->text;
}

static inline const char *cmd_verb(const struct cmd *cmd)
{
	return str_nth(cmd->text, 1);
}

static inline const char *cmd_args(const struct cmd *cmd)
{
	return str_nth(cmd->text, 2);
}

static inline const char *cmd_summary(const struct cmd *cmd)
{
	return str_nth(cmd->text, 3);
}

static inline const char *cmd_notes(const struct cmd *cmd)
{
	return str_nth(cmd->text, 4);
}

/* make DM= leaves the device mapper's verbs out */
#ifdef WITHOUT_DM
#define HAS_DM false
#else
#define HAS_DM true
#endif

#define CMD(noun, verb) extern const struct cmd cmd_##noun##_##verb;
#include "tools/cmds.h"
#undef CMD

/* cmd_flush() - write standard output now */
void cmd_flush(const struct cmd_run *r);

/* cmd_fail() - one line on standard error: what was tried, why; returns @code */
enum exit_code cmd_fail(const struct cmd_run *r, enum exit_code code, int err, const char *fmt,
			...) PRINTF_LIKE(4, 5);

/* cmd_usage() - cmd_fail() of a wrong command line: EXIT_USAGE */
enum exit_code cmd_usage(const struct cmd_run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* cmd_fail_ublk() - the same from a library error */
enum exit_code cmd_fail_ublk(const struct cmd_run *r, const struct ublk_error *error);

/* cmd_say() - one line on standard error that is no failure */
void cmd_say(const struct cmd_run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
