/* SPDX-License-Identifier: MIT */
/* ring/buf_ring.h: buffers that the kernel chooses from */
#include <asm/errno.h>
#include <linux/mman.h>

#include "ring/buf_ring.h"
#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "selftests/ring_use.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

enum { GROUP = 3, NR = 8, LEN = 64, UNIX = 1, STREAM = 1 };

static char mem[NR][LEN];

/* A group of NR buffers; NULL with -EINVAL for flags that an old kernel refuses */
static struct io_uring_buf_ring *group(struct ring *r, u32 flags)
{
	struct io_uring_buf_ring *br;
	int err = 1;

	br = ring_setup_buf_ring(r, NR, GROUP, flags, &err);
	if (!br && err == -EINVAL && flags)
		return NULL;
	ASSERT_EQ(err, 0);
	ASSERT_NE(br, NULL);
	for (u32 bid = 0; bid < NR; bid++)
		ring_buf_ring_add(br, mem[bid], LEN, (u16)bid, ring_buf_ring_mask(NR), bid);
	ring_buf_ring_advance(br, NR);
	return br;
}

static void prep_recv(struct ring *r, int fd, bool is_multishot)
{
	struct io_uring_sqe *sqe = use_sqe(r);

	if (is_multishot)
		ring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	else
		ring_prep_recv(sqe, fd, NULL, LEN, 0);
	ring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	ring_sqe_set_buf_group(sqe, GROUP);
	ring_sqe_set_data64(sqe, 42);
}

static void pair(int fds[2])
{
	ASSERT_OK(sys_socketpair(UNIX, STREAM, 0, fds));
}

static void say(int fd, const void *text, u32 len)
{
	ASSERT_EQ(sys_write(fd, text, len), len);
}

/* Around the ring many times: each buffer comes back by its number and is added again. */
static void around(u32 flags)
{
	struct io_uring_buf_ring *br;
	struct ring r;
	int fds[2];

	pair(fds);
	use_ring(&r, 0);
	br = group(&r, flags);
	if (!br)
		need_linux("6.4", "provided buffers in memory of the kernel");
	prep_recv(&r, fds[1], true);
	ASSERT_EQ(ring_submit(&r), 1);
	for (u32 i = 0; i < 70000; i++) {
		struct io_uring_cqe *cqe;
		u16 bid;

		say(fds[0], &i, sizeof(i));
		ASSERT_OK(ring_submit_and_wait_timeout(&r, 1, 2000000000));
		cqe = ring_peek_cqe(&r);
		ASSERT_NE(cqe, NULL);
		ASSERT_EQ(cqe->user_data, 42);
		ASSERT_EQ(cqe->res, sizeof(i));
		ASSERT_TRUE(ring_cqe_has_buffer(cqe));
		ASSERT_NE(cqe->flags & IORING_CQE_F_MORE, 0);
		bid = ring_cqe_bid(cqe);
		ASSERT_EQ(bid, i % NR);
		ASSERT_MEMEQ(mem[bid], &i, sizeof(i));
		ring_buf_ring_add(br, mem[bid], LEN, bid, ring_buf_ring_mask(NR), 0);
		ring_buf_ring_cq_advance(&r, br, 1);
	}
	ASSERT_EQ(ring_free_buf_ring(&r, br, NR, GROUP), 0);
	ring_exit(&r);
}

static void around_ours(void)
{
	around(0);
}

static void around_kernels(void)
{
	around(IOU_PBUF_RING_MMAP);
}

