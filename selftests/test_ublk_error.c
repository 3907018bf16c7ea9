/* SPDX-License-Identifier: MIT */
/* ublk/error.h and ublk/deadline.h */
#include "ublk/error.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "selftests/harness/harness.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"

static void codes(void)
{
	static const struct {
		int err;
		enum ublk_code code;
	} rows[] = {
		{ 0, UBLK_OK },
		{ ENOSYS, UBLK_NOT_IMPLEMENTED },
		{ EOPNOTSUPP, UBLK_NOT_IMPLEMENTED },
		{ ENODEV, UBLK_DEVICE_NOT_FOUND },
		{ ENOENT, UBLK_DEVICE_NOT_FOUND },
		{ ENXIO, UBLK_DEVICE_NOT_FOUND },
		{ EBUSY, UBLK_DEVICE_BUSY },
		{ EEXIST, UBLK_DEVICE_BUSY },
		{ EAGAIN, UBLK_DEVICE_BUSY },
		{ EALREADY, UBLK_DEVICE_BUSY },
		{ EINVAL, UBLK_INVALID_PARAMETERS },
		{ ERANGE, UBLK_INVALID_PARAMETERS },
		{ E2BIG, UBLK_INVALID_PARAMETERS },
		{ EPERM, UBLK_PERMISSION_DENIED },
		{ EACCES, UBLK_PERMISSION_DENIED },
		{ ENOMEM, UBLK_INSUFFICIENT_MEMORY },
		{ ENFILE, UBLK_INSUFFICIENT_MEMORY },
		{ EMFILE, UBLK_INSUFFICIENT_MEMORY },
		{ ETIMEDOUT, UBLK_TIMEOUT },
		{ ETIME, UBLK_TIMEOUT },
		{ ESHUTDOWN, UBLK_DEVICE_OFFLINE },
		{ ENOTCONN, UBLK_DEVICE_OFFLINE },
		{ EIO, UBLK_IO_ERROR },
		{ ENOSPC, UBLK_IO_ERROR },
		{ 4095, UBLK_IO_ERROR },
		{ 0x7fffffff, UBLK_IO_ERROR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", err_name(rows[i].err));
		EXPECT_EQ(ublk_code_of(rows[i].err), rows[i].code);
		EXPECT_EQ(ublk_code_of(-rows[i].err), rows[i].code);
	}
}

static void texts(void)
{
	for (u32 i = 0; i < UBLK_NR_CODES; i++) {
		const char *text = ublk_code_text((enum ublk_code)i);

		EXPECT_GT(str_len(text), 0);
		for (u32 k = 0; k < i; k++)
			EXPECT_TRUE(!str_eq(text, ublk_code_text((enum ublk_code)k)));
	}
	EXPECT_STREQ(ublk_code_text(UBLK_DEVICE_BUSY), "device busy");
	EXPECT_STREQ(ublk_code_text(UBLK_NR_CODES), "unknown");
}

static void fills(void)
{
	struct ublk_error e = { .queue = 7, .why = { .text = "old" } };

	EXPECT_ERR(ublk_error_set(&e, "ADD_DEV", 5, -EEXIST, "id %d is taken", 5), -EEXIST);
	EXPECT_STREQ(e.step, "ADD_DEV");
	EXPECT_EQ(e.dev_id, 5);
	EXPECT_EQ(e.queue, UBLK_NO_QUEUE);
	EXPECT_EQ(e.code, UBLK_DEVICE_BUSY);
	EXPECT_EQ(e.err, -EEXIST);
	EXPECT_STREQ(e.why.text, "id 5 is taken");
	EXPECT_TRUE(ublk_error_is(&e, UBLK_DEVICE_BUSY));
	EXPECT_TRUE(!ublk_error_is(&e, UBLK_OK));
	EXPECT_TRUE(!ublk_error_is(NULL, UBLK_OK));
	EXPECT_TRUE(ublk_error_is_errno(&e, EEXIST));
	EXPECT_TRUE(ublk_error_is_errno(&e, -EEXIST));
	EXPECT_TRUE(!ublk_error_is_errno(&e, EBUSY));
	EXPECT_TRUE(!ublk_error_is_errno(NULL, EEXIST));
	EXPECT_ERR(ublk_error_set(NULL, "x", 0, -EIO, "%s", "nobody listens"), -EIO);
}

static void left(void)
{
	u64 deadline = deadline_in_ms(60000);
	u64 before = deadline_left_ns(deadline);

	EXPECT_LE(before, 60000000000);
	EXPECT_GT(before, 0);
	test_sleep_ms(10);
	EXPECT_LE(deadline_left_ns(deadline), before - 10000000);
	EXPECT_EQ(deadline_left_ns(deadline_in_ms(0)), 0);
	EXPECT_EQ(deadline_left_ns(0), 0);
	EXPECT_EQ(deadline_in_ms(DEADLINE_MS_NEVER), DEADLINE_NEVER);
	EXPECT_TRUE(deadline_left_ns(DEADLINE_NEVER) == ~0ULL);
	EXPECT_GT(deadline_left_ns(deadline_in_ms(DEADLINE_MS_NEVER - 1)), 4000000000000000);
}

static u64 sleep_took_ms(u64 deadline, u32 us, bool expected)
{
	u64 start = test_now_ms();

	EXPECT_EQ(deadline_sleep_us(deadline, us), expected);
	return test_now_ms() - start;
}

static void sleeps(void)
{
	EXPECT_LT(sleep_took_ms(0, 5000000, false), 4000);
	EXPECT_GE(sleep_took_ms(DEADLINE_NEVER, 20000, true), 20);
	EXPECT_GE(sleep_took_ms(deadline_in_ms(20), 5000000, true), 19);
	EXPECT_LT(sleep_took_ms(deadline_in_ms(20), 5000000, true), 4000);
	/* more than a second is more than tv_nsec can say */
	EXPECT_GE(sleep_took_ms(DEADLINE_NEVER, 1100000, true), 1100);
}

static void waits_for_words(void)
{
	u32 word = 5;
	u64 start = test_now_ms();

	EXPECT_OK(deadline_wait_word(&word, 4, 0));
	EXPECT_OK(deadline_wait_word(&word, 4, DEADLINE_NEVER));
	EXPECT_ERR(deadline_wait_word(&word, 5, 0), -ETIMEDOUT);
	EXPECT_ERR(deadline_wait_word(&word, 5, deadline_in_ms(30)), -ETIMEDOUT);
	EXPECT_GE(test_now_ms() - start, 29);
	deadline_wake_word(&word);
}

static void waits_for_files(void)
{
	int fd = sys_eventfd2(0, O_CLOEXEC);
	u64 start = test_now_ms();
	u64 one = 1;

	EXPECT_ERR(deadline_wait_fd(fd, 0), -ETIMEDOUT);
	EXPECT_ERR(deadline_wait_fd(fd, deadline_in_ms(30)), -ETIMEDOUT);
	EXPECT_GE(test_now_ms() - start, 29);
	ASSERT_EQ(sys_write(fd, &one, sizeof(one)), sizeof(one));
	EXPECT_OK(deadline_wait_fd(fd, 0));
	EXPECT_OK(deadline_wait_fd(fd, DEADLINE_NEVER));
	sys_close(fd);
}

static const struct test_case cases[] = {
	TEST("each errno has its kind, with either sign", codes),
	TEST("each kind has a text of its own", texts),
	TEST("an error says step, device, kind, errno and why", fills),
	TEST("what is left of a deadline shrinks to nothing", left),
	TEST("a sleep is as long as asked or as the deadline allows", sleeps),
	TEST("a wait for a word ends", waits_for_words),
	TEST("a wait for a file ends", waits_for_files),
};
TEST_SUITE(ublk_error, cases);
