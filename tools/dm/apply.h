/* SPDX-License-Identifier: MIT */
/*
 * bareblk dm apply, between its files: apply.c reads the file and shows the plan,
 * apply_plan.c finds out what is to be done, apply_run.c does it, or takes it back.
 *
 * A device has two sides, how it shall be and how it was. Doing it brings all devices
 * to the one, and taking it back, in the same way, to the other.
 */
#ifndef TOOLS_DM_APPLY_H
#define TOOLS_DM_APPLY_H

#include "tools/dm/nodes.h"
#include "tools/text/decl.h"

/* From APPLY_CREATE on the table is another one. */
enum apply_action {
	APPLY_KEEP,
	APPLY_RESUME, /* the table is right, the device suspended */
	APPLY_CLEAR,  /* a table that was loaded and never resumed is in the way */
	APPLY_CREATE, /* also where there is one without a live table */
	APPLY_RELOAD, /* another table, or read-only or not any more */
	APPLY_REMOVE,
	APPLY_NR_ACTIONS,
};

/* Each is the other one's number ^ 1. */
enum apply_side {
	APPLY_NEW,
	APPLY_OLD,
	APPLY_NR_SIDES,
};

/**
 * struct apply_item - a device of the file, or one that is pruned
 * @line:       of the file
 * @minor:      as struct decl_device has it; of one that is to go its own
 * @err:        why it could not be brought to the side that it goes to
 * @dev:        its number, 0 as long as it has none
 * @flags:      DM_READONLY_FLAG, DM_SUSPEND_FLAG
 * @level:      above all that its table uses
 * @is_live:    it is there, with a table
 * @is_at:      it has been brought to that side, or has not left it
 * @is_there:   now
 * @is_used:    another one of the file had it open
 * @is_open:    somebody had
 * @is_cleared: it had a table that was loaded and not resumed
 * @is_loaded:  the table of the side that it goes to is
 * @name, @uuid: as the kernel has them
 */
struct apply_item {
	enum apply_action action;
	u32 line;
	s32 minor;
	int err;
	u64 dev;
	u32 flags[APPLY_NR_SIDES];
	u32 level[APPLY_NR_SIDES];
	bool is_live[APPLY_NR_SIDES];
	bool is_at[APPLY_NR_SIDES];
	bool is_there;
	bool is_used;
	bool is_open;
	bool is_cleared;
	bool is_loaded;
	struct dm_table table[APPLY_NR_SIDES];
	char name[DM_NAME_LEN];
	char uuid[DM_UUID_LEN];
};

/**
 * struct apply_look - what a table says of the devices that it uses
 * @side:    which of its device's it is
 * @level:   above all of them
 * @is_late: one of them has not come to that side yet
 * @missing: one of them is not there on that side
 */
struct apply_look {
	enum apply_side side;
	u32 level;
	bool is_late;
	const struct apply_item *missing;
};

/**
 * struct apply - one call
 * @to:     the side that is brought about
 * @signal: that stopped it, or 0
 * @is_settled: no level was changed in the last round
 * @failed: with @failed_err, and whether it was there then
 * @said:   the file's name, for messages
 */
struct apply {
	struct dm_tool t;
	enum apply_side to;
	u32 nr_changes;
	u32 max_level;
	int signal_fd;
	u32 signal;
	int failed_err;
	bool failed_there;
	bool is_settled;
	const struct apply_item *failed;
	struct apply_item *items;
	struct apply_item *end;
	const char *said;
	struct apply_look look;
	struct decl decl;
	struct dm_nodes_run nodes;
};

/* apply_look() - the table of a side, into @t, with device numbers in place of names that have
 * one; freed by the caller, whatever comes of it. Sets a->look. */
NODISCARD int apply_look(struct apply *a, const struct apply_item *it, enum apply_side side,
			 struct dm_table *t);

/* apply_find() - the device with that name, or uuid if it is not "", or NULL */
struct apply_item *apply_find(const struct apply *a, const char *name, const char *uuid);

/* apply_plan() - what is there, what is to be done, in which order; prints on failure */
enum exit_code apply_plan(struct apply *a);

/* apply_run() - do it, or leave everything as it was; prints on failure */
enum exit_code apply_run(struct apply *a);

/* apply_fail() - dm_tool_failed() for an item */
enum exit_code apply_fail(const struct apply *a, const struct apply_item *it, int err);

#endif
