/* SPDX-License-Identifier: MIT */
/*
 * The four functions that compilers call on their own. uapi/rt/free/mem.c has
 * them for our binaries, libc for an embedder's. Code compiled with
 * -ffreestanding gets a real call for these names; where the size is a small
 * constant, write __builtin_memcpy() and the compiler expands it.
 */
#ifndef UAPI_RT_MEM_H
#define UAPI_RT_MEM_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
