/* SPDX-License-Identifier: MIT */
/* ring/register.h: fixed buffers */
#include <asm/errno.h>
#include <linux/mman.h>
#include <linux/uio.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "selftests/ring_use.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

enum { BUF_BYTES = 8192 };

static char bufs[4][BUF_BYTES];

static struct iovec iov(u32 i)
{
	return (struct iovec){ .iov_base = bufs[i], .iov_len = BUF_BYTES };
}

/* A file that holds "0123456789" */
static int digits(void)
{
	int fd = use_file();

	ASSERT_EQ(sys_pwrite64(fd, "0123456789", 10, 0), 10);
	return fd;
}

static s32 read_into(struct ring *r, int fd, void *at, u32 len, u16 idx)
{
	memset(bufs, 0, sizeof(bufs));
	ring_prep_read_fixed(use_sqe(r), fd, at, len, 0, idx);
	return use_result(r);
}

static void filled(void)
{
	struct iovec iovs[] = { iov(0), { .iov_base = NULL }, iov(2) };
	int fd = digits();
	struct ring r;

	use_ring(&r, 0);
	EXPECT_EQ(read_into(&r, fd, bufs[0], 10, 0), -EFAULT);
	ASSERT_EQ(ring_register_buffers(&r, iovs, 3), 0);
	EXPECT_EQ(read_into(&r, fd, bufs[0] + 5, 10, 0), 10);
	EXPECT_MEMEQ(bufs[0] + 4, "\0000123456789", 12);
	EXPECT_EQ(read_into(&r, fd, bufs[2] + BUF_BYTES - 10, 10, 2), 10);
	EXPECT_MEMEQ(bufs[2] + BUF_BYTES - 10, "0123456789", 10);
	/* A hole, another's memory, and one byte too far */
	EXPECT_EQ(read_into(&r, fd, bufs[1], 10, 1), -EFAULT);
	EXPECT_EQ(read_into(&r, fd, bufs[0], 10, 2), -EFAULT);
	EXPECT_EQ(read_into(&r, fd, bufs[2] + BUF_BYTES - 9, 10, 2), -EFAULT);
	EXPECT_EQ(read_into(&r, fd, bufs[2], 10, 3), -EFAULT);
	memcpy(bufs[2], "abc", 3);
	ring_prep_write_fixed(use_sqe(&r), fd, bufs[2], 3, 4, 2);
	EXPECT_EQ(use_result(&r), 3);
	EXPECT_EQ(sys_pread64(fd, bufs[3], 10, 0), 10);
	EXPECT_MEMEQ(bufs[3], "0123abc789", 10);
	ASSERT_EQ(ring_unregister_buffers(&r), 0);
	EXPECT_EQ(read_into(&r, fd, bufs[0], 10, 0), -EFAULT);
	ring_exit(&r);
}

static void refused(void)
{
	struct iovec iovs[] = { iov(0), iov(1) };
	struct iovec bad = { .iov_base = (void *)4096, .iov_len = 4096 };
	struct ring r;
	long page;

	use_ring(&r, 0);
	EXPECT_ERR(ring_unregister_buffers(&r), -ENXIO);
	EXPECT_ERR(ring_register_buffers_update_tag(&r, 0, iovs, NULL, 1), -ENXIO);
	EXPECT_ERR(ring_register_buffers(&r, iovs, 0), -EINVAL);
	EXPECT_ERR(ring_register_buffers(&r, iovs, (1 << 14) + 1), -EINVAL);
	EXPECT_ERR(ring_register_buffers(&r, NULL, 1), -EFAULT);
	EXPECT_ERR(ring_register_buffers(&r, &bad, 1), -EFAULT);
	iovs[1].iov_len = 0;
	EXPECT_ERR(ring_register_buffers(&r, iovs, 2), -EFAULT);
	page = sys_mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	iovs[1] = (struct iovec){ .iov_base = (void *)page, .iov_len = 4096 };
	EXPECT_ERR(ring_register_buffers(&r, iovs, 2), -EFAULT);
	EXPECT_ERR(ring_register_buffers_sparse(&r, 0), -EINVAL);
	EXPECT_ERR(ring_register_buffers_sparse(&r, (1 << 14) + 1), -EINVAL);
	EXPECT_ERR(ring_unregister_buffers(&r), -ENXIO);
	ASSERT_EQ(ring_register_buffers(&r, iovs, 1), 0);
	EXPECT_ERR(ring_register_buffers(&r, iovs, 1), -EBUSY);
	EXPECT_ERR(ring_register_buffers_sparse(&r, 1), -EBUSY);
	ring_exit(&r);
	EXPECT_ERR(ring_register_buffers(&r, iovs, 1), -EBADF);
}

