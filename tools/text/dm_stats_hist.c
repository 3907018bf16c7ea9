/* SPDX-License-Identifier: MIT */
/* Histograms of latencies: their bounds, and how they are shown. */
#include <asm/errno.h>

#include "tools/text/dm_stats.h"
#include "tools/text/fixed.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

/* The largest first: a bound is shown in the first that it is a whole number of; and without */
#define NR_UNITS 4
static const struct unit {
	char name[4];
	u32 ns;
} units[NR_UNITS + 1] = {
	{ "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 }, { "", 1 }
};

/* A bound of "10us,20us,1ms", and what stands behind it: 1, 0 at the end, or -EINVAL. A unit
 * holds until there is another. */
static int next_bound(const char **text, u64 *unit_ns, u64 *ns)
{
	const char *s = *text;
	const char *rest = NULL;

	if (!*s)
		return 0;
	if (!str_is_digit(*s) || parse_number(s, ns, &s))
		return -EINVAL;
	for (u32 i = 0; i < NR_UNITS && !rest; i++) {
		rest = str_starts(s, units[i].name);
		if (rest)
			*unit_ns = units[i].ns;
	}
	s = rest ? rest : s;
	if (*s == ',' ? !*++s : *s != '\0')
		return -EINVAL;
	*text = s;
	return __builtin_mul_overflow(*ns, *unit_ns, ns) ? -EINVAL : 1;
}

int dm_stats_add_bounds(struct fmt_buf *out, const char *text, u64 unit_ns, u64 scale_ns)
{
	u64 last = 0;
	int nr = 0;
	int got;
	u64 ns;

	while ((got = next_bound(&text, &unit_ns, &ns)) > 0) {
		if (ns <= last)
			return -EINVAL;
		if (ns % scale_ns)
			return -ERANGE;
		fmt_add(out, nr++ ? ",%llu" : "%llu", ns / scale_ns);
		last = ns;
	}
	return got || !nr ? -EINVAL : nr;
}

#define VALUES (DM_STATS_HIST_COUNTS | DM_STATS_HIST_PERCENT)
#define PLACES (DM_STATS_HIST_BOUNDS | DM_STATS_HIST_RANGES)

static void add_bound(struct fmt_buf *out, const char *before, u64 ns, u32 flags)
{
	const struct unit *unit = flags & DM_STATS_HIST_UNITS ? units : &units[NR_UNITS];

	while (ns % unit->ns)
		unit++;
	fmt_add(out, "%s%llu%s", before, ns / unit->ns, unit->name);
}

/* "10us:", "10us-20us:" or ">1s:": where a bin begins, or its range, up to 0 the last */
static void add_place(struct fmt_buf *out, u64 lower_ns, u64 upper_ns, int width, u32 flags)
{
	char text[64];
	struct fmt_buf b = { .text = text, .size = sizeof(text) };
	bool is_range = flags & DM_STATS_HIST_RANGES;

	add_bound(&b, is_range && !upper_ns ? ">" : "", lower_ns, flags);
	if (is_range && upper_ns) {
		add_bound(&b, "-", upper_ns, flags);
		width = 0;
	}
	fmt_add(out, flags & VALUES ? "%*s:" : "%*s", width, text);
}

static void add_count(struct fmt_buf *out, u64 count, u64 sum, int width, u32 flags)
{
	if (flags & DM_STATS_HIST_PERCENT) {
		count = sum ? fixed_percent(count, sum) : 0;
		fmt_add(out, "%*llu.%02llu%%", width > 3 ? width - 3 : 0, count / 100, count % 100);
	} else {
		fmt_add(out, "%*llu", width > 0 ? width : 0, count);
	}
}

/* What a place is too wide is taken from its count. */
void dm_stats_add_histogram(struct fmt_buf *out, const struct dm_stats_region *r, const u64 *bins,
			    u32 flags)
{
	bool is_wide = flags & DM_STATS_HIST_COLUMNS && flags & VALUES;
	int place_width = !is_wide ? 0 : flags & DM_STATS_HIST_UNITS ? 6 : 10;
	int width = !is_wide ? 0 : flags & PLACES ? place_width + 1 + 6 : 6;
	u64 unit_ns = dm_stats_unit_ns(r);
	const char *bounds = r->bounds;
	u64 lower_ns = 0;
	u64 upper_ns;
	u64 sum = 0;

	for (u32 i = 0; flags & DM_STATS_HIST_PERCENT && i < r->nr_bins; i++)
		sum += bins[i];
	for (u32 i = 0; i < r->nr_bins; i++) {
		size_t begin;

		if (i && (!is_wide || flags & PLACES))
			fmt_add(out, "%c", is_wide || !(flags & VALUES) ? ',' : ':');
		begin = out->len;
		if (next_bound(&bounds, &unit_ns, &upper_ns) <= 0)
			upper_ns = 0;
		if (flags & PLACES)
			add_place(out, lower_ns, upper_ns, place_width, flags);
		if (flags & VALUES)
			add_count(out, bins[i], sum, width - (int)(out->len - begin), flags);
		lower_ns = upper_ns;
	}
}
