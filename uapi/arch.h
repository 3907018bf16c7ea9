/* SPDX-License-Identifier: MIT */
/* The machine: raw system calls and the spin hint. The one place that chooses. */
#ifndef UAPI_ARCH_H
#define UAPI_ARCH_H

#if defined(__x86_64__)
#include "uapi/arch/x86_64.h"
#elif defined(__aarch64__)
#include "uapi/arch/aarch64.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "uapi/arch/riscv64.h"
#else
#error "bareblk knows x86-64, aarch64 and riscv64"
#endif

#endif
