/* SPDX-License-Identifier: MIT */
/* tools/text/about.c: numbers for an eye */
#include "selftests/harness/harness.h"
#include "tools/text/about.h"

static void bytes(void)
{
	static const struct {
		u64 bytes;
		const char *want;
	} rows[] = {
		{ 0, "0" },
		{ 4096, "4096" },
		{ 9999, "9999" },
		{ 10000, "9.7K" },
		{ 10240, "10K" },
		{ 12800, "12.5K" },
		{ 102400, "100K" },
		{ 102912, "100K" }, /* and a half, which is not shown from 100 on */
		{ 10239999, "9999K" },
		{ 10240000, "9.7M" },
		{ 1ULL << 40, "1024G" },
		{ ~0ULL, "15.9E" },
	};
	char text[FMT_SIZE_MAX];

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_STREQ(about_bytes(text, rows[i].bytes), rows[i].want);
}

static void times(void)
{
	static const struct {
		u64 ns;
		const char *want;
	} rows[] = {
		{ 0, "0ns" },
		{ 9999, "9999ns" },
		{ 10000, "10us" },
		{ 12345, "12.3us" },
		{ 9999999, "9999us" },
		{ 10000000, "10ms" },
		{ 5000000000, "5000ms" },
		{ 60000000000, "60s" },
		{ ~0ULL, "18446744073s" },
	};
	char text[FMT_SIZE_MAX];

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_STREQ(about_ns(text, rows[i].ns), rows[i].want);
}

static void shares(void)
{
	EXPECT_EQ(about_share(3, 100, 4), 75);
	EXPECT_EQ(about_share(3, 100, 0), 0);
	EXPECT_EQ(about_share(0, 1000000000, 5), 0);
	/* numbers whose product has no room */
	EXPECT_EQ(about_share(1ULL << 60, 1000000000, 1ULL << 61) / 1000, 500000);
}

static const struct test_case cases[] = {
	TEST("bytes have four digits and a unit", bytes),
	TEST("times have", times),
	TEST("shares of large numbers have no overflow", shares),
};
TEST_SUITE(text_about, cases);
