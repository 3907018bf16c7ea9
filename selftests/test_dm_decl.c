/* SPDX-License-Identifier: MIT */
/* tools/text/decl.c: devices as a file declares them */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "tools/text/decl.h"

/* All of a text, as "set| name/uuid/minor/ro: line|line|;" */
static int read_all(const char *text, struct fmt_buf *out, struct diag *why)
{
	struct decl d = { .at = text, .line = 1 };
	struct decl_device dev;
	int more;

	while ((more = decl_next(&d, &dev, why)) > 0) {
		struct dm_target line;
		u32 pos = 0;

		fmt_add(out, "%s%s/%s/%d/%s:", dev.is_absent ? "-" : "", dev.name,
			dev.uuid, dev.minor, dev.is_readonly ? "ro" : "rw");
		while (dm_table_next(&dev.table, &pos, &line) > 0) {
			fmt_add(out, " ");
			dm_table_format(out, &line);
			fmt_add(out, "|");
		}
		fmt_add(out, ";");
		dm_table_free(&dev.table);
	}
	if (!more && *d.set)
		fmt_add(out, "set %s", d.set);
	return more;
}

static void reads(void)
{
	static const struct {
		const char *text;
		const char *seen;
	} rows[] = {
		{ "", "" },
		{ "\n # a comment\n\n", "" },
		{ "device a\n0 8 zero", "a//-1/rw: 0 8 zero |;" },
		{ "device a\n0 8 zero\n", "a//-1/rw: 0 8 zero |;" },
		{ "  device  a  \n\n\t0 8 zero\n# or\n\t8 8 error # why\n\n",
		  "a//-1/rw: 0 8 zero | 8 8 error |;" },
		{ "set s-1_.x\ndevice a uuid=U minor=3 ro # c\n0 8 zero\nabsent b\ndevice c rw\n0 1 zero\n",
		  "a/U/3/ro: 0 8 zero |;-b//-1/rw:;c/BAREBLK-s-1_.x:c/-1/rw: 0 1 zero |;set s-1_.x" },
		{ "absent b", "-b//-1/rw:;" },
		{ "absent b#c", "-b#c//-1/rw:;" },
		{ "device 'a b' uuid=\"x \\\" \\\\ y\"\n0 8 linear '/dev/x y' 0x10\n",
		  "a b/x \" \\ y/-1/rw: 0 8 linear /dev/x\\ y 0x10|;" },
		{ "device a\\ b\n0 8 zero\n", "a b//-1/rw: 0 8 zero |;" },
		{ "device 'a'\nabsent \"b\"\n", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char seen[512] = "";
		struct fmt_buf out = { .text = seen, .size = sizeof(seen) };
		struct diag why = { "" };
		int err = read_all(rows[i].text, &out, &why);

		test_row("%s: %s", rows[i].text, why.text);
		EXPECT_EQ(err, rows[i].seen ? 0 : -EINVAL);
		if (rows[i].seen)
			EXPECT_STREQ(seen, rows[i].seen);
	}
}

static void refuses(void)
{
	static const struct {
		const char *text;
		const char *why;
	} rows[] = {
		{ "0 8 zero\n", "line 1: a table without a device" },
		{ "\ndevice\n", "line 2: device: set NAME, device NAME" },
		{ "device ''\n0 8 zero", "line 1: an empty parameter" },
		{ "device a", "line 1: a has no table" },
		{ "device a\n# 0 8 zero\ndevice b\n0 8 zero", "line 1: a has no table" },
		{ "absent a\n0 8 zero\n", "line 2: a table without a device" },
		{ "absent a ro\n", "line 1: ro: set NAME" },
		{ "device a uuid=\n0 8 zero", "line 1: uuid=: set NAME" },
		{ "device a uuid=x uuid=y\n0 8 zero", "line 1: uuid=y: set NAME" },
		{ "device a minor=-1\n0 8 zero", "line 1: minor=-1: set NAME" },
		{ "device a minor=1048576\n0 8 zero", "line 1: minor=1048576: set NAME" },
		{ "device a table\n0 8 zero", "line 1: table: set NAME" },
		{ "device 'a\n0 8 zero'\n", "line 1: a quote ' is not closed" },
		{ "device \"a\\\"", "line 1: a quote \" is not closed" },
		{ "device a\\\n0 8 zero", "line 1: a backslash at the end" },
		{ "device a\\", "line 1: a backslash at the end" },
		{ "set\n", "line 1: set: set NAME" },
		{ "set a:b\n", "line 1: a:b: set NAME" },
		{ "set a b\n", "line 1: b: set NAME" },
		{ "set a\nset b\n", "line 2: b: set NAME" },
		{ "set a\n0 8 zero\n", "line 2: a table without a device" },
		{ "absent x\nset b\n", "line 2: b: set NAME" },
		{ "set 123456789012345678901234567890123\n", "line 1: 123456789012345678901234567890123: set NAME" },
		{ "device a\n\n0 8 zero\n# c\n9 1 zero\n", "line 5: a gap" },
		{ "device a\n0 8 linear '/dev/x\n", "line 2: a quote ' is not closed" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char seen[512] = "";
		struct fmt_buf out = { .text = seen, .size = sizeof(seen) };
		struct diag why = { "" };
		int err = read_all(rows[i].text, &out, &why);

		test_row("%s: %s", rows[i].text, why.text);
		EXPECT_EQ(err, -EINVAL);
		EXPECT_TRUE(str_starts(why.text, rows[i].why) != NULL);
	}
}

static bool find(void *arg, const char *word, u64 *dev)
{
	struct fmt_buf *seen = arg;

	fmt_add(seen, "%s,", word);
	*dev = dm_dev(4095, 1048575);
	return *word == '/';
}

static void resolves(void)
{
	struct dm_table from = { .used_bytes = 0 };
	struct dm_table to = { .used_bytes = 0 };
	static const char text[] = "0 8 linear '/dev/x y' 7\n8 8 zero\n16 8 a / b\\\\c '' 1:2 /\n";
	char seen[128] = "";
	struct fmt_buf out = { .text = seen, .size = sizeof(seen) };
	struct dm_target line;
	u32 pos = 0;

	ASSERT_ERR(dm_table_parse(&from, text, sizeof(text) - 1, DM_TEXT_QUOTED, NULL), -EINVAL);
	ASSERT_EQ(from.nr_targets, 2);
	ASSERT_OK(dm_table_add_text(&from, 16, 8, "a", "/ b\\\\c 1:2 /", 12, NULL));
	ASSERT_OK(decl_resolve(&to, &from, find, &out));
	EXPECT_STREQ(seen, "/dev/x y,7,/,b\\c,1:2,/,");
	ASSERT_EQ(dm_table_next(&to, &pos, &line), 1);
	EXPECT_STREQ(line.params, "4095:1048575 7");
	ASSERT_EQ(dm_table_next(&to, &pos, &line), 1);
	EXPECT_STREQ(line.params, "");
	ASSERT_EQ(dm_table_next(&to, &pos, &line), 1);
	EXPECT_STREQ(line.params, "4095:1048575 b\\\\c 1:2 4095:1048575 ");
	dm_table_free(&from);
	dm_table_free(&to);
}

static void quotes_what_was_shown(void)
{
	struct {
		struct dm_ioctl io;
		struct dm_target_spec spec;
		char params[16];
	} answer = {
		.io = {
			.data_size = sizeof(answer),
			.data_start = sizeof(answer.io),
			.target_count = 1,
		},
		.spec = { .length = 8, .next = sizeof(answer) - sizeof(answer.io), .target_type = "x" },
		.params = "a\\b c\xc3\xa0 ",
	};
	struct dm_table t = { .used_bytes = 0 };
	struct dm_reply r = { .io = NULL };
	struct dm_target line;
	u32 pos = 0;

	ASSERT_OK(dm_reply_take(&r, &answer.io, sizeof(answer)));
	ASSERT_OK(decl_as_shown(&t, &r));
	ASSERT_EQ(dm_table_next(&t, &pos, &line), 1);
	EXPECT_STREQ(line.params, "a\\\\b c\xc3\\\xa0 ");
	EXPECT_EQ(line.len, 8);
	dm_table_free(&t);
}

static const struct test_case cases[] = {
	TEST("a file of devices is read", reads),
	TEST("a file that is wrong is refused with the line", refuses),
	TEST("device numbers take the place of paths", resolves),
	TEST("a line of the kernel's is quoted for loading it again", quotes_what_was_shown),
};
TEST_SUITE(dm_decl, cases);
