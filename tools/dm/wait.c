/* SPDX-License-Identifier: MIT */
/* bareblk dm wait: until something has happened to a device. */
#include "dm/reply.h"
#include "tools/dm/change.h"

static enum exit_code wait_for(struct dm_change *c)
{
	u32 flags = (c->t.o->noflush ? DM_NOFLUSH_FLAG : 0) |
		    (c->t.o->inactive ? DM_QUERY_INACTIVE_TABLE_FLAG : 0);
	struct dm_reply reply = { .io = NULL };
	u32 event_nr = 0;
	int err;

	if (c->argc && parse_u32(c->argv[0], &event_nr))
		return cmd_usage(c->t.r, "%s is no event number", c->argv[0]);
	err = dm_wait(c->t.control_fd, c->w->id, event_nr, flags, &reply);
	if (!err)
		dm_reply_info(&reply, &c->info);
	dm_reply_free(&reply);
	return dm_change_told(c, err);
}

static enum exit_code wait_run(const struct cmd_run *r)
{
	return dm_change_words(r, 0, wait_for);
}

const struct cmd cmd_dm_wait = {
	.text = CMD_TEXT("dm", "wait", "DEVICE [EVENT]",
			 "wait until a device's event number is not EVENT", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(NOFLUSH) | DM_SETS(INACTIVE)),
	.max_args = 2,
	.run = wait_run,
};
