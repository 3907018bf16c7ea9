/* SPDX-License-Identifier: MIT */
/* ring/prep_event.h, proved by doing it: timeouts, alone and linked */
#include <linux/time.h>

#include "selftests/ring_play.h"

enum { SOON_MS = 30 };
#define SOON_NS (SOON_MS * 1000000LL)

static const struct __kernel_timespec soon = { .tv_nsec = SOON_NS };
static const struct __kernel_timespec late = { .tv_sec = 3600 };

/* SOON_MS from now on a clock */
static struct __kernel_timespec from_now(int clock)
{
	struct __kernel_timespec ts;

	ASSERT_OK(sys_clock_gettime(clock, &ts));
	ts.tv_nsec += SOON_NS;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void clocks(void)
{
	const struct {
		u32 flags;
		int clock; /* of an absolute time */
	} rows[] = {
		{ 0, 0 },
		{ IORING_TIMEOUT_BOOTTIME, 0 },
		{ IORING_TIMEOUT_REALTIME, 0 },
		{ IORING_TIMEOUT_ABS, CLOCK_MONOTONIC },
		{ IORING_TIMEOUT_ABS | IORING_TIMEOUT_BOOTTIME, CLOCK_BOOTTIME },
		{ IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME, CLOCK_REALTIME },
	};
	struct ring r;

	play_ring(&r, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool is_abs = rows[i].flags & IORING_TIMEOUT_ABS;
		u64 start = test_now_ms();
		struct __kernel_timespec ts = is_abs ? from_now(rows[i].clock) : soon;

		test_row("flags 0x%x", rows[i].flags);
		ring_prep_timeout(play_sqe(&r), &ts, 0, rows[i].flags);
		play_submit(&r);
		ts = late; /* it has been read */
		EXPECT_EQ(play_result(&r), -ETIME);
		/* Milliseconds are cut off at both ends. */
		EXPECT_GE(test_now_ms() - start, SOON_MS - 2);
	}
	/* A time that has passed */
	ring_prep_timeout(play_sqe(&r), &(struct __kernel_timespec){ .tv_sec = 1 }, 0,
			  IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME);
	EXPECT_EQ(play_result(&r), -ETIME);
}

static void refused(void)
{
	static const struct __kernel_timespec negative = { .tv_sec = -1 };
	static const struct __kernel_timespec odd = { .tv_nsec = -1 };
	static const struct {
		const struct __kernel_timespec *ts;
		u32 flags;
		s32 want;
	} rows[] = {
		{ NULL, 0, -EFAULT },
		{ &negative, 0, -EINVAL },
		{ &odd, 0, -EINVAL },
		{ &soon, 1U << 31, -EINVAL },
		{ &soon, IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME, -EINVAL },
		{ &soon, IORING_TIMEOUT_MULTISHOT | IORING_TIMEOUT_ABS, -EINVAL },
		{ &soon, IORING_TIMEOUT_UPDATE, -EINVAL },
	};
	struct ring r;

	play_ring(&r, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("row %zu", i);
		ring_prep_timeout(play_sqe(&r), rows[i].ts, 0, rows[i].flags);
		EXPECT_EQ(play_result(&r), rows[i].want);
	}
	ring_prep_link_timeout(play_sqe(&r), &soon, 0);
	EXPECT_EQ(play_result(&r), -EINVAL); /* of what? */
	ring_prep_timeout_remove(play_sqe(&r), 1, IORING_TIMEOUT_ABS);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_timeout_update(play_sqe(&r), &soon, 1, IORING_TIMEOUT_MULTISHOT);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_timeout_update(play_sqe(&r), NULL, 1, 0);
	EXPECT_EQ(play_result(&r), -EFAULT);
}

/* A timer, then this many nops; the first completion is that of the first nop */
static void counted(void)
{
	struct io_uring_sqe *sqe;
	struct ring r;

	play_ring(&r, 0);
	sqe = play_sqe(&r);
	ring_prep_timeout(sqe, &late, 3, 0);
	play_tag(sqe, 100, 0);
	play_submit(&r);
	for (u64 i = 0; i < 3; i++) {
		play_quiet(&r);
		sqe = play_sqe(&r);
		ring_prep_nop(sqe);
		play_tag(sqe, i, 0);
		play_expect(&r, i, 0);
	}
	play_expect(&r, 100, 0);
	play_quiet(&r);
}

static void multishot(void)
{
	static const struct __kernel_timespec tick = { .tv_nsec = 1000000 };
	struct io_uring_sqe *sqe;
	struct play_cqe cqe;
	struct ring r;

	play_ring(&r, 0);
	sqe = play_sqe(&r);
	ring_prep_timeout(sqe, &tick, 5, IORING_TIMEOUT_MULTISHOT);
	play_tag(sqe, 1, 0);
	for (u32 i = 0; i < 5; i++) {
		cqe = play_next(&r);
		if (cqe.res == -EINVAL)
			need_linux("6.4", "multishot timeouts");
		EXPECT_EQ(cqe.user_data, 1);
		EXPECT_EQ(cqe.res, -ETIME);
		EXPECT_EQ(cqe.flags, i < 4 ? IORING_CQE_F_MORE : 0);
	}
	play_quiet(&r);
}

/* A timer cannot be removed in the moment in which it goes off. */
static void multishot_removed(void)
{
	static const struct __kernel_timespec tick = { .tv_nsec = 1000000 };
	bool asked = false;
	bool removed = false;
	bool ended = false;
	struct play_cqe cqe;
	struct ring r;

	play_ring(&r, 0);
	ring_prep_timeout(play_sqe(&r), &tick, 0, IORING_TIMEOUT_MULTISHOT);
	for (u32 i = 0; i < 20; i++) {
		cqe = play_next(&r);
		if (cqe.res == -EINVAL)
			need_linux("6.4", "multishot timeouts");
		EXPECT_EQ(cqe.res, -ETIME);
		EXPECT_EQ(cqe.flags, IORING_CQE_F_MORE);
	}
	while (!removed || !ended) {
		if (!asked) {
			struct io_uring_sqe *sqe = play_sqe(&r);

			ring_prep_timeout_remove(sqe, 0, 0);
			play_tag(sqe, 1, 0);
			asked = true;
		}
		cqe = play_next(&r);
		if (cqe.user_data == 1) {
			removed = cqe.res == 0;
			asked = removed;
			if (!removed)
				EXPECT_TRUE(cqe.res == -EALREADY || cqe.res == -ENOENT);
		} else {
			ended = !(cqe.flags & IORING_CQE_F_MORE);
			EXPECT_EQ(cqe.res, ended ? -ECANCELED : -ETIME);
		}
	}
	play_quiet(&r);
}

static void removed_and_updated(void)
{
	struct __kernel_timespec ts;
	struct io_uring_sqe *sqe;
	struct ring r;

	play_ring(&r, 0);
	for (u64 i = 1; i <= 4; i++) {
		sqe = play_sqe(&r);
		ring_prep_timeout(sqe, &late, i == 4 ? 1 : 0, 0);
		play_tag(sqe, i, 0);
	}
	play_submit(&r);
	ring_prep_timeout_remove(play_sqe(&r), 77, 0);
	EXPECT_EQ(play_result(&r), -ENOENT); /* a completion: number 4 was waiting for it */
	play_expect(&r, 4, 0);

	sqe = play_sqe(&r);
	ring_prep_timeout_remove(sqe, 1, 0);
	play_tag(sqe, 50, 0);
	play_submit(&r);
	for (u32 i = 0; i < 2; i++) {
		struct play_cqe cqe = play_next(&r);

		EXPECT_EQ(cqe.res, cqe.user_data == 50 ? 0 : -ECANCELED);
		EXPECT_TRUE(cqe.user_data == 50 || cqe.user_data == 1);
	}
	ring_prep_timeout_remove(play_sqe(&r), 1, 0);
	EXPECT_EQ(play_result(&r), -ENOENT);

	ring_prep_timeout_update(play_sqe(&r), &soon, 77, 0);
	EXPECT_EQ(play_result(&r), -ENOENT);
	sqe = play_sqe(&r);
	ring_prep_timeout_update(sqe, &soon, 2, 0);
	play_tag(sqe, 51, 0);
	play_expect(&r, 51, 0);
	play_expect(&r, 2, -ETIME);
	ts = from_now(CLOCK_MONOTONIC);
	sqe = play_sqe(&r);
	ring_prep_timeout_update(sqe, &ts, 3, IORING_TIMEOUT_ABS);
	play_tag(sqe, 52, 0);
	play_expect(&r, 52, 0);
	play_expect(&r, 3, -ETIME);
	play_quiet(&r);
}

/* A read of an empty pipe, and its time limit */
static void read_with_limit(struct ring *r, int fd, char *byte, const struct __kernel_timespec *ts,
			    u32 flags)
{
	struct io_uring_sqe *sqe = play_sqe(r);

	ring_prep_read(sqe, fd, byte, 1, 0);
	play_tag(sqe, 1, IOSQE_IO_LINK);
	sqe = play_sqe(r);
	ring_prep_link_timeout(sqe, ts, flags);
	play_tag(sqe, 2, 0);
	ASSERT_EQ(ring_submit(r), 2);
}

static void expect_two(struct ring *r, s32 first, s32 second)
{
	for (u32 i = 0, seen = 0; i < 2; i++) {
		struct play_cqe cqe = play_next(r);

		EXPECT_TRUE(cqe.user_data == 1 || cqe.user_data == 2);
		EXPECT_EQ(seen & 1U << cqe.user_data, 0);
		seen |= 1U << cqe.user_data;
		EXPECT_EQ(cqe.res, cqe.user_data == 1 ? first : second);
	}
	play_quiet(r);
}

static void limits(void)
{
	struct __kernel_timespec ts = from_now(CLOCK_REALTIME);
	struct io_uring_sqe *sqe;
	char byte = 0;
	struct ring r;
	int fds[2];

	play_ring(&r, 0);
	ASSERT_OK(sys_pipe2(fds, 0));
	read_with_limit(&r, fds[0], &byte, &soon, 0);
	expect_two(&r, -ECANCELED, -ETIME);
	read_with_limit(&r, fds[0], &byte, &ts, IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME);
	expect_two(&r, -ECANCELED, -ETIME);

	/* in time */
	read_with_limit(&r, fds[0], &byte, &late, 0);
	play_quiet(&r);
	ASSERT_EQ(sys_write(fds[1], "x", 1), 1);
	expect_two(&r, 1, -ECANCELED);
	EXPECT_EQ(byte, 'x');
	ASSERT_EQ(sys_write(fds[1], "y", 1), 1);
	read_with_limit(&r, fds[0], &byte, &late, 0);
	expect_two(&r, 1, -ECANCELED);

	/* a limit that is changed */
	read_with_limit(&r, fds[0], &byte, &late, 0);
	sqe = play_sqe(&r);
	ring_prep_timeout_update(sqe, &soon, 2, IORING_LINK_TIMEOUT_UPDATE);
	play_tag(sqe, 3, 0);
	play_expect(&r, 3, 0);
	expect_two(&r, -ECANCELED, -ETIME);
	sqe = play_sqe(&r);
	ring_prep_timeout_update(sqe, &soon, 2, IORING_LINK_TIMEOUT_UPDATE);
	EXPECT_EQ(play_result(&r), -ENOENT);
}

static void immediate(void)
{
	struct io_uring_sqe *sqe;
	u64 start = test_now_ms();
	char byte;
	struct ring r;
	int fds[2];
	s32 res;

	play_ring(&r, 0);
	ring_prep_timeout_ns(play_sqe(&r), SOON_NS, 0, 0);
	res = play_result(&r);
	if (res == -EINVAL)
		need_linux("7.1", "timeouts with the time in the entry");
	EXPECT_EQ(res, -ETIME);
	EXPECT_GE(test_now_ms() - start, SOON_MS - 2);
	ring_prep_timeout_ns(play_sqe(&r), 1ULL << 63, 0, 0);
	EXPECT_EQ(play_result(&r), -EINVAL);

	sqe = play_sqe(&r);
	ring_prep_timeout_ns(sqe, 3600000000000, 0, 0);
	play_tag(sqe, 1, 0);
	play_submit(&r);
	play_quiet(&r);
	sqe = play_sqe(&r);
	ring_prep_timeout_update_ns(sqe, SOON_NS, 1, 0);
	play_tag(sqe, 2, 0);
	play_expect(&r, 2, 0);
	play_expect(&r, 1, -ETIME);

	ASSERT_OK(sys_pipe2(fds, 0));
	sqe = play_sqe(&r);
	ring_prep_read(sqe, fds[0], &byte, 1, 0);
	play_tag(sqe, 1, IOSQE_IO_LINK);
	sqe = play_sqe(&r);
	ring_prep_link_timeout_ns(sqe, SOON_NS, 0);
	play_tag(sqe, 2, 0);
	expect_two(&r, -ECANCELED, -ETIME);
}

static void success(void)
{
	static const struct {
		u32 flags;
		s32 next;
	} rows[] = { { 0, -ECANCELED }, { IORING_TIMEOUT_ETIME_SUCCESS, 0 } };
	struct ring r;

	play_ring(&r, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct io_uring_sqe *sqe = play_sqe(&r);

		test_row("flags 0x%x", rows[i].flags);
		ring_prep_timeout(sqe, &soon, 0, rows[i].flags);
		play_tag(sqe, 1, IOSQE_IO_LINK);
		sqe = play_sqe(&r);
		ring_prep_nop(sqe);
		play_tag(sqe, 2, 0);
		play_expect(&r, 1, -ETIME);
		play_expect(&r, 2, rows[i].next);
	}
}

static const struct test_case cases[] = {
	TEST("a timeout goes off on every clock, not too early", clocks),
	TEST("a timeout that makes no sense is refused", refused),
	TEST("a timeout ends when enough others have completed", counted),
	TEST("a multishot timeout goes off again and again", multishot),
	TEST("a multishot timeout without end can be removed", multishot_removed),
	TEST("timeouts are removed and moved", removed_and_updated),
	TEST("a limit cuts a read off, or is cut off by it", limits),
	TEST("a timeout's nanoseconds stand in the entry", immediate),
	TEST("a chain goes on behind a timeout if that counts as success", success),
};
TEST_SUITE(ring_prep_event_time, cases);
