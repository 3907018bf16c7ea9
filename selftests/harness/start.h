/* SPDX-License-Identifier: MIT */
/* What the kernel gave to the test program, for suites of SUITE_FREE only. */
#ifndef SELFTESTS_HARNESS_START_H
#define SELFTESTS_HARNESS_START_H

#if !__STDC_HOSTED__
#include "uapi/rt/free/start.h"

extern const struct rt_start *test_start;
#endif

#endif
