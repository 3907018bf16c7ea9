/* SPDX-License-Identifier: MIT */
/* Rings and the threads that they belong to */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "ring/prep.h"
#include "ring/ring.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/free/thread.h"

#define STACK_BYTES 65536

struct job {
	struct ring *r;
	int submit_result;
};

static void submit_nop(void *arg)
{
	struct job *job = arg;

	ring_prep_nop(ring_get_sqe(job->r));
	job->submit_result = ring_submit(job->r);
}

static int submit_elsewhere(struct ring *r)
{
	struct thread thread = { .alive = 0 };
	struct job job = { .r = r };

	ASSERT_OK(thread_start(&thread, submit_nop, &job, STACK_BYTES));
	thread_join(&thread);
	return job.submit_result;
}

static void single_issuer(void)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	struct ring r;

	ASSERT_OK(ring_init(&r, 8, &p));
	EXPECT_ERR(submit_elsewhere(&r), -EEXIST);
	/* The entry is still there, and its owner can submit it. */
	EXPECT_EQ(ring_sq_ready(&r), 1);
	EXPECT_EQ(ring_submit_and_wait(&r, 1), 1);
	ring_exit(&r);
}

static void any_issuer(void)
{
	struct io_uring_params p = { .flags = 0 };
	struct ring r;

	ASSERT_OK(ring_init(&r, 8, &p));
	EXPECT_EQ(submit_elsewhere(&r), 1);
	EXPECT_EQ(ring_submit_and_wait(&r, 1), 0);
	EXPECT_EQ(ring_cq_ready(&r), 1);
	ring_exit(&r);
}

static void send_messages(void *arg)
{
	struct io_uring_params p = { .flags = 0 };
	struct job *job = arg;
	struct ring r;

	job->submit_result = ring_init(&r, 8, &p);
	for (u64 i = 0; !job->submit_result && i < 1000; i++) {
		ring_prep_msg_ring(ring_get_sqe(&r), job->r->fd, 1, i, 0);
		if (ring_submit_and_wait(&r, 1) != 1 || ring_peek_cqe(&r)->res)
			job->submit_result = -EIO;
		ring_cq_advance(&r, 1);
	}
	ring_exit(&r);
}

static void messages_between_threads(void)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_CQSIZE,
		.cq_entries = 64,
	};
	struct thread thread = { .alive = 0 };
	struct job job;
	struct ring r;

	ASSERT_OK(ring_init(&r, 8, &p));
	job = (struct job){ .r = &r };
	ASSERT_OK(thread_start(&thread, send_messages, &job, STACK_BYTES));
	for (u64 next = 0; next < 1000;) {
		struct io_uring_cqe *cqe;

		ASSERT_OK(ring_submit_and_wait_timeout(&r, 1, 5000000000));
		while ((cqe = ring_peek_cqe(&r))) {
			ASSERT_EQ(cqe->user_data, next);
			next++;
			ring_cq_advance(&r, 1);
		}
	}
	thread_join(&thread);
	EXPECT_OK(job.submit_result);
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("a ring of one issuer refuses another thread with -EEXIST", single_issuer),
	TEST("a ring of any issuer takes it", any_issuer),
	TEST("messages from another thread arrive in order and wake the owner",
	     messages_between_threads),
};
TEST_SUITE(ring_threads, cases);

#endif
