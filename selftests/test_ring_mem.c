/* SPDX-License-Identifier: MIT */
/* ring/mem.c and ring/resize.c: rings in our memory, and rings of another size */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/resource.h>

#include "ring/mem.h"
#include "selftests/ring_play.h"
#include "uapi/rt/pages.h"

#define DEFER (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define GUARD 0xa5

/* Pages that lie together as a kernel before 6.10 wants them for one queue */
#define SMALL_ENTRIES 32

static void nop(struct ring *r, u64 user_data)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);
	struct io_uring_cqe *cqe;

	ASSERT_NE(sqe, NULL);
	ring_prep_nop(sqe);
	ring_sqe_set_data64(sqe, user_data);
	ASSERT_EQ(ring_submit_and_wait(r, 1), 1);
	cqe = ring_peek_cqe(r);
	ASSERT_NE(cqe, NULL);
	ASSERT_EQ(cqe->user_data, user_data);
	ring_cqe_seen(r, cqe);
}

static char *map_pages(u64 len_bytes, int flags)
{
	long at = sys_mmap(NULL, len_bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return at < 0 && at >= -4095 ? NULL : (char *)at;
}

/* A ring in memory between two guards that nobody may write to */
static void ring_between_guards(u32 entries, u32 flags)
{
	struct io_uring_params p = { .flags = flags };
	s64 len = ring_memory_size(entries, &p);
	u64 page = pages_size();
	struct ring r;
	char *mem;
	int err;

	ASSERT_GT(len, 0);
	ASSERT_EQ((u64)len % page, 0);
	mem = map_pages((u64)len + 2 * page, 0);
	ASSERT_NE(mem, NULL);
	memset(mem, GUARD, (size_t)len + 2 * page);
	err = ring_init_mem(&r, entries, &p, mem + page, (u64)len);
	if (err == -ENOMEM && !is_linux("6.10"))
		need_linux("6.10", "pages of a ring that do not lie together");
	ASSERT_OK(err);
	EXPECT_EQ(r.flags & (flags | IORING_SETUP_NO_MMAP), flags | IORING_SETUP_NO_MMAP);
	EXPECT_EQ((char *)r.sq.sqes - mem, page);
	for (u64 k = 0; k < 3 * r.cq_entries && k < 20000; k++)
		nop(&r, ~k);
	ring_exit(&r);
	for (u64 i = 0; i < page; i++) {
		ASSERT_EQ((u8)mem[i], GUARD);
		ASSERT_EQ((u8)mem[page + (u64)len + i], GUARD);
	}
	/* It is still ours. */
	memset(mem, 0, (size_t)len + 2 * page);
	sys_munmap(mem, (u64)len + 2 * page);
}

static const u32 kinds[] = {
	0,
	IORING_SETUP_NO_SQARRAY,
	DEFER | IORING_SETUP_NO_SQARRAY,
	IORING_SETUP_SQE128,
	IORING_SETUP_CQE32,
	IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
};

static void in_our_memory(void)
{
	NEED_SETUP(IORING_SETUP_NO_MMAP);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		u32 flags = kinds[i];

		if (!ring_has_setup(IORING_SETUP_NO_SQARRAY))
			flags &= ~IORING_SETUP_NO_SQARRAY;
		for (u32 entries = 1; entries <= SMALL_ENTRIES; entries += 5) {
			test_row("flags 0x%x, %u entries", flags, entries);
			ring_between_guards(entries, flags);
		}
	}
}

static void large_in_our_memory(void)
{
	NEED_SETUP(IORING_SETUP_NO_MMAP);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (u32 entries = 64; entries <= 4096; entries *= 8) {
			test_row("flags 0x%x, %u entries", kinds[i], entries);
			ring_between_guards(entries, kinds[i]);
		}
	}
}

