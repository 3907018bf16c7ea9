/* SPDX-License-Identifier: MIT */
/* ring/prep_file.h, proved by doing it: reads into buffers that the kernel selects */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "ring/buf_ring.h"
#include "ring/prep.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "selftests/ring_use.h"
#include "uapi/sys.h"

enum { NR_BUFS = 4, BUF_SIZE = 16, GROUP = 7, FIRST_BID = 10 };

static struct ring r;
static char bufs[NR_BUFS][BUF_SIZE];

/* What a read of up to @len bytes into a selected buffer gives */
static struct io_uring_cqe selected(int fd, u32 len, u16 group)
{
	struct io_uring_sqe *sqe = use_sqe(&r);

	ring_prep_read(sqe, fd, NULL, len, 0);
	ring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	ring_sqe_set_buf_group(sqe, group);
	ASSERT_EQ(ring_submit(&r), 1);
	return use_cqe(&r);
}

/* The index of the buffer that a completion names */
static u32 bid_of(const struct io_uring_cqe *cqe, u32 first)
{
	ASSERT_TRUE(cqe->flags & IORING_CQE_F_BUFFER);
	ASSERT_LT(ring_cqe_bid(cqe) - first, NR_BUFS);
	return ring_cqe_bid(cqe) - first;
}

static void provided(void)
{
	struct io_uring_cqe cqe;
	int fd = use_file();
	u32 seen = 0;

	use_ring(&r, 0);
	ASSERT_EQ(sys_pwrite64(fd, "0123456789", 10, 0), 10);
	EXPECT_EQ(selected(fd, 5, GROUP).res, -ENOBUFS);
	EXPECT_EQ(USE(&r, ring_prep_provide_buffers, bufs, BUF_SIZE, 3, GROUP, FIRST_BID), 0);
	for (u32 len = 5; len <= 7; len++) {
		cqe = selected(fd, len, GROUP);
		EXPECT_EQ(cqe.res, len);
		EXPECT_MEMEQ(bufs[bid_of(&cqe, FIRST_BID)], "0123456789", len);
		seen |= 1U << bid_of(&cqe, FIRST_BID);
	}
	EXPECT_EQ(seen, 7);
	EXPECT_EQ(selected(fd, 5, GROUP).res, -ENOBUFS);
	EXPECT_EQ(USE(&r, ring_prep_provide_buffers, bufs, BUF_SIZE, NR_BUFS, GROUP, 0), 0);
	EXPECT_EQ(selected(fd, 5, GROUP).res, 5);
	EXPECT_EQ(USE(&r, ring_prep_remove_buffers, 2, GROUP), 2);
	EXPECT_EQ(USE(&r, ring_prep_remove_buffers, 9, GROUP), 1);
	EXPECT_EQ(selected(fd, 5, GROUP).res, -ENOBUFS);
}

static void provided_refused(void)
{
	use_ring(&r, 0);
	EXPECT_EQ(USE(&r, ring_prep_provide_buffers, bufs, 16, 0, GROUP, 0), -E2BIG);
	EXPECT_EQ(USE(&r, ring_prep_provide_buffers, bufs, 16, -1, GROUP, 0), -E2BIG);
	EXPECT_EQ(USE(&r, ring_prep_provide_buffers, bufs, 16, 1, GROUP, 65536), -E2BIG);
	EXPECT_EQ(USE(&r, ring_prep_provide_buffers, bufs, 16, 1, GROUP, -1), -E2BIG);
	EXPECT_EQ(USE(&r, ring_prep_provide_buffers, (void *)-4096L, 8192, 1, GROUP, 0),
		  -EOVERFLOW);
	EXPECT_EQ(USE(&r, ring_prep_remove_buffers, 1, GROUP), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_remove_buffers, 0, GROUP), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_remove_buffers, -1, GROUP), -EINVAL);
}

static struct io_uring_buf_ring *ring_of_buffers(void)
{
	struct io_uring_buf_ring *br;
	int err;

	use_ring(&r, 0);
	br = ring_setup_buf_ring(&r, NR_BUFS, GROUP, 0, &err);
	ASSERT_NE(br, NULL);
	for (u32 i = 0; i < NR_BUFS; i++)
		ring_buf_ring_add(br, bufs[i], BUF_SIZE, (u16)i, ring_buf_ring_mask(NR_BUFS), i);
	ring_buf_ring_advance(br, NR_BUFS);
	return br;
}

