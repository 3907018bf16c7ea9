/* SPDX-License-Identifier: MIT */
/* Nodes as the kernel has the devices. */
#ifndef TOOLS_DM_MKNODES_H
#define TOOLS_DM_MKNODES_H

#include "tools/dm/run.h"

/* dm_mknodes() - all: made where missing, removed where no device's; prints */
enum exit_code dm_mknodes(struct dm_tool *t);

/* dm_mknodes_one() - that of one device; prints */
enum exit_code dm_mknodes_one(struct dm_tool *t, const struct dm_which *w);

#endif
