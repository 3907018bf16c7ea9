/* SPDX-License-Identifier: MIT */
/* tools/text/select.h, on one row of made-up fields */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "tools/text/select.h"

static const struct {
	const char *name;
	struct select_field field;
} fields[] = {
	{ "name", { SELECT_TEXT, 0, 0, "vg0-root" } },
	{ "uuid", { SELECT_TEXT, 0, 0, "" } },
	{ "open", { SELECT_NUMBER, 0, 3, "" } },
	{ "zero", { SELECT_NUMBER, 0, 0, "" } },
	{ "load", { SELECT_NUMBER, 2, 1234, "" } },
	{ "len", { SELECT_SIZE, 0, 1 << 20, "" } },
	{ "util", { SELECT_PERCENT, 1, 505, "" } },
	{ "used", { SELECT_LIST, 0, 0, "sda,sdb,md x" } },
	{ "none", { SELECT_LIST, 0, 0, "" } },
	{ "big", { SELECT_NUMBER, 0, ~0ULL, "" } },
};

static bool find(void *arg, const char *name, size_t len, struct select_field *field)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (str_len(fields[i].name) != len || !str_starts(name, fields[i].name))
			continue;
		*field = fields[i].field;
		return true;
	}
	return false;
}

static int parse(const char *text, struct diag *why)
{
	const struct select s = { .text = text, .find = find };

	*why = (struct diag){ "" };
	return select_true(&s, why);
}

static void is_true(void)
{
	static const char *const rows[] = {
		"", "name=vg0-root", " name = vg0-root ", "name='vg0-root'", "name=\"vg0-root\"",
		"uuid=", "uuid=\"\"", "uuid= && open=3", "name!=vg0", "!name=x", "!!name=vg0-root",
		"! ( name = x )", "!(name=x)&&!(name=y)", "((name=vg0-root))", "!((!(name=vg0-root)))",
		"name=x||name=y||open=3", "name=x#open=3", "open=3,name=vg0-root",
		/* and before or, whatever comes first */
		"open=3||open=3&&name=x", "name=x&&open=3||open=3", "(open=3||name=x)&&open=3",
		"!open=4&&open=3", "!(open=4||open=5)&&open=3",
		"name=~root$", "name=~^vg", "name!~lv", "name=~(vg1|vg0)", "name=~[vg]", "name=~{root}",
		"name=~\"^(vg0|vg1)-\"", "name=~'r..t' && uuid!~.", "uuid!~.",
		"open=3", "open>2", "open>=3", "open<4", "open<=3", "open!=4", "open=3.0", "open>2.9",
		"open<3.5", "open!=3.5", "open=003", "zero=0", "zero=.0", "zero<0.000000000000001",
		"big=18446744073709551615", "big>=18446744073709551615", "big>18446744073709551614",
		"load=12.34", "load>12.339", "load<12.341", "load!=12.345", "load>12", "load<13",
		"len=1", "len=1m", "len=1024k", "len=1048576b", "len=1048576B", "len=2048s", "len=2048S",
		"len>1M", "len<1.1M", "len=0.0009765625g", "len<1e", "len>=1.0m", "len<16777215t",
		"util=50.5", "util=50.5%", "util>50%", "util<51", "util<=100%",
		"used=[sda,sdb,'md x']", "used=[sdb, sda ,md x]", "used={sda}", "used={sda&&sdb}",
		"used={sdx||sdb}", "used=[sdx||sdb]", "used!=[sda]", "used!={sdx}", "used=~sdb",
		"none=[]", "none={}", "none!={sda}", "none=", "used=\"sda,sdb,md x\"", "used={}",
		"used!=[]",
	};
	struct diag why;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int got = parse(rows[i], &why);

		test_row("%s: %s", rows[i], why.text);
		EXPECT_EQ(got, 1);
	}
}

