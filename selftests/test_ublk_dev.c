/* SPDX-License-Identifier: MIT */
/* ublk/dev.h without a driver: what is checked, sent, undone and said */
#include "ublk/dev.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "selftests/fakectrl.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/fmt.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

#define NODE_CHAR "/dev/ublkc917"
#define NODE_BLOCK "/dev/ublkb917"

static struct fake_ctrl fake;
static struct ublk_dev dev;
static struct ublk_error error;

static struct ublk_dev_opts opts_for(const char *spec)
{
	return (struct ublk_dev_opts){
		.types = tgt_types,
		.spec = spec,
		.dev_id = UBLK_AUTO_ID,
		.timeout_ms = 500,
		.depth = 4,
		.ctrl = &fake.c,
	};
}

static int lowest_fd(void)
{
	int fd = sys_eventfd2(0, 0);

	sys_close(fd);
	return fd;
}

static void checks_first(void)
{
	static const u64 cpus = 1;
	const struct {
		struct ublk_dev_opts opts;
		const char *step;
		const char *text;
	} rows[] = {
		{ { .types = tgt_types }, "check", "no target is given" },
		{ { .spec = "ram:1M" }, "check", "no target is given" },
		{ { .types = tgt_types, .spec = "ram:1M", .depth = 4097 }, "check",
		  "a depth of 4097: the most is 4096" },
		{ { .types = tgt_types, .spec = "ram:1M", .nr_queues = 65536 }, "check",
		  "65536 queues: the most is 65535" },
		{ { .types = tgt_types, .spec = "ram:1M", .max_io_bytes = 1000 }, "check", NULL },
		{ { .types = tgt_types, .spec = "ram:1M", .max_io_bytes = 64 << 20 }, "check",
		  NULL },
		{ { .types = tgt_types, .spec = "ram:1M", .affinity = UBLK_AFFINITY_MASK,
		    .cpu_mask = &cpus }, "check", "no CPU is in the mask" },
		{ { .types = tgt_types, .spec = "ram:1001" }, "open target",
		  "target ram: size 1001: not a multiple of 512 above zero" },
		{ { .types = tgt_types, .spec = "nix:1M" }, "open target", NULL },
		{ { .types = tgt_types, .spec = "ram:1M", .logical_bytes = 1000 }, NULL,
		  "a logical block of 1000 bytes: not a power of two from 512 on" },
		{ { .types = tgt_types, .spec = "ram:1M", .logical_bytes = 1 << 20 }, NULL,
		  "a logical block of 1048576 bytes: larger than a page" },
		{ { .types = tgt_types, .spec = "ram:1001s", .logical_bytes = 4096 }, NULL,
		  "the size, 512512 bytes, is not a multiple of the logical block of 4096" },
		{ { .types = tgt_types, .spec = "ram:1M", .fua = UBLK_YES }, NULL,
		  "FUA means nothing without a volatile cache" },
	};
	int fd = lowest_fd();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ublk_dev_opts opts = rows[i].opts;

		test_row("row %zu", i);
		fake_ctrl_init(&fake);
		opts.ctrl = &fake.c;
		EXPECT_ERR(ublk_dev_create(&dev, &opts, &error), -EINVAL);
		EXPECT_EQ(error.err, -EINVAL);
		EXPECT_EQ(error.code, UBLK_INVALID_PARAMETERS);
		if (rows[i].step)
			EXPECT_STREQ(error.step, rows[i].step);
		if (rows[i].text)
			EXPECT_STREQ(error.why.text, rows[i].text);
		EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_ADD_DEV),
			  fake_ctrl_sent(&fake, UBLK_U_CMD_DEL_DEV));
		EXPECT_TRUE(!fake.has_device);
		EXPECT_EQ(lowest_fd(), fd);
		EXPECT_OK(ublk_dev_close(&dev, &error));
		EXPECT_ERR(ublk_dev_create(&dev, &opts, NULL), -EINVAL);
	}
}

