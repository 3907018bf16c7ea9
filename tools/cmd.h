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

/**
 * struct cmd_run - one call of a verb
 * @values: the verb's options, a struct of its own
 * @out:    standard output, buffered
 */
struct cmd_run {
	const struct cmd *cmd;
	const struct rt_start *start;
	const void *values;
	int argc;
	char **argv;
	struct fmt_buf *out;
};

/**
 * struct cmd - a row
 * @args:     what stands after the options, for the usage line, or NULL
 * @notes:    what else help says; may be NULL
 * @defaults: the options before any is given, values_bytes of them
 * @run:      returns the exit code; errors are printed by cmd_fail()
 * @help:     NULL, or prints more of the help
 */
struct cmd {
	const char *noun;
	const char *verb;
	const char *args;
	const char *summary;
	const char *notes;
	const struct opt *opts;
	u32 nr_opts;
	u32 values_bytes;
	const void *defaults;
	u8 min_args;
	u8 max_args;
	enum exit_code (*run)(const struct cmd_run *r);
	void (*help)(struct fmt_buf *out);
};

#define CMD(noun, verb) extern const struct cmd cmd_##noun##_##verb;
#include "tools/cmds.h"
#undef CMD

/* cmd_flush() - write standard output now */
void cmd_flush(const struct cmd_run *r);

/* cmd_fail() - one line on standard error: what was tried, why; returns @code */
enum exit_code cmd_fail(const struct cmd_run *r, enum exit_code code, int err, const char *fmt,
			...) PRINTF_LIKE(4, 5);

/* cmd_fail_ublk() - the same from a library error */
enum exit_code cmd_fail_ublk(const struct cmd_run *r, const struct ublk_error *error);

/* cmd_say() - one line on standard error that is no failure */
void cmd_say(const struct cmd_run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
