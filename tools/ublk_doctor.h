/* SPDX-License-Identifier: MIT */
/* An examination of the machine: what its two files share. */
#ifndef TOOLS_UBLK_DOCTOR_H
#define TOOLS_UBLK_DOCTOR_H

#include "tools/ctrl_child.h"
#include "tools/exit.h"
#include "tools/text/json.h"

/* How bad it is: a problem stops add, a warning is trouble to come, a note costs something */
enum level { LEVEL_OK, LEVEL_NOTE, LEVEL_WARNING, LEVEL_PROBLEM };

/**
 * struct doctor - one examination
 * @code:        what add would end with, because of the first problem; 0: there is none
 * @caps:        a bit per CAP_* that is in effect
 * @is_filtered: there is a seccomp filter
 * @has_ring:    a control ring can be made
 * @control:     number of the control node, 0: no driver
 * @may_open:    the control node is there, and ours to open
 */
struct doctor {
	struct json j;
	bool json;
	enum exit_code code;
	u64 caps;
	bool is_filtered;
	bool has_ring;
	bool may_open;
	u32 control;
	char release[65];
};

/* doctor_problem() - the level of one that makes add end with this; LEVEL_PROBLEM */
enum level doctor_problem(struct doctor *d, enum exit_code code);

/* doctor_found() - a finding: its name, for programs; the remedy, "" for none; what is */
void doctor_found(struct doctor *d, enum level level, const char *name, const char *remedy,
		  const char *fmt, ...) PRINTF_LIKE(5, 6);

static inline bool doctor_can(const struct doctor *d, u32 cap)
{
	return d->caps >> cap & 1;
}

/* doctor_number() - in a file of one line; -1: none */
s64 doctor_number(const char *path);

/* doctor_devices() - those without a server, those with one that hangs, and whether there may be
 * more; takes some seconds at most */
void doctor_devices(struct doctor *d, struct ctrl_child *child);

#endif
