/* SPDX-License-Identifier: MIT */
/* Rings with a thread of the kernel that submits, and rings that poll devices */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "ring/mixed.h"
#include "ring/wait.h"
#include "selftests/ring_play.h"

#define IDLE_MS 5

static void make(struct ring *r, u32 entries, u32 flags)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SQPOLL | flags,
		.sq_thread_idle = IDLE_MS,
	};

	ASSERT_OK(ring_init(r, entries, &p));
	/* NO_SQARRAY is what an old kernel drops. */
	ASSERT_EQ(r->flags | (flags & IORING_SETUP_NO_SQARRAY), IORING_SETUP_SQPOLL | flags);
}

static bool prep_nop(struct ring *r, u64 user_data)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	if (!sqe)
		return false;
	ring_prep_nop(sqe);
	ring_sqe_set_data64(sqe, user_data);
	return true;
}

static void reap_one(struct ring *r, u64 user_data)
{
	struct io_uring_cqe *cqe;

	ASSERT_OK(ring_wait_cqe_timeout(r, &cqe, PLAY_WAIT_NS));
	ASSERT_EQ(cqe->user_data, user_data);
	ASSERT_EQ(cqe->res, 0);
	ring_cqe_seen(r, cqe);
}

static bool is_asleep(const struct ring *r)
{
	return ring_load_relaxed(r->kflags) & IORING_SQ_NEED_WAKEUP;
}

static void wait_until_asleep(const struct ring *r)
{
	for (u32 i = 0; i < 5000 && !is_asleep(r); i++)
		test_sleep_ms(1);
	ASSERT_TRUE(is_asleep(r));
}

static const u32 kinds[] = {
	0,
	IORING_SETUP_NO_SQARRAY,
	IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
	IORING_SETUP_SUBMIT_ALL,
};

static void goes_round(void)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		u64 given = 0;
		u64 seen = 0;
		struct ring r;

		make(&r, 8, kinds[kind]);
		while (given < 3000) {
			u32 batch = 1 + (u32)(given * 7 % 8);
			u32 nr = 0;

			test_row("flags 0x%x, %llu", kinds[kind], given);
			while (nr < batch && prep_nop(&r, given)) {
				given++;
				nr++;
			}
			ASSERT_EQ(given % 2 ? ring_submit(&r) : ring_submit_and_wait(&r, 1), nr);
			while (seen < given)
				reap_one(&r, seen++);
			ASSERT_EQ(ring_cq_ready(&r), 0);
		}
		ring_exit(&r);
	}
}

/* The thread sleeps after a while, and is woken; nothing is submitted twice. */
static void sleeps_and_is_woken(void)
{
	u64 n = 0;
	struct ring r;

	make(&r, 4, 0);
	for (u32 i = 0; i < 20; i++) {
		wait_until_asleep(&r);
		EXPECT_EQ(ring_submit(&r), 0); /* of nothing; that may wake it or not */
		ASSERT_TRUE(prep_nop(&r, n));
		ASSERT_EQ(ring_submit(&r), 1);
		reap_one(&r, n++);
	}
	EXPECT_EQ(ring_peek_cqe(&r), NULL);
	ring_exit(&r);
}

/* Just when it falls asleep is when a wake-up could be lost: a submission is
 * timed to that, before and after, and no wait looks after it. */
static void no_wakeup_is_lost(void)
{
	struct ring r;

	make(&r, 4, 0);
	for (u32 n = 0; n < 300; n++) {
		struct __kernel_timespec pause = { .tv_nsec = IDLE_MS * 1000000 - 300000 +
							      (s64)n % 100 * 6000 };
		u64 deadline = test_now_ms() + 5000;

		sys_nanosleep(&pause, NULL);
		ASSERT_TRUE(prep_nop(&r, n));
		ASSERT_EQ(ring_submit(&r), 1);
		while (!ring_peek_cqe(&r)) {
			sys_sched_yield();
			ASSERT_LT(test_now_ms(), deadline);
		}
		ASSERT_EQ(ring_peek_cqe(&r)->user_data, n);
		ring_cq_advance(&r, 1);
	}
	ring_exit(&r);
}

