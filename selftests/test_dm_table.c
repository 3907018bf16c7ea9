/* SPDX-License-Identifier: MIT */
/* dm/table.c, dm/text.c: tables from words and from text, as the kernel takes them */
#include <asm/errno.h>

#include "dm/table.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

static u32 spec_field(const struct dm_table *t, u32 offset, u32 field)
{
	u32 value;

	memcpy(&value, (const char *)t->mem.addr + offset + field, sizeof(value));
	return value;
}

/* What the kernel checks of every next (Linux 6.12 on, verify_next()) */
static void check_packing(const struct dm_table *t)
{
	u32 next_at = (u32)offsetof(struct dm_target_spec, next);
	u32 offset = sizeof(struct dm_ioctl);

	for (u32 i = 0; i + 1 < t->nr_targets; i++) {
		const char *params = (const char *)t->mem.addr + offset + 40;
		u32 next = spec_field(t, offset, next_at);

		test_row("line %u of %u", i, t->nr_targets);
		ASSERT_EQ(next % 8, 0);
		ASSERT_GE(next, 40 + str_len(params) + 1);
		offset += next;
	}
	ASSERT_EQ(offset, t->last);
	ASSERT_EQ(t->used_bytes,
		  t->last + 40 + str_len((const char *)t->mem.addr + t->last + 40) + 1);
	ASSERT_LE(t->used_bytes, t->mem.len_bytes);
}

static void packs_every_length(void)
{
	char param[32] = "";
	const char *args[] = { param };
	struct dm_table t = { 0 };

	for (u32 len = 1; len < sizeof(param) - 1; len++) {
		param[len - 1] = 'x';
		ASSERT_OK(dm_table_add(&t, len - 1, 1, "zero", args, 1, NULL));
	}
	ASSERT_EQ(t.nr_targets, sizeof(param) - 2);
	ASSERT_EQ(t.sectors, sizeof(param) - 2);
	check_packing(&t);
	dm_table_free(&t);
	ASSERT_EQ(t.mem.addr, NULL);
	dm_table_free(&t);
}

