/* SPDX-License-Identifier: MIT */
/* tools/text/regex.h */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "tools/text/regex.h"

struct row {
	const char *regex;
	const char *text;
	bool is_match;
};

static void check(const struct row *row, bool is_loose)
{
	test_row("%s on \"%s\"", row->regex, row->text);
	EXPECT_EQ(regex_match(row->regex, str_len(row->regex), is_loose, row->text), row->is_match);
}

static void matches(void)
{
	static const struct row rows[] = {
		{ "^$", "", true },
		{ "^$", "a", false },
		{ "$", "a", true },
		{ "$.", "a", false },
		{ "a^b", "ab", false },
		{ "(^a|b)c", "ac", true },
		{ "(^a|b)c", "xac", false },
		{ "(^a|b)c", "xbc", true },
		{ "a($|-)", "xa", true },
		{ "a($|-)", "a-b", true },
		{ "a($|-)", "ab", false },
		{ ".", "", false },
		{ "[^a]", "", false },
		{ "[^a]", "a", false },
		{ "[^a]", "ab", true },
		{ ".", "\n", false },
		{ "\\n", "\n", true },
		{ "\\.", "a", false },
		{ "\\.", ".", true },
		{ "\\\\", "a\\", true },
		{ "(a*)*b", "aaab", true },
		{ "(a*)*$", "aaac", true },
		{ "^(a*)*$", "aaac", false },
		{ "^(a|b?)+$", "abab", true },
		{ "^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false },
		{ "a**", "", true },
		{ "^a+?$", "aaa", true },
		{ "^ab|c$", "abx", true },
		{ "^ab|c$", "xc", true },
		{ "^ab|c$", "xab", false },
		{ "^(ab|c)$", "abx", false },
		{ "^(a|b|c|d)$", "d", true },
		{ "^(a|b|c|d)$", "e", false },
		{ "^((a|b)|(c|d))*$", "abcd", true },
		{ "^ab*c$", "ac", true },
		{ "^ab*c$", "abbbc", true },
		{ "^ab+c$", "ac", false },
		{ "^ab?c$", "abbc", false },
		{ "^(ab)*c$", "ababc", true },
		{ "[]a]", "]", true },
		{ "[^]a]", "]", false },
		{ "[a-]", "-", true },
		{ "[-a]", "-", true },
		{ "[a-c]", "b", true },
		{ "[a-c]", "d", false },
		{ "[\\]]", "]", true },
		{ "[\\-a]", "-", true },
		{ "[.*]", "x", false },
		{ "a{2}", "aa", false },
		{ "a{2}", "a{2}", true },
		{ "\xc3\xa4", "x\xc3\xa4y", true },
		{ "[\x80-\xff]", "\xc3", true },
		{ "vg0-", "vg0-root", true },
		{ "VG", "vg", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i], false);
}

/* What dmsetup 1.02.185 answers */
static void is_loose(void)
{
	static const struct row rows[] = {
		{ ".", "", true },	{ "..", "", true },   { "...", "", false },
		{ ".vg", "vg", true },	{ ".vg.", "vg", true }, { "[^a]", "", true },
		{ "^.vg", "vg", false }, { "g$.", "vg", false }, { "^[^a]", "", true },
		{ "[^a][ab](a([ab])?)*$", "a", true }, { "[a]", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i], true);
}

static void refuses(void)
{
	static const char *const rows[] = {
		"", "*", "+a", "?", "a|", "|a", "a||b", "()", "(a|)", "(|a)", "(", ")", "a)", "(a",
		"((a)", "[", "[]", "[^]", "[a", "[\\", "[\\]", "\\", "a\\", "[b-a]", "[[:alpha:]]",
		"(*a)", "a|*",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i]);
		EXPECT_ERR(regex_match(rows[i], str_len(rows[i]), false, "a"), -EINVAL);
	}
}

static void has_limits(void)
{
	char text[2 * REGEX_MAX_BYTES];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a';
	EXPECT_ERR(regex_match(text, sizeof(text), false, "a"), -EINVAL);
	EXPECT_ERR(regex_match(text, REGEX_MAX_BYTES + 1, false, "a"), -EINVAL);
	EXPECT_EQ(regex_match(text, REGEX_MAX_BYTES, false, "a"), 0);
	text[REGEX_MAX_BYTES] = '\0';
	EXPECT_EQ(regex_match(text, REGEX_MAX_BYTES, false, text), 1);
	for (size_t i = 0; i < REGEX_MAX_BYTES / 2; i++) {
		text[i] = '(';
		text[REGEX_MAX_BYTES - 1 - i] = ')';
	}
	text[REGEX_MAX_BYTES / 2] = 'b';
	EXPECT_ERR(regex_match(text, REGEX_MAX_BYTES, false, "b"), -EINVAL);
	text[REGEX_MAX_BYTES / 2 - 1] = 'a';
	EXPECT_EQ(regex_match(text, REGEX_MAX_BYTES, false, "b"), 0);
	EXPECT_EQ(regex_match(text, REGEX_MAX_BYTES, false, "cab"), 1);
}

/* A backtracking matcher would be at it until the end of days. */
static void is_linear(void)
{
	static const char bad[] = "^(a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?)*(a*)*(a|aa)+$";
	char text[10001];
	u64 start = test_now_ms();

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a';
	text[sizeof(text) - 2] = 'b';
	text[sizeof(text) - 1] = '\0';
	EXPECT_EQ(regex_match(bad, sizeof(bad) - 1, false, text), 0);
	EXPECT_LT(test_now_ms() - start, 5000);
}

static const struct test_case cases[] = {
	TEST("an expression matches what it should, and nothing else", matches),
	TEST("a dot matches before and behind a text where dmsetup's does", is_loose),
	TEST("a malformed expression is refused", refuses),
	TEST("an expression may be long and deep, and not longer", has_limits),
	TEST("time does not explode on nested repeats", is_linear),
};
TEST_SUITE(text_regex, cases);
