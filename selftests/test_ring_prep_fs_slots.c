/* SPDX-License-Identifier: MIT */
/* ring/prep_fs.h, proved by doing it: the table of fixed files, and pipes */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "selftests/ring_use.h"
#include "selftests/use_dir.h"
#include "uapi/sys.h"

enum { NR_SLOTS = 4, FIRST_FD = 3, LAST_FD = 100 };

static struct ring r;
static int dir;

/* Two files that hold a letter each, and a table of holes */
static void setup(void)
{
	use_ring(&r, 0);
	dir = use_dir_fd();
	for (const char *name = "a\0b\0"; *name; name += 2) {
		int fd = sys_openat(dir, name, O_CREAT | O_WRONLY, 0600);

		ASSERT_EQ(sys_write(fd, name, 1), 1);
		sys_close(fd);
	}
	ASSERT_OK(ring_register_files_sparse(&r, NR_SLOTS));
}

/* What is in a slot: its letter, or the error */
static s32 slot(s32 idx)
{
	struct io_uring_sqe *sqe = use_sqe(&r);
	char c = 0;
	s32 res;

	ring_prep_read(sqe, idx, &c, 1, 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	res = use_result(&r);
	return res == 1 ? c : res;
}

static u32 nr_fds(void)
{
	u32 nr = 0;

	for (int fd = FIRST_FD; fd < LAST_FD; fd++)
		nr += sys_fcntl(fd, F_GETFD, 0) >= 0;
	return nr;
}

static void opens_into_slots(void)
{
	const struct open_how how = { .flags = O_RDONLY };
	char path[128];
	u32 before;

	setup();
	before = nr_fds();
	EXPECT_EQ(USE(&r, ring_prep_openat_direct, dir, "a", O_RDONLY, 0, 1), 0);
	EXPECT_EQ(slot(1), 'a');
	EXPECT_EQ(slot(0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_openat2_direct, dir, "b", &how, 1), 0);
	EXPECT_EQ(slot(1), 'b');
	EXPECT_EQ(USE(&r, ring_prep_open_direct, use_dir_path(path, "a"), O_RDONLY, 0, 3), 0);
	EXPECT_EQ(slot(3), 'a');
	EXPECT_EQ(nr_fds(), before);
}

/* Which free slot it is is the kernel's affair: that it is one, and holds the file */
static void chosen(s32 idx, char letter, u32 *used)
{
	ASSERT_TRUE(idx >= 0 && idx < NR_SLOTS);
	EXPECT_EQ(*used & 1U << idx, 0);
	EXPECT_EQ(slot(idx), letter);
	*used |= 1U << idx;
}

static void kernel_chooses(void)
{
	const struct open_how how = { .flags = O_RDONLY };
	const u32 any = IORING_FILE_INDEX_ALLOC;
	char path[128];
	u32 used = 1U << 1;

	setup();
	use_dir_path(path, "a");
	EXPECT_EQ(USE(&r, ring_prep_openat_direct, dir, "a", O_RDONLY, 0, 1), 0);
	chosen(USE(&r, ring_prep_openat_direct, dir, "b", O_RDONLY, 0, any), 'b', &used);
	chosen(USE(&r, ring_prep_openat2_direct, dir, "b", &how, any), 'b', &used);
	chosen(USE(&r, ring_prep_open_direct, path, O_RDONLY, 0, any), 'a', &used);
	EXPECT_EQ(USE(&r, ring_prep_openat_direct, dir, "a", O_RDONLY, 0, any), -ENFILE);
	EXPECT_EQ(slot(1), 'a');
}

static void slots_refused(void)
{
	struct ring none;

	setup();
	EXPECT_EQ(USE(&r, ring_prep_openat_direct, dir, "a", O_CLOEXEC, 0, 1), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_openat_direct, dir, "a", O_RDONLY, 0, NR_SLOTS), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_openat_direct, dir, "no", O_RDONLY, 0, 1), -ENOENT);
	EXPECT_EQ(slot(1), -EBADF);
	use_ring(&none, 0);
	EXPECT_EQ(USE(&none, ring_prep_openat_direct, dir, "a", O_RDONLY, 0, 0), -ENXIO);
	EXPECT_EQ(USE(&none, ring_prep_close_direct, 0), -ENXIO);
}

