/* SPDX-License-Identifier: MIT */
/* The control node and the modules behind it, made and loaded where nobody else does. */
#ifndef TOOLS_DM_CONTROL_H
#define TOOLS_DM_CONTROL_H

#include "tools/dm/run.h"

/**
 * dm_control_ready() - open the control node
 * @why: on failure: what to do about it
 *
 * A node that is missing is made, one that is something else is replaced, and
 * dm-mod is loaded if need be.
 *
 * Return: as dm_control_open()
 */
NODISCARD int dm_control_ready(struct diag *why);

/**
 * dm_control_load_types() - where the kernel cannot ask for modules, load a table's
 *
 * For before dm_load(). With modprobe, which the kernel calls by itself, it does
 * nothing. What cannot be loaded is said; the kernel will refuse the table then.
 */
void dm_control_load_types(const struct dm_tool *t, const struct dm_table *table);

/* dm_control_load_type() - the same for one target type */
void dm_control_load_type(const struct dm_tool *t, const char *type);

#endif
