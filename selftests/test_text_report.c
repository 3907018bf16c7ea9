/* SPDX-License-Identifier: MIT */
/* tools/text/report.h, on made-up rows */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "tools/text/report.h"

struct disk {
	const char *name;
	u64 minor;
	u64 load; /* hundredths */
	u64 bytes;
	const char *used;
};

static void disk_get(void *row, u32 field, struct report_value *v)
{
	struct disk *d = row;

	switch (field) {
	case 0:
		fmt_add(v->text, "%s", d->name);
		break;
	case 1:
		report_number(v, d->minor);
		break;
	case 2:
		report_fixed(v, d->load, 2);
		break;
	case 3:
		v->number = d->bytes;
		fmt_add(v->text, "%lluk", d->bytes / 1024);
		break;
	case 4:
		fmt_add(v->text, "%s", d->used);
		break;
	}
}

static void other_get(void *row, u32 field, struct report_value *v)
{
	(void)row;
	if (field == 0)
		fmt_add(v->text, "left");
}

static const char disk_fields[] =
	REPORT_SECTION("disk_all", "Disks")
	REPORT_FIELD(REPORT_TEXT, "\6", "name", "Name", "what it is called")
	REPORT_FIELD(REPORT_NUMBER, "\3", "minor_nr", "Min", "its minor number")
	REPORT_FIELD(REPORT_FIXED, "\5", "load", "Load", "how busy it is")
	REPORT_FIELD(REPORT_SIZE, "\0", "size", "Size", "how large")
	REPORT_FIELD(REPORT_LIST, "\0", "used_by", "UsedBy", "by whom");
static const char other_fields[] =
	REPORT_SECTION("other_all", "Others")
	REPORT_FIELD(REPORT_LEFT, "\6", "side", "Side", "left")
	REPORT_FIELD(REPORT_NUMBER, "\0", "blank", "Blank", "nothing");
static const struct report_section sections[] = {
	{ disk_fields, disk_get },
	{ other_fields, other_get },
};

static struct disk disks[] = {
	{ "b", 10, 1234, 4096, "x,y" },
	{ "a \"q\"", 9, 5, 1024, "" },
	{ "b", 2, 100000, 2048, "z" },
	{ "verylong", 10, 0, 1048576, "" },
};

static int print(const struct report_how *how, struct diag *why)
{
	struct report *rp;
	int err = report_open(&rp, sections, 2, how, why);

	if (err == REPORT_HELP)
		report_help(sections, 2, how->out);
	for (size_t i = 0; i < ARRAY_SIZE(disks) && !err; i++)
		err = report_add(rp, &disks[i], why) < 0;
	if (!err)
		report_print(rp);
	report_close(rp);
	return err;
}

static void expect(struct report_how how, const char *seen)
{
	char text[4096] = "";
	struct fmt_buf out = { .text = text, .size = sizeof(text) };
	struct diag why = { "" };

	how.defaults = how.defaults ? how.defaults : "name,minor_nr";
	how.out = &out;
	test_row("-o %s -O %s -S %s", how.fields ? how.fields : "", how.sort ? how.sort : "",
		 how.select ? how.select : "");
	EXPECT_EQ(print(&how, &why), 0);
	EXPECT_STREQ(why.text, "");
	EXPECT_STREQ(text, seen);
}

#define HOW(...)                                                                                   \
	((struct report_how){ .is_aligned = true, .separator = " ", __VA_ARGS__ })
#define RAW(...)                                                                                   \
	((struct report_how){ .headings = REPORT_HEADINGS_NONE, .separator = ":", __VA_ARGS__ })

