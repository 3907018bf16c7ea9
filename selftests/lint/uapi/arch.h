/* SPDX-License-Identifier: MIT */
/*
 * Stands in for uapi/arch.h when a program reads the code: none of them knows
 * that the assembly of a system call writes to memory, and all know that a
 * function they cannot see may.
 */
#ifndef UAPI_ARCH_H
#define UAPI_ARCH_H

#define ARCH_NAME "lint"

long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f);
long arch_syscall5(long nr, long a, long b, long c, long d, long e);
long arch_syscall4(long nr, long a, long b, long c, long d);
long arch_syscall3(long nr, long a, long b, long c);
long arch_syscall2(long nr, long a, long b);
long arch_syscall1(long nr, long a);
long arch_syscall0(long nr);
void arch_cpu_relax(void);
unsigned long long arch_ticks(void);

#endif
