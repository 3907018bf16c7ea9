/* SPDX-License-Identifier: MIT */
/* bareblk dm stats list and report. */
#include <asm/errno.h>

#include <linux/time.h>

#include "tools/dm/report_run.h"
#include "tools/dm/stats_fields.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define NS_PER_S 1000000000ULL

/* What lines there are, by their kinds; and no region that is one area, which has a line itself */
#define LINES_NO_SINGLE 8U
#define LINES_ALL 15U

static u32 view_of(const struct dm_stats *st, bool is_list)
{
	const struct dm_stats_options *s = st->s;

	if (is_list)
		return (s->histogram ? DM_STATS_VIEW_LIST_HIST : DM_STATS_VIEW_LIST) |
		       (dm_options(st->run)->verbose ? DM_STATS_VIEW_VERBOSE : 0);
	if (s->histogram)
		return s->relative ? DM_STATS_VIEW_PERCENT : DM_STATS_VIEW_COUNTS;
	return s->raw ? DM_STATS_VIEW_RAW : DM_STATS_VIEW_METRICS;
}

/* --regionid and --groupid leave the rest out; so does what is one area a region's line. */
static bool is_wanted(const struct dm_stats *st, const struct dm_stats_region *r)
{
	const struct dm_stats_options *s = st->s;

	if (st->kind == DM_STATS_GROUP && (r->group != r->id || s->regionid != DM_STATS_NONE))
		return false;
	if (st->kind == DM_STATS_REGION && st->lines & LINES_NO_SINGLE && r->nr_areas < 2)
		return false;
	return (s->regionid == DM_STATS_NONE || s->regionid == r->id) &&
	       (s->groupid == DM_STATS_NONE || s->groupid == r->group);
}

/* A group is like a region of one area, as long as all of its own; bins that are of another kind
 * are left out. */
static void make_group(struct dm_stats *st, struct dm_stats_region *group, u64 *sum)
{
	u32 stride = dm_stats_stride(group);

	group->len = 0;
	for (const struct dm_stats_region *r = st->regions; r < st->regions + st->nr; r++) {
		const u64 *values = r->values.addr;
		u32 nr = dm_stats_stride(r) == stride ? stride : DM_STATS_NR_COUNTERS;

		if (r->group != group->id)
			continue;
		group->len += r->len;
		for (u32 i = 0; sum && i < nr; i++)
			sum[i] += values[r->nr_areas * dm_stats_stride(r) + i];
	}
	group->step = group->len;
	group->nr_areas = 1;
	group->user = "";
}

static enum exit_code add_lines(struct dm_stats *st, const struct dm_stats_region *r)
{
	struct dm_stats_region line = *r;
	u32 stride = st->reads ? dm_stats_stride(r) : 0;
	u64 nr = 1;
	u64 *values = r->values.addr;
	enum exit_code code = EXIT_OK;

	switch (st->kind) {
	case DM_STATS_AREA:
		nr = r->nr_areas;
		break;
	case DM_STATS_GROUP:
		values += (r->nr_areas + 1) * stride;
		make_group(st, &line, values);
		break;
	case DM_STATS_REGION:
		values += r->nr_areas * stride;
		break;
	}
	st->r = &line;
	for (st->area = 0; !code && st->area < nr; st->area++) {
		st->values = values;
		values += stride;
		code = dm_report_add(st->rp, st->run, &st->row);
	}
	return code;
}

