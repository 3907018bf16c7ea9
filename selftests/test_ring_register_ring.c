/* SPDX-License-Identifier: MIT */
/* ring/register.h: the ring itself, its eventfd, and whose rights it has */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/time_types.h>
#include <linux/uio.h>

#include "ring/buf_ring.h"
#include "ring/mem.h"
#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "selftests/ring_use.h"
#include "uapi/rt/pages.h"
#include "uapi/rt/fmt.h"
#include "uapi/sys.h"

enum { DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, NOBODY = 65534 };

static s32 nop(struct ring *r)
{
	ring_prep_nop(use_sqe(r));
	return use_result(r);
}

static void ring_fd(void)
{
	struct ring rings[17];

	for (u32 i = 0; i < 17; i++)
		use_ring(&rings[i], DEFER);
	EXPECT_ERR(ring_unregister_ring_fd(&rings[0]), -EINVAL);
	for (u32 i = 0; i < 16; i++)
		ASSERT_EQ(ring_register_ring_fd(&rings[i]), 0);
	EXPECT_ERR(ring_register_ring_fd(&rings[16]), -EBUSY);
	EXPECT_ERR(ring_register_ring_fd(&rings[3]), -EEXIST);
	for (u32 i = 0; i < 17; i++)
		EXPECT_EQ(nop(&rings[i]), 0);
	ASSERT_EQ(ring_unregister_ring_fd(&rings[3]), 0);
	EXPECT_ERR(ring_unregister_ring_fd(&rings[3]), -EINVAL);
	ASSERT_EQ(ring_register_ring_fd(&rings[16]), 0);
	EXPECT_EQ(nop(&rings[3]), 0);
	EXPECT_EQ(nop(&rings[16]), 0);
	for (u32 i = 0; i < 17; i++)
		ring_exit(&rings[i]);
	EXPECT_ERR(ring_register_ring_fd(&rings[0]), -EBADF);
}

/* All that a ring can be told is said to it by its index. */
static void without_fd(struct ring *r)
{
	static char mem[4096];
	struct iovec iov = { .iov_base = mem, .iov_len = sizeof(mem) };
	struct io_uring_buf_ring *br;
	int fd = use_file();
	int err;

	EXPECT_LT(r->fd, 0);
	EXPECT_ERR(ring_close_ring_fd(r), -EBADF);
	EXPECT_ERR(ring_register_ring_fd(r), -EEXIST);
	EXPECT_ERR(ring_unregister_ring_fd(r), -EINVAL);
	EXPECT_EQ(nop(r), 0);
	ASSERT_EQ(ring_register_files(r, &fd, 1), 0);
	ASSERT_EQ(ring_register_buffers(r, &iov, 1), 0);
	ring_prep_write_fixed(use_sqe(r), fd, mem, 7, 0, 0);
	EXPECT_EQ(use_result(r), 7);
	EXPECT_GT(ring_register_personality(r), 0);
	br = ring_setup_buf_ring(r, 8, 1, 0, &err);
	EXPECT_EQ(err, 0);
	EXPECT_EQ(ring_free_buf_ring(r, br, 8, 1), 0);
	EXPECT_EQ(ring_setup_buf_ring(r, 8, 1, IOU_PBUF_RING_MMAP, &err), NULL);
	EXPECT_TRUE(err == -EBADF || (err == -EINVAL && !is_linux("6.4")));
	EXPECT_ERR(ring_unregister_buf_ring(r, 1), -ENOENT);
}

/* Each in memory of its own: the kernel may write to that of a ring that was left. */
static void never_had_fd(void)
{
	NEED_SETUP(IORING_SETUP_REGISTERED_FD_ONLY);
	for (u32 i = 0; i < 20; i++) {
		struct io_uring_params p = { .flags = DEFER | IORING_SETUP_REGISTERED_FD_ONLY };
		struct pages pages;
		struct ring r;

		test_row("round %u", i);
		ASSERT_EQ(pages_map(&pages, 16384), 0);
		ASSERT_EQ(ring_init_mem(&r, 16, &p, pages.addr, pages.len_bytes), 0);
		without_fd(&r);
		ring_exit(&r);
		pages_unmap(&pages);
	}
}

static void closed_fd(void)
{
	struct ring r;
	int old;

	NEED_FEAT(IORING_FEAT_REG_REG_RING);
	use_ring(&r, DEFER);
	EXPECT_ERR(ring_close_ring_fd(&r), -EINVAL);
	ASSERT_EQ(ring_register_ring_fd(&r), 0);
	old = r.fd;
	ASSERT_EQ(ring_close_ring_fd(&r), 0);
	EXPECT_ERR(sys_fcntl(old, F_GETFD, 0), -EBADF);
	without_fd(&r);
	ring_exit(&r);
}

