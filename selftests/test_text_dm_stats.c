/* SPDX-License-Identifier: MIT */
/* tools/text/dm_stats.c, dm_stats_hist.c, fixed.c: what kernels and dmstats write, and enemies */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "tools/text/dm_stats.h"
#include "tools/text/fixed.h"
#include "uapi/rt/mem.h"

#define ROOM 16

static struct dm_stats_region regions[ROOM];

static int parse(const char *text)
{
	static char copy[4096];

	ASSERT_OK(str_copy(copy, sizeof(copy), text));
	memset(regions, 0x5a, sizeof(regions));
	return dm_stats_list_parse(copy, regions, (u32)str_len(text) / DM_STATS_LINE_BYTES + 1);
}

static void regions_are_read(void)
{
	ASSERT_EQ(parse("0: 0+65536 65536 dmstats -\n"
			"3: 8+4096 1000 - user precise_timestamps histogram:10000,20000,1000000\n"
			"4: 0+8 8 other a b c histogram:1\n"
			"7: 0+8 8 x\n"
			"8: 0+8 8 p - precise_timestampsx\n"), 5);
	EXPECT_EQ(regions[0].len, 65536);
	EXPECT_EQ(regions[0].group, DM_STATS_NO_GROUP);
	EXPECT_STREQ(regions[0].program, "dmstats");
	EXPECT_STREQ(regions[0].user, "");
	EXPECT_EQ(regions[0].nr_bins, 0);
	EXPECT_EQ(regions[1].id, 3);
	EXPECT_EQ(regions[1].start, 8);
	EXPECT_EQ(regions[1].step, 1000);
	EXPECT_EQ(regions[1].nr_areas, 5);
	EXPECT_STREQ(regions[1].program, "");
	EXPECT_STREQ(regions[1].user, "user");
	EXPECT_TRUE(regions[1].is_precise);
	EXPECT_EQ(regions[1].nr_bins, 4);
	EXPECT_STREQ(regions[1].bounds, "10000,20000,1000000");
	EXPECT_STREQ(regions[2].user, "a b c");
	EXPECT_TRUE(!regions[2].is_precise);
	EXPECT_EQ(regions[2].nr_bins, 2);
	EXPECT_STREQ(regions[3].program, "x");
	EXPECT_STREQ(regions[3].user, "");
	EXPECT_STREQ(regions[4].user, "- precise_timestampsx");
	EXPECT_TRUE(!regions[4].is_precise);
	EXPECT_EQ(parse(""), 0);
}

static void no_list_is_refused(void)
{
	static const char *const bad[] = {
		"0: 0+8 8", "0: 0+8 ", "0 0+8 8 p -", "0:0+8 8 p -", "x: 0+8 8 p -", "0: 0-8 8 p -",
		"0: 0+0 8 p -", "0: 0+8 0 p -", "0: 18446744073709551615+8 8 p -", "0: 0+18446744073709551615 1 p -", "-1: 0+8 8 p -",
		"99999999999999999999: 0+8 8 p -", "1: 0+8 8 p -\n0: 0+8 8 p -\n",
		"1: 0+8 8 p -\n1: 0+8 8 p -\n", "0: 0+8 8 p - histogram:", "0: 0+8 8 p - histogram:1,",
		"0: 0+8 8 p - histogram:2,1", "0: 0+8 8 p - histogram:0", "0: 0+8 8 p - histogram:1,x",
		"\n", "0: 0+8 8 p -\n\n",
	};

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		test_row("%s", bad[i]);
		EXPECT_EQ(parse(bad[i]), -EPROTO);
	}
}

static const char *members(u32 nr, u64 group)
{
	static char text[256];
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	text[0] = '\0';
	dm_stats_add_members(&b, regions, nr, group);
	return text;
}

static const char *aux(u32 nr, u32 i)
{
	static char text[256];
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	dm_stats_add_aux(&b, regions, nr, &regions[i]);
	return text;
}

