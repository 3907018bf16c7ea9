/* SPDX-License-Identifier: MIT */
/* ring/prep_file.h, proved by doing it: sizes, caches, memory and pipes */
#include <asm/errno.h>
#include <linux/fadvise.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/stat.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "selftests/ring_use.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define GIB (1ULL << 30)

static struct ring r;

static int setup(void)
{
	use_ring(&r, 0);
	return use_file();
}

static int a_pipe(int fds[2])
{
	ASSERT_OK(sys_pipe2(fds, O_NONBLOCK));
	return fds[0];
}

static u64 size_of(int fd)
{
	struct statx st;

	ASSERT_OK(sys_statx(fd, "", AT_EMPTY_PATH, STATX_SIZE | STATX_BLOCKS, &st));
	return st.stx_size;
}

static void syncs(void)
{
	int fd = setup();
	int fds[2];

	ASSERT_EQ(sys_pwrite64(fd, "data", 4, 0), 4);
	EXPECT_EQ(USE(&r, ring_prep_fsync, fd, 0), 0);
	EXPECT_EQ(USE(&r, ring_prep_fsync, fd, IORING_FSYNC_DATASYNC), 0);
	EXPECT_EQ(USE(&r, ring_prep_fsync, fd, 2), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_fsync, a_pipe(fds), 0), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_fsync, -1, 0), -EBADF);

	EXPECT_EQ(USE(&r, ring_prep_sync_file_range, fd, 4, 0, SYNC_FILE_RANGE_WRITE), 0);
	EXPECT_EQ(USE(&r, ring_prep_sync_file_range, fd, 0, 5 * GIB, 7), 0);
	EXPECT_EQ(USE(&r, ring_prep_sync_file_range, fd, 4, 0, 8), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_sync_file_range, fd, 4, 1ULL << 63, 0), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_sync_file_range, fds[0], 4, 0, 2), -ESPIPE);
	EXPECT_EQ(USE(&r, ring_prep_sync_file_range, -1, 4, 0, 2), -EBADF);
}

static void allocates(void)
{
	char in[4096];
	int fd = setup();
	int fds[2];

	memset(in, 'x', sizeof(in));
	EXPECT_EQ(USE(&r, ring_prep_fallocate, fd, 0, 4096, 8192), 0);
	EXPECT_EQ(size_of(fd), 12288);
	EXPECT_EQ(USE(&r, ring_prep_fallocate, fd, FALLOC_FL_KEEP_SIZE, 0, 65536), 0);
	EXPECT_EQ(size_of(fd), 12288);
	ASSERT_EQ(sys_pwrite64(fd, in, 4096, 4096), 4096);
	EXPECT_EQ(USE(&r, ring_prep_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4196,
		      100), 0);
	ASSERT_EQ(sys_pread64(fd, in, 4096, 4096), 4096);
	EXPECT_EQ(in[99], 'x');
	EXPECT_EQ(in[100], 0);
	EXPECT_EQ(in[199], 0);
	EXPECT_EQ(in[200], 'x');
	EXPECT_EQ(USE(&r, ring_prep_fallocate, fd, 0, 5 * GIB, 4096), 0);
	EXPECT_EQ(size_of(fd), 5 * GIB + 4096);

	EXPECT_EQ(USE(&r, ring_prep_fallocate, fd, 0, 0, 0), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_fallocate, fd, 0, 0, 1ULL << 63), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_fallocate, fd, 0, 1, (1ULL << 63) - 1), -EFBIG);
	EXPECT_EQ(USE(&r, ring_prep_fallocate, fd, 1U << 31, 0, 4096), -EOPNOTSUPP);
	a_pipe(fds);
	EXPECT_EQ(USE(&r, ring_prep_fallocate, fds[1], 0, 0, 4096), -ESPIPE);
	EXPECT_EQ(USE(&r, ring_prep_fallocate, fds[0], 0, 0, 4096), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_fallocate, -1, 0, 0, 4096), -EBADF);
}

static void truncates(void)
{
	int fd = setup();
	int root = sys_openat(AT_FDCWD, "/", O_RDONLY, 0);

	NEED_OP(IORING_OP_FTRUNCATE);
	EXPECT_EQ(USE(&r, ring_prep_ftruncate, fd, 5 * GIB + 1), 0);
	EXPECT_EQ(size_of(fd), 5 * GIB + 1);
	EXPECT_EQ(USE(&r, ring_prep_ftruncate, fd, 3), 0);
	EXPECT_EQ(size_of(fd), 3);
	EXPECT_EQ(USE(&r, ring_prep_ftruncate, fd, -1), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_ftruncate, root, 0), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_ftruncate, -1, 0), -EBADF);
	EXPECT_EQ(size_of(fd), 3);
}

