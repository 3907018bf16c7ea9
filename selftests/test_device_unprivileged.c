/* SPDX-License-Identifier: MIT */
/* Devices of a process that is not root, with another, which is, in the place of udev */
#if !__STDC_HOSTED__

#include <asm/errno.h>
#include <linux/stat.h>

#include "selftests/device.h"
#include "uapi/rt/fmt.h"
#include "uapi/sys.h"
#include "ublk/features.h"
#include "ublk/targets/targets.h"

#define USER 65534U
#define IDS 4 /* nobody else makes devices here */

static void give(char kind, u32 id)
{
	struct statx st;
	char path[24];

	fmt_print(path, sizeof(path), "/dev/ublk%c%u", kind, id);
	if (sys_statx(AT_FDCWD, path, 0, STATX_UID, &st) == 0 && st.stx_uid == 0)
		(void)sys_fchownat(AT_FDCWD, path, USER, USER, 0);
}

/* What a rule of udev's does, until the test says that it is done */
static s64 stand_in(struct blockdev *b, void *arg)
{
	(void)arg;
	(void)sys_fchmodat(AT_FDCWD, UBLK_CTRL_PATH, 0666);
	while (!__atomic_load_n(b->buf, __ATOMIC_ACQUIRE)) {
		for (u32 id = 0; id < IDS; id++) {
			give('c', id);
			give('b', id);
		}
		test_sleep_ms(5);
	}
	(void)sys_fchmodat(AT_FDCWD, UBLK_CTRL_PATH, 0600);
	return 0;
}

static void become_user(struct blockdev *udev)
{
	blockdev_fork(udev);
	*udev->buf = 0;
	blockdev_start(udev, stand_in, NULL, 0);
	ASSERT_OK(sys_setresuid(USER, USER, USER));
	for (u32 i = 0; i < 1000 && sys_faccessat(AT_FDCWD, UBLK_CTRL_PATH, 6); i++)
		test_sleep_ms(5);
}

