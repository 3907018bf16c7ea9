/* SPDX-License-Identifier: MIT */
/* ring_call(), and the one-call forms of ring/call.h */
#include <asm/errno.h>
#include <linux/fadvise.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "ring/call.h"
#include "ring/mixed.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/sys.h"

enum {
	SIGCONT_NR = 18,
	SIGSTOP_NR = 19,
	POLLIN_BIT = 1,
	POLLOUT_BIT = 4,
	UNIX_FAMILY = 1,
	STREAM_TYPE = 1,
	PEEK_FLAG = 2,
};

#define MS 1000000ULL

static const u32 kinds[] = {
	0,
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY,
	IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
};

struct counted {
	struct ring_op op;
	struct ring *r;
	u32 nr;
	s32 res;
	s32 call_res;
};

static void make(struct ring *r, u32 entries, u32 cq_entries, u32 flags)
{
	struct io_uring_params p = {
		.flags = flags | (cq_entries ? IORING_SETUP_CQSIZE : 0),
		.cq_entries = cq_entries,
	};
	int err = ring_init(r, entries, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

static void count(struct ring_op *op, s32 res, u32 flags)
{
	struct counted *c = CONTAINER_OF(op, struct counted, op);

	(void)flags;
	c->nr++;
	c->res = res;
}

static struct io_uring_sqe *prep_nop(struct ring *r, struct counted *c)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ASSERT_TRUE(sqe);
	ring_prep_nop(sqe);
	if (c)
		ring_sqe_set_op(sqe, &c->op);
	return sqe;
}

/* A request that ends when somebody writes to the eventfd */
static struct io_uring_sqe *prep_wait(struct ring *r, s32 efd, struct counted *c)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ASSERT_TRUE(sqe);
	ring_prep_poll_add(sqe, efd, POLLIN_BIT);
	if (c)
		ring_sqe_set_op(sqe, &c->op);
	return sqe;
}

static void wake(s32 efd)
{
	u64 one = 1;

	ASSERT_EQ(sys_write(efd, &one, sizeof(one)), sizeof(one));
}

static void others_go_on(void)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		struct counted others[3] = { [0 ... 2] = { .op = { count } } };
		struct io_uring_sqe *mine;
		struct ring r;

		make(&r, 4, 0, kinds[kind]);
		for (u32 i = 0; i < 200; i++) {
			test_row("flags 0x%x, %u", kinds[kind], i);
			prep_nop(&r, &others[0]);
			prep_nop(&r, &others[1]);
			mine = prep_nop(&r, NULL);
			/* Prepared behind it, and submitted all the same */
			prep_nop(&r, &others[2]);
			ASSERT_EQ(ring_call(&r, mine), 0);
			EXPECT_EQ(others[0].nr, i + 1);
			EXPECT_EQ(others[1].nr, i + 1);
			EXPECT_EQ(ring_sq_ready(&r), 0);
		}
		/* What came after the own completion is left to the next dispatch. */
		EXPECT_GE(others[2].nr, 199);
		ring_dispatch(&r, ~0U);
		EXPECT_EQ(others[2].nr, 200);
		EXPECT_EQ(ring_cq_ready(&r), 0);
		ring_exit(&r);
	}
}

/* The call waits for what the callback of another request sets off. */
static void wakes(struct ring_op *op, s32 res, u32 flags)
{
	struct counted *c = CONTAINER_OF(op, struct counted, op);

	(void)flags;
	c->nr++;
	wake(c->call_res);
	EXPECT_EQ(res, 0);
}

static void dispatch_is_needed(void)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		s32 efd = sys_eventfd2(0, 0);
		struct counted c = { .op = { wakes }, .call_res = efd };
		struct ring r;

		make(&r, 8, 0, kinds[kind]);
		prep_nop(&r, &c);
		EXPECT_EQ(ring_call(&r, prep_wait(&r, efd, NULL)), POLLIN_BIT);
		EXPECT_EQ(c.nr, 1);
		sys_close(efd);
		ring_exit(&r);
	}
}

