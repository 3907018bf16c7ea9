/* SPDX-License-Identifier: MIT */
/* ublk/features.h: what is believed, and what is said where a flag is missing */
#include "ublk/features.h"

#include <asm/errno.h>

#include "selftests/fakectrl.h"
#include "selftests/harness/harness.h"

static struct fake_ctrl fake;
static struct ublk_error error;

static void every_bit(void)
{
	u32 nr = 0;

	while (ublk_feature_name(nr)) {
		EXPECT_NE(ublk_feature_since(nr), NULL);
		nr++;
	}
	EXPECT_EQ(1ULL << (nr - 1), UBLK_F_IO_DESC_SIZE);
	EXPECT_EQ(ublk_feature_since(nr), NULL);
	EXPECT_STREQ(ublk_feature_name(0), "SUPPORT_ZERO_COPY");
	EXPECT_STREQ(ublk_feature_name(20), "IO_DESC_SIZE");
	EXPECT_STREQ(ublk_feature_since(20), "7.3");
}

static void zero_copy(void)
{
	static const struct {
		const char *release;
		u64 features;
		bool is_true;
	} rows[] = {
		{ "6.12.48-amd64", UBLK_F_SUPPORT_ZERO_COPY, false },
		{ "6.9", UBLK_F_SUPPORT_ZERO_COPY, false },
		{ "6.14.0-rc7", UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_USER_RECOVERY_FAIL_IO, false },
		{ "6.15.0", UBLK_F_SUPPORT_ZERO_COPY, true },
		{ "6.15-rc1", UBLK_F_SUPPORT_ZERO_COPY, true },
		{ "7.0.1", UBLK_F_SUPPORT_ZERO_COPY, true },
		{ "10.1", UBLK_F_SUPPORT_ZERO_COPY, true },
		/* a distribution's kernel that has what came later */
		{ "6.12.0-124.el10", UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_AUTO_BUF_REG, true },
		{ "", UBLK_F_SUPPORT_ZERO_COPY, false },
		{ "7.3", 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 got = ublk_features_true(rows[i].features | UBLK_F_USER_COPY, rows[i].release);

		test_row("%s", rows[i].release);
		EXPECT_EQ(got & UBLK_F_SUPPORT_ZERO_COPY, rows[i].is_true ? 1 : 0);
		EXPECT_EQ(got | UBLK_F_SUPPORT_ZERO_COPY,
			  rows[i].features | UBLK_F_USER_COPY | UBLK_F_SUPPORT_ZERO_COPY);
	}
}

static void asked(void)
{
	u64 features = 0;

	fake_ctrl_init(&fake);
	fake.features |= 1ULL << 40; /* of a kernel that is newer than we are */
	EXPECT_OK(ublk_features_get(&fake.c, &features, 100, &error));
	EXPECT_EQ(features, fake.features);
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_GET_FEATURES, .result = -ENODEV };
	EXPECT_ERR(ublk_features_get(&fake.c, &features, 100, &error), -ENODEV);
	EXPECT_STREQ(error.step, "GET_FEATURES");
	EXPECT_EQ(error.code, UBLK_KERNEL_NOT_SUPPORTED);
	fake.rules[0] = (struct fake_rule){ .cmd_op = UBLK_U_CMD_GET_FEATURES, .late = true };
	EXPECT_ERR(ublk_features_get(&fake.c, &features, 1, &error), -ETIMEDOUT);
	EXPECT_EQ(error.code, UBLK_TIMEOUT);
}

static void refusals(void)
{
	static const struct {
		u64 wanted;
		u64 have;
		const char *text;
	} rows[] = {
		{ 0, 0, NULL },
		{ UBLK_F_USER_COPY, UBLK_F_USER_COPY | UBLK_F_ZONED, NULL },
		{ UBLK_F_USER_COPY, UBLK_F_ZONED,
		  "USER_COPY: this kernel lacks it, Linux 6.5 has it" },
		{ UBLK_F_USER_COPY | UBLK_F_BATCH_IO, UBLK_F_USER_COPY,
		  "BATCH_IO: this kernel lacks it, Linux 7.0 has it" },
		{ UBLK_F_USER_COPY | UBLK_F_SHMEM_ZC, 0,
		  "SHMEM_ZC: this kernel lacks it, Linux 7.1 has it" },
		{ UBLK_F_SUPPORT_ZERO_COPY, ~UBLK_F_SUPPORT_ZERO_COPY,
		  "SUPPORT_ZERO_COPY: this kernel lacks it, Linux 6.15 has it" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int err = ublk_features_check(rows[i].wanted, rows[i].have, "check", 3, &error);

		test_row("row %zu", i);
		EXPECT_EQ(err, rows[i].text ? -EOPNOTSUPP : 0);
		if (!err)
			continue;
		EXPECT_STREQ(error.why.text, rows[i].text);
		EXPECT_STREQ(error.step, "check");
		EXPECT_EQ(error.dev_id, 3);
		EXPECT_EQ(error.code, UBLK_KERNEL_NOT_SUPPORTED);
		EXPECT_ERR(ublk_features_check(rows[i].wanted, rows[i].have, "check", 3, NULL),
			   -EOPNOTSUPP);
	}
}

static const struct test_case cases[] = {
	TEST("every bit up to Linux 7.3 has a name and a release", every_bit),
	TEST("zero copy counts from the kernel on in which it works", zero_copy),
	TEST("the kernel's answer is taken as it is, and its refusal is told", asked),
	TEST("what is missing is named, with the release that has it", refusals),
};
TEST_SUITE(ublk_features, cases);