static void groups_are_read(void)
{
	ASSERT_EQ(parse("0: 0+8 8 p DMS_GROUP=\"seg\":0-2,5#-\n"
			"1: 8+8 8 p user\n"
			"2: 16+8 8 p -\n"
			"3: 24+8 8 p DMS_GROUP=:3-4#data#more\n"
			"4: 24+8 8 p -\n"
			"5: 24+8 8 p - precise_timestamps\n"
			"6: 24+8 8 p DMS_GROUP=\"\":6#-\n"
			"8: 24+8 8 p DMS_GROUP=\"a:b\":8-900#x histogram:1\n"), 8);
	EXPECT_STREQ(regions[0].alias, "seg");
	EXPECT_STREQ(regions[0].user, "");
	EXPECT_STREQ(members(8, 0), "0-2,5");
	EXPECT_EQ(regions[5].group, 0);
	EXPECT_TRUE(!regions[3].alias);
	EXPECT_STREQ(regions[3].user, "data#more");
	EXPECT_STREQ(members(8, 3), "3-4");
	EXPECT_STREQ(regions[6].alias, "");
	EXPECT_STREQ(regions[7].alias, "a:b");
	EXPECT_STREQ(members(8, 8), "8");
	EXPECT_EQ(regions[1].group, 0);
	EXPECT_STREQ(aux(8, 0), "DMS_GROUP=\"seg\":0-2,5#-");
	EXPECT_STREQ(aux(8, 1), "user");
	EXPECT_STREQ(aux(8, 2), "-");
	EXPECT_STREQ(aux(8, 3), "DMS_GROUP=:3-4#data#more");
	EXPECT_STREQ(aux(8, 6), "DMS_GROUP=\"\":6#-");
}

static void what_is_no_group_is_data(void)
{
	static const char *const not[] = {
		"DMS_GROUP=", "DMS_GROUP=foo", "DMS_GROUP=foo:", "DMS_GROUP=\"foo:1", "DMS_GROUP=foo:1#-",
		"DMS_GROUP=:0-#-", "DMS_GROUP=:0,#-", "DMS_GROUP=:2-0#-", "DMS_GROUP=:0-x#-",
		"DMS_GROUP=:0;1#-", "DMS_GROUP=:0-99999999999999999999#-", "xDMS_GROUP=:0#-",
	};

	for (u32 i = 0; i < ARRAY_SIZE(not); i++) {
		char line[128];

		test_row("%s", not[i]);
		fmt_print(line, sizeof(line), "0: 0+8 8 p %s\n1: 0+8 8 p -\n", not[i]);
		ASSERT_EQ(parse(line), 2);
		EXPECT_EQ(regions[0].group, DM_STATS_NO_GROUP);
		EXPECT_EQ(regions[1].group, DM_STATS_NO_GROUP);
		EXPECT_STREQ(regions[0].user, not[i]);
	}
	/* as large as they come: no more work than there are regions */
	ASSERT_EQ(parse("0: 0+8 8 p DMS_GROUP=:0-18446744073709551614#-\n1: 0+8 8 p -\n"), 2);
	EXPECT_EQ(regions[1].group, 0);
}

static void counters_are_read(void)
{
	u64 values[3 * (DM_STATS_NR_COUNTERS + 3)] = { 0 };
	struct dm_stats_region r = { .nr_areas = 2, .bounds = "1,2", .nr_bins = 3 };

	r.values.addr = values;
	ASSERT_OK(dm_stats_print_parse("0+8 1 2 3 4 5 6 7 8 -9 10 11 12 13 14:15:16\n"
				       "8+8 0 0 0 0 0 0 0 0 0 0 0 0 0 0:0:7\n", &r));
	EXPECT_EQ(values[DM_STATS_READS], 1);
	EXPECT_EQ(values[DM_STATS_READ_SECTORS], 3);
	EXPECT_EQ(values[DM_STATS_READ_NS], 4000000);
	EXPECT_EQ(values[DM_STATS_WRITES], 5);
	EXPECT_EQ(values[DM_STATS_IN_PROGRESS], 0);
	EXPECT_EQ(values[DM_STATS_TOTAL_WRITE_NS], 13000000);
	EXPECT_EQ(values[DM_STATS_NR_COUNTERS + 2], 16);
	EXPECT_EQ(values[2 * DM_STATS_NR_COUNTERS + 5], 7);
	EXPECT_EQ(values[2 * (DM_STATS_NR_COUNTERS + 3)], 1);
	EXPECT_EQ(values[3 * (DM_STATS_NR_COUNTERS + 3) - 1], 23);
	r.is_precise = true;
	r.nr_areas = 1;
	ASSERT_OK(dm_stats_print_parse("8+8 1 2 3 4 5 6 7 8 9 10 11 12 13 14:15:16\n", &r));
	EXPECT_EQ(values[DM_STATS_READ_NS], 4);
}

