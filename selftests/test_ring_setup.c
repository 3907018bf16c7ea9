/* SPDX-License-Identifier: MIT */
/* ring/setup.c and ring/register.c, on this machine's kernel */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/seccomp.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "ring/ring.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define FASTER                                                                             \
	(IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER | \
	 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY)

static void make(struct ring *r, u32 entries, u32 flags)
{
	struct io_uring_params p = { .flags = flags };
	int err = ring_init(r, entries, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

/* One NOP there and back */
static void nop(struct ring *r, u64 user_data)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);
	struct io_uring_cqe *cqe;

	/* The thread of an SQPOLL ring may give an entry back after its completion. */
	if (!sqe && r->flags & IORING_SETUP_SQPOLL) {
		ASSERT_OK(ring_sqring_wait(r));
		sqe = ring_get_sqe(r);
	}
	ASSERT_NE(sqe, NULL);
	ring_prep_nop(sqe);
	ring_sqe_set_data64(sqe, user_data);
	ASSERT_EQ(ring_submit_and_wait(r, 1), 1);
	cqe = ring_peek_cqe(r);
	ASSERT_NE(cqe, NULL);
	ASSERT_EQ(cqe->user_data, user_data);
	ASSERT_EQ(cqe->res, 0);
	ring_cq_advance(r, 1);
	ASSERT_EQ(ring_cq_ready(r), 0);
}

/* What rings below ask for and this kernel, if it is as old as 6.1, drops */
static u32 lacking(void)
{
	u32 flags = ring_has_setup(IORING_SETUP_NO_SQARRAY) ? 0 : IORING_SETUP_NO_SQARRAY;

	return flags | (ring_has_setup(IORING_SETUP_SQ_REWIND) ? 0 : IORING_SETUP_SQ_REWIND);
}

static void every_kind_of_ring(void)
{
	static const u32 flags[] = {
		0,
		IORING_SETUP_NO_SQARRAY,
		IORING_SETUP_SQE128,
		IORING_SETUP_CQE32,
		IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_NO_SQARRAY,
		FASTER,
		FASTER | IORING_SETUP_SQE128,
		FASTER | IORING_SETUP_CQE32,
		FASTER | IORING_SETUP_TASKRUN_FLAG,
		FASTER | IORING_SETUP_SQ_REWIND,
		FASTER | IORING_SETUP_SQ_REWIND | IORING_SETUP_SQE128,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_CLAMP,
		IORING_SETUP_IOPOLL,
		IORING_SETUP_IOPOLL | FASTER,
		IORING_SETUP_SQPOLL,
		IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_NO_SQARRAY,
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		for (u32 entries = 1; entries <= 64; entries += 7) {
			struct ring r;

			test_row("flags 0x%x, %u entries", flags[i], entries);
			make(&r, entries, flags[i]);
			EXPECT_EQ(r.flags, flags[i] & ~lacking());
			EXPECT_EQ(r.sq_entries & (r.sq_entries - 1), 0);
			EXPECT_GE(r.sq_entries, entries);
			for (u64 k = 0; k < 3 * r.cq_entries; k++)
				nop(&r, ~k);
			ring_exit(&r);
		}
	}
}

static void large_rings(void)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE, .cq_entries = 65536 };
	struct io_uring_params clamped = { .flags = IORING_SETUP_CLAMP };
	struct ring r;

	ASSERT_OK(ring_init(&r, 32768, &p));
	EXPECT_EQ(r.cq_entries, 65536);
	EXPECT_EQ(r.cq_mask, 65535);
	nop(&r, 1);
	ring_exit(&r);
	ASSERT_OK(ring_init(&r, 1 << 20, &clamped));
	EXPECT_EQ(r.sq_entries, 32768);
	nop(&r, 2);
	ring_exit(&r);
}