static void updated(void)
{
	struct iovec iovs[] = { iov(0), iov(1), iov(2) };
	int fd = digits();
	struct ring r;

	use_ring(&r, 0);
	ASSERT_EQ(ring_register_buffers_sparse(&r, 4), 0);
	EXPECT_EQ(read_into(&r, fd, bufs[0], 10, 1), -EFAULT);
	EXPECT_EQ(ring_register_buffers_update_tag(&r, 1, iovs, NULL, 3), 3);
	EXPECT_EQ(read_into(&r, fd, bufs[0], 10, 0), -EFAULT);
	EXPECT_EQ(read_into(&r, fd, bufs[0], 10, 1), 10);
	EXPECT_EQ(read_into(&r, fd, bufs[2], 10, 3), 10);
	EXPECT_MEMEQ(bufs[2], "0123456789", 10);
	/* The one that fails and those after it stay what they were. */
	iovs[0] = iov(3);
	iovs[1] = (struct iovec){ .iov_base = (void *)4096, .iov_len = 4096 };
	EXPECT_EQ(ring_register_buffers_update_tag(&r, 1, iovs, NULL, 3), 1);
	EXPECT_EQ(read_into(&r, fd, bufs[3], 10, 1), 10);
	EXPECT_EQ(read_into(&r, fd, bufs[1], 10, 2), 10);
	EXPECT_EQ(read_into(&r, fd, bufs[2], 10, 3), 10);
	iovs[0] = (struct iovec){ .iov_base = NULL };
	EXPECT_EQ(ring_register_buffers_update_tag(&r, 1, iovs, NULL, 1), 1);
	EXPECT_EQ(read_into(&r, fd, bufs[3], 10, 1), -EFAULT);
	EXPECT_ERR(ring_register_buffers_update_tag(&r, 1, iovs, &(const u64){ 1 }, 1), -EINVAL);
	EXPECT_ERR(ring_register_buffers_update_tag(&r, 1, &iovs[1], NULL, 1), -EFAULT);
	EXPECT_ERR(ring_register_buffers_update_tag(&r, 2, iovs, NULL, 3), -EINVAL);
	EXPECT_ERR(ring_register_buffers_update_tag(&r, ~0U, iovs, NULL, 2), -EOVERFLOW);
	EXPECT_ERR(ring_register_buffers_update_tag(&r, 0, iovs, NULL, 0), -EINVAL);
	ring_exit(&r);
}

static void expect_tag(struct ring *r, u64 tag)
{
	struct io_uring_cqe cqe = use_cqe(r);

	EXPECT_EQ(cqe.user_data, tag);
	EXPECT_EQ(cqe.res, 0);
	EXPECT_EQ(cqe.flags, 0);
}

static void tagged(void)
{
	struct iovec iovs[] = { iov(0), iov(1), { .iov_base = NULL } };
	const u64 tags[] = { 70, 71, 0 };
	const u64 hole[] = { 70, 71, 72 };
	int fd = digits();
	struct ring r;

	use_ring(&r, *(const u32 *)test_param());
	EXPECT_ERR(ring_register_buffers_tags(&r, iovs, hole, 3), -EINVAL);
	EXPECT_TRUE(use_quiet(&r));
	ASSERT_EQ(ring_register_buffers_tags(&r, iovs, tags, 3), 0);
	EXPECT_EQ(read_into(&r, fd, bufs[1], 10, 1), 10);
	EXPECT_TRUE(use_quiet(&r));
	EXPECT_EQ(ring_register_buffers_update_tag(&r, 1, &iovs[2], NULL, 1), 1);
	expect_tag(&r, 71);
	EXPECT_EQ(ring_register_buffers_update_tag(&r, 2, &iovs[1], &(const u64){ 73 }, 1), 1);
	EXPECT_TRUE(use_quiet(&r));
	EXPECT_EQ(read_into(&r, fd, bufs[1], 10, 2), 10);
	EXPECT_EQ(ring_register_buffers_update_tag(&r, 0, &iovs[2], NULL, 1), 1);
	expect_tag(&r, 70);
	ASSERT_EQ(ring_unregister_buffers(&r), 0);
	if (is_linux("6.13"))
		expect_tag(&r, 73);
	EXPECT_TRUE(use_quiet(&r));
	ring_exit(&r);
}

/* A read that waits in a pipe keeps its buffer and delays the tag. */
static void in_use(void)
{
	struct iovec iovs[] = { iov(0), iov(1) };
	const u64 tag = 99;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	s32 pipe[2];
	struct ring r;

	ASSERT_OK(sys_pipe2(pipe, 0));
	use_ring(&r, 0);
	ASSERT_EQ(ring_register_buffers_tags(&r, iovs, &tag, 1), 0);
	sqe = use_sqe(&r);
	ring_prep_read_fixed(sqe, pipe[0], bufs[0], 4, 0, 0);
	ring_sqe_set_data64(sqe, 7);
	ASSERT_EQ(ring_submit(&r), 1);
	EXPECT_TRUE(use_quiet(&r));
	EXPECT_EQ(ring_register_buffers_update_tag(&r, 0, &iovs[1], NULL, 1), 1);
	EXPECT_TRUE(use_quiet(&r));
	ASSERT_EQ(sys_write(pipe[1], "wait", 4), 4);
	cqe = use_cqe(&r);
	EXPECT_EQ(cqe.user_data, 7);
	EXPECT_EQ(cqe.res, 4);
	EXPECT_MEMEQ(bufs[0], "wait", 4);
	expect_tag(&r, 99);
	ring_exit(&r);
}

