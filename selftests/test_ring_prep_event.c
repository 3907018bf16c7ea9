/* SPDX-License-Identifier: MIT */
/* ring/prep_event.h, proved by doing it: nops, messages between rings, epoll, commands */
#include <asm/poll.h>
#include <linux/eventpoll.h>
#include <linux/uio.h>

#include "selftests/ring_play.h"

static void register_files(struct ring *r, int a, int b)
{
	s32 fds[] = { a, b };

	ASSERT_OK(ring_register_files(r, fds, 2));
}

static void register_buffer(struct ring *r)
{
	static u8 page[4096];
	struct iovec iov = { .iov_base = page, .iov_len = sizeof(page) };

	ASSERT_OK(ring_register(r, IORING_REGISTER_BUFFERS, &iov, 1));
}

static void nop(void)
{
	struct ring r;

	play_ring(&r, 0);
	for (u64 i = 0; i < 3 * PLAY_ENTRIES; i++) {
		struct io_uring_sqe *sqe = play_sqe(&r);

		ring_prep_nop(sqe);
		play_tag(sqe, i, 0);
		play_expect(&r, i, 0);
	}
	play_sqe(&r)->opcode = 0xff;
	EXPECT_EQ(play_result(&r), -EINVAL);
}

/* Kernels before 6.10 refuse a nop's flags, or have never looked at them. */
static bool nop_refused(s32 res)
{
	return res == -EINVAL || (res == 0 && !is_linux("6.10"));
}

static void nop_results(void)
{
	static const s32 wanted[] = { 1, 0, -1, -EIO, 0x7fffffff, -0x7fffffff - 1, -4096, 4095 };
	struct ring r;

	play_ring(&r, 0);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		s32 got;

		ring_prep_nop_result(play_sqe(&r), wanted[i]);
		got = play_result(&r);
		if (i == 0 && nop_refused(got))
			need_linux("6.10", "a nop with a result of one's choice");
		EXPECT_EQ(got, wanted[i]);
	}
}

static void nop_lookups(void)
{
	enum { FILE = IORING_NOP_FILE, FIXED = FILE | IORING_NOP_FIXED_FILE,
	       BUFFER = IORING_NOP_FIXED_BUFFER, INJECT = IORING_NOP_INJECT_RESULT,
	       TW = IORING_NOP_TW };
	int fd = play_eventfd();
	const struct {
		u32 flags;
		s32 fd;
		u16 buf_index;
		s32 want;
		const char *since;
	} rows[] = {
		{ FILE, fd, 0, 0, "6.13" },
		{ FILE, 999, 0, -EBADF, "6.13" },
		{ FILE, -1, 0, -EBADF, "6.13" },
		{ FIXED, 0, 0, 0, "6.13" },
		{ FIXED, 1, 0, -EBADF, "6.13" },
		{ FIXED, 2, 0, -EBADF, "6.13" },
		{ BUFFER, -1, 0, 0, "6.13" },
		{ BUFFER, -1, 1, -EFAULT, "6.13" },
		{ FIXED | BUFFER | INJECT, 0, 0, 77, "6.13" },
		{ TW, -1, 0, 0, "6.16" },
		{ TW | INJECT, -1, 0, 77, "6.16" },
		{ 1U << 31, -1, 0, -EINVAL, "6.10" },
	};
	const char *missing = NULL;
	struct ring r;

	play_ring(&r, 0);
	register_files(&r, fd, -1);
	register_buffer(&r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct io_uring_sqe *sqe = play_sqe(&r);
		s32 got;

		test_row("flags 0x%x fd %d", rows[i].flags, rows[i].fd);
		ring_prep_nop_flags(sqe, rows[i].fd, 77, rows[i].flags);
		sqe->buf_index = rows[i].buf_index;
		if (!is_linux(rows[i].since)) {
			EXPECT_TRUE(nop_refused(play_result(&r)));
			missing = missing ? missing : rows[i].since;
			continue;
		}
		got = play_result(&r);
		/* Before 7.0 some say 0, though the request has failed. */
		if (got || is_linux("7.0") || rows[i].want >= 0)
			EXPECT_EQ(got, rows[i].want);
	}
	if (missing)
		need_linux(missing, "nops that look up files and buffers");
}

