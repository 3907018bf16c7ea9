/* SPDX-License-Identifier: MIT */
/* dm/ on a real kernel: names, numbers and tables at and beyond what it takes */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "selftests/dm_rig.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define PREFIX RIG_PREFIX

/* A name of that many bytes, one of ours */
static const char *long_name(char text[256], u32 bytes, char fill)
{
	memset(text, fill, bytes);
	memcpy(text, PREFIX, sizeof(PREFIX) - 1);
	text[bytes] = '\0';
	return text;
}

static void limits_names(void)
{
	static const struct {
		u32 name_bytes;
		u32 uuid_bytes;
		int err;
	} rows[] = {
		{ 126, 127, 0 },	     { 127, 128, 0 },
		{ 128, 20, -ENAMETOOLONG },  { 129, 20, -ENAMETOOLONG },
		{ 200, 20, -ENAMETOOLONG },  { 20, 129, -ENAMETOOLONG },
		{ 20, 130, -ENAMETOOLONG },
	};
	char name[256];
	char uuid[256];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dm_info info = { 0 };
		int err;

		long_name(name, rows[i].name_bytes, 'n');
		long_name(uuid, rows[i].uuid_bytes, 'u');
		test_row("name of %u, uuid of %u", rows[i].name_bytes, rows[i].uuid_bytes);
		err = dm_create(dm_rig_fd(), name, uuid, DM_ANY_MINOR, &info);
		ASSERT_EQ(err, rows[i].err);
		EXPECT_EQ(dm_rig_nr(), err ? 0 : 1);
		if (err)
			continue;
		EXPECT_STREQ(info.name, name);
		EXPECT_STREQ(info.uuid, uuid);
		ASSERT_OK(dm_info_get(dm_rig_fd(), dm_by_uuid(uuid), 0, &info));
		EXPECT_STREQ(info.name, name);
		ASSERT_OK(dm_remove(dm_rig_fd(), dm_by_name(name), 0, 0, NULL));
	}
}

static void limits_new_names(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "a", 8);
	struct dm_id id = dm_by_dev(info.dev);
	char text[256];

	EXPECT_EQ(dm_rename(dm_rig_fd(), id, long_name(text, 128, 'n'), 0, NULL), -ENAMETOOLONG);
	EXPECT_EQ(dm_rename(dm_rig_fd(), id, "", 0, NULL), -EINVAL);
	EXPECT_EQ(dm_set_uuid(dm_rig_fd(), id, long_name(text, 129, 'u'), 0, NULL), -ENAMETOOLONG);
	EXPECT_TRUE(dm_rig_is_there(PREFIX "a"));
	ASSERT_OK(dm_rename(dm_rig_fd(), id, long_name(text, 127, 'n'), 0, &info));
	EXPECT_STREQ(info.name, text);
	EXPECT_TRUE(dm_rig_is_there(text));
	ASSERT_OK(dm_set_uuid(dm_rig_fd(), id, long_name(text, 128, 'u'), 0, &info));
	EXPECT_STREQ(info.uuid, text);
	ASSERT_OK(dm_info_get(dm_rig_fd(), dm_by_uuid(text), 0, &info));
	EXPECT_EQ(info.dev, id.dev);
}

/* The kernel takes nearly any byte: the name comes back as it went in, everywhere. */
static void takes_odd_names(void)
{
	static const char *const ends[] = {
		" ", "a b", "\t", "a\nb", "\\", "\\x20", "'\"", "#", "\xc3\xa0", "\xa0\xff\x01", "%s", "..",
	};
	struct dm_reply r = { .io = NULL };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct dm_info info;
		struct dm_name n;
		char name[64];
		u32 pos = 0;

		fmt_print(name, sizeof(name), PREFIX "%s", ends[i]);
		test_row("%s", name);
		info = dm_rig_zero(name, 8);
		EXPECT_STREQ(info.name, name);
		ASSERT_OK(dm_list(dm_rig_fd(), name, NULL, 0, &r));
		ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
		EXPECT_STREQ(n.name, name);
		EXPECT_EQ(n.dev, info.dev);
		ASSERT_OK(dm_rename(dm_rig_fd(), dm_by_name(name), PREFIX "plain", 0, NULL));
		ASSERT_OK(dm_rename(dm_rig_fd(), dm_by_dev(info.dev), name, 0, NULL));
		ASSERT_OK(dm_remove(dm_rig_fd(), dm_by_name(name), 0, 0, NULL));
	}
	EXPECT_EQ(dm_create(dm_rig_fd(), PREFIX "/", NULL, DM_ANY_MINOR, NULL), -EINVAL);
	EXPECT_EQ(dm_create(dm_rig_fd(), "", NULL, DM_ANY_MINOR, NULL), -EINVAL);
	dm_reply_free(&r);
}

