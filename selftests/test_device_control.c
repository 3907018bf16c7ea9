/* SPDX-License-Identifier: MIT */
/* The control plane: ublk/ctrl.h on a real driver. */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "selftests/device.h"
#include "uapi/rt/fmt.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

/* What the kernels of a release have; distributions leave UBLK_F_ZONED out
 * where they leave CONFIG_BLK_DEV_ZONED out. */
static const struct {
	u32 major;
	u32 minor;
	u64 bits;
} since[] = {
	{ 6, 12, UBLK_F_URING_CMD_COMP_IN_TASK | UBLK_F_NEED_GET_DATA | UBLK_F_USER_RECOVERY |
		 UBLK_F_USER_RECOVERY_REISSUE | UBLK_F_UNPRIVILEGED_DEV |
		 UBLK_F_CMD_IOCTL_ENCODE | UBLK_F_USER_COPY },
	{ 6, 13, UBLK_F_USER_RECOVERY_FAIL_IO },
	{ 6, 15, UBLK_F_SUPPORT_ZERO_COPY },
	{ 6, 16, UBLK_F_UPDATE_SIZE | UBLK_F_AUTO_BUF_REG | UBLK_F_QUIESCE | UBLK_F_PER_IO_DAEMON },
	{ 6, 17, UBLK_F_BUF_REG_OFF_DAEMON },
	{ 7, 0, UBLK_F_BATCH_IO | UBLK_F_INTEGRITY | UBLK_F_SAFE_STOP_DEV |
		UBLK_F_NO_AUTO_PART_SCAN },
	{ 7, 1, UBLK_F_SHMEM_ZC },
	{ 7, 3, UBLK_F_IO_DESC_SIZE },
};

static u32 number(const char **s)
{
	u32 n = 0;

	while (str_is_digit(**s))
		n = n * 10 + (u32)(*(*s)++ - '0');
	if (**s)
		(*s)++;
	return n;
}

static u64 expected_features(void)
{
	struct sys_utsname uts;
	const char *release = uts.release;
	u64 bits = 0;
	u32 major;
	u32 minor;

	ASSERT_OK(sys_uname(&uts));
	major = number(&release);
	minor = number(&release);
	for (size_t i = 0; i < ARRAY_SIZE(since); i++)
		if (major > since[i].major || (major == since[i].major && minor >= since[i].minor))
			bits |= since[i].bits;
	return bits;
}

static void has_features(void)
{
	u64 want = expected_features();
	struct ublk_ctrl c;
	u64 got = 0;

	device_ctrl_open(&c);
	ASSERT_OK(ublk_ctrl_get_features(&c, &got, DEVICE_TIMEOUT_MS));
	test_log("features 0x%llx, expected 0x%llx", got, want);
	EXPECT_EQ(want & ~got, 0);
	EXPECT_OK(ublk_ctrl_close(&c));
	EXPECT_OK(ublk_ctrl_close(&c));
	EXPECT_ERR(ublk_ctrl_get_features(&c, &got, DEVICE_TIMEOUT_MS), -ESHUTDOWN);
}

#define NO_ID 0x7ffffff0U

static void finds_no_device(void)
{
	const struct ublk_params params = { .len = sizeof(params),
					    .types = UBLK_PARAM_TYPE_BASIC };
	struct ublk_params got = { .len = sizeof(got) };
	u64 mask[UBLK_CTRL_PAYLOAD_BYTES / sizeof(u64)];
	struct ublksrv_ctrl_dev_info info;
	struct ublk_ctrl c;

	device_ctrl_open(&c);
	EXPECT_ERR(ublk_ctrl_get_info(&c, NO_ID, &info, DEVICE_TIMEOUT_MS), -ENODEV);
	EXPECT_ERR(ublk_ctrl_set_params(&c, NO_ID, &params, DEVICE_TIMEOUT_MS), -ENODEV);
	EXPECT_ERR(ublk_ctrl_get_params(&c, NO_ID, &got, DEVICE_TIMEOUT_MS), -ENODEV);
	EXPECT_ERR(ublk_ctrl_get_affinity(&c, NO_ID, 0, mask, DEVICE_TIMEOUT_MS), -ENODEV);
	EXPECT_ERR(ublk_ctrl_start_dev(&c, NO_ID, sys_getpid(), DEVICE_TIMEOUT_MS), -ENODEV);
	EXPECT_ERR(ublk_ctrl_stop_dev(&c, NO_ID, DEVICE_TIMEOUT_MS), -ENODEV);
	EXPECT_ERR(ublk_ctrl_del_dev(&c, NO_ID, DEVICE_TIMEOUT_MS), -ENODEV);
	EXPECT_OK(ublk_ctrl_close(&c));
}

