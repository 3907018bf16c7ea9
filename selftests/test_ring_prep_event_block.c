/* SPDX-License-Identifier: MIT */
/* ring/prep_event.h, proved by doing it: the discard of a block device */
#include <linux/fcntl.h>

#include "selftests/ring_play.h"

enum { PAGE = 4096, NR_PAGES = 4 };

static u8 pages[NR_PAGES * PAGE] __attribute__((aligned(PAGE)));

/* A disk that may be overwritten and discards: null_blk with memory, where somebody has loaded it
 * and nothing uses it */
static int disk(int flags)
{
	int fd = sys_openat(AT_FDCWD, "/dev/nullb0", flags | O_DIRECT, 0);

	if (fd < 0)
		test_skip("there is no disk to discard: /dev/nullb0");
	return fd;
}

/* What it should be: pages full of their number from 1, but for the one that is gone */
static void expect_pages(int fd, u32 gone)
{
	ASSERT_EQ(sys_pread64(fd, pages, sizeof(pages), 0), (s64)sizeof(pages));
	for (u32 i = 0; i < sizeof(pages); i++)
		ASSERT_EQ(pages[i], i / PAGE == gone ? 0 : i / PAGE + 1);
}

static s32 discard(struct ring *r, int fd, u64 offset, u64 len)
{
	ring_prep_cmd_discard(play_sqe(r), fd, offset, len);
	return play_result(r);
}

static void discards(void)
{
	int fd = disk(O_RDWR | O_EXCL);
	struct ring r;
	s32 res;

	play_ring(&r, 0);
	for (u32 i = 0; i < sizeof(pages); i++)
		pages[i] = (u8)(i / PAGE + 1);
	ASSERT_EQ(sys_pwrite64(fd, pages, sizeof(pages), 0), (s64)sizeof(pages));
	res = discard(&r, fd, 2 * PAGE, PAGE);
	if (res == -EOPNOTSUPP)
		need_linux("6.12", "commands of block devices");
	if (res == -EINVAL && is_linux("7.0"))
		need_linux("7.1", "discards by request, which some 7.0 refuse");
	EXPECT_EQ(res, 0);
	expect_pages(fd, 2);
	EXPECT_EQ(discard(&r, fd, 100, PAGE), -EINVAL);
	EXPECT_EQ(discard(&r, fd, PAGE, 100), -EINVAL);
	EXPECT_EQ(discard(&r, fd, PAGE, 0), -EINVAL);
	EXPECT_EQ(discard(&r, fd, 1ULL << 50, PAGE), -EINVAL);
	EXPECT_EQ(discard(&r, disk(O_RDONLY), 0, PAGE), -EBADF);
	expect_pages(fd, 2);
}

static const struct test_case cases[] = {
	TEST("a disk discards what it is told to, and nothing else", discards),
};
TEST_SUITE(ring_prep_event_block, cases);
