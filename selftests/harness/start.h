/* SPDX-License-Identifier: MIT */
/* What the kernel gave to the test program: test_start for suites of SUITE_FREE only. */
#ifndef SELFTESTS_HARNESS_START_H
#define SELFTESTS_HARNESS_START_H

#if __STDC_HOSTED__

#include <stdlib.h>

static inline const char *test_env(const char *name)
{
	return getenv(name);
}

#else

#include "uapi/rt/free/start.h"

extern const struct rt_start *test_start;

static inline const char *test_env(const char *name)
{
	return rt_env(test_start, name);
}

#endif

#endif
