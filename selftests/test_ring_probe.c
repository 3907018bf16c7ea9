/* SPDX-License-Identifier: MIT */
/* ring/probe.h: what it says is what this kernel does. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/resource.h>

#include "ring/probe.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

static void probe(struct ring_probe *p)
{
	memset(p, 0xee, sizeof(*p));
	ASSERT_OK(ring_get_probe(p));
}

/* Each is tried for itself, by another hand. */
static void agrees(void)
{
	struct ring_probe p;

	probe(&p);
	for (u32 op = 0; op < 80; op++) {
		test_row("opcode %u", op);
		EXPECT_EQ(ring_probe_has_op(&p, (u8)op), ring_has_op(op));
	}
	for (u32 op = 0; op < 64; op++) {
		test_row("register operation %u", op);
		EXPECT_EQ(p.register_ops >> op & 1, ring_has_register(op));
	}
	for (u32 bit = 0; bit < 32; bit++) {
		test_row("bit %u", bit);
		EXPECT_EQ(p.setup_flags >> bit & 1, ring_has_setup(1U << bit));
		EXPECT_EQ(p.features >> bit & 1, ring_has_feat(1U << bit));
	}
}

/* The kernel's own word, where it gives one */
static void agrees_with_query(void)
{
	struct io_uring_query_opcode answer = { 0 };
	struct ring_probe p;

	NEED_REGISTER(IORING_REGISTER_QUERY);
	probe(&p);
	ASSERT_OK(ring_query(IO_URING_QUERY_OPCODES, &answer, sizeof(answer)));
	EXPECT_EQ(p.nr_ops, answer.nr_request_opcodes);
	EXPECT_EQ(p.register_ops, (1ULL << answer.nr_register_opcodes) - 1);
	EXPECT_EQ(p.features, answer.feature_flags);
	EXPECT_EQ(p.setup_flags, answer.ring_setup_flags);
	EXPECT_EQ(p.enter_flags, answer.enter_flags);
}

static void enter_flags(void)
{
	static const char *const releases[] = { "5.1",	"5.1",	"5.10", "5.11",
						"5.18", "6.12", "6.13", "6.15" };
	struct ring_probe p;

	probe(&p);
	for (u32 bit = 0; bit < ARRAY_SIZE(releases); bit++) {
		test_row("enter flag %u, of Linux %s", bit, releases[bit]);
		EXPECT_TRUE(p.enter_flags >> bit & 1 || !is_linux(releases[bit]));
	}
}

static void limits(void)
{
	struct io_uring_params params = { .flags = 0 };
	struct ring_probe p;
	struct ring r;

	probe(&p);
	ASSERT_EQ(p.max_sq_entries, 32768);
	ASSERT_EQ(p.max_cq_entries, 65536);
	ASSERT_ERR(ring_init(&r, p.max_sq_entries + 1, &params), -EINVAL);
	params = (struct io_uring_params){ .flags = 0 };
	ASSERT_OK(ring_init(&r, p.max_sq_entries, &params));
	EXPECT_EQ(r.cq_entries, p.max_cq_entries);
	ring_exit(&r);
}

/* What others have registered is not lost, and counts. */
static void ring_fds(void)
{
	struct ring rings[4];
	struct ring_probe p;
	u32 most;

	probe(&p);
	most = p.max_ring_fds;
	ASSERT_EQ(most, 16);
	for (u32 i = 0; i < ARRAY_SIZE(rings); i++) {
		struct io_uring_params params = { .flags = 0 };

		ASSERT_OK(ring_init(&rings[i], 4, &params));
		ASSERT_OK(ring_register_ring_fd(&rings[i]));
		probe(&p);
		EXPECT_EQ(p.max_ring_fds, most - 1 - i);
	}
	for (u32 i = 0; i < ARRAY_SIZE(rings); i++) {
		ASSERT_OK(ring_get_events(&rings[i]));
		ring_exit(&rings[i]);
	}
	probe(&p);
	EXPECT_EQ(p.max_ring_fds, most);
}

static int lowest_fd(void)
{
	int fd = sys_openat(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC, 0);

	ASSERT_OK(fd);
	sys_close(fd);
	return fd;
}

static long map_page(void)
{
	return sys_mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void leaves_nothing(void)
{
	struct ring_probe p;
	long page;
	int fd;

	probe(&p);
	fd = lowest_fd();
	page = map_page();
	ASSERT_OK(page);
	ASSERT_OK(sys_munmap((void *)page, 4096));
	for (int i = 0; i < 5; i++)
		probe(&p);
	EXPECT_EQ(lowest_fd(), fd);
	EXPECT_EQ(map_page(), page);
}

static void is_stable(void)
{
	struct ring_probe a;
	struct ring_probe b;

	probe(&a);
	probe(&b);
	EXPECT_MEMEQ(&a, &b, sizeof(a));
}

static void no_files(void)
{
	const struct ring_probe zero = { .ops = { 0 } };
	struct rlimit64 none = { .rlim_cur = (u64)lowest_fd(), .rlim_max = 4096 };
	struct ring_probe p;

	memset(&p, 0xee, sizeof(p));
	ASSERT_OK(sys_prlimit64(0, RLIMIT_NOFILE, &none, NULL));
	ASSERT_ERR(ring_get_probe(&p), -EMFILE);
	EXPECT_MEMEQ(&p, &zero, sizeof(p));
}

static const struct test_case cases[] = {
	TEST("each opcode, operation, flag and feature is told as it is", agrees),
	TEST("it says what the kernel says when it is queried", agrees_with_query),
	TEST("enter flags are those of the release", enter_flags),
	TEST("the largest ring is as large as it says, and no larger", limits),
	TEST("rings that are registered count, and stay registered", ring_fds),
	TEST("no file and no mapping stays behind", leaves_nothing),
	TEST("two answers are the same", is_stable),
	TEST("a failure leaves an empty answer", no_files),
};
TEST_SUITE(ring_probe, cases);
