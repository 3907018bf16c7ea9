/* SPDX-License-Identifier: MIT */
/* bareblk dm suspend, resume: hold I/O back, and let it go with the new table. */
#include "tools/dm/change.h"
#include "tools/dm/readahead.h"

static enum exit_code suspend_one(struct dm_change *c)
{
	int err = dm_suspend(c->t.control_fd, c->w->id, dm_change_io_flags(&c->t), &c->info);

	return dm_change_told(c, err);
}

static enum exit_code suspend_run(const struct cmd_run *r)
{
	return dm_change_each(r, suspend_one);
}

static enum exit_code resume_one(struct dm_change *c)
{
	int err;

	dm_tool_listen(&c->t);
	err = dm_resume(c->t.control_fd, c->w->id, dm_change_io_flags(&c->t),
			dm_nodes_event(&c->nodes), &c->info);
	dm_nodes_after(&c->nodes, err, &c->info);
	if (!err) {
		dm_nodes_add(&c->nodes, &c->info);
		dm_readahead_set(&c->t, c->info.dev);
	}
	return dm_change_told(c, err);
}

static enum exit_code resume_run(const struct cmd_run *r)
{
	enum exit_code code = dm_readahead_check(r);

	return code ? code : dm_change_each(r, resume_one);
}

const struct cmd cmd_dm_suspend = {
	.text = CMD_TEXT("dm", "suspend", "DEVICE...", "hold back I/O", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(NOFLUSH) | DM_SETS(NOLOCKFS)),
	.max_args = CMD_ANY_ARGS,
	.run = suspend_run,
};

const struct cmd cmd_dm_resume = {
	.text = CMD_TEXT("dm", "resume", "DEVICE...",
			 "let I/O go; a table that was loaded becomes live", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(NOFLUSH) | DM_SETS(NOLOCKFS) | DM_SETS(NODE) |
		   DM_SETS(AHEAD) | DM_SETS(UDEV)),
	.max_args = CMD_ANY_ARGS,
	.run = resume_run,
};
