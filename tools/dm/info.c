/* SPDX-License-Identifier: MIT */
/* bareblk dm info: what the kernel says of each device. */
#include "tools/dm/report_run.h"
#include "tools/dm/show.h"

static int print(struct dm_show *s, const struct dm_which *w, const struct dm_info *info)
{
	u32 flags = info->flags;
	u64 sectors;

	(void)w;
	if (!s->t.o->json) {
		dm_show_info(s->t.r, info);
		return EXIT_OK;
	}
	dm_show_identity(s, info);
	json_add(&s->json, "suspended%i read_only%i deferred_remove%i live_table%i inactive_table%i "
			   "read_ahead_sectors",
		 flags & DM_SUSPEND_FLAG, flags & DM_READONLY_FLAG, flags & DM_DEFERRED_REMOVE,
		 flags & DM_ACTIVE_PRESENT_FLAG, flags & DM_INACTIVE_PRESENT_FLAG);
	if (dm_sys_readahead(info->dev, &sectors))
		json_u64(&s->json, NULL, sectors);
	else
		json_null(&s->json, NULL);
	json_add(&s->json, "open_count%u event_nr%u nr_targets%u}", (u32)info->open_count,
		 info->event_nr, info->nr_targets);
	return EXIT_OK;
}

/* -o means a report, but for dmsetup, where it is -c alone. */
static enum exit_code info_run(const struct cmd_run *r)
{
	const struct dm_options *o = dm_options(r);
	struct dm_show s = { .run = dm_show_devices, .print = print, .no_select = true };

	if (o->columns || (o->options && !o->is_dmsetup))
		s.columns = "name,major,minor,attr,open,segments,events,uuid";
	return dm_show_run(&s, r);
}

const struct cmd cmd_dm_info = {
	.text = CMD_TEXT("dm", "info", "[DEVICE]...", "state and numbers of devices", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(INACTIVE) | DM_REPORT_SETS),
	.max_args = CMD_ANY_ARGS,
	.run = info_run,
};