/* A device below a path that only escapes can say, and a table above it */
static void opens_odd_paths(void)
{
	static const char *const paths[] = {
		"/dev/x y", "/dev/x\\y", "/dev/x\\ ", "/dev/x\ty\nz", "/dev/x#y", "/dev/'x\"", "/dev/\xc3\xa0",
	};
	struct dm_info below = dm_rig_zero(PREFIX "below", 64);
	struct dm_reply r = { .io = NULL };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const char *args[] = { paths[i], "0" };
		struct dm_table t = { 0 };
		struct dm_info above = { 0 };
		u32 pos = 0;
		u64 dep;
		int err;

		test_row("%s", paths[i]);
		ASSERT_OK(dm_table_add(&t, 0, 64, "linear", args, 2, NULL));
		ASSERT_OK(sys_mknodat(AT_FDCWD, paths[i], S_IFBLK | 0600, (u32)below.dev));
		err = dm_create_active(dm_rig_fd(), PREFIX "above", NULL, DM_ANY_MINOR, &t, 0, 0,
				       &above, NULL);
		(void)sys_unlinkat(AT_FDCWD, paths[i], 0);
		dm_table_free(&t);
		ASSERT_OK(err);
		ASSERT_OK(dm_deps(dm_rig_fd(), dm_by_dev(above.dev), 0, &r));
		ASSERT_EQ(dm_next_dep(&r, &pos, &dep), 1);
		EXPECT_EQ(dep, below.dev);
		ASSERT_OK(dm_remove_retry(dm_rig_fd(), dm_by_dev(above.dev), 0, 2000, NULL));
	}
	dm_reply_free(&r);
}

/* What the library would have refused, past it: the kernel refuses, and nothing is left. */
static void leaves_nothing(void)
{
	static const char *const rows[] = {
		"0 8 no-such-target",
		"0 8 fifteen-letters",
		"0 8 linear",
		"0 8 linear 7:0",
		"0 8 linear 7:0 x",
		"0 8 linear 4095:1048575 0",
		"0 8 linear /dev/no-such-device 0",
		"0 8 linear /dev/null 0",
		"0 8 linear / 0",
		"0 8 linear %s 99999999999999999999999",
		"0 8 linear %s -1",
		"0 8 linear %s 60", /* it has 64 sectors */
		"0 18446744073709551615 linear %s 0",
		"0 8 striped 0 8 %s 0",
		"0 8 striped 99999999 8 %s 0",
		"0 8 zero too many",
		"0 8 error\n8 8 no-such-target",
	};
	struct dm_info below = dm_rig_zero(PREFIX "below", 64);
	struct dm_info info;
	char number[32];
	char text[256];

	dm_rig_number(number, &below);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *place = str_find(rows[i], "%s");

		if (place)
			fmt_print(text, sizeof(text), "%.*s%s%s", (int)(place - rows[i]), rows[i],
				  number, place + 2);
		test_row("%s", rows[i]);
		EXPECT_LT(dm_rig_make(PREFIX "x", place ? text : rows[i], &info), 0);
		EXPECT_EQ(dm_rig_nr(), 1);
	}
	EXPECT_EQ(dm_rig_make(PREFIX "x", rows[0], &info), -EINVAL);
	EXPECT_EQ(dm_rig_make(PREFIX "x", "0 8 linear /dev/no-such-device 0", &info),
		  dm_rig_kernel() < 48 ? -ENODEV : -ENOENT);
	EXPECT_EQ(dm_rig_make(PREFIX "x", "", &info), -EINVAL);
	EXPECT_EQ(dm_rig_nr(), 1);
}

/* A device that somebody has for himself */
static void leaves_nothing_when_busy(void)
{
	struct dm_info below = dm_rig_zero(PREFIX "below", 64);
	int file = dm_rig_open(&below, O_RDONLY | O_EXCL);
	struct dm_info info;
	char number[32];
	char text[64];

	ASSERT_OK(file);
	fmt_print(text, sizeof(text), "0 64 linear %s 0", dm_rig_number(number, &below));
	EXPECT_EQ(dm_rig_make(PREFIX "x", text, &info), -EBUSY);
	EXPECT_EQ(dm_rig_nr(), 1);
	ASSERT_OK(sys_close(file));
	EXPECT_OK(dm_rig_make(PREFIX "x", text, &info));
}

