/* SPDX-License-Identifier: MIT */
/* ring/wait.c: the many ways to wait, and what a loop has to do that does not */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/mman.h>
#include <linux/time.h>

#include "ring/wait.h"
#include "selftests/ring_play.h"

#define DEFER (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define MS 1000000ULL

enum { SIGCHLD_NR = 17 };

static const u32 kinds[] = { 0, DEFER, IORING_SETUP_COOP_TASKRUN };

static void nops(struct ring *r, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		struct io_uring_sqe *sqe = ring_get_sqe(r);

		ring_prep_nop(sqe);
		ring_sqe_set_data64(sqe, i + 1);
	}
	ASSERT_EQ(ring_submit(r), nr);
}

/* From another thread of the kernel, so soon and not at once */
static void late_nops(struct ring *r, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		struct io_uring_sqe *sqe = ring_get_sqe(r);

		ring_prep_nop(sqe);
		ring_sqe_set_flags(sqe, IOSQE_ASYNC);
	}
	ASSERT_EQ(ring_submit(r), nr);
}

/* A completion in 20 milliseconds; the kernel reads ts at once */
static void tick(struct ring *r)
{
	struct __kernel_timespec ts = { .tv_nsec = 20 * MS };
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ring_prep_timeout(sqe, &ts, 0, 0);
	ring_sqe_set_data64(sqe, 77);
	ASSERT_EQ(ring_submit(r), 1);
}

static u64 now_ns(void)
{
	struct __kernel_timespec ts;

	ASSERT_OK(sys_clock_gettime(CLOCK_MONOTONIC, &ts));
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static void one_or_more(void)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		struct io_uring_cqe *cqe;
		struct ring r;

		test_row("flags 0x%x", kinds[kind]);
		play_ring(&r, kinds[kind]);
		nops(&r, 1);
		ASSERT_OK(ring_wait_cqe(&r, &cqe));
		EXPECT_EQ(cqe->user_data, 1);
		ring_cqe_seen(&r, cqe);
		tick(&r);
		ASSERT_OK(ring_wait_cqe(&r, &cqe));
		EXPECT_EQ(cqe->user_data, 77);
		EXPECT_EQ(cqe->res, -ETIME);
		ring_cqe_seen(&r, cqe);
		late_nops(&r, 5);
		ASSERT_OK(ring_wait_cqe_nr(&r, &cqe, 5));
		EXPECT_EQ(ring_cq_ready(&r), 5);
		/* All are there: nothing to wait for */
		ASSERT_OK(ring_wait_cqe_nr(&r, &cqe, 3));
		ASSERT_OK(ring_wait_cqe_nr(&r, &cqe, 0));
		ring_cq_advance(&r, 5);
		EXPECT_EQ(ring_peek_cqe(&r), NULL);
		ring_exit(&r);
	}
}

/* A wait hands nothing in: that is what lets another thread do it. */
static void submits_nothing(void)
{
	struct io_uring_cqe *cqe;
	struct ring r;

	play_ring(&r, 0);
	ring_prep_nop(ring_get_sqe(&r));
	EXPECT_ERR(ring_wait_cqe_timeout(&r, &cqe, 10 * MS), -ETIME);
	EXPECT_EQ(cqe, NULL);
	EXPECT_EQ(ring_sq_ready(&r), 1);
	EXPECT_EQ(ring_submit(&r), 1);
	EXPECT_OK(ring_wait_cqe_timeout(&r, &cqe, 10 * MS));
	EXPECT_NE(cqe, NULL);
	ring_exit(&r);
}