/* None left is an end that the requester hears of. */
static void runs_out(void)
{
	struct io_uring_buf_ring *br;
	struct io_uring_cqe cqe;
	struct ring r;
	int fds[2];

	pair(fds);
	use_ring(&r, 0);
	br = group(&r, 0);
	prep_recv(&r, fds[1], true);
	ASSERT_EQ(ring_submit(&r), 1);
	for (u32 i = 0; i < NR; i++) {
		say(fds[0], "x", 1);
		EXPECT_EQ(use_cqe(&r).res, 1);
	}
	say(fds[0], "y", 1);
	cqe = use_cqe(&r);
	EXPECT_EQ(cqe.res, -ENOBUFS);
	EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	EXPECT_TRUE(!ring_cqe_has_buffer(&cqe));
	/* One more, and what was said meanwhile is in it. */
	ring_buf_ring_add(br, mem[5], 2, 777, ring_buf_ring_mask(NR), 0);
	ring_buf_ring_advance(br, 1);
	say(fds[0], "zz", 2);
	prep_recv(&r, fds[1], false);
	ASSERT_EQ(ring_submit(&r), 1);
	cqe = use_cqe(&r);
	EXPECT_EQ(cqe.res, 2);
	EXPECT_EQ(ring_cqe_bid(&cqe), 777);
	EXPECT_MEMEQ(mem[5], "yz", 2);
	prep_recv(&r, fds[1], false);
	EXPECT_EQ(use_result(&r), -ENOBUFS);
	ring_exit(&r);
	/* After ring_exit() the memory is all that is left of it. */
	EXPECT_ERR(ring_free_buf_ring(&r, br, NR, GROUP), -EBADF);
}

static void status(void)
{
	struct io_uring_buf_ring *br;
	struct ring r;
	int fds[2];
	u16 head = 1;
	int err;

	pair(fds);
	use_ring(&r, 0);
	br = group(&r, 0);
	NEED_REGISTER(IORING_REGISTER_PBUF_STATUS);
	err = ring_buf_ring_head(&r, GROUP, &head);
	EXPECT_EQ(err, 0);
	EXPECT_EQ(head, 0);
	EXPECT_EQ(ring_buf_ring_available(&r, br, GROUP), NR);
	for (u32 i = 0; i < 3; i++) {
		say(fds[0], "x", 1);
		prep_recv(&r, fds[1], false);
		EXPECT_EQ(use_result(&r), 1);
	}
	EXPECT_EQ(ring_buf_ring_head(&r, GROUP, &head), 0);
	EXPECT_EQ(head, 3);
	EXPECT_EQ(ring_buf_ring_available(&r, br, GROUP), NR - 3);
	EXPECT_ERR(ring_buf_ring_head(&r, GROUP + 1, &head), -ENOENT);
	EXPECT_ERR(ring_buf_ring_available(&r, br, GROUP + 1), -ENOENT);
	EXPECT_EQ(head, 3);
	ASSERT_EQ(ring_free_buf_ring(&r, br, NR, GROUP), 0);
	ring_exit(&r);
}

/* One buffer, filled by several completions until it is used up */
static void incremental(void)
{
	static const char text[] = "the quick brown fox jumps over the lazy dog, over and over again, "
				   "and the dog does not care at all";
	struct io_uring_buf_ring *br;
	u32 used[NR] = { 0 };
	u32 len = sizeof(text) - 1;
	struct ring r;
	u32 done = 0;
	int fds[2];

	pair(fds);
	use_ring(&r, 0);
	br = group(&r, IOU_PBUF_RING_INC);
	if (!br)
		need_linux("6.12", "provided buffers that are used up bit by bit");
	prep_recv(&r, fds[1], true);
	ASSERT_EQ(ring_submit(&r), 1);
	for (u32 i = 1; done < len; i++) {
		u32 part = i * 5 < len - done ? i * 5 : len - done;

		say(fds[0], text + done, part);
		while (part) {
			struct io_uring_cqe cqe = use_cqe(&r);
			u32 start = ring_buf_ring_consume(used, &cqe);
			u16 bid = ring_cqe_bid(&cqe);

			ASSERT_GT(cqe.res, 0);
			ASSERT_EQ(bid, done / LEN);
			ASSERT_EQ(start, done % LEN);
			ASSERT_MEMEQ(mem[bid] + start, text + done, (u32)cqe.res);
			done += (u32)cqe.res;
			part -= (u32)cqe.res;
			EXPECT_EQ(!(cqe.flags & IORING_CQE_F_BUF_MORE), done % LEN == 0);
		}
	}
	EXPECT_EQ(used[0], 0);
	EXPECT_EQ(used[1], len % LEN);
	ASSERT_EQ(ring_free_buf_ring(&r, br, NR, GROUP), 0);
	ring_exit(&r);
}