static void nop_large(void)
{
	struct play_cqe cqe;
	struct ring r;

	play_ring(&r, 0);
	ring_prep_nop_cqe32(play_sqe(&r), 1, 2);
	EXPECT_TRUE(nop_refused(play_result(&r)));
	ring_exit(&r);
	play_ring(&r, IORING_SETUP_CQE32);
	for (u64 i = 1; i < 300; i++) {
		struct io_uring_sqe *sqe = play_sqe(&r);

		ring_prep_nop_cqe32(sqe, ~i, i << 32);
		play_tag(sqe, i, 0);
		cqe = play_next(&r);
		if (nop_refused(cqe.res) && !is_linux("6.18"))
			need_linux("6.18", "a nop's large completion");
		EXPECT_EQ(cqe.user_data, i);
		EXPECT_EQ(cqe.res, 0);
		EXPECT_EQ(cqe.big[0], ~i);
		EXPECT_EQ(cqe.big[1], i << 32);
	}
}

static void nop128(void)
{
	struct ring r;

	play_ring(&r, 0);
	ring_prep_nop128(play_sqe(&r)); /* its second half is the next slot */
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_exit(&r);
	NEED_OP(IORING_OP_NOP128);
	play_ring(&r, IORING_SETUP_SQE128);
	for (u64 i = 0; i < 3 * PLAY_ENTRIES; i++) {
		struct io_uring_sqe *sqe = play_sqe(&r);

		if (i & 1)
			ring_prep_nop(sqe);
		else
			ring_prep_nop128(sqe);
		play_tag(sqe, i, 0);
		play_expect(&r, i, 0);
	}
}

/* Both sizes of both queues in one ring, ends and all */
static void nops_mixed(void)
{
	struct ring r;

	NEED_SETUP(IORING_SETUP_SQE_MIXED);
	play_ring(&r, IORING_SETUP_SQE_MIXED | IORING_SETUP_CQE_MIXED);
	for (u64 i = 0; i < 10 * PLAY_ENTRIES; i++) {
		struct io_uring_sqe *sqe = i % 3 ? play_sqe(&r) : ring_get_sqe128(&r);
		struct play_cqe cqe;

		ASSERT_NE(sqe, NULL);
		if (i % 3 == 0)
			ring_prep_nop128(sqe);
		else if (i % 3 == 1)
			ring_prep_nop_cqe32(sqe, i, ~i);
		else
			ring_prep_nop(sqe);
		play_tag(sqe, i, 0);
		cqe = play_next(&r);
		EXPECT_EQ(cqe.user_data, i);
		EXPECT_EQ(cqe.res, 0);
		EXPECT_EQ(cqe.flags, i % 3 == 1 ? IORING_CQE_F_32 : 0);
		EXPECT_EQ(cqe.big[1], i % 3 == 1 ? ~i : 0);
	}
}

