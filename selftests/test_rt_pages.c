/* SPDX-License-Identifier: MIT */
/* uapi/rt/pages.h */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

static void refuses_nonsense(void)
{
	static const u64 too_much[] = { UINT64_MAX, UINT64_MAX - 4095, 1ULL << 60 };
	struct pages p = { (void *)1, 1 };

	EXPECT_ERR(pages_map(&p, 0), -EINVAL);
	EXPECT_EQ(p.addr, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(too_much); i++) {
		test_row("%llu bytes", too_much[i]);
		EXPECT_ERR(pages_map(&p, too_much[i]), -ENOMEM);
		EXPECT_EQ(p.addr, NULL);
		EXPECT_EQ(p.len_bytes, 0);
	}
}

static void maps_whole_zeroed_pages(void)
{
	u64 size = pages_size();
	struct pages p;

	ASSERT_OK(pages_map(&p, size + 1));
	EXPECT_EQ(p.len_bytes, 2 * size);
	EXPECT_EQ((u64)p.addr % size, 0);
	for (u64 i = 0; i < p.len_bytes; i++)
		ASSERT_EQ(((u8 *)p.addr)[i], 0);
	((u8 *)p.addr)[p.len_bytes - 1] = 1;
	pages_unmap(&p);
	EXPECT_EQ(p.addr, NULL);
	pages_unmap(&p);
}

/* What faults ends by a signal, or by a sanitizer's exit. */
static void touch(void *addr)
{
	*(volatile u8 *)addr = 1;
}

static void unmapped_memory_is_gone(void)
{
	struct pages p;
	void *addr;

	ASSERT_OK(pages_map(&p, 4096));
	addr = p.addr;
	pages_unmap(&p);
	EXPECT_NE(test_run_child(touch, addr), 0);
}

static void children_do_not_have_it(void)
{
	struct pages p;

	ASSERT_OK(pages_map(&p, 4096));
	if (!sys_madvise(p.addr, p.len_bytes, 0x7777))
		test_skip("an emulator ignores madvise()");
	touch(p.addr);
	EXPECT_EQ(test_run_child(touch, p.addr), 0);
	ASSERT_OK(pages_dontfork(&p));
	EXPECT_NE(test_run_child(touch, p.addr), 0);
	touch(p.addr);
}

static void large_maps_cost_nothing(void)
{
	struct pages p;

	ASSERT_OK(pages_map(&p, 64ULL << 30));
	touch(p.addr);
	touch((u8 *)p.addr + p.len_bytes - 1);
	pages_unmap(&p);
}

static void rounds_up(void)
{
	u64 size = pages_size();

	EXPECT_TRUE(size >= 4096 && size <= 65536 && !(size & (size - 1)));
	EXPECT_EQ(pages_round_up(0), 0);
	EXPECT_EQ(pages_round_up(1), size);
	EXPECT_EQ(pages_round_up(size), size);
	EXPECT_EQ(pages_round_up(size + 1), 2 * size);
	EXPECT_EQ(pages_round_up(UINT64_MAX), 0);
	EXPECT_EQ(pages_round_up(UINT64_MAX - size + 1), UINT64_MAX - size + 1);
}

static void locks(void)
{
	struct pages p;
	int err;

	ASSERT_OK(pages_map(&p, 4096));
	err = pages_lock(&p);
	if (err == -EPERM || err == -ENOMEM)
		test_skip("RLIMIT_MEMLOCK does not allow a page");
	EXPECT_OK(err);
	pages_unmap(&p);
}

static const struct test_case cases[] = {
	TEST("nothing and more than there is are refused, and nothing is left", refuses_nonsense),
	TEST("pages come whole, aligned and zeroed, and go twice without harm",
	     maps_whole_zeroed_pages),
	TEST("memory that was unmapped faults", unmapped_memory_is_gone),
	TEST("a child does not have pages that were kept from it", children_do_not_have_it),
	TEST("a mapping larger than the machine is lazily populated", large_maps_cost_nothing),
	TEST("lengths are rounded up to pages without overflow", rounds_up),
	TEST("pages can be locked", locks),
};
TEST_SUITE(rt_pages, cases);
