/* SPDX-License-Identifier: MIT */
/* ring/queue.c and the inline functions of ring/ring.h: submitting, waiting, reaping */
#include <asm/errno.h>

#include "ring/prep.h"
#include "ring/ring.h"
#include "selftests/harness/harness.h"
#include "uapi/sys.h"

enum { SIGCONT_NR = 18, SIGSTOP_NR = 19 };

static void make(struct ring *r, u32 entries, u32 cq_entries, u32 flags)
{
	struct io_uring_params p = {
		.flags = flags | (cq_entries ? IORING_SETUP_CQSIZE : 0),
		.cq_entries = cq_entries,
	};
	int err = ring_init(r, entries, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
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

/* Everything that is there must be the next numbers; returns how many */
static u32 reap(struct ring *r, u64 *next)
{
	struct io_uring_cqe *cqe;
	u32 nr = 0;
	u32 head;

	ring_for_each_cqe(r, head, cqe) {
		ASSERT_EQ(cqe->user_data, *next);
		++*next;
		nr++;
	}
	ring_cq_advance(r, nr);
	return nr;
}

static const u32 kinds[] = {
	0,
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY,
	IORING_SETUP_SQE128 | IORING_SETUP_NO_SQARRAY,
	IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
};

static void every_batch_size(void)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		u64 given = 0;
		u64 seen = 0;
		struct ring r;

		make(&r, 32, 0, kinds[kind]);
		for (u32 batch = 1; batch <= 32; batch++) {
			test_row("flags 0x%x, %u at a time", kinds[kind], batch);
			for (u32 i = 0; i < batch; i++)
				ASSERT_TRUE(prep_nop(&r, given++));
			ASSERT_EQ(ring_sq_ready(&r), batch);
			ASSERT_EQ(ring_sq_space_left(&r), 32 - batch);
			ASSERT_EQ(ring_submit_and_wait(&r, batch), batch);
			ASSERT_EQ(ring_sq_ready(&r), 0);
			ASSERT_EQ(ring_cq_ready(&r), batch);
			ASSERT_EQ(reap(&r, &seen), batch);
			ASSERT_EQ(ring_peek_cqe(&r), NULL);
		}
		ring_exit(&r);
	}
}

static void many_times_around(void)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		u64 given = 0;
		u64 seen = 0;
		struct ring r;

		test_row("flags 0x%x", kinds[kind]);
		make(&r, 8, 0, kinds[kind]);
		while (given < 150000) {
			u32 batch = 1 + (u32)(given * 7 % 8);

			for (u32 i = 0; i < batch; i++)
				ASSERT_TRUE(prep_nop(&r, given++));
			ASSERT_EQ(ring_submit_and_wait(&r, 1), batch);
			/* Left for the next turn now and then, so that the heads drift */
			if (given % 3)
				reap(&r, &seen);
		}
		reap(&r, &seen);
		EXPECT_EQ(seen, given);
		EXPECT_EQ(*r.koverflow, 0);
		ring_exit(&r);
	}
}

static void full(void)
{
	u64 seen = 0;
	struct ring r;

	make(&r, 4, 0, 0);
	EXPECT_EQ(ring_submit(&r), 0);
	for (u64 i = 0; i < 4; i++)
		ASSERT_TRUE(prep_nop(&r, i));
	EXPECT_TRUE(!prep_nop(&r, 99));
	EXPECT_EQ(ring_get_sqe(&r), NULL);
	EXPECT_EQ(ring_sq_space_left(&r), 0);
	EXPECT_EQ(ring_submit(&r), 4);
	EXPECT_EQ(ring_sq_space_left(&r), 4);
	ASSERT_TRUE(prep_nop(&r, 4));
	EXPECT_EQ(ring_submit_and_wait(&r, 5), 1);
	EXPECT_EQ(reap(&r, &seen), 5);
	ring_exit(&r);
}

static void times_out(void)
{
	static const u64 timeouts_ns[] = { 0, 1, 1000000, 30000000 };
	u64 seen = 1;
	struct ring r;

	make(&r, 8, 0, kinds[1]);
	for (size_t i = 0; i < ARRAY_SIZE(timeouts_ns); i++) {
		u64 start = test_now_ms();

		test_row("%llu ns", timeouts_ns[i]);
		EXPECT_ERR(ring_submit_and_wait_timeout(&r, 1, timeouts_ns[i]), -ETIME);
		EXPECT_GE(test_now_ms() - start, timeouts_ns[i] / 1000000);
		EXPECT_LT(test_now_ms() - start, 8000);
	}
	/* What was submitted counts, also when time runs out after it. */
	ASSERT_TRUE(prep_nop(&r, 1));
	EXPECT_EQ(ring_submit_and_wait_timeout(&r, 2, 10000000), 1);
	/* Fewer than were waited for are no error, only none is. */
	EXPECT_EQ(ring_submit_and_wait_timeout(&r, 2, 10000000), 0);
	EXPECT_EQ(ring_submit_and_wait_timeout(&r, 1, 10000000), 0);
	EXPECT_EQ(reap(&r, &seen), 1);
	ASSERT_TRUE(prep_nop(&r, 2));
	EXPECT_EQ(ring_submit_and_wait_timeout(&r, 1, RING_NO_TIMEOUT), 1);
	EXPECT_EQ(reap(&r, &seen), 1);
	/* A time so long that it could overflow is as good as none. */
	ASSERT_TRUE(prep_nop(&r, 3));
	EXPECT_EQ(ring_submit_and_wait_timeout(&r, 1, RING_NO_TIMEOUT - 1), 1);
	ring_exit(&r);
}

