/* SPDX-License-Identifier: MIT */
/* ublk_dev_recover() without a driver: what it takes, and what it leaves alone */
#include "ublk/dev.h"

#include <asm/errno.h>

#include "selftests/fakectrl.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/fmt.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

#define ID 917
#define DEAD_PID 4711

static struct fake_ctrl fake;
static struct ublk_dev dev;
static struct ublk_error error;

static struct ublk_dev_opts opts_for(const char *spec)
{
	return (struct ublk_dev_opts){
		.types = tgt_types,
		.spec = spec,
		.dev_id = ID,
		.timeout_ms = 50,
		.ctrl = &fake.c,
	};
}

static int lowest_fd(void)
{
	int fd = sys_eventfd2(0, 0);

	sys_close(fd);
	return fd;
}

/* A device in the kernel, and nobody who serves it */
static void leave_device(const char *spec, enum ublk_mode mode, enum ublk_recovery recovery)
{
	struct ublk_dev_opts opts = opts_for(spec);

	fake_ctrl_init(&fake);
	opts.depth = 4;
	opts.recovery = recovery;
	opts.mode = mode;
	ASSERT_OK(ublk_dev_create(&dev, &opts, &error));
	ASSERT_OK(ublk_dev_close(&dev, &error));
	fake.has_device = true;
	fake.info.state = UBLK_S_DEV_QUIESCED;
	fake.info.ublksrv_pid = DEAD_PID;
	fake.info.owner_uid = sys_geteuid();
	fake.nr_sent = 0;
}

static void expect_left_alone(int fd)
{
	EXPECT_TRUE(fake.has_device);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_DEL_DEV), 0);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_STOP_DEV), 0);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_END_USER_RECOVERY), 0);
	EXPECT_EQ(lowest_fd(), fd);
}

static void expect_refused(const struct ublk_dev_opts *opts, int err, const char *text)
{
	int fd = lowest_fd();

	EXPECT_ERR(ublk_dev_recover(&dev, opts, &error), err);
	EXPECT_EQ(error.err, err);
	EXPECT_STREQ(error.why.text, text);
	expect_left_alone(fd);
	EXPECT_OK(ublk_dev_close(&dev, &error));
	expect_left_alone(fd);
}

static void flags_of_recovery(void)
{
	static const struct {
		enum ublk_recovery recovery;
		u64 flags;
	} rows[] = {
		{ UBLK_RECOVERY_NONE, 0 },
		{ UBLK_RECOVERY_QUEUE, UBLK_F_USER_RECOVERY },
		{ UBLK_RECOVERY_REISSUE, UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE },
		{ UBLK_RECOVERY_FAIL, UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_FAIL_IO },
	};
	const u64 all = UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE |
			UBLK_F_USER_RECOVERY_FAIL_IO;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%zu", i);
		leave_device("null:1M", UBLK_MODE_COPY, rows[i].recovery);
		EXPECT_EQ(fake.info.flags & all, rows[i].flags);
	}
}

static void not_offered(void)
{
	struct ublk_dev_opts opts = opts_for("null:1M");

	fake_ctrl_init(&fake);
	fake.features &= ~(u64)UBLK_F_USER_RECOVERY_FAIL_IO;
	opts.recovery = UBLK_RECOVERY_FAIL;
	EXPECT_ERR(ublk_dev_create(&dev, &opts, &error), -EOPNOTSUPP);
	EXPECT_NE(str_find(error.why.text, "USER_RECOVERY_FAIL_IO"), NULL);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_ADD_DEV), 0);
}

static void not_with_others(void)
{
	struct ublk_dev_opts opts = opts_for("null:1M");

	fake_ctrl_init(&fake);
	opts.recovery = UBLK_RECOVERY_QUEUE;
	opts.unprivileged = true;
	EXPECT_ERR(ublk_dev_create(&dev, &opts, &error), -EINVAL);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_ADD_DEV), 0);
}

static void checked_first(void)
{
	static const struct {
		u64 set_flags, drop_flags;
		u64 flip_mark;
		s32 err;
		const char *text;
		bool is_of_another;
		bool is_dead;
	} rows[] = {
		{ .flip_mark = 1ULL << UBLK_MARK_SHIFT, .err = -EINVAL, .text = "another program has made it" },
		{ .flip_mark = 1ULL << 20, .err = -EINVAL, .text = "it was made of another target" },
		{ .is_of_another = true, .err = -EPERM, .text = "another user has made it" },
		{ .drop_flags = UBLK_F_USER_RECOVERY, .err = -EINVAL,
		  .text = "it was made without recovery: delete it" },
		{ .is_dead = true, .err = -EINVAL, .text = "it was stopped, or never started: delete it" },
		{ .set_flags = UBLK_F_SHMEM_ZC, .err = -EINVAL,
		  .text = "it shares memory with a server that is gone" },
	};
	struct ublk_dev_opts opts = opts_for("null:1M");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i].text);
		leave_device("null:1M", UBLK_MODE_COPY, UBLK_RECOVERY_QUEUE);
		fake.info.flags = (fake.info.flags | rows[i].set_flags) & ~rows[i].drop_flags;
		fake.info.ublksrv_flags ^= rows[i].flip_mark;
		fake.info.owner_uid += rows[i].is_of_another;
		if (rows[i].is_dead)
			fake.info.state = UBLK_S_DEV_DEAD;
		expect_refused(&opts, rows[i].err, rows[i].text);
		EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_START_USER_RECOVERY), 0);
	}
}