static u64 now_ns(void)
{
	struct __kernel_timespec ts = { 0, 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

/* Room for its counters, and for sums of its own and of its group's. The time since a round before
 * is that of the first region; the first time nobody knows it, and it counts as one interval. */
static enum exit_code read_region(struct dm_stats *st, struct dm_stats_region *r)
{
	enum exit_code code = dm_stats_read(st, r, true);
	u64 now = now_ns();
	int err;

	if (code)
		return code;
	err = pages_map(&r->values, (r->nr_areas + 2) * dm_stats_stride(r) * sizeof(u64));
	err = err ? err : dm_stats_print_parse(dm_stats_answer(st), r);
	if (err)
		return dm_stats_failed(st, err);
	if (!st->interval_ns) {
		st->interval_ns = st->read_ns ? now - st->read_ns : st->period_ns;
		st->read_ns = now;
	}
	return EXIT_OK;
}

enum exit_code dm_stats_view_on(struct dm_stats *st)
{
	enum exit_code code = EXIT_OK;

	for (u32 i = 0; !code && st->reads && i < st->nr; i++)
		code = read_region(st, &st->regions[i]);
	for (st->kind = DM_STATS_AREA; st->kind <= DM_STATS_GROUP; st->kind++)
		for (u32 i = 0; !code && st->lines >> st->kind & 1 && i < st->nr; i++) {
			const struct dm_stats_region *r = &st->regions[i];

			if (is_wanted(st, r))
				code = add_lines(st, r);
		}
	return code;
}

/* Until the next whole interval since the first round; one that was missed is left out */
static void wait_until_next(const struct dm_stats *st, u64 start_ns)
{
	u64 left = st->period_ns - (now_ns() - start_ns) % st->period_ns;
	struct __kernel_timespec ts = { (s64)(left / NS_PER_S), (s64)(left % NS_PER_S) };

	(void)sys_nanosleep(&ts, NULL);
}

static enum exit_code run_report(struct dm_stats *st)
{
	const struct dm_stats_options *s = st->s;
	u64 left = s->count != DM_STATS_NONE ? s->count : s->interval == DM_STATS_NONE;
	u64 start = 0;

	st->period_ns = (s->interval == DM_STATS_NONE ? 1 : s->interval) * NS_PER_S;
	for (;; wait_until_next(st, start)) {
		enum exit_code code;

		st->interval_ns = 0;
		code = dm_stats_each(st);
		if (code)
			return code;
		start = start ? start : now_ns();
		report_print(st->rp);
		if (!--left) /* 0 has no end */
			return EXIT_OK;
		if (!dm_options(st->run)->json)
			fmt_add(st->run->out, "\n");
		cmd_flush(st->run);
	}
}

static u32 which_lines(const struct dm_stats *st, bool is_list)
{
	const struct dm_stats_options *s = st->s;
	u32 lines = s->area << DM_STATS_AREA | s->region << DM_STATS_REGION |
		    s->group << DM_STATS_GROUP;

	if (is_list ? dm_options(st->run)->verbose : !lines)
		return LINES_ALL;
	return lines ? lines : 1U << DM_STATS_REGION | 1U << DM_STATS_GROUP;
}

enum exit_code dm_stats_view(struct dm_stats *st)
{
	bool is_list = st->command->flags & DM_STATS_LISTS;
	const char *fields = dm_options(st->run)->options;
	struct dm_fields shared;
	enum exit_code code = EXIT_OK;
	char defaults[320];
	struct fmt_buf b = { .text = defaults, .size = sizeof(defaults) };

	dm_stats_add_default_fields(&b, view_of(st, is_list));
	if (fixed_unit_parse(st->s->units, &st->unit))
		code = cmd_usage(st->run,
				 "--units %s: want h or H, or one as k or 4k", st->s->units);
	/* all is what a list has, or a report: not the device, too */
	if (fields && str_eq(fields, "all"))
		fields = is_list ? "region_all" : "stats_all,region_all";
	code = code ? code : dm_report_open(&st->rp, st->run, dm_sections, DM_NR_SECTIONS,
					    defaults, fields);
	if (code || !st->rp)
		return code;
	shared = (struct dm_fields){ .t = &st->t };
	st->row.dm.fields = &shared;
	st->lines = which_lines(st, is_list);
	st->reads = !is_list || report_wants(st->rp, &dm_sections[DM_SECTION_STATS]);
	return run_report(st);
}