static void add_fails(void)
{
	static const struct {
		s32 err;
		enum ublk_code code;
		const char *text;
	} rows[] = {
		{ -EEXIST, UBLK_DEVICE_BUSY, "id -1 is taken" },
		{ -EPERM, UBLK_PERMISSION_DENIED, "needs CAP_SYS_ADMIN, unless the device is unprivileged" },
		{ -EINVAL, UBLK_INVALID_PARAMETERS, NULL },
		{ -ENOMEM, UBLK_INSUFFICIENT_MEMORY, NULL },
		{ -EACCES, UBLK_PERMISSION_DENIED, NULL },
		{ -EIO, UBLK_IO_ERROR, NULL },
	};
	int fd = lowest_fd();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ublk_dev_opts opts = opts_for("ram:1M");

		test_row("%s", err_name(rows[i].err));
		fake_ctrl_init(&fake);
		fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_ADD_DEV,
						    .result = rows[i].err };
		EXPECT_ERR(ublk_dev_create(&dev, &opts, &error), rows[i].err);
		EXPECT_STREQ(error.step, "ADD_DEV");
		EXPECT_EQ(error.code, rows[i].code);
		if (rows[i].text)
			EXPECT_STREQ(error.why.text, rows[i].text);
		EXPECT_EQ(fake.nr_sent, 2);
		EXPECT_EQ(lowest_fd(), fd);
		/* The way to the driver was not ours to close. */
		EXPECT_EQ(fake.nr_closes, 0);
	}
}

static void params_fail(void)
{
	static const u32 commands[] = { UBLK_U_CMD_SET_PARAMS, UBLK_U_CMD_GET_PARAMS };
	static const char *const steps[] = { "SET_PARAMS", "GET_PARAMS" };
	int fd = lowest_fd();

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct ublk_dev_opts opts = opts_for("ram:1M");

		test_row("%s", steps[i]);
		fake_ctrl_init(&fake);
		fake.rules[0] = (struct fake_rule){ .cmd_op = commands[i], .result = -EINVAL };
		EXPECT_ERR(ublk_dev_create(&dev, &opts, &error), -EINVAL);
		EXPECT_STREQ(error.step, steps[i]);
		EXPECT_EQ(error.dev_id, 917);
		EXPECT_EQ(fake.sent[fake.nr_sent - 1], UBLK_U_CMD_DEL_DEV);
		EXPECT_EQ(fake.ids[fake.nr_sent - 1], 917);
		EXPECT_TRUE(!fake.has_device);
		EXPECT_EQ(lowest_fd(), fd);
	}
}

static void add_is_late(void)
{
	struct ublk_dev_opts opts = opts_for("ram:1M");

	fake_ctrl_init(&fake);
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_ADD_DEV, .late = true };
	opts.timeout_ms = 20;
	EXPECT_ERR(ublk_dev_create(&dev, &opts, &error), -ETIMEDOUT);
	EXPECT_EQ(error.code, UBLK_TIMEOUT);
	EXPECT_NE(str_find(error.why.text, "no answer within 20 ms"), NULL);
	EXPECT_ERR(ublk_dev_create(&dev, &opts, &error), -EBUSY);
	fake.let_go = true;
	fake.rules[0].late = false;
	EXPECT_OK(ublk_dev_create(&dev, &opts, &error));
	EXPECT_EQ(fake.sent[2], UBLK_U_CMD_DEL_DEV);
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

static void nr_lines(void *ctx, enum ublk_log_level level, const char *line)
{
	u32 *nr = ctx;

	EXPECT_NE(str_starts(line, "disk: "), NULL);
	EXPECT_TRUE(level == UBLK_LOG_INFO || level == UBLK_LOG_DEBUG);
	++*nr;
}