static void refuses_late_params(void)
{
	struct ublk_params p = { .len = sizeof(p) };
	struct ublk_ctrl c;
	struct rig r;

	rig_init(&r, tgt_types, "ram:8M", true);
	device_ctrl_open(&c);
	rig_up(&r, O_RDWR | O_DIRECT);
	ASSERT_OK(ublk_ctrl_get_params(&c, r.dev.info.dev_id, &p, DEVICE_TIMEOUT_MS));
	EXPECT_EQ(p.basic.dev_sectors, 16384);
	p.len = sizeof(p);
	p.types = UBLK_PARAM_TYPE_BASIC;
	EXPECT_ERR(ublk_ctrl_set_params(&c, r.dev.info.dev_id, &p, DEVICE_TIMEOUT_MS), -EACCES);
	EXPECT_OK(ublk_ctrl_close(&c));
	rig_down(&r);
}

/* The kernel's device alone: added, with parameters, never started */
static u32 add_device(struct ublk_ctrl *c)
{
	struct ublksrv_ctrl_dev_info info = {
		.dev_id = ~0U,
		.nr_hw_queues = 1,
		.queue_depth = 1,
		.max_io_buf_bytes = 4096,
		.flags = UBLK_F_CMD_IOCTL_ENCODE,
	};

	ASSERT_OK(ublk_ctrl_add_dev(c, &info, DEVICE_TIMEOUT_MS));
	device_record((s32)info.dev_id);
	return info.dev_id;
}

/* Waits for the late answer as a program would: by asking again */
static int ask_until_answered(struct ublk_ctrl *c, u32 dev_id)
{
	u64 end_ms = test_now_ms() + DEVICE_TIMEOUT_MS;
	struct ublksrv_ctrl_dev_info info;
	int err;

	while ((err = ublk_ctrl_get_info(c, dev_id, &info, DEVICE_TIMEOUT_MS)) == -EBUSY)
		if (test_now_ms() > end_ms)
			break;
		else
			test_sleep_ms(5);
	return err;
}

static void outlives_a_late_del(void)
{
	struct blockdev_open_arg a = { .flags = O_RDWR };
	struct ublksrv_ctrl_dev_info info;
	struct blockdev holder;
	struct ublk_ctrl c;
	u64 start_ms;
	u64 features;
	u32 id;

	blockdev_fork(&holder);
	device_ctrl_open(&c);
	id = add_device(&c);
	fmt_print(a.path, sizeof(a.path), "/dev/ublkc%u", id);
	ASSERT_OK(blockdev_call(&holder, blockdev_fn_open, &a, sizeof(a)));

	start_ms = test_now_ms();
	EXPECT_ERR(ublk_ctrl_del_dev(&c, id, 200), -ETIMEDOUT);
	EXPECT_GE(test_now_ms() - start_ms, 199);
	EXPECT_EQ(c.state, UBLK_CTRL_ABANDONED);
	EXPECT_ERR(ublk_ctrl_get_info(&c, id, &info, DEVICE_TIMEOUT_MS), -EBUSY);
	EXPECT_ERR(ublk_ctrl_get_features(&c, &features, DEVICE_TIMEOUT_MS), -EBUSY);
	EXPECT_ERR(ublk_ctrl_close(&c), -EBUSY);
	EXPECT_EQ(c.state, UBLK_CTRL_ABANDONED);

	ASSERT_OK(blockdev_close(&holder));
	EXPECT_ERR(ask_until_answered(&c, id), -ENODEV);
	EXPECT_EQ(c.state, UBLK_CTRL_IDLE);
	EXPECT_OK(ublk_ctrl_get_features(&c, &features, DEVICE_TIMEOUT_MS));
	id = add_device(&c);
	EXPECT_OK(ublk_ctrl_del_dev(&c, id, DEVICE_TIMEOUT_MS));
	EXPECT_OK(ublk_ctrl_close(&c));
	blockdev_end(&holder);
}

static const struct test_case cases[] = {
	TEST("the driver has the features of its release", has_features,
	     .fixture = &device_fixture),
	TEST("every command says that there is no such device", finds_no_device,
	     .fixture = &device_fixture),
	TEST("parameters of a live device are refused", refuses_late_params, .timeout_ms = 30000,
	     .fixture = &device_fixture),
	TEST("a deletion that is late is waited for by nobody and forgotten by nobody",
	     outlives_a_late_del, .timeout_ms = 60000, .fixture = &device_fixture),
};
TEST_SUITE(device_control, cases);

#endif
