/* SPDX-License-Identifier: MIT */
/* libFuzzer on tools/text/dm_stats.c, dm_stats_hist.c and fixed.c: a list of regions that is
 * taken is written and read again the same; counters, bounds and sizes stay where they belong. */
#include "tools/text/dm_stats.h"
#include "tools/text/fixed.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

#define ROOM 64

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

static void require(bool truth)
{
	if (!truth)
		__builtin_trap();
}

static void write_again(const struct dm_stats_region *regions, u32 nr, struct fmt_buf *out)
{
	for (u32 i = 0; i < nr; i++) {
		const struct dm_stats_region *r = &regions[i];

		fmt_add(out, "%llu: %llu+%llu %llu %s ", r->id, r->start, r->len, r->step,
			*r->program ? r->program : "-");
		dm_stats_add_aux(out, regions, nr, r);
		fmt_add(out, "%s%s%s\n", r->is_precise ? " precise_timestamps" : "",
			r->bounds ? " histogram:" : "", r->bounds ? r->bounds : "");
	}
}

/* What a group has lost, or another has taken from it, is not written any more. */
static void list(char *text)
{
	static struct dm_stats_region regions[ROOM];
	static struct dm_stats_region again[ROOM];
	static char room[65536];
	struct fmt_buf out = { .text = room, .size = sizeof(room) };
	u64 bins[256] = { 0 };
	int nr = dm_stats_list_parse(text, regions, ROOM);

	if (nr <= 0)
		return;
	write_again(regions, (u32)nr, &out);
	if (fmt_truncated(&out))
		return;
	require(dm_stats_list_parse(room, again, ROOM) == nr);
	for (int i = 0; i < nr; i++) {
		require(regions[i].id == again[i].id && regions[i].nr_bins == again[i].nr_bins);
		require(dm_stats_find(regions, (u32)nr, regions[i].id) == &regions[i]);
		require(regions[i].nr_areas > 0);
		for (u32 flags = 0; regions[i].nr_bins <= 256 && flags < 64; flags++) {
			out.len = 0;
			dm_stats_add_histogram(&out, &regions[i], bins, flags);
		}
	}
}

static void counters(const char *text)
{
	static u64 values[5 * (DM_STATS_NR_COUNTERS + 3) + 1];
	struct dm_stats_region r = { .nr_areas = 4, .bounds = "1,2", .nr_bins = 3 };

	values[ARRAY_SIZE(values) - 1] = 0x5a;
	r.values.addr = values;
	(void)!dm_stats_print_parse(text, &r);
	require(values[ARRAY_SIZE(values) - 1] == 0x5a);
}

static void words(const char *text)
{
	static char room[65536];
	struct fmt_buf out = { .text = room, .size = sizeof(room) };
	struct fixed_unit unit;
	u64 sectors;
	u64 first;
	u64 last;

	require(dm_stats_add_bounds(&out, text, 1, 1));
	if (!fixed_size_parse(text, &sectors) && !fixed_unit_parse(text, &unit))
		fixed_add_size(&out, sectors, &unit);
	while (dm_stats_next_range(&text, &first, &last) > 0)
		require(first <= last);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static char text[4096];

	if (len < 2 || len > sizeof(text))
		return 0;
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	if (*data % 3 == 0)
		list(text);
	else if (*data % 3 == 1)
		counters(text);
	else
		words(text);
	return 0;
}