static void cloned(void)
{
	struct iovec iovs[] = { iov(0), { .iov_base = NULL }, iov(2) };
	int fd = digits();
	struct ring src;
	struct ring r;

	use_ring(&src, 0);
	NEED_REGISTER(IORING_REGISTER_CLONE_BUFFERS);
	use_ring(&r, 0);
	EXPECT_ERR(ring_clone_buffers(&r, &src), -ENXIO);
	ASSERT_EQ(ring_register_buffers(&src, iovs, 3), 0);
	ASSERT_EQ(ring_clone_buffers(&r, &src), 0);
	EXPECT_ERR(ring_clone_buffers(&r, &src), -EBUSY);
	/* They outlive the ring that they came from. */
	ASSERT_EQ(ring_unregister_buffers(&src), 0);
	ring_exit(&src);
	EXPECT_EQ(read_into(&r, fd, bufs[0], 10, 0), 10);
	EXPECT_EQ(read_into(&r, fd, bufs[1], 10, 1), -EFAULT);
	EXPECT_EQ(read_into(&r, fd, bufs[2], 10, 2), 10);
	memcpy(bufs[2], "abc", 3);
	ring_prep_write_fixed(use_sqe(&r), fd, bufs[2], 3, 0, 2);
	EXPECT_EQ(use_result(&r), 3);
	EXPECT_EQ(sys_pread64(fd, bufs[3], 4, 0), 4);
	EXPECT_MEMEQ(bufs[3], "abc3", 4);
	/* What was a ring is none, whatever descriptor 0 is. */
	ASSERT_EQ(ring_unregister_buffers(&r), 0);
	EXPECT_ERR(ring_clone_buffers(&r, &src), -EBADF);
	ring_exit(&r);
}

static void cloned_in_part(void)
{
	struct iovec iovs[] = { iov(0), iov(1), iov(2) };
	int fd = digits();
	struct ring src;
	struct ring r;
	int err;

	use_ring(&src, 0);
	NEED_REGISTER(IORING_REGISTER_CLONE_BUFFERS);
	use_ring(&r, 0);
	ASSERT_EQ(ring_register_buffers(&src, iovs, 3), 0);
	err = ring_clone_buffers_offset(&r, &src, 2, 1, 2, 0);
	if (err == -EINVAL)
		need_linux("6.13", "a part of the fixed buffers cloned");
	ASSERT_EQ(err, 0);
	EXPECT_EQ(read_into(&r, fd, bufs[0], 10, 0), -EFAULT);
	EXPECT_EQ(read_into(&r, fd, bufs[1], 10, 2), 10);
	EXPECT_EQ(read_into(&r, fd, bufs[2], 10, 3), 10);
	/* Over one of them; those around it stay. */
	EXPECT_ERR(ring_clone_buffers_offset(&r, &src, 2, 0, 1, 0), -EBUSY);
	ASSERT_EQ(ring_clone_buffers_offset(&r, &src, 2, 0, 1, IORING_REGISTER_DST_REPLACE), 0);
	EXPECT_EQ(read_into(&r, fd, bufs[0], 10, 2), 10);
	EXPECT_EQ(read_into(&r, fd, bufs[1], 10, 2), -EFAULT);
	EXPECT_EQ(read_into(&r, fd, bufs[2], 10, 3), 10);
	EXPECT_ERR(ring_clone_buffers_offset(&r, &src, 0, 2, 2, IORING_REGISTER_DST_REPLACE),
		   -EOVERFLOW);
	EXPECT_ERR(ring_clone_buffers_offset(&r, &src, 0, 0, 4, IORING_REGISTER_DST_REPLACE),
		   -EINVAL);
	EXPECT_ERR(ring_clone_buffers_offset(&r, &src, 1 << 14, 0, 1, IORING_REGISTER_DST_REPLACE),
		   -EINVAL);
	EXPECT_ERR(ring_clone_buffers_offset(&r, &src, 0, 1, 0, IORING_REGISTER_DST_REPLACE),
		   -EINVAL);
	ring_exit(&r);
	ring_exit(&src);
}

static const u32 plain;
static const u32 deferred = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

static const struct test_case cases[] = {
	TEST("a request stays within the buffer in its slot", filled),
	TEST("what cannot be buffers is refused and leaves none", refused),
	TEST("updates fill and empty slots, up to the first that fails", updated),
	TEST("a tag comes when its buffer goes", tagged, .param = &plain),
	TEST("it does on a ring that defers its work", tagged, .param = &deferred),
	TEST("a slot is updated under a request that keeps its buffer", in_use),
	TEST("cloned buffers are used, and outlive the ring that they came from", cloned),
	TEST("a part of the buffers is cloned, over others if asked", cloned_in_part),
};
TEST_SUITE(ring_register_buffers, cases);