static void no_counters_are_refused(void)
{
	static const char *const bad[] = {
		"", "0+8 1 2 3 4 5 6 7 8 9 10 11 12\n", "0+8 1 2 3 4 5 6 7 8 9 10 11 12 13\n",
		"0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1\n", "0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2:3\n",
		"0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2", "0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1 2\n",
		"0-8 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2\n", "0+8 1 2 3 4 5 6 7 8 9 10 11 12 x 1:2\n",
		"0+8 1  3 4 5 6 7 8 9 10 11 12 13 14 1:2\n", "0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 :2\n",
		"0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2\n0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2\n",
		"0+8 99999999999999999999 2 3 4 5 6 7 8 9 10 11 12 13 1:2\n",
	};
	u64 values[2 * (DM_STATS_NR_COUNTERS + 2)] = { 0 };
	struct dm_stats_region r = { .nr_areas = 1, .bounds = "1", .nr_bins = 2 };

	r.values.addr = values;
	ASSERT_OK(dm_stats_print_parse("0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2\n", &r));
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		test_row("%s", bad[i]);
		EXPECT_EQ(dm_stats_print_parse(bad[i], &r), -EPROTO);
	}
}

static void bounds_are_read(void)
{
	static const struct {
		const char *text;
		const char *kernel;
		int nr;
	} rows[] = {
		{ "10us,20,1ms", "10000,20000,1000000", 3 }, /* a unit holds */
		{ "10ms,20ms,1s", "10,20,1000", 3 },
		{ "1ns", "1", 1 },
		{ "1000000", "1", 1 },
		{ "1s,2", "1000,2000", 2 },
		{ "", NULL, -EINVAL }, { "0", NULL, -EINVAL }, { "0,1", NULL, -EINVAL }, { "2,1", NULL, -EINVAL }, { "1,1", NULL, -EINVAL },
		{ "1,", NULL, -EINVAL }, { ",1", NULL, -EINVAL }, { "1,,2", NULL, -EINVAL }, { "1x", NULL, -EINVAL }, { "1xs", NULL, -EINVAL },
		{ "ms", NULL, -EINVAL }, { "1 ", NULL, -EINVAL }, { "-1", NULL, -EINVAL }, { "99999999999s", NULL, -EINVAL },
		{ "99999999999999999999", NULL, -EINVAL },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[64];
		struct fmt_buf b = { .text = text, .size = sizeof(text) };
		int nr = dm_stats_add_bounds(&b, rows[i].text, 1, 1000000);

		test_row("%s", rows[i].text);
		if (nr == -ERANGE) {
			b.len = 0;
			nr = dm_stats_add_bounds(&b, rows[i].text, 1, 1);
		}
		EXPECT_EQ(nr, rows[i].nr);
		if (nr > 0)
			EXPECT_STREQ(text, rows[i].kernel);
	}
}

static const char *histogram(u32 flags)
{
	static const u64 bins[] = { 989, 6, 5, 0, 0 };
	static const struct dm_stats_region r = { .bounds = "10000,100000,1000000,10000000",
						  .nr_bins = 5, .is_precise = true };
	static char text[512];
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	dm_stats_add_histogram(&b, &r, bins, flags);
	return text;
}

