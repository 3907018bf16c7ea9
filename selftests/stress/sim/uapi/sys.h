/* SPDX-License-Identifier: MIT */
/*
 * The system calls, of which those of a ring may be answered by sim.c. Found
 * before the real one by -Iselftests/stress/sim.
 */
#ifndef SELFTESTS_STRESS_SIM_UAPI_SYS_H
#define SELFTESTS_STRESS_SIM_UAPI_SYS_H

#define sys_io_uring_setup real_io_uring_setup
#define sys_io_uring_enter real_io_uring_enter
#include "uapi/rt/../sys.h" /* which is not this file */
#undef sys_io_uring_setup
#undef sys_io_uring_enter

int sys_io_uring_setup(u32 entries, struct io_uring_params *params);
int sys_io_uring_enter(int fd, u32 to_submit, u32 min_complete, u32 flags, const void *arg,
		       size_t arg_len);

#endif
