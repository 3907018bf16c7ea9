/* SPDX-License-Identifier: MIT */
/* See tools/dm/stats_fields.h. Nothing here has a point that floats. */
#include "tools/dm/stats_fields.h"

#include "uapi/rt/str.h"

#define NS_PER_S 1000000000ULL

/* Hundredths of a millisecond */
#define NS_PER_STEP 10000

enum {
	R_ID,
	R_START,
	R_LEN,
	R_AREA,
	R_AREA_START,
	R_AREA_LEN,
	R_AREA_OFFSET,
	R_AREAS,
	R_GROUP,
	R_PROGRAM,
	R_USER,
	R_PRECISE,
	R_BINS,
	R_BOUNDS,
	R_RANGES,
	R_NAME,
	R_TYPE,
};

const char dm_stats_region_fields[] =
	REPORT_SECTION("region_all", "Regions")
	REPORT_FIELD(REPORT_NUMBER, "\4", "region_id", "RgID", "")
	REPORT_FIELD(REPORT_SIZE, "\7", "region_start", "RgStart", "")
	REPORT_FIELD(REPORT_SIZE, "\6", "region_len", "RgSize", "")
	REPORT_FIELD(REPORT_NUMBER, "\4", "area_id", "ArID", "")
	REPORT_FIELD(REPORT_SIZE, "\7", "area_start", "ArStart", "")
	REPORT_FIELD(REPORT_SIZE, "\6", "area_len", "ArSize", "")
	REPORT_FIELD(REPORT_SIZE, "\5", "area_offset", "ArOff", "")
	REPORT_FIELD(REPORT_NUMBER, "\6", "area_count", "#Areas", "")
	REPORT_FIELD(REPORT_NUMBER, "\5", "group_id", "GrpID", "")
	REPORT_FIELD(REPORT_TEXT, "\6", "program_id", "ProgID", "")
	REPORT_FIELD(REPORT_TEXT, "\10", "user_data", "UserData", "")
	REPORT_FIELD(REPORT_LEFT, "\7", "precise", "Precise", "time in ns")
	REPORT_FIELD(REPORT_LEFT, "\11", "hist_bins", "#Bins", "")
	REPORT_FIELD(REPORT_LIST, "\20", "hist_bounds", "Histogram Bounds", "")
	REPORT_FIELD(REPORT_LIST, "\20", "hist_ranges", "Histogram Ranges", "")
	REPORT_FIELD(REPORT_TEXT, "\20", "stats_name", "Name", "")
	REPORT_FIELD(REPORT_TEXT, "\7", "obj_type", "ObjType", "");

static const struct dm_stats *stats_of(const void *row)
{
	return ((const struct dm_stats_row *)row)->st;
}

static void add_members(const struct dm_stats *st, u64 group, struct report_value *v)
{
	dm_stats_add_members(v->text, st->regions, st->nr, group);
}

/* A group without an alias goes by its members, one with an empty one by its device. */
static void add_name(const struct dm_stats *st, struct report_value *v)
{
	const struct dm_stats_region *leader = dm_stats_find(st->regions, st->nr, st->r->group);

	if (leader && !leader->alias)
		add_members(st, leader->id, v);
	else
		fmt_add(v->text, "%s", leader && *leader->alias ? leader->alias : st->name);
}

static void add_histogram(const struct dm_stats *st, u32 flags, struct report_value *v)
{
	if (!dm_options(st->run)->noheadings && !dm_options(st->run)->json)
		flags |= DM_STATS_HIST_COLUMNS;
	if (!st->s->notimesuffix)
		flags |= DM_STATS_HIST_UNITS;
	dm_stats_add_histogram(v->text, st->r,
			       st->values ? st->values + DM_STATS_NR_COUNTERS : NULL, flags);
}

#define SIZES                                                                                     \
	(1U << R_START | 1U << R_LEN | 1U << R_AREA_START | 1U << R_AREA_LEN | 1U << R_AREA_OFFSET)
#define NR_NUMBERS (R_BINS + 1)

static void add_number(const struct dm_stats *st, u32 field, struct report_value *v)
{
	const struct dm_stats_region *r = st->r;
	u64 offset = r->step * st->area;
	const u64 numbers[NR_NUMBERS] = {
		[R_ID] = r->id,
		[R_START] = r->start,
		[R_LEN] = r->len,
		[R_AREA] = st->area,
		[R_AREA_START] = r->start + offset,
		[R_AREA_LEN] = r->step,
		[R_AREA_OFFSET] = offset,
		[R_AREAS] = r->nr_areas,
		[R_GROUP] = r->group,
		[R_PRECISE] = r->is_precise,
		[R_BINS] = r->nr_bins,
	};
	u64 number = numbers[field];

	if (SIZES >> field & 1) {
		v->number = number >> 55 ? ~0ULL : number << 9;
		fixed_add_size(v->text, number, &st->unit);
	} else {
		report_number(v, number);
	}
}