/* Lines as dmstats has written them */
static void histograms_are_written(void)
{
	const u32 people = DM_STATS_HIST_UNITS | DM_STATS_HIST_COLUMNS;

	EXPECT_STREQ(histogram(people | DM_STATS_HIST_COUNTS), "   989     6     5     0     0");
	EXPECT_STREQ(histogram(people | DM_STATS_HIST_COUNTS | DM_STATS_HIST_BOUNDS),
		     "    0s:   989,  10us:     6, 100us:     5,   1ms:     0,  10ms:     0");
	EXPECT_STREQ(histogram(people | DM_STATS_HIST_COUNTS | DM_STATS_HIST_RANGES),
		     "0s-10us:  989,10us-100us: 6,100us-1ms:  5,1ms-10ms:   0, >10ms:     0");
	EXPECT_STREQ(histogram(people | DM_STATS_HIST_PERCENT),
		     " 98.90%  0.60%  0.50%  0.00%  0.00%");
	EXPECT_STREQ(histogram(people | DM_STATS_HIST_PERCENT | DM_STATS_HIST_BOUNDS),
		     "    0s: 98.90%,  10us:  0.60%, 100us:  0.50%,   1ms:  0.00%,  10ms:  0.00%");
	EXPECT_STREQ(histogram(people | DM_STATS_HIST_PERCENT | DM_STATS_HIST_RANGES),
		     "0s-10us:98.90%,10us-100us:0.60%,100us-1ms:0.50%,1ms-10ms:0.00%, >10ms:  0.00%");
	EXPECT_STREQ(histogram(people | DM_STATS_HIST_BOUNDS), "0s,10us,100us,1ms,10ms");
	EXPECT_STREQ(histogram(people | DM_STATS_HIST_RANGES),
		     "0s-10us,10us-100us,100us-1ms,1ms-10ms,>10ms");
	EXPECT_STREQ(histogram(DM_STATS_HIST_COLUMNS | DM_STATS_HIST_COUNTS | DM_STATS_HIST_BOUNDS),
		     "         0:   989,     10000:     6,    100000:     5,   1000000:     0,  10000000:     0");
	EXPECT_STREQ(histogram(DM_STATS_HIST_COLUMNS | DM_STATS_HIST_COUNTS | DM_STATS_HIST_RANGES),
		     "0-10000:      989,10000-100000:   6,100000-1000000: 5,1000000-10000000:0, >10000000:     0");
	EXPECT_STREQ(histogram(DM_STATS_HIST_UNITS | DM_STATS_HIST_COUNTS), "989:6:5:0:0");
	EXPECT_STREQ(histogram(DM_STATS_HIST_UNITS | DM_STATS_HIST_COUNTS | DM_STATS_HIST_RANGES),
		     "0s-10us:989:10us-100us:6:100us-1ms:5:1ms-10ms:0:>10ms:0");
	EXPECT_STREQ(histogram(DM_STATS_HIST_BOUNDS), "0,10000,100000,1000000,10000000");
}

static void ranges_are_read(void)
{
	const char *text = "0,2-4,7";
	u64 first;
	u64 last;

	EXPECT_EQ(dm_stats_next_range(&text, &first, &last), 1);
	EXPECT_EQ(first, 0);
	EXPECT_EQ(dm_stats_next_range(&text, &first, &last), 1);
	EXPECT_EQ(first, 2);
	EXPECT_EQ(last, 4);
	EXPECT_EQ(dm_stats_next_range(&text, &first, &last), 1);
	EXPECT_EQ(last, 7);
	EXPECT_EQ(dm_stats_next_range(&text, &first, &last), 0);
}

/* Against the quotients themselves, where those fit, and at the edges of 64 bits */
static void quotients_are_right(void)
{
	static const u64 numbers[] = { 1, 2, 3, 7, 999, 1000, 1000000007, 0xffffffff };
	u32 nr = ARRAY_SIZE(numbers);

	for (u32 i = 0; i < nr * nr * nr; i++) {
		u64 a = numbers[i % nr];
		u64 b = numbers[i / nr % nr];
		u64 c = numbers[i / nr / nr];
		u64 rest = a * b % c;
		u64 down = a * b / c;

		test_row("%llu * %llu / %llu", a, b, c);
		EXPECT_EQ(fixed_mul_div_down(a, b, c), down);
		EXPECT_EQ(fixed_mul_div(a, b, c),
			  down + (rest * 2 > c || (rest * 2 == c && down & 1)));
	}
	EXPECT_EQ(fixed_mul_div(~0ULL, ~0ULL, ~0ULL), ~0ULL);
	EXPECT_EQ(fixed_mul_div_down(~0ULL, 1000000000, 1000000000), ~0ULL);
	EXPECT_EQ(fixed_mul_div_down(~0ULL - 1, 1000000000, 1000000000), ~0ULL - 1);
	EXPECT_EQ(fixed_mul_div_down(1ULL << 63, 3, 1ULL << 63), 3);
	EXPECT_EQ(fixed_mul_div(1ULL << 63, 2, 1), ~0ULL);
	EXPECT_EQ(fixed_mul_div(1, 1, 0), ~0ULL);
	EXPECT_EQ(fixed_mul_div(5, 1, 2), 2);
	EXPECT_EQ(fixed_mul_div(7, 1, 2), 4);
	EXPECT_EQ(fixed_percent(0, 7), 0);
	EXPECT_EQ(fixed_percent(1, 1000000), 1);
	EXPECT_EQ(fixed_percent(999999, 1000000), 9999);
	EXPECT_EQ(fixed_percent(8, 7), 10000);
	EXPECT_EQ(fixed_percent(1, 3), 3333);
}