static void in_a_huge_page(void)
{
	struct io_uring_params p = { .flags = DEFER };
	struct ring r;
	char *mem;

	NEED_SETUP(IORING_SETUP_NO_MMAP);
	mem = map_pages(2 << 20, MAP_HUGETLB | MAP_POPULATE);
	if (!mem) {
		/* Nobody has set pages aside: one that the kernel gives by itself */
		mem = map_pages(4 << 20, 0);
		ASSERT_NE(mem, NULL);
		mem = (char *)(((uintptr_t)mem + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
		(void)sys_madvise(mem, 2 << 20, MADV_HUGEPAGE);
		memset(mem, 0, 2 << 20);
	}
	EXPECT_LE(ring_memory_size(16384, &p), 2 << 20);
	ASSERT_OK(ring_init_mem(&r, 16384, &p, mem, 2 << 20));
	for (u64 k = 0; k < 40000; k++)
		nop(&r, k);
	ring_exit(&r);
}

static void only_an_index(void)
{
	struct io_uring_params p = { .flags = IORING_SETUP_REGISTERED_FD_ONLY | DEFER };
	s64 len = ring_memory_size(8, &p);
	int lowest = sys_eventfd2(0, 0);
	struct ring r;
	char *mem;

	NEED_SETUP(IORING_SETUP_REGISTERED_FD_ONLY);
	sys_close(lowest);
	/* A thread has 16 places, and each is given back. The kernel may still write
	 * to the memory of a ring that was left: each has its own. */
	for (u32 i = 0; i < 100; i++) {
		mem = map_pages((u64)len, 0);
		p = (struct io_uring_params){ .flags = IORING_SETUP_REGISTERED_FD_ONLY | DEFER };
		ASSERT_OK(ring_init_mem(&r, 8, &p, mem, (u64)len));
		EXPECT_EQ(r.fd, -1);
		EXPECT_EQ(sys_eventfd2(0, 0), lowest);
		nop(&r, i);
		EXPECT_OK(ring_get_events(&r));
		EXPECT_OK(ring_register_files_sparse(&r, 4));
		ring_exit(&r);
		EXPECT_OK(sys_munmap(mem, (u64)len));
		EXPECT_OK(sys_close(lowest));
	}
}

static void sizes(void)
{
	static const struct {
		u32 entries;
		u32 cq_entries;
		u32 flags;
		s64 sqes_bytes; /* or the error */
	} rows[] = {
		{ 0, 0, 0, -EINVAL },
		{ 32769, 0, 0, -EINVAL },
		{ 0xffffffff, 0, 0, -EINVAL },
		{ 8, 4, IORING_SETUP_CQSIZE, -EINVAL },
		{ 8, 0, IORING_SETUP_CQSIZE, -EINVAL },
		{ 8, 65537, IORING_SETUP_CQSIZE, -EINVAL },
		{ 1, 0, 0, 4096 },
		{ 64, 0, 0, 4096 },
		{ 65, 0, 0, 8192 },
		{ 64, 0, IORING_SETUP_SQE128, 8192 },
		{ 32768, 0, 0, 2 << 20 },
		{ 32769, 0, IORING_SETUP_CLAMP, 2 << 20 },
		{ 32768, 99999, IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE, 2 << 20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct io_uring_params p = { .flags = rows[i].flags,
					     .cq_entries = rows[i].cq_entries };
		s64 got = ring_memory_size(rows[i].entries, &p);

		test_row("row %zu", i);
		if (rows[i].sqes_bytes < 0)
			EXPECT_EQ(got, rows[i].sqes_bytes);
		else
			EXPECT_GT(got, rows[i].sqes_bytes);
	}
}

static void refuses_memory(void)
{
	struct io_uring_params p = { .flags = 0 };
	u64 len = (u64)ring_memory_size(8, &p);
	char *mem = map_pages(len + pages_size(), 0);
	struct ring r;

	NEED_SETUP(IORING_SETUP_NO_MMAP);
	EXPECT_ERR(ring_init_mem(&r, 8, &p, mem, len - 1), -ENOSPC);
	EXPECT_EQ(r.sq.sqes, NULL);
	EXPECT_ERR(ring_init_mem(&r, 0, &p, mem, len), -EINVAL);
	EXPECT_ERR(ring_init_mem(&r, 8, &p, mem + 64, len), -EINVAL);
	EXPECT_EQ(r.sq.sqes, NULL);
	/* The rings are ours to clear, so it is the entries that cannot be written. */
	ASSERT_OK(sys_mprotect(mem, pages_size(), PROT_READ));
	p = (struct io_uring_params){ .flags = 0 };
	EXPECT_ERR(ring_init_mem(&r, 8, &p, mem, len), -EFAULT);
	EXPECT_EQ(r.sq.sqes, NULL);
	ring_exit(&r);
}

/* Resizing */

static void make_resizable(struct ring *r, u32 entries, u32 flags)
{
	struct io_uring_params p = { .flags = DEFER | IORING_SETUP_NO_SQARRAY | flags };

	NEED_REGISTER(IORING_REGISTER_RESIZE_RINGS);
	ASSERT_OK(ring_init(r, entries, &p));
}

static int resize(struct ring *r, u32 sq_entries, u32 cq_entries)
{
	struct io_uring_params p = {
		.flags = cq_entries ? IORING_SETUP_CQSIZE : 0,
		.sq_entries = sq_entries,
		.cq_entries = cq_entries,
	};

	return ring_resize_rings(r, &p);
}

static void submit_nops(struct ring *r, u32 nr, u64 *given)
{
	for (u32 i = 0; i < nr; i++) {
		struct io_uring_sqe *sqe = ring_get_sqe(r);

		ASSERT_NE(sqe, NULL);
		ring_prep_nop(sqe);
		ring_sqe_set_data64(sqe, (*given)++);
	}
	ASSERT_EQ(ring_submit_and_wait(r, 0), nr);
}

static void reap(struct ring *r, u32 nr, u64 *seen)
{
	while (nr--) {
		struct io_uring_cqe *cqe = ring_peek_cqe(r);

		ASSERT_NE(cqe, NULL);
		ASSERT_EQ(cqe->user_data, (*seen)++);
		ring_cqe_seen(r, cqe);
	}
}

/* Every size to every other, with completions left over on the way */
static void grows_and_shrinks(void)
{
	static const u32 sizes_[] = { 8, 256, 1, 64, 64, 1024, 4, 2, 16 };
	static const u32 flags[] = { 0, IORING_SETUP_SQE128, IORING_SETUP_SUBMIT_ALL };

	for (size_t k = 0; k < ARRAY_SIZE(flags); k++) {
		u64 given = 0;
		u64 seen = 0;
		struct ring r;

		make_resizable(&r, 8, flags[k]);
		ASSERT_OK(ring_register_ring_fd(&r));
		for (u32 round = 0; round < 4; round++) {
			for (size_t i = 0; i < ARRAY_SIZE(sizes_); i++) {
				u32 left = sizes_[i] < 3 ? sizes_[i] : 3;

				test_row("flags 0x%x, to %u", flags[k], sizes_[i]);
				while (ring_cq_ready(&r) > left)
					reap(&r, 1, &seen);
				ASSERT_OK(resize(&r, sizes_[i], 0));
				ASSERT_EQ(r.sq_entries, sizes_[i]);
				ASSERT_EQ(r.cq_entries, 2 * sizes_[i]);
				ASSERT_EQ(ring_sq_space_left(&r), sizes_[i]);
				submit_nops(&r, sizes_[i], &given);
				reap(&r, sizes_[i] / 2, &seen);
			}
		}
		reap(&r, (u32)(given - seen), &seen);
		ASSERT_EQ(ring_cq_ready(&r), 0);
		ring_exit(&r);
	}
}

static void refuses_to_resize(void)
{
	u64 given = 0;
	u64 seen = 0;
	struct ring r;

	make_resizable(&r, 8, 0);
	EXPECT_ERR(resize(&r, 0, 0), -EINVAL);
	EXPECT_ERR(resize(&r, 1 << 20, 0), -EINVAL);
	EXPECT_ERR(resize(&r, 8, 4), -EINVAL);
	submit_nops(&r, 8, &given);
	EXPECT_ERR(resize(&r, 2, 4), -EOVERFLOW);
	ring_prep_nop(ring_get_sqe(&r));
	EXPECT_ERR(resize(&r, 64, 0), -EBUSY);
	/* It is as it was. */
	EXPECT_EQ(r.sq_entries, 8);
	reap(&r, 8, &seen);
	EXPECT_EQ(ring_submit_and_wait(&r, 1), 1);
	ring_exit(&r);
}

static void large_completions(void)
{
	u64 given = 0;
	u64 seen = 0;
	struct ring r;

	make_resizable(&r, 8, IORING_SETUP_CQE32);
	submit_nops(&r, 2, &given);
	EXPECT_ERR(resize(&r, 64, 0), -EBUSY);
	reap(&r, 2, &seen);
	ASSERT_OK(resize(&r, 64, 0));
	submit_nops(&r, 64, &given);
	reap(&r, 64, &seen);
	ring_exit(&r);
}

static void not_of_every_ring(void)
{
	static const u32 flags[] = { 0, DEFER, IORING_SETUP_NO_SQARRAY };
	struct io_uring_params p;
	struct ring r;
	char *mem;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		p = (struct io_uring_params){ .flags = flags[i] };
		ASSERT_OK(ring_init(&r, 8, &p));
		EXPECT_ERR(resize(&r, 16, 0), -EINVAL);
		nop(&r, 1);
		ring_exit(&r);
	}
	NEED_SETUP(IORING_SETUP_NO_MMAP);
	p = (struct io_uring_params){ .flags = DEFER };
	mem = map_pages((u64)ring_memory_size(8, &p), 0);
	ASSERT_OK(ring_init_mem(&r, 8, &p, mem, (u64)ring_memory_size(8, &p)));
	EXPECT_ERR(resize(&r, 16, 0), -EOPNOTSUPP);
	nop(&r, 2);
	ring_exit(&r);
}

static u64 address_space(void)
{
	static char text[256];
	int fd = sys_openat(AT_FDCWD, "/proc/self/statm", O_RDONLY | O_CLOEXEC, 0);
	u64 nr_pages = 0;

	ASSERT_GT(sys_read(fd, text, sizeof(text) - 1), 0);
	for (const char *c = text; *c >= '0' && *c <= '9'; c++)
		nr_pages = nr_pages * 10 + (u64)(*c - '0');
	sys_close(fd);
	return nr_pages * pages_size();
}

/* The kernel has made the new queues and we have no room to map them. */
static void no_room_to_map(void)
{
	struct rlimit64 all = { .rlim_cur = ~0ULL, .rlim_max = ~0ULL };
	struct rlimit64 little = all;
	struct io_uring_params p = { .sq_entries = 4096 };
	struct io_uring_cqe *cqe;
	u64 given = 0;
	u64 seen = 0;
	struct ring r;

	make_resizable(&r, 8, 0);
	ASSERT_OK(ring_register_ring_fd(&r));
	submit_nops(&r, 5, &given);
	ASSERT_OK(sys_prlimit64(0, RLIMIT_AS, NULL, &all));
	little.rlim_max = all.rlim_max;
	little.rlim_cur = address_space() + 16384;
	ASSERT_OK(sys_prlimit64(0, RLIMIT_AS, &little, NULL));
	EXPECT_ERR(ring_resize_rings(&r, &p), -ENOMEM);
	/* Nothing may crash, nothing comes, nothing goes. */
	for (u32 again = 0; again < 2; again++) {
		EXPECT_EQ(r.sq.sqes, NULL);
		EXPECT_EQ(ring_get_sqe(&r), NULL);
		EXPECT_EQ(ring_peek_cqe(&r), NULL);
		EXPECT_EQ(ring_cq_ready(&r), 0);
		EXPECT_EQ(ring_peek_batch_cqe(&r, &cqe, 1), 0);
		EXPECT_EQ(ring_sq_space_left(&r), 0);
		EXPECT_TRUE(!ring_cq_has_overflow(&r));
		EXPECT_ERR(ring_submit(&r), -EBADF);
		EXPECT_ERR(ring_submit_and_wait(&r, 1), -EBADF);
		EXPECT_ERR(ring_get_events(&r), -EBADF);
		EXPECT_ERR(ring_resize_rings(&r, &p), -ENOMEM);
	}
	ASSERT_OK(sys_prlimit64(0, RLIMIT_AS, &all, NULL));
	ASSERT_OK(ring_resize_rings(&r, &p));
	EXPECT_EQ(r.sq_entries, 4096);
	reap(&r, 5, &seen);
	for (u32 i = 0; i < 5; i++) {
		submit_nops(&r, 4096, &given);
		reap(&r, 4096, &seen);
	}
	ring_exit(&r);
}

static void exit_without_queues(void)
{
	struct rlimit64 all = { .rlim_cur = ~0ULL, .rlim_max = ~0ULL };
	struct io_uring_params p = { .sq_entries = 4096 };
	int lowest = sys_eventfd2(0, 0);
	struct rlimit64 little;
	struct ring r;

	sys_close(lowest);
	make_resizable(&r, 8, 0);
	ASSERT_OK(sys_prlimit64(0, RLIMIT_AS, NULL, &all));
	little = all;
	little.rlim_cur = address_space() + 16384;
	ASSERT_OK(sys_prlimit64(0, RLIMIT_AS, &little, NULL));
	EXPECT_ERR(ring_resize_rings(&r, &p), -ENOMEM);
	ring_exit(&r);
	ring_exit(&r);
	EXPECT_EQ(sys_eventfd2(0, 0), lowest);
}

static const struct test_case cases[] = {
	TEST("a ring in our memory writes to that and to nothing beside it", in_our_memory),
	TEST("so does a large one", large_in_our_memory),
	TEST("a huge page holds a ring of 16384 entries", in_a_huge_page),
	TEST("a ring may have an index and no descriptor", only_an_index),
	TEST("the size of the memory follows the kernel's rules", sizes),
	TEST("memory that does not fit is refused", refuses_memory),
	TEST("a ring grows and shrinks, and keeps what was not reaped", grows_and_shrinks),
	TEST("a resize that is refused leaves the ring as it was", refuses_to_resize),
	TEST("large completions have to be reaped before a resize", large_completions),
	TEST("only a ring with the flags for it and memory of the kernel can be resized",
	     not_of_every_ring),
	TEST("a ring whose new queues cannot be mapped is shut, and opens later",
	     no_room_to_map),
	TEST("and can be given up", exit_without_queues),
};
TEST_SUITE(ring_mem, cases);
