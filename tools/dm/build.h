/* SPDX-License-Identifier: MIT */
/* A device from nothing to a live table, or nothing: what create does for each. */
#ifndef TOOLS_DM_BUILD_H
#define TOOLS_DM_BUILD_H

#include "dm/concise.h"
#include "tools/dm/nodes.h"

/**
 * struct dm_build - one device
 * @want: name and uuid as the kernel shall have them; a table, which may be empty: then
 *        there will be none
 * @info: once it is there
 * @is_made: all of it
 */
struct dm_build {
	struct dm_concise *want;
	struct dm_info info;
	bool is_made;
};

/* dm_build_one() - all of it; what was made is gone again after a failure. Prints. */
enum exit_code dm_build_one(struct dm_tool *t, struct dm_build *b, struct dm_nodes_run *n);

/* dm_build_undo() - remove what dm_build_one() has made; says so when it cannot */
void dm_build_undo(struct dm_tool *t, struct dm_build *b, struct dm_nodes_run *n);

#endif