/* What it costs to be forgotten: nothing, neither indices nor descriptors. */
static void closed_fd_leaves_nothing(void)
{
	NEED_FEAT(IORING_FEAT_REG_REG_RING);
	for (u32 i = 0; i < 40; i++) {
		struct ring r;

		use_ring(&r, DEFER);
		ASSERT_EQ(ring_register_ring_fd(&r), 0);
		ASSERT_EQ(ring_close_ring_fd(&r), 0);
		ASSERT_EQ(nop(&r), 0);
		ring_exit(&r);
	}
}

static void cloned_by_index(void)
{
	static char mem[4096];
	struct iovec iov = { .iov_base = mem, .iov_len = sizeof(mem) };
	int fd = use_file();
	struct ring src;
	struct ring r;

	NEED_REGISTER(IORING_REGISTER_CLONE_BUFFERS);
	use_ring(&src, DEFER);
	use_ring(&r, DEFER);
	ASSERT_EQ(ring_register_buffers(&src, &iov, 1), 0);
	ASSERT_EQ(ring_register_ring_fd(&src), 0);
	ASSERT_EQ(ring_close_ring_fd(&src), 0);
	ASSERT_EQ(ring_clone_buffers(&r, &src), 0);
	ring_prep_write_fixed(use_sqe(&r), fd, mem, 7, 0, 0);
	EXPECT_EQ(use_result(&r), 7);
	ring_exit(&r);
	ring_exit(&src);
}

static void enabled(void)
{
	struct ring r;

	use_ring(&r, DEFER | IORING_SETUP_R_DISABLED);
	ring_prep_nop(use_sqe(&r));
	EXPECT_ERR(ring_submit(&r), -EBADFD);
	EXPECT_NE(r.flags & IORING_SETUP_R_DISABLED, 0);
	ASSERT_EQ(ring_enable_rings(&r), 0);
	EXPECT_EQ(r.flags & IORING_SETUP_R_DISABLED, 0);
	EXPECT_EQ(use_result(&r), 0);
	EXPECT_ERR(ring_enable_rings(&r), -EBADFD);
	ring_exit(&r);
	EXPECT_ERR(ring_enable_rings(&r), -EBADF);
}

static void restricted(void)
{
	const struct io_uring_restriction res[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_ASYNC },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_FILES },
	};
	int fd = use_file();
	struct ring r;

	use_ring(&r, IORING_SETUP_R_DISABLED);
	ASSERT_EQ(ring_register_restrictions(&r, res, 3), 0);
	EXPECT_ERR(ring_register_restrictions(&r, res, 3), -EBUSY);
	ASSERT_EQ(ring_enable_rings(&r), 0);
	EXPECT_EQ(nop(&r), 0);
	ring_prep_write(use_sqe(&r), fd, "no", 2, 0);
	EXPECT_EQ(use_result(&r), -EACCES);
	for (u32 i = 0; i < 2; i++) {
		struct io_uring_sqe *sqe = use_sqe(&r);

		ring_prep_nop(sqe);
		ring_sqe_set_flags(sqe, i ? IOSQE_IO_DRAIN : IOSQE_ASYNC);
		EXPECT_EQ(use_result(&r), i ? -EACCES : 0);
	}
	ASSERT_EQ(ring_register_files(&r, &fd, 1), 0);
	EXPECT_ERR(ring_unregister_files(&r), -EACCES);
	EXPECT_ERR(ring_register_personality(&r), -EACCES);
	EXPECT_ERR(ring_enable_rings(&r), -EACCES);
	ring_exit(&r);
}

static void required_flags(void)
{
	const struct io_uring_restriction res[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE },
	};
	int fd = use_file();
	struct io_uring_sqe *sqe;
	struct ring r;
	char c;

	use_ring(&r, IORING_SETUP_R_DISABLED);
	ASSERT_EQ(ring_register_files(&r, &fd, 1), 0);
	ASSERT_EQ(ring_register_restrictions(&r, res, 2), 0);
	ASSERT_EQ(ring_enable_rings(&r), 0);
	ring_prep_read(use_sqe(&r), fd, &c, 1, 0);
	EXPECT_EQ(use_result(&r), -EACCES);
	sqe = use_sqe(&r);
	ring_prep_read(sqe, 0, &c, 1, 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	EXPECT_EQ(use_result(&r), 0);
	ring_exit(&r);
}