void dm_stats_region_get(void *arg, u32 field, struct report_value *v)
{
	static const char types[][8] = { "area", "region", "group" };
	const struct dm_stats *st = stats_of(arg);
	const struct dm_stats_region *r = st->r;
	const char *text = "";

	switch (field) {
	case R_PROGRAM:
		text = r->program;
		break;
	case R_USER:
		text = r->user;
		break;
	case R_TYPE:
		text = types[st->kind];
		break;
	case R_BOUNDS:
		add_histogram(st, DM_STATS_HIST_BOUNDS, v);
		break;
	case R_RANGES:
		add_histogram(st, DM_STATS_HIST_RANGES, v);
		break;
	case R_NAME:
		add_name(st, v);
		break;
	default:
		if (field == R_ID && st->kind == DM_STATS_GROUP) {
			v->number = r->id;
			add_members(st, r->id, v);
		} else if (field == R_GROUP && r->group == DM_STATS_NO_GROUP) {
			v->number = r->group;
			text = dm_options(st->run)->json ? "" : "-";
		} else {
			add_number(st, field, v);
		}
	}
	fmt_add(v->text, "%s", text);
}

/* How a metric follows from counters */
enum {
	RATE,	   /* so many in a second */
	RATE_SIZE, /* sectors in a second */
	MEAN_SIZE, /* sectors for each */
	QUEUE,	   /* time by time */
	WAIT,	   /* ms for each */
	SERVICE,   /* the same, of time that is no more than there was */
	UTIL,	   /* percent of time */
};

#define SUM(counter) (1U << DM_STATS_##counter)
#define IOS (SUM(READS) | SUM(WRITES))

/* struct metric - @sum of counters, for each of @by */
static const struct metric {
	u16 sum;
	u16 by;
	u8 how;
} metrics[] = {
	{ SUM(READS_MERGED), 0, RATE },
	{ SUM(WRITES_MERGED), 0, RATE },
	{ SUM(READS), 0, RATE },
	{ SUM(WRITES), 0, RATE },
	{ SUM(READ_SECTORS), 0, RATE_SIZE },
	{ SUM(WRITE_SECTORS), 0, RATE_SIZE },
	{ SUM(READ_SECTORS) | SUM(WRITE_SECTORS), IOS, MEAN_SIZE },
	{ SUM(QUEUE_NS), 0, QUEUE },
	{ SUM(READ_NS) | SUM(WRITE_NS), IOS, WAIT },
	{ SUM(READ_NS), SUM(READS), WAIT },
	{ SUM(WRITE_NS), SUM(WRITES), WAIT },
	{ IOS, 0, RATE },
	{ SUM(IO_NS), IOS, SERVICE },
	{ SUM(IO_NS), 0, UTIL },
};

enum {
	C_METRIC = DM_STATS_NR_COUNTERS,
	C_READS_MERGED = C_METRIC,
	C_WRITES_MERGED,
	C_READS,
	C_WRITES,
	C_READ_SIZE,
	C_WRITE_SIZE,
	C_REQUEST_SIZE,
	C_QUEUE,
	C_AWAIT,
	C_READ_AWAIT,
	C_WRITE_AWAIT,
	C_UTIL = C_METRIC + ARRAY_SIZE(metrics) - 1,
	C_HIST,
	C_HIST_COUNT_BOUNDS,
	C_HIST_PERCENT_BOUNDS = C_HIST + 4,
	C_INTERVAL_NS = C_HIST + 6,
	C_INTERVAL,
};

