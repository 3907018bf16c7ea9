/* SPDX-License-Identifier: MIT */
/* Text that a user hands over: tables, and devices in one line. It may hold keys. */
#ifndef TOOLS_DM_INPUT_H
#define TOOLS_DM_INPUT_H

#include "dm/table.h"
#include "tools/dm/run.h"
#include "uapi/rt/pages.h"

/**
 * dm_input_read() - a file as a whole, with a NUL behind it; prints on failure
 * @path:  NULL for standard input, and "-" unless called as dmsetup
 * @bytes: what it has without that NUL
 */
enum exit_code dm_input_read(const struct dm_tool *t, const char *path, struct pages *text,
			     size_t *bytes);

/* dm_input_free() - wiped */
void dm_input_free(struct pages *text, size_t bytes);

/* dm_input_table() - from --table, else from the file, else from standard input; prints
 * on failure. May be empty. */
enum exit_code dm_input_table(const struct dm_tool *t, const char *path, struct dm_table *table);

/* dm_input_flags() - for dm_load(): read-only if asked for, secure where keys may be */
u32 dm_input_flags(const struct dm_tool *t, const struct dm_table *table);

/* dm_tool_load() - dm_load() with these flags and more, its targets' modules loaded before */
NODISCARD int dm_tool_load(struct dm_tool *t, struct dm_id id, struct dm_table *table, u32 flags,
			   struct dm_info *info);

#endif
