/* SPDX-License-Identifier: MIT */
/* ring/prep_fs.h, proved by doing it: extended attributes */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/xattr.h>

#include "ring/prep.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_use.h"
#include "selftests/use_dir.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define NAME "user.bareblk"

static struct ring r;
static int file;
static char path[128];
static char value[32];

static void setup(void)
{
	int ret;

	use_ring(&r, 0);
	file = sys_openat(use_dir_fd(), "file", O_CREAT | O_RDWR, 0600);
	ASSERT_OK(file);
	use_dir_path(path, "file");
	ret = sys_setxattr(path, NAME, "before", 6, 0);
	if (ret == -EOPNOTSUPP)
		test_skip("the file system of /tmp has no extended attributes");
	ASSERT_OK(ret);
}

static void gets(void)
{
	setup();
	EXPECT_EQ(USE(&r, ring_prep_getxattr, NAME, value, path, sizeof(value)), 6);
	EXPECT_MEMEQ(value, "before", 7);
	memset(value, 0, sizeof(value));
	EXPECT_EQ(USE(&r, ring_prep_fgetxattr, file, NAME, value, 6), 6);
	EXPECT_MEMEQ(value, "before", 7);
	EXPECT_EQ(USE(&r, ring_prep_getxattr, NAME, NULL, path, 0), 6);
	EXPECT_EQ(USE(&r, ring_prep_fgetxattr, file, NAME, NULL, 0), 6);
}

static void gets_refused(void)
{
	setup();
	EXPECT_EQ(USE(&r, ring_prep_getxattr, NAME, value, path, 5), -ERANGE);
	EXPECT_EQ(USE(&r, ring_prep_fgetxattr, file, NAME, value, 5), -ERANGE);
	EXPECT_EQ(USE(&r, ring_prep_getxattr, "user.none", value, path, 32), -ENODATA);
	EXPECT_EQ(USE(&r, ring_prep_fgetxattr, file, "user.none", value, 32), -ENODATA);
	EXPECT_EQ(USE(&r, ring_prep_getxattr, "none.none", value, path, 32), -EOPNOTSUPP);
	EXPECT_EQ(USE(&r, ring_prep_getxattr, NAME, value, "/none", 32), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_getxattr, NAME, NULL, path, 32), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_getxattr, NULL, value, path, 32), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_getxattr, "", value, path, 32), -ERANGE);
	EXPECT_EQ(USE(&r, ring_prep_fgetxattr, -1, NAME, value, 32), -EBADF);
}

static void sets(void)
{
	setup();
	EXPECT_EQ(USE(&r, ring_prep_setxattr, NAME, "by path", path, 0, 7), 0);
	EXPECT_EQ(sys_fgetxattr(file, NAME, value, sizeof(value)), 7);
	EXPECT_MEMEQ(value, "by path", 7);
	EXPECT_EQ(USE(&r, ring_prep_fsetxattr, file, NAME, "by fd", XATTR_REPLACE, 5), 0);
	EXPECT_EQ(sys_getxattr(path, NAME, value, sizeof(value)), 5);
	EXPECT_MEMEQ(value, "by fd", 5);
	EXPECT_EQ(USE(&r, ring_prep_setxattr, NAME "2", NULL, path, XATTR_CREATE, 0), 0);
	EXPECT_EQ(sys_getxattr(path, NAME "2", value, sizeof(value)), 0);
}

static void sets_refused(void)
{
	setup();
	EXPECT_EQ(USE(&r, ring_prep_setxattr, NAME, "x", path, XATTR_CREATE, 1), -EEXIST);
	EXPECT_EQ(USE(&r, ring_prep_fsetxattr, file, NAME, "x", XATTR_CREATE, 1), -EEXIST);
	EXPECT_EQ(USE(&r, ring_prep_setxattr, NAME "3", "x", path, XATTR_REPLACE, 1), -ENODATA);
	EXPECT_EQ(USE(&r, ring_prep_setxattr, NAME, "x", path, 4, 1), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_setxattr, NAME, NULL, path, 0, 1), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_setxattr, NAME, "x", path, 0, XATTR_SIZE_MAX + 1), -E2BIG);
	EXPECT_EQ(USE(&r, ring_prep_setxattr, "none.none", "x", path, 0, 1), -EOPNOTSUPP);
	EXPECT_EQ(USE(&r, ring_prep_setxattr, NAME, "x", "/none", 0, 1), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_fsetxattr, -1, NAME, "x", 0, 1), -EBADF);
	EXPECT_EQ(sys_getxattr(path, NAME, value, sizeof(value)), 6);
}

/* A worker sets it, later than submission. */
static void values_may_go(void)
{
	char name[] = "user.first";
	char what[] = "first";

	setup();
	ring_prep_setxattr(use_sqe(&r), name, what, path, 0, 5);
	ASSERT_EQ(ring_submit(&r), 1);
	name[5] = what[0] = path[1] = 'X';
	EXPECT_EQ(use_cqe(&r).res, 0);
	EXPECT_EQ(sys_fgetxattr(file, "user.first", value, sizeof(value)), 5);
	EXPECT_MEMEQ(value, "first", 5);
}

#define IN_DIR .fixture = &use_dir_fixture

static const struct test_case cases[] = {
	TEST("an attribute is read, by path and by descriptor", gets, IN_DIR),
	TEST("reading an attribute fails as the system call does", gets_refused, IN_DIR),
	TEST("an attribute is set, by path and by descriptor", sets, IN_DIR),
	TEST("setting an attribute fails as the system call does", sets_refused, IN_DIR),
	TEST("name, value and path may go when they are submitted", values_may_go, IN_DIR),
};
TEST_SUITE(ring_prep_fs_xattr, cases);
