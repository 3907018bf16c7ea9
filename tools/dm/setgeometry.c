/* SPDX-License-Identifier: MIT */
/* bareblk dm setgeometry: what a device says when it is asked for its cylinders. */
#include "tools/dm/change.h"

/* The kernel says what it does not take, and why. */
static enum exit_code set(struct dm_change *c)
{
	u32 chs[3];
	u64 start = 0;
	int err = parse_u64(c->argv[3], &start);

	for (u32 i = 0; !err && i < ARRAY_SIZE(chs); i++)
		err = parse_u32(c->argv[i], &chs[i]);
	if (err)
		return cmd_usage(c->t.r, "four numbers are wanted");
	err = dm_set_geometry(c->t.control_fd, c->w->id, chs[0], chs[1], chs[2], start);
	return dm_change_done(c, err);
}

static enum exit_code geometry_run(const struct cmd_run *r)
{
	return dm_change_words(r, 4, set);
}

const struct cmd cmd_dm_setgeometry = {
	.text = CMD_TEXT("dm", "setgeometry", "DEVICE CYLINDERS HEADS SECTORS START",
			 "set a device's geometry", ""),
	DM_OPTIONS(DM_SETS(DEVICE)),
	.max_args = 5,
	.run = geometry_run,
};
