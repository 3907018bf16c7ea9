/* SPDX-License-Identifier: MIT */
/* ring/fanout.h: one buffer to several files */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/resource.h>

#include "ring/fanout.h"
#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "uapi/sys.h"

enum { SIGXFSZ_NR = 25, SIGPIPE_NR = 13, SIGCONT_NR = 18, SIGSTOP_NR = 19 };

static void make(struct ring *r, u32 entries, u32 flags)
{
	struct io_uring_params p = { .flags = flags };
	int err = ring_init(r, entries, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

static s32 new_file(void)
{
	s32 fd = sys_memfd_create("leg", 0);

	ASSERT_OK(fd);
	return fd;
}

static void holds(s32 fd, u64 offset, const char *text, u32 len)
{
	char buf[64] = "";

	EXPECT_EQ(sys_pread64(fd, buf, len, offset), len);
	EXPECT_MEMEQ(buf, text, len);
}

static u32 nr_done;

static void count(struct ring_fanout *f)
{
	EXPECT_EQ(f->nr_left, 0);
	nr_done++;
}

static void ignore(int nr)
{
	struct sys_sigaction act = { .handler = (void (*)(int))1 };

	ASSERT_OK(sys_rt_sigaction(nr, &act, NULL));
}

static const u32 kinds[] = {
	0,
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY,
	IORING_SETUP_SQE128,
	IORING_SETUP_SQPOLL,
};

static void to_all(void)
{
	for (u32 kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		struct ring_fanout_leg legs[3] = {
			{ .fd = new_file(), .offset_bytes = 0 },
			{ .fd = new_file(), .offset_bytes = 5000000000 },
			{ .fd = new_file(), .offset_bytes = RING_FANOUT_POSITION },
		};
		struct ring_fanout f;
		struct ring r;

		test_row("flags 0x%x", kinds[kind]);
		nr_done = 0;
		make(&r, 8, kinds[kind]);
		ASSERT_EQ(sys_lseek(legs[2].fd, 100, SEEK_SET), 100);
		ASSERT_OK(ring_fanout_write(&f, &r, legs, 3, "hello", 5, count));
		EXPECT_EQ(nr_done, 0);
		EXPECT_EQ(ring_sq_ready(&r), 3);
		while (!nr_done)
			ASSERT_GE(ring_turn(&r, 5000000000), 0);
		EXPECT_EQ(nr_done, 1);
		EXPECT_EQ(ring_fanout_wait(&f), 0);
		holds(legs[0].fd, 0, "hello", 5);
		holds(legs[1].fd, 5000000000, "hello", 5);
		holds(legs[2].fd, 100, "hello", 5);
		for (u32 i = 0; i < 3; i++) {
			EXPECT_EQ(legs[i].done_bytes, 5);
			EXPECT_EQ(legs[i].err, 0);
			sys_close(legs[i].fd);
		}
		ring_exit(&r);
	}
}

static void each_has_its_result(void)
{
	struct rlimit64 limit = { .rlim_cur = 10, .rlim_max = RLIM64_INFINITY };
	struct ring_fanout_leg legs[6] = {
		{ .fd = new_file() },
		{ .fd = -1 },
		{ .fd = new_file(), .offset_bytes = 6 },
		{ .fd = sys_openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0) },
		{ .fd = new_file(), .offset_bytes = 10 },
		{ .fd = new_file(), .offset_bytes = 2 },
	};
	struct ring_fanout f;
	struct ring r;

	make(&r, 8, 0);
	ignore(SIGXFSZ_NR);
	ASSERT_OK(sys_prlimit64(0, RLIMIT_FSIZE, &limit, NULL));
	ASSERT_OK(ring_fanout_write(&f, &r, legs, 6, "01234567", 8, NULL));
	EXPECT_ERR(ring_fanout_wait(&f), -EBADF);
	EXPECT_EQ(f.nr_left, 0);
	EXPECT_EQ(legs[0].done_bytes, 8);
	EXPECT_EQ(legs[0].err, 0);
	EXPECT_EQ(legs[1].done_bytes, 0);
	EXPECT_ERR(legs[1].err, -EBADF);
	/* Short at the limit, and then no further */
	EXPECT_EQ(legs[2].done_bytes, 4);
	EXPECT_ERR(legs[2].err, -EFBIG);
	holds(legs[2].fd, 6, "0123", 4);
	EXPECT_EQ(legs[3].done_bytes, 0);
	EXPECT_ERR(legs[3].err, -EBADF);
	EXPECT_EQ(legs[4].done_bytes, 0);
	EXPECT_ERR(legs[4].err, -EFBIG);
	EXPECT_EQ(legs[5].done_bytes, 8);
	EXPECT_EQ(legs[5].err, 0);
	ring_exit(&r);
}

static u8 pattern(u64 at)
{
	return (u8)(at * 7 + (at >> 12));
}

/* A pipe's other end: everything, in order, with breaks */
static int drain(s32 fd, u32 len)
{
	int child = sys_fork();
	u8 buf[4096];
	u32 at = 0;

	ASSERT_OK(child);
	if (child)
		return child;
	while (at < len) {
		long ret = sys_read(fd, buf, sizeof(buf));

		if (ret <= 0)
			sys_exit_group(1);
		for (long i = 0; i < ret; i++, at++) {
			if (buf[i] != pattern(at))
				sys_exit_group(2);
		}
		if (at % 131072 == 0)
			test_sleep_ms(2);
	}
	sys_exit_group(0);
}

static void short_writes_go_on(void)
{
	static u8 data[600000];
	static u8 back[600000];
	struct ring_fanout_leg legs[3] = {
		{ .offset_bytes = RING_FANOUT_POSITION },
		{ .fd = new_file(), .offset_bytes = 7 },
		{ .offset_bytes = RING_FANOUT_POSITION },
	};
	struct ring_fanout f;
	int children[2];
	struct ring r;
	int status;
	int fds[2];

	/* Two entries: what is left has to find room again and again. */
	make(&r, 2, 0);
	for (u32 i = 0; i < sizeof(data); i++)
		data[i] = pattern(i);
	for (u32 i = 0; i < 2; i++) {
		ASSERT_OK(sys_pipe2(fds, 0));
		ASSERT_OK(sys_fcntl(fds[1], F_SETFL, i ? O_NONBLOCK : 0));
		legs[i * 2].fd = fds[1];
		children[i] = drain(fds[0], sizeof(data));
		sys_close(fds[0]);
	}
	ASSERT_OK(ring_fanout_write(&f, &r, legs, 3, data, sizeof(data), count));
	EXPECT_EQ(ring_fanout_wait(&f), 0);
	EXPECT_EQ(nr_done, 1);
	for (u32 i = 0; i < 3; i++)
		EXPECT_EQ(legs[i].done_bytes, sizeof(data));
	for (u32 i = 0; i < 2; i++) {
		ASSERT_EQ(sys_wait4(children[i], &status, 0), children[i]);
		EXPECT_EQ(status, 0);
	}
	EXPECT_EQ(sys_pread64(legs[1].fd, back, sizeof(back), 7), sizeof(back));
	EXPECT_MEMEQ(back, data, sizeof(data));
	/* Nobody reads any more: of the pipes only. */
	ignore(SIGPIPE_NR);
	ASSERT_OK(ring_fanout_write(&f, &r, legs, 3, data, 10, count));
	EXPECT_ERR(ring_fanout_wait(&f), -EPIPE);
	EXPECT_ERR(legs[0].err, -EPIPE);
	EXPECT_EQ(legs[1].err, 0);
	EXPECT_EQ(legs[1].done_bytes, 10);
	EXPECT_ERR(legs[2].err, -EPIPE);
	ring_exit(&r);
}

static void more_files_than_entries(void)
{
	struct ring_fanout_leg legs[50];
	struct ring_fanout f;
	struct ring r;

	make(&r, 4, 0);
	for (u32 i = 0; i < 50; i++)
		legs[i] = (struct ring_fanout_leg){ .fd = new_file(), .offset_bytes = i };
	ASSERT_OK(ring_fanout_write(&f, &r, legs, 50, "many", 4, count));
	EXPECT_EQ(ring_fanout_wait(&f), 0);
	for (u32 i = 0; i < 50; i++)
		holds(legs[i].fd, i, "many", 4);
	EXPECT_EQ(nr_done, 1);
	ring_exit(&r);
}

static void slots_and_appends(void)
{
	struct ring_fanout_leg legs[2] = {
		{ .fd = 1, .is_fixed = true },
		{ .fd = new_file(), .offset_bytes = 1 },
	};
	s32 fds[2] = { new_file(), new_file() };
	struct ring_fanout f;
	struct ring r;

	make(&r, 4, 0);
	ASSERT_OK(ring_register_files(&r, fds, 2));
	ASSERT_OK(sys_fcntl(legs[1].fd, F_SETFL, O_APPEND));
	for (u32 i = 0; i < 3; i++) {
		ASSERT_OK(ring_fanout_write(&f, &r, legs, 2, "abc", 3, NULL));
		EXPECT_EQ(ring_fanout_wait(&f), 0);
	}
	holds(fds[1], 0, "abc", 3);
	EXPECT_EQ(sys_lseek(fds[0], 0, SEEK_END), 0);
	EXPECT_EQ(sys_lseek(fds[1], 0, SEEK_END), 3);
	holds(legs[1].fd, 0, "abcabcabc", 9);
	ring_exit(&r);
}

static struct ring_fanout_leg again_legs[2];
static u32 nr_again;

static void again(struct ring_fanout *f)
{
	nr_again++;
	for (u32 i = 0; i < 2; i++) {
		EXPECT_EQ(again_legs[i].err, 0);
		again_legs[i].offset_bytes += 3;
	}
	if (nr_again < 100)
		ASSERT_OK(ring_fanout_write(f, f->ring, again_legs, 2, "xyz", 3, again));
}

static void starts_again(void)
{
	struct ring_fanout f;
	struct ring r;

	make(&r, 2, 0);
	again_legs[0].fd = new_file();
	again_legs[1].fd = new_file();
	ASSERT_OK(ring_fanout_write(&f, &r, again_legs, 2, "xyz", 3, again));
	EXPECT_EQ(ring_fanout_wait(&f), 0);
	EXPECT_EQ(nr_again, 100);
	EXPECT_EQ(sys_lseek(again_legs[0].fd, 0, SEEK_END), 300);
	EXPECT_EQ(sys_lseek(again_legs[1].fd, 0, SEEK_END), 300);
	ring_exit(&r);
}

static void misuse(void)
{
	struct ring_fanout_leg legs[2] = { { .fd = new_file() }, { .fd = new_file() } };
	struct ring_fanout f;
	struct ring r;

	make(&r, 2, 0);
	EXPECT_ERR(ring_fanout_write(&f, &r, legs, 0, "x", 1, count), -EINVAL);
	ASSERT_OK(ring_fanout_write(&f, &r, legs, 2, "", 0, count));
	EXPECT_EQ(ring_fanout_wait(&f), 0);
	EXPECT_EQ(nr_done, 1);
	sys_close(r.fd);
	ring_prep_nop(ring_get_sqe(&r));
	/* One entry is left: the first is prepared, the second has no room. */
	ASSERT_OK(ring_fanout_write(&f, &r, legs, 2, "x", 1, count));
	EXPECT_EQ(f.nr_left, 1);
	EXPECT_ERR(legs[1].err, -EBUSY);
	EXPECT_ERR(ring_fanout_wait(&f), -EBADF);
	EXPECT_EQ(f.nr_left, 1);
	EXPECT_ERR(ring_fanout_write(&f, &r, legs, 2, "x", 1, count), -EBUSY);
	EXPECT_EQ(nr_done, 1);
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("every file gets the bytes, one callback comes at the end", to_all),
	TEST("each file has its own result", each_has_its_result),
	TEST("what a short write has left is written behind it", short_writes_go_on),
	TEST("more files than entries", more_files_than_entries),
	TEST("files by slot, and files that are appended to", slots_and_appends),
	TEST("the callback writes again", starts_again),
	TEST("misuse, no bytes, no entries", misuse),
};
TEST_SUITE(ring_fanout, cases);
