/* SPDX-License-Identifier: MIT */
/* Devices that are made together. */
#ifndef TOOLS_DM_CONCISE_H
#define TOOLS_DM_CONCISE_H

#include "tools/dm/build.h"

/**
 * struct dm_many - all of them, or none
 * @nodes: begun by whoever makes them
 * @slots: @nr of them, in @mem
 *
 * Zeroed, with its tool set. For dm_many_free(), always.
 */
struct dm_many {
	struct dm_tool *t;
	struct dm_slot {
		struct dm_concise want;
		struct dm_build build;
	} *slots;
	u32 nr;
	struct pages mem;
	struct dm_nodes_run nodes;
};

/* dm_many_room() - for so many; prints */
enum exit_code dm_many_room(struct dm_many *m, u32 nr);

/* dm_many_add() - one more: what is wanted of it stands in its slot, but for the name and the
 * uuid, if any, as the user has them; prints */
enum exit_code dm_many_add(struct dm_many *m, const char *name, const char *uuid);

/* dm_many_parse() - room, and all that a text in the concise form has; prints */
enum exit_code dm_many_parse(struct dm_many *m, const char *text);
void dm_many_free(struct dm_many *m);

/* dm_many_undo() - remove those that dm_build_one() has made, the last one first */
void dm_many_undo(struct dm_many *m);

#endif
