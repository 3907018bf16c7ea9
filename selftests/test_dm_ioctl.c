/* SPDX-License-Identifier: MIT */
/* dm/ioctl.c: which version a command is sent as, and identities that are none */
#include <asm/errno.h>

#include "dm/ioctl.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"

static void sends_the_lowest(void)
{
	static const struct {
		u32 cmd;
		struct dm_ioctl io;
		u32 minor;
	} rows[] = {
		{ DM_VERSION_CMD, { .dev = 0 }, 0 },
		{ DM_DEV_CREATE_CMD, { .name = "x", .flags = DM_PERSISTENT_DEV_FLAG, .dev = 5 }, 3 },
		{ DM_DEV_STATUS_CMD, { .name = "x" }, 0 },
		{ DM_DEV_STATUS_CMD, { .dev = 5 }, 3 },
		{ DM_DEV_STATUS_CMD, { .name = "x", .flags = DM_QUERY_INACTIVE_TABLE_FLAG }, 16 },
		{ DM_DEV_SUSPEND_CMD, { .name = "x", .flags = DM_NOFLUSH_FLAG | DM_SUSPEND_FLAG }, 12 },
		{ DM_DEV_RENAME_CMD, { .name = "x", .flags = DM_UUID_FLAG }, 19 },
		{ DM_DEV_REMOVE_CMD, { .name = "x", .flags = DM_DEFERRED_REMOVE }, 27 },
		{ DM_TABLE_LOAD_CMD, { .name = "x", .flags = DM_SECURE_DATA_FLAG }, 20 },
		{ DM_TABLE_STATUS_CMD, { .name = "x", .flags = DM_IMA_MEASUREMENT_FLAG }, 45 },
		{ DM_LIST_DEVICES_CMD, { .dev = 0 }, 0 },
		{ DM_LIST_DEVICES_CMD, { .name = "prefix" }, 45 },
		{ DM_LIST_DEVICES_CMD, { .uuid = "prefix" }, 45 },
		{ DM_LIST_VERSIONS_CMD, { .dev = 0 }, 1 },
		{ DM_TARGET_MSG_CMD, { .name = "x" }, 2 },
		{ DM_TARGET_MSG_CMD, { .name = "x", .flags = DM_SECURE_DATA_FLAG }, 20 },
		{ DM_DEV_SET_GEOMETRY_CMD, { .name = "x" }, 6 },
		{ DM_DEV_ARM_POLL_CMD, { .dev = 0 }, 37 },
		{ DM_GET_TARGET_VERSION_CMD, { .name = "zero" }, 41 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("row %zu", i);
		EXPECT_EQ(dm_lowest_minor(rows[i].cmd, &rows[i].io), rows[i].minor);
	}
}

static void tells_an_old_kernel(void)
{
	static const struct {
		u32 version[3]; /* as it came back */
		u32 minor;      /* as it was sent */
		int err;
		int seen;
	} rows[] = {
		{ { 4, 50, 0 }, 45, -EINVAL, -EINVAL },
		{ { 4, 45, 0 }, 45, -EINVAL, -EINVAL },
		{ { 4, 44, 0 }, 45, -EINVAL, -EPROTONOSUPPORT },
		{ { 4, 44, 0 }, 45, -ENXIO, -ENXIO },
		{ { 5, 0, 0 }, 0, -EINVAL, -EPROTONOSUPPORT },
		{ { 3, 60, 0 }, 0, -EINVAL, -EPROTONOSUPPORT },
		{ { 0, 0, 0 }, 20, -EINVAL, -EINVAL }, /* wiped */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dm_ioctl io = { .version = { 0 } };

		memcpy(io.version, rows[i].version, sizeof(io.version));
		test_row("row %zu", i);
		EXPECT_EQ(dm_version_error(rows[i].err, &io, rows[i].minor), rows[i].seen);
	}
}

static void knows_nobody(void)
{
	struct dm_ioctl io;

	EXPECT_EQ(dm_head_for(&io, dm_by_name(""), 0, 0), -ENXIO);
	EXPECT_EQ(dm_head_for(&io, dm_by_uuid(""), 0, 0), -ENXIO);
	EXPECT_EQ(dm_head_for(&io, dm_by_dev(0), 0, 0), -ENXIO);
	/* cut to what fits, these would be 0:256, 253:0 and 253:5 */
	EXPECT_EQ(dm_head_for(&io, dm_by_dev(dm_dev(4096, 0)), 0, 0), -ENXIO);
	EXPECT_EQ(dm_head_for(&io, dm_by_dev(dm_dev(253, 1 << 20)), 0, 0), -ENXIO);
	EXPECT_EQ(dm_head_for(&io, dm_by_dev(dm_dev(253, 5) | 1ULL << 32), 0, 0), -ENXIO);
	EXPECT_OK(dm_head_for(&io, dm_by_dev(dm_dev(4095, DM_MAX_MINOR)), 0, 0));
	EXPECT_EQ(dm_dev_major(io.dev), 4095);
	EXPECT_EQ(dm_dev_minor(io.dev), DM_MAX_MINOR);
	EXPECT_EQ(dm_create(-1, "x", NULL, DM_MAX_MINOR + 1, NULL), -EINVAL);
	EXPECT_EQ(dm_create(-1, "x", NULL, -2, NULL), -EINVAL);
}

static void knows_no_names(void)
{
	static const char *const none[] = { "", ".", "..", "control", "/", "a/b" };
	static const char *const fine[] = { "...", ".a", "a.", "Control", "controls", "\\", " " };
	char name[DM_NAME_LEN + 1];

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		test_row("%s", none[i]);
		EXPECT_EQ(dm_check_name(none[i]), -EINVAL);
		EXPECT_EQ(dm_create(-1, none[i], NULL, DM_ANY_MINOR, NULL), -EINVAL);
		EXPECT_EQ(dm_rename(-1, dm_by_name("a"), none[i], 0, NULL), -EINVAL);
		EXPECT_EQ(dm_set_uuid(-1, dm_by_name("a"), none[i], 0, NULL), -EBADF);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
		test_row("%s", fine[i]);
		EXPECT_OK(dm_check_name(fine[i]));
		EXPECT_EQ(dm_create(-1, fine[i], NULL, DM_ANY_MINOR, NULL), -EBADF);
		EXPECT_EQ(dm_rename(-1, dm_by_name("a"), fine[i], 0, NULL), -EBADF);
	}
	memset(name, 'n', sizeof(name));
	name[DM_NAME_LEN] = '\0';
	EXPECT_EQ(dm_check_name(name), -ENAMETOOLONG);
	name[DM_NAME_LEN - 1] = '\0';
	EXPECT_OK(dm_check_name(name));
}

static const struct test_case cases[] = {
	TEST("a command is sent as the lowest version that knows all of it", sends_the_lowest),
	TEST("a kernel that is older than a flag is told from one that refuses", tells_an_old_kernel),
	TEST("what can be no device's identity asks no kernel", knows_nobody),
	TEST("nor does what no device can be called", knows_no_names),
};
TEST_SUITE(dm_ioctl, cases);
