/* SPDX-License-Identifier: MIT */
/* bareblk dm rename: another name, or a first uuid. */
#include <asm/errno.h>

#include "tools/dm/rename.h"

/* The node as well; a device without a table has none. */
int dm_change_rename(struct dm_change *c, const char *to, bool is_uuid)
{
	struct dm_id id = dm_by_name(c->info.name);
	struct dm_info now;
	u32 event_nr = dm_nodes_event(&c->nodes);
	int err = is_uuid ? dm_set_uuid(c->t.control_fd, id, to, event_nr, &now) :
			    dm_rename(c->t.control_fd, id, to, event_nr, &now);

	dm_nodes_after(&c->nodes, err, &now);
	if (!err && !is_uuid && c->info.flags & DM_ACTIVE_PRESENT_FLAG)
		dm_nodes_move(&c->nodes, c->info.name, to, c->info.dev);
	return err;
}

static enum exit_code rename_one(struct dm_change *c)
{
	bool is_uuid = c->t.o->setuuid;
	const char *wish = c->argv[0];
	char to[DM_UUID_LEN];
	enum exit_code code;
	int err = dm_info_get(c->t.control_fd, c->w->id, 0, &c->info);

	if (err)
		return dm_change_done(c, err);
	err = is_uuid ? 0 : dm_check_name(wish);
	if (err)
		return cmd_fail(c->t.r, EXIT_USAGE, err, "%s cannot be a device's name", wish);
	code = dm_tool_name_in(&c->t, to, is_uuid ? DM_UUID_LEN : DM_NAME_LEN, wish);
	return code ? code : dm_change_done(c, dm_change_rename(c, to, is_uuid));
}

static enum exit_code rename_run(const struct cmd_run *r)
{
	return dm_change_words(r, 1, rename_one);
}

const struct cmd cmd_dm_rename = {
	.text = CMD_TEXT("dm", "rename", "DEVICE NAME",
			 "give a device another name, or a uuid if it has none", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(SETUUID) | DM_SETS(UDEV)),
	.max_args = 2,
	.run = rename_run,
};
