/* SPDX-License-Identifier: MIT */
/* Another size for a running device, without a driver: who is asked, and what is put back */
#include <asm/errno.h>

#include "selftests/broken.h"
#include "selftests/fakectrl.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/str.h"
#include "ublk/dev.h"

#define M (1024 * 1024ULL)
#define SOON_MS 300

static struct fake_ctrl fake;
static struct ublk_dev dev;
static struct ublk_error error;

/* No queue is there to serve: for what is tested here none has to be. */
static void pretend(bool is_running)
{
	dev.state = is_running ? UBLK_DEV_RUNNING : UBLK_DEV_CREATED;
	dev.nr_begun = is_running;
}

static void begin(const char *spec, u32 logical_bytes)
{
	struct ublk_dev_opts opts = {
		.types = broken_types,
		.spec = spec,
		.dev_id = UBLK_AUTO_ID,
		.logical_bytes = logical_bytes,
		.timeout_ms = SOON_MS,
		.ctrl = &fake.c,
	};

	fake_ctrl_init(&fake);
	ASSERT_OK(ublk_dev_create(&dev, &opts, &error));
	pretend(true);
}

static void end(void)
{
	pretend(false);
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

static u64 kernel_bytes(void)
{
	return fake.params.basic.dev_sectors << 9;
}

static u64 size_bytes(void)
{
	struct ublk_dev_info info;

	ublk_dev_info(&dev, &info);
	return info.size_bytes;
}

/* Both have this size, and the kernel was told so often. */
static void expect(u64 bytes, u32 nr_told)
{
	EXPECT_EQ(size_bytes(), bytes);
	EXPECT_EQ(kernel_bytes(), bytes);
	EXPECT_EQ(dev.params.basic.dev_sectors << 9, bytes);
	EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_UPDATE_SIZE), nr_told);
}

static void count(void *ctx, const char *name, u64 value)
{
	if (str_eq(name, "elastic.resized"))
		*(u64 *)ctx = value;
}

/* How often the target was asked */
static u64 nr_resized(void)
{
	u64 nr = 0;

	tgt_stat(dev.tree, count, &nr);
	return nr;
}

static bool says(const char *text)
{
	return str_find(error.why.text, text);
}

static void both_follow(void)
{
	begin("elastic?size=16M:[ram:64M]", 0);
	ASSERT_OK(ublk_dev_resize(&dev, 32 * M, 0, &error));
	expect(32 * M, 1);
	ASSERT_OK(ublk_dev_resize(&dev, 32 * M, 0, &error));
	expect(32 * M, 1);
	ASSERT_OK(ublk_dev_resize(&dev, 4096, 0, &error));
	expect(4096, 2);
	end();
}

static void target_says_no(void)
{
	begin("elastic?size=16M:[ram:64M]", 0);
	EXPECT_ERR(ublk_dev_resize(&dev, 65 * M, 0, &error), -ENOSPC);
	EXPECT_TRUE(says("the child has 67108864"));
	expect(16 * M, 0);
	end();
	begin("null:16M", 0);
	EXPECT_ERR(ublk_dev_resize(&dev, 32 * M, 0, &error), -EOPNOTSUPP);
	EXPECT_TRUE(says("null: its size is fixed"));
	EXPECT_ERR(ublk_dev_resize(&dev, 0, 0, &error), -EOPNOTSUPP);
	EXPECT_TRUE(says("does not change by itself"));
	expect(16 * M, 0);
	end();
}

static void kernel_says_no(void)
{
	begin("elastic?size=16M:[ram:64M]", 0);
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_UPDATE_SIZE, .result = -ENODEV };
	EXPECT_ERR(ublk_dev_resize(&dev, 32 * M, 0, &error), -ENODEV);
	EXPECT_STREQ(error.step, "UPDATE_SIZE");
	expect(16 * M, 1);
	EXPECT_EQ(nr_resized(), 2);
	/* What a smaller target has cut off would be lost: it has not been asked. */
	EXPECT_ERR(ublk_dev_resize(&dev, 8 * M, 0, &error), -ENODEV);
	expect(16 * M, 2);
	EXPECT_EQ(nr_resized(), 2);
	end();
}

static void target_says_no_to_less(void)
{
	begin("elastic?size=16M&fixed=1:[ram:64M]", 0);
	EXPECT_ERR(ublk_dev_resize(&dev, 8 * M, 0, &error), -EOPNOTSUPP);
	EXPECT_TRUE(says("is as large as it is"));
	expect(16 * M, 2);
	end();
}

static void kernel_is_old(void)
{
	begin("elastic?size=16M:[ram:64M]", 0);
	dev.features &= ~UBLK_F_UPDATE_SIZE;
	EXPECT_ERR(ublk_dev_resize(&dev, 32 * M, 0, &error), -EOPNOTSUPP);
	EXPECT_TRUE(says("Linux 6.16 has it"));
	EXPECT_EQ(error.code, UBLK_KERNEL_NOT_SUPPORTED);
	expect(16 * M, 0);
	end();
}