static void created_and_closed(void)
{
	u32 nr = 0;
	const struct ublk_log log = { .write = nr_lines, .ctx = &nr };
	struct ublk_dev_opts opts = opts_for("ram:1M");
	struct ublk_dev_info info;

	fake_ctrl_init(&fake);
	opts.name = "disk";
	opts.log = &log;
	opts.logical_bytes = 4096;
	opts.rotational = UBLK_YES;
	opts.volatile_cache = UBLK_YES;
	opts.fua = UBLK_YES;
	ASSERT_OK(ublk_dev_create(&dev, &opts, &error));
	EXPECT_EQ(fake.info.queue_depth, 4);
	EXPECT_EQ(fake.info.ublksrv_flags & ~UBLK_MARK_HOW,
		  UBLK_MARK << UBLK_MARK_SHIFT | (tgt_spec_hash("ram:1M") & ~UBLK_MARK_HOW));
	EXPECT_NE(fake.info.flags & UBLK_F_CMD_IOCTL_ENCODE, 0);
	EXPECT_EQ(fake.params.basic.dev_sectors, 2048);
	EXPECT_EQ(fake.params.basic.logical_bs_shift, 12);
	EXPECT_EQ(fake.params.basic.attrs, UBLK_ATTR_ROTATIONAL | UBLK_ATTR_VOLATILE_CACHE |
						   UBLK_ATTR_FUA);
	EXPECT_EQ(fake.params.discard.max_discard_segments, 1);
	EXPECT_EQ(fake.params.discard.max_discard_sectors, 2048);
	ublk_dev_info(&dev, &info);
	EXPECT_EQ(info.dev_id, 917);
	EXPECT_EQ(info.state, UBLK_DEV_CREATED);
	EXPECT_STREQ(info.name, "disk");
	EXPECT_STREQ(info.block_path, NODE_BLOCK);
	EXPECT_STREQ(info.char_path, NODE_CHAR);
	EXPECT_EQ(info.logical_bytes, 4096);
	EXPECT_EQ(info.size_bytes, 1 << 20);
	EXPECT_TRUE(!info.is_running);
	EXPECT_ERR(ublk_dev_stop(&dev, &error), -EINVAL);
	EXPECT_OK(ublk_dev_wait(&dev, 0));
	EXPECT_ERR(ublk_dev_step(&dev, 0), -EINVAL);
	EXPECT_OK(ublk_dev_close(&dev, &error));
	EXPECT_TRUE(!fake.has_device);
	EXPECT_EQ(fake.nr_closes, 0);
	EXPECT_EQ(nr, 2);
	EXPECT_OK(ublk_dev_close(&dev, &error));
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_DEL_DEV), 1);
	EXPECT_ERR(ublk_dev_start(&dev, &error), -ESHUTDOWN);
	EXPECT_ERR(ublk_dev_stop(&dev, &error), -ESHUTDOWN);
	EXPECT_EQ(error.code, UBLK_DEVICE_OFFLINE);
	ublk_dev_info(&dev, &info);
	EXPECT_EQ(info.dev_id, UBLK_NO_DEVICE);
}

static void deletion_is_late(void)
{
	struct ublk_dev_opts opts = opts_for("null:1M");

	fake_ctrl_init(&fake);
	opts.timeout_ms = 20;
	ASSERT_OK(ublk_dev_create(&dev, &opts, &error));
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_DEL_DEV, .late = true };
	EXPECT_ERR(ublk_dev_close(&dev, &error), -ETIMEDOUT);
	EXPECT_STREQ(error.step, "DEL_DEV");
	EXPECT_ERR(ublk_dev_close(&dev, &error), -ETIMEDOUT);
	fake.let_go = true;
	fake.rules[0].late = false;
	EXPECT_OK(ublk_dev_close(&dev, &error));
	EXPECT_TRUE(!fake.has_device);
}