static void messages(void)
{
	struct ring from;
	struct ring to;
	struct play_cqe cqe;
	int fd = play_eventfd();
	const struct {
		s32 fd;
		u32 flags;
		s32 want;
	} bad[] = {
		{ fd, 0, -EBADFD },
		{ -1, 0, -EBADF },
		{ 0, 1U << 7, -EINVAL },
		{ 0, IORING_MSG_RING_CQE_SKIP, -EINVAL },
	};

	play_ring(&from, 0);
	play_ring(&to, 0);
	for (u64 i = 0; i < 100; i++) {
		struct io_uring_sqe *sqe = play_sqe(&from);

		ring_prep_msg_ring(sqe, to.fd, (u32)i * 7, ~i, 0);
		play_tag(sqe, i, 0);
		play_expect(&from, i, 0);
		play_expect(&to, ~i, (s32)i * 7);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		test_row("fd %d flags 0x%x", bad[i].fd, bad[i].flags);
		ring_prep_msg_ring(play_sqe(&from), bad[i].fd ? bad[i].fd : to.fd, 1, 1,
				   bad[i].flags);
		EXPECT_EQ(play_result(&from), bad[i].want);
	}
	play_quiet(&to);
	ring_prep_msg_ring_cqe_flags(play_sqe(&from), to.fd, 5, 6, 0, 0xabcd0000);
	if (play_result(&from) == -EINVAL)
		need_linux("6.3", "messages with flags");
	cqe = play_next(&to);
	EXPECT_EQ(cqe.user_data, 6);
	EXPECT_EQ(cqe.res, 5);
	EXPECT_EQ(cqe.flags, 0xabcd0000);
}

/* A ring that takes messages only from a thread that may not touch it: each goes through the
 * task of the other ring. */
static void messages_deferred(void)
{
	struct ring from;
	struct ring to;

	play_ring(&from, 0);
	play_ring(&to, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	ring_prep_msg_ring(play_sqe(&from), to.fd, 3, 4, 0);
	EXPECT_EQ(play_result(&from), 0);
	play_expect(&to, 4, 3);
	ring_exit(&to);
	play_ring(&to, IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER);
	ring_prep_msg_ring(play_sqe(&from), to.fd, 3, 4, 0);
	EXPECT_EQ(play_result(&from), -EBADFD);
}

/* Reads what it counts from the eventfd in a slot */
static u64 read_slot(struct ring *r, s32 slot)
{
	struct io_uring_sqe *sqe = play_sqe(r);
	u64 value = 0;

	ring_prep_read(sqe, slot, &value, sizeof(value), 0);
	play_tag(sqe, 0, IOSQE_FIXED_FILE);
	EXPECT_EQ(play_result(r), sizeof(value));
	return value;
}

static void messages_with_files(void)
{
	struct ring from;
	struct ring to;
	int fd = play_eventfd();
	u64 value = 0x1234;

	play_ring(&from, 0);
	play_ring(&to, 0);
	register_files(&from, fd, -1);
	ring_prep_msg_ring_fd(play_sqe(&from), to.fd, 0, 1, 9, 0);
	EXPECT_EQ(play_result(&from), -ENXIO); /* it has no table */
	register_files(&to, -1, -1);
	ring_prep_msg_ring_fd(play_sqe(&from), to.fd, 0, 1, 9, 0);
	EXPECT_EQ(play_result(&from), 0);
	play_expect(&to, 9, 0);
	ASSERT_EQ(sys_write(fd, &value, 8), 8);
	EXPECT_EQ(read_slot(&to, 1), value);
	ring_prep_msg_ring_fd_alloc(play_sqe(&from), to.fd, 0, 10, IORING_MSG_RING_CQE_SKIP);
	EXPECT_EQ(play_result(&from), 0); /* the slot that was free */
	play_quiet(&to);
	ASSERT_EQ(sys_write(fd, &value, 8), 8);
	EXPECT_EQ(read_slot(&to, 0), value);
	ring_prep_msg_ring_fd_alloc(play_sqe(&from), to.fd, 0, 10, 0);
	EXPECT_EQ(play_result(&from), -ENFILE);
	ring_prep_msg_ring_fd(play_sqe(&from), to.fd, 0, 2, 10, 0);
	EXPECT_EQ(play_result(&from), -EINVAL);
	ring_prep_msg_ring_fd(play_sqe(&from), to.fd, 1, 0, 10, 0);
	EXPECT_EQ(play_result(&from), -EBADF);
	ring_prep_msg_ring_fd(play_sqe(&from), from.fd, 0, 1, 10, 0);
	EXPECT_EQ(play_result(&from), -EINVAL); /* to itself */
	play_quiet(&to);
}

static void epoll_ctl(void)
{
	int epfd = sys_epoll_create1(0);
	int fd = play_eventfd();
	struct epoll_event ev = { .events = EPOLLIN, .data = 0x123456789abcdef0 };
	struct epoll_event out;
	const struct {
		s32 epfd;
		s32 fd;
		s32 op;
		s32 want;
	} rows[] = {
		{ epfd, fd, EPOLL_CTL_MOD, -ENOENT }, { epfd, fd, EPOLL_CTL_DEL, -ENOENT },
		{ epfd, fd, EPOLL_CTL_ADD, 0 },	      { epfd, fd, EPOLL_CTL_ADD, -EEXIST },
		{ epfd, fd, EPOLL_CTL_MOD, 0 },	      { epfd, fd, EPOLL_CTL_DEL, 0 },
		{ epfd, fd, 77, -EINVAL },	      { fd, epfd, EPOLL_CTL_ADD, -EINVAL },
		{ epfd, 999, EPOLL_CTL_ADD, -EBADF }, { 999, fd, EPOLL_CTL_ADD, -EBADF },
		{ epfd, epfd, EPOLL_CTL_ADD, -EINVAL },
	};
	u64 value = 1;
	struct ring r;

	play_ring(&r, 0);
	ASSERT_EQ(sys_write(fd, &value, 8), 8);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("row %zu", i);
		ring_prep_epoll_ctl(play_sqe(&r), rows[i].epfd, rows[i].fd, rows[i].op, &ev);
		EXPECT_EQ(play_result(&r), rows[i].want);
	}
	ring_prep_epoll_ctl(play_sqe(&r), epfd, fd, EPOLL_CTL_ADD, NULL);
	EXPECT_EQ(play_result(&r), -EFAULT);
	ring_prep_epoll_ctl(play_sqe(&r), epfd, fd, EPOLL_CTL_ADD, &ev);
	EXPECT_EQ(play_result(&r), 0);
	ASSERT_EQ(sys_epoll_wait(epfd, &out, 1, 0), 1);
	EXPECT_EQ(out.data, ev.data);
	EXPECT_EQ(out.events, EPOLLIN);
}

