/* SPDX-License-Identifier: MIT */
/* A table tried on a hidden device. */
#include "tools/dm/check.h"

#include "tools/dm/input.h"
#include "uapi/rt/free/signal.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define REMOVE_MS 5000

/*
 * Those that make or change metadata when they are loaded, where they find none:
 * the constructors of drivers/md, Linux 7.3. log-writes ends its log when it goes.
 */
static const char writers[] = " cache clone era integrity log-writes pcache snapshot"
			      " snapshot-merge thin-pool vdo writecache ";

static bool has_writer(const struct dm_table *table, struct dm_target *line)
{
	u32 pos = 0;

	while (dm_table_next(table, &pos, line) > 0) {
		char type[DM_MAX_TYPE_NAME + 3];

		fmt_print(type, sizeof(type), " %s ", line->type);
		if (str_find(writers, type))
			return true;
	}
	return false;
}

enum exit_code dm_tool_check(struct dm_tool *t, struct dm_table *table, u32 flags,
			     const char *said)
{
	struct dm_target line;
	struct dm_info info;
	struct dm_which w;
	char name[32];
	enum exit_code code = EXIT_OK;
	u64 chance = 0;
	u64 mask;
	int err;

	if (has_writer(table, &line))
		return cmd_fail(t->r, EXIT_UNSUPPORTED, 0,
				"%s: %s writes to its disks when it is loaded: not tried", said,
				line.type);
	(void)sys_getrandom(&chance, sizeof(chance), 0);
	fmt_print(name, sizeof(name), "bareblk-check-%llx", chance);
	(void)!signal_block(~0ULL, &mask);
	err = dm_create(t->control_fd, name, NULL, DM_ANY_MINOR, &info);
	if (!err) {
		w.id = dm_by_dev(info.dev);
		w.said = said;
		err = dm_tool_load(t, w.id, table, flags, NULL);
		if (err)
			code = dm_tool_failed(t, &w, err);
		err = dm_remove_retry(t->control_fd, w.id, 0, REMOVE_MS, NULL);
	}
	(void)!signal_set_mask(mask, NULL);
	return err ? cmd_fail(t->r, dm_exit_code(err), err, "%s, which tries it, cannot be made or is left",
			      name) : code;
}
