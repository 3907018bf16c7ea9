/* SPDX-License-Identifier: MIT */
/* bareblk-selftests: the suites of suites.h, in a program with or without a libc. */
#include "selftests/harness/harness.h"
#include "selftests/harness/run.h"
#include "selftests/harness/start.h"

#define SUITE(name) extern const struct test_suite test_suite_##name;
#if __STDC_HOSTED__
#define SUITE_FREE(name)
#else
#define SUITE_FREE(name) SUITE(name)
#endif
#include "selftests/suites.h"
#undef SUITE

#define SUITE(name) &test_suite_##name,

static const struct test_suite *const suites[] = {
#include "selftests/suites.h"
};

#if __STDC_HOSTED__

int main(int argc, char **argv)
{
	return test_main(suites, ARRAY_SIZE(suites), argc - 1, argv + 1);
}

#else

const struct rt_start *test_start;

int rt_main(const struct rt_start *start)
{
	test_start = start;
	return test_main(suites, ARRAY_SIZE(suites), start->argc - 1, start->argv + 1);
}

#endif
