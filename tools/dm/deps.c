/* SPDX-License-Identifier: MIT */
/* bareblk dm deps: what devices stand on. */
#include "tools/dm/show.h"

static void put_json(struct dm_show *s, u64 dev)
{
	struct json *j = &s->json;
	char name[DM_SYSNAME_BYTES];

	json_add(j, "{major%u minor%u", dm_dev_major(dev), dm_dev_minor(dev));
	if (dm_sysname(dev, DM_NAMING_DEVNAME, name))
		json_string(j, "devname", name);
	if (dm_sysname(dev, DM_NAMING_BLKDEVNAME, name))
		json_string(j, "blkdevname", name);
	json_close(j, '}');
}

static int print(struct dm_show *s, const struct dm_which *w, const struct dm_info *info)
{
	struct fmt_buf *out = s->t.r->out;
	bool is_json = s->t.o->json;
	char name[DM_SYSNAME_BYTES];
	u32 nr = 0;
	u32 pos = 0;
	u64 dev;
	int more;

	while ((more = dm_next_dep(&s->reply, &pos, &dev)) > 0)
		nr++;
	if (more)
		return more;
	if (is_json) {
		dm_show_identity(s, info);
		json_add(&s->json, "deps[");
	} else {
		if (s->t.o->verbose)
			dm_show_info(s->t.r, info);
		else if (s->is_many)
			fmt_add(out, "%s: ", w->said);
		fmt_add(out, "%u dependencies\t:", nr);
	}
	for (pos = 0; dm_next_dep(&s->reply, &pos, &dev) > 0;) {
		if (is_json)
			put_json(s, dev);
		else
			fmt_add(out, " (%s)", dm_show_dev(dev, s->naming, ", ", name));
	}
	if (is_json)
		json_add(&s->json, "]}");
	else
		fmt_add(out, s->is_many && s->t.o->verbose ? "\n\n" : "\n");
	return EXIT_OK;
}

static enum exit_code deps_run(const struct cmd_run *r)
{
	struct dm_show s = {
		.run = dm_show_devices, .ask = dm_deps, .print = print, .takes_naming = true,
	};

	return dm_show_run(&s, r);
}

const struct cmd cmd_dm_deps = {
	.text = CMD_TEXT("dm", "deps", "[DEVICE]...", "what devices stand on",
			 "-o is devno, devname or blkdevname.\n"),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(INACTIVE) | DM_SETS(OPTIONS) | DM_SETS(SELECT) |
		   DM_SETS(JSON)),
	.max_args = CMD_ANY_ARGS,
	.run = deps_run,
};