static void bad_restrictions(void)
{
	static const struct io_uring_restriction bad[] = {
		{ .opcode = 99 },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = 255 },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = 255 },
	};
	struct ring r;

	use_ring(&r, 0);
	EXPECT_ERR(ring_register_restrictions(&r, bad, 1), -EBADFD);
	ring_exit(&r);
	EXPECT_ERR(ring_register_restrictions(&r, bad, 1), -EBADF);
	use_ring(&r, IORING_SETUP_R_DISABLED);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_ERR(ring_register_restrictions(&r, &bad[i], 1), -EINVAL);
	EXPECT_ERR(ring_register_restrictions(&r, NULL, 1), -EINVAL);
	EXPECT_ERR(ring_register_restrictions(&r, (void *)16, 1), -EFAULT);
	ASSERT_EQ(ring_enable_rings(&r), 0);
	EXPECT_EQ(nop(&r), 0);
	ring_exit(&r);
	/* An empty list allows nothing. */
	use_ring(&r, IORING_SETUP_R_DISABLED);
	ASSERT_EQ(ring_register_restrictions(&r, bad, 0), 0);
	ASSERT_EQ(ring_enable_rings(&r), 0);
	EXPECT_EQ(nop(&r), -EACCES);
	EXPECT_ERR(ring_register_personality(&r), -EACCES);
	ring_exit(&r);
}