static void waits_for_room(void)
{
	u64 given = 0;
	u64 seen = 0;
	struct ring r;

	make(&r, 4, 0);
	EXPECT_EQ(ring_sqring_wait(&r), 4);
	while (given < 2000) {
		if (prep_nop(&r, given)) {
			given++;
			continue;
		}
		ASSERT_OK(ring_submit(&r));
		ASSERT_GE(ring_sqring_wait(&r), 1);
		ASSERT_GE(ring_sq_space_left(&r), 1);
		while (ring_peek_cqe(&r))
			reap_one(&r, seen++);
	}
	ASSERT_OK(ring_submit(&r));
	while (seen < given)
		reap_one(&r, seen++);
	for (u32 i = 0; i < 1000 && ring_sq_ready(&r); i++)
		test_sleep_ms(1);
	EXPECT_EQ(ring_sq_ready(&r), 0);
	ring_exit(&r);
}

static void no_room_on_other_rings(void)
{
	struct ring r;

	play_ring(&r, 0);
	EXPECT_EQ(ring_sqring_wait(&r), PLAY_ENTRIES);
	for (u64 i = 0; i < PLAY_ENTRIES; i++)
		ASSERT_TRUE(prep_nop(&r, i));
	EXPECT_EQ(ring_sqring_wait(&r), 0);
	ring_exit(&r);
}

static void wait_ends(void)
{
	struct io_uring_cqe *cqe;
	struct ring r;

	make(&r, 4, 0);
	EXPECT_ERR(ring_submit_and_wait_timeout(&r, 1, 5000000), -ETIME);
	EXPECT_ERR(ring_wait_cqe_timeout(&r, &cqe, 5000000), -ETIME);
	EXPECT_OK(ring_get_events(&r));
	ASSERT_TRUE(prep_nop(&r, 5));
	EXPECT_EQ(ring_submit_and_wait_timeout(&r, 1, PLAY_WAIT_NS), 1);
	EXPECT_EQ(ring_cq_ready(&r), 1);
	reap_one(&r, 5);
	ASSERT_TRUE(prep_nop(&r, 6));
	EXPECT_EQ(ring_enter(&r, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1);
	reap_one(&r, 6);
	ring_exit(&r);
}

/* Two rings, one thread; and what is no ring */
static void attached(void)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL | IORING_SETUP_ATTACH_WQ };
	struct ring a;
	struct ring b;

	make(&a, 4, 0);
	p.wq_fd = (u32)a.fd;
	ASSERT_OK(ring_init(&b, 4, &p));
	for (u64 n = 0; n < 100; n++) {
		ASSERT_TRUE(prep_nop(&a, n) && prep_nop(&b, ~n));
		ASSERT_EQ(ring_submit(&a), 1);
		ASSERT_EQ(ring_submit(&b), 1);
		reap_one(&b, ~n);
		reap_one(&a, n);
	}
	ring_exit(&a);
	ASSERT_TRUE(prep_nop(&b, 1));
	ASSERT_EQ(ring_submit(&b), 1);
	reap_one(&b, 1);
	p = (struct io_uring_params){ .flags = IORING_SETUP_ATTACH_WQ, .wq_fd = 9999 };
	EXPECT_ERR(ring_init(&a, 4, &p), -ENXIO);
	p = (struct io_uring_params){ .flags = IORING_SETUP_ATTACH_WQ,
				      .wq_fd = (u32)play_eventfd() };
	EXPECT_ERR(ring_init(&a, 4, &p), -EINVAL);
	p = (struct io_uring_params){ .flags = IORING_SETUP_ATTACH_WQ, .wq_fd = (u32)b.fd };
	EXPECT_OK(ring_init(&a, 4, &p));
	ring_exit(&a);
	ring_exit(&b);
}