static void times_out(void)
{
	static const u64 timeouts_ns[] = { 0, 1, MS, 30 * MS };

	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		struct io_uring_cqe *cqe;
		struct ring r;

		play_ring(&r, kinds[kind]);
		for (size_t i = 0; i < ARRAY_SIZE(timeouts_ns); i++) {
			u64 start = now_ns();

			test_row("flags 0x%x, %llu ns", kinds[kind], timeouts_ns[i]);
			cqe = (void *)1;
			EXPECT_ERR(ring_wait_cqe_timeout(&r, &cqe, timeouts_ns[i]), -ETIME);
			EXPECT_EQ(cqe, NULL);
			EXPECT_GE(now_ns() - start, timeouts_ns[i]);
		}
		/* Some, and not all: what is there is handed out. */
		nops(&r, 2);
		EXPECT_OK(ring_wait_cqes(&r, &cqe, 3,
					 &(struct ring_wait){ .timeout_ns = 10 * MS }));
		EXPECT_EQ(cqe->user_data, 1);
		EXPECT_EQ(ring_cq_ready(&r), 2);
		ring_exit(&r);
	}
}

static void until_a_date(void)
{
	struct ring_wait how = { .is_date = true };
	struct io_uring_cqe *cqe;
	struct ring r;
	u64 date;

	play_ring(&r, DEFER);
	how.timeout_ns = now_ns() + 30 * MS;
	date = how.timeout_ns;
	if (!(r.features & IORING_FEAT_MIN_TIMEOUT)) {
		EXPECT_ERR(ring_wait_cqes(&r, &cqe, 1, &how), -EOPNOTSUPP);
		EXPECT_ERR(ring_submit_and_wait_how(&r, 1, &how), -EOPNOTSUPP);
		need_linux("6.12", "IORING_ENTER_ABS_TIMER");
	}
	EXPECT_ERR(ring_wait_cqes(&r, &cqe, 1, &how), -ETIME);
	EXPECT_GE(now_ns(), date);
	/* It is over already. */
	EXPECT_ERR(ring_wait_cqes(&r, &cqe, 1, &how), -ETIME);
	how.timeout_ns = now_ns() + 20 * MS;
	EXPECT_ERR(ring_submit_and_wait_how(&r, 1, &how), -ETIME);
	EXPECT_GE(now_ns(), how.timeout_ns);
	how.timeout_ns = now_ns() + 5000 * MS;
	tick(&r);
	EXPECT_OK(ring_wait_cqes(&r, &cqe, 1, &how));
	EXPECT_LT(now_ns(), how.timeout_ns);
	ring_exit(&r);
}

/* What the kernel does, and the manual says */
static void ends_by_timeout_request(void)
{
	struct io_uring_cqe *cqe;
	struct ring r;

	play_ring(&r, 0);
	tick(&r);
	EXPECT_OK(ring_wait_cqe_nr(&r, &cqe, 5));
	EXPECT_EQ(ring_cq_ready(&r), 1);
	ring_exit(&r);
}

/* One is there at once, and seven more would be welcome. */
static void first_while(void)
{
	struct ring_wait how = { .timeout_ns = 8000 * MS, .min_wait_us = 40000 };
	struct io_uring_cqe *cqe;
	struct ring r;
	u64 start;

	play_ring(&r, DEFER);
	if (!(r.features & IORING_FEAT_MIN_TIMEOUT)) {
		EXPECT_ERR(ring_wait_cqes(&r, &cqe, 1, &how), -EOPNOTSUPP);
		need_linux("6.12", "io_uring_getevents_arg.min_wait_usec");
	}
	late_nops(&r, 1);
	start = now_ns();
	EXPECT_OK(ring_wait_cqes(&r, &cqe, 8, &how));
	EXPECT_GE(now_ns() - start, 40 * MS);
	EXPECT_LT(now_ns() - start, 7000 * MS);
	EXPECT_EQ(ring_cq_ready(&r), 1);
	ring_cq_advance(&r, 1);
	/* As many as were asked for end it before that. */
	how.min_wait_us = 6000000;
	late_nops(&r, 3);
	start = now_ns();
	EXPECT_OK(ring_wait_cqes(&r, &cqe, 3, &how));
	EXPECT_LT(now_ns() - start, 5000 * MS);
	EXPECT_EQ(ring_cq_ready(&r), 3);
	ring_exit(&r);
}

