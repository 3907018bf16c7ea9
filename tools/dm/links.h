/* SPDX-License-Identifier: MIT */
/* Which device uses which, in the order in which dmsetup finds it out. */
#ifndef TOOLS_DM_LINKS_H
#define TOOLS_DM_LINKS_H

#include "dm/reply.h"
#include "uapi/rt/pages.h"

/* struct dm_link - @ends: [0] is used by [1], which is 0 where a device was found in the list */
struct dm_link {
	u64 ends[2];
};

/* struct dm_links - zero it at first; each device is used in one of them at least */
struct dm_links {
	struct pages mem;
	struct dm_reply reply;
	u32 nr;
};

/* dm_links_add() - a device, and, if it is a new one, all that it stands on; 0 or -errno */
NODISCARD int dm_links_add(struct dm_links *l, int control_fd, u64 dev);

/* dm_links_find() - the first from the @from'th on that has @dev at that end, or l->nr */
u32 dm_links_find(const struct dm_links *l, u64 dev, u32 end, u32 from);

static inline const struct dm_link *dm_links_at(const struct dm_links *l, u32 idx)
{
	return (const struct dm_link *)l->mem.addr + idx;
}

#endif