static void shapes(void)
{
	expect(HOW(.select = "name=nobody"), "");
	expect(HOW(.fields = ""), "\n\n\n\n\n");
	expect(HOW(), "Name     Min\nb         10\na \"q\"      9\nb          2\nverylong  10\n");
	expect(HOW(.headings = REPORT_HEADINGS_FULL, .fields = "minor_nr", .select = "minor_nr=2"),
	       "minor_nr\n       2\n");
	expect(HOW(.fields = "load,side,name", .select = "minor_nr<10"),
	       "Load    Side   Name  \n   0.05 left   a \"q\" \n1000.00 left   b     \n");
	expect(RAW(), "b:10\na \"q\":9\nb:2\nverylong:10\n");
	expect(RAW(.as_rows = true), "b:a \"q\":b:verylong\n10:9:2:10\n");
	expect(((struct report_how){ .as_rows = true, .separator = ":", .fields = "minor_nr" }),
	       "Min:10:9:2:10\n");
	expect(RAW(.is_named = true, .select = "minor_nr=2"), "DM_NAME='b':DM_MINOR_NR='2'\n");
	expect(RAW(.is_named = true, .is_bare = true, .fields = "minor_nr,blank", .select = "name=v"),
	       "");
	expect(RAW(.is_named = true, .is_bare = true, .fields = "blank", .select = "minor_nr=2"),
	       "DM_BLANK=\n");
	expect(HOW(.unbuffered = true), "Name   Min\nb       10\na \"q\"    9\nb        2\n"
					"verylong  10\n");
	expect(((struct report_how){ .unbuffered = true, .as_rows = true, .separator = " ",
				     .fields = "name", .select = "minor_nr=10" }),
	       "Name b verylong\n");
}

static void chooses(void)
{
	expect(RAW(.fields = "NAME,Min_or__nr,minornr"), "b:10:10\na \"q\":9:9\nb:2:2\nverylong:10:10\n");
	expect(RAW(.fields = ",,minor_nr,,,blank"), "10:\n9:\n2:\n10:\n");
	expect(RAW(.fields = "+size", .select = "load>12"), "b:10:4k\nb:2:2k\n");
	expect(RAW(.fields = "+size,-name,-Minor_Nr"), "4k\n1k\n2k\n1024k\n");
	expect(RAW(.fields = "disk_all,-size,-load", .select = "name=verylong"), "verylong:10:\n");
	expect(RAW(.fields = "OTHERALL", .select = "minor_nr=2"), "left:\n");
	expect(RAW(.fields = "all", .select = "minor_nr=2"), "b:2:1000.00:2k:z:left:\n");
	expect(RAW(.fields = "minor_nr,selected", .select = "name=b"), "10:1\n9:0\n2:1\n10:0\n");
	expect(RAW(.fields = "selected,minor_nr", .select = "name=b", .sort = "selected"),
	       "0:9\n0:10\n1:10\n1:2\n");
	expect(RAW(.select = "used_by={y} || size=1"), "b:10\nverylong:10\n");
	expect(RAW(.select = "load<=0.05"), "a \"q\":9\nverylong:10\n");
}

static void sorts(void)
{
	expect(RAW(.sort = "minor_nr"), "b:2\na \"q\":9\nb:10\nverylong:10\n");
	expect(RAW(.sort = "-minor_nr"), "b:10\nverylong:10\na \"q\":9\nb:2\n");
	expect(RAW(.sort = "name,minor_nr"), "a \"q\":9\nb:2\nb:10\nverylong:10\n");
	expect(RAW(.sort = "-name,+load"), "verylong:10\nb:10\nb:2\na \"q\":9\n");
	expect(RAW(.sort = "blank"), "b:10\na \"q\":9\nb:2\nverylong:10\n");
	expect(RAW(.fields = "name", .sort = "-size"), "verylong\nb\nb\na \"q\"\n");
}

static void writes_json(void)
{
	expect(HOW(.is_json = true, .select = "name=nobody"), "[]\n");
	expect(HOW(.is_json = true, .fields = "all", .select = "minor_nr=9||minor_nr=2"),
	       "[{\"name\": \"a \\\"q\\\"\", \"minor_nr\": 9, \"load\": 0.05, \"size\": 1024, "
	       "\"used_by\": [], \"side\": 0, \"blank\": null}, "
	       "{\"name\": \"b\", \"minor_nr\": 2, \"load\": 1000.00, \"size\": 2048, "
	       "\"used_by\": [\"z\"], \"side\": 0, \"blank\": null}]\n");
	expect(HOW(.is_json = true, .fields = "used_by", .select = "minor_nr=10", .sort = "-name"),
	       "[{\"used_by\": []}, {\"used_by\": [\"x\", \"y\"]}]\n");
}

