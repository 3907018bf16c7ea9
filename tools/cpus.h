/* SPDX-License-Identifier: MIT */
/* Lists of CPUs as the kernel writes them: "0,2-3". */
#ifndef TOOLS_CPUS_H
#define TOOLS_CPUS_H

#include "uapi/types.h"

/**
 * cpus_parse() - a list into a mask, bit N%64 of word N/64
 *
 * Return: 0, or -EINVAL: not such a list; -ERANGE: a CPU beyond nr_words * 64
 */
NODISCARD int cpus_parse(const char *list, u64 *mask, u32 nr_words);

#endif
