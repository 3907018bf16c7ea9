/* SPDX-License-Identifier: MIT */
/* bareblk dm wipe_table: errors in place of a table. */
#include <asm/errno.h>

#include "tools/dm/change.h"

int dm_change_wipe(struct dm_change *c, u32 flags)
{
	int err = dm_replace_with_errors(c->t.control_fd, c->w->id, flags,
					 dm_nodes_event(&c->nodes), &c->info);

	dm_nodes_after(&c->nodes, err, &c->info);
	dm_change_note(c, dm_change_sync(c));
	return err;
}

static enum exit_code wipe_one(struct dm_change *c)
{
	const struct dm_options *o = c->t.o;
	u32 flags = dm_change_io_flags(&c->t) | (o->readonly ? DM_READONLY_FLAG : 0);
	int err = dm_change_wipe(c, o->force ? flags | DM_WIPE_NOW : flags);

	/* Without a live table dmsetup fails. */
	if (!err && o->is_dmsetup && !(c->info.flags & DM_ACTIVE_PRESENT_FLAG))
		err = -EINVAL;
	return dm_change_done(c, err);
}

static enum exit_code wipe_run(const struct cmd_run *r)
{
	return dm_change_each(r, wipe_one);
}

const struct cmd cmd_dm_wipe_table = {
	.text = CMD_TEXT("dm", "wipe_table", "DEVICE...",
			 "put errors in place of tables, which frees what is below", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(FORCE) | DM_SETS(NOFLUSH) | DM_SETS(NOLOCKFS) |
		   DM_SETS(UDEV)),
	.max_args = CMD_ANY_ARGS,
	.run = wipe_run,
};
