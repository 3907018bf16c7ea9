/* SPDX-License-Identifier: MIT */
/* ring/prep_fs.h, proved by doing it: opening, closing, and what is in a directory */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#include "ring/prep.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_use.h"
#include "selftests/use_dir.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

static struct ring r;
static int dir;

static int setup(void)
{
	use_ring(&r, 0);
	dir = use_dir_fd();
	return dir;
}

static void touch(const char *name)
{
	int fd = sys_openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0600);

	ASSERT_OK(fd);
	ASSERT_OK(sys_write(fd, name, str_len(name)));
	sys_close(fd);
}

static struct statx stat_of(int fd, const char *name)
{
	struct statx st = { .stx_mode = 0 };

	if (sys_statx(fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) < 0)
		st.stx_mode = 0;
	return st;
}

static bool is_there(const char *name)
{
	return stat_of(dir, name).stx_mode != 0;
}

/* The number of a file, by which it is found again under another name */
static u64 inode(const char *name)
{
	return stat_of(dir, name).stx_ino;
}

static void opens(void)
{
	char path[128];
	int fd;

	setup();
	fd = USE(&r, ring_prep_openat, dir, "new", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0640);
	ASSERT_OK(fd);
	EXPECT_EQ(stat_of(dir, "new").stx_mode, S_IFREG | 0640);
	EXPECT_EQ(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
	EXPECT_EQ(sys_write(fd, "x", 1), 1);
	fd = USE(&r, ring_prep_open, use_dir_path(path, "new"), O_RDONLY | O_APPEND, 0);
	ASSERT_OK(fd);
	EXPECT_EQ(sys_fcntl(fd, F_GETFD, 0), 0);
	EXPECT_TRUE(sys_fcntl(fd, F_GETFL, 0) & O_APPEND);
	EXPECT_EQ(sys_write(fd, "x", 1), -EBADF);
	EXPECT_EQ(stat_of(fd, "").stx_ino, inode("new"));
}

static void opens_refused(void)
{
	struct io_uring_sqe *sqe;

	setup();
	touch("file");
	EXPECT_EQ(USE(&r, ring_prep_openat, dir, "nothing", O_RDONLY, 0), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_openat, dir, "file", O_CREAT | O_EXCL, 0600), -EEXIST);
	EXPECT_EQ(USE(&r, ring_prep_openat, dir, "file", O_DIRECTORY, 0), -ENOTDIR);
	EXPECT_EQ(USE(&r, ring_prep_openat, dir, "file/x", O_RDONLY, 0), -ENOTDIR);
	EXPECT_EQ(USE(&r, ring_prep_openat, dir, ".", O_WRONLY, 0), -EISDIR);
	EXPECT_EQ(USE(&r, ring_prep_openat, -1, "file", O_RDONLY, 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_openat, dir, NULL, O_RDONLY, 0), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_open, "", O_RDONLY, 0), -ENOENT);
	sqe = use_sqe(&r);
	ring_prep_openat(sqe, dir, "file", O_RDONLY, 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	EXPECT_EQ(use_result(&r), -EBADF);
}

static void opens_by_rules(void)
{
	struct open_how how = { .flags = O_CREAT | O_RDWR, .mode = 0604 };
	struct open_how inside = { .resolve = RESOLVE_BENEATH };
	struct open_how unknown = { .flags = 1ULL << 40 };
	int fd;

	setup();
	fd = USE(&r, ring_prep_openat2, dir, "file", &how);
	ASSERT_OK(fd);
	EXPECT_EQ(stat_of(fd, "").stx_mode, S_IFREG | 0604);
	EXPECT_OK(USE(&r, ring_prep_openat2, dir, "file", &inside));
	EXPECT_EQ(USE(&r, ring_prep_openat2, dir, "..", &inside), -EXDEV);
	EXPECT_EQ(USE(&r, ring_prep_openat2, dir, "nothing", &inside), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_openat2, dir, "file", &unknown), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_openat2, dir, "file", NULL), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_openat2, -1, "file", &inside), -EBADF);
}

/* What creates is done by a worker, later than submission; the names that it uses
 * are those of then. */