/* A kernel that may do it yet must not have more than there is. */
static void kernel_is_late(void)
{
	u64 start = test_now_ms();

	begin("elastic?size=16M:[ram:64M]", 0);
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_UPDATE_SIZE, .late = true };
	EXPECT_ERR(ublk_dev_resize(&dev, 32 * M, 50, &error), -ETIMEDOUT);
	EXPECT_LT(test_now_ms() - start, 5000);
	EXPECT_TRUE(says("within 50 ms"));
	EXPECT_EQ(size_bytes(), 32 * M);
	EXPECT_ERR(ublk_dev_resize(&dev, 8 * M, 50, &error), -EBUSY);
	EXPECT_EQ(size_bytes(), 32 * M);
	fake.let_go = true;
	EXPECT_ERR(ublk_dev_resize(&dev, 24 * M, 50, &error), -ETIMEDOUT);
	EXPECT_EQ(size_bytes(), 32 * M);
	fake.let_go = true;
	fake.rules[0].late = false;
	ASSERT_OK(ublk_dev_resize(&dev, 24 * M, 0, &error));
	EXPECT_EQ(kernel_bytes(), 24 * M);
	EXPECT_EQ(size_bytes(), 24 * M);
	/* It may have become smaller meanwhile, so it is told again what it had. */
	fake.rules[0].late = true;
	EXPECT_ERR(ublk_dev_resize(&dev, 8 * M, 50, &error), -ETIMEDOUT);
	EXPECT_EQ(size_bytes(), 24 * M);
	fake.rules[0].late = false;
	fake.let_go = true;
	ASSERT_OK(ublk_dev_resize(&dev, 24 * M, 0, &error));
	EXPECT_EQ(kernel_bytes(), 24 * M);
	EXPECT_TRUE(!dev.is_size_unknown);
	end();
}

static void not_such_a_size(void)
{
	begin("elastic?size=16M:[ram:64M]", 4096);
	EXPECT_ERR(ublk_dev_resize(&dev, 16 * M + 512, 0, &error), -EINVAL);
	EXPECT_TRUE(says("logical block of 4096"));
	expect(16 * M, 0);
	end();
}

static void it_has_grown(void)
{
	struct diag why;

	begin("elastic?size=16M:[ram:64M]", 4096);
	ASSERT_OK(tgt_message(dev.tree, NULL, "found", "20M", &why));
	ASSERT_OK(ublk_dev_resize(&dev, 0, 0, &error));
	expect(20 * M, 1);
	/* The end of a block is nobody's. */
	ASSERT_OK(tgt_message(dev.tree, NULL, "found", "20972544", &why));
	ASSERT_OK(ublk_dev_resize(&dev, 0, 0, &error));
	EXPECT_EQ(kernel_bytes(), 20 * M);
	ASSERT_OK(tgt_message(dev.tree, NULL, "found", "1024", &why));
	EXPECT_ERR(ublk_dev_resize(&dev, 0, 0, &error), -EINVAL);
	EXPECT_TRUE(says("nothing is left"));
	EXPECT_EQ(kernel_bytes(), 20 * M);
	end();
}

static void not_running(void)
{
	struct ublk_dev none = { 0 };

	EXPECT_ERR(ublk_dev_resize(&none, M, 0, &error), -ESHUTDOWN);
	begin("elastic?size=16M:[ram:64M]", 0);
	pretend(false);
	EXPECT_ERR(ublk_dev_resize(&dev, M, 0, &error), -EINVAL);
	EXPECT_TRUE(says("it is created"));
	pretend(true);
	dev.nr_ended = dev.nr_begun;
	EXPECT_ERR(ublk_dev_resize(&dev, M, 0, &error), -EINVAL);
	EXPECT_TRUE(says("it is stopped"));
	expect(16 * M, 0);
	dev.nr_ended = 0;
	end();
}

static const struct test_case cases[] = {
	TEST("target and kernel get the size, and the kernel is not told twice", both_follow),
	TEST("what the target refuses, the kernel is not asked", target_says_no),
	TEST("what the kernel refuses is put back", kernel_says_no),
	TEST("and what the target refuses when the kernel has taken it", target_says_no_to_less),
	TEST("a kernel without it is refused, with the release that has it", kernel_is_old),
	TEST("a kernel that is late never has more than there is", kernel_is_late),
	TEST("a size is a multiple of the device's logical block", not_such_a_size),
	TEST("without a size the device follows what the target finds", it_has_grown),
	TEST("only a device that runs", not_running),
};
TEST_SUITE(ublk_resize, cases);