static void calls(struct ring_op *op, s32 res, u32 flags)
{
	struct counted *c = CONTAINER_OF(op, struct counted, op);

	(void)flags;
	c->res = res;
	c->nr++;
	/* Two deep: the first callback's call dispatches the second's. */
	c->call_res = ring_call_nop(c->r) ?: (s32)c->nr;
}

static void within_a_callback(void)
{
	struct counted a = { .op = { calls } };
	struct counted b = { .op = { calls } };
	struct ring r;

	make(&r, 4, 0, 0);
	a.r = b.r = &r;
	for (u32 i = 1; i <= 50; i++) {
		prep_nop(&r, &a);
		prep_nop(&r, &b);
		ASSERT_EQ(ring_call(&r, prep_nop(&r, NULL)), 0);
		EXPECT_EQ(a.call_res, i);
		EXPECT_EQ(b.call_res, i);
	}
	ring_exit(&r);
}

static void times_out(void)
{
	static const u64 times_ms[] = { 0, 1, 40 };

	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		s32 efd = sys_eventfd2(0, 0);
		struct ring r;

		make(&r, 4, 0, kinds[kind]);
		for (size_t i = 0; i < 3 * 20; i++) {
			u64 ms = times_ms[i % 3];
			u64 start = test_now_ms();

			test_row("flags 0x%x, %llu ms", kinds[kind], ms);
			ASSERT_ERR(ring_call_timeout(&r, prep_wait(&r, efd, NULL), ms * MS, NULL),
				   -ETIME);
			EXPECT_GE(test_now_ms() - start, ms);
		}
		/* Nothing is left that could complete. */
		wake(efd);
		EXPECT_ERR(ring_turn(&r, 20 * MS), -ETIME);
		/* In time: the result, and the time does not come later */
		EXPECT_EQ(ring_call_timeout(&r, prep_wait(&r, efd, NULL), 5000 * MS, NULL), 1);
		EXPECT_EQ(ring_call_timeout(&r, prep_nop(&r, NULL), RING_NO_TIMEOUT - 1, NULL), 0);
		EXPECT_ERR(ring_turn(&r, 20 * MS), -ETIME);
		sys_close(efd);
		ring_exit(&r);
	}
}

/* Blocked in a worker thread, where a cancel is a signal */
static void times_out_in_a_worker(void)
{
	struct io_uring_sqe *sqe;
	char byte;
	int fds[2];
	struct ring r;

	make(&r, 4, 0, 0);
	ASSERT_OK(sys_pipe2(fds, 0));
	for (u32 i = 0; i < 10; i++) {
		sqe = ring_get_sqe(&r);
		ring_prep_read(sqe, fds[0], &byte, 1, 0);
		ring_sqe_set_flags(sqe, IOSQE_ASYNC);
		EXPECT_ERR(ring_call_timeout(&r, sqe, 10 * MS, NULL), -ETIME);
	}
	ASSERT_EQ(sys_write(fds[1], "x", 1), 1);
	EXPECT_EQ(ring_call_read(&r, fds[0], &byte, 1, 0), 1);
	EXPECT_EQ(byte, 'x');
	ring_exit(&r);
}

/* A chain cannot be cancelled by its second: the first has to end. */
static void times_out_in_a_chain(void)
{
	s32 efd = sys_eventfd2(0, 0);
	s32 never = sys_eventfd2(0, 0);
	struct __kernel_timespec ts = { .tv_nsec = 50000000 };
	struct io_uring_sqe *sqe;
	struct ring r;

	make(&r, 8, 0, 0);
	sqe = ring_get_sqe(&r);
	ring_prep_timeout(sqe, &ts, 0, IORING_TIMEOUT_ETIME_SUCCESS);
	ring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	ring_sqe_set_data64(sqe, RING_OP_NONE);
	EXPECT_ERR(ring_call_timeout(&r, prep_wait(&r, never, NULL), 10 * MS, NULL), -ETIME);
	EXPECT_EQ(ring_cq_ready(&r), 0);
	sys_close(efd);
	ring_exit(&r);
}

