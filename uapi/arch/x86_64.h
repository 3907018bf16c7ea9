/* SPDX-License-Identifier: MIT */
/*
 * System calls on x86-64: number in rax, arguments in rdi rsi rdx r10 r8 r9,
 * result in rax; the instruction itself destroys rcx and r11. Arguments are
 * long, so that no register has an undefined upper half. The "memory" clobber
 * is what lets a caller store to shared memory with plain stores first.
 */
#ifndef UAPI_ARCH_X86_64_H
#define UAPI_ARCH_X86_64_H

#include "uapi/types.h"

#define ARCH_NAME "x86_64"

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return nr;
}

static inline long arch_syscall5(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return nr;
}

static inline long arch_syscall4(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return nr;
}

static inline long arch_syscall3(long nr, long a, long b, long c)
{
	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return nr;
}

static inline long arch_syscall2(long nr, long a, long b)
{
	__asm__ volatile("syscall" : "+a"(nr) : "D"(a), "S"(b) : "rcx", "r11", "memory");
	return nr;
}

static inline long arch_syscall1(long nr, long a)
{
	__asm__ volatile("syscall" : "+a"(nr) : "D"(a) : "rcx", "r11", "memory");
	return nr;
}

static inline long arch_syscall0(long nr)
{
	__asm__ volatile("syscall" : "+a"(nr) : : "rcx", "r11", "memory");
	return nr;
}

/* arch_ticks() - the counter that counts at one pace on all CPUs; not ordered with memory */
static inline u64 arch_ticks(void)
{
	u64 low;
	u64 high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return high << 32 | low;
}

/* arch_cpu_relax() - tell the core that this is a spin loop */
static inline void arch_cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

#endif
