/* SPDX-License-Identifier: MIT */
/* Stopping and deleting devices, whoever serves them: what del and stop share. */
#ifndef TOOLS_UBLK_REMOVE_H
#define TOOLS_UBLK_REMOVE_H

#include "tools/cmd.h"

extern const struct cmd_opts remove_opts;

/* ublk_remove() - stop every device of r->argv, and with @deletes delete them */
enum exit_code ublk_remove(const struct cmd_run *r, bool deletes);

#endif