static void refuses(void)
{
	static const struct {
		struct report_how how;
		int err;
	} rows[] = {
		{ HOW(.fields = "nope"), -ENOENT },
		{ HOW(.fields = "name,"), -ENOENT },
		{ HOW(.fields = "+"), -ENOENT },
		{ HOW(.fields = "nam"), -ENOENT },
		{ HOW(.fields = "names"), -ENOENT },
		{ HOW(.fields = "-nope"), -ENOENT },
		{ HOW(.fields = "disk"), -ENOENT },
		{ HOW(.sort = "nope"), -ENOENT },
		{ HOW(.sort = "--name"), -ENOENT },
		{ HOW(.sort = "name,"), -ENOENT },
		{ HOW(.sort = "all"), -ENOENT },
		{ HOW(.select = "nope=1"), -ENOENT },
		{ HOW(.select = "name"), -EINVAL },
		{ HOW(.fields = "all,all,all,all,all,all,all,all,all,all,all,all,all,all,all,all,all,"
				"all,all,all,all,all,all"), -E2BIG },
		{ HOW(.sort = "name,name,name,name,name,name,name,name,name,name,name,name,name,name,"
			      "name,name,name"), -E2BIG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diag why = { "" };
		struct report *rp;

		test_row("-o %s -O %s", rows[i].how.fields ? rows[i].how.fields : "",
			 rows[i].how.sort ? rows[i].how.sort : "");
		EXPECT_ERR(report_open(&rp, sections, 2, &rows[i].how, &why), rows[i].err);
		EXPECT_TRUE(!rp && *why.text);
	}
}

static void helps(void)
{
	struct report_how rows[] = {
		{ .fields = "help" }, { .fields = "name,?" }, { .sort = "help" }, { .select = "help" },
		{ .select = "?" },    { .fields = "HELP" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[2048] = "";
		struct fmt_buf out = { .text = text, .size = sizeof(text) };
		struct diag why;

		rows[i].out = &out;
		EXPECT_EQ(print(&rows[i], &why), REPORT_HELP);
		EXPECT_TRUE(str_find(text, "minor_nr") && str_find(text, "other_all"));
		EXPECT_TRUE(!fmt_truncated(&out));
	}
}

/* 60,000 rows in falling order, then sorted to rise; their texts are as long as names get */
static void holds_many(void)
{
	static char text[100000];
	struct fmt_buf out = { .text = text, .size = sizeof(text) };
	struct report_how how = RAW(.fields = "minor_nr", .sort = "minor_nr,-name",
				    .select = "minor_nr<5000", .out = &out);
	struct disk d = { .name = "0123456789012345678901234567890123456789012345678901234567890123" };
	struct report *rp;
	size_t printed;
	u64 last = 0;

	ASSERT_EQ(report_open(&rp, sections, 2, &how, NULL), 0);
	for (u32 i = 60000; i; i--) {
		d.minor = i - 1;
		ASSERT_EQ(report_add(rp, &d, NULL), d.minor < 5000);
	}
	EXPECT_TRUE(report_wants(rp, &sections[0]) && !report_wants(rp, &sections[1]));
	report_print(rp);
	printed = out.len;
	ASSERT_TRUE(!fmt_truncated(&out));
	for (const char *p = text; *p; p++) {
		u64 nr = 0;

		for (; *p != '\n'; p++)
			nr = nr * 10 + (u64)(*p - '0');
		ASSERT_EQ(nr, last);
		last++;
	}
	EXPECT_EQ(last, 5000);
	report_print(rp);
	EXPECT_EQ(out.len, printed);
	report_close(rp);
	report_close(NULL);
}

static const struct test_case cases[] = {
	TEST("a report is printed in every shape", shapes),
	TEST("fields are chosen by name, by section and all at once", chooses),
	TEST("rows are sorted, those that compare the same stay in their order", sorts),
	TEST("a report is written as JSON", writes_json),
	TEST("unknown fields and too many are refused with a reason", refuses),
	TEST("help lists the fields", helps),
	TEST("a report holds as many rows as a machine has devices", holds_many),
};
TEST_SUITE(text_report, cases);
