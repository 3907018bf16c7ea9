/* SPDX-License-Identifier: MIT */
/* uapi/rt/str.h */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

static void copies_or_cuts(void)
{
	static const struct {
		const char *src;
		size_t size;
		int want;
		const char *text;
	} rows[] = {
		{ "", 0, -ENAMETOOLONG, "zz" },  { "abc", 0, -ENAMETOOLONG, "zz" },
		{ "abc", 1, -ENAMETOOLONG, "" }, { "abc", 3, -ENAMETOOLONG, "ab" },
		{ "abc", 4, 3, "abc" },          { "", 1, 0, "" },
		{ "abc", 8, 3, "abc" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buf[9] = "zz\0zzzzz";

		test_row("%zu: \"%s\" into %zu", i, rows[i].src, rows[i].size);
		EXPECT_EQ(str_copy(buf, rows[i].size, rows[i].src), rows[i].want);
		EXPECT_STREQ(buf, rows[i].text);
		EXPECT_EQ(buf[8], 0);
	}
}

static void compares(void)
{
	EXPECT_TRUE(str_cmp("\xff", "a") > 0); /* unsigned */
	EXPECT_TRUE(str_cmp("", "a") < 0);
	EXPECT_TRUE(str_cmp("ab", "a") > 0);
	EXPECT_EQ(str_cmp("", ""), 0);
	EXPECT_TRUE(str_eq("abc", "abc"));
	EXPECT_TRUE(!str_eq("abc", "ab"));
	EXPECT_TRUE(!str_eq("", "a"));
}

static void finds(void)
{
	static const char s[] = "mirror:[file:/a]";

	EXPECT_STREQ(str_starts(s, "mirror:"), "[file:/a]");
	EXPECT_STREQ(str_starts(s, ""), s);
	EXPECT_EQ(str_starts("mir", "mirror"), NULL);
	EXPECT_TRUE(str_ends(s, "/a]"));
	EXPECT_TRUE(str_ends(s, ""));
	EXPECT_TRUE(!str_ends("]", "a]"));
	EXPECT_EQ(str_chr(s, ':') - s, 6);
	EXPECT_EQ(str_rchr(s, ':') - s, 12);
	EXPECT_EQ(str_chr(s, '\0'), NULL);
	EXPECT_EQ(str_rchr("", 'a'), NULL);
	EXPECT_STREQ(str_find(s, "r:["), "r:[file:/a]");
	EXPECT_STREQ(str_find("aab", "ab"), "ab");
	EXPECT_EQ(str_find("aa", "aaa"), NULL);
	EXPECT_STREQ(str_find("", ""), "");
}

static void measures(void)
{
	EXPECT_EQ(str_len(""), 0);
	EXPECT_EQ(str_len("abc"), 3);
	EXPECT_EQ(str_nlen("abc", 2), 2);
	EXPECT_EQ(str_nlen("abc", 4), 3);
	EXPECT_EQ(str_nlen("abc", 0), 0);
}

static void knows_characters(void)
{
	u32 nr_spaces = 0;
	u32 nr_digits = 0;

	for (int c = 0; c < 256; c++) {
		nr_spaces += str_is_space((char)c);
		nr_digits += str_is_digit((char)c);
	}
	EXPECT_EQ(nr_spaces, 6);
	EXPECT_EQ(nr_digits, 10);
	EXPECT_EQ(str_lower('A'), 'a');
	EXPECT_EQ(str_lower('Z'), 'z');
	EXPECT_EQ(str_lower('['), '[');
	EXPECT_EQ(str_lower('@'), '@');
	EXPECT_EQ(str_lower('1'), '1');
}

static const struct test_case cases[] = {
	TEST("a copy that does not fit is cut, terminated and reported", copies_or_cuts),
	TEST("strings compare by unsigned bytes", compares),
	TEST("prefixes, suffixes, characters and parts are found", finds),
	TEST("lengths stop at the bound", measures),
	TEST("six characters are blank and ten are digits", knows_characters),
};
TEST_SUITE(rt_str, cases);