static void stop_and_continue(int pid)
{
	test_until_asleep(pid);
	sys_kill(pid, SIGSTOP_NR);
	test_sleep_ms(20);
	sys_kill(pid, SIGCONT_NR);
	sys_exit_group(0);
}

/* A stop and a continue interrupt a wait as any signal with a handler does. */
static int interrupt_wait(struct ring *r, u64 timeout_ns)
{
	int me = sys_getpid();
	int child = sys_fork();
	int status;
	int ret;

	ASSERT_OK(child);
	if (!child)
		stop_and_continue(me);
	ret = ring_submit_and_wait_timeout(r, 1, timeout_ns);
	ASSERT_EQ(sys_wait4(child, &status, 0), child);
	return ret;
}

static void interrupted(void)
{
	u64 seen = 7;
	struct ring r;

	make(&r, 8, 0, 0);
	EXPECT_ERR(interrupt_wait(&r, RING_NO_TIMEOUT), -EINTR);
	EXPECT_ERR(interrupt_wait(&r, 5000000000), -EINTR);
	ASSERT_TRUE(prep_nop(&r, 7));
	EXPECT_EQ(ring_submit_and_wait(&r, 1), 1);
	EXPECT_EQ(reap(&r, &seen), 1);
	ring_exit(&r);
}

static void overflows(void)
{
	static const struct {
		u32 entries;
		u32 cq_entries;
		u32 flags;
	} rows[] = { { 4, 4, 0 }, { 4, 8, 0 }, { 16, 16, 0 }, { 8, 8, IORING_SETUP_CQE32 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 given = 0;
		u64 seen = 0;
		struct ring r;

		test_row("row %zu", i);
		make(&r, rows[i].entries, rows[i].cq_entries, rows[i].flags);
		EXPECT_TRUE(!ring_cq_has_overflow(&r));
		while (given < 40 * r.cq_entries) {
			while (prep_nop(&r, given))
				given++;
			ASSERT_EQ(ring_submit(&r), r.sq_entries);
		}
		EXPECT_EQ(ring_cq_ready(&r), r.cq_entries);
		EXPECT_TRUE(ring_cq_has_overflow(&r));
		while (reap(&r, &seen))
			ASSERT_OK(ring_get_events(&r));
		EXPECT_EQ(seen, given);
		EXPECT_TRUE(!ring_cq_has_overflow(&r));
		EXPECT_EQ(*r.koverflow, 0);
		/* and it goes on as if nothing had been */
		for (u32 k = 0; k < 10; k++) {
			ASSERT_TRUE(prep_nop(&r, given++));
			ASSERT_EQ(ring_submit_and_wait(&r, 1), 1);
			ASSERT_EQ(reap(&r, &seen), 1);
		}
		ring_exit(&r);
	}
}

/* Without SUBMIT_ALL the kernel stops at an entry that it cannot read. */
static void goes_on_after_a_bad_one(void)
{
	static const u32 flags[] = { 0, IORING_SETUP_SUBMIT_ALL };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct io_uring_cqe *cqe;
		u32 nr_bad = 0;
		u32 nr = 0;
		struct ring r;
		u32 head;

		make(&r, 16, 0, flags[i]);
		for (u64 k = 0; k < 16; k++) {
			struct io_uring_sqe *sqe = ring_get_sqe(&r);

			ring_prep_nop(sqe);
			if (k % 5 == 2)
				sqe->opcode = 0xff;
			ring_sqe_set_data64(sqe, k);
		}
		EXPECT_EQ(ring_submit_and_wait(&r, 16), 16);
		EXPECT_EQ(ring_sq_ready(&r), 0);
		ring_for_each_cqe(&r, head, cqe) {
			EXPECT_EQ(cqe->res, cqe->user_data % 5 == 2 ? -EINVAL : 0);
			nr_bad += cqe->res < 0;
			nr++;
		}
		ring_cq_advance(&r, nr);
		EXPECT_EQ(nr, 16);
		EXPECT_EQ(nr_bad, 3);
		ring_exit(&r);
	}
}

static void closed_ring(void)
{
	struct ring r;

	make(&r, 8, 0, 0);
	sys_close(r.fd);
	ASSERT_TRUE(prep_nop(&r, 1));
	EXPECT_ERR(ring_submit(&r), -EBADF);
	EXPECT_EQ(ring_sq_ready(&r), 1);
	EXPECT_ERR(ring_submit_and_wait(&r, 1), -EBADF);
	EXPECT_ERR(ring_get_events(&r), -EBADF);
	EXPECT_EQ(ring_sq_ready(&r), 1);
	ring_exit(&r);
}

/* A ring is not a child's: its indices would be shared and its memory is not there. */
static void touch_ring(void *arg)
{
	struct ring *r = arg;

	(void)prep_nop(r, 1);
}

static void not_inherited(void)
{
	struct ring r;

	make(&r, 8, 0, 0);
	EXPECT_NE(test_run_child(touch_ring, &r), 0);
	ASSERT_TRUE(prep_nop(&r, 1));
	EXPECT_EQ(ring_submit_and_wait(&r, 1), 1);
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("NOPs go round in batches of every size", every_batch_size),
	TEST("indices run freely, many times around", many_times_around),
	TEST("a full submission queue gives no entry until it was submitted", full),
	TEST("a wait ends after its time, and not before", times_out),
	TEST("a signal ends a wait with -EINTR", interrupted),
	TEST("more completions than there is room for: none is lost, all in order", overflows),
	TEST("entries behind a bad one are submitted all the same", goes_on_after_a_bad_one),
	TEST("an error takes no entry", closed_ring),
	TEST("a forked child cannot touch the queues", not_inherited),
};
TEST_SUITE(ring_submit, cases);