static void is_false(void)
{
	static const char *const rows[] = {
		"name=", "name=VG0-ROOT", "name==vg0-root", "name=vg0-root\"", "uuid!=", "!name=vg0-root",
		"name=x||name=y", "name=x,open=3", "(open=3||name=x)&&name=x", "open=3.5", "open>3",
		"open>=3.000001", "open<3", "open<=2.999", "zero>0", "zero>=0.000000000000001",
		"load=12.345", "load>=12.345", "len>1m", "len<1M", "len=0.1g", "util=50", "used=[sda]",
		"used=[sda,sdb,md]", "used={sda,sdx}", "used={sdx||sdy}", "none={sda}", "used=[]",
		"!(open=3||name=x)", "!(name=x)&&!(open=3)", "big<18446744073709551615",
		"len>=17e", "load>=1844674407370955161.5",
	};
	struct diag why;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int got = parse(rows[i], &why);

		test_row("%s: %s", rows[i], why.text);
		EXPECT_EQ(got, 0);
	}
}

static void refuses(void)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ " ", -EINVAL },
		{ "()", -EINVAL },
		{ "!", -EINVAL },
		{ "name", -EINVAL },
		{ "=x", -EINVAL },
		{ "name~x", -EINVAL },
		{ "name since x", -EINVAL },
		{ "nome=x", -ENOENT },
		{ "nam=x", -ENOENT },
		{ "name=~", -EINVAL },
		{ "name=~\"\"", -EINVAL },
		{ "name=~(v|x)g", -EINVAL },
		{ "name=\"x", -EINVAL },
		{ "name=a b", -EINVAL },
		{ "name=\"a\"b", -EINVAL },
		{ "name=a,b", -ENOENT },
		{ "name=a)", -EINVAL },
		{ "(name=a", -EINVAL },
		{ "(name=a))", -EINVAL },
		{ "name=a &&", -EINVAL },
		{ "&& name=a", -EINVAL },
		{ "name=a & name=b", -EINVAL },
		{ "name=a (name=b)", -EINVAL },
		{ "name>a", -EINVAL },
		{ "open=~3", -EINVAL },
		{ "open=", -EINVAL },
		{ "open=.", -EINVAL },
		{ "open=x", -EINVAL },
		{ "open=-1", -EINVAL },
		{ "open=1.2.3", -EINVAL },
		{ "open=3x", -EINVAL },
		{ "open=3k", -EINVAL },
		{ "open=3%", -EINVAL },
		{ "open=\"3\"", -EINVAL },
		{ "len=1mb", -EINVAL },
		{ "len=1q", -EINVAL },
		{ "util=1%%", -EINVAL },
		{ "big=18446744073709551616", -ERANGE },
		{ "load=184467440737095516.16", -ERANGE },
		{ "used=[sda", -EINVAL },
		{ "used={sda]", -EINVAL },
	};
	struct diag why;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i].text);
		EXPECT_ERR(parse(rows[i].text, &why), rows[i].err);
		EXPECT_TRUE(*why.text);
	}
}

/* part nr times, then end */
static int parse_many(const char *part, u32 nr, const char *end)
{
	static char text[65536];
	size_t len = 0;
	struct diag why;

	for (u32 i = 0; i < nr; i++)
		for (const char *p = part; *p; p++)
			text[len++] = *p;
	for (; *end; end++)
		text[len++] = *end;
	text[len] = '\0';
	return parse(text, &why);
}

static void has_limits(void)
{
	EXPECT_EQ(parse_many("open=3&&", 4000, "open=3"), 1);
	EXPECT_EQ(parse_many("open=4||", 4000, "open=3"), 1);
	EXPECT_EQ(parse_many("!", 4000, "open=3"), 1);
	EXPECT_EQ(parse_many("!", 4001, "open=3"), 0);
	EXPECT_ERR(parse_many("(", 4000, "open=3"), -E2BIG);
	EXPECT_EQ(parse_many("name=~vg0-roota*a*a*a*a*a*a*a*a*a*a*a*a*a*a*&&", 1000, "open=3"), 1);
	EXPECT_ERR(parse_many("open=4||!(", 19, "open=4))))))))))))))))))))"), -EINVAL);
	EXPECT_EQ(parse_many("open=4||!(", 19, "open=4)))))))))))))))))))"), 1);
}

static const struct test_case cases[] = {
	TEST("what is true is selected", is_true),
	TEST("what is not true is not selected", is_false),
	TEST("a malformed selection is refused with a reason", refuses),
	TEST("a selection may be long; one that is too deep is refused", has_limits),
};
TEST_SUITE(text_select, cases);