static void no_device(void)
{
	struct ublk_dev_opts opts = opts_for("null:1M");

	fake_ctrl_init(&fake);
	EXPECT_ERR(ublk_dev_recover(&dev, &opts, &error), -ENODEV);
	EXPECT_STREQ(error.why.text, "there is no such device");
	opts.dev_id = UBLK_AUTO_ID;
	EXPECT_ERR(ublk_dev_recover(&dev, &opts, &error), -EINVAL);
	EXPECT_STREQ(error.why.text, "which one is not said");
}

static void has_a_server(void)
{
	struct ublk_dev_opts opts = opts_for("null:1M");

	leave_device("null:1M", UBLK_MODE_COPY, UBLK_RECOVERY_QUEUE);
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_START_USER_RECOVERY,
					    .result = -EBUSY };
	fake.info.state = UBLK_S_DEV_LIVE;
	expect_refused(&opts, -EBUSY, "it has a server, process 4711");
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_START_USER_RECOVERY), 0);
	fake.info.state = UBLK_S_DEV_QUIESCED;
	fake.nr_sent = 0;
	expect_refused(&opts, -ETIMEDOUT, "the kernel does not let go of its server; if it never does, delete the device");
	EXPECT_GT(fake_ctrl_sent(&fake, UBLK_U_CMD_START_USER_RECOVERY), 2);
	fake.rules[0].result = -EINTR;
	fake.nr_sent = 0;
	expect_refused(&opts, -EINTR, "the kernel refuses");
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_START_USER_RECOVERY), 1);
	/* ... as it does when somebody has begun with that and given up */
	fake.rules[0].result = -EINVAL;
	EXPECT_OK(ublk_dev_recover(&dev, &opts, &error));
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

static void does_not_fit(void)
{
	struct ublk_dev_opts opts = opts_for("null:1M");

	leave_device("null:1M", UBLK_MODE_COPY, UBLK_RECOVERY_QUEUE);
	fake.params.basic.dev_sectors *= 2;
	expect_refused(&opts, -EINVAL, "the disk has 2097152 bytes, and its target only 1048576");
	leave_device("null:1M", UBLK_MODE_COPY, UBLK_RECOVERY_QUEUE);
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_GET_PARAMS, .result = -EIO };
	expect_refused(&opts, -EIO, "the kernel does not say what it is like");
}

static void forgotten(void)
{
	static const char *const specs[] = { "ram:1M", "zoned?zone_size=1M:[null:64M]",
					     "integrity?meta=8&csum=t10dif:[null:1M]",
					     "mirror:[null:1M],[null:1M]" };

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct ublk_dev_opts opts = opts_for(specs[i]);
		char text[80];
		char name[20] = "";
		int fd;

		test_row("%s", specs[i]);
		for (size_t j = 0; specs[i][j] >= 'a'; j++)
			name[j] = specs[i][j];
		fmt_print(text, sizeof(text), "what %s held was in its server's memory: delete it", name);
		leave_device(specs[i], UBLK_MODE_AUTO, UBLK_RECOVERY_QUEUE);
		fd = lowest_fd();
		ASSERT_OK(ublk_dev_recover(&dev, &opts, &error));
		EXPECT_ERR(ublk_dev_start(&dev, &error), -EOPNOTSUPP);
		EXPECT_STREQ(error.why.text, text);
		EXPECT_OK(ublk_dev_close(&dev, &error));
		expect_left_alone(fd);
	}
}

/* As the device was made, whatever would be chosen for a new one */
static void goes_on_as_it_was(void)
{
	static const enum ublk_mode modes[] = { UBLK_MODE_COPY, UBLK_MODE_GET_DATA,
						UBLK_MODE_USER_COPY, UBLK_MODE_USER_COPY_RING,
						UBLK_MODE_ZERO_COPY, UBLK_MODE_AUTO_BUF_REG };
	struct ublk_dev_opts opts = opts_for("null:1M");

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct ublk_dev_info info;
		int fd = lowest_fd();

		test_row("%s", ublk_mode_name(modes[i]));
		leave_device("null:1M", modes[i], UBLK_RECOVERY_REISSUE);
		ASSERT_OK(ublk_dev_recover(&dev, &opts, &error));
		ublk_dev_info(&dev, &info);
		EXPECT_EQ(info.mode, modes[i]);
		EXPECT_EQ(info.dev_id, ID);
		EXPECT_EQ(info.state, UBLK_DEV_CREATED);
		EXPECT_EQ(info.size_bytes, 1 << 20);
		EXPECT_EQ(info.depth, 4);
		EXPECT_OK(ublk_dev_close(&dev, &error));
		expect_left_alone(fd);
		EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_ADD_DEV), 0);
	}
}

static const struct test_case cases[] = {
	TEST("what becomes of requests is asked for by flags", flags_of_recovery),
	TEST("what the kernel lacks is refused", not_offered),
	TEST("an unprivileged device ends with its server", not_with_others),
	TEST("a device that is not ours is left alone", checked_first),
	TEST("no device, or none that is named", no_device),
	TEST("a server that lives is left alone, a dead one is waited for", has_a_server),
	TEST("a target that does not fit is refused", does_not_fit),
	TEST("what was in a dead server's memory is not made up", forgotten),
	TEST("a device goes on the way it was made", goes_on_as_it_was),
};
TEST_SUITE(ublk_recover, cases);