static struct io_uring_cqe read_file(struct ring *r, int fd, u32 len)
{
	struct io_uring_sqe *sqe = use_sqe(r);

	ring_prep_read(sqe, fd, NULL, len, 0);
	ring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	ring_sqe_set_buf_group(sqe, GROUP);
	ASSERT_EQ(ring_submit(r), 1);
	return use_cqe(r);
}

/* What a file lacks of what it was asked for is used up all the same. */
static void incremental_file(void)
{
	struct io_uring_buf_ring *br;
	struct io_uring_cqe cqe;
	int fd = use_file();
	struct ring r;

	say(fd, "abcd", 4);
	use_ring(&r, 0);
	br = group(&r, IOU_PBUF_RING_INC);
	if (!br)
		need_linux("6.12", "provided buffers that are used up bit by bit");
	for (u32 i = 0; i < 6; i++) {
		cqe = read_file(&r, fd, 10);
		EXPECT_EQ(cqe.res, 4);
		EXPECT_EQ(ring_cqe_bid(&cqe), 0);
		EXPECT_TRUE(cqe.flags & IORING_CQE_F_BUF_MORE || !is_linux("7.0"));
		EXPECT_MEMEQ(mem[0] + i * 10, "abcd\0\0\0\0\0", 10);
	}
	/* The last four bytes of the first buffer are all that is left of it. */
	cqe = read_file(&r, fd, 10);
	EXPECT_EQ(cqe.res, 4);
	EXPECT_EQ(ring_cqe_bid(&cqe), 0);
	EXPECT_EQ(cqe.flags & IORING_CQE_F_BUF_MORE, 0);
	ASSERT_EQ(ring_free_buf_ring(&r, br, NR, GROUP), 0);
	ring_exit(&r);
}

/* min_left: what is left of a buffer is not worth another completion */
static void gives_back_early(void)
{
	static struct io_uring_buf_ring ring_mem[256] __attribute__((aligned(65536)));
	struct io_uring_buf_ring *br = ring_mem;
	struct io_uring_buf_reg reg = {
		.ring_addr = (u64)(uintptr_t)br,
		.ring_entries = NR,
		.bgid = GROUP,
		.min_left = 17,
	};
	struct io_uring_cqe cqe;
	u32 used[NR] = { 0 };
	struct ring r;
	int fds[2];
	int err;

	pair(fds);
	use_ring(&r, 0);
	ring_buf_ring_init(br);
	EXPECT_ERR(ring_register_buf_ring(&r, &reg, 0), -EINVAL);
	err = ring_register_buf_ring(&r, &reg, IOU_PBUF_RING_INC);
	if (err == -EINVAL)
		need_linux("7.1", "a least rest of provided buffers");
	ASSERT_EQ(err, 0);
	ring_buf_ring_add(br, mem[0], LEN, 0, ring_buf_ring_mask(NR), 0);
	ring_buf_ring_add(br, mem[1], LEN, 1, ring_buf_ring_mask(NR), 1);
	ring_buf_ring_advance(br, 2);
	prep_recv(&r, fds[1], true);
	ASSERT_EQ(ring_submit(&r), 1);
	for (u32 i = 0; i < 3; i++) {
		say(fds[0], "0123456789abcdefghijklmn", 24);
		cqe = use_cqe(&r);
		EXPECT_EQ(cqe.res, 24);
		EXPECT_EQ(ring_cqe_bid(&cqe), i / 2);
		EXPECT_EQ(ring_buf_ring_consume(used, &cqe), i % 2 * 24);
		EXPECT_EQ(!(cqe.flags & IORING_CQE_F_BUF_MORE), i == 1);
	}
	ASSERT_EQ(ring_unregister_buf_ring(&r, GROUP), 0);
	ring_exit(&r);
}