static void names_may_go(void)
{
	struct open_how how = { .flags = O_CREAT | O_RDWR, .mode = 0600 };
	char a[] = "open_1";
	char b[] = "made_1";
	char c[] = "two__1";

	setup();
	ring_prep_openat(use_sqe(&r), dir, a, O_CREAT | O_RDWR, 0600);
	ring_prep_mkdirat(use_sqe(&r), dir, b, 0700);
	ring_prep_openat2(use_sqe(&r), dir, c, &how);
	ASSERT_EQ(ring_submit(&r), 3);
	a[5] = b[5] = c[5] = '2';
	how = (struct open_how){ .flags = 1ULL << 40 };
	for (u32 i = 0; i < 3; i++)
		EXPECT_OK(use_cqe(&r).res);
	EXPECT_TRUE(is_there("open_1") && is_there("made_1") && is_there("two__1"));
}

static void closes(void)
{
	int fd = sys_eventfd2(0, 0);

	setup();
	ASSERT_OK(sys_fcntl(fd, F_GETFD, 0));
	EXPECT_EQ(USE(&r, ring_prep_close, fd), 0);
	EXPECT_EQ(sys_fcntl(fd, F_GETFD, 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_close, fd), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_close, -1), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_close, r.fd), -EBADF);
	EXPECT_OK(sys_fcntl(r.fd, F_GETFD, 0));
}

static void stats(void)
{
	struct statx ours;
	struct statx theirs;

	setup();
	touch("file");
	memset(&ours, 0xee, sizeof(ours));
	memset(&theirs, 0x11, sizeof(theirs));
	EXPECT_EQ(USE(&r, ring_prep_statx, dir, "file", 0, STATX_ALL, &ours), 0);
	ASSERT_OK(sys_statx(dir, "file", 0, STATX_ALL, &theirs));
	EXPECT_MEMEQ(&ours, &theirs, sizeof(ours));
	EXPECT_EQ(USE(&r, ring_prep_statx, dir, "", AT_EMPTY_PATH, STATX_TYPE, &ours), 0);
	EXPECT_EQ(ours.stx_mode & S_IFMT, S_IFDIR);
	EXPECT_EQ(USE(&r, ring_prep_statx, dir, "", 0, STATX_TYPE, &ours), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_statx, dir, "nothing", 0, STATX_ALL, &ours), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_statx, dir, "file", 1U << 30, STATX_ALL, &ours), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_statx, dir, "file", 0, 1U << 31, &ours), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_statx, dir, "file", 0, STATX_ALL, NULL), -EFAULT);
	EXPECT_EQ(USE(&r, ring_prep_statx, -1, "file", 0, STATX_ALL, &ours), -EBADF);
}

static void renames(void)
{
	char from[128];
	char to[128];
	u64 a;
	u64 b;

	setup();
	touch("a");
	touch("b");
	a = inode("a");
	b = inode("b");
	EXPECT_EQ(USE(&r, ring_prep_renameat, dir, "a", dir, "b", RENAME_NOREPLACE), -EEXIST);
	EXPECT_EQ(USE(&r, ring_prep_renameat, dir, "a", dir, "b", RENAME_EXCHANGE), 0);
	EXPECT_EQ(inode("a"), b);
	EXPECT_EQ(inode("b"), a);
	EXPECT_EQ(USE(&r, ring_prep_renameat, dir, "a", dir, "c", RENAME_NOREPLACE), 0);
	EXPECT_EQ(inode("c"), b);
	EXPECT_TRUE(!is_there("a"));
	use_dir_path(from, "c");
	use_dir_path(to, "b");
	EXPECT_EQ(USE(&r, ring_prep_rename, from, to), 0);
	EXPECT_EQ(inode("b"), b);
	EXPECT_EQ(USE(&r, ring_prep_rename, from, to), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_renameat, dir, "b", dir, "c", 1U << 31), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_renameat, -1, "b", dir, "c", 0), -EBADF);
	EXPECT_EQ(USE(&r, ring_prep_renameat, dir, "b", -1, "c", 0), -EBADF);
}

