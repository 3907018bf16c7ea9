/* SPDX-License-Identifier: MIT */
/* A directory in a test. */
#include "selftests/use_dir.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

static int dir_fd = -1;

static void make(void)
{
	struct use_dir *dir = test_fixture();

	fmt_print(dir->path, sizeof(dir->path), "/tmp/bareblk-%d", (int)sys_getpid());
	ASSERT_OK(sys_mkdirat(AT_FDCWD, dir->path, 0700));
	dir_fd = sys_openat(AT_FDCWD, dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	ASSERT_OK(dir_fd);
}

/* What getdents64(2) gives: inode and offset, 8 bytes each, its own length, type, name */
enum { DENT_LEN = 16, DENT_NAME = 19 };

static u16 length(const char *entry)
{
	return *(const u16 *)(const void *)(entry + DENT_LEN);
}

static void empty(int fd)
{
	static char buf[8192] __attribute__((aligned(8)));
	long len;

	while ((len = sys_getdents64(fd, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < len; at += length(buf + at)) {
			const char *name = buf + at + DENT_NAME;

			if (str_eq(name, ".") || str_eq(name, ".."))
				continue;
			if (sys_unlinkat(fd, name, 0) < 0)
				EXPECT_OK(sys_unlinkat(fd, name, AT_REMOVEDIR));
		}
	}
}

static void remove_all(void)
{
	struct use_dir *dir = test_fixture();
	int fd = sys_openat(AT_FDCWD, dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	empty(fd);
	sys_close(fd);
	EXPECT_OK(sys_unlinkat(AT_FDCWD, dir->path, AT_REMOVEDIR));
}

const struct test_fixture use_dir_fixture = {
	.size_bytes = sizeof(struct use_dir),
	.setup = make,
	.teardown = remove_all,
};

int use_dir_fd(void)
{
	return dir_fd;
}

const char *use_dir_path(char buf[128], const char *name)
{
	struct use_dir *dir = test_fixture();

	fmt_print(buf, 128, "%s/%s", dir->path, name);
	return buf;
}

/* A namespace of mounts once, also where that takes one of users */
static bool own_mounts(void)
{
	static bool has_own;

	if (has_own)
		return true;
	if (sys_unshare(CLONE_NEWNS) && sys_unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return false;
	has_own = !sys_mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return has_own;
}

void use_dir_mount(const char *name, const char *options)
{
	char path[128];
	int err = 0;

	use_dir_path(path, name);
	if (name[0])
		err = sys_mkdirat(AT_FDCWD, path, 0755);
	if ((err && err != -EEXIST) || !own_mounts() || sys_mount("none", path, "tmpfs", 0, options))
		test_skip("no mount with %s here", options);
}