static void several_results(void)
{
	s32 efd = sys_eventfd2(1, 0);
	struct io_uring_sqe *sqe;
	u32 flags = 0;
	struct ring r;

	make(&r, 4, 0, 0);
	sqe = ring_get_sqe(&r);
	ring_prep_poll_multishot(sqe, efd, POLLIN_BIT);
	EXPECT_EQ(ring_call_timeout(&r, sqe, 20 * MS, &flags), POLLIN_BIT);
	EXPECT_TRUE(flags & IORING_CQE_F_MORE);
	wake(efd);
	EXPECT_ERR(ring_turn(&r, 20 * MS), -ETIME);
	sys_close(efd);
	ring_exit(&r);
}

static void not_submitted(void)
{
	struct counted c = { .op = { count } };
	struct io_uring_sqe *sqe;
	s32 efd = sys_eventfd2(0, 0);
	struct ring r;

	make(&r, 4, 0, IORING_SETUP_R_DISABLED);
	EXPECT_ERR(ring_call_nop(&r), -EBADFD);
	prep_nop(&r, &c);
	sqe = prep_wait(&r, efd, NULL);
	EXPECT_ERR(ring_call_timeout(&r, sqe, 0, NULL), -EBADFD);
	/* Both calls are over: what is left of them does nothing to this stack. */
	EXPECT_EQ(sqe->opcode, IORING_OP_NOP);
	EXPECT_EQ(sqe->user_data, RING_OP_NONE);
	EXPECT_EQ(ring_sq_ready(&r), 3);
	EXPECT_EQ(c.nr, 0);
	ASSERT_OK(ring_enable_rings(&r));
	EXPECT_EQ(ring_call_nop(&r), 0);
	ring_dispatch(&r, ~0U);
	EXPECT_EQ(c.nr, 1);
	ring_exit(&r);

	make(&r, 4, 0, 0);
	sys_close(r.fd);
	EXPECT_ERR(ring_call_nop(&r), -EBADF);
	ring_exit(&r);
	sys_close(efd);
}

static void full_queue(void)
{
	struct counted c = { .op = { count } };
	struct ring r;

	make(&r, 4, 0, 0);
	EXPECT_ERR(ring_call(&r, NULL), -EBUSY);
	for (u32 i = 0; i < 4; i++)
		prep_nop(&r, &c);
	EXPECT_ERR(ring_call(&r, ring_get_sqe(&r)), -EBUSY);
	EXPECT_EQ(ring_sq_ready(&r), 4);
	EXPECT_EQ(ring_call_nop(&r), 0);
	EXPECT_EQ(c.nr, 4);
	/* The last entry of a full queue */
	for (u32 i = 0; i < 3; i++)
		prep_nop(&r, &c);
	EXPECT_EQ(ring_call(&r, prep_nop(&r, NULL)), 0);
	/* ... and the first */
	struct io_uring_sqe *mine = prep_nop(&r, NULL);
	for (u32 i = 0; i < 3; i++)
		prep_nop(&r, &c);
	EXPECT_EQ(ring_call(&r, mine), 0);
	ring_dispatch(&r, ~0U);
	EXPECT_EQ(c.nr, 10);
	ring_exit(&r);
}

static void flags_of_entries(void)
{
	struct counted c = { .op = { count } };
	struct io_uring_sqe *sqe;
	struct ring r;

	make(&r, 8, 0, 0);
	sqe = prep_nop(&r, NULL);
	ring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS | IOSQE_ASYNC);
	EXPECT_EQ(ring_call(&r, sqe), 0);

	/* The second of a chain whose first fails */
	sqe = ring_get_sqe(&r);
	ring_prep_read(sqe, -1, NULL, 0, 0);
	ring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	ring_sqe_set_op(sqe, &c.op);
	EXPECT_ERR(ring_call(&r, prep_nop(&r, NULL)), -ECANCELED);
	EXPECT_EQ(c.nr, 1);
	EXPECT_ERR(c.res, -EBADF);
	ring_exit(&r);
}

