/* SPDX-License-Identifier: MIT */
/* ring/register.h: fixed files */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/resource.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "selftests/ring_use.h"
#include "uapi/sys.h"

enum { LIMIT_NOFILE = 7 };

/* A file that holds one letter, so that it can be told from others */
static int letter(char c)
{
	int fd = use_file();

	ASSERT_EQ(sys_pwrite64(fd, &c, 1, 0), 1);
	return fd;
}

/* What is in a slot: its letter, or the error */
static s32 slot(struct ring *r, s32 idx)
{
	struct io_uring_sqe *sqe = use_sqe(r);
	static char c;
	s32 res;

	ring_prep_read(sqe, idx, &c, 1, 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	res = use_result(r);
	return res == 1 ? c : res;
}

static void filled(void)
{
	const s32 files[] = { letter('a'), -1, letter('c') };
	struct ring r;

	use_ring(&r, 0);
	ASSERT_EQ(ring_register_files(&r, files, 3), 0);
	sys_close(files[0]);
	EXPECT_EQ(slot(&r, 0), 'a');
	EXPECT_EQ(slot(&r, 1), -EBADF);
	EXPECT_EQ(slot(&r, 2), 'c');
	EXPECT_EQ(slot(&r, 3), -EBADF);
	EXPECT_EQ(slot(&r, -1), -EBADF);
	ASSERT_EQ(ring_unregister_files(&r), 0);
	EXPECT_EQ(slot(&r, 2), -EBADF);
	ring_exit(&r);
}

static void refused(void)
{
	const struct rlimit64 few = { .rlim_cur = 64, .rlim_max = 64 };
	s32 fd = letter('a');
	const s32 closed[] = { fd, 9999 };
	struct ring other;
	struct ring r;

	use_ring(&other, 0);
	use_ring(&r, 0);
	EXPECT_ERR(ring_unregister_files(&r), -ENXIO);
	EXPECT_ERR(ring_register_files_update(&r, 0, &fd, 1), -ENXIO);
	EXPECT_ERR(ring_register_files_update_tag(&r, 0, &fd, NULL, 1), -ENXIO);
	EXPECT_ERR(ring_register_files(&r, &fd, 0), -EINVAL);
	EXPECT_ERR(ring_register_files(&r, NULL, 1), -EFAULT);
	EXPECT_ERR(ring_register_files(&r, (const s32 *)16, 1), -EFAULT);
	EXPECT_ERR(ring_register_files(&r, closed, 2), -EBADF);
	EXPECT_ERR(ring_register_files(&r, &other.fd, 1), -EBADF);
	EXPECT_ERR(ring_register_files_sparse(&r, 0), -EINVAL);
	EXPECT_ERR(ring_register_files_sparse(&r, (1 << 20) + 1), -EMFILE);
	ASSERT_OK(sys_prlimit64(0, LIMIT_NOFILE, &few, NULL));
	EXPECT_ERR(ring_register_files_sparse(&r, 65), -EMFILE);
	/* None of these has left a table behind. */
	EXPECT_ERR(ring_unregister_files(&r), -ENXIO);
	ASSERT_EQ(ring_register_files(&r, &fd, 1), 0);
	EXPECT_ERR(ring_register_files(&r, &fd, 1), -EBUSY);
	EXPECT_ERR(ring_register_files_sparse(&r, 1), -EBUSY);
	ring_exit(&r);
	EXPECT_ERR(ring_register_files(&r, &fd, 1), -EBADF);
	EXPECT_ERR(ring_unregister_files(&r), -EBADF);
	ring_exit(&other);
}

static void updated(void)
{
	s32 files[] = { letter('a'), letter('b'), letter('c') };
	struct ring r;

	use_ring(&r, 0);
	ASSERT_EQ(ring_register_files_sparse(&r, 4), 0);
	for (s32 i = 0; i < 4; i++)
		EXPECT_EQ(slot(&r, i), -EBADF);
	EXPECT_EQ(ring_register_files_update(&r, 1, files, 3), 3);
	EXPECT_EQ(slot(&r, 0), -EBADF);
	EXPECT_EQ(slot(&r, 1), 'a');
	EXPECT_EQ(slot(&r, 3), 'c');
	files[0] = -1;
	files[1] = IORING_REGISTER_FILES_SKIP;
	EXPECT_EQ(ring_register_files_update(&r, 1, files, 3), 3);
	EXPECT_EQ(slot(&r, 1), -EBADF);
	EXPECT_EQ(slot(&r, 2), 'b');
	/* What stands before a bad entry was done, its slot is empty, the rest is as it was. */
	files[0] = letter('d');
	files[1] = 9999;
	EXPECT_EQ(ring_register_files_update(&r, 1, files, 3), 1);
	EXPECT_EQ(slot(&r, 1), 'd');
	EXPECT_EQ(slot(&r, 2), -EBADF);
	EXPECT_EQ(slot(&r, 3), 'c');
	EXPECT_ERR(ring_register_files_update(&r, 1, &files[1], 1), -EBADF);
	EXPECT_ERR(ring_register_files_update(&r, 2, files, 3), -EINVAL);
	EXPECT_ERR(ring_register_files_update(&r, 4, files, 1), -EINVAL);
	EXPECT_ERR(ring_register_files_update(&r, ~0U, files, 2), -EOVERFLOW);
	EXPECT_ERR(ring_register_files_update(&r, 0, files, 0), -EINVAL);
	EXPECT_ERR(ring_register_files_update(&r, 0, NULL, 1), -EFAULT);
	EXPECT_ERR(ring_register_files_update(&r, 0, &r.fd, 1), -EBADF);
	ring_exit(&r);
}

/* A read that waits in a pipe keeps the pipe, whatever becomes of its slot. */
static void in_use(void)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	s32 pipe[2];
	s32 fd;
	struct ring r;
	char c = 0;

	ASSERT_OK(sys_pipe2(pipe, 0));
	fd = letter('a');
	use_ring(&r, 0);
	ASSERT_EQ(ring_register_files(&r, pipe, 1), 0);
	sys_close(pipe[0]);
	sqe = use_sqe(&r);
	ring_prep_read(sqe, 0, &c, 1, 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	ring_sqe_set_data64(sqe, 7);
	ASSERT_EQ(ring_submit(&r), 1);
	EXPECT_TRUE(use_quiet(&r));
	EXPECT_EQ(ring_register_files_update(&r, 0, &fd, 1), 1);
	EXPECT_EQ(slot(&r, 0), 'a');
	ASSERT_EQ(sys_write(pipe[1], "x", 1), 1);
	cqe = use_cqe(&r);
	EXPECT_EQ(cqe.user_data, 7);
	EXPECT_EQ(cqe.res, 1);
	EXPECT_EQ(c, 'x');
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
	const s32 files[] = { letter('a'), letter('b'), -1, letter('c') };
	const u64 tags[] = { 100, 0, 0, 1ULL << 63 };
	const u64 hole[] = { 0, 0, 5, 0 };
	const s32 none = -1;
	struct ring r;

	use_ring(&r, *(const u32 *)test_param());
	EXPECT_ERR(ring_register_files_tags(&r, files, hole, 4), -EINVAL);
	EXPECT_ERR(ring_register_files_tags(&r, files, (const u64 *)16, 4), -EFAULT);
	/* One that failed half way tells nothing. */
	EXPECT_TRUE(use_quiet(&r));
	ASSERT_EQ(ring_register_files_tags(&r, files, tags, 4), 0);
	EXPECT_EQ(slot(&r, 3), 'c');
	EXPECT_TRUE(use_quiet(&r));
	/* 100 goes with the file that it came with. */
	EXPECT_EQ(ring_register_files_update_tag(&r, 0, &files[1], &(const u64){ 200 }, 1), 1);
	expect_tag(&r, 100);
	EXPECT_EQ(slot(&r, 0), 'b');
	EXPECT_ERR(ring_register_files_update_tag(&r, 0, &none, &(const u64){ 9 }, 1), -EINVAL);
	EXPECT_EQ(ring_register_files_update(&r, 0, &none, 1), 1);
	expect_tag(&r, 200);
	EXPECT_EQ(ring_register_files_update(&r, 1, &none, 1), 1);
	EXPECT_TRUE(use_quiet(&r));
	ASSERT_EQ(ring_unregister_files(&r), 0);
	if (is_linux("6.13"))
		expect_tag(&r, 1ULL << 63);
	EXPECT_TRUE(use_quiet(&r));
	ring_exit(&r);
}

/* The tag waits for the last request that uses the file. */
static void tag_waits(void)
{
	static const u64 tag = 55;
	static char c;
	const s32 none = -1;
	struct io_uring_sqe *sqe;
	s32 pipe[2];
	struct ring r;

	ASSERT_OK(sys_pipe2(pipe, 0));
	use_ring(&r, 0);
	ASSERT_EQ(ring_register_files_tags(&r, pipe, &tag, 1), 0);
	sqe = use_sqe(&r);
	ring_prep_read(sqe, 0, &c, 1, 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	ring_sqe_set_data64(sqe, 7);
	ASSERT_EQ(ring_submit(&r), 1);
	EXPECT_EQ(ring_register_files_update(&r, 0, &none, 1), 1);
	EXPECT_TRUE(use_quiet(&r));
	ASSERT_EQ(sys_write(pipe[1], "x", 1), 1);
	EXPECT_EQ(use_cqe(&r).user_data, 7);
	expect_tag(&r, 55);
	ring_exit(&r);
}

/* Opens /proc/self/stat into a slot of the kernel's choice */
static s32 open_any(struct ring *r)
{
	ring_prep_openat_direct(use_sqe(r), AT_FDCWD, "/proc/self/stat", O_RDONLY, 0,
				IORING_FILE_INDEX_ALLOC);
	return use_result(r);
}

static void alloc_range(void)
{
	const s32 none = -1;
	struct ring r;

	use_ring(&r, 0);
	EXPECT_ERR(ring_register_file_alloc_range(&r, 0, 1), -EINVAL);
	ASSERT_EQ(ring_register_files_sparse(&r, 8), 0);
	EXPECT_EQ(open_any(&r), 0);
	ASSERT_EQ(ring_register_file_alloc_range(&r, 5, 2), 0);
	EXPECT_EQ(open_any(&r), 5);
	EXPECT_EQ(open_any(&r), 6);
	EXPECT_EQ(open_any(&r), -ENFILE);
	EXPECT_GT(slot(&r, 6), 0);
	EXPECT_EQ(ring_register_files_update(&r, 5, &none, 1), 1);
	EXPECT_EQ(open_any(&r), 5);
	EXPECT_ERR(ring_register_file_alloc_range(&r, 5, 4), -EINVAL);
	EXPECT_ERR(ring_register_file_alloc_range(&r, ~0U, 2), -EOVERFLOW);
	EXPECT_ERR(ring_register_file_alloc_range(&r, 9, 0), -EINVAL);
	/* A range that was refused changes nothing. */
	EXPECT_EQ(open_any(&r), -ENFILE);
	ASSERT_EQ(ring_register_file_alloc_range(&r, 0, 8), 0);
	EXPECT_EQ(open_any(&r), 1);
	ring_exit(&r);
}

static const u32 plain;
static const u32 deferred = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

static const struct test_case cases[] = {
	TEST("a request reaches the file in its slot, and no other", filled),
	TEST("what cannot be a table is refused and leaves none", refused),
	TEST("updates fill, skip and empty slots, up to the first that fails", updated),
	TEST("a slot is updated under a request that keeps its file", in_use),
	TEST("a tag comes when its file goes", tagged, .param = &plain),
	TEST("it does on a ring that defers its work", tagged, .param = &deferred),
	TEST("a tag waits for the last request that uses the file", tag_waits),
	TEST("the kernel chooses slots within the range", alloc_range),
};
TEST_SUITE(ring_register_files, cases);
