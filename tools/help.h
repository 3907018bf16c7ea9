/* SPDX-License-Identifier: MIT */
/* Help and usage, made from the rows. */
#ifndef TOOLS_HELP_H
#define TOOLS_HELP_H

#include "tools/cmd.h"

/* all rows, in the order of tools/cmds.h */
extern const struct cmd *const cmds[];
extern const u32 nr_cmds;

/* help_program() - every noun and verb */
void help_program(struct fmt_buf *out);

/* help_noun() - the verbs of a noun */
void help_noun(struct fmt_buf *out, const char *noun);

/* help_cmd() - a verb's usage, options and notes */
void help_cmd(struct fmt_buf *out, const struct cmd *cmd);

#endif