static void epoll_wait(void)
{
	int epfd = sys_epoll_create1(0);
	struct epoll_event out[4];
	u64 value = 1;
	int fds[3];
	struct ring r;

	NEED_OP(IORING_OP_EPOLL_WAIT);
	play_ring(&r, 0);
	for (u64 i = 0; i < 3; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data = i };

		fds[i] = play_eventfd();
		ASSERT_OK(sys_epoll_ctl(epfd, EPOLL_CTL_ADD, fds[i], &ev));
	}
	ring_prep_epoll_wait(play_sqe(&r), epfd, out, 4, 0);
	play_submit(&r);
	play_quiet(&r);
	ASSERT_EQ(sys_write(fds[2], &value, 8), 8);
	EXPECT_EQ(play_result(&r), 1);
	EXPECT_EQ(out[0].data, 2);
	EXPECT_EQ(out[0].events, EPOLLIN);
	ASSERT_EQ(sys_write(fds[0], &value, 8), 8);
	ring_prep_epoll_wait(play_sqe(&r), epfd, out, 4, 0);
	EXPECT_EQ(play_result(&r), 2);
	ring_prep_epoll_wait(play_sqe(&r), epfd, out, 1, 0);
	EXPECT_EQ(play_result(&r), 1);
	ring_prep_epoll_wait(play_sqe(&r), epfd, out, 0, 0);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_epoll_wait(play_sqe(&r), epfd, out, 1, 1);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_epoll_wait(play_sqe(&r), fds[0], out, 1, 0);
	EXPECT_EQ(play_result(&r), -EINVAL); /* it is none */
}

/* Nothing here has commands but sockets (ring_prep_net_cmd): what an eventfd answers tells that
 * the kernel has understood the entry as one. */