static struct io_uring_cqe recv_bundle(struct ring *r, int fd)
{
	struct io_uring_sqe *sqe = use_sqe(r);

	ring_prep_recv(sqe, fd, NULL, 0, 0);
	sqe->ioprio = IORING_RECVSEND_BUNDLE;
	ring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	ring_sqe_set_buf_group(sqe, GROUP);
	ASSERT_EQ(ring_submit(r), 1);
	return use_cqe(r);
}

/* One completion for what lies in several buffers, in the order of the ring; how
 * many it is for is the kernel's business. */
static void bundle(void)
{
	struct io_uring_buf_ring *br;
	char text[LEN * 4 + 10];
	u32 most = 0;
	u32 done = 0;
	struct ring r;
	u16 bid = 0;
	int fds[2];

	for (u32 i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	pair(fds);
	use_ring(&r, *(const u32 *)test_param());
	NEED_FEAT(IORING_FEAT_RECVSEND_BUNDLE);
	br = group(&r, 0);
	say(fds[0], text, sizeof(text));
	while (done < sizeof(text)) {
		struct io_uring_cqe cqe = recv_bundle(&r, fds[1]);

		ASSERT_GT(cqe.res, 0);
		ASSERT_TRUE(ring_cqe_has_buffer(&cqe));
		ASSERT_EQ(ring_cqe_bid(&cqe), bid);
		ASSERT_MEMEQ(mem[bid], text + done, (u32)cqe.res);
		most = (u32)cqe.res > most ? (u32)cqe.res : most;
		done += (u32)cqe.res;
		bid += (u16)((cqe.res + LEN - 1) / LEN);
		EXPECT_EQ(ring_buf_ring_available(&r, br, GROUP), NR - bid);
	}
	EXPECT_EQ(done, sizeof(text));
	if (is_linux("6.18"))
		EXPECT_GT(most, LEN);
	ASSERT_EQ(ring_free_buf_ring(&r, br, NR, GROUP), 0);
	ring_exit(&r);
}

static void ours_and_read(void)
{
	static u8 ring_mem[65536] __attribute__((aligned(65536)));
	struct io_uring_buf_ring *br = (struct io_uring_buf_ring *)(void *)ring_mem;
	struct io_uring_buf_reg reg = {
		.ring_addr = (u64)(uintptr_t)ring_mem,
		.ring_entries = NR,
		.bgid = 65535,
	};
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	struct ring r;
	int fds[2];

	ASSERT_OK(sys_pipe2(fds, 0));
	use_ring(&r, 0);
	ring_buf_ring_init(br);
	ASSERT_EQ(ring_register_buf_ring(&r, &reg, 0), 0);
	EXPECT_ERR(ring_register_buf_ring(&r, &reg, 0), -EEXIST);
	ring_buf_ring_add(br, mem[7], LEN, 65535, ring_buf_ring_mask(NR), 0);
	ring_buf_ring_advance(br, 1);
	say(fds[1], "pipe", 4);
	sqe = use_sqe(&r);
	ring_prep_read(sqe, fds[0], NULL, 0, 0);
	ring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	ring_sqe_set_buf_group(sqe, 65535);
	ASSERT_EQ(ring_submit(&r), 1);
	cqe = use_cqe(&r);
	EXPECT_EQ(cqe.res, 4);
	EXPECT_EQ(ring_cqe_bid(&cqe), 65535);
	EXPECT_MEMEQ(mem[7], "pipe", 4);
	ASSERT_EQ(ring_unregister_buf_ring(&r, 65535), 0);
	EXPECT_ERR(ring_unregister_buf_ring(&r, 65535), -ENOENT);
	ring_exit(&r);
}

static void touch(void *arg)
{
	ring_buf_ring_init(arg);
}

/* It is the process's own, and gone when it was freed. */
static void memory(void)
{
	static const u32 flags[] = { 0, IOU_PBUF_RING_MMAP };

	for (u32 i = 0; i < ARRAY_SIZE(flags); i++) {
		struct io_uring_buf_ring *br;
		struct ring r;

		use_ring(&r, 0);
		br = group(&r, flags[i]);
		if (!br)
			need_linux("6.4", "provided buffers in memory of the kernel");
		EXPECT_NE(test_run_child(touch, br), 0);
		ASSERT_OK(sys_madvise(br, 1, MADV_NORMAL));
		ASSERT_EQ(ring_free_buf_ring(&r, br, NR, GROUP), 0);
		EXPECT_ERR(sys_madvise(br, 1, MADV_NORMAL), -ENOMEM);
		ring_exit(&r);
	}
}

static void refused(void)
{
	static const u32 bad_sizes[] = { 0, 3, 7, 65536, 1U << 31, ~0U };
	struct io_uring_buf_reg reg = { .ring_entries = NR, .bgid = GROUP };
	struct io_uring_buf_ring *br;
	struct ring r;
	int err;

	use_ring(&r, 0);
	for (u32 i = 0; i < ARRAY_SIZE(bad_sizes); i++) {
		test_row("%u entries", bad_sizes[i]);
		EXPECT_EQ(ring_setup_buf_ring(&r, bad_sizes[i], GROUP, 0, &err), NULL);
		EXPECT_TRUE(err == -EINVAL || err == -ENOMEM);
	}
	test_row("misuse");
	EXPECT_EQ(ring_setup_buf_ring(&r, NR, GROUP, 1 << 15, &err), NULL);
	EXPECT_EQ(err, -EINVAL);
	EXPECT_ERR(ring_register_buf_ring(&r, &reg, 0), -EFAULT);
	reg.ring_addr = (u64)(uintptr_t)mem | 8;
	EXPECT_ERR(ring_register_buf_ring(&r, &reg, 0), -EINVAL);
	EXPECT_ERR(ring_unregister_buf_ring(&r, GROUP), -ENOENT);
	br = ring_setup_buf_ring(&r, 32768, GROUP, 0, &err);
	ASSERT_NE(br, NULL);
	EXPECT_EQ(ring_setup_buf_ring(&r, NR, GROUP, 0, &err), NULL);
	EXPECT_EQ(err, -EEXIST);
	ASSERT_EQ(ring_free_buf_ring(&r, br, 32768, GROUP), 0);
	ring_prep_provide_buffers(use_sqe(&r), mem, LEN, NR, GROUP, 0);
	EXPECT_EQ(use_result(&r), 0);
	EXPECT_EQ(ring_setup_buf_ring(&r, NR, GROUP, 0, &err), NULL);
	EXPECT_EQ(err, -EEXIST);
	EXPECT_ERR(ring_unregister_buf_ring(&r, GROUP), -EINVAL);
	ring_exit(&r);
	EXPECT_EQ(ring_setup_buf_ring(&r, NR, GROUP, 0, &err), NULL);
	EXPECT_EQ(err, -EBADF);
}

static const u32 plain;
static const u32 deferred = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

static const struct test_case cases[] = {
	TEST("buffers go round 70000 times, by their numbers", around_ours, .timeout_ms = 60000),
	TEST("they do in memory of the kernel", around_kernels, .timeout_ms = 60000),
	TEST("without a buffer a request ends, with one it goes on", runs_out),
	TEST("the kernel tells how many buffers it has taken", status),
	TEST("a buffer is filled bit by bit", incremental),
	TEST("a file uses up what was asked for", incremental_file),
	TEST("a buffer comes back when too little is left of it", gives_back_early),
	TEST("a bundle fills several buffers in a row", bundle, .param = &plain),
	TEST("it does on a ring that defers its work", bundle, .param = &deferred),
	TEST("a ring in memory of ours serves a read", ours_and_read),
	TEST("its memory is not a child's, and not there when it was freed", memory),
	TEST("what cannot be a group is refused", refused),
};
TEST_SUITE(ring_buf_ring, cases);
