/* SPDX-License-Identifier: MIT */
/* Another name, its node with it. */
#ifndef TOOLS_DM_RENAME_H
#define TOOLS_DM_RENAME_H

#include "tools/dm/change.h"

/* dm_change_rename() - the device whose state is in c->info, as the kernel shall have its name,
 * or its uuid. Does not print. */
int dm_change_rename(struct dm_change *c, const char *to, bool is_uuid);

#endif