static void sizes_are_written(void)
{
	static const struct {
		u64 sectors;
		const char *unit;
		const char *text; /* as dmstats writes it */
	} rows[] = {
		{ 65536, "h", "32.00m" },  { 2048, "h", "1.00m" },   { 1, "h", "512b" },
		{ 0, "h", "0" },	   { 1000, "h", "500.00k" }, { 1953, "h", "976.50k" },
		{ 17384, "h", "8.49m" },   { 10000, "h", "4.88m" },  { 21846, "h", "10.67m" },
		{ 8192, "H", "4.19M" },	   { 1000, "H", "512.00K" }, { 17384, "H", "8.90M" },
		{ 17384, "s", "17384" },   { 17384, "b", "8900608" }, { 17384, "m", "8.49" },
		{ 1000, "m", "0.49" },	   { 17384, "3M", "2.97" },  { 8192, "3M", "1.40" },
		{ 65536, "1.5m", "21.33" }, { 65536, "1k", "32768.00" }, { 65536, "2s", "32768.00" },
		{ 0, "m", "0" },	   { 36028797018963967, "h", "16.00e" },
		{ 2, "h", "1.00k" },	   { 2, "H", "1.02K" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[64];
		struct fmt_buf b = { .text = text, .size = sizeof(text) };
		struct fixed_unit unit;

		test_row("%llu in %s", rows[i].sectors, rows[i].unit);
		ASSERT_OK(fixed_unit_parse(rows[i].unit, &unit));
		fixed_add_size(&b, rows[i].sectors, &unit);
		EXPECT_STREQ(text, rows[i].text);
	}
}

static void sizes_are_read(void)
{
	static const char *const bad_units[] = { "", "q", "3", "mm", "3q", "1.5", "0m", "m3", "-1m" };
	static const char *const bad[] = { "", "x", "5x", "1mm", "-1", " 1", "1 ", "99999999999999999999", "1.5m",
					   "18446744073709551615e" };
	struct fixed_unit unit;
	u64 sectors;

	ASSERT_OK(fixed_size_parse("2048", &sectors));
	EXPECT_EQ(sectors, 2048);
	ASSERT_OK(fixed_size_parse("1m", &sectors));
	EXPECT_EQ(sectors, 2048);
	ASSERT_OK(fixed_size_parse("1M", &sectors));
	EXPECT_EQ(sectors, 1953);
	ASSERT_OK(fixed_size_parse("2s", &sectors));
	EXPECT_EQ(sectors, 2);
	ASSERT_OK(fixed_size_parse("511b", &sectors));
	EXPECT_EQ(sectors, 0);
	ASSERT_OK(fixed_size_parse("8e", &sectors));
	EXPECT_EQ(sectors, 1ULL << 54);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		test_row("size %s", bad[i]);
		EXPECT_EQ(fixed_size_parse(bad[i], &sectors), -EINVAL);
	}
	for (u32 i = 0; i < ARRAY_SIZE(bad_units); i++) {
		test_row("unit %s", bad_units[i]);
		EXPECT_EQ(fixed_unit_parse(bad_units[i], &unit), -EINVAL);
	}
}

static const struct test_case cases[] = {
	TEST("regions are read as the kernel lists them", regions_are_read),
	TEST("what is no list of regions is refused", no_list_is_refused),
	TEST("groups are read and written as dmstats does", groups_are_read),
	TEST("what is no group is the user's data", what_is_no_group_is_data),
	TEST("counters and bins are read, times in ns", counters_are_read),
	TEST("what is no line of counters is refused", no_counters_are_refused),
	TEST("bounds of a histogram are read and checked", bounds_are_read),
	TEST("histograms are written as dmstats writes them", histograms_are_written),
	TEST("lists of ids are read", ranges_are_read),
	TEST("quotients are right to 128 bits", quotients_are_right),
	TEST("sizes are written as dmstats writes them", sizes_are_written),
	TEST("sizes and units are read", sizes_are_read),
};
TEST_SUITE(text_dm_stats, cases);