static void signals(void)
{
	s32 efd = sys_eventfd2(0, 0);
	int me = sys_getpid();
	struct ring r;
	int status;
	int child;

	make(&r, 4, 0, 0);
	child = sys_fork();
	ASSERT_OK(child);
	if (!child) {
		for (u32 i = 0; i < 5; i++) {
			test_sleep_ms(10);
			sys_kill(me, SIGSTOP_NR);
			sys_kill(me, SIGCONT_NR);
		}
		wake(efd);
		sys_exit_group(0);
	}
	EXPECT_EQ(ring_call(&r, prep_wait(&r, efd, NULL)), POLLIN_BIT);
	ASSERT_EQ(sys_wait4(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	ring_exit(&r);
}

static void overflow(void)
{
	struct counted c = { .op = { count } };
	struct ring r;

	make(&r, 4, 4, 0);
	for (u32 i = 0; i < 40; i++) {
		struct io_uring_sqe *sqe = ring_op_sqe(&r);

		ring_prep_nop(sqe);
		ring_sqe_set_op(sqe, &c.op);
	}
	EXPECT_EQ(ring_call_nop(&r), 0);
	EXPECT_EQ(c.nr, 40);
	ring_exit(&r);
}

/*
 * A bit of everything on a small ring: entries of two sizes where there are such,
 * a queue that is full again and again, calls that come too late.
 */
static u64 nr_extra;

static void note_extra(struct ring *r, const struct io_uring_cqe *cqe)
{
	const u64 *more = (const u64 *)(const void *)(cqe + 1);

	(void)r;
	if (cqe->flags & IORING_CQE_F_32)
		nr_extra += more[0] == 77 && more[1] == 88;
}

static struct io_uring_sqe *prep_large(struct ring *r)
{
	struct io_uring_sqe *sqe;

	if (!(r->flags & IORING_SETUP_SQE_MIXED))
		return prep_nop(r, NULL);
	sqe = ring_get_sqe128(r);
	if (sqe)
		ring_prep_nop128(sqe);
	return sqe;
}

struct kind {
	u32 flag;
	u32 with;
	const char *name;
};

static u32 flags_of_kind(void)
{
	const struct kind *kind = test_param();
	u32 bit = 0;

	while (kind->flag >> bit != 1) /* a built-in function would want libgcc on riscv64 */
		bit++;
	if (!ring_has_setup(kind->flag))
		need_linux(ring_setup_release(bit), kind->name);
	return kind->flag | kind->with;
}

static void any_kind(void)
{
	u32 flags = flags_of_kind();
	struct counted c = { .op = { count } };
	s32 efd = sys_eventfd2(0, 0);
	struct io_uring_sqe *sqe;
	struct ring r;
	u32 nr = 0;

	make(&r, 4, 0, flags);
	ASSERT_EQ(r.flags & flags, flags);
	r.other = note_extra;
	for (u32 i = 0; i < 200; i++) {
		for (u32 k = 0; k < i % 7; k++, nr++) {
			sqe = ring_op_sqe(&r);
			ASSERT_TRUE(sqe);
			ring_prep_nop(sqe);
			ring_sqe_set_op(sqe, &c.op);
		}
		sqe = ring_op_sqe(&r);
		ASSERT_TRUE(sqe);
		if (flags & IORING_SETUP_CQE_MIXED)
			ring_prep_nop_cqe32(sqe, 77, 88);
		else
			ring_prep_nop(sqe);
		ASSERT_GE(ring_submit(&r), 0);
		while (ring_sq_ready(&r))
			ASSERT_GE(ring_sqring_wait(&r), 0);
		ASSERT_EQ(ring_call(&r, prep_large(&r)), 0);
		if (i % 20 == 0)
			ASSERT_ERR(ring_call_timeout(&r, prep_wait(&r, efd, NULL), MS, NULL),
				   -ETIME);
	}
	while (ring_turn(&r, 20 * MS) != -ETIME)
		;
	EXPECT_EQ(c.nr, nr);
	EXPECT_EQ(nr_extra, flags & IORING_SETUP_CQE_MIXED ? 200 : 0);
	EXPECT_EQ(ring_cq_ready(&r), 0);
	ring_exit(&r);
}

#define KIND(flag_, with_) { .flag = flag_, .with = with_, .name = #flag_ }

static const struct kind sqpoll = KIND(IORING_SETUP_SQPOLL, 0);
static const struct kind rewind = KIND(IORING_SETUP_SQ_REWIND, IORING_SETUP_NO_SQARRAY);
static const struct kind sqe_mixed = KIND(IORING_SETUP_SQE_MIXED, 0);
static const struct kind cqe_mixed = KIND(IORING_SETUP_CQE_MIXED, 0);

/* What could not be submitted is a nop also where entries move or are large. */
static void taken_back(void)
{
	u32 flags = flags_of_kind();
	struct counted c = { .op = { count } };
	struct ring r;

	make(&r, 4, 0, flags | IORING_SETUP_R_DISABLED);
	prep_nop(&r, &c);
	EXPECT_ERR(ring_call(&r, prep_large(&r)), -EBADFD);
	EXPECT_EQ(c.nr, 0);
	ASSERT_OK(ring_enable_rings(&r));
	EXPECT_EQ(ring_call_nop(&r), 0);
	ring_dispatch(&r, ~0U);
	EXPECT_EQ(c.nr, 1);
	EXPECT_ERR(ring_turn(&r, 20 * MS), -ETIME);
	ring_exit(&r);
}

/* The one-call forms */

static void files(void)
{
	char buf[16] = "";
	struct statx st;
	struct ring r;
	s32 fd;

	make(&r, 4, 0, 0);
	EXPECT_EQ(ring_call_nop(&r), 0);
	fd = sys_memfd_create("call", 0);
	ASSERT_OK(fd);
	EXPECT_EQ(ring_call_write(&r, fd, "hello io_uring!", 15, 0), 15);
	EXPECT_EQ(ring_call_write(&r, fd, "J", 1, 0), 1);
	EXPECT_EQ(ring_call_read(&r, fd, buf, 5, 6), 5);
	EXPECT_MEMEQ(buf, "io_ur", 5);
	EXPECT_EQ(ring_call_read(&r, fd, buf, 5, 15), 0);
	/* No memory at all is no memory, not a fault. */
	EXPECT_EQ(ring_call_read(&r, fd, NULL, 0, 0), 0);
	EXPECT_EQ(ring_call_write(&r, fd, NULL, 0, 0), 0);
	EXPECT_EQ(ring_call_fsync(&r, fd, 0), 0);
	EXPECT_EQ(ring_call_fsync(&r, fd, IORING_FSYNC_DATASYNC), 0);
	EXPECT_ERR(ring_call_fsync(&r, fd, 2), -EINVAL);
	EXPECT_EQ(ring_call_fallocate(&r, fd, 0, 4096, 8192), 0);
	EXPECT_EQ(ring_call_statx(&r, fd, "", AT_EMPTY_PATH, STATX_SIZE, &st), 0);
	EXPECT_EQ(st.stx_size, 12288);
	EXPECT_EQ(ring_call_fallocate(&r, fd, FALLOC_FL_KEEP_SIZE, 1 << 20, 4096), 0);
	EXPECT_EQ(ring_call_statx(&r, fd, "", AT_EMPTY_PATH, STATX_SIZE, &st), 0);
	EXPECT_EQ(st.stx_size, 12288);
	EXPECT_EQ(ring_call_fadvise(&r, fd, 0, 4096, POSIX_FADV_WILLNEED), 0);
	EXPECT_ERR(ring_call_fadvise(&r, fd, 0, 4096, 77), -EINVAL);
	EXPECT_EQ(ring_call_close(&r, fd), 0);
	EXPECT_ERR(ring_call_close(&r, fd), -EBADF);
	EXPECT_ERR(ring_call_read(&r, fd, buf, 5, 0), -EBADF);
	ring_exit(&r);
}

struct vec {
	void *base;
	size_t len;
};

static void vectors(void)
{
	char a[4] = "";
	char b[8] = "";
	struct vec out[2] = { { "abc", 3 }, { "defgh", 5 } };
	struct vec in[2] = { { a, 3 }, { b, 8 } };
	s32 fd = sys_memfd_create("vectors", 0);
	struct ring r;

	make(&r, 4, 0, 0);
	EXPECT_EQ(ring_call_writev(&r, fd, (struct iovec *)(void *)out, 2, 1), 8);
	EXPECT_EQ(ring_call_readv(&r, fd, (struct iovec *)(void *)in, 2, 2), 7);
	EXPECT_MEMEQ(a, "bcd", 3);
	EXPECT_MEMEQ(b, "efgh", 4);
	ring_exit(&r);
}

static void opens(void)
{
	struct ring r;
	s32 fd;

	make(&r, 4, 0, 0);
	fd = ring_call_openat(&r, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	ASSERT_OK(fd);
	EXPECT_EQ(sys_fcntl(fd, F_GETFD, 0), 1);
	EXPECT_ERR(ring_call_openat(&r, fd, "no such file", O_RDONLY, 0), -ENOENT);
	EXPECT_EQ(ring_call_close(&r, fd), 0);
	ring_exit(&r);
}

static void splices(void)
{
	char buf[16] = "";
	struct ring r;
	int fds[2];
	s32 fd = sys_memfd_create("splice", 0);

	make(&r, 4, 0, 0);
	ASSERT_OK(sys_pipe2(fds, 0));
	ASSERT_EQ(sys_write(fd, "0123456789", 10), 10);
	/* An offset for the file, -1 for the pipe */
	EXPECT_EQ(ring_call_splice(&r, fd, 3, fds[1], -1, 4, 0), 4);
	EXPECT_EQ(sys_read(fds[0], buf, sizeof(buf)), 4);
	EXPECT_MEMEQ(buf, "3456", 4);
	ASSERT_EQ(sys_write(fds[1], "xy", 2), 2);
	EXPECT_EQ(ring_call_splice(&r, fds[0], -1, fd, 8, 2, 0), 2);
	EXPECT_EQ(sys_pread64(fd, buf, 10, 0), 10);
	EXPECT_MEMEQ(buf, "01234567xy", 10);
	EXPECT_ERR(ring_call_splice(&r, fds[0], 5, fd, 8, 2, 0), -ESPIPE);
	ring_exit(&r);
}

static void polls_and_sockets(void)
{
	char buf[16] = "";
	struct ring r;
	int fds[2];

	make(&r, 4, 0, 0);
	ASSERT_OK(sys_socketpair(UNIX_FAMILY, STREAM_TYPE, 0, fds));
	EXPECT_EQ(ring_call_poll(&r, fds[0], POLLOUT_BIT), POLLOUT_BIT);
	EXPECT_EQ(ring_call_send(&r, fds[0], "message", 7, 0), 7);
	EXPECT_EQ(ring_call_poll(&r, fds[1], POLLIN_BIT | POLLOUT_BIT), POLLIN_BIT | POLLOUT_BIT);
	/* The flags are the message's, not the entry's (2 would be a drain there). */
	EXPECT_EQ(ring_call_recv(&r, fds[1], buf, sizeof(buf), PEEK_FLAG), 7);
	EXPECT_EQ(ring_call_recv(&r, fds[1], buf, sizeof(buf), 0), 7);
	EXPECT_MEMEQ(buf, "message", 7);
	EXPECT_EQ(ring_call_shutdown(&r, fds[0], 1), 0);
	EXPECT_EQ(ring_call_recv(&r, fds[1], buf, sizeof(buf), 0), 0);
	EXPECT_EQ(ring_call_recv(&r, fds[1], NULL, 0, 0), 0);
	ring_exit(&r);
}

struct unix_address {
	u16 family;
	char path[14];
};

static void accepts_and_connects(void)
{
	struct unix_address addr = { UNIX_FAMILY, "" }; /* an abstract name */
	struct unix_address peer;
	struct sockaddr *name = (struct sockaddr *)(void *)&addr;
	u32 len = sizeof(addr);
	struct ring r;
	s32 fds[3];

	make(&r, 4, 0, 0);
	fds[0] = sys_socket(UNIX_FAMILY, STREAM_TYPE, 0);
	fds[1] = sys_socket(UNIX_FAMILY, STREAM_TYPE, 0);
	addr.path[1] = 'c';
	addr.path[2] = (char)('0' + sys_getpid() % 64);
	addr.path[3] = (char)('0' + sys_getpid() / 64 % 64);
	ASSERT_OK(sys_bind(fds[0], name, len));
	ASSERT_OK(sys_listen(fds[0], 4));
	EXPECT_EQ(ring_call_connect(&r, fds[1], name, len), 0);
	len = sizeof(peer);
	fds[2] = ring_call_accept(&r, fds[0], (struct sockaddr *)(void *)&peer, &len, 0);
	ASSERT_OK(fds[2]);
	EXPECT_EQ(peer.family, UNIX_FAMILY);
	EXPECT_EQ(len, 2);
	EXPECT_EQ(ring_call_send(&r, fds[1], "hi", 2, 0), 2);
	EXPECT_EQ(ring_call_recv(&r, fds[2], &peer, sizeof(peer), 0), 2);
	EXPECT_MEMEQ(&peer, "hi", 2);
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("a call returns its own result; others are submitted and dispatched", others_go_on),
	TEST("a call waits for what another request's callback sets off", dispatch_is_needed),
	TEST("callbacks call, and callbacks of those calls", within_a_callback),
	TEST("a call that is late is cancelled and leaves nothing behind", times_out),
	TEST("a call that blocks in a worker is cancelled as well", times_out_in_a_worker),
	TEST("a call behind a link ends once its turn has come", times_out_in_a_chain),
	TEST("of several results a call returns the first, after the last", several_results),
	TEST("a call that could not be submitted leaves a nop", not_submitted),
	TEST("calls and a full queue", full_queue),
	TEST("a skipped completion is asked for, a broken link is reported", flags_of_entries),
	TEST("signals do not end a call", signals),
	TEST("calls go through an overflow", overflow),
	TEST("calls on a ring with a thread that submits", any_kind, .param = &sqpoll),
	TEST("calls on a ring that starts at the first slot", any_kind, .param = &rewind),
	TEST("calls on a ring with entries of two sizes", any_kind, .param = &sqe_mixed),
	TEST("calls on a ring with completions of two sizes", any_kind, .param = &cqe_mixed),
	TEST("a nop is left of what a thread was not yet given", taken_back, .param = &sqpoll),
	TEST("a nop is left of an entry at the first slot", taken_back, .param = &rewind),
	TEST("a large nop is left of a large entry", taken_back, .param = &sqe_mixed),
	TEST("nop, write, read, fsync, fallocate, fadvise, statx, close", files),
	TEST("writev, readv", vectors),
	TEST("openat", opens),
	TEST("splice from a place to a pipe and back", splices),
	TEST("poll, send, recv, shutdown", polls_and_sockets),
	TEST("accept, connect", accepts_and_connects),
};
TEST_SUITE(ring_call, cases);
