/* SPDX-License-Identifier: MIT */
/* dm/ on a real kernel: what takes minutes there, for long runs */
#include "selftests/dm_rig.h"

static void lists_ten_thousand(void)
{
	dm_rig_many(10000);
}

static const struct test_case cases[] = {
	TEST("ten thousand devices are made, listed and removed", lists_ten_thousand,
	     .fixture = &dm_rig, .timeout_ms = 300000),
};
TEST_SUITE(device_long_dm, cases);