/* A blocked signal waits until the wait lets it in. */
static void signal_mask(void)
{
	const u64 nothing = 0;
	const u64 chld = 1ULL << (SIGCHLD_NR - 1);
	struct ring_wait how = { .timeout_ns = 20 * MS, .sigmask = &chld };
	struct io_uring_cqe *cqe;
	struct ring r;

	play_ring(&r, 0);
	ASSERT_OK(sys_rt_sigprocmask(0 /* SIG_BLOCK */, &chld, NULL));
	ASSERT_OK(sys_kill(sys_getpid(), SIGCHLD_NR));
	EXPECT_ERR(ring_wait_cqes(&r, &cqe, 1, &how), -ETIME);
	how.sigmask = &nothing;
	how.timeout_ns = 8000 * MS;
	EXPECT_ERR(ring_wait_cqes(&r, &cqe, 1, &how), -EINTR);
	EXPECT_EQ(cqe, NULL);
	/* It came in, so it is gone. */
	how.timeout_ns = 20 * MS;
	EXPECT_ERR(ring_submit_and_wait_how(&r, 1, &how), -ETIME);
	ring_exit(&r);
}

#define NR_REG_WAITS 64 /* a page of them */

static void make_reg_waits(struct ring *r, struct io_uring_reg_wait **waits)
{
	struct io_uring_params p = { .flags = DEFER | IORING_SETUP_R_DISABLED };
	struct io_uring_region_desc region = { .size = 4096 };
	struct io_uring_mem_region_reg reg = { .flags = IORING_MEM_REGION_REG_WAIT_ARG };
	long mem = sys_mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	NEED_REGISTER(IORING_REGISTER_MEM_REGION);
	*waits = (struct io_uring_reg_wait *)mem;
	region.user_addr = (u64)mem;
	region.flags = IORING_MEM_REGION_TYPE_USER;
	reg.region_uptr = (u64)(uintptr_t)&region;
	ASSERT_OK(ring_init(r, 8, &p));
	ASSERT_OK(ring_register_region(r, &reg));
	EXPECT_ERR(ring_submit_and_wait(r, 1), -EBADFD);
	ASSERT_OK(ring_enable_rings(r));
}

static void registered(void)
{
	struct io_uring_reg_wait *waits;
	struct ring r;
	u64 start;

	make_reg_waits(&r, &waits);
	ring_reg_wait_set(&waits[0], &(struct ring_wait){ .timeout_ns = 20 * MS });
	ring_reg_wait_set(&waits[5], &(struct ring_wait){ .timeout_ns = 8000 * MS,
							  .min_wait_us = 30000 });
	start = now_ns();
	EXPECT_ERR(ring_submit_and_wait_reg(&r, 1, 0, 0), -ETIME);
	EXPECT_GE(now_ns() - start, 20 * MS);
	ring_prep_nop(ring_get_sqe(&r));
	start = now_ns();
	EXPECT_EQ(ring_submit_and_wait_reg(&r, 4, 5, 0), 1);
	EXPECT_GE(now_ns() - start, 30 * MS);
	EXPECT_LT(now_ns() - start, 7000 * MS);
	EXPECT_EQ(ring_cq_ready(&r), 1);
	ring_cq_advance(&r, 1);
	ring_reg_wait_set(&waits[NR_REG_WAITS - 1],
			  &(struct ring_wait){ .timeout_ns = now_ns() + 20 * MS });
	EXPECT_ERR(ring_submit_and_wait_reg(&r, 1, NR_REG_WAITS - 1, IORING_ENTER_ABS_TIMER),
		   -ETIME);
	EXPECT_ERR(ring_submit_and_wait_reg(&r, 1, NR_REG_WAITS, 0), -EFAULT);
	ring_exit(&r);
}

