/* SPDX-License-Identifier: MIT */
/* bareblk dm ls: the devices that there are, in as few system calls as it takes. */
#include "tools/dm/show.h"

static void list_one(struct dm_show *s, const struct dm_name *dev)
{
	char name[DM_UUID_LEN];
	char text[DM_UUID_LEN + DM_SYSNAME_BYTES];

	(void)dm_tool_name_out(&s->t, name, dev->name);
	if (s->t.o->json)
		json_add(&s->json, "{name%s uuid%s major%u minor%u event_nr%u}", name,
			 dm_tool_name_out(&s->t, text, dev->uuid ? dev->uuid : ""),
			 dm_dev_major(dev->dev), dm_dev_minor(dev->dev), dev->event_nr);
	else
		fmt_add(s->t.r->out, "%s\t(%s)\n", name,
			dm_show_dev(dev->dev, s->naming, ":", text));
}

static void list(struct dm_show *s)
{
	dm_show_all(s, list_one);
}

static enum exit_code ls_run(const struct cmd_run *r)
{
	const struct dm_options *o = dm_options(r);
	struct dm_show s = { .run = list, .takes_naming = true, .no_select = true };

	if (o->target || o->exec)
		return dm_lines_run(r, NULL, 0);
	if (o->tree)
		return dm_tree_run(r);
	return dm_show_run(&s, r);
}

const struct cmd cmd_dm_ls = {
	.text = CMD_TEXT("dm", "ls", "", "list devices",
			 "-o is devno, devname or blkdevname; with --tree, with commas between: ascii, utf,\n"
			 "vt100, compact, inverted, notrunc, device, nodevice, blkdevname, active, open,\n"
			 "rw, uuid.\n"),
	DM_OPTIONS(DM_SETS(TREE) | DM_SETS(EXEC) | DM_SETS(TARGET) | DM_SETS(OPTIONS) |
		   DM_SETS(INACTIVE) | DM_SETS(JSON)),
	.run = ls_run,
};