/* Whatever ring this task sets up from now on, and its children's */
static void task_restricted(void)
{
	static u64 mem[6]; /* a header and two entries */
	struct io_uring_task_restriction *t = (struct io_uring_task_restriction *)(void *)mem;
	int fd = use_file();
	struct ring r;
	int err;

	t->restrictions[0] = (struct io_uring_restriction){ .opcode = IORING_RESTRICTION_SQE_OP,
							    .sqe_op = IORING_OP_NOP };
	t->restrictions[1] = (struct io_uring_restriction){
		.opcode = IORING_RESTRICTION_REGISTER_OP,
		.register_op = IORING_REGISTER_FILES,
	};
	t->nr_res = 2;
	t->flags = 1;
	ASSERT_OK(sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT_ERR(ring_register_task_restrictions(t), -EINVAL);
	t->flags = 0;
	err = ring_register_task_restrictions(t);
	if (err == -EINVAL)
		need_linux("7.0", "restrictions of a task");
	ASSERT_EQ(err, 0);
	/* Not on the list either, but some before 7.3 do not look at it here */
	err = ring_register_task_restrictions(t);
	EXPECT_TRUE(err == -EACCES || (err == -EPERM && !is_linux("7.3")));
	use_ring(&r, 0);
	EXPECT_EQ(nop(&r), 0);
	ring_prep_write(use_sqe(&r), fd, "no", 2, 0);
	EXPECT_EQ(use_result(&r), -EACCES);
	ASSERT_EQ(ring_register_files(&r, &fd, 1), 0);
	EXPECT_ERR(ring_unregister_files(&r), -EACCES);
	ring_exit(&r);
}

/* Whether the eventfd is told within two seconds; whether it is silent, at once */
static bool is_told(int fd, s64 wait_ms)
{
	struct __kernel_timespec ts = { .tv_sec = wait_ms / 1000,
					.tv_nsec = wait_ms % 1000 * 1000000 };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	u64 value;

	if (sys_ppoll(&p, 1, &ts) != 1)
		return false;
	ASSERT_EQ(sys_read(fd, &value, 8), 8);
	return value > 0;
}

static s32 async_nop(struct ring *r)
{
	struct io_uring_sqe *sqe = use_sqe(r);

	ring_prep_nop(sqe);
	ring_sqe_set_flags(sqe, IOSQE_ASYNC);
	return use_result(r);
}

static void eventfd(void)
{
	int fd = sys_eventfd2(0, O_NONBLOCK);
	int file = use_file();
	struct ring r;

	use_ring(&r, *(const u32 *)test_param());
	EXPECT_ERR(ring_unregister_eventfd(&r), -ENXIO);
	EXPECT_ERR(ring_register_eventfd(&r, 9999), -EBADF);
	EXPECT_ERR(ring_register_eventfd(&r, file), -EINVAL);
	ASSERT_EQ(ring_register_eventfd(&r, fd), 0);
	EXPECT_ERR(ring_register_eventfd(&r, fd), -EBUSY);
	EXPECT_ERR(ring_register_eventfd_async(&r, fd), -EBUSY);
	EXPECT_TRUE(ring_cq_eventfd_enabled(&r));
	for (u32 i = 0; i < 3; i++) {
		EXPECT_EQ(nop(&r), 0);
		EXPECT_TRUE(is_told(fd, 2000));
		EXPECT_TRUE(!is_told(fd, 0));
	}
	ring_cq_eventfd_toggle(&r, false);
	EXPECT_TRUE(!ring_cq_eventfd_enabled(&r));
	EXPECT_EQ(nop(&r), 0);
	EXPECT_EQ(async_nop(&r), 0);
	EXPECT_TRUE(!is_told(fd, 50));
	ring_cq_eventfd_toggle(&r, true);
	EXPECT_TRUE(ring_cq_eventfd_enabled(&r));
	EXPECT_EQ(async_nop(&r), 0);
	EXPECT_TRUE(is_told(fd, 2000));
	ASSERT_EQ(ring_unregister_eventfd(&r), 0);
	EXPECT_EQ(nop(&r), 0);
	EXPECT_TRUE(!is_told(fd, 50));
	ring_exit(&r);
	EXPECT_ERR(ring_register_eventfd(&r, fd), -EBADF);
}

static void eventfd_async(void)
{
	int fd = sys_eventfd2(0, O_NONBLOCK);
	struct ring r;

	use_ring(&r, 0);
	ASSERT_EQ(ring_register_eventfd_async(&r, fd), 0);
	EXPECT_EQ(nop(&r), 0);
	EXPECT_TRUE(!is_told(fd, 50));
	EXPECT_EQ(async_nop(&r), 0);
	EXPECT_TRUE(is_told(fd, 2000));
	ASSERT_EQ(ring_unregister_eventfd(&r), 0);
	ring_exit(&r);
}

static s32 open_as(struct ring *r, const char *path, u16 personality)
{
	struct io_uring_sqe *sqe = use_sqe(r);

	ring_prep_openat(sqe, AT_FDCWD, path, O_RDONLY, 0);
	sqe->personality = personality;
	return use_result(r);
}

static void personality(void)
{
	struct ring r;
	int id;

	use_ring(&r, 0);
	EXPECT_ERR(ring_unregister_personality(&r, 1), -EINVAL);
	EXPECT_EQ(open_as(&r, "/", 1), -EINVAL);
	id = ring_register_personality(&r);
	ASSERT_GT(id, 0);
	EXPECT_GE(open_as(&r, "/", (u16)id), 0);
	EXPECT_EQ(open_as(&r, "/", (u16)(id + 1)), -EINVAL);
	EXPECT_GT(ring_register_personality(&r), id);
	ASSERT_EQ(ring_unregister_personality(&r, id), 0);
	EXPECT_ERR(ring_unregister_personality(&r, id), -EINVAL);
	EXPECT_EQ(open_as(&r, "/", (u16)id), -EINVAL);
	ring_exit(&r);
	EXPECT_ERR(ring_register_personality(&r), -EBADF);
}

static void rights(void)
{
	char path[64];
	struct ring r;
	int nobody;
	int root;

	if (sys_geteuid() != 0)
		test_skip("not root: there are no rights to drop");
	use_ring(&r, 0);
	root = ring_register_personality(&r);
	ASSERT_GT(root, 0);
	fmt_print(path, sizeof(path), "/tmp/bareblk-roots-%d", sys_getpid());
	ASSERT_OK(sys_openat(AT_FDCWD, path, O_CREAT | O_RDWR, 0600));
	ASSERT_OK(sys_setresuid((u32)-1, NOBODY, (u32)-1));
	nobody = ring_register_personality(&r);
	ASSERT_GT(nobody, 0);
	EXPECT_NE(nobody, root);
	EXPECT_EQ(open_as(&r, path, 0), -EACCES);
	EXPECT_GE(open_as(&r, path, (u16)root), 0);
	ASSERT_OK(sys_setresuid((u32)-1, 0, (u32)-1));
	EXPECT_GE(open_as(&r, path, 0), 0);
	EXPECT_EQ(open_as(&r, path, (u16)nobody), -EACCES);
	EXPECT_GE(open_as(&r, path, (u16)root), 0);
	ASSERT_OK(sys_unlinkat(AT_FDCWD, path, 0));
	ring_exit(&r);
}

static const u32 plain;
static const u32 deferred = DEFER;

static const struct test_case cases[] = {
	TEST("a thread has sixteen registered rings", ring_fd),
	TEST("a ring goes on without its descriptor", closed_fd),
	TEST("a ring that never had one is told as much", never_had_fd),
	TEST("a ring without descriptor leaves no index behind", closed_fd_leaves_nothing),
	TEST("buffers are cloned from a ring without descriptor", cloned_by_index),
	TEST("a disabled ring takes nothing until it is enabled", enabled),
	TEST("restrictions let through what they list", restricted),
	TEST("restrictions demand the flags they list", required_flags),
	TEST("restrictions come once, before the ring is enabled", bad_restrictions),
	TEST("restrictions of the task hold for its rings", task_restricted),
	TEST("an eventfd tells of completions until it is silenced", eventfd, .param = &plain),
	TEST("it does on a ring that defers its work", eventfd, .param = &deferred),
	TEST("an async eventfd tells of what a worker did only", eventfd_async),
	TEST("a personality is there until it is given up", personality),
	TEST("a personality gives and drops rights", rights),
};
TEST_SUITE(ring_register_ring, cases);
