/* SPDX-License-Identifier: MIT */
/* dm/concise.c: devices in one line */
#include <asm/errno.h>

#include "dm/concise.h"
#include "selftests/harness/harness.h"

/* All devices of a line, as "name/uuid/minor/ro: line|line|;" */
static int read_all(const char *text, struct fmt_buf *out, struct diag *why)
{
	struct dm_concise dev;
	int more;

	while ((more = dm_concise_next(&text, &dev, why)) > 0) {
		struct dm_target line;
		u32 pos = 0;

		fmt_add(out, "%s/%s/%d/%s:", dev.name, dev.uuid, dev.minor,
			dev.flags & DM_READONLY_FLAG ? "ro" : "rw");
		while (dm_table_next(&dev.table, &pos, &line) > 0) {
			fmt_add(out, " ");
			dm_table_format(out, &line);
			fmt_add(out, "|");
		}
		fmt_add(out, ";");
		dm_table_free(&dev.table);
	}
	return more;
}

static void reads(void)
{
	static const struct {
		const char *text;
		const char *seen;
	} rows[] = {
		{ "", "" },
		{ "  \n", "" },
		{ "a,,,,0 8 zero", "a//-1/rw: 0 8 zero |;" },
		{ "a,,,,0 8 zero;", "a//-1/rw: 0 8 zero |;" },
		{ " a , u-1 , 3 , ro , 0 8 linear 7:0 0 , 8 8 error ",
		  "a/u-1/3/ro: 0 8 linear 7:0 0| 8 8 error |;" },
		{ "a,,,rw,0 8 zero;\nb,,,,0 1 error;", "a//-1/rw: 0 8 zero |;b//-1/rw: 0 1 error |;" },
		{ "a\\,b,u\\;v,,,0 8 linear /dev/x\\,y\\;z 0",
		  "a,b/u;v/-1/rw: 0 8 linear /dev/x,y;z 0|;" },
		{ "a\\\\,,,,0 8 linear x\\\\y 0", "a\\//-1/rw: 0 8 linear x\\\\y 0|;" },
		{ "a,,,,0 8 zer\\o", "a//-1/rw: 0 8 zero |;" },
		/* the kernel's own documentation has these */
		{ "dm-linear,,,rw,0 32768 linear 8:1 0,32768 1024000 linear 8:2 0",
		  "dm-linear//-1/rw: 0 32768 linear 8:1 0| 32768 1024000 linear 8:2 0|;" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char seen[512] = "";
		struct fmt_buf out = { .text = seen, .size = sizeof(seen) };
		struct diag why = { "" };

		EXPECT_EQ(read_all(rows[i].text, &out, &why), 0);
		test_row("%s: %s", rows[i].text, why.text);
		EXPECT_STREQ(seen, rows[i].seen);
	}
}

static void refuses(void)
{
	static const struct {
		const char *text;
		int err;
		const char *why;
	} rows[] = {
		{ "a", -EINVAL, "five fields" },
		{ "a,,,0 8 zero", -EINVAL, "flags 0 8 zero" },
		{ ",,,,0 8 zero", -EINVAL, "without a name" },
		{ "a,,,,", -EINVAL, "a: line 1: an empty line in a table" },
		{ "a,,,,0 8 zero,", -EINVAL, "a: line 2: an empty line in a table" },
		{ "a,,x,,0 8 zero", -EINVAL, "a: x is not a minor number" },
		{ "a,,-1,,0 8 zero", -EINVAL, "a: -1 is not a minor number" },
		{ "a,,1048576,,0 8 zero", -EINVAL, "a: 1048576" },
		{ "a,,,xx,0 8 zero", -EINVAL, "a: flags xx" },
		{ "a,,,,0 8 zero,9 1 zero", -EINVAL, "a: line 2: a gap" },
		{ "a,,,,0 8 zero;b", -EINVAL, "b: five fields" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char seen[512] = "";
		struct fmt_buf out = { .text = seen, .size = sizeof(seen) };
		struct diag why = { "" };

		EXPECT_EQ(read_all(rows[i].text, &out, &why), rows[i].err);
		test_row("%s: %s", rows[i].text, why.text);
		EXPECT_NE(str_find(why.text, rows[i].why), NULL);
	}
}

static void limits_names(void)
{
	struct dm_concise dev;
	struct diag why = { "" };
	char text[512];
	const char *at = text;
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	fmt_add_fill(&b, 'n', DM_NAME_LEN - 1);
	fmt_add(&b, ",");
	fmt_add_fill(&b, 'u', DM_UUID_LEN - 1);
	fmt_add(&b, ",,,0 8 zero");
	ASSERT_EQ(dm_concise_next(&at, &dev, &why), 1);
	EXPECT_EQ(str_len(dev.name), DM_NAME_LEN - 1);
	EXPECT_EQ(str_len(dev.uuid), DM_UUID_LEN - 1);
	dm_table_free(&dev.table);

	b.len = 0;
	fmt_add_fill(&b, 'n', DM_NAME_LEN);
	fmt_add(&b, ",,,,0 8 zero");
	at = text;
	EXPECT_EQ(dm_concise_next(&at, &dev, &why), -ENAMETOOLONG);
}

/* As the kernel would take it, had it quoting for its commas */
static void reads_as_kernel(void)
{
	static const struct {
		const char *text;
		const char *params; /* NULL: refused */
	} rows[] = {
		{ "a,,,,0 8 linear /dev/x#y 0", "/dev/x#y 0" },
		{ "a,,,,0x0 0x8 linear 7:0 0", "7:0 0" },
		{ "a,,,,0 8 linear /dev/x\\ y 0", "/dev/x\\ y 0" },
		{ "a,,,,0 8 linear /dev/x\\,y\\;z\\\\ 0", "/dev/x,y;z\\\\ 0" },
		{ "a,,,,0 8 linear  PARTUUID=00-1/PARTNROFF=1   0", "PARTUUID=00-1/PARTNROFF=1 0" },
		{ "a,,,,# 8 linear 7:0 0", NULL },
		{ "a,,,,0 8 linear 7:0 0\\", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *at = rows[i].text;
		struct dm_target line = { .params = "" };
		struct dm_concise dev;
		u32 pos = 0;
		int more = dm_concise_next(&at, &dev, NULL);

		test_row("%s", rows[i].text);
		EXPECT_EQ(more, rows[i].params ? 1 : -EINVAL);
		if (more <= 0)
			continue;
		EXPECT_EQ(dm_table_next(&dev.table, &pos, &line), 1);
		EXPECT_STREQ(line.params, rows[i].params);
		dm_table_free(&dev.table);
	}
}

static struct dm_concise device(const char *param)
{
	struct dm_concise dev = { .name = " a,b;c\\d e\xc3\xa0", .uuid = "\t;", .minor = 7 };
	const char *args[] = { param, "#", "0" };

	ASSERT_OK(dm_table_add(&dev.table, 0, 8, "linear", args, 3, NULL));
	ASSERT_OK(dm_table_add(&dev.table, 8, 8, "zero", NULL, 0, NULL));
	return dev;
}

static void writes_what_it_reads(void)
{
	static const char *const params[] = {
		"/dev/x", "a b", " ", ",", ";", "\\", "\\,", "a\nb\tc", "\xc3\xa0", "'\"#", ",;\\ ,",
	};

	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		struct dm_concise dev = device(params[i]);
		struct dm_concise back;
		struct diag why = { "" };
		char text[256] = "";
		const char *at = text;
		struct fmt_buf out = { .text = text, .size = sizeof(text) };

		ASSERT_OK(dm_concise_write(&out, &dev, &why));
		test_row("%s", text);
		ASSERT_EQ(dm_concise_next(&at, &back, &why), 1);
		EXPECT_STREQ(at, "");
		EXPECT_STREQ(back.name, dev.name);
		EXPECT_STREQ(back.uuid, dev.uuid);
		EXPECT_EQ(back.minor, 7);
		ASSERT_EQ(back.table.used_bytes, dev.table.used_bytes);
		EXPECT_MEMEQ((char *)back.table.mem.addr + sizeof(struct dm_ioctl),
			     (char *)dev.table.mem.addr + sizeof(struct dm_ioctl),
			     dev.table.used_bytes - sizeof(struct dm_ioctl));
		dm_table_free(&back.table);
		dm_table_free(&dev.table);
	}
}

/* Nothing may grow with what is still to come: 5 s are 100 times of what it takes. */
static void reads_many(void)
{
	struct pages mem;
	struct fmt_buf out;
	struct dm_concise dev;
	const char *at;
	u32 nr = 0;

	ASSERT_OK(pages_map(&mem, 1 << 20));
	out = (struct fmt_buf){ .text = mem.addr, .size = 1 << 20 };
	for (u32 i = 0; i < 10000; i++)
		fmt_add(&out, "device-%u,,,rw,0 8 linear 7:0 0,8 8 error,16 16 linear 7:1 %u;", i, i);
	ASSERT_LT(out.len, out.size);
	for (at = mem.addr; dm_concise_next(&at, &dev, NULL) > 0; nr++) {
		ASSERT_EQ(dev.table.nr_targets, 3);
		dm_table_free(&dev.table);
	}
	EXPECT_EQ(nr, 10000);
	pages_unmap(&mem);
}

static const struct test_case cases[] = {
	TEST("a line of the kernel's is taken as the kernel takes it", reads_as_kernel),
	TEST("devices in a line are read, escapes and all", reads),
	TEST("a line that is none is refused with a reason", refuses),
	TEST("names and uuids have the kernel's length at most", limits_names),
	TEST("what is written is read as it was", writes_what_it_reads),
	TEST("ten thousand devices are read in one go", reads_many, .timeout_ms = 5000),
};
TEST_SUITE(dm_concise, cases);