const char dm_stats_count_fields[] =
	REPORT_SECTION("stats_all", "Counters")
	REPORT_FIELD(REPORT_NUMBER, "\6", "read_count", "#Reads", "")
	REPORT_FIELD(REPORT_NUMBER, "\7", "reads_merged_count", "#RdMrgs", "")
	REPORT_FIELD(REPORT_NUMBER, "\12", "read_sector_count", "#RdSectors", "")
	REPORT_FIELD(REPORT_NUMBER, "\13", "read_time", "AccRdTime", "")
	REPORT_FIELD(REPORT_NUMBER, "\7", "write_count", "#Writes", "")
	REPORT_FIELD(REPORT_NUMBER, "\7", "writes_merged_count", "#WrMrgs", "")
	REPORT_FIELD(REPORT_NUMBER, "\12", "write_sector_count", "#WrSectors", "")
	REPORT_FIELD(REPORT_NUMBER, "\13", "write_time", "AccWrTime", "")
	REPORT_FIELD(REPORT_NUMBER, "\7", "in_progress_count", "#InProg", "")
	REPORT_FIELD(REPORT_NUMBER, "\7", "io_ticks", "IoTicks", "ns with some under way")
	REPORT_FIELD(REPORT_NUMBER, "\12", "queue_ticks", "QueueTicks", "the same, times how many")
	REPORT_FIELD(REPORT_NUMBER, "\7", "read_ticks", "RdTicks", "ns with reads under way")
	REPORT_FIELD(REPORT_NUMBER, "\7", "write_ticks", "WrTicks", "ns with writes under way")
	REPORT_FIELD(REPORT_FIXED, "\6", "reads_merged_per_sec", "RMrg/s", "")
	REPORT_FIELD(REPORT_FIXED, "\6", "writes_merged_per_sec", "WMrg/s", "")
	REPORT_FIELD(REPORT_FIXED, "\3", "reads_per_sec", "R/s", "")
	REPORT_FIELD(REPORT_FIXED, "\3", "writes_per_sec", "W/s", "")
	REPORT_FIELD(REPORT_NUMBER, "\5", "read_size_per_sec", "RSz/s", "")
	REPORT_FIELD(REPORT_NUMBER, "\5", "write_size_per_sec", "WSz/s", "")
	REPORT_FIELD(REPORT_NUMBER, "\7", "avg_request_size", "AvgRqSz", "")
	REPORT_FIELD(REPORT_FIXED, "\5", "queue_size", "QSize", "mean number under way")
	REPORT_FIELD(REPORT_FIXED, "\5", "await", "AWait", "mean ms of one")
	REPORT_FIELD(REPORT_FIXED, "\7", "read_await", "RdAWait", "of a read")
	REPORT_FIELD(REPORT_FIXED, "\7", "write_await", "WrAWait", "of a write")
	REPORT_FIELD(REPORT_FIXED, "\12", "throughput", "Throughput", "")
	REPORT_FIELD(REPORT_FIXED, "\5", "service_time", "SvcTm", "ms of work for one")
	REPORT_FIELD(REPORT_PERCENT, "\5", "util", "Util%", "time with some under way")
	REPORT_FIELD(REPORT_TEXT, "\20", "hist_count", "Histogram Counts", "")
	REPORT_FIELD(REPORT_TEXT, "\20", "hist_count_bounds", "Histogram Counts", "")
	REPORT_FIELD(REPORT_TEXT, "\20", "hist_count_ranges", "Histogram Counts", "")
	REPORT_FIELD(REPORT_TEXT, "\12", "hist_percent", "Histogram%", "")
	REPORT_FIELD(REPORT_TEXT, "\12", "hist_percent_bounds", "Histogram%", "")
	REPORT_FIELD(REPORT_TEXT, "\12", "hist_percent_ranges", "Histogram%", "")
	REPORT_FIELD(REPORT_NUMBER, "\12", "interval_ns", "IntervalNs", "")
	REPORT_FIELD(REPORT_MICRO, "\10", "interval", "Interval", "in s");

static u64 sum_of(const struct dm_stats *st, u32 counters)
{
	u64 sum = 0;

	for (u32 i = 0; i < DM_STATS_NR_COUNTERS; i++)
		if (counters >> i & 1)
			sum += st->values[i];
	return sum;
}

static void add_metric(const struct dm_stats *st, const struct metric *m, struct report_value *v)
{
	u64 sum = sum_of(st, m->sum);
	u64 by = m->by ? sum_of(st, m->by) : st->interval_ns;

	if (m->how == SERVICE && sum > st->interval_ns)
		sum = st->interval_ns;
	if (!by)
		sum = by++;
	switch (m->how) {
	case RATE_SIZE:
	case MEAN_SIZE:
		v->number = fixed_mul_div_down(sum, m->how == RATE_SIZE ? NS_PER_S : 1, by);
		fixed_add_size(v->text, v->number, &st->unit);
		return;
	case UTIL:
		sum = fixed_percent(sum, by);
		break;
	case RATE:
		sum = fixed_mul_div(sum, NS_PER_S * 100, by);
		break;
	case QUEUE:
		sum = fixed_mul_div(sum, 100, by);
		break;
	case SERVICE:
	case WAIT:
		sum = fixed_mul_div(sum, 1, by * NS_PER_STEP);
		break;
	}
	report_fixed(v, sum, 2);
}