static void without_a_driver(void)
{
	struct ublk_dev_opts opts = opts_for("ram:1M");
	int fd = lowest_fd();

	if (sys_faccessat(AT_FDCWD, UBLK_CTRL_PATH, 0) == 0)
		test_skip("this machine has the driver");
	opts.ctrl = NULL;
	EXPECT_ERR(ublk_dev_create(&dev, &opts, &error), -ENOENT);
	EXPECT_EQ(error.code, UBLK_KERNEL_NOT_SUPPORTED);
	EXPECT_EQ(lowest_fd(), fd);
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

/* The nodes are made from numbers of other devices of this machine: /dev/null
 * cannot be mapped, /dev/zero can and knows no ublk command. */

static void need_nodes(void)
{
	if (sys_geteuid())
		test_skip("needs root, to make device nodes");
	if (sys_faccessat(AT_FDCWD, NODE_CHAR, 0) == 0 ||
	    sys_faccessat(AT_FDCWD, NODE_BLOCK, 0) == 0)
		test_skip("this machine has a ublk device 917");
}

static void remove_nodes(void)
{
	(void)sys_unlinkat(AT_FDCWD, NODE_CHAR, 0);
	(void)sys_unlinkat(AT_FDCWD, NODE_BLOCK, 0);
}

static const struct test_fixture nodes = { .setup = need_nodes, .teardown = remove_nodes };

static void expect_no_nodes(void)
{
	EXPECT_ERR(sys_faccessat(AT_FDCWD, NODE_CHAR, 0), -ENOENT);
	EXPECT_ERR(sys_faccessat(AT_FDCWD, NODE_BLOCK, 0), -ENOENT);
}

static void create(u32 char_minor)
{
	struct ublk_dev_opts opts = opts_for("ram:1M");

	fake_ctrl_init(&fake);
	fake.devt = (struct ublk_param_devt){ .char_major = 1, .char_minor = char_minor,
					      .disk_major = 1, .disk_minor = 0 };
	ASSERT_OK(ublk_dev_create(&dev, &opts, &error));
}

struct queue_row {
	u32 char_minor;
	s32 err;
	const char *text;
};

static void start_fails(const struct queue_row *row)
{
	struct ublk_dev_info info;
	int fd = lowest_fd();

	test_row("%s", row->text);
	create(row->char_minor);
	for (u32 i = 0; i < 3; i++) {
		EXPECT_ERR(ublk_dev_start(&dev, &error), row->err);
		EXPECT_STREQ(error.step, "start queue");
		EXPECT_EQ(error.dev_id, 917);
		EXPECT_EQ(error.queue, 0);
		EXPECT_STREQ(error.why.text, row->text);
		expect_no_nodes();
		ublk_dev_info(&dev, &info);
		EXPECT_EQ(info.state, UBLK_DEV_CREATED);
		EXPECT_TRUE(!info.is_running);
	}
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_START_DEV), 0);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_STOP_DEV), 0);
	EXPECT_OK(ublk_dev_close(&dev, &error));
	/* Each try may have been a new device: none of them is left. */
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_ADD_DEV),
		  fake_ctrl_sent(&fake, UBLK_U_CMD_DEL_DEV));
	EXPECT_TRUE(!fake.has_device);
	expect_no_nodes();
	EXPECT_EQ(lowest_fd(), fd);
}

static void queues_fail(void)
{
	static const struct queue_row rows[] = {
		{ 3, -ENODEV, "queue 0 could not map its descriptors" },
		{ 5, -EOPNOTSUPP, "queue 0 could not fetch its tags" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		start_fails(&rows[i]);
}

static const struct test_case cases[] = {
	TEST("what makes no sense is refused before the kernel is asked", checks_first),
	TEST("an addition that fails leaves nothing", add_fails),
	TEST("parameters that are refused undo the addition", params_fail),
	TEST("an addition that is late is undone before the next", add_is_late),
	TEST("a device is created, told about and closed", created_and_closed),
	TEST("a deletion that is late can be tried again", deletion_is_late),
	TEST("without a driver nothing is created", without_a_driver),
	TEST("a queue that fails is named, START_DEV is not sent, and nothing is left", queues_fail,
	     .fixture = &nodes),
};
TEST_SUITE(ublk_dev, cases);
