/* SPDX-License-Identifier: MIT */
/* ublk/ctrl.h: deadlines, abandoned commands, what is sent */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "selftests/fakectrl.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define SOON_MS 1000
#define LATE_MS 20

static struct fake_ctrl fake;

static void without_a_driver(void)
{
	static struct ublk_ctrl c;
	int before = sys_eventfd2(0, 0);
	int after;

	if (sys_faccessat(AT_FDCWD, UBLK_CTRL_PATH, 0) == 0)
		test_skip("this machine has the driver");
	for (int i = 0; i < 10; i++) {
		memset(&c, 0, sizeof(c));
		EXPECT_ERR(ublk_ctrl_open(&c), -ENOENT);
		EXPECT_EQ(c.fd, -1);
		EXPECT_EQ(c.state, UBLK_CTRL_CLOSED);
		EXPECT_OK(ublk_ctrl_close(&c));
		EXPECT_ERR(ublk_ctrl_submit(&c), -ESHUTDOWN);
		EXPECT_ERR(ublk_ctrl_stop_dev(&c, 0, SOON_MS), -ESHUTDOWN);
	}
	after = sys_eventfd2(0, 0);
	EXPECT_EQ(after, before + 1);
}

/* Another way than the ring is opened as the object is */
static void opens_another_way(void)
{
	fake_ctrl_init(&fake);
	fake.c.state = UBLK_CTRL_CLOSED;
	fake.open_err = -EACCES;
	EXPECT_ERR(ublk_ctrl_open(&fake.c), -EACCES);
	EXPECT_EQ(fake.c.state, UBLK_CTRL_CLOSED);
	fake.open_err = 0;
	EXPECT_OK(ublk_ctrl_open(&fake.c));
	EXPECT_EQ(fake.c.state, UBLK_CTRL_IDLE);
	EXPECT_ERR(ublk_ctrl_stop_dev(&fake.c, 1, SOON_MS), -ENODEV);
	EXPECT_OK(ublk_ctrl_close(&fake.c));
	EXPECT_EQ(fake.nr_closes, 1);
}

static void closes_once(void)
{
	static struct ublk_ctrl zeroed;

	EXPECT_OK(ublk_ctrl_close(&zeroed));
	fake_ctrl_init(&fake);
	EXPECT_OK(ublk_ctrl_close(&fake.c));
	EXPECT_OK(ublk_ctrl_close(&fake.c));
	EXPECT_EQ(fake.nr_closes, 1);
	EXPECT_ERR(ublk_ctrl_del_dev(&fake.c, 1, SOON_MS), -ESHUTDOWN);
}

static void commands_go_out(void)
{
	struct ublksrv_ctrl_dev_info info = { .dev_id = ~0U, .nr_hw_queues = 9, .queue_depth = 64 };
	struct ublk_params p = { .len = sizeof(p), .types = UBLK_PARAM_TYPE_BASIC,
				 .basic.dev_sectors = 77 };

	fake_ctrl_init(&fake);
	EXPECT_OK(ublk_ctrl_add_dev(&fake.c, &info, SOON_MS));
	EXPECT_EQ(info.nr_hw_queues, 2);
	EXPECT_EQ(fake.ids[0], ~0U);
	EXPECT_EQ(fake.c.req.queue_id, 0xffff);
	EXPECT_OK(ublk_ctrl_set_params(&fake.c, info.dev_id, &p, SOON_MS));
	EXPECT_EQ(fake.c.req.len_bytes, sizeof(p));
	memset(&p, 0, sizeof(p));
	p.len = sizeof(p);
	EXPECT_OK(ublk_ctrl_get_params(&fake.c, info.dev_id, &p, SOON_MS));
	EXPECT_EQ(p.basic.dev_sectors, 77);
	EXPECT_OK(ublk_ctrl_start_dev(&fake.c, info.dev_id, 1234, SOON_MS));
	EXPECT_EQ(fake.c.req.data, 1234);
	EXPECT_EQ(fake.c.req.len_bytes, 0);
	memset(&info, 0xff, sizeof(info));
	EXPECT_OK(ublk_ctrl_get_info(&fake.c, fake.info.dev_id, &info, SOON_MS));
	EXPECT_EQ(info.queue_depth, 64);
	EXPECT_OK(ublk_ctrl_stop_dev(&fake.c, info.dev_id, SOON_MS));
	EXPECT_OK(ublk_ctrl_del_dev(&fake.c, info.dev_id, SOON_MS));
	EXPECT_ERR(ublk_ctrl_del_dev(&fake.c, info.dev_id, SOON_MS), -ENODEV);
	EXPECT_ERR(ublk_ctrl_get_info(&fake.c, 5, &info, SOON_MS), -ENODEV);
	EXPECT_EQ(fake.ids[fake.nr_sent - 1], 5);
}

static void makes_late(u32 cmd_op)
{
	fake_ctrl_init(&fake);
	fake.rules[0] = (struct fake_rule){ .cmd_op = cmd_op, .late = true };
}