static void refuses(void)
{
	static const struct {
		u32 entries;
		u32 flags;
	} rows[] = {
		{ 8, IORING_SETUP_NO_MMAP },
		{ 8, IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY },
		{ 8, IORING_SETUP_REGISTERED_FD_ONLY },
		{ 8, 1U << 30 },
		{ 8, FASTER | 1U << 30 },
		{ 0, 0 },
		{ 1 << 20, 0 },
		{ 8, IORING_SETUP_CQSIZE },
		{ 8, IORING_SETUP_SQ_AFF },
		{ 8, FASTER | IORING_SETUP_SQ_AFF },
		{ 8, IORING_SETUP_SQPOLL | IORING_SETUP_SQ_REWIND | 1U << 30 },
		{ 8, IORING_SETUP_SQE128 | IORING_SETUP_SQE_MIXED },
		{ 8, IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct io_uring_params p = { .flags = rows[i].flags };
		struct ring r;

		test_row("flags 0x%x, %u entries", rows[i].flags, rows[i].entries);
		memset(&r, 0xff, sizeof(r));
		EXPECT_ERR(ring_init(&r, rows[i].entries, &p), -EINVAL);
		EXPECT_EQ(r.sq.sqes, NULL);
		ring_exit(&r);
	}
}

/*
 * This kernel knows all of them, but not every combination: DEFER_TASKRUN wants
 * SINGLE_ISSUER, and TASKRUN_FLAG wants one of COOP_TASKRUN and DEFER_TASKRUN.
 * What is left of a combination that it refuses shows what went first.
 */
static void drops_in_order(void)
{
	static const struct {
		u32 asked;
		u32 granted;
	} rows[] = {
		{ FASTER, FASTER },
		{ IORING_SETUP_DEFER_TASKRUN, 0 },
		{ IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY, 0 },
		{ IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN,
		  IORING_SETUP_COOP_TASKRUN },
		/* HYBRID_IOPOLL wants IOPOLL, and SQ_REWIND NO_SQARRAY. */
		{ FASTER | IORING_SETUP_HYBRID_IOPOLL, FASTER },
		{ IORING_SETUP_SQ_REWIND | IORING_SETUP_SUBMIT_ALL, IORING_SETUP_SUBMIT_ALL },
		{ IORING_SETUP_TASKRUN_FLAG, 0 },
		{ IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER, 0 },
		{ IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL, IORING_SETUP_SUBMIT_ALL },
		{ IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_NO_SQARRAY | IORING_SETUP_SUBMIT_ALL |
			  IORING_SETUP_SQE128,
		  IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SQE128 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct io_uring_params p = { .flags = rows[i].asked };
		struct ring r;

		test_row("asked 0x%x", rows[i].asked);
		ASSERT_OK(ring_init(&r, 8, &p));
		EXPECT_EQ(r.flags, rows[i].granted & ~lacking());
		EXPECT_EQ(p.flags, r.flags);
		nop(&r, 5);
		ring_exit(&r);
	}
}

/* As if the kernel had no such call, or a sysctl forbade it */
static void without_io_uring(int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (u32)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	struct io_uring_params p = { .flags = FASTER };
	struct ring r;
	int ret;

	ASSERT_OK(sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	ret = sys_prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (u64)(uintptr_t)&prog, 0, 0);
	if (ret)
		test_skip("no seccomp filters here: %s", err_name(ret));
	EXPECT_ERR(ring_init(&r, 8, &p), -err);
	EXPECT_EQ(r.sq.sqes, NULL);
}

static void no_such_call(void)
{
	without_io_uring(ENOSYS);
}

static void forbidden(void)
{
	without_io_uring(EPERM);
}

/* Until it is enabled it takes nothing, and loses nothing. */
static void disabled(void)
{
	static const u32 flags[] = { 0, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct ring r;

		test_row("flags 0x%x", flags[i]);
		make(&r, 8, flags[i] | IORING_SETUP_R_DISABLED);
		ring_prep_nop(ring_get_sqe(&r));
		EXPECT_ERR(ring_submit(&r), -EBADFD);
		EXPECT_ERR(ring_submit_and_wait(&r, 1), -EBADFD);
		EXPECT_ERR(ring_get_events(&r), -EBADFD);
		EXPECT_EQ(ring_sq_ready(&r), 1);
		ASSERT_OK(ring_enable_rings(&r));
		EXPECT_EQ(ring_submit_and_wait(&r, 1), 1);
		EXPECT_EQ(ring_cq_ready(&r), 1);
		ring_exit(&r);
	}
}

static void exit_is_harmless(void)
{
	struct ring r = { .sq.sqes = NULL };
	int fd;

	ring_exit(&r);
	ring_exit(&r);
	make(&r, 8, FASTER);
	ring_exit(&r);
	/* A second exit would close whatever has the number now. */
	fd = sys_eventfd2(0, 0);
	ASSERT_OK(fd);
	ring_exit(&r);
	EXPECT_OK(sys_fcntl(fd, F_GETFD, 0));
}

static u32 count_maps(void)
{
	static char text[65536];
	int fd = sys_openat(AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	u32 nr = 0;
	long len;

	ASSERT_OK(fd);
	while ((len = sys_read(fd, text, sizeof(text))) > 0)
		for (long i = 0; i < len; i++)
			nr += text[i] == '\n';
	sys_close(fd);
	return nr;
}

static int lowest_fd(void)
{
	int fd = sys_eventfd2(0, 0);

	sys_close(fd);
	return fd;
}

static void leaks_nothing(void)
{
	struct io_uring_params bad = { .flags = IORING_SETUP_SQ_AFF };
	u32 maps;
	struct ring r;
	int fd;

	make(&r, 8, FASTER); /* whatever the first one needs for ever */
	ring_exit(&r);
	maps = count_maps();
	fd = lowest_fd();
	for (u32 i = 0; i < 1000; i++) {
		make(&r, 1 + i % 100, i % 2 ? FASTER : 0);
		if (i % 3)
			ASSERT_OK(ring_register_ring_fd(&r));
		if (i % 10 == 0)
			nop(&r, i);
		ring_exit(&r);
		ASSERT_ERR(ring_init(&r, 8, &bad), -EINVAL);
	}
	EXPECT_EQ(lowest_fd(), fd);
	EXPECT_EQ(count_maps(), maps);
}

static void fails_cleanly(void)
{
	struct rlimit64 none = { .rlim_cur = (u64)lowest_fd(), .rlim_max = 4096 };
	struct io_uring_params p = { .flags = FASTER };
	struct ring r;

	ASSERT_OK(sys_prlimit64(0, RLIMIT_NOFILE, &none, NULL));
	EXPECT_ERR(ring_init(&r, 8, &p), -EMFILE);
	EXPECT_EQ(r.sq.sqes, NULL);
}

static u64 address_space(void)
{
	static char text[64];
	int fd = sys_openat(AT_FDCWD, "/proc/self/statm", O_RDONLY | O_CLOEXEC, 0);
	u64 nr_pages = 0;

	ASSERT_GT(sys_read(fd, text, sizeof(text) - 1), 0);
	for (const char *c = text; *c >= '0' && *c <= '9'; c++)
		nr_pages = nr_pages * 10 + (u64)(*c - '0');
	sys_close(fd);
	return nr_pages * 4096;
}

/* The first mapping or the second is too much: both go, and the descriptor. */
static void cannot_be_mapped(void)
{
	static const u64 rooms_bytes[] = { 8 << 10, 400 << 10 };
	struct rlimit64 all;
	struct rlimit64 little;
	int fd = lowest_fd();
	struct ring r;

	make(&r, 8, FASTER);
	ring_exit(&r);
	ASSERT_OK(sys_prlimit64(0, RLIMIT_AS, NULL, &all));
	for (size_t i = 0; i < ARRAY_SIZE(rooms_bytes); i++) {
		struct io_uring_params p = { .flags = FASTER };
		u32 maps = count_maps();

		test_row("%llu bytes left", rooms_bytes[i]);
		little = all;
		little.rlim_cur = address_space() + rooms_bytes[i];
		ASSERT_OK(sys_prlimit64(0, RLIMIT_AS, &little, NULL));
		EXPECT_ERR(ring_init(&r, 8192, &p), -ENOMEM);
		EXPECT_EQ(r.sq.sqes, NULL);
		EXPECT_EQ(r.sq_entries, 0);
		ASSERT_OK(sys_prlimit64(0, RLIMIT_AS, &all, NULL));
		EXPECT_EQ(lowest_fd(), fd);
		EXPECT_EQ(count_maps(), maps);
	}
}

static void registered_ring(void)
{
	struct ring r;

	make(&r, 8, FASTER);
	ASSERT_OK(ring_register_ring_fd(&r));
	EXPECT_NE(r.enter_flags & IORING_ENTER_REGISTERED_RING, 0);
	for (u64 i = 0; i < 100; i++)
		nop(&r, i);
	EXPECT_OK(ring_get_events(&r));
	EXPECT_ERR(ring_submit_and_wait_timeout(&r, 1, 1000), -ETIME);
	/* The number of the file is of no use to the kernel any more. */
	sys_close(r.fd);
	nop(&r, 7);
	r.fd = sys_eventfd2(0, 0);
	ring_exit(&r);
}

static s32 write_fixed(struct ring *r, s32 idx)
{
	static const u64 one = 1;
	struct io_uring_sqe *sqe = ring_get_sqe(r);
	s32 res;

	ring_prep_write(sqe, idx, &one, sizeof(one), 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	ASSERT_EQ(ring_submit_and_wait(r, 1), 1);
	res = ring_peek_cqe(r)->res;
	ring_cq_advance(r, 1);
	return res;
}

static void registered_files(void)
{
	int fd = sys_eventfd2(0, 0);
	const s32 files[] = { -1, fd, -1, fd };
	u64 value = 0;
	struct ring r;

	make(&r, 8, FASTER);
	ASSERT_OK(ring_register_files(&r, files, 4));
	EXPECT_ERR(ring_register_files(&r, files, 4), -EBUSY);
	EXPECT_EQ(write_fixed(&r, 0), -EBADF);
	EXPECT_EQ(write_fixed(&r, 1), 8);
	EXPECT_EQ(write_fixed(&r, 2), -EBADF);
	EXPECT_EQ(write_fixed(&r, 3), 8);
	EXPECT_EQ(write_fixed(&r, 4), -EBADF);
	EXPECT_EQ(sys_read(fd, &value, sizeof(value)), sizeof(value));
	EXPECT_EQ(value, 2);
	ASSERT_OK(ring_unregister_files(&r));
	EXPECT_EQ(write_fixed(&r, 1), -EBADF);
	EXPECT_ERR(ring_unregister_files(&r), -ENXIO);
	/* The table is the ring's: our number may go. */
	ASSERT_OK(ring_register_files(&r, files, 4));
	sys_close(fd);
	EXPECT_EQ(write_fixed(&r, 1), 8);
	EXPECT_ERR(ring_register_files(&r, &fd, 1), -EBUSY);
	ASSERT_OK(ring_unregister_files(&r));
	EXPECT_ERR(ring_register_files(&r, &fd, 1), -EBADF);
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("every kind of ring takes a NOP there and back", every_kind_of_ring),
	TEST("the largest rings work", large_rings),
	TEST("what the kernel does not know and what it forbids is -EINVAL", refuses),
	TEST("what a kernel refuses is dropped newest first, and nothing else", drops_in_order),
	TEST("a kernel without io_uring is -ENOSYS", no_such_call),
	TEST("io_uring that is switched off is -EPERM", forbidden),
	TEST("a disabled ring takes nothing until it is enabled", disabled),
	TEST("exit is harmless on a zeroed ring and twice", exit_is_harmless),
	TEST("1000 rings leave no file, mapping or registration behind", leaks_nothing,
	     .timeout_ms = 60000),
	TEST("a ring without a file left is -EMFILE", fails_cleanly),
	TEST("a ring that cannot be mapped is -ENOMEM, and leaves nothing", cannot_be_mapped),
	TEST("a registered ring works by its index", registered_ring),
	TEST("registered files may have holes and can be replaced", registered_files),
};
TEST_SUITE(ring_setup, cases);