/* One request, a completion for each write to the pipe, until it ends */
static void multishot(void)
{
	struct io_uring_buf_ring *br;
	struct io_uring_cqe cqe;
	int fds[2];

	NEED_OP(IORING_OP_READ_MULTISHOT);
	br = ring_of_buffers();
	ASSERT_OK(sys_pipe2(fds, 0));
	ring_prep_read_multishot(use_sqe(&r), fds[0], 0, -1ULL, GROUP);
	ASSERT_EQ(ring_submit(&r), 1);
	for (u32 i = 0; i < 3 * NR_BUFS; i++) {
		char c = (char)('a' + i);

		ASSERT_EQ(sys_write(fds[1], &c, 1), 1);
		cqe = use_cqe(&r);
		EXPECT_EQ(cqe.res, 1);
		EXPECT_TRUE(cqe.flags & IORING_CQE_F_MORE);
		EXPECT_EQ(bufs[bid_of(&cqe, 0)][0], c);
		ring_buf_ring_add(br, bufs[bid_of(&cqe, 0)], BUF_SIZE, (u16)bid_of(&cqe, 0),
				  ring_buf_ring_mask(NR_BUFS), 0);
		ring_buf_ring_advance(br, 1);
	}
	sys_close(fds[1]);
	cqe = use_cqe(&r);
	EXPECT_EQ(cqe.res, 0);
	EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	EXPECT_TRUE(use_quiet(&r));
}

/* Five buffers' worth of data, four buffers: the fifth completion is the last. */
static void multishot_runs_out(void)
{
	static const char data[5 * BUF_SIZE];
	struct io_uring_cqe cqe;
	int fds[2];

	NEED_OP(IORING_OP_READ_MULTISHOT);
	ring_of_buffers();
	ASSERT_OK(sys_pipe2(fds, 0));
	ASSERT_EQ(sys_write(fds[1], data, sizeof(data)), sizeof(data));
	ring_prep_read_multishot(use_sqe(&r), fds[0], 0, -1ULL, GROUP);
	ASSERT_EQ(ring_submit(&r), 1);
	for (u32 i = 0; i < NR_BUFS; i++) {
		cqe = use_cqe(&r);
		EXPECT_EQ(cqe.res, BUF_SIZE);
		EXPECT_TRUE(cqe.flags & IORING_CQE_F_MORE);
	}
	cqe = use_cqe(&r);
	EXPECT_EQ(cqe.res, -ENOBUFS);
	EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
}

static void multishot_refused(void)
{
	struct io_uring_sqe *sqe;
	int file = use_file();
	int fds[2];

	NEED_OP(IORING_OP_READ_MULTISHOT);
	ring_of_buffers();
	ASSERT_OK(sys_pipe2(fds, 0));
	EXPECT_EQ(USE(&r, ring_prep_read_multishot, fds[0], 5, -1ULL, GROUP), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_read_multishot, file, 0, 0, GROUP), -EBADFD);
	EXPECT_EQ(USE(&r, ring_prep_read_multishot, -1, 0, 0, GROUP), -EBADF);
	ASSERT_EQ(sys_write(fds[1], "x", 1), 1);
	EXPECT_EQ(USE(&r, ring_prep_read_multishot, fds[0], 0, -1ULL, GROUP + 1), -ENOBUFS);
	/* It cannot be without the flag that it carries. */
	sqe = use_sqe(&r);
	ring_prep_read_multishot(sqe, fds[0], 0, -1ULL, GROUP);
	ring_sqe_set_flags(sqe, 0);
	EXPECT_EQ(use_result(&r), -EINVAL);
}

static const struct test_case cases[] = {
	TEST("provided buffers are taken, named, and taken back", provided),
	TEST("provided buffers with impossible numbers are refused", provided_refused),
	TEST("a multishot read takes a buffer each time until the end", multishot),
	TEST("a multishot read ends when the buffers do", multishot_runs_out),
	TEST("a multishot read wants a pollable file, a group and no length", multishot_refused),
};
TEST_SUITE(ring_prep_file_select, cases);
