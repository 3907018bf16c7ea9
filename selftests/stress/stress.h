/* SPDX-License-Identifier: MIT */
/* What the stress programs share. */
#ifndef SELFTESTS_STRESS_STRESS_H
#define SELFTESTS_STRESS_STRESS_H

#include <stdio.h>
#include <unistd.h>

#include "uapi/types.h"

u64 stress_now_ms(void);
u32 stress_random(u64 *state);

/* Ends the program when it is not so, and shows a value */
#define STRESS_CHECK(cond, value)                                                                  \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: not so: %s (%lld)\n", __FILE__, __LINE__, #cond,   \
				(long long)(value));                                               \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

#endif