/* Descriptor 0 is what a slip in the slot's number would close. */
static void closes_slots(void)
{
	setup();
	ASSERT_OK(sys_fcntl(0, F_GETFD, 0));
	EXPECT_EQ(USE(&r, ring_prep_openat_direct, dir, "a", O_RDONLY, 0, 0), 0);
	EXPECT_EQ(USE(&r, ring_prep_openat_direct, dir, "b", O_RDONLY, 0, 1), 0);
	EXPECT_EQ(USE(&r, ring_prep_close_direct, 0), 0);
	EXPECT_EQ(slot(0), -EBADF);
	EXPECT_EQ(slot(1), 'b');
	EXPECT_EQ(USE(&r, ring_prep_close_direct, 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_close_direct, NR_SLOTS), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_close_direct, IORING_FILE_INDEX_ALLOC), -EINVAL);
	EXPECT_OK(sys_fcntl(0, F_GETFD, 0));
}

static void updates(void)
{
	s32 fds[3];

	setup();
	fds[0] = sys_openat(dir, "a", O_RDONLY, 0);
	fds[1] = -1;
	fds[2] = sys_openat(dir, "b", O_RDONLY, 0);
	EXPECT_EQ(USE(&r, ring_prep_files_update, fds, 3, 1), 3);
	EXPECT_EQ(slot(0), -EBADF);
	EXPECT_EQ(slot(1), 'a');
	EXPECT_EQ(slot(2), -EBADF);
	EXPECT_EQ(slot(3), 'b');
	fds[1] = fds[0];
	fds[0] = IORING_REGISTER_FILES_SKIP;
	fds[2] = -1;
	EXPECT_EQ(USE(&r, ring_prep_files_update, fds, 3, 1), 3);
	EXPECT_EQ(slot(1), 'a');
	EXPECT_EQ(slot(2), 'a');
	EXPECT_EQ(slot(3), -EBADF);
}

static void updates_by_choice(void)
{
	struct ring none;
	s32 fds[3];
	s32 bad = 12345;
	u32 used = 1;

	setup();
	fds[0] = sys_openat(dir, "a", O_RDONLY, 0);
	fds[1] = sys_openat(dir, "b", O_RDONLY, 0);
	EXPECT_EQ(USE(&r, ring_prep_files_update, fds, 1, 0), 1);
	EXPECT_EQ(USE(&r, ring_prep_files_update, fds, 2, (s32)IORING_FILE_INDEX_ALLOC), 2);
	chosen(fds[0], 'a', &used);
	chosen(fds[1], 'b', &used);

	EXPECT_EQ(USE(&r, ring_prep_files_update, fds, 0, 0), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_files_update, fds, 2, NR_SLOTS - 1), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_files_update, &bad, 1, 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_files_update, NULL, 1, 0), -EFAULT);
	use_ring(&none, 0);
	EXPECT_EQ(USE(&none, ring_prep_files_update, fds, 1, 0), -ENXIO);
}

