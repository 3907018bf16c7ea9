/* SPDX-License-Identifier: MIT */
/*
 * Integer names, and the few attributes that every header here uses. u64 is
 * the kernel's __u64, so that a pointer to a field of a kernel struct has the
 * same type whether that struct came from here or from <linux/...>.
 */
#ifndef UAPI_TYPES_H
#define UAPI_TYPES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __SIZEOF_POINTER__ != 8 || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "bareblk runs on little-endian 64-bit machines only"
#endif

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#define NODISCARD __attribute__((warn_unused_result))
/* runs once: built for size, also where what stands beside it is built for speed */
#define COLD __attribute__((cold))
#define PRINTF_LIKE(fmt_idx, args_idx) __attribute__((format(printf, fmt_idx, args_idx)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#endif