void dm_stats_count_get(void *arg, u32 field, struct report_value *v)
{
	const struct dm_stats *st = stats_of(arg);
	static const u8 histograms[] = {
		DM_STATS_HIST_COUNTS,
		DM_STATS_HIST_COUNTS | DM_STATS_HIST_BOUNDS,
		DM_STATS_HIST_COUNTS | DM_STATS_HIST_RANGES,
		DM_STATS_HIST_PERCENT,
		DM_STATS_HIST_PERCENT | DM_STATS_HIST_BOUNDS,
		DM_STATS_HIST_PERCENT | DM_STATS_HIST_RANGES,
	};

	if (field < C_METRIC)
		report_number(v, st->values[field]);
	else if (field < C_HIST)
		add_metric(st, &metrics[field - C_METRIC], v);
	else if (field < C_INTERVAL_NS)
		add_histogram(st, histograms[field - C_HIST], v);
	else if (field == C_INTERVAL_NS)
		report_number(v, st->interval_ns);
	else
		report_fixed(v, st->interval_ns / 1000, 6);
}

const char dm_stats_group_fields[] =
	REPORT_SECTION("group_all", "Groups")
	REPORT_FIELD(REPORT_LIST, "\7", "members", "Members", "");

void dm_stats_group_get(void *arg, u32 field, struct report_value *v)
{
	const struct dm_stats *st = stats_of(arg);

	(void)field;
	if (st->r->group != DM_STATS_NO_GROUP)
		add_members(st, st->r->group, v);
}


#define COUNT(field) (0x80 + (field))
#define REPORTS (DM_STATS_VIEW_METRICS | DM_STATS_VIEW_RAW)
#define LISTS (DM_STATS_VIEW_LIST | DM_STATS_VIEW_LIST_HIST)
#define HISTS (DM_STATS_VIEW_COUNTS | DM_STATS_VIEW_PERCENT)
#define ALL (REPORTS | LISTS | HISTS)

/* In their order: fields, and where they are shown */
static const struct {
	u8 field;
	u8 views;
} shown[] = {
	{ R_NAME, ALL },
	{ R_GROUP, ALL },
	{ R_ID, ALL },
	{ R_TYPE, ALL },
	{ R_START, LISTS | HISTS },
	{ R_LEN, LISTS | HISTS },
	{ R_AREAS, LISTS | HISTS },
	{ R_AREA, REPORTS | DM_STATS_VIEW_VERBOSE },
	{ R_AREA_START, REPORTS | DM_STATS_VIEW_VERBOSE },
	{ R_AREA_LEN, ALL },
	{ R_BINS, DM_STATS_VIEW_LIST_HIST },
	{ R_BOUNDS, DM_STATS_VIEW_LIST_HIST },
	{ R_PROGRAM, DM_STATS_VIEW_LIST },
	{ COUNT(DM_STATS_READS), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_READS_MERGED), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_READ_SECTORS), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_READ_NS), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_TOTAL_READ_NS), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_WRITES), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_WRITES_MERGED), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_WRITE_SECTORS), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_WRITE_NS), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_TOTAL_WRITE_NS), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_IN_PROGRESS), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_IO_NS), DM_STATS_VIEW_RAW },
	{ COUNT(DM_STATS_QUEUE_NS), DM_STATS_VIEW_RAW },
	{ COUNT(C_READS_MERGED), DM_STATS_VIEW_METRICS },
	{ COUNT(C_WRITES_MERGED), DM_STATS_VIEW_METRICS },
	{ COUNT(C_READS), DM_STATS_VIEW_METRICS },
	{ COUNT(C_WRITES), DM_STATS_VIEW_METRICS },
	{ COUNT(C_READ_SIZE), DM_STATS_VIEW_METRICS },
	{ COUNT(C_WRITE_SIZE), DM_STATS_VIEW_METRICS },
	{ COUNT(C_REQUEST_SIZE), DM_STATS_VIEW_METRICS },
	{ COUNT(C_QUEUE), DM_STATS_VIEW_METRICS },
	{ COUNT(C_UTIL), DM_STATS_VIEW_METRICS | HISTS },
	{ COUNT(C_AWAIT), DM_STATS_VIEW_METRICS | HISTS },
	{ COUNT(C_READ_AWAIT), DM_STATS_VIEW_METRICS },
	{ COUNT(C_WRITE_AWAIT), DM_STATS_VIEW_METRICS },
	{ COUNT(C_HIST_COUNT_BOUNDS), DM_STATS_VIEW_COUNTS },
	{ COUNT(C_HIST_PERCENT_BOUNDS), DM_STATS_VIEW_PERCENT },
};

void dm_stats_add_default_fields(struct fmt_buf *out, u32 view)
{
	for (u32 i = 0; i < ARRAY_SIZE(shown); i++) {
		bool is_count = shown[i].field >= COUNT(0);
		const char *row = is_count ? dm_stats_count_fields : dm_stats_region_fields;

		if (!(shown[i].views & view))
			continue;
		/* behind the section's two texts, three for each field before it */
		for (u32 left = 2 + 3 * (shown[i].field % COUNT(0)); left; left--)
			row += str_len(row) + 1;
		fmt_add(out, "%s%s", i ? "," : "", row + 2);
	}
}