static void escapes(void)
{
	static const struct {
		const char *arg;
		const char *packed;
	} rows[] = {
		{ "/dev/sda", "/dev/sda" },
		{ "a b", "a\\ b" },
		{ " ", "\\ " },
		{ "\t\n\v\f\r", "\\\t\\\n\\\v\\\f\\\r" },
		{ "\\", "\\\\" },
		{ "a\\", "a\\\\" },
		{ "\xc3\xa0", "\xc3\\\xa0" },
		{ "#", "#" },
		{ "'\"", "'\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dm_table t = { 0 };
		const char *args[] = { rows[i].arg, "0" };
		struct dm_target line;
		u32 pos = 0;
		char wanted[64];

		test_row("%s", rows[i].arg);
		ASSERT_OK(dm_table_add(&t, 0, 8, "linear", args, 2, NULL));
		ASSERT_EQ(dm_table_next(&t, &pos, &line), 1);
		(void)fmt_print(wanted, sizeof(wanted), "%s 0", rows[i].packed);
		EXPECT_STREQ(line.params, wanted);
		EXPECT_STREQ(line.type, "linear");
		EXPECT_EQ(dm_table_next(&t, &pos, &line), 0);
		dm_table_free(&t);
	}
}

/* What is refused leaves the table as it was, and says why. */
static void refuses(void)
{
	static const struct {
		u64 start;
		u64 len;
		const char *type;
		const char *arg;
		int err;
		const char *why;
	} rows[] = {
		{ 9, 1, "zero", NULL, -EINVAL, "sectors 8 to 8 have no target" },
		{ 7, 1, "zero", NULL, -EINVAL, "sector 7 has a target already" },
		{ 0, 1, "zero", NULL, -EINVAL, "sector 0 has a target already" },
		{ 8, 0, "zero", NULL, -EINVAL, "no sectors" },
		{ 8, ~0ULL, "zero", NULL, -EOVERFLOW, "too many" },
		{ 8, 1, "", NULL, -EINVAL, "no type" },
		{ 8, 1, "sixteencharacter", NULL, -ENAMETOOLONG, "sixteencharacter" },
		{ 8, 1, "zero", "", -EINVAL, "parameter 1 of zero is empty" },
	};
	struct dm_table t = { 0 };

	ASSERT_OK(dm_table_add(&t, 0, 8, "fifteencharacte", NULL, 0, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diag why = { "" };
		u32 used = t.used_bytes;

		test_row("%llu %llu %s", rows[i].start, rows[i].len, rows[i].type);
		EXPECT_EQ(dm_table_add(&t, rows[i].start, rows[i].len, rows[i].type, &rows[i].arg,
				       !!rows[i].arg, &why),
			  rows[i].err);
		EXPECT_NE(str_find(why.text, rows[i].why), NULL);
		EXPECT_EQ(t.nr_targets, 1);
		EXPECT_EQ(t.sectors, 8);
		EXPECT_EQ(t.used_bytes, used);
	}
	dm_table_free(&t);
}

static void holds_many(void)
{
	static const char *const args[] = { "/dev/disk/by-id/some-name", "2048" };
	struct dm_table t = { 0 };
	struct dm_target line;
	u32 nr = 100000;
	u32 pos = 0;

	for (u32 i = 0; i < nr; i++)
		ASSERT_OK(dm_table_add(&t, (u64)i * 8, 8, "linear", args, 2, NULL));
	check_packing(&t);
	for (u32 i = 0; i < nr; i++) {
		ASSERT_EQ(dm_table_next(&t, &pos, &line), 1);
		ASSERT_EQ(line.start, (u64)i * 8);
		ASSERT_STREQ(line.params, "/dev/disk/by-id/some-name 2048");
	}
	ASSERT_EQ(dm_table_next(&t, &pos, &line), 0);
	dm_table_free(&t);
}

struct text_row {
	const char *text;
	const char *lines; /* as dm_table_format() writes them, each with a | behind it */
};

static const struct text_row dmsetup_rows[] = {
	{ "", "" },
	{ "\n\n  \n# all of it\n   # blanks in front\n", "" },
	{ "0 8 zero", "0 8 zero |" },
	{ "0 8 zero\n", "0 8 zero |" },
	{ "  0\t8   zero   \r\n", "0 8 zero |" },
	{ "0 8 linear 7:0   16\n8 8 error\n", "0 8 linear 7:0 16|8 8 error |" },
	{ "0 8 linear /dev/x 0 # why", "0 8 linear /dev/x 0|" },
	{ "0 8 linear /dev/x#y 0", "0 8 linear /dev/x|" },
	{ "0 8 linear /dev/x\\ y 0", "0 8 linear /dev/x\\\\ y 0|" },
	{ "0 8 linear '/dev/x' 0", "0 8 linear '/dev/x' 0|" },
	{ "0 8 linear /dev/\xc3\xa0 0", "0 8 linear /dev/\xc3\\\xa0 0|" },
	{ "0 18446744073709551615 zero", "0 18446744073709551615 zero |" },
};

static const struct text_row quoted_rows[] = {
	{ "0 8 zero # why", "0 8 zero |" },
	{ "0 8 linear /dev/x#y 0", "0 8 linear /dev/x#y 0|" },
	{ "0 8 linear '/dev/x y' 0", "0 8 linear /dev/x\\ y 0|" },
	{ "0 8 linear \"/dev/\\\"x\\\\\" 0", "0 8 linear /dev/\"x\\\\ 0|" },
	{ "0 8 linear \"a\\b\" 0", "0 8 linear a\\\\b 0|" },
	{ "0 8 linear '\\' 0", "0 8 linear \\\\ 0|" },
	{ "0 8 linear /dev/x\\ y 0", "0 8 linear /dev/x\\ y 0|" },
	{ "0 8 linear a'b c'\"d e\"f\\#", "0 8 linear ab\\ cd\\ ef#|" },
	{ "0x10 0x8 zero\n", NULL }, /* 16: there is a gap in front */
	{ "0 0x8 zero\n", "0 8 zero |" },
};

static void parses(void)
{
	const struct text_row *rows = test_param();
	bool is_quoted = rows == quoted_rows;
	size_t nr = is_quoted ? ARRAY_SIZE(quoted_rows) : ARRAY_SIZE(dmsetup_rows);

	for (size_t i = 0; i < nr; i++) {
		struct dm_table t = { 0 };
		struct diag why = { "" };
		char seen[512] = "";
		struct fmt_buf out = { .text = seen, .size = sizeof(seen) };
		struct dm_target line;
		u32 pos = 0;
		int err = dm_table_parse(&t, rows[i].text, str_len(rows[i].text),
					 is_quoted ? DM_TEXT_QUOTED : DM_TEXT_DMSETUP, &why);

		test_row("%s: %s", rows[i].text, why.text);
		EXPECT_EQ(err, rows[i].lines ? 0 : -EINVAL);
		while (dm_table_next(&t, &pos, &line) > 0) {
			dm_table_format(&out, &line);
			fmt_add(&out, "|");
		}
		if (rows[i].lines)
			EXPECT_STREQ(seen, rows[i].lines);
		dm_table_free(&t);
	}
}

static void says_where(void)
{
	static const struct {
		enum dm_text how;
		const char *text;
		int err;
		const char *why;
	} rows[] = {
		{ DM_TEXT_DMSETUP, "0 8", -EINVAL, "line 1: START LENGTH TYPE" },
		{ DM_TEXT_DMSETUP, "\n# x\nnope 8 zero", -EINVAL, "line 3: nope is not a number" },
		{ DM_TEXT_DMSETUP, "0 0x8 zero", -EINVAL, "line 1: 0x8" },
		{ DM_TEXT_DMSETUP, "0 -8 zero", -EINVAL, "line 1: -8" },
		{ DM_TEXT_DMSETUP, "0 18446744073709551616 zero", -EOVERFLOW, "line 1: 1844" },
		{ DM_TEXT_DMSETUP, "0 8 zero\n9 8 zero", -EINVAL, "line 2: a gap" },
		{ DM_TEXT_DMSETUP, "0 8 zero\n4 8 zero", -EINVAL, "line 2: sector 4" },
		{ DM_TEXT_DMSETUP, "0 8 a-type-that-is-long", -ENAMETOOLONG, "line 1: target type" },
		{ DM_TEXT_QUOTED, "0 8 linear 'x 0", -EINVAL, "line 1: a quote '" },
		{ DM_TEXT_QUOTED, "0 8 linear \"x\\\" 0", -EINVAL, "line 1: a quote \"" },
		{ DM_TEXT_QUOTED, "0 8 linear x\\", -EINVAL, "line 1: a backslash" },
		{ DM_TEXT_QUOTED, "0 8 linear '' 0", -EINVAL, "line 1: an empty parameter" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dm_table t = { 0 };
		struct diag why = { "" };

		EXPECT_EQ(dm_table_parse(&t, rows[i].text, str_len(rows[i].text), rows[i].how,
					 &why),
			  rows[i].err);
		test_row("%s: %s", rows[i].text, why.text);
		EXPECT_EQ(str_find(why.text, rows[i].why), why.text);
		dm_table_free(&t);
	}
}

static void refuses_a_nul(void)
{
	struct dm_table t = { 0 };
	struct diag why = { "" };

	EXPECT_EQ(dm_table_parse(&t, "0 8 ze\0ro", 9, DM_TEXT_DMSETUP, &why), -EINVAL);
	EXPECT_NE(str_find(why.text, "NUL"), NULL);
	EXPECT_EQ(t.nr_targets, 0);
}

static void refuses_other_types(void)
{
	static const char *const types[] = { "", "a b", "a\\b", "a\nb", "\xc3\xa0" };
	struct dm_table t = { 0 };
	struct diag why = { "" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		test_row("%s", types[i]);
		EXPECT_EQ(dm_table_add(&t, 0, 8, types[i], NULL, 0, &why), -EINVAL);
	}
	EXPECT_EQ(dm_table_add_text(&t, 0, 8, "linear", "a\0b", 3, &why), -EINVAL);
	EXPECT_NE(str_find(why.text, "NUL"), NULL);
	EXPECT_EQ(t.mem.addr, NULL);
}

static const char *const words[] = {
	"/dev/sda", "a b", " ", "\t", "\\", "a\\", "\\ \\", "'", "\"", "x'y\"z", "#", "#x", "y#",
	"\xc3\xa0", "\xa0", "a,b;c", "1\v2\f3\r4", "\x01\x7f\xff",
};

static void gives_words_back(void)
{
	struct dm_table t = { 0 };
	struct dm_target line;
	const char *at;
	char word[32];
	u32 pos = 0;

	ASSERT_OK(dm_table_add(&t, 0, 8, "x", words, ARRAY_SIZE(words), NULL));
	ASSERT_EQ(dm_table_next(&t, &pos, &line), 1);
	at = line.params;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		test_row("word %zu", i);
		ASSERT_EQ(dm_next_param(&at, word, sizeof(word)), 1);
		EXPECT_STREQ(word, words[i]);
	}
	EXPECT_EQ(dm_next_param(&at, word, sizeof(word)), 0);
	at = line.params;
	EXPECT_EQ(dm_next_param(&at, word, 8), -ENAMETOOLONG);
	EXPECT_STREQ(word, "/dev/sd");
	EXPECT_EQ(dm_next_param(&at, word, 8), 1);
	EXPECT_STREQ(word, "a b");
	dm_table_free(&t);
	/* as the kernel has it: nothing behind it that it could stand in front of */
	at = "\\";
	EXPECT_EQ(dm_next_param(&at, word, sizeof(word)), 1);
	EXPECT_STREQ(word, "\\");
}

/* One word at a time, so that those that cannot be written do not hide others */
static void writes_what_it_reads(void)
{
	enum dm_text how = *(const enum dm_text *)test_param();
	u32 nr_refused = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *args[] = { "first", words[i], words[i], "last" };
		struct dm_table t = { 0 };
		struct dm_table back = { 0 };
		struct diag why = { "" };
		char text[256] = "";
		struct fmt_buf out = { .text = text, .size = sizeof(text) };

		ASSERT_OK(dm_table_add(&t, 0, 8, "linear", args, 4, NULL));
		ASSERT_OK(dm_table_add(&t, 8, 8, "zero", NULL, 0, NULL));
		if (dm_table_write(&out, &t, how, &why)) {
			EXPECT_NE(str_find(why.text, "cannot be written"), NULL);
			nr_refused++;
		} else {
			test_row("%s", text);
			ASSERT_OK(dm_table_parse(&back, text, out.len, how, &why));
			ASSERT_EQ(back.used_bytes, t.used_bytes);
			EXPECT_MEMEQ((char *)back.mem.addr + sizeof(struct dm_ioctl),
				     (char *)t.mem.addr + sizeof(struct dm_ioctl),
				     t.used_bytes - sizeof(struct dm_ioctl));
		}
		dm_table_free(&t);
		dm_table_free(&back);
	}
	/* those with a blank, a # or a 0xa0 */
	EXPECT_EQ(nr_refused, how == DM_TEXT_DMSETUP ? 10 : 0);
}

static const enum dm_text as_dmsetup = DM_TEXT_DMSETUP;
static const enum dm_text quoted = DM_TEXT_QUOTED;

static void keeps_secrets(void)
{
	const char *args[] = { "key" };
	struct dm_table t = { .is_secret = true };

	for (u32 i = 0; i < 1000; i++)
		ASSERT_OK(dm_table_add(&t, i, 1, "crypt", args, 1, NULL));
	EXPECT_TRUE(t.is_secret);
	dm_table_free(&t);
	EXPECT_TRUE(!t.is_secret);
}

static const struct test_case cases[] = {
	TEST("lines of every length are packed as the kernel wants them", packs_every_length),
	TEST("blanks, backslashes and UTF-8 in a parameter stay in it", escapes),
	TEST("gaps, overlaps, no length, long types and empty parameters are refused", refuses),
	TEST("a table has room for 100000 targets", holds_many),
	TEST("text is read as dmsetup reads it", parses, .param = dmsetup_rows),
	TEST("quoted text has words with anything in them", parses, .param = quoted_rows),
	TEST("an error in text names the line", says_where),
	TEST("a NUL in text is refused", refuses_a_nul),
	TEST("a type is one word, and a NUL in parameters is refused", refuses_other_types),
	TEST("words come out of a line as they went in", gives_words_back),
	TEST("what is written as dmsetup's text is read as it was, or refused",
	     writes_what_it_reads, .param = &as_dmsetup),
	TEST("what is written quoted is read as it was", writes_what_it_reads, .param = &quoted),
	TEST("a table of secrets grows and stays one", keeps_secrets),
};
TEST_SUITE(dm_table, cases);
