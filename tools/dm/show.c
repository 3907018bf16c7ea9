/* SPDX-License-Identifier: MIT */
/* See tools/dm/show.h. */
#include "tools/dm/show.h"

#include <asm/errno.h>

#include "uapi/rt/str.h"

/* For some forty devices at once, and for three hundred without a mapping */
#define LIST_FIRST_BYTES 2048
#define LIST_ROOM_BYTES	 16384

void dm_show_plain(const struct dm_tool *t, struct dm_info *info)
{
	char text[DM_UUID_LEN];

	(void)!str_copy(info->name, sizeof(info->name), dm_tool_name_out(t, text, info->name));
	(void)!str_copy(info->uuid, sizeof(info->uuid), dm_tool_name_out(t, text, info->uuid));
}

/* By the two flags for it, which stand side by side */
static const char tables_present[] = "None\0" "LIVE\0" "INACTIVE\0" "LIVE & INACTIVE";

void dm_show_info(const struct cmd_run *r, const struct dm_info *info)
{
	struct fmt_buf *out = r->out;
	u32 flags = info->flags;
	u64 sectors;

	fmt_add(out, "Name:              %s\nState:             %s%s%s\n",
		info->name,
		flags & DM_SUSPEND_FLAG ? "SUSPENDED" : "ACTIVE",
		flags & DM_READONLY_FLAG ? " (READ-ONLY)" : "",
		flags & DM_DEFERRED_REMOVE ? " (DEFERRED REMOVE)" : "");
	if (dm_sys_readahead(info->dev, &sectors))
		fmt_add(out, "Read Ahead:        %llu\n", sectors);
	fmt_add(out, "Tables present:    %s\n"
		     "Open count:        %d\n"
		     "Event number:      %u\n"
		     "Major, minor:      %u, %u\n"
		     "Number of targets: %u\n",
		str_nth(tables_present, flags / DM_ACTIVE_PRESENT_FLAG & 3),
		info->open_count, info->event_nr, dm_dev_major(info->dev), dm_dev_minor(info->dev),
		info->nr_targets);
	if (*info->uuid)
		fmt_add(out, "UUID: %s\n", info->uuid);
	fmt_add(out, "\n");
}

void dm_show_identity(struct dm_show *s, const struct dm_info *info)
{
	json_add(&s->json, "{name%s uuid%s major%u minor%u", info->name, info->uuid,
		 dm_dev_major(info->dev), dm_dev_minor(info->dev));
}

const char *dm_show_dev(u64 dev, enum dm_naming how, const char *between,
			char out[DM_SYSNAME_BYTES])
{
	if (how == DM_NAMING_DEVNO || !dm_sysname(dev, how, out))
		fmt_print(out, DM_SYSNAME_BYTES, "%u%s%u", dm_dev_major(dev), between,
			  dm_dev_minor(dev));
	return out;
}

int dm_show_option(const struct cmd_run *r, const char **at, const char *words)
{
	if (!*at || !**at)
		return -1;
	for (int i = 0; *words; i++, words = str_nth(words, 1)) {
		const char *end = *at;

		for (const char *c = words; *end && *end == *c; c++)
			end++;
		if (!*end || *end == ',') {
			*at = end + (*end == ',');
			return i;
		}
	}
	(void)cmd_usage(r, "-o: there is no %s; see --help", *at);
	return -1;
}

void dm_show_note(struct dm_show *s, enum exit_code code)
{
	if (!s->code)
		s->code = code;
}

void dm_show_end(struct dm_show *s, int err)
{
	if (err)
		dm_show_note(s, cmd_fail(s->t.r, dm_exit_code(err), err, "asking the kernel"));
}

static void show_one(struct dm_show *s, const struct dm_which *w)
{
	struct dm_info info;
	int err;

	if (s->ask) {
		err = s->ask(s->t.control_fd, w->id, s->flags, &s->reply);
		if (!err)
			dm_reply_info(&s->reply, &info);
	} else {
		err = dm_info_get(s->t.control_fd, w->id, s->flags, &info);
	}
	err = err ? err : dm_select_takes(&s->select, &info);
	if (err > 0 && s->columns) {
		err = 0;
	} else if (err > 0) {
		dm_show_plain(&s->t, &info);
		err = s->print(s, w, &info);
	}
	if (err < 0)
		err = err == -ENXIO && s->is_all ? 0 : (int)dm_tool_failed(&s->t, w, err);
	dm_show_note(s, (enum exit_code)err);
}

/* By name, as the list has it: a number may be another device's by now. */
static void show_listed(struct dm_show *s, const struct dm_name *dev)
{
	char shown[DM_UUID_LEN];
	struct dm_which w;

	w.said = dm_tool_name_out(&s->t, shown, dev->name);
	w.id = dm_by_name(dev->name);
	show_one(s, &w);
}

void dm_show_all(struct dm_show *s, void (*each)(struct dm_show *s, const struct dm_name *dev))
{
	u64 room[LIST_ROOM_BYTES / 8];
	struct dm_reply list = { .io = NULL };
	struct dm_name dev;
	u32 pos = 0;
	int more;

	dm_reply_lend(&list, room, sizeof(room), LIST_FIRST_BYTES);
	more = dm_list(s->t.control_fd, NULL, NULL, DM_UUID_FLAG, &list);
	if (!more && !list.data_bytes && !s->t.o->json)
		fmt_add(s->t.r->out, "No devices found\n");
	while (more >= 0 && (more = dm_next_name(&list, &pos, &dev)) > 0)
		each(s, &dev);
	dm_show_end(s, more);
}

/* dmsetup ends with the first that fails. */
void dm_show_devices(struct dm_show *s)
{
	const struct cmd_run *r = s->t.r;
	struct dm_which w;

	if (s->is_all) {
		dm_show_all(s, show_listed);
		return;
	}
	for (int i = r->argc ? 0 : -1; i < r->argc && !(s->code && s->t.o->is_dmsetup); i++) {
		enum exit_code code = dm_tool_which(&s->t, i < 0 ? NULL : r->argv[i], &w);

		if (code)
			dm_show_note(s, code);
		else
			show_one(s, &w);
	}
}

enum exit_code dm_show_run(struct dm_show *s, const struct cmd_run *r)
{
	const struct dm_options *o = dm_options(r);
	const char *words = s->takes_naming ? o->options : NULL;
	int word;

	/* Of several the last counts. */
	while ((word = dm_show_option(r, &words, "devno\0" "devname\0" "blkdevname\0")) >= 0)
		s->naming = (enum dm_naming)word;
	if (words && *words)
		return EXIT_USAGE;
	if (s->columns || !s->no_select || !o->is_dmsetup)
		s->code = dm_select_open(&s->select, r, s->columns);
	if (s->code || s->select.is_help)
		return s->code;
	s->select.fields.t = &s->t;
	s->code = dm_tool_open(&s->t, r);
	if (s->code)
		return s->code;
	s->is_all = !r->argc && !dm_tool_is_by_id(&s->t);
	s->is_many = s->is_all || r->argc > 1;
	if (o->inactive)
		s->flags |= DM_QUERY_INACTIVE_TABLE_FLAG;
	s->json.out = r->out;
	if (o->json && !s->columns)
		json_open(&s->json, NULL, '[');
	s->run(s);
	if (s->columns)
		report_print(s->select.rp);
	else if (o->json)
		fmt_add(r->out, "]\n");
	dm_reply_free(&s->reply);
	return s->code;
}
