/* SPDX-License-Identifier: MIT */
/* ring/batch.h: until full or until a deadline */
#include <asm/errno.h>
#include <linux/time.h>

#include "ring/batch.h"
#include "ring/prep.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/sys.h"

enum { SIGCONT_NR = 18, SIGSTOP_NR = 19, POLLIN_BIT = 1 };

#define MS 1000000ULL
#define START 1000000000000ULL

static void make(struct ring *r, u32 entries, u32 flags)
{
	struct io_uring_params p = { .flags = flags };
	int err = ring_init(r, entries, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

static void prep_nop(struct ring *r)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ASSERT_TRUE(sqe);
	ring_prep_nop(sqe);
}

static void prep_timer(struct ring *r, const struct __kernel_timespec *ts)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ASSERT_TRUE(sqe);
	ring_prep_timeout(sqe, ts, 0, 0);
}

static u64 now_ns(void)
{
	struct __kernel_timespec ts;

	ASSERT_OK(sys_clock_gettime(CLOCK_MONOTONIC, &ts));
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static void reap(struct ring *r)
{
	ring_cq_advance(r, ring_cq_ready(r));
}

static void full(void)
{
	struct ring_batch b;
	struct ring r;

	make(&r, 8, 0);
	ring_batch_init(&b, &r, 3, RING_NO_TIMEOUT);
	for (u32 round = 0; round < 20; round++) {
		u64 now = START + round * 1000000000ULL;

		EXPECT_EQ(ring_batch_submit(&b, now), 0);
		prep_nop(&r);
		EXPECT_EQ(ring_batch_submit(&b, now), 0);
		prep_nop(&r);
		/* However late it is */
		EXPECT_EQ(ring_batch_submit(&b, now + 3600000 * MS), 0);
		EXPECT_EQ(ring_batch_left_ns(&b, now), RING_NO_TIMEOUT);
		EXPECT_EQ(ring_sq_ready(&r), 2);
		EXPECT_EQ(ring_cq_ready(&r), 0);
		prep_nop(&r);
		EXPECT_EQ(ring_batch_left_ns(&b, now), 0);
		EXPECT_EQ(ring_batch_submit(&b, now), 3);
		EXPECT_EQ(ring_cq_ready(&r), 3);
		reap(&r);
	}
	ring_exit(&r);
}

static void deadline(void)
{
	struct ring_batch b;
	struct ring r;

	make(&r, 8, 0);
	ring_batch_init(&b, &r, 8, 1000);
	EXPECT_EQ(ring_batch_left_ns(&b, START), RING_NO_TIMEOUT);
	for (u64 now = START; now < START + 20000; now += 5000) {
		prep_nop(&r);
		EXPECT_EQ(ring_batch_left_ns(&b, now), 1000);
		EXPECT_EQ(ring_batch_submit(&b, now), 0);
		/* It is the first one's time that counts. */
		prep_nop(&r);
		EXPECT_EQ(ring_batch_submit(&b, now + 400), 0);
		EXPECT_EQ(ring_batch_left_ns(&b, now + 400), 600);
		EXPECT_EQ(ring_batch_submit(&b, now + 999), 0);
		EXPECT_EQ(ring_batch_left_ns(&b, now + 999), 1);
		EXPECT_EQ(ring_sq_ready(&r), 2);
		EXPECT_EQ(ring_batch_submit(&b, now + 1000), 2);
		EXPECT_EQ(ring_batch_left_ns(&b, now + 1000), RING_NO_TIMEOUT);
		reap(&r);
	}
	/* Submitted by others: the next one's time is its own. */
	prep_nop(&r);
	EXPECT_EQ(ring_batch_submit(&b, START + 50000), 0);
	ASSERT_EQ(ring_submit(&r), 1);
	EXPECT_EQ(ring_batch_submit(&b, START + 50500), 0);
	prep_nop(&r);
	EXPECT_EQ(ring_batch_submit(&b, START + 51500), 0);
	EXPECT_EQ(ring_batch_left_ns(&b, START + 51600), 900);
	EXPECT_EQ(ring_batch_flush(&b), 1);
	ring_exit(&r);
}

static void limits(void)
{
	struct ring_batch b;
	struct ring r;

	make(&r, 4, 0);
	ring_batch_init(&b, &r, 0, RING_NO_TIMEOUT);
	EXPECT_EQ(b.max_nr, 4);
	ring_batch_init(&b, &r, 1000, RING_NO_TIMEOUT);
	EXPECT_EQ(b.max_nr, 4);
	for (u32 i = 0; i < 4; i++) {
		EXPECT_EQ(ring_batch_submit(&b, START), 0);
		prep_nop(&r);
	}
	EXPECT_EQ(ring_get_sqe(&r), NULL);
	EXPECT_EQ(ring_batch_submit(&b, START), 4);
	/* No delay at all is no batching. */
	ring_batch_init(&b, &r, 4, 0);
	prep_nop(&r);
	EXPECT_EQ(ring_batch_submit(&b, START), 1);
	/* What fails is due still. */
	prep_nop(&r);
	reap(&r);
	sys_close(r.fd);
	EXPECT_ERR(ring_batch_submit(&b, START), -EBADF);
	EXPECT_EQ(ring_sq_ready(&r), 1);
	EXPECT_EQ(ring_batch_left_ns(&b, START), 0);
	EXPECT_ERR(ring_batch_wait(&b, START, 1, 0), -EBADF);
	ring_exit(&r);
}

/* Nothing but waiting: the batch goes when its time has come, in one call. */
static void waits(void)
{
	struct ring_batch b;
	struct ring r;

	make(&r, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	ring_batch_init(&b, &r, 8, 30 * MS);
	for (u32 i = 0; i < 3; i++) {
		u64 start = now_ns();

		prep_nop(&r);
		prep_nop(&r);
		EXPECT_EQ(ring_batch_submit(&b, start), 0);
		EXPECT_EQ(ring_batch_wait(&b, start, 2, RING_NO_TIMEOUT), 2);
		EXPECT_GE(now_ns() - start, 30 * MS);
		EXPECT_LT(now_ns() - start, 5000 * MS);
		reap(&r);

		/* A shorter time of the caller's: it stays here. */
		prep_nop(&r);
		start = now_ns();
		EXPECT_ERR(ring_batch_wait(&b, start, 1, 5 * MS), -ETIME);
		EXPECT_EQ(ring_sq_ready(&r), 1);
		/* Due, and a longer time: it is gone, and its completion is there. */
		EXPECT_EQ(ring_batch_wait(&b, start + 31 * MS, 1, 5000 * MS), 1);
		EXPECT_EQ(ring_sq_ready(&r), 0);
		reap(&r);
		EXPECT_ERR(ring_batch_wait(&b, start, 1, 5 * MS), -ETIME);
	}
	ring_exit(&r);
}

/* A completion of another request comes before the batch is due. */
static void wakes_early(void)
{
	struct __kernel_timespec ts = { .tv_nsec = 10 * MS };
	struct ring_batch b;
	struct ring r;
	u64 start;

	make(&r, 8, 0);
	ring_batch_init(&b, &r, 8, 5000 * MS);
	prep_timer(&r, &ts);
	ASSERT_EQ(ring_batch_flush(&b), 1);
	prep_nop(&r);
	start = now_ns();
	EXPECT_EQ(ring_batch_wait(&b, start, 1, RING_NO_TIMEOUT), 1);
	EXPECT_LT(now_ns() - start, 2000 * MS);
	EXPECT_EQ(ring_sq_ready(&r), 1);
	EXPECT_EQ(ring_batch_left_ns(&b, start + 1000 * MS), 4000 * MS);
	ring_exit(&r);
}

/* Submitted, and then nothing comes: neither -ETIME nor a count */
static void waits_in_vain(void)
{
	struct __kernel_timespec ts = { .tv_sec = 100 };
	struct ring_batch b;
	struct ring r;

	make(&r, 8, 0);
	ring_batch_init(&b, &r, 1, 0);
	prep_timer(&r, &ts);
	EXPECT_EQ(ring_batch_wait(&b, now_ns(), 1, 10 * MS), 0);
	EXPECT_EQ(ring_sq_ready(&r), 0);
	EXPECT_ERR(ring_batch_wait(&b, now_ns(), 1, 10 * MS), -ETIME);
	ring_exit(&r);
}

/* A wait for three, of which so many come, 30 ms apart; a timer's completion would end
 * any wait */
static u64 wait_for_three(u64 max_delay_ns, u32 nr_come, int *ret)
{
	struct ring_batch b;
	struct ring r;
	u64 start;
	u64 took;
	s32 efds[3];
	u64 one = 1;
	int status;
	int child;

	make(&r, 8, 0);
	ring_batch_init(&b, &r, 8, max_delay_ns);
	for (u32 i = 0; i < 3; i++) {
		efds[i] = sys_eventfd2(0, 0);
		ring_prep_poll_add(ring_get_sqe(&r), efds[i], POLLIN_BIT);
	}
	ASSERT_EQ(ring_batch_flush(&b), 3);
	start = now_ns();
	child = sys_fork();
	ASSERT_OK(child);
	for (u32 i = 0; !child && i < nr_come; i++) {
		test_sleep_ms(30);
		ASSERT_EQ(sys_write(efds[i], &one, sizeof(one)), sizeof(one));
	}
	if (!child)
		sys_exit_group(0);
	*ret = ring_batch_wait(&b, start, 3, RING_NO_TIMEOUT);
	took = now_ns() - start;
	ASSERT_EQ(sys_wait4(child, &status, 0), child);
	ring_exit(&r);
	return took;
}

static void reaps_in_batches(void)
{
	u64 took;
	int ret;

	/* Enough of them, long before the time */
	took = wait_for_three(20000 * MS, 3, &ret);
	if (!ring_has_feat(IORING_FEAT_MIN_TIMEOUT)) {
		EXPECT_GE(ret, 1);
		NEED_FEAT(IORING_FEAT_MIN_TIMEOUT);
	}
	EXPECT_EQ(ret, 3);
	EXPECT_GE(took, 90 * MS);
	/* Some of them, when the time has come */
	EXPECT_GE(wait_for_three(40 * MS, 3, &ret), 40 * MS);
	EXPECT_GE(ret, 1);
	/* None by then: the first */
	EXPECT_GE(wait_for_three(5 * MS, 1, &ret), 30 * MS);
	EXPECT_EQ(ret, 1);
}

static void interrupted(void)
{
	int me = sys_getpid();
	struct ring_batch b;
	struct ring r;
	int status;
	int child;

	make(&r, 8, 0);
	ring_batch_init(&b, &r, 8, 5000 * MS);
	prep_nop(&r);
	child = sys_fork();
	ASSERT_OK(child);
	if (!child) {
		test_until_asleep(me);
		sys_kill(me, SIGSTOP_NR);
		sys_kill(me, SIGCONT_NR);
		sys_exit_group(0);
	}
	EXPECT_ERR(ring_batch_wait(&b, now_ns(), 1, RING_NO_TIMEOUT), -EINTR);
	EXPECT_EQ(ring_sq_ready(&r), 1);
	ASSERT_EQ(sys_wait4(child, &status, 0), child);
	ring_exit(&r);
}

/* Entries that the thread was given are not counted again. */
static void with_a_thread(void)
{
	struct ring_batch b;
	struct ring r;

	make(&r, 8, IORING_SETUP_SQPOLL);
	ring_batch_init(&b, &r, 3, 20 * MS);
	for (u32 round = 0; round < 50; round++) {
		for (u32 i = 0; i < 3; i++) {
			EXPECT_EQ(ring_batch_submit(&b, START), 0);
			prep_nop(&r);
		}
		EXPECT_EQ(ring_batch_submit(&b, START), 3);
		EXPECT_EQ(ring_batch_left_ns(&b, START), RING_NO_TIMEOUT);
		while (ring_cq_ready(&r) < 3)
			ASSERT_GE(ring_batch_wait(&b, START, 3, 5000 * MS), 1);
		reap(&r);
	}
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("a batch is submitted when it is full, and not before", full),
	TEST("a batch is submitted when its first entry has waited long enough", deadline),
	TEST("batches of all sizes, and failures", limits),
	TEST("a wait submits when the deadline comes", waits),
	TEST("a wait that ends early leaves the batch as it is", wakes_early),
	TEST("a wait that has submitted says so", waits_in_vain),
	TEST("completions come in batches as well", reaps_in_batches),
	TEST("a signal ends the wait, not the batch", interrupted),
	TEST("a batch on a ring with a thread that submits", with_a_thread),
};
TEST_SUITE(ring_batch, cases);