static void unlinks(void)
{
	char path[128];

	setup();
	touch("a");
	touch("b");
	ASSERT_OK(sys_mkdirat(dir, "d", 0700));
	EXPECT_EQ(USE(&r, ring_prep_unlinkat, dir, "a", 0), 0);
	EXPECT_EQ(USE(&r, ring_prep_unlink, use_dir_path(path, "b"), 0), 0);
	EXPECT_TRUE(!is_there("a") && !is_there("b"));
	EXPECT_EQ(USE(&r, ring_prep_unlinkat, dir, "d", 0), -EISDIR);
	EXPECT_EQ(USE(&r, ring_prep_unlinkat, dir, "d", AT_REMOVEDIR), 0);
	EXPECT_TRUE(!is_there("d"));
	EXPECT_EQ(USE(&r, ring_prep_unlinkat, dir, "a", 0), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_unlinkat, dir, "a", 1), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_unlinkat, -1, "a", 0), -EBADF);
}

static void makes_directories(void)
{
	char path[128];

	setup();
	EXPECT_EQ(USE(&r, ring_prep_mkdirat, dir, "d", 0711), 0);
	EXPECT_EQ(stat_of(dir, "d").stx_mode, S_IFDIR | 0711);
	EXPECT_EQ(USE(&r, ring_prep_mkdir, use_dir_path(path, "e"), 0700), 0);
	EXPECT_EQ(stat_of(dir, "e").stx_mode, S_IFDIR | 0700);
	EXPECT_EQ(USE(&r, ring_prep_mkdirat, dir, "d", 0711), -EEXIST);
	EXPECT_EQ(USE(&r, ring_prep_mkdirat, dir, "no/thing", 0711), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_mkdirat, -1, "x", 0711), -EBADF);
}

static void links(void)
{
	char path[128];
	char other[128];
	char says[16] = "";

	setup();
	touch("a");
	EXPECT_EQ(USE(&r, ring_prep_symlinkat, "a", dir, "s"), 0);
	EXPECT_EQ(sys_readlinkat(dir, "s", says, 16), 1);
	EXPECT_STREQ(says, "a");
	EXPECT_EQ(USE(&r, ring_prep_symlink, "where", use_dir_path(path, "t")), 0);
	EXPECT_EQ(sys_readlinkat(dir, "t", says, 16), 5);
	EXPECT_STREQ(says, "where");
	EXPECT_EQ(USE(&r, ring_prep_symlinkat, "a", dir, "s"), -EEXIST);
	EXPECT_EQ(USE(&r, ring_prep_symlinkat, "", dir, "u"), -ENOENT);
	EXPECT_EQ(USE(&r, ring_prep_symlinkat, "a", -1, "u"), -EBADF);

	EXPECT_EQ(USE(&r, ring_prep_linkat, dir, "a", dir, "b", 0), 0);
	EXPECT_EQ(inode("b"), inode("a"));
	EXPECT_EQ(USE(&r, ring_prep_linkat, dir, "s", dir, "c", AT_SYMLINK_FOLLOW), 0);
	EXPECT_EQ(inode("c"), inode("a"));
	EXPECT_EQ(USE(&r, ring_prep_linkat, dir, "s", dir, "d", 0), 0);
	EXPECT_EQ(inode("d"), inode("s"));
	use_dir_path(other, "a");
	EXPECT_EQ(USE(&r, ring_prep_link, other, use_dir_path(path, "e"), 0), 0);
	EXPECT_EQ(stat_of(dir, "a").stx_nlink, 4);
	EXPECT_EQ(USE(&r, ring_prep_link, other, path, 0), -EEXIST);
	EXPECT_EQ(USE(&r, ring_prep_linkat, dir, "a", dir, "f", 1U << 31), -EINVAL);
	EXPECT_EQ(USE(&r, ring_prep_linkat, dir, "a", -1, "f", 0), -EBADF);
}

#define IN_DIR .fixture = &use_dir_fixture

static const struct test_case cases[] = {
	TEST("a file is made and opened with its mode and flags", opens, IN_DIR),
	TEST("opening fails with the errors of the system call", opens_refused, IN_DIR),
	TEST("openat2 keeps to its rules", opens_by_rules, IN_DIR),
	TEST("names may go when they are submitted", names_may_go, IN_DIR),
	TEST("a descriptor is closed, but not a ring's", closes, IN_DIR),
	TEST("a stat is that of the system call", stats, IN_DIR),
	TEST("files change names, and each other's", renames, IN_DIR),
	TEST("files and directories are removed", unlinks, IN_DIR),
	TEST("directories are made", makes_directories, IN_DIR),
	TEST("links are made, soft and hard", links, IN_DIR),
};
TEST_SUITE(ring_prep_fs, cases);
