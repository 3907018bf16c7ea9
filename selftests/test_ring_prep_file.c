/* SPDX-License-Identifier: MIT */
/* ring/prep_file.h, proved by doing it: reads and writes */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/uio.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "selftests/ring_use.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

enum { SIZE = 8192 };

static struct ring r;
static u8 out[SIZE];
static u8 in[SIZE] __attribute__((aligned(4096)));

/* Something to write that is nowhere the same, and nothing read yet */
static void fill(void)
{
	for (u32 i = 0; i < SIZE; i++)
		out[i] = (u8)(i * 7 ^ i >> 8);
	memset(in, 0xee, SIZE);
}

static int setup(void)
{
	fill();
	use_ring(&r, 0);
	return use_file();
}

static struct iovec vec(const void *base, size_t len)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)base, .iov_len = len };
}

static void plain(void)
{
	int fd = setup();

	EXPECT_EQ(USE(&r, ring_prep_write, fd, out, SIZE, 4096), SIZE);
	ASSERT_EQ(sys_pread64(fd, in, SIZE, 4096), SIZE);
	EXPECT_MEMEQ(in, out, SIZE);
	fill();
	EXPECT_EQ(USE(&r, ring_prep_read, fd, in, 5000, 4097), 5000);
	EXPECT_MEMEQ(in, out + 1, 5000);
	EXPECT_EQ(in[5000], 0xee);
	EXPECT_EQ(USE(&r, ring_prep_read, fd, in, 100, 12288 - 50), 50);
	EXPECT_EQ(USE(&r, ring_prep_read, fd, in, 100, 12288), 0);
	EXPECT_EQ(USE(&r, ring_prep_write, fd, out, 3, 5ULL << 32), 3);
	EXPECT_EQ(sys_pread64(fd, in, 10, 5ULL << 32), 3);
	EXPECT_MEMEQ(in, out, 3);
}

static void plain_refused(void)
{
	int fd = setup();
	int read_only = sys_openat(AT_FDCWD, "/", O_RDONLY, 0);

	EXPECT_EQ(USE(&r, ring_prep_read, -1, in, 100, 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_write, -1, out, 100, 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_write, read_only, out, 100, 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_read, read_only, in, 100, 0), -EISDIR);
	EXPECT_EQ(USE(&r, ring_prep_write, fd, NULL, 100, 0), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_write, fd, out, 100, 1ULL << 63), -EINVAL);
	ASSERT_EQ(sys_pwrite64(fd, out, 100, 0), 100);
	EXPECT_EQ(USE(&r, ring_prep_read, fd, NULL, 100, 0), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_readv, fd, NULL, 1, 0), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_readv, fd, NULL, 1025, 0), -EINVAL);
}

static void vectors(void)
{
	int fd = setup();
	const struct iovec to[] = { vec(out, 1000), vec(NULL, 0), vec(out + 1000, 3000) };
	const struct iovec from[] = { vec(in + 10, 1), vec(in, 10), vec(in + 11, SIZE - 11) };

	EXPECT_EQ(USE(&r, ring_prep_writev, fd, to, 3, 70), 4000);
	ASSERT_EQ(sys_pread64(fd, in, 4000, 70), 4000);
	EXPECT_MEMEQ(in, out, 4000);
	fill();
	EXPECT_EQ(USE(&r, ring_prep_readv, fd, from, 3, 70), 4000);
	EXPECT_EQ(in[10], out[0]);
	EXPECT_MEMEQ(in, out + 1, 10);
	EXPECT_MEMEQ(in + 11, out + 11, 4000 - 11);
	EXPECT_EQ(in[4000], 0xee);
	EXPECT_EQ(USE(&r, ring_prep_readv, fd, from, 0, 70), 0);
}

/* RWF_APPEND is to be seen by where the bytes went. */
static void vectors_with_flags(void)
{
	int fd = setup();
	const struct iovec to = vec(out, 100);
	const struct iovec from = vec(in, 200);

	EXPECT_EQ(USE(&r, ring_prep_writev2, fd, &to, 1, 0, RWF_APPEND), 100);
	EXPECT_EQ(USE(&r, ring_prep_writev2, fd, &to, 1, 0, RWF_APPEND | RWF_DSYNC), 100);
	EXPECT_EQ(USE(&r, ring_prep_readv2, fd, &from, 1, 0, RWF_NOWAIT), 200);
	EXPECT_MEMEQ(in, out, 100);
	EXPECT_MEMEQ(in + 100, out, 100);
	EXPECT_EQ(USE(&r, ring_prep_readv2, fd, &from, 1, 0, 1U << 31), -EOPNOTSUPP);
	EXPECT_EQ(USE(&r, ring_prep_writev2, fd, &to, 1, 0, 1U << 31), -EOPNOTSUPP);
}