static void advises_files(void)
{
	int fd = setup();
	int fds[2];

	ASSERT_EQ(sys_pwrite64(fd, "data", 4, 0), 4);
	EXPECT_EQ(USE(&r, ring_prep_fadvise, fd, 0, 4096, POSIX_FADV_SEQUENTIAL), 0);
	EXPECT_EQ(USE(&r, ring_prep_fadvise, fd, 5 * GIB, 0, POSIX_FADV_WILLNEED), 0);
	EXPECT_EQ(USE(&r, ring_prep_fadvise, fd, 0, 4096, POSIX_FADV_DONTNEED), 0);
	EXPECT_EQ(USE(&r, ring_prep_fadvise, fd, 0, 4096, 77), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_fadvise, a_pipe(fds), 0, 4096, 0), -ESPIPE);
	EXPECT_EQ(USE(&r, ring_prep_fadvise, -1, 0, 4096, 0), -EBADF);
}

static void advises_files_64(void)
{
	int fd = setup();
	s32 res = USE(&r, ring_prep_fadvise64, fd, 0, 5 * GIB, POSIX_FADV_WILLNEED);

	EXPECT_EQ(USE(&r, ring_prep_fadvise64, fd, 4096, 0, POSIX_FADV_DONTNEED), 0);
	if (res == -EINVAL)
		need_linux("6.11", "lengths of 64 bits for fadvise");
	EXPECT_EQ(res, 0);
	/* It is the length: a negative one is refused. */
	EXPECT_EQ(USE(&r, ring_prep_fadvise64, fd, 0, 1ULL << 63, POSIX_FADV_NORMAL), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_fadvise64, fd, 0, 5 * GIB, 77), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_fadvise64, -1, 0, 4096, 0), -EBADF);
}

static char *memory(size_t len)
{
	long at = (long)sys_mmap(NULL, len, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_OK(at);
	return (char *)at;
}

/* MADV_DONTNEED is to be seen at once: the pages are zero. */
static void advises_memory(void)
{
	char *mem = memory(4 * 4096);

	use_ring(&r, 0);
	memset(mem, 'x', 4UL * 4096);
	EXPECT_EQ(USE(&r, ring_prep_madvise, mem + 4096, 8192, MADV_DONTNEED), 0);
	EXPECT_EQ(mem[4095], 'x');
	EXPECT_EQ(mem[4096], 0);
	EXPECT_EQ(mem[12287], 0);
	EXPECT_EQ(mem[12288], 'x');
	EXPECT_EQ(USE(&r, ring_prep_madvise, mem + 1, 4096, MADV_DONTNEED), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_madvise, mem, 4096, 12345), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_madvise, NULL, 4096, MADV_DONTNEED), -ENOMEM);
}

static void advises_memory_64(void)
{
	char *mem = memory(5 * GIB);
	s32 res;

	use_ring(&r, 0);
	mem[0] = mem[4 * GIB] = mem[5 * GIB - 1] = 'x';
	res = USE(&r, ring_prep_madvise64, mem + 4096, 5 * GIB - 4096, MADV_DONTNEED);
	if (res == -EINVAL)
		need_linux("6.11", "lengths of 64 bits for madvise");
	EXPECT_EQ(res, 0);
	EXPECT_EQ(mem[0], 'x');
	EXPECT_EQ(mem[4 * GIB], 0);
	EXPECT_EQ(mem[5 * GIB - 1], 0);
	EXPECT_EQ(USE(&r, ring_prep_madvise64, mem, 5 * GIB, 12345), -EINVAL);
}

enum { FLAG_MOVE = 1, FLAG_NONBLOCK = 2 }; /* SPLICE_F_*, which no header of the kernel gives */

