/* SPDX-License-Identifier: MIT */
/* --check: what the kernel says of a table, without a device that anybody could see used. */
#ifndef TOOLS_DM_CHECK_H
#define TOOLS_DM_CHECK_H

#include "dm/table.h"
#include "tools/dm/run.h"

/**
 * dm_tool_check() - load a table into a device that is never resumed, and remove it
 * @flags: as dm_load()
 * @said:  whose table it is, for messages
 *
 * Refuses targets that write to their disks when they are loaded. Signals wait
 * until the device is gone. Prints on failure.
 */
enum exit_code dm_tool_check(struct dm_tool *t, struct dm_table *table, u32 flags,
			     const char *said);

#endif