static void end_udev(struct blockdev *udev)
{
	__atomic_store_n(udev->buf, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(blockdev_wait(udev), 0);
	blockdev_end(udev);
}

static void life(bool has_threads)
{
	struct blockdev udev;
	struct rig r;

	rig_init(&r, tgt_types, "ram:8M", has_threads);
	become_user(&udev);
	r.opts.unprivileged = true;
	rig_up(&r, O_RDWR | O_DIRECT);
	EXPECT_EQ(r.dev.info.owner_uid, USER);
	rig_fill(&r, 1, 0, 1 << 20);
	rig_check(&r, 1, 0, 1 << 20);
	rig_close(&r);
	ASSERT_OK(ublk_dev_stop(&r.dev, &r.error));
	/* It is deleted and added anew, so its nodes are new and root's again. */
	if (ublk_dev_start(&r.dev, &r.error))
		device_fail(&r.error);
	ASSERT_OK(rig_open(&r, O_RDWR | O_DIRECT));
	rig_check(&r, 1, 0, 1 << 20);
	rig_down(&r);
	end_udev(&udev);
}

static void with_threads(void)
{
	life(true);
}

static void without_threads(void)
{
	life(false);
}

static int add(struct ublk_ctrl *c, u64 flags, struct ublksrv_ctrl_dev_info *info)
{
	int err;

	*info = (struct ublksrv_ctrl_dev_info){
		.dev_id = ~0U,
		.nr_hw_queues = 1,
		.queue_depth = 2, /* BATCH_IO takes no less */
		.max_io_buf_bytes = 4096,
		.flags = UBLK_F_CMD_IOCTL_ENCODE | flags,
		.io_desc_size = flags & UBLK_F_IO_DESC_SIZE ? 64 : 0,
	};
	err = ublk_ctrl_add_dev(c, info, DEVICE_TIMEOUT_MS);
	if (!err)
		device_record((s32)info->dev_id);
	return err;
}

static int send(struct ublk_ctrl *c, u32 cmd_op, u32 dev_id)
{
	c->req = (struct ublk_ctrl_req){ .cmd_op = cmd_op, .dev_id = dev_id, .queue_id = 0xffff };
	return ublk_ctrl_call(c, DEVICE_TIMEOUT_MS);
}

/* What ublk/ctrl.h says of paths is what the driver does. */
static void paths(void)
{
	struct ublk_params p = { .len = sizeof(p) };
	struct ublksrv_ctrl_dev_info info;
	struct blockdev udev;
	struct ublk_ctrl c;
	u32 id;

	become_user(&udev);
	device_ctrl_open(&c);
	EXPECT_ERR(add(&c, 0, &info), -EPERM);
	ASSERT_OK(add(&c, UBLK_F_UNPRIVILEGED_DEV, &info));
	id = info.dev_id;
	ASSERT_OK(ublk_ctrl_await_node(&c, ublk_ctrl_id(&info), DEVICE_TIMEOUT_MS));
	EXPECT_ERR(send(&c, UBLK_U_CMD_GET_DEV_INFO, id), -EINVAL);
	EXPECT_ERR(send(&c, UBLK_U_CMD_STOP_DEV, id), -EINVAL);
	EXPECT_ERR(ublk_ctrl_get_params(&c, id, &p, DEVICE_TIMEOUT_MS), -EINVAL);
	p.len = sizeof(p);
	EXPECT_OK(ublk_ctrl_get_params(&c, id | UBLK_CTRL_BY_PATH, &p, DEVICE_TIMEOUT_MS));
	EXPECT_NE(p.devt.char_major, 0);
	EXPECT_ERR(send(&c, UBLK_U_CMD_DEL_DEV, id), -EINVAL);
	/* Nobody but root could delete it so, and root by path only: never sent. */
	EXPECT_ERR(send(&c, UBLK_U_CMD_DEL_DEV_ASYNC, id | UBLK_CTRL_BY_PATH), -EINVAL);
	EXPECT_OK(ublk_ctrl_del_dev(&c, id | UBLK_CTRL_BY_PATH, DEVICE_TIMEOUT_MS));
	EXPECT_OK(ublk_ctrl_close(&c));
	end_udev(&udev);
}

/* What a user's device may have, of what root's may */
static void flags(void)
{
	static const struct {
		u64 asked;
		u64 granted;
		int err;
	} rows[] = {
		{ UBLK_F_NEED_GET_DATA, UBLK_F_NEED_GET_DATA, 0 },
		{ UBLK_F_USER_RECOVERY, 0, 0 },
		{ UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE, 0, 0 },
		{ UBLK_F_USER_COPY, 0, -EINVAL },
		{ UBLK_F_SUPPORT_ZERO_COPY, 0, -EINVAL },
		{ UBLK_F_AUTO_BUF_REG, 0, -EINVAL },
		{ UBLK_F_BATCH_IO, UBLK_F_BATCH_IO, 0 },
		{ UBLK_F_SHMEM_ZC, UBLK_F_SHMEM_ZC, 0 },
		{ UBLK_F_IO_DESC_SIZE, UBLK_F_IO_DESC_SIZE, 0 },
	};
	struct ublksrv_ctrl_dev_info info;
	struct blockdev udev;
	struct ublk_ctrl c;
	u64 features;

	device_ctrl_open(&c);
	ASSERT_OK(ublk_features_get(&c, &features, DEVICE_TIMEOUT_MS, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("root, flags 0x%llx", rows[i].asked);
		if (rows[i].asked & ~features)
			continue;
		ASSERT_OK(add(&c, rows[i].asked, &info));
		EXPECT_EQ(info.flags & rows[i].asked, rows[i].asked);
		EXPECT_OK(ublk_ctrl_del_dev(&c, info.dev_id, DEVICE_TIMEOUT_MS));
	}
	become_user(&udev);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("flags 0x%llx", rows[i].asked);
		if (rows[i].asked & ~features)
			continue;
		EXPECT_EQ(add(&c, rows[i].asked | UBLK_F_UNPRIVILEGED_DEV, &info), rows[i].err);
		if (c.req.result)
			continue;
		EXPECT_EQ(info.flags & rows[i].asked, rows[i].granted);
		EXPECT_OK(ublk_ctrl_undo_add(&c, ublk_ctrl_id(&info), DEVICE_TIMEOUT_MS));
	}
	EXPECT_OK(ublk_ctrl_close(&c));
	end_udev(&udev);
}

static const struct test_case cases[] = {
	TEST("a user's device lives, stops and lives again", with_threads, .timeout_ms = 60000,
	     .fixture = &device_fixture),
	TEST("and so it does in a process with one thread", without_threads, .timeout_ms = 60000,
	     .fixture = &device_fixture),
	TEST("commands without its path are refused, and DEL_DEV_ASYNC with it", paths,
	     .timeout_ms = 30000, .fixture = &device_fixture),
	TEST("it may have the flags that need no trust, and no others", flags, .timeout_ms = 30000,
	     .fixture = &device_fixture),
};
TEST_SUITE(device_unprivileged, cases);

#endif