/* The read waits for a pipe while the array already says something else. */
static void vector_may_go(void)
{
	struct iovec from[] = { vec(in, 2), vec(in + 100, 3) };
	int fds[2];

	setup();
	ASSERT_OK(sys_pipe2(fds, 0));
	ring_prep_readv(use_sqe(&r), fds[0], from, 2, 0);
	ASSERT_EQ(ring_submit(&r), 1);
	from[0] = vec(in + 1000, 2);
	from[1] = vec(in + 1100, 3);
	ASSERT_EQ(sys_write(fds[1], "abcde", 5), 5);
	EXPECT_EQ(use_cqe(&r).res, 5);
	EXPECT_MEMEQ(in, "ab", 2);
	EXPECT_MEMEQ(in + 100, "cde", 3);
	EXPECT_EQ(in[1000], 0xee);
}

static void own_position(void)
{
	int fd = setup();
	const struct iovec one = vec(out + 200, 50);

	EXPECT_EQ(USE(&r, ring_prep_write, fd, out, 100, -1ULL), 100);
	EXPECT_EQ(USE(&r, ring_prep_write, fd, out + 100, 100, -1ULL), 100);
	EXPECT_EQ(USE(&r, ring_prep_writev, fd, &one, 1, -1ULL), 50);
	EXPECT_EQ(sys_lseek(fd, 0, 1), 250);
	EXPECT_EQ(USE(&r, ring_prep_write, fd, out, 10, 0), 10);
	EXPECT_EQ(sys_lseek(fd, 0, 1), 250);
	EXPECT_EQ(sys_lseek(fd, 5, 0), 5);
	EXPECT_EQ(USE(&r, ring_prep_read, fd, in, 100, -1ULL), 100);
	EXPECT_MEMEQ(in, out + 5, 100);
	EXPECT_EQ(USE(&r, ring_prep_read, fd, in, SIZE, -1ULL), 145);
	EXPECT_MEMEQ(in, out + 105, 145);
}

/* Two buffers, so that the index matters */
static void register_buffers(void)
{
	const struct iovec bufs[] = { vec(out, SIZE), vec(in, SIZE) };

	ASSERT_OK(ring_register_buffers(&r, bufs, 2));
}

static void fixed_buffers(void)
{
	int fd = setup();

	EXPECT_EQ(USE(&r, ring_prep_read_fixed, fd, in, 1, 0, 0), -EFAULT);
	register_buffers();
	EXPECT_EQ(USE(&r, ring_prep_write_fixed, fd, out + 5, 4000, 70, 0), 4000);
	EXPECT_EQ(USE(&r, ring_prep_read_fixed, fd, in + 100, 5000, 70, 1), 4000);
	EXPECT_MEMEQ(in + 100, out + 5, 4000);
	EXPECT_EQ(in[99], 0xee);
	EXPECT_EQ(in[4100], 0xee);
	EXPECT_EQ(USE(&r, ring_prep_read_fixed, fd, in, 100, 70, 0), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_read_fixed, fd, in, 100, 70, 2), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_write_fixed, fd, out + 1, SIZE, 0, 0), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_write_fixed, -1, out, 1, 0, 0), -EBADF);
}

static void fixed_vectors(void)
{
	int fd = setup();
	const struct iovec to[] = { vec(out + 1000, 500), vec(out, 700) };
	const struct iovec from[] = { vec(in + 4000, 600), vec(in, 1000) };
	const struct iovec two = vec(in + 1, SIZE);

	NEED_OP(IORING_OP_WRITEV_FIXED);
	register_buffers();
	EXPECT_EQ(USE(&r, ring_prep_writev_fixed, fd, to, 2, 30, 0, 0), 1200);
	ASSERT_EQ(sys_pwrite64(fd, out, 10, 1230), 10);
	EXPECT_EQ(USE(&r, ring_prep_readv_fixed, fd, from, 2, 30, 0, 1), 1210);
	EXPECT_MEMEQ(in + 4000, out + 1000, 500);
	EXPECT_MEMEQ(in + 4500, out, 100);
	EXPECT_MEMEQ(in, out + 100, 600);
	EXPECT_EQ(USE(&r, ring_prep_writev_fixed, fd, to, 2, 0, RWF_APPEND, 0), 1200);
	EXPECT_EQ(sys_pread64(fd, in, SIZE, 0), 2440);
	EXPECT_EQ(USE(&r, ring_prep_readv_fixed, fd, from, 2, 0, 0, 0), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_readv_fixed, fd, &two, 1, 0, 0, 1), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_writev_fixed, fd, to, 2, 0, 0, 2), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_readv_fixed, fd, from, 2, 0, 1U << 31, 1), -EOPNOTSUPP);
}

