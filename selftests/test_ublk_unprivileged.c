/* SPDX-License-Identifier: MIT */
/* Unprivileged devices without a driver: what is sent by path, waited for, and said */
#include <asm/errno.h>

#include "selftests/fakectrl.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/str.h"
#include "ublk/dev.h"
#include "ublk/node.h"
#include "ublk/targets/targets.h"

#define ID 917U
#define NODE_CHAR "/dev/ublkc917"
#define SOON_MS 500
#define LATE_MS 20

static struct fake_ctrl fake;
static struct ublk_dev dev;
static struct ublk_error error;
static enum ublk_mode mode;

static int create(void)
{
	struct ublk_dev_opts opts = {
		.types = tgt_types,
		.spec = "ram:1M",
		.dev_id = UBLK_AUTO_ID,
		.timeout_ms = SOON_MS,
		.unprivileged = true,
		.mode = mode,
		.ctrl = &fake.c,
	};

	return ublk_dev_create(&dev, &opts, &error);
}

static bool says(const char *text)
{
	for (const char *at = error.why.text; *at; at++)
		if (str_starts(at, text))
			return true;
	return false;
}

static void all_by_path(void)
{
	fake_ctrl_init(&fake);
	ASSERT_OK(create());
	EXPECT_EQ(fake.info.flags & UBLK_F_UNPRIVILEGED_DEV, UBLK_F_UNPRIVILEGED_DEV);
	EXPECT_OK(ublk_dev_close(&dev, &error));
	EXPECT_TRUE(!fake.has_device);
	for (u32 i = 0; i < fake.nr_sent; i++) {
		bool has_device = fake.sent[i] != UBLK_U_CMD_ADD_DEV &&
				  fake.sent[i] != UBLK_U_CMD_GET_FEATURES;

		test_row("command %u: %x", i, FAKE_NR(fake.sent[i]));
		EXPECT_EQ(fake.ids[i], has_device ? (ID | UBLK_CTRL_BY_PATH) : ~0U);
	}
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_DEL_DEV), 1);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_DEL_DEV_ASYNC), 0);
}

static void node_comes_late(void)
{
	fake_ctrl_init(&fake);
	fake.nr_denied = 5;
	ASSERT_OK(create());
	EXPECT_EQ(fake.nr_denied, 0);
	/* Nothing else was tried while it was not ours. */
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_GET_DEV_INFO2), 6);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_SET_PARAMS), 1);
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

static void node_never_comes(void)
{
	u64 start = test_now_ms();

	fake_ctrl_init(&fake);
	fake.nr_denied = ~0U;
	EXPECT_ERR(create(), -EACCES);
	EXPECT_GE(test_now_ms() - start, SOON_MS - 1);
	EXPECT_EQ(error.code, UBLK_PERMISSION_DENIED);
	EXPECT_TRUE(says("no udev rule gives /dev/ublkc917 to its owner"));
	EXPECT_TRUE(says("until root deletes it"));
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_SET_PARAMS), 0);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_DEL_DEV), 1);
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

/* /dev is the device manager's: a user can make no nodes there. */
static void no_node_is_made(void)
{
	fake_ctrl_init(&fake);
	ASSERT_OK(create());
	EXPECT_ERR(ublk_dev_start(&dev, &error), -ENOENT);
	EXPECT_STREQ(error.step, "open");
	EXPECT_TRUE(!node_is_there(NODE_CHAR));
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

static void refusals(void)
{
	fake_ctrl_init(&fake);
	test_row("the kernel has no such devices");
	fake.features &= ~UBLK_F_UNPRIVILEGED_DEV;
	EXPECT_ERR(create(), -EOPNOTSUPP);
	EXPECT_EQ(error.code, UBLK_KERNEL_NOT_SUPPORTED);
	EXPECT_TRUE(says("UNPRIVILEGED_DEV"));
	EXPECT_TRUE(says("6.3"));
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_ADD_DEV), 0);

	fake_ctrl_init(&fake);
	test_row("CAP_SYS_ADMIN");
	fake.dropped = UBLK_F_UNPRIVILEGED_DEV;
	EXPECT_ERR(create(), -EINVAL);
	EXPECT_TRUE(says("who has CAP_SYS_ADMIN"));
	EXPECT_TRUE(!fake.has_device);

	fake_ctrl_init(&fake);
	test_row("the limit");
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_ADD_DEV, .result = -EACCES };
	EXPECT_ERR(create(), -EACCES);
	EXPECT_TRUE(says("there are as many unprivileged devices as ublks_max"));
	EXPECT_EQ(error.code, UBLK_PERMISSION_DENIED);
}

