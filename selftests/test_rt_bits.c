/* SPDX-License-Identifier: MIT */
#include "uapi/rt/bits.h"

#include "selftests/harness/harness.h"

/* bits below the highest one change nothing */
static void finds_the_last(void)
{
	for (u32 last = 0; last < 64; last++) {
		u64 bit = 1ULL << last;

		test_row("bit %u", last);
		EXPECT_EQ(bits_last(bit), last);
		EXPECT_EQ(bits_last(bit | (bit - 1)), last);
		EXPECT_EQ(bits_last(bit | bit >> 1), last);
		EXPECT_EQ(bits_last(bit | 1), last);
	}
}

static const struct test_case cases[] = {
	TEST("bits_last finds the highest bit, whatever is below it", finds_the_last),
};
TEST_SUITE(rt_bits, cases);