static void on_a_cpu(void)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF,
		.sq_thread_idle = IDLE_MS,
	};
	u64 mask[16] = { 0 };
	struct ring r;

	ASSERT_OK(sys_sched_getaffinity(0, sizeof(mask), mask));
	while (!(mask[p.sq_thread_cpu / 64] >> p.sq_thread_cpu % 64 & 1))
		p.sq_thread_cpu++;
	ASSERT_OK(ring_init(&r, 4, &p));
	ASSERT_TRUE(prep_nop(&r, 3));
	ASSERT_EQ(ring_submit(&r), 1);
	reap_one(&r, 3);
	ring_exit(&r);
	p = (struct io_uring_params){ .flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF,
				      .sq_thread_cpu = 65535 };
	EXPECT_ERR(ring_init(&r, 4, &p), -EINVAL);
}

/* Its thread goes with it: a mapping that was left would keep it spinning. */
static void leaves_no_thread(void)
{
	static char text[4096];
	long len;
	int fd;

	for (u32 i = 0; i < 20; i++) {
		struct ring r;

		make(&r, 4, 0);
		ASSERT_TRUE(prep_nop(&r, i));
		ASSERT_EQ(ring_submit(&r), 1);
		reap_one(&r, i);
		ring_exit(&r);
	}
	fd = sys_openat(AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
	for (u32 i = 0; i < 1000; i++) {
		const char *threads = NULL;

		len = sys_pread64(fd, text, sizeof(text) - 1, 0);
		ASSERT_GT(len, 0);
		text[len] = 0;
		for (char *c = text; *c && !threads; c++)
			if (!memcmp(c, "Threads:\t", 9))
				threads = c + 9;
		ASSERT_NE(threads, NULL);
		if (threads[0] == '1' && threads[1] == '\n')
			return;
		test_sleep_ms(20);
	}
	test_fail("threads of the kernel are left");
}

/* Large entries while the kernel's thread takes from the other end */
static void large_entries(void)
{
	u64 given = 0;
	u64 seen = 0;
	struct ring r;

	NEED_SETUP(IORING_SETUP_SQE_MIXED);
	make(&r, 8, IORING_SETUP_SQE_MIXED);
	while (seen < 3000) {
		struct io_uring_sqe *sqe;

		if (given % 3) {
			sqe = ring_get_sqe128(&r);
			if (sqe)
				ring_prep_nop128(sqe);
		} else {
			sqe = ring_get_sqe(&r);
			if (sqe)
				ring_prep_nop(sqe);
		}
		if (sqe) {
			ring_sqe_set_data64(sqe, given++);
			if (given % 5)
				continue;
		}
		ASSERT_OK(ring_submit(&r));
		while (seen < given)
			reap_one(&r, seen++);
	}
	ring_exit(&r);
}

/* IOPOLL */

static void polls_devices(void)
{
	static const u32 flags[] = { IORING_SETUP_IOPOLL,
				     IORING_SETUP_IOPOLL | IORING_SETUP_SINGLE_ISSUER |
					     IORING_SETUP_DEFER_TASKRUN,
				     IORING_SETUP_IOPOLL | IORING_SETUP_HYBRID_IOPOLL,
				     IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct io_uring_params p = { .flags = flags[i], .sq_thread_idle = IDLE_MS };
		struct io_uring_cqe *cqe;
		struct ring r;

		test_row("flags 0x%x", flags[i]);
		ASSERT_OK(ring_init(&r, 8, &p));
		/* Without a thread every enter has to ask for events. */
		EXPECT_EQ(ring_cq_needs_enter(&r), !(flags[i] & IORING_SETUP_SQPOLL));
		EXPECT_EQ(ring_submit(&r), 0);
		ASSERT_TRUE(prep_nop(&r, 1));
		ASSERT_EQ(ring_submit(&r), 1);
		ASSERT_OK(ring_wait_cqe(&r, &cqe));
		EXPECT_EQ(cqe->user_data, 1);
		ring_cqe_seen(&r, cqe);
		/* A file that cannot be polled says so. */
		ring_prep_read(ring_get_sqe(&r), play_eventfd(), &p, 8, 0);
		ASSERT_EQ(ring_submit(&r), 1);
		ASSERT_OK(ring_wait_cqe(&r, &cqe));
		EXPECT_EQ(cqe->res, -EOPNOTSUPP);
		ring_cqe_seen(&r, cqe);
		ring_exit(&r);
	}
}

/* A device with queues for that: of null_blk, where the machine has one */
#define POLLED_DEVICE "/dev/nullb0"
#define NR_BLOCKS 8

static void reads_polled(struct ring *r, int fd, char *bufs)
{
	u32 nr_seen = 0;

	for (u64 i = 0; i < NR_BLOCKS; i++) {
		struct io_uring_sqe *sqe = ring_get_sqe(r);

		ring_prep_read(sqe, fd, bufs + i * 4096, 4096, i * 4096);
		ring_sqe_set_data64(sqe, i);
	}
	ASSERT_EQ(ring_submit(r), NR_BLOCKS);
	while (nr_seen < NR_BLOCKS) {
		struct io_uring_cqe *cqe;

		ASSERT_OK(ring_wait_cqe(r, &cqe));
		ASSERT_EQ(cqe->res, 4096);
		ASSERT_LT(cqe->user_data, NR_BLOCKS);
		ring_cqe_seen(r, cqe);
		nr_seen++;
	}
	ASSERT_EQ(ring_peek_cqe(r), NULL);
}

static void polls_a_device(void)
{
	static const u32 flags[] = { IORING_SETUP_IOPOLL,
				     IORING_SETUP_IOPOLL | IORING_SETUP_SINGLE_ISSUER |
					     IORING_SETUP_DEFER_TASKRUN,
				     IORING_SETUP_IOPOLL | IORING_SETUP_HYBRID_IOPOLL,
				     IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL };
	static char bufs[NR_BLOCKS * 4096] __attribute__((aligned(4096)));
	int fd = sys_openat(AT_FDCWD, POLLED_DEVICE, O_RDONLY | O_DIRECT | O_CLOEXEC, 0);

	if (fd < 0)
		test_skip("there is no " POLLED_DEVICE " here");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct io_uring_params p = { .flags = flags[i], .sq_thread_idle = IDLE_MS };
		struct ring r;

		test_row("flags 0x%x", flags[i]);
		ASSERT_OK(ring_init(&r, NR_BLOCKS, &p));
		for (u32 k = 0; k < 50; k++)
			reads_polled(&r, fd, bufs);
		ring_exit(&r);
	}
}

static const struct test_case cases[] = {
	TEST("NOPs go through the kernel's thread, in order", goes_round,
	     .timeout_ms = 30000),
	TEST("the thread sleeps, and a submission wakes it", sleeps_and_is_woken),
	TEST("a submission at the moment it falls asleep is not lost", no_wakeup_is_lost,
	     .timeout_ms = 60000),
	TEST("a full queue is waited for", waits_for_room, .timeout_ms = 30000),
	TEST("on other rings a full queue is to be submitted", no_room_on_other_rings),
	TEST("a wait ends after its time, and by a completion", wait_ends),
	TEST("a ring may share the thread of another", attached),
	TEST("the thread stays on a CPU", on_a_cpu),
	TEST("a ring's thread ends with it", leaves_no_thread),
	TEST("large entries go through the thread as well", large_entries,
	     .timeout_ms = 30000),
	TEST("rings that poll devices enter for every completion", polls_devices),
	TEST("a device is polled", polls_a_device),
};
TEST_SUITE(ring_sqpoll, cases);
