/* SPDX-License-Identifier: MIT */
/* bareblk dm splitname: a name that a subsystem has put together, in parts. udev's rules
 * call it. */
#include "tools/dm/fields.h"
#include "tools/dm/report_run.h"

static enum exit_code splitname_run(const struct cmd_run *r)
{
	struct dm_row row = {
		.name = r->argv[0],
		.subsystem = r->argc > 1 ? r->argv[1] : "LVM",
	};
	struct report *rp;
	enum exit_code code = dm_report_open(&rp, r, &dm_sections[DM_SECTION_SPLITNAME], 1,
					     "vg_name,lv_name,lv_layer", dm_options(r)->options);

	if (code || !rp)
		return code;
	code = dm_report_add(rp, r, &row);
	report_print(rp);
	return code;
}

const struct cmd cmd_dm_splitname = {
	.text = CMD_TEXT("dm", "splitname", "NAME [SUBSYSTEM]",
			 "the parts of a logical volume's name", ""),
	DM_OPTIONS(DM_REPORT_SETS),
	.min_args = 1,
	.max_args = 2,
	.run = splitname_run,
};