static void modes(void)
{
	static const struct {
		enum ublk_mode mode;
		int err;
	} rows[] = {
		{ UBLK_MODE_AUTO, 0 },
		{ UBLK_MODE_COPY, 0 },
		{ UBLK_MODE_GET_DATA, 0 },
		{ UBLK_MODE_USER_COPY, -EINVAL },
		{ UBLK_MODE_USER_COPY_RING, -EINVAL },
		{ UBLK_MODE_ZERO_COPY, -EINVAL },
		{ UBLK_MODE_AUTO_BUF_REG, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("row %zu", i);
		fake_ctrl_init(&fake);
		mode = rows[i].mode;
		EXPECT_ERR(create(), rows[i].err);
		if (rows[i].err)
			EXPECT_TRUE(says("can only be served by copy or get-data"));
		EXPECT_EQ(fake.has_device, !rows[i].err);
		EXPECT_OK(ublk_dev_close(&dev, &error));
	}
	mode = UBLK_MODE_AUTO;
}

static void asks_how(void)
{
	static const struct {
		u64 flags;
		u32 dev_id;
		u32 nr_plain;
		u32 nr_by_path;
	} rows[] = {
		{ 0, ID, 1, 0 },
		{ UBLK_F_UNPRIVILEGED_DEV, ID, 1, 1 },
		{ UBLK_F_UNPRIVILEGED_DEV, ID | UBLK_CTRL_BY_PATH, 0, 1 },
		{ 0, ID | UBLK_CTRL_BY_PATH, 0, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ublksrv_ctrl_dev_info info;

		test_row("row %zu", i);
		fake_ctrl_init(&fake);
		fake.has_device = true;
		fake.info = (struct ublksrv_ctrl_dev_info){ .dev_id = ID, .flags = rows[i].flags };
		EXPECT_OK(ublk_ctrl_get_info(&fake.c, rows[i].dev_id, &info, SOON_MS));
		EXPECT_EQ(info.flags, rows[i].flags);
		EXPECT_EQ(info.dev_id, ID);
		EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_GET_DEV_INFO), rows[i].nr_plain);
		EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_GET_DEV_INFO2), rows[i].nr_by_path);
	}
}

static void no_answer_by_path(void)
{
	struct ublksrv_ctrl_dev_info info;

	fake_ctrl_init(&fake);
	EXPECT_ERR(ublk_ctrl_get_info(&fake.c, ID, &info, SOON_MS), -ENODEV);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_GET_DEV_INFO2), 0);
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_GET_DEV_INFO, .result = -EPERM };
	EXPECT_ERR(ublk_ctrl_get_info(&fake.c, ID, &info, SOON_MS), -EPERM);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_GET_DEV_INFO2), 0);
	fake.rules[1] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_GET_DEV_INFO2, .result = -ENOENT };
	EXPECT_ERR(ublk_ctrl_await_node(&fake.c, ID | UBLK_CTRL_BY_PATH, LATE_MS), -ENOENT);
	fake.rules[1].result = -ENODEV;
	EXPECT_ERR(ublk_ctrl_await_node(&fake.c, ID | UBLK_CTRL_BY_PATH, SOON_MS), -ENODEV);
}

static void late_add(u32 nr_denied)
{
	struct ublksrv_ctrl_dev_info info = { .dev_id = ~0U, .flags = UBLK_F_UNPRIVILEGED_DEV };

	fake_ctrl_init(&fake);
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_ADD_DEV, .late = true };
	EXPECT_ERR(ublk_ctrl_add_dev(&fake.c, &info, LATE_MS), -ETIMEDOUT);
	fake.nr_denied = nr_denied;
	fake.let_go = true;
	EXPECT_OK(ublk_ctrl_close(&fake.c));
}

static void late_add_is_undone(void)
{
	late_add(3);
	EXPECT_TRUE(!fake.has_device);
	EXPECT_EQ(fake.ids[fake.nr_sent - 1], ID | UBLK_CTRL_BY_PATH);
	EXPECT_EQ(fake.nr_closes, 1);
}

static const struct test_case cases[] = {
	TEST("every command but the first two is sent by path", all_by_path),
	TEST("a node that is given late is waited for", node_comes_late),
	TEST("a node that is never given is an error, and says what stays", node_never_comes),
	TEST("no node is made", no_node_is_made),
	TEST("what makes it impossible is named", refusals),
	TEST("it is served by copy or get-data, and left to itself by one of these", modes),
	TEST("a device's kind is found out, with one question where that does", asks_how),
	TEST("a device that is not there or not ours is not asked by path", no_answer_by_path),
	TEST("one that was added late is deleted once its node is ours", late_add_is_undone),
};
TEST_SUITE(ublk_unprivileged, cases);