static void commands(void)
{
	int fd = play_eventfd();
	struct io_uring_sqe *sqe;
	struct ring r;

	play_ring(&r, 0);
	ring_prep_uring_cmd(play_sqe(&r), 0xc0207504, fd);
	EXPECT_EQ(play_result(&r), -EOPNOTSUPP);
	ring_prep_uring_cmd(play_sqe(&r), 0xc0207504, -1);
	EXPECT_EQ(play_result(&r), -EBADF);
	register_buffer(&r);
	ring_prep_uring_cmd_fixed(play_sqe(&r), 0xc0207504, fd, 0);
	EXPECT_EQ(play_result(&r), -EOPNOTSUPP);
	ring_prep_cmd_discard(play_sqe(&r), fd, 4096, 8192);
	EXPECT_EQ(play_result(&r), -EOPNOTSUPP);
	ring_prep_uring_cmd128(play_sqe(&r), 0xc0207504, fd);
	EXPECT_EQ(play_result(&r), -EINVAL); /* no room for it */
	sqe = play_sqe(&r);
	ring_prep_uring_cmd_multishot(sqe, 0xc0207504, fd, 3);
	sqe->flags = 0;
	EXPECT_EQ(play_result(&r), -EINVAL); /* not without buffers */
	ring_prep_uring_cmd_multishot(play_sqe(&r), 0xc0207504, fd, 3);
	switch (play_result(&r)) {
	case -EINVAL:
		need_linux("6.18", "multishot commands");
	case -EOPNOTSUPP:
		if (is_linux("6.18"))
			break;
		need_linux("6.18", "multishot commands");
	default:
		test_fail("an eventfd has taken a command");
	}
}

static void commands128(void)
{
	int fd = play_eventfd();
	struct ring r;

	play_ring(&r, IORING_SETUP_SQE128);
	for (u32 i = 0; i < 2 * PLAY_ENTRIES; i++) {
		struct io_uring_sqe *sqe = play_sqe(&r);
		const u8 *bytes = ring_sqe_cmd(sqe);

		ring_prep_uring_cmd_sqe128(sqe, 0xc0207504, fd);
		EXPECT_EQ(bytes - (const u8 *)sqe, 48);
		for (u32 k = 0; k < 80; k++)
			ASSERT_EQ(bytes[k], 0);
		EXPECT_EQ(play_result(&r), -EOPNOTSUPP);
	}
	NEED_OP(IORING_OP_URING_CMD128);
	for (u32 i = 0; i < 2 * PLAY_ENTRIES; i++) {
		struct io_uring_sqe *sqe = play_sqe(&r);
		const u8 *bytes = ring_sqe_cmd(sqe);

		ring_prep_uring_cmd128(sqe, 0xc0207504, fd);
		for (u32 k = 0; k < 80; k++)
			ASSERT_EQ(bytes[k], 0);
		EXPECT_EQ(play_result(&r), -EOPNOTSUPP);
	}
}

static const struct test_case cases[] = {
	TEST("a nop is a nop", nop),
	TEST("a nop completes with the result that it was given", nop_results),
	TEST("a nop looks up files, slots and buffers", nop_lookups),
	TEST("a nop's large completion carries what it was given", nop_large),
	TEST("a nop of 128 bytes is one", nop128),
	TEST("nops of both sizes mix, with completions of both", nops_mixed),
	TEST("a message arrives on the other ring, with flags if wanted", messages),
	TEST("a message waits for a ring that defers, not for one that is disabled",
	     messages_deferred),
	TEST("a message carries a file into a slot of the other ring", messages_with_files),
	TEST("epoll_ctl does what the system call does", epoll_ctl),
	TEST("epoll_wait ends when something is ready", epoll_wait),
	TEST("a command reaches its file, whichever way it was prepared", commands),
	TEST("a command of 128 bytes has 80 for arguments, all zero", commands128),
};
TEST_SUITE(ring_prep_event, cases);
