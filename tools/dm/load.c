/* SPDX-License-Identifier: MIT */
/* bareblk dm load, reload: a table for a device, to become live with resume. */
#include "tools/dm/change.h"
#include "tools/dm/check.h"
#include "tools/dm/input.h"

static enum exit_code load(struct dm_change *c)
{
	struct dm_tool *t = &c->t;
	struct dm_table table;
	enum exit_code code = dm_input_table(t, c->argc ? c->argv[0] : NULL, &table);

	if (code)
		return code;
	if (!table.nr_targets && !t->o->is_dmsetup)
		return cmd_usage(t->r, "%s: the table is empty", c->w->said);
	code = t->o->check ? dm_tool_check(t, &table, 0, c->w->said) :
			     dm_change_told(c, dm_tool_load(t, c->w->id, &table, 0, &c->info));
	dm_table_free(&table);
	return code;
}

static enum exit_code load_run(const struct cmd_run *r)
{
	if (dm_options(r)->notable)
		return cmd_usage(r, "--notable is for create");
	return dm_change_words(r, 0, load);
}

#define LOAD_ROW(verb, summary)                                                                   \
	{                                                                                         \
		.text = CMD_TEXT("dm", verb, "DEVICE [FILE]", summary, ""),                       \
		DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(TABLE) | DM_SETS(RDONLY) | DM_SETS(CHECK)),  \
		.max_args = 2,                                                                    \
		.run = load_run,                                                                  \
	}

const struct cmd cmd_dm_load = LOAD_ROW("load", "load a table, to become live with resume");
const struct cmd cmd_dm_reload = LOAD_ROW("reload", "the same as load");