static void splices(void)
{
	char in[16] = "";
	int from = setup();
	int to = use_file();
	int fds[2];

	a_pipe(fds);
	ASSERT_EQ(sys_pwrite64(from, "0123456789", 10, 5 * GIB), 10);
	EXPECT_EQ(USE(&r, ring_prep_splice, from, 5 * GIB + 2, fds[1], -1, 5, FLAG_MOVE), 5);
	EXPECT_EQ(USE(&r, ring_prep_splice, fds[0], -1, to, 6 * GIB, 100, 0), 5);
	ASSERT_EQ(sys_pread64(to, in, 16, 6 * GIB), 5);
	EXPECT_MEMEQ(in, "23456", 5);
	ASSERT_EQ(sys_lseek(from, 5 * GIB, 0), 5 * GIB);
	EXPECT_EQ(USE(&r, ring_prep_splice, from, -1, fds[1], -1, 4, 0), 4);
	EXPECT_EQ(sys_lseek(from, 0, 1), 5 * GIB + 4);
	EXPECT_EQ(sys_read(fds[0], in, 16), 4);
	EXPECT_MEMEQ(in, "0123", 4);

	EXPECT_EQ(USE(&r, ring_prep_splice, fds[0], -1, to, 0, 100, FLAG_NONBLOCK), -EAGAIN);
	EXPECT_EQ(USE(&r, ring_prep_splice, from, 0, to, 0, 5, 0), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_splice, from, 0, fds[1], 0, 5, 0), -ESPIPE);
	EXPECT_EQ(USE(&r, ring_prep_splice, from, 0, fds[1], -1, 5, 1U << 30), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_splice, -1, -1, fds[1], -1, 5, 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_splice, from, 0, -1, -1, 5, 0), -EBADF);
}

static void splices_fixed(void)
{
	char in[16] = "";
	int from = setup();
	struct io_uring_sqe *sqe;
	s32 files[3] = { -1, from, -1 };
	int fds[2];

	a_pipe(fds);
	files[2] = fds[1];
	ASSERT_EQ(sys_pwrite64(from, "fixed", 5, 0), 5);
	ASSERT_EQ(ring_register_files(&r, files, 3), 0);
	EXPECT_EQ(USE(&r, ring_prep_splice, 1, 0, fds[1], -1, 5, SPLICE_F_FD_IN_FIXED), 5);
	sqe = use_sqe(&r);
	ring_prep_splice(sqe, 1, 1, 2, -1, 3, SPLICE_F_FD_IN_FIXED);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	EXPECT_EQ(use_result(&r), 3);
	EXPECT_EQ(sys_read(fds[0], in, 16), 8);
	EXPECT_MEMEQ(in, "fixedixe", 8);
	EXPECT_EQ(USE(&r, ring_prep_splice, 0, 0, fds[1], -1, 5, SPLICE_F_FD_IN_FIXED), -EBADF);
}

static void tees(void)
{
	char in[16] = "";
	int file = setup();
	int a[2];
	int b[2];

	a_pipe(a);
	a_pipe(b);
	ASSERT_EQ(sys_write(a[1], "twice", 5), 5);
	EXPECT_EQ(USE(&r, ring_prep_tee, a[0], b[1], 100, 0), 5);
	EXPECT_EQ(sys_read(b[0], in, 16), 5);
	EXPECT_EQ(sys_read(a[0], in + 5, 11), 5);
	EXPECT_MEMEQ(in, "twicetwice", 10);
	EXPECT_EQ(USE(&r, ring_prep_tee, a[0], b[1], 100, FLAG_NONBLOCK), -EAGAIN);
	EXPECT_EQ(USE(&r, ring_prep_tee, a[0], file, 100, 0), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_tee, a[0], b[1], 100, 1U << 30), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_tee, -1, b[1], 100, 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_tee, a[0], -1, 100, 0), -EBADF);
}

static const struct test_case cases[] = {
	TEST("a file and a range of it are synced, a pipe is not", syncs),
	TEST("fallocate grows files, keeps sizes and makes holes", allocates),
	TEST("ftruncate sets sizes beyond 4 GiB", truncates),
	TEST("advice on a file is taken, nonsense refused", advises_files),
	TEST("advice on a file has a length of 64 bits", advises_files_64),
	TEST("memory that is not needed is zero afterwards", advises_memory),
	TEST("advice on memory has a length of 64 bits", advises_memory_64),
	TEST("splices move bytes at offsets beyond 4 GiB", splices),
	TEST("either end of a splice may be a fixed file", splices_fixed),
	TEST("tee copies from pipe to pipe", tees),
};
TEST_SUITE(ring_prep_file_sync, cases);
