/* SPDX-License-Identifier: MIT */
/*
 * Verbs that change devices, one after the other: those that were named, or all
 * that there are.
 *
 *	dm_change_open(&c, r, false);
 *	dm_change_walk(&c, one);
 *	return dm_change_close(&c);
 */
#ifndef TOOLS_DM_CHANGE_H
#define TOOLS_DM_CHANGE_H

#include "tools/dm/nodes.h"

/**
 * struct dm_change - one call of such a verb
 * @w:      the device that it is at
 * @one:    what is done to each
 * @code:   the first failure
 * @nodes:  of a verb that takes DM_SET_UDEV
 * @is_all: none was named: one that is gone by now is no failure
 * @nr_all: devices that there are then
 * @argc, @argv: the words behind the device, of dm_change_words()
 * @info:   for what the kernel says of that one
 */
struct dm_change {
	struct dm_tool t;
	const struct dm_which *w;
	enum exit_code (*one)(struct dm_change *c);
	enum exit_code code;
	bool is_all;
	u32 nr_all;
	int argc;
	char **argv;
	struct dm_nodes_run nodes;
	struct dm_info info;
};

/* dm_change_open() - @takes_all: where none is named all are meant */
void dm_change_open(struct dm_change *c, const struct cmd_run *r, bool takes_all);

/* dm_change_walk() - do it to each of them, going on after a failure unless called as
 * dmsetup; can be called again. Nothing, if it could not be opened. */
void dm_change_walk(struct dm_change *c, enum exit_code (*one)(struct dm_change *c));

/* dm_change_close() - wait for udev, put nodes right; returns the first failure */
enum exit_code dm_change_close(struct dm_change *c);

/* dm_change_each() - all of this for devices that are named */
enum exit_code dm_change_each(const struct cmd_run *r, enum exit_code (*one)(struct dm_change *c));

/* dm_change_words() - the same for one device, with min words behind it, or as many as the
 * verb's row has room for */
enum exit_code dm_change_words(const struct cmd_run *r, int min,
			       enum exit_code (*one)(struct dm_change *c));

/* dm_change_sync() - wait for udev now: what comes next needs a device that it has let go */
enum exit_code dm_change_sync(struct dm_change *c);

/* dm_change_note() - keep a failure if it is the first */
void dm_change_note(struct dm_change *c, enum exit_code code);

/* dm_change_done() - the end of a command; says why it failed */
enum exit_code dm_change_done(const struct dm_change *c, int err);

/* dm_change_told() - the same, and what became of the device with -v */
enum exit_code dm_change_told(const struct dm_change *c, int err);

/* dm_change_io_flags() - for suspending: --noflush, --nolockfs */
u32 dm_change_io_flags(const struct dm_tool *t);

/* Without waiting for what is queued */
#define DM_WIPE_NOW (DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG)

/* dm_change_wipe() - errors in place of the device's live table; then udev has let it go.
 * Flags as dm_replace_with_errors(). Does not print. */
int dm_change_wipe(struct dm_change *c, u32 flags);

#endif