static void no_region(void)
{
	struct ring r;

	NEED_REGISTER(IORING_REGISTER_MEM_REGION);
	play_ring(&r, 0);
	EXPECT_ERR(ring_submit_and_wait_reg(&r, 1, 0, 0), -EFAULT);
	ring_exit(&r);
}

static void idle_waits(void)
{
	struct ring_wait how = { .timeout_ns = MS, .no_iowait = true };
	struct io_uring_cqe *cqe;
	struct ring r;

	play_ring(&r, DEFER);
	/* Older kernels sleep as they always do. */
	EXPECT_ERR(ring_wait_cqes(&r, &cqe, 1, &how), -ETIME);
	EXPECT_ERR(ring_submit_and_wait_how(&r, 1, &how), -ETIME);
	if (!(r.features & IORING_FEAT_NO_IOWAIT)) {
		EXPECT_ERR(ring_set_iowait(&r, false), -EOPNOTSUPP);
		need_linux("6.15", "IORING_ENTER_NO_IOWAIT");
	}
	for (u32 i = 0; i < 2; i++) {
		EXPECT_OK(ring_set_iowait(&r, i));
		EXPECT_EQ(r.enter_flags & IORING_ENTER_NO_IOWAIT,
			  i ? 0 : IORING_ENTER_NO_IOWAIT);
		EXPECT_ERR(ring_wait_cqe_timeout(&r, &cqe, MS), -ETIME);
		nops(&r, 1);
		EXPECT_OK(ring_wait_cqe(&r, &cqe));
		ring_cqe_seen(&r, cqe);
	}
	ring_exit(&r);
}

static void ring_bell(int fd)
{
	const u64 one = 1;

	ASSERT_EQ(sys_write(fd, &one, sizeof(one)), sizeof(one));
}

