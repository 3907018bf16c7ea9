/* SPDX-License-Identifier: MIT */
/*
 * Bits of a number, also where the processor has no instruction for that: there the
 * compiler would call its own library, which is not linked.
 */
#ifndef UAPI_RT_BITS_H
#define UAPI_RT_BITS_H

#include "uapi/types.h"

/* bits_last() - the number of the highest bit that is set, 63 at the most; @bits is not 0 */
static inline u32 bits_last(u64 bits)
{
#if defined(__riscv) && !defined(__riscv_zbb)
	u32 last = 0;

	for (u32 half = 32; half; half /= 2) {
		if (bits >> half) {
			bits >>= half;
			last += half;
		}
	}
	return last;
#else
	return 63U ^ (u32)__builtin_clzll(bits); /* one instruction of x86-64 */
#endif
}

#endif