static void late_is_abandoned(void)
{
	u64 start = test_now_ms();

	makes_late(UBLK_U_CMD_STOP_DEV);
	fake.has_device = true;
	EXPECT_ERR(ublk_ctrl_stop_dev(&fake.c, 3, LATE_MS), -ETIMEDOUT);
	EXPECT_GE(test_now_ms() - start, LATE_MS - 1);
	EXPECT_LT(test_now_ms() - start, 5000);
	EXPECT_EQ(fake.c.state, UBLK_CTRL_ABANDONED);

	/* Its payload stays as it is, whatever is asked next. */
	EXPECT_ERR(ublk_ctrl_del_dev(&fake.c, 4, SOON_MS), -EBUSY);
	EXPECT_ERR(ublk_ctrl_submit(&fake.c), -EBUSY);
	EXPECT_EQ(fake.c.req.cmd_op, UBLK_U_CMD_STOP_DEV);
	EXPECT_EQ(fake.c.req.dev_id, 3);
	EXPECT_EQ(fake.nr_sent, 1);
	EXPECT_ERR(ublk_ctrl_close(&fake.c), -EBUSY);
	EXPECT_EQ(fake.nr_closes, 0);
	EXPECT_EQ(fake.c.state, UBLK_CTRL_ABANDONED);

	fake.let_go = true;
	EXPECT_OK(ublk_ctrl_del_dev(&fake.c, 3, SOON_MS));
	EXPECT_EQ(fake.nr_sent, 2);
	EXPECT_OK(ublk_ctrl_close(&fake.c));
	EXPECT_EQ(fake.nr_closes, 1);
}

static void late_add(void)
{
	struct ublksrv_ctrl_dev_info info = { .dev_id = ~0U, .nr_hw_queues = 1, .queue_depth = 1 };

	makes_late(UBLK_U_CMD_ADD_DEV);
	EXPECT_ERR(ublk_ctrl_add_dev(&fake.c, &info, LATE_MS), -ETIMEDOUT);
	EXPECT_TRUE(!fake.has_device);
}

static void late_add_is_undone(void)
{
	late_add();
	EXPECT_ERR(ublk_ctrl_close(&fake.c), -EBUSY);
	/* It answers after all, with a device that nobody wants any more. */
	fake.let_go = true;
	EXPECT_OK(ublk_ctrl_close(&fake.c));
	EXPECT_EQ(fake.nr_sent, 2);
	EXPECT_EQ(fake.sent[1], UBLK_U_CMD_DEL_DEV);
	EXPECT_EQ(fake.ids[1], fake.info.dev_id);
	EXPECT_TRUE(!fake.has_device);
	EXPECT_EQ(fake.nr_closes, 1);
}

static void late_add_that_failed(void)
{
	late_add();
	fake.rules[0].result = -ENOMEM;
	fake.let_go = true;
	EXPECT_ERR(ublk_ctrl_stop_dev(&fake.c, 1, SOON_MS), -ENODEV);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_DEL_DEV), 0);
}

static void late_undoing(void)
{
	struct ublksrv_ctrl_dev_info info = { .dev_id = ~0U };
	u64 start;

	late_add();
	fake.rules[1] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_DEL_DEV, .late = true };
	fake.let_go = true;
	start = test_now_ms();
	EXPECT_ERR(ublk_ctrl_add_dev(&fake.c, &info, LATE_MS), -EBUSY);
	EXPECT_LT(test_now_ms() - start, 5000);
	EXPECT_EQ(fake.c.state, UBLK_CTRL_ABANDONED);
	EXPECT_ERR(ublk_ctrl_close(&fake.c), -EBUSY);
	fake.let_go = true;
	EXPECT_OK(ublk_ctrl_close(&fake.c));
	EXPECT_TRUE(!fake.has_device);
}

static void errors_come_through(void)
{
	static const s32 errs[] = { -EPERM, -EINVAL, -ENOMEM, -EBUSY, -EINTR, -ETIMEDOUT, -4095 };

	for (size_t i = 0; i < ARRAY_SIZE(errs); i++) {
		test_row("%s", err_name(errs[i]));
		fake_ctrl_init(&fake);
		fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_STOP_DEV,
						    .result = errs[i] };
		EXPECT_ERR(ublk_ctrl_stop_dev(&fake.c, 1, SOON_MS), errs[i]);
		EXPECT_EQ(fake.c.state, UBLK_CTRL_IDLE);
		fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_STOP_DEV,
						    .submit_err = errs[i] };
		EXPECT_ERR(ublk_ctrl_stop_dev(&fake.c, 1, SOON_MS), errs[i]);
		EXPECT_EQ(fake.c.state, UBLK_CTRL_IDLE);
		EXPECT_OK(ublk_ctrl_close(&fake.c));
	}
}

static const struct test_case cases[] = {
	TEST("without a driver it is -ENOENT and nothing stays open", without_a_driver),
	TEST("another way to the driver is opened and closed", opens_another_way),
	TEST("close is safe on a zeroed object and twice", closes_once),
	TEST("commands carry what was given and bring back what was answered", commands_go_out),
	TEST("a late command is abandoned until it is answered", late_is_abandoned),
	TEST("a device that was added late is deleted", late_add_is_undone),
	TEST("an addition that failed late needs no undoing", late_add_that_failed),
	TEST("an undoing that is late is abandoned, too", late_undoing),
	TEST("an error of the kernel is the result", errors_come_through),
};
TEST_SUITE(ublk_ctrl, cases);
