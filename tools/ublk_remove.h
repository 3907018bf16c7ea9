/* SPDX-License-Identifier: MIT */
/* Stopping and deleting devices, whoever serves them: what del, stop and gc share. */
#ifndef TOOLS_UBLK_REMOVE_H
#define TOOLS_UBLK_REMOVE_H

#include "tools/cmd.h"

enum { REMOVE_SET_ALL, REMOVE_SET_DEL };

struct remove_values {
	u64 timeout_ns;
	bool only_orphan; /* what somebody serves, or another program has made, is left alone */
	bool only_unused; /* --safe */
	bool kills;	  /* --force */
};

extern const struct cmd_opts remove_opts;

/* ublk_remove() - stop every device of r->argv, and with @deletes delete them; r->values is a
 * struct remove_values */
enum exit_code ublk_remove(const struct cmd_run *r, bool deletes);

#endif
