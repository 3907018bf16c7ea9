/* SPDX-License-Identifier: MIT */
/* tools/text/kernels.c: releases as distributions write them */
#include "selftests/harness/harness.h"
#include "tools/text/kernels.h"
#include "uapi/rt/str.h"

#define HAS(fault) (1U << KERNEL_##fault)

static u32 faults_of(const char *release)
{
	u32 faults = 0;

	for (u32 i = 0; i < KERNEL_NR_FAULTS; i++)
		faults |= (u32)kernel_has(release, (enum kernel_fault)i) << i;
	return faults;
}

static void add_device(void)
{
	static const struct {
		const char *release;
		bool oopses;
	} rows[] = {
		{ "6.17.0-34-generic", false },
		{ "6.17.0-35-generic", true },
		{ "6.17.0-40-generic", true },
		{ "6.17.0-41-generic", false },
		{ "6.17.0-350-generic", false },
		{ "6.17.0-1018-aws", false },
		{ "6.17.0-1019-aws", true },
		{ "6.17.0-1019-azure", false },
		{ "6.17.0-1019", false },
		{ "6.17.0-1020-aws", false },
		{ "6.17.0-35-lowlatency", true },
		{ "6.17.1-35-generic", false },
		{ "6.17.0", false },
		{ "6.17", false },
		{ "6.18.3", false },
		{ "6.18.4", true },
		{ "6.18.5", true },
		{ "6.18.6", false },
		{ "6.18.40", false },
		{ "6.18.4-custom", true },
		{ "6.18.4+deb14-amd64", true },
		{ "6.18.5-200.fc43.x86_64", true },
		{ "6.18.4-70000", true },
		{ "6.18", false },
		{ "16.18.4", false },
		{ "6.18.65540", false },
		{ "6.274.4", false },
		{ "262.18.4", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i].release);
		EXPECT_EQ(kernel_has(rows[i].release, KERNEL_ADD_OOPSES), rows[i].oopses);
	}
}

static void others(void)
{
	static const struct {
		const char *release;
		u32 faults;
	} rows[] = {
		{ "6.0.19", HAS(TEARDOWN_RACES) },
		{ "6.1.0-49-amd64", HAS(RECOVERY_OOPSES) | HAS(TEARDOWN_RACES) },
		{ "6.12.95+deb12-cloud-amd64", HAS(RECOVERY_OOPSES) | HAS(TEARDOWN_RACES) },
		{ "6.14.11", HAS(RECOVERY_OOPSES) | HAS(TEARDOWN_RACES) },
		{ "6.15.0-rc3", HAS(RECOVERY_STICKS) | HAS(TEARDOWN_RACES) },
		{ "6.18.15", HAS(RECOVERY_STICKS) | HAS(TEARDOWN_RACES) },
		{ "6.19.14", HAS(RECOVERY_STICKS) | HAS(TEARDOWN_RACES) | HAS(UBSAN_PANICS) },
		{ "7.0.10", HAS(RECOVERY_STICKS) | HAS(TEARDOWN_RACES) | HAS(UBSAN_PANICS) |
				    HAS(BATCH_QUIESCES_BADLY) },
		{ "7.1.0", HAS(RECOVERY_STICKS) | HAS(UBSAN_PANICS) | HAS(BATCH_QUIESCES_BADLY) },
		{ "7.2.13", HAS(RECOVERY_STICKS) | HAS(UBSAN_PANICS) | HAS(BATCH_QUIESCES_BADLY) },
		{ "7.3.4+deb13-cloud-amd64", HAS(BATCH_QUIESCES_BADLY) },
		{ "7.4.0", 0 },
		{ "8.0.0", 0 },
		{ "", 0 },
		{ "x", 0 },
		{ "-1.-2.-3", 0 },
		{ "99999999999999999999.1.1", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i].release);
		EXPECT_EQ(faults_of(rows[i].release), rows[i].faults);
	}
}

static void texts(void)
{
	for (u32 i = 0; i < KERNEL_NR_FAULTS; i++)
		EXPECT_TRUE(*kernel_fault_text((enum kernel_fault)i));
	EXPECT_TRUE(str_find(kernel_fault_remedy(KERNEL_ADD_OOPSES), "--on-bad-kernel") != NULL);
	EXPECT_TRUE(str_find(kernel_fault_remedy(KERNEL_UBSAN_PANICS), "panic_on_warn=0") != NULL);
}

static const struct test_case cases[] = {
	TEST("releases on which ADD_DEV oopses are known, and none beside them", add_device),
	TEST("so are those with other faults", others),
	TEST("each fault has its own text and remedy", texts),
};
TEST_SUITE(text_kernels, cases);
