/* SPDX-License-Identifier: MIT */
/* selftests/blockdev.h: the other process does what it is told, and leaves with who made it. */
#include "selftests/blockdev.h"

#include <asm/errno.h>
#include <linux/mman.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

/* One in some tens met the gap between fork and the wish to be killed. */
#define NR_SUDDEN_ENDS 200

static void does_as_told(void)
{
	struct oracle_op op = { .kind = ORACLE_WRITE, .offset_bytes = 512, .len_bytes = 4096 };
	struct blockdev b;
	char path[64];
	int fd = sys_memfd_create("blockdev", 0);

	ASSERT_OK(fd);
	fmt_print(path, sizeof(path), "/proc/%d/fd/%d", sys_getpid(), fd);
	blockdev_fork(&b);
	EXPECT_EQ(blockdev_do(&b, &op), -EBADF);
	ASSERT_OK(blockdev_open(&b, path, O_RDWR));
	memset(b.buf, 0x5a, 4096);
	EXPECT_EQ(blockdev_do(&b, &op), 4096);
	memset(b.buf, 0, 4096);
	op.kind = ORACLE_READ;
	EXPECT_EQ(blockdev_do(&b, &op), 4096);
	for (u32 i = 0; i < 4096; i++)
		ASSERT_EQ(b.buf[i], 0x5a);
	EXPECT_OK(blockdev_close(&b));
	blockdev_end(&b);
	(void)sys_close(fd);
}

/* What stays is found by the harness. */
static void ends_with_a_sudden_parent(void)
{
	for (u32 i = 0; i < NR_SUDDEN_ENDS; i++) {
		struct blockdev b;
		int status;
		int pid = sys_fork();

		ASSERT_OK(pid);
		if (!pid) {
			blockdev_fork(&b);
			sys_exit_group(0);
		}
		ASSERT_EQ(sys_wait4(pid, &status, 0), pid);
		EXPECT_EQ(status, 0);
	}
}

static const struct test_case cases[] = {
	TEST("the other process does as it is told", does_as_told),
	TEST("it ends even when its parent is gone at once", ends_with_a_sudden_parent),
};
TEST_SUITE(blockdev, cases);
