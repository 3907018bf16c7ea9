/* SPDX-License-Identifier: MIT */
/* See tools/dm/links.h. */
#include "tools/dm/links.h"

#include <asm/errno.h>

/* What is reserved; what is used of it is what costs */
#define MAX_LINKS (1U << 22)

/* Devices upon each other that are followed */
#define MAX_DEPTH 128

struct step {
	u64 dev;
	u32 pos;
};

u32 dm_links_find(const struct dm_links *l, u64 dev, u32 end, u32 from)
{
	while (from < l->nr && dm_links_at(l, from)->ends[end] != dev)
		from++;
	return from;
}

/* The next device that one uses: 1, 0 when there is no more, or -errno. One that is not the
 * device mapper's, or is gone, uses none. */
static int next_used(struct dm_links *l, int control_fd, struct step *at, u64 *used)
{
	int err = dm_deps(control_fd, dm_by_dev(at->dev), 0, &l->reply);

	if (err)
		return err == -ENXIO ? 0 : err;
	return dm_next_dep(&l->reply, &at->pos, used);
}

/* Depth first. A device is asked again for each that it uses, which needs no memory of answers. */
int dm_links_add(struct dm_links *l, int control_fd, u64 dev)
{
	struct step path[MAX_DEPTH + 1];
	struct step *at = path;
	u64 used = dev;
	int more = l->mem.addr ? 0 : pages_map(&l->mem, MAX_LINKS * sizeof(struct dm_link));

	if (more || dm_links_find(l, dev, 0, 0) < l->nr)
		return more;
	at->dev = 0;
	for (;;) {
		bool is_new = dm_links_find(l, used, 0, 0) == l->nr;

		if (l->nr == MAX_LINKS)
			return -ENOMEM;
		((struct dm_link *)l->mem.addr)[l->nr++] = (struct dm_link){ { used, at->dev } };
		if (is_new && at < path + MAX_DEPTH)
			*++at = (struct step){ .dev = used };
		do {
			if (at == path)
				return 0;
			more = next_used(l, control_fd, at, &used);
		} while (!more && at--);
		if (more < 0)
			return more;
	}
}