/* Work waits for the owner, who only peeks. */
static void peek_loops(void)
{
	static const struct {
		u32 flags;
		bool is_told;
	} rows[] = {
		{ DEFER | IORING_SETUP_TASKRUN_FLAG, true },
		{ DEFER, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct io_uring_cqe *cqe;
		int fd = play_eventfd();
		struct ring r;

		test_row("flags 0x%x", rows[i].flags);
		play_ring(&r, rows[i].flags);
		ring_prep_poll_add(ring_get_sqe(&r), fd, POLLIN);
		ASSERT_EQ(ring_submit(&r), 1);
		EXPECT_TRUE(!ring_cq_needs_enter(&r));
		ring_bell(fd);
		for (u32 k = 0; k < 1000; k++)
			ASSERT_EQ(ring_peek_cqe(&r), NULL);
		EXPECT_EQ(ring_cq_needs_enter(&r), rows[i].is_told);
		/* A submission of nothing is no reason to enter. */
		EXPECT_EQ(ring_submit(&r), 0);
		EXPECT_EQ(ring_peek_cqe(&r), NULL);
		EXPECT_EQ(ring_peek_batch_cqe(&r, &cqe, 1), rows[i].is_told);
		if (!rows[i].is_told)
			ASSERT_OK(ring_get_events(&r));
		cqe = ring_peek_cqe(&r);
		ASSERT_NE(cqe, NULL);
		EXPECT_EQ(cqe->res, POLLIN);
		EXPECT_TRUE(!ring_cq_needs_enter(&r));
		ring_exit(&r);
	}
}

static void submits_and_gets(void)
{
	int fd = play_eventfd();
	struct ring r;

	play_ring(&r, DEFER);
	ring_prep_poll_add(ring_get_sqe(&r), fd, POLLIN);
	EXPECT_EQ(ring_submit_and_get_events(&r), 1);
	EXPECT_EQ(ring_cq_ready(&r), 0);
	ring_bell(fd);
	EXPECT_EQ(ring_submit_and_get_events(&r), 0);
	EXPECT_EQ(ring_cq_ready(&r), 1);
	ring_prep_nop(ring_get_sqe(&r));
	EXPECT_EQ(ring_submit_and_get_events(&r), 1);
	EXPECT_EQ(ring_cq_ready(&r), 2);
	ring_exit(&r);
}

static void batches(void)
{
	struct io_uring_cqe *cqes[16];
	struct ring r;

	play_ring(&r, 0);
	EXPECT_EQ(ring_peek_batch_cqe(&r, cqes, 16), 0);
	/* Around the end of the queue, too */
	for (u32 round = 0; round < 200; round++) {
		u64 next = 1;

		nops(&r, 10);
		ASSERT_EQ(ring_peek_batch_cqe(&r, cqes, 0), 0);
		for (u32 want = 7; next <= 10; want = 16) {
			u32 nr = ring_peek_batch_cqe(&r, cqes, want);

			ASSERT_EQ(nr, next == 1 ? 7 : 3);
			for (u32 i = 0; i < nr; i++)
				ASSERT_EQ(cqes[i]->user_data, next++);
			ring_cq_advance(&r, nr);
		}
	}
	ring_exit(&r);
}

/* By hand, and the books are right afterwards */
static void by_hand(void)
{
	static const u32 flags[] = { 0, DEFER, IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY };

	for (size_t k = 0; k < ARRAY_SIZE(flags); k++) {
		struct io_uring_cqe *cqe;
		u64 next = 1;
		struct ring r;
		u32 head;

		test_row("flags 0x%x", flags[k]);
		play_ring(&r, flags[k]);
		for (u32 i = 0; i < 10; i++) {
			struct io_uring_sqe *sqe = ring_get_sqe(&r);

			ring_prep_nop(sqe);
			ring_sqe_set_data64(sqe, i + 1);
		}
		EXPECT_EQ(ring_enter(&r, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0), 0);
		EXPECT_EQ(ring_sq_ready(&r), 10);
		EXPECT_EQ(ring_enter(&r, 3, 3, IORING_ENTER_GETEVENTS, NULL, 0), 3);
		EXPECT_EQ(ring_sq_ready(&r), 7);
		EXPECT_EQ(ring_enter(&r, 1, 0, 0, NULL, 0), 1);
		EXPECT_EQ(ring_sq_ready(&r), 6);
		EXPECT_EQ(ring_enter(&r, 1000, 10, IORING_ENTER_GETEVENTS, NULL, 0), 6);
		EXPECT_EQ(ring_sq_ready(&r), 0);
		EXPECT_EQ(ring_cq_ready(&r), 10);
		ring_for_each_cqe(&r, head, cqe)
			EXPECT_EQ(cqe->user_data, next++);
		ring_cq_advance_to(&r, head);
		EXPECT_EQ(ring_cq_ready(&r), 0);
		EXPECT_ERR(ring_enter(&r, 0, 0, 1U << 31, NULL, 0), -EINVAL);
		ring_exit(&r);
	}
}

static const struct test_case cases[] = {
	TEST("a wait hands out the oldest, once as many are there as asked for", one_or_more),
	TEST("a wait submits nothing", submits_nothing),
	TEST("a wait ends after its time, and not before", times_out),
	TEST("a wait may have a date", until_a_date),
	TEST("a timeout request that completes ends any wait", ends_by_timeout_request),
	TEST("after a first while the first completion is enough", first_while),
	TEST("a wait may let signals in", signal_mask),
	TEST("a wait may be read from a registered region", registered),
	TEST("without a region there is nothing to read", no_region),
	TEST("a wait need not count as one for a disk", idle_waits),
	TEST("a loop that peeks is told when to enter, with TASKRUN_FLAG", peek_loops),
	TEST("one call submits and posts what was waiting", submits_and_gets),
	TEST("a batch is the oldest ones, as many as there are", batches),
	TEST("an enter by hand keeps the books", by_hand),
};
TEST_SUITE(ring_wait, cases);
