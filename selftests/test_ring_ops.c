/* SPDX-License-Identifier: MIT */
/* ring/prep.h, proved by doing it */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/fcntl.h>

#include "ring/prep.h"
#include "ring/ring.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

static void make(struct ring *r, u32 flags)
{
	struct io_uring_params p = { .flags = flags };
	int err = ring_init(r, 16, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

/* An entry full of what must not stay there */
static struct io_uring_sqe *dirty_sqe(struct ring *r)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ASSERT_NE(sqe, NULL);
	memset(sqe, 0xee, (size_t)1 << r->sq_shift);
	return sqe;
}

static struct io_uring_cqe next_cqe(struct ring *r)
{
	struct io_uring_cqe *cqe;
	struct io_uring_cqe copy;

	if (!ring_peek_cqe(r))
		ASSERT_OK(ring_submit_and_wait_timeout(r, 1, 2000000000));
	cqe = ring_peek_cqe(r);
	ASSERT_NE(cqe, NULL);
	copy = (struct io_uring_cqe){ .user_data = cqe->user_data, .res = cqe->res,
				      .flags = cqe->flags };
	ring_cq_advance(r, 1);
	return copy;
}

static s32 result(struct ring *r)
{
	ASSERT_EQ(ring_submit(r), 1);
	return next_cqe(r).res;
}

static int temp_file(void)
{
	int fd = sys_openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : sys_memfd_create("temp", 0);
}

static void files(void)
{
	static u8 out[8192];
	static u8 in[8192];
	int fd = temp_file();
	struct ring r;

	ASSERT_OK(fd);
	make(&r, 0);
	for (u32 i = 0; i < sizeof(out); i++)
		out[i] = (u8)(i * 7 ^ i >> 8);
	ring_prep_write(dirty_sqe(&r), fd, out, 8192, 4096);
	EXPECT_EQ(result(&r), 8192);
	ring_prep_fsync(dirty_sqe(&r), fd, 0);
	EXPECT_EQ(result(&r), 0);
	ring_prep_fsync(dirty_sqe(&r), fd, IORING_FSYNC_DATASYNC);
	EXPECT_EQ(result(&r), 0);
	EXPECT_EQ(sys_pread64(fd, in, 8192, 4096), 8192);
	EXPECT_MEMEQ(in, out, 8192);
	memset(in, 0, sizeof(in));
	ring_prep_read(dirty_sqe(&r), fd, in, 5000, 4097);
	EXPECT_EQ(result(&r), 5000);
	EXPECT_MEMEQ(in, out + 1, 5000);
	EXPECT_EQ(in[5000], 0);
	ring_prep_read(dirty_sqe(&r), fd, in, 100, 12288);
	EXPECT_EQ(result(&r), 0);
	ring_prep_read(dirty_sqe(&r), fd, in, 100, 12288 - 50);
	EXPECT_EQ(result(&r), 50);
	ring_prep_read(dirty_sqe(&r), -1, in, 100, 0);
	EXPECT_EQ(result(&r), -EBADF);
	ring_prep_fsync(dirty_sqe(&r), -1, 0);
	EXPECT_EQ(result(&r), -EBADF);
	ring_prep_read(dirty_sqe(&r), fd, NULL, 100, 0);
	EXPECT_EQ(result(&r), -EFAULT);
	ring_exit(&r);
	sys_close(fd);
}

static void linked_in_order(void)
{
	struct io_uring_sqe *sqe;
	int fd = temp_file();
	struct ring r;
	char in[3] = "";

	make(&r, 0);
	sqe = dirty_sqe(&r);
	ring_prep_write(sqe, fd, "ab", 2, 0);
	ring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	ring_sqe_set_data64(sqe, 1);
	sqe = dirty_sqe(&r);
	ring_prep_read(sqe, fd, in, 2, 0);
	ring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	ring_sqe_set_data64(sqe, 2);
	sqe = dirty_sqe(&r);
	ring_prep_read(sqe, -1, in, 2, 0);
	ring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	ring_sqe_set_data64(sqe, 3);
	sqe = dirty_sqe(&r);
	ring_prep_nop(sqe);
	ring_sqe_set_data64(sqe, 4);
	ASSERT_EQ(ring_submit(&r), 4);
	for (u64 i = 1; i <= 4; i++) {
		struct io_uring_cqe cqe = next_cqe(&r);

		EXPECT_EQ(cqe.user_data, i);
		EXPECT_EQ(cqe.res, i < 3 ? 2 : i == 3 ? -EBADF : -ECANCELED);
	}
	EXPECT_STREQ(in, "ab");
	ring_exit(&r);
	sys_close(fd);
}

static void polls(void)
{
	int fd = sys_eventfd2(0, O_NONBLOCK);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	u64 value = 1;
	struct ring r;

	make(&r, 0);
	sqe = dirty_sqe(&r);
	ring_prep_poll_add(sqe, fd, POLLIN);
	ring_sqe_set_data64(sqe, 1);
	EXPECT_ERR(ring_submit_and_wait_timeout(&r, 2, 20000000), 1);
	EXPECT_EQ(ring_cq_ready(&r), 0);
	ASSERT_EQ(sys_write(fd, &value, 8), 8);
	cqe = next_cqe(&r);
	EXPECT_EQ(cqe.user_data, 1);
	EXPECT_EQ(cqe.res, POLLIN);
	EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	ASSERT_EQ(sys_read(fd, &value, 8), 8);
	ASSERT_EQ(sys_write(fd, &value, 8), 8);
	ASSERT_OK(ring_get_events(&r));
	EXPECT_EQ(ring_cq_ready(&r), 0);
	ASSERT_EQ(sys_read(fd, &value, 8), 8);

	ring_prep_poll_multishot(dirty_sqe(&r), fd, POLLIN);
	ASSERT_EQ(ring_submit(&r), 1);
	for (u32 i = 0; i < 5; i++) {
		ASSERT_EQ(sys_write(fd, &value, 8), 8);
		cqe = next_cqe(&r);
		EXPECT_EQ(cqe.res, POLLIN);
		EXPECT_NE(cqe.flags & IORING_CQE_F_MORE, 0);
		ASSERT_EQ(sys_read(fd, &value, 8), 8);
	}
	ring_exit(&r);
	sys_close(fd);
}

static void cancels(void)
{
	int fd = sys_eventfd2(0, O_NONBLOCK);
	struct io_uring_sqe *sqe;
	u32 nr_cancelled = 0;
	struct ring r;

	make(&r, 0);
	for (u64 i = 0; i < 4; i++) {
		sqe = dirty_sqe(&r);
		ring_prep_poll_add(sqe, fd, POLLIN);
		ring_sqe_set_data64(sqe, i < 3 ? 10 : 11);
	}
	ASSERT_EQ(ring_submit(&r), 4);
	sqe = dirty_sqe(&r);
	ring_prep_cancel64(sqe, 12, 0);
	ring_sqe_set_data64(sqe, 1);
	EXPECT_EQ(result(&r), -ENOENT);
	sqe = dirty_sqe(&r);
	ring_prep_cancel64(sqe, 10, IORING_ASYNC_CANCEL_ALL);
	ring_sqe_set_data64(sqe, 2);
	ASSERT_EQ(ring_submit_and_wait(&r, 4), 1);
	for (u32 i = 0; i < 4; i++) {
		struct io_uring_cqe cqe = next_cqe(&r);

		EXPECT_EQ(cqe.res, cqe.user_data == 2 ? 3 : -ECANCELED);
		EXPECT_NE(cqe.user_data, 11);
		nr_cancelled += cqe.user_data == 10;
	}
	EXPECT_EQ(nr_cancelled, 3);
	ring_exit(&r);
	sys_close(fd);
}

static void messages(void)
{
	const u32 kinds[] = {
		0, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int fd = sys_eventfd2(0, 0);
		struct io_uring_sqe *sqe;
		struct io_uring_cqe cqe;
		struct ring from;
		struct ring to;

		make(&from, 0);
		make(&to, kinds[i]);
		sqe = dirty_sqe(&from);
		ring_prep_msg_ring(sqe, to.fd, 77, 0x123456789abcdef0, 0);
		ring_sqe_set_data64(sqe, 5);
		ASSERT_EQ(ring_submit(&from), 1);
		cqe = next_cqe(&to);
		EXPECT_EQ(cqe.res, 77);
		EXPECT_EQ(cqe.user_data, 0x123456789abcdef0);
		EXPECT_EQ(cqe.flags, 0);
		cqe = next_cqe(&from);
		EXPECT_EQ(cqe.res, 0);
		EXPECT_EQ(cqe.user_data, 5);
		ring_prep_msg_ring(dirty_sqe(&from), fd, 1, 1, 0);
		EXPECT_EQ(result(&from), -EBADFD);
		ring_prep_msg_ring(dirty_sqe(&from), -1, 1, 1, 0);
		EXPECT_EQ(result(&from), -EBADF);
		ring_exit(&from);
		ring_exit(&to);
		sys_close(fd);
	}
}

static void commands(void)
{
	int fd = sys_eventfd2(0, 0);
	const u8 *bytes;
	struct io_uring_sqe *sqe;
	struct ring r;

	make(&r, IORING_SETUP_SQE128);
	for (u32 i = 0; i < 40; i++) {
		sqe = dirty_sqe(&r);
		ring_prep_uring_cmd_sqe128(sqe, 0xc0207504, fd);
		bytes = ring_sqe_cmd(sqe);
		EXPECT_EQ(bytes - (const u8 *)sqe, 48);
		for (u32 k = 0; k < 80; k++)
			ASSERT_EQ(bytes[k], 0);
		EXPECT_EQ(sqe->cmd_op, 0xc0207504);
		EXPECT_EQ(sqe->__pad1, 0);
		/* An eventfd has no commands; a stride that is wrong would be -EINVAL. */
		EXPECT_EQ(result(&r), -EOPNOTSUPP);
	}
	ring_exit(&r);
	make(&r, 0);
	sqe = dirty_sqe(&r);
	ring_prep_uring_cmd(sqe, 0xc0207504, fd);
	EXPECT_EQ(result(&r), -EOPNOTSUPP);
	ring_exit(&r);
	sys_close(fd);
}

/* A NOP of 6.18 puts two of its fields where only a large completion has room. */
static void large_completions(void)
{
	struct ring r;

	make(&r, IORING_SETUP_CQE32);
	for (u64 i = 0; i < 100; i++) {
		struct io_uring_sqe *sqe = dirty_sqe(&r);
		struct io_uring_cqe *cqe;

		ring_prep_nop(sqe);
		sqe->nop_flags = IORING_NOP_CQE32;
		sqe->off = i;
		sqe->addr = ~i;
		ring_sqe_set_data64(sqe, 1000 + i);
		ASSERT_EQ(ring_submit_and_wait(&r, 1), 1);
		cqe = ring_peek_cqe(&r);
		ASSERT_EQ(cqe->user_data, 1000 + i);
		if (cqe->res == -EINVAL)
			need_linux("6.18", "a nop's large completion");
		ASSERT_EQ(cqe->res, 0);
		EXPECT_EQ(cqe->big_cqe[0], i);
		EXPECT_EQ(cqe->big_cqe[1], ~i);
		ring_cq_advance(&r, 1);
	}
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("reads, writes and fsyncs do what they say", files),
	TEST("a chain runs in order and breaks at the first failure", linked_in_order),
	TEST("polls tell when a file is ready, once or each time", polls),
	TEST("a cancel finds requests by their number", cancels),
	TEST("a message arrives on the other ring", messages),
	TEST("a driver's command has 16 or 80 bytes of arguments, all zero", commands),
	TEST("large completions are reaped with the right stride", large_completions),
};
TEST_SUITE(ring_ops, cases);
