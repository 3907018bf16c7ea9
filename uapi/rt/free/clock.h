/* SPDX-License-Identifier: MIT */
/*
 * The monotonic clock without a system call, from the kernel's vDSO. Whoever
 * has no rt_start (a library in someone else's program) uses a zeroed struct
 * clock, which makes the system call, or sys_clock_gettime() itself.
 */
#ifndef UAPI_RT_FREE_CLOCK_H
#define UAPI_RT_FREE_CLOCK_H

#include "uapi/rt/free/start.h"
#include "uapi/types.h"

struct __kernel_timespec;

/**
 * struct clock - how to ask for the time; read-only after clock_init()
 * @vdso_gettime: the vDSO's clock_gettime, NULL when there is none
 */
struct clock {
	int (*vdso_gettime)(s32 clock_id, struct __kernel_timespec *ts);
};

/** clock_init() - look up the vDSO; always succeeds, with the system call if need be */
void clock_init(struct clock *clock, const struct rt_start *start);

/** clock_ns() - CLOCK_MONOTONIC in nanoseconds; any thread */
u64 clock_ns(const struct clock *clock);

#endif