static void installs(void)
{
	char c = 0;
	int fd;

	NEED_OP(IORING_OP_FIXED_FD_INSTALL);
	setup();
	EXPECT_EQ(USE(&r, ring_prep_openat_direct, dir, "b", O_RDONLY, 0, 2), 0);
	fd = USE(&r, ring_prep_fixed_fd_install, 2, 0);
	ASSERT_OK(fd);
	EXPECT_EQ(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
	EXPECT_EQ(sys_pread64(fd, &c, 1, 0), 1);
	EXPECT_EQ(c, 'b');
	fd = USE(&r, ring_prep_fixed_fd_install, 2, IORING_FIXED_FD_NO_CLOEXEC);
	ASSERT_OK(fd);
	EXPECT_EQ(sys_fcntl(fd, F_GETFD, 0), 0);
	EXPECT_EQ(slot(2), 'b');
	EXPECT_EQ(USE(&r, ring_prep_fixed_fd_install, 1, 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_fixed_fd_install, 2, 2), -EINVAL);
}

static void pipes(void)
{
	s32 fds[2] = { -1, -1 };
	char c = 0;

	NEED_OP(IORING_OP_PIPE);
	setup();
	EXPECT_EQ(USE(&r, ring_prep_pipe, fds, O_CLOEXEC | O_NONBLOCK), 0);
	EXPECT_EQ(sys_fcntl(fds[0], F_GETFD, 0), FD_CLOEXEC);
	EXPECT_EQ(sys_read(fds[0], &c, 1), -EAGAIN);
	EXPECT_EQ(sys_write(fds[1], "x", 1), 1);
	EXPECT_EQ(sys_read(fds[0], &c, 1), 1);
	EXPECT_EQ(c, 'x');
	EXPECT_EQ(USE(&r, ring_prep_pipe, fds, 0), 0);
	EXPECT_EQ(sys_fcntl(fds[1], F_GETFD, 0), 0);
	EXPECT_EQ(sys_fcntl(fds[1], F_GETFL, 0) & O_NONBLOCK, 0);
	EXPECT_EQ(USE(&r, ring_prep_pipe, fds, O_APPEND), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_pipe, NULL, 0), -EFAULT);
}

static void write_slot(s32 idx, const char *what)
{
	struct io_uring_sqe *sqe = use_sqe(&r);

	ring_prep_write(sqe, idx, what, 1, 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	EXPECT_EQ(use_result(&r), 1);
}

static void pipes_in_slots(void)
{
	s32 fds[2] = { -1, -1 };

	NEED_OP(IORING_OP_PIPE);
	setup();
	EXPECT_EQ(USE(&r, ring_prep_pipe_direct, fds, 0, 2), 0);
	/* Before 7.0 some do not tell what was asked for. */
	EXPECT_TRUE((fds[0] == 2 && fds[1] == 3) || (!fds[0] && !fds[1] && !is_linux("7.0")));
	write_slot(3, "x");
	EXPECT_EQ(slot(2), 'x');
	EXPECT_EQ(USE(&r, ring_prep_pipe_direct, fds, 0, IORING_FILE_INDEX_ALLOC), 0);
	EXPECT_EQ(fds[0] + fds[1], 1); /* the two that were left */
	write_slot(fds[1], "y");
	EXPECT_EQ(slot(fds[0]), 'y');
	EXPECT_EQ(USE(&r, ring_prep_pipe_direct, fds, 0, IORING_FILE_INDEX_ALLOC), -ENFILE);
	EXPECT_EQ(USE(&r, ring_prep_pipe_direct, fds, 0, NR_SLOTS), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_pipe_direct, fds, O_CLOEXEC, 0), -EINVAL);
}

#define IN_DIR .fixture = &use_dir_fixture

static const struct test_case cases[] = {
	TEST("files are opened into slots, and do not become descriptors", opens_into_slots,
	     IN_DIR),
	TEST("the kernel chooses slots until there is none", kernel_chooses, IN_DIR),
	TEST("slots that cannot be are refused", slots_refused, IN_DIR),
	TEST("slots are emptied, and descriptors left alone", closes_slots, IN_DIR),
	TEST("slots are filled, emptied and skipped by an update", updates, IN_DIR),
	TEST("an update finds slots by itself", updates_by_choice, IN_DIR),
	TEST("a fixed file becomes a descriptor too", installs, IN_DIR),
	TEST("pipes are made with their flags", pipes, IN_DIR),
	TEST("pipes are made in slots", pipes_in_slots, IN_DIR),
};
TEST_SUITE(ring_prep_fs_slots, cases);