/* The kernel takes the minor alone: whatever major is meant, it is the device mapper's own. */
static void keeps_minors(void)
{
	struct dm_table t = dm_rig_zeroes(8);
	struct diag why = { "" };
	struct dm_info info = { 0 };
	u64 dev;

	ASSERT_OK(dm_create_active(dm_rig_fd(), PREFIX "a", "UUID-rig-a", 99999, &t, 0, 0, &info, &why));
	EXPECT_EQ(dm_dev_minor(info.dev), 99999);
	dev = info.dev;
	EXPECT_EQ(dm_info_get(dm_rig_fd(), dm_by_dev(dm_dev(4000, 99999)), 0, &info), -ENXIO);
	EXPECT_EQ(dm_create_active(dm_rig_fd(), PREFIX "b", NULL, 99999, &t, 0, 0, &info, &why), -ENXIO);
	EXPECT_NE(str_find(why.text, "minor 99999 is taken"), NULL);
	EXPECT_EQ(dm_create_active(dm_rig_fd(), PREFIX "b", "UUID-rig-a", DM_ANY_MINOR, &t, 0, 0, &info,
				   &why),
		  -EBUSY);
	EXPECT_NE(str_find(why.text, "another device has its uuid"), NULL);
	EXPECT_EQ(dm_create_active(dm_rig_fd(), PREFIX "a", NULL, DM_ANY_MINOR, &t, 0, 0, &info, &why),
		  -EBUSY);
	EXPECT_NE(str_find(why.text, "there is a device of that name"), NULL);
	EXPECT_EQ(dm_create(dm_rig_fd(), PREFIX "b", NULL, DM_MAX_MINOR + 1, NULL), -EINVAL);
	EXPECT_EQ(dm_rig_nr(), 1);
	ASSERT_OK(dm_info_get(dm_rig_fd(), dm_by_dev(dev), 0, &info));
	EXPECT_STREQ(info.name, PREFIX "a");
	dm_table_free(&t);
}

static struct dm_table big_table(u32 nr)
{
	struct dm_table t = { 0 };

	for (u32 i = 0; i < nr; i++)
		ASSERT_OK(dm_table_add(&t, (u64)i * 8, 8, i % 2 ? "zero" : "error", NULL, 0, NULL));
	return t;
}

static void holds_a_hundred_thousand(void)
{
	u32 nr = 100000;
	struct dm_table t = big_table(nr);
	struct dm_reply r = { .io = NULL };
	struct dm_info info = { 0 };
	struct dm_target line;
	u32 pos = 0;
	u32 seen = 0;

	ASSERT_OK(dm_create_active(dm_rig_fd(), PREFIX "many", NULL, DM_ANY_MINOR, &t, 0, 0, &info,
				   NULL));
	EXPECT_EQ(info.nr_targets, nr);
	ASSERT_OK(dm_table_status(dm_rig_fd(), dm_by_dev(info.dev), DM_STATUS_TABLE_FLAG, &r));
	EXPECT_GE(r.room_bytes, nr * 48);
	EXPECT_EQ(dm_table_equal(&t, &r), 1);
	/* an event waited for answers with all of it, too */
	ASSERT_OK(dm_wait(dm_rig_fd(), dm_by_dev(info.dev), info.event_nr + 1, 0, &r));
	while (dm_next_target(&r, &pos, &line) == 1)
		seen++;
	EXPECT_EQ(seen, nr);
	ASSERT_OK(dm_remove_retry(dm_rig_fd(), dm_by_dev(info.dev), 0, 5000, NULL));
	dm_reply_free(&r);
	dm_table_free(&t);
}

static void lists_a_thousand(void)
{
	dm_rig_many(1000);
}

static const struct test_case cases[] = {
	RIG_TEST("names have 127 bytes at most, uuids 128, and longer ones make nothing", limits_names),
	RIG_TEST("so have new names and uuids", limits_new_names),
	RIG_TEST("a name of any bytes but a slash is itself everywhere", takes_odd_names),
	RIG_TEST("a path of any bytes reaches the target", opens_odd_paths),
	RIG_TEST("a table that the kernel refuses leaves no device", leaves_nothing),
	RIG_TEST("a device that is in use leaves no device above it", leaves_nothing_when_busy),
	RIG_TEST("a device has the minor it was made with, and who has it is said", keeps_minors),
	RIG_TEST("a table of 100000 targets is loaded, read and waited for", holds_a_hundred_thousand),
	RIG_TEST("a thousand devices are made, listed and removed, by eight at once", lists_a_thousand),
};
TEST_SUITE(device_dm_limits, cases);
