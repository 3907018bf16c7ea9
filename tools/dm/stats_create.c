/* SPDX-License-Identifier: MIT */
/* bareblk dm stats create. */
#include <asm/errno.h>

#include "tools/dm/stats.h"
#include "uapi/rt/str.h"

static u64 nr_areas_of(const struct dm_stats *st, u64 len)
{
	if (!len)
		return 1;
	return st->s->areasize ? len / st->area_len + !!(len % st->area_len) : st->nr_areas;
}

/* 0 and 0: all of the device, as the kernel knows it */
static enum exit_code make(struct dm_stats *st, u64 start, u64 len)
{
	struct fmt_buf *text = dm_stats_begin(st);
	enum exit_code code;
	const char *id;

	fmt_add(text, start | len ? "@stats_create %llu+%llu" : "@stats_create -", start, len);
	fmt_add(text, " %s", st->how);
	code = dm_stats_send(st, 0);
	if (code)
		return code;
	id = dm_stats_answer(st);
	fmt_add(&st->made, st->made.len ? ",%s" : "%s", id);
	fmt_add(st->run->out, "%s: Created new region with %llu area(s) as region ID %s\n", st->name,
		nr_areas_of(st, len), id);
	return EXIT_OK;
}

static enum exit_code group_made(struct dm_stats *st)
{
	const char *alias = st->s->alias;
	enum exit_code code = dm_stats_load(st);

	return code ? code :
		      dm_stats_make_group(st, st->made.text, alias ? " with alias " : "",
					  alias ? alias : "");
}

/* --segments: a region for each line of the table, or none. Otherwise one. */
enum exit_code dm_stats_create_on(struct dm_stats *st)
{
	const char *ids = st->made.text;
	enum exit_code code = EXIT_OK;
	struct dm_target target;
	u64 size = 0;
	u32 pos = 0;
	u64 id;
	int got;

	got = dm_table_status(st->t.control_fd, st->which.id, DM_STATUS_TABLE_FLAG, &st->listed);
	*st->made.text = '\0';
	st->made.len = 0;
	while (!code && got >= 0 && (got = dm_next_target(&st->listed, &pos, &target)) > 0) {
		size = target.start + target.len;
		if (st->s->segments)
			code = make(st, target.start, target.len);
	}
	dm_reply_wipe(&st->listed); /* there may be keys in it */
	if (got < 0)
		code = dm_stats_failed(st, got);
	else if (!st->s->segments || !size)
		code = make(st, st->start, st->len ? st->len : size - st->start);
	else if (!code && !st->s->nogroup)
		code = group_made(st);
	while (code && dm_stats_next_range(&ids, &id, &id) > 0)
		(void)dm_stats_do(st, "@stats_delete", id, 0);
	return code;
}

static bool is_size(const char *text, u64 *sectors)
{
	return !text || !fixed_size_parse(text, sectors);
}

/* What all of its regions have in common, as the kernel takes it; ids will stand behind it. The
 * count of options is always there: a program's name could be a number, too. */
static void describe(struct dm_stats *st, bool is_precise, const char *bounds)
{
	const struct dm_stats_options *s = st->s;
	struct fmt_buf *how = &st->made;

	how->text = st->scratch + 3 * DM_STATS_TEXT_BYTES;
	how->size = DM_STATS_MADE_BYTES;
	fmt_add(how, "%s%llu %d%s%s%s %s %s", s->areasize ? "" : "/",
		s->areasize ? st->area_len : st->nr_areas, is_precise + !!s->bounds,
		is_precise ? " precise_timestamps" : "", s->bounds ? " histogram:" : "",
		s->bounds ? bounds : "", *st->program ? st->program : "-",
		s->userdata && *s->userdata ? s->userdata : "-");
	st->how = how->text;
	how->text += how->len + 1;
}

enum exit_code dm_stats_create(struct dm_stats *st)
{
	const struct dm_stats_options *s = st->s;
	u64 scale_ns = s->precise ? 1 : DM_STATS_NS_PER_MS;
	int nr = 0;

	if (s->allregions || s->allprograms || (s->areas && s->areasize) ||
	    (s->alias && s->nogroup))
		return cmd_usage(st->run,
				 "no --allregions or --allprograms; --areas or --areasize, --alias or --nogroup");
	if (!*st->program && !dm_options(st->run)->force)
		return cmd_usage(st->run, "a region that is nobody's wants --force");
	if (!is_size(s->start, &st->start) || !is_size(s->length, &st->len) ||
	    !is_size(s->areasize, &st->area_len))
		return cmd_usage(st->run,
				 "--start, --length, --areasize: want 2048 or 1m");
	while (s->bounds &&
	       (nr = dm_stats_add_bounds(dm_stats_begin(st), s->bounds, 1, scale_ns)) == -ERANGE)
		scale_ns = 1; /* ms will not do */
	if (nr < 0)
		return cmd_usage(st->run,
				 "--bounds %s: want times that rise, as 10us,1ms,1s", s->bounds);
	st->nr_areas = s->areas ? s->areas : 1;
	describe(st, scale_ns == 1, st->text.text);
	return dm_stats_each(st);
}
