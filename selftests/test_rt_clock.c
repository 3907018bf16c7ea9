/* SPDX-License-Identifier: MIT */
/* uapi/rt/free/clock.h */
#if !__STDC_HOSTED__

#include <linux/auxvec.h>
#include <linux/elf.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "selftests/harness/harness.h"
#include "selftests/harness/start.h"
#include "uapi/rt/free/clock.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

/* What is read of the vDSO: its tables are at the start. */
#define VDSO_BYTES 4096

static u64 syscall_ns(void)
{
	struct __kernel_timespec ts = { 0 };

	ASSERT_OK(sys_clock_gettime(CLOCK_MONOTONIC, &ts));
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static void goes_forward(const struct clock *clock)
{
	u64 last_ns = clock_ns(clock);
	u64 first_ns = last_ns;

	for (int i = 0; i < 100000; i++) {
		u64 now_ns = clock_ns(clock);

		ASSERT_GE(now_ns, last_ns);
		last_ns = now_ns;
	}
	EXPECT_GT(last_ns, first_ns);
}

static void agrees(const struct clock *clock)
{
	for (int i = 0; i < 1000; i++) {
		u64 before_ns = syscall_ns();
		u64 now_ns = clock_ns(clock);
		u64 after_ns = syscall_ns();

		ASSERT_LE(before_ns, now_ns);
		ASSERT_LE(now_ns, after_ns);
	}
}

static void vdso_is_used(void)
{
	struct clock clock;

	clock_init(&clock, test_start);
	if (!rt_auxv(test_start, AT_SYSINFO_EHDR))
		test_skip("the kernel, or an emulator, gives no vDSO");
	ASSERT_NE(clock.vdso_gettime, NULL);
	goes_forward(&clock);
	agrees(&clock);
}

static void syscall_is_the_fallback(void)
{
	const struct clock clock = { NULL };

	goes_forward(&clock);
	agrees(&clock);
}

static void no_vdso_is_fine(void)
{
	static const struct rt_auxv none[] = { { 0, 0 } };
	const struct rt_start start = { .auxv = none };
	struct clock clock;

	clock_init(&clock, &start);
	EXPECT_EQ(clock.vdso_gettime, NULL);
	agrees(&clock);
}

#define DT_GNU_HASH_TAG 0x6ffffef5

/* Hides all entries of a tag in the dynamic section of an image; false when there are none. */
static bool hide_tag(u8 *image, s64 tag)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)image;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(image + ehdr->e_phoff);
	bool found = false;

	for (int i = 0; i < ehdr->e_phnum; i++) {
		Elf64_Dyn *dyn = (Elf64_Dyn *)(image + phdr[i].p_offset);

		for (; phdr[i].p_type == PT_DYNAMIC && dyn->d_tag != DT_NULL; dyn++) {
			if (dyn->d_tag != tag)
				continue;
			dyn->d_tag = DT_DEBUG;
			found = true;
		}
	}
	return found;
}

/* Where the clock is in a copy of the vDSO that lacks one of its hash tables; 0 if nowhere. */
static u64 offset_without(const u8 *vdso, s64 hidden_tag, bool *was_there)
{
	static u8 copy[VDSO_BYTES] __attribute__((aligned(16)));
	const struct rt_auxv auxv[] = { { AT_SYSINFO_EHDR, (u64)copy }, { 0, 0 } };
	const struct rt_start start = { .auxv = auxv };
	struct clock clock;

	memcpy(copy, vdso, sizeof(copy));
	*was_there = hide_tag(copy, hidden_tag);
	clock_init(&clock, &start);
	return clock.vdso_gettime ? (u64)clock.vdso_gettime - (u64)copy : 0;
}

static void either_hash_will_do(void)
{
	const u8 *vdso = (const u8 *)rt_auxv(test_start, AT_SYSINFO_EHDR);
	struct clock clock;
	bool has_hash;
	bool has_gnu_hash;
	u64 by_gnu_hash;
	u64 by_hash;

	if (!vdso)
		test_skip("the kernel, or an emulator, gives no vDSO");
	clock_init(&clock, test_start);
	by_gnu_hash = offset_without(vdso, DT_HASH, &has_hash);
	by_hash = offset_without(vdso, DT_GNU_HASH_TAG, &has_gnu_hash);
	ASSERT_TRUE(has_hash || has_gnu_hash);
	if (has_gnu_hash)
		EXPECT_EQ(by_gnu_hash, (u64)clock.vdso_gettime - (u64)vdso);
	EXPECT_EQ(by_hash, has_hash ? (u64)clock.vdso_gettime - (u64)vdso : 0);
}

static int fails(s32 clock_id, struct __kernel_timespec *ts)
{
	(void)clock_id;
	(void)ts;
	return -1;
}

static void failure_falls_back(void)
{
	const struct clock clock = { fails };

	agrees(&clock);
}

static const struct test_case cases[] = {
	TEST("the vDSO's clock is monotonic and agrees with the system call", vdso_is_used),
	TEST("either of the vDSO's hash tables is enough", either_hash_will_do),
	TEST("without a vDSO the system call is made", syscall_is_the_fallback),
	TEST("an auxiliary vector without a vDSO is fine", no_vdso_is_fine),
	TEST("a vDSO that refuses falls back to the system call", failure_falls_back),
};
TEST_SUITE(rt_clock, cases);

#endif
