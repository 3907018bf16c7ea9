/* SPDX-License-Identifier: MIT */
/*
 * How a program of ours begins: _start (uapi/arch/) hands the kernel's stack to
 * rt_start_c(), which relocates the program when it is a static PIE and calls
 * rt_main(). What rt_main() returns is the exit status.
 */
#ifndef UAPI_RT_FREE_START_H
#define UAPI_RT_FREE_START_H

#include "uapi/types.h"

/**
 * struct rt_auxv - one entry of the auxiliary vector, as the kernel writes it
 */
struct rt_auxv {
	u64 type;
	u64 value;
};

/**
 * struct rt_start - what the kernel gave to the process
 * @argv: argc pointers and a NULL
 * @envp: NAME=VALUE strings and a NULL
 * @auxv: ends with type AT_NULL
 *
 * All of it lives as long as the process.
 */
struct rt_start {
	int argc;
	char **argv;
	char **envp;
	const struct rt_auxv *auxv;
};

/** rt_main() - the program; the binary defines it */
int rt_main(const struct rt_start *start);

/** rt_env() - the value of an environment variable, or NULL */
const char *rt_env(const struct rt_start *start, const char *name);

/** rt_auxv() - the value of an AT_... of <linux/auxvec.h>, or 0 */
u64 rt_auxv(const struct rt_start *start, u64 type);

#endif
