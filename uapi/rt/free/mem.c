/* SPDX-License-Identifier: MIT */
/*
 * memcpy, memmove, memset and memcmp for our own binaries, made for blocks: 512
 * bytes to a megabyte. Two overlapping pieces, one from either end, cover every
 * length of a range, so nothing loops over bytes. All loads of a piece come
 * before its stores, so the same code moves overlapping memory. riscv64, where
 * unaligned loads may trap into firmware, has mem_word.c instead.
 *
 * A compiler may recognise such a loop and turn it into a call to the very
 * function that it is in. KEEP_LOOP() makes it opaque, whatever the flags are;
 * selftests/check-mem-selfcall.sh looks at the result.
 */
#ifndef __riscv

#include "uapi/rt/mem.h"
#include "uapi/types.h"

#define KEEP_LOOP() __asm__ volatile("" : : : "memory")
#define KEEP_SYMBOL __attribute__((used))

typedef u16 any16 __attribute__((may_alias, aligned(1)));
typedef u32 any32 __attribute__((may_alias, aligned(1)));
typedef u64 any64 __attribute__((may_alias, aligned(1)));
typedef u64 vec __attribute__((vector_size(16), may_alias));
typedef u64 any_vec __attribute__((vector_size(16), may_alias, aligned(1)));

#define VEC sizeof(vec)

/* Four vectors, as many as a cache line has. */
struct line {
	vec v[4];
};

static inline vec load(const u8 *p)
{
	return *(const any_vec *)p;
}

static inline void store(u8 *p, vec v)
{
	*(any_vec *)p = v;
}

static inline struct line load_line(const u8 *p)
{
	return (struct line){ { load(p), load(p + VEC), load(p + 2 * VEC), load(p + 3 * VEC) } };
}

static inline void store_line(u8 *p, struct line l)
{
	store(p, l.v[0]);
	store(p + VEC, l.v[1]);
	store(p + 2 * VEC, l.v[2]);
	store(p + 3 * VEC, l.v[3]);
}

#define COPY_ENDS(type, dst, src, n)                                                               \
	do {                                                                                       \
		type first_ = *(const type *)(src);                                                \
		type last_ = *(const type *)((src) + (n) - sizeof(type));                          \
		*(type *)(dst) = first_;                                                           \
		*(type *)((dst) + (n) - sizeof(type)) = last_;                                     \
	} while (0)

static inline void move_small(u8 *dst, const u8 *src, size_t n)
{
	if (n >= 8)
		COPY_ENDS(any64, dst, src, n);
	else if (n >= 4)
		COPY_ENDS(any32, dst, src, n);
	else if (n >= 2)
		COPY_ENDS(any16, dst, src, n);
	else if (n)
		*dst = *src;
}

/*
 * More than a line, dst before src or apart from it. The first vector and the
 * last line are read before the loop and written behind it; between them the
 * stores are aligned.
 */
static inline void move_forward(u8 *dst, const u8 *src, size_t n)
{
	vec first = load(src);
	struct line last = load_line(src + n - sizeof(last));
	u8 *end = dst + n;
	u8 *at = dst + (VEC - ((uintptr_t)dst & (VEC - 1)));

	src += at - dst;
	for (; at + sizeof(last) < end; at += sizeof(last), src += sizeof(last)) {
		KEEP_LOOP();
		store_line(__builtin_assume_aligned(at, VEC), load_line(src));
	}
	store_line(end - sizeof(last), last);
	store(dst, first);
}

/* The same from the end, for dst inside of what src has yet to give. */
static inline void move_backward(u8 *dst, const u8 *src, size_t n)
{
	struct line first = load_line(src);
	vec last = load(src + n - VEC);
	u8 *end = dst + n;
	size_t left = n - ((uintptr_t)end & (VEC - 1));

	for (; left > sizeof(first); left -= sizeof(first)) {
		KEEP_LOOP();
		store_line(__builtin_assume_aligned(dst + left - sizeof(first), VEC),
			   load_line(src + left - sizeof(first)));
	}
	store_line(dst, first);
	store(end - VEC, last);
}

KEEP_SYMBOL void *memmove(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;

	if (n < VEC)
		move_small(d, s, n);
	else if (n <= 2 * VEC)
		COPY_ENDS(any_vec, d, s, n);
	else if (n <= sizeof(struct line)) {
		vec second = load(s + VEC);
		vec before_last = load(s + n - 2 * VEC);

		COPY_ENDS(any_vec, d, s, n);
		store(d + VEC, second);
		store(d + n - 2 * VEC, before_last);
	} else if ((uintptr_t)d - (uintptr_t)s >= n)
		move_forward(d, s, n);
	else
		move_backward(d, s, n);
	return dst;
}

/* memmove() loads before it stores anyway, so there is nothing to save by a second copy of it. */
KEEP_SYMBOL void *memcpy(void *restrict dst, const void *restrict src, size_t n)
	__attribute__((alias("memmove")));

KEEP_SYMBOL void *memset(void *dst, int byte, size_t n)
{
	u8 *d = dst;
	u8 *end = d + n;
	u64 word = (u8)byte * 0x0101010101010101ULL;
	vec v = { word, word };

	if (n >= VEC) {
		struct line l = { { v, v, v, v } };
		u8 *at = d + (VEC - ((uintptr_t)d & (VEC - 1)));

		store(d, v);
		for (; at + sizeof(l) <= end; at += sizeof(l)) {
			KEEP_LOOP();
			store_line(__builtin_assume_aligned(at, VEC), l);
		}
		for (; at + VEC <= end; at += VEC) {
			KEEP_LOOP();
			store(__builtin_assume_aligned(at, VEC), v);
		}
		store(end - VEC, v);
	} else if (n >= 8) {
		*(any64 *)d = word;
		*(any64 *)(end - 8) = word;
	} else if (n >= 4) {
		*(any32 *)d = (u32)word;
		*(any32 *)(end - 4) = (u32)word;
	} else if (n) {
		d[0] = d[n / 2] = end[-1] = (u8)byte;
	}
	return dst;
}

/* Big-endian words compare as their bytes do. */
static inline int compare_words(u64 a, u64 b)
{
	if (a == b)
		return 0;
	return __builtin_bswap64(a) < __builtin_bswap64(b) ? -1 : 1;
}

/* Eight bytes at a time; the last word overlaps the one before, which was equal. */
static inline int compare_wide(const u8 *a, const u8 *b, size_t n)
{
	for (size_t i = 0; i + 8 < n; i += 8) {
		int differ = compare_words(*(const any64 *)(a + i), *(const any64 *)(b + i));

		KEEP_LOOP();
		if (differ)
			return differ;
	}
	return compare_words(*(const any64 *)(a + n - 8), *(const any64 *)(b + n - 8));
}

KEEP_SYMBOL int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a;
	const u8 *q = b;

	while (n > sizeof(struct line)) {
		struct line x = load_line(p);
		struct line y = load_line(q);
		vec differ = (x.v[0] ^ y.v[0]) | (x.v[1] ^ y.v[1]) | (x.v[2] ^ y.v[2]) |
			     (x.v[3] ^ y.v[3]);

		KEEP_LOOP();
		if (differ[0] | differ[1])
			break;
		p += sizeof(x);
		q += sizeof(x);
		n -= sizeof(x);
	}
	if (n >= 8)
		return compare_wide(p, q, n);
	for (; n; n--, p++, q++) {
		KEEP_LOOP();
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}

#endif