/* With IOSQE_FIXED_FILE the same number is a slot, without it a descriptor. */
static void fixed_files(void)
{
	int fd = setup();
	const s32 files[] = { -1, fd };
	struct io_uring_sqe *sqe;

	ASSERT_EQ(ring_register_files(&r, files, 2), 0);
	sqe = use_sqe(&r);
	ring_prep_write(sqe, 1, out, 100, 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	EXPECT_EQ(use_result(&r), 100);
	EXPECT_EQ(sys_pread64(fd, in, SIZE, 0), 100);
	EXPECT_MEMEQ(in, out, 100);
	for (s32 slot = 0; slot < 4; slot += 2) { /* a hole, and beyond the end */
		sqe = use_sqe(&r);
		ring_prep_read(sqe, slot, in, 100, 0);
		ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
		EXPECT_EQ(use_result(&r), -EBADF);
	}
}

/* Of protection information no machine here has a device, so what is proved is
 * that the kernel finds it: by what it complains about, and in which order. */
static s32 read_with_pi(int fd, const struct io_uring_attr_pi *pi)
{
	struct io_uring_sqe *sqe = use_sqe(&r);

	ring_prep_read(sqe, fd, in, 512, 0);
	ring_sqe_set_attr_pi(sqe, pi);
	return use_result(&r);
}

static void protection_information(void)
{
	static u8 tags[8];
	struct io_uring_attr_pi pi = { .addr = (u64)(uintptr_t)tags, .len = sizeof(tags) };
	struct io_uring_attr_pi reserved = pi;
	int fd = setup();

	NEED_FEAT(IORING_FEAT_RW_ATTR);
	ASSERT_EQ(sys_pwrite64(fd, out, 512, 0), 512);
	reserved.rsvd = 1;
	EXPECT_EQ(read_with_pi(fd, NULL), -EFAULT);
	EXPECT_EQ(read_with_pi(fd, &reserved), -EINVAL);
	EXPECT_EQ(read_with_pi(fd, &pi), -EINVAL); /* a file without any */
}

static void write_stream(void)
{
	struct io_uring_sqe *sqe;
	int fd = setup();

	sqe = use_sqe(&r);
	ring_prep_write(sqe, fd, out, 512, 0);
	ring_sqe_set_write_stream(sqe, 1);
	EXPECT_EQ(use_result(&r), 512);
	EXPECT_EQ(sys_pread64(fd, in, SIZE, 0), 512);
	EXPECT_MEMEQ(in, out, 512);
}

static void user_data(void)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;

	setup();
	sqe = use_sqe(&r);
	ring_prep_read(sqe, -1, in, 1, 0);
	ring_sqe_set_data(sqe, out);
	ASSERT_EQ(ring_submit(&r), 1);
	cqe = use_cqe(&r);
	EXPECT_EQ(ring_cqe_get_data(&cqe), out);
	sqe = use_sqe(&r);
	ring_prep_read(sqe, -1, in, 1, 0);
	ring_sqe_set_data64(sqe, 0x8123456789abcdefULL);
	ASSERT_EQ(ring_submit(&r), 1);
	cqe = use_cqe(&r);
	EXPECT_EQ(ring_cqe_get_data64(&cqe), 0x8123456789abcdefULL);
	ring_prep_read(use_sqe(&r), -1, in, 1, 0);
	ASSERT_EQ(ring_submit(&r), 1);
	EXPECT_EQ(use_cqe(&r).user_data, 0); /* none was set */
}

static const struct test_case cases[] = {
	TEST("reads and writes move bytes between buffers and offsets", plain),
	TEST("a pointer or a number comes back with the completion", user_data),
	TEST("reads and writes fail with the errors of the system calls", plain_refused),
	TEST("vectors are read and written in their order", vectors),
	TEST("flags of vectors reach the file", vectors_with_flags),
	TEST("the array of a vector may go when it is submitted", vector_may_go),
	TEST("an offset of -1 is the file's position, which moves", own_position),
	TEST("fixed buffers are found by index, and nothing outside of them", fixed_buffers),
	TEST("vectors of a fixed buffer are found in it, and nowhere else", fixed_vectors),
	TEST("a fixed file is found by its slot", fixed_files),
	TEST("protection information is found, and refused where there is none",
	     protection_information),
	TEST("a file without write streams takes a write that names one", write_stream),
};
TEST_SUITE(ring_prep_file, cases);
