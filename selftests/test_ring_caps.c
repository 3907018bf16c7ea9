/* SPDX-License-Identifier: MIT */
/* selftests/ring_caps.h: what this kernel has is what its release should have. */
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/io_uring.h"
#include "uapi/sys.h"

/* A kernel may have more than its release says, never less. */
static void has_what_it_should(bool (*has)(u32 nr), const char *(*release)(u32 nr), bool is_flag)
{
	u32 nr_had = 0;

	for (u32 nr = 0; release(nr); nr++) {
		bool here = has(is_flag ? 1U << nr : nr);

		test_row("number %u, of Linux %s", nr, release(nr));
		EXPECT_TRUE(here || !is_linux(release(nr)));
		nr_had += here;
	}
	ASSERT_GT(nr_had, 0);
}

static void opcodes(void)
{
	has_what_it_should(ring_has_op, ring_op_release, false);
}

static void register_operations(void)
{
	has_what_it_should(ring_has_register, ring_register_release, false);
}

static void setup_flags(void)
{
	has_what_it_should(ring_has_setup, ring_setup_release, true);
}

static void features(void)
{
	has_what_it_should(ring_has_feat, ring_feat_release, true);
}

static void releases_compare(void)
{
	struct sys_utsname uts;

	ASSERT_OK(sys_uname(&uts));
	ASSERT_TRUE(is_linux(uts.release));
	ASSERT_TRUE(is_linux("5.11"));
	ASSERT_TRUE(is_linux("6.0"));
	ASSERT_TRUE(!is_linux("99.0"));
}

static const struct test_case cases[] = {
	TEST("this kernel has the opcodes of its release and refuses the others", opcodes),
	TEST("it has the register operations of its release", register_operations),
	TEST("it has the setup flags of its release", setup_flags),
	TEST("it has the features of its release", features),
	TEST("releases are compared by number", releases_compare),
};
TEST_SUITE(ring_caps, cases);
