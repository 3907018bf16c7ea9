/* SPDX-License-Identifier: MIT */
/*
 * memcpy, memmove, memset and memcmp where unaligned loads are slow or trap
 * into firmware: words when both pointers are aligned alike, which buffers of
 * blocks are, and bytes otherwise. See mem.c for KEEP_LOOP().
 */
#ifdef __riscv

#include "uapi/rt/mem.h"
#include "uapi/types.h"

#define KEEP_LOOP() __asm__ volatile("" : : : "memory")
#define KEEP_SYMBOL __attribute__((used))

typedef u64 word __attribute__((may_alias));

#define WORD sizeof(word)
#define LINE (8 * WORD)

static inline bool is_aligned_alike(const void *a, const void *b)
{
	return (((uintptr_t)a ^ (uintptr_t)b) & (WORD - 1)) == 0;
}

/* All loads before the first store: the two may overlap. */
static inline void move_line(word *d, const word *s)
{
	word a = s[0], b = s[1], c = s[2], e = s[3], f = s[4], g = s[5], h = s[6], i = s[7];

	d[0] = a;
	d[1] = b;
	d[2] = c;
	d[3] = e;
	d[4] = f;
	d[5] = g;
	d[6] = h;
	d[7] = i;
}

static inline void move_forward(u8 *d, const u8 *s, size_t n)
{
	if (is_aligned_alike(d, s)) {
		for (; n && (uintptr_t)d % WORD; n--) {
			KEEP_LOOP();
			*d++ = *s++;
		}
		for (; n >= LINE; n -= LINE, d += LINE, s += LINE) {
			KEEP_LOOP();
			move_line((word *)d, (const word *)s);
		}
		for (; n >= WORD; n -= WORD, d += WORD, s += WORD) {
			KEEP_LOOP();
			*(word *)d = *(const word *)s;
		}
	}
	for (; n; n--) {
		KEEP_LOOP();
		*d++ = *s++;
	}
}

static inline void move_backward(u8 *d, const u8 *s, size_t n)
{
	d += n;
	s += n;
	if (is_aligned_alike(d, s)) {
		for (; n && (uintptr_t)d % WORD; n--) {
			KEEP_LOOP();
			*--d = *--s;
		}
		for (; n >= LINE; n -= LINE) {
			KEEP_LOOP();
			d -= LINE;
			s -= LINE;
			move_line((word *)d, (const word *)s);
		}
		for (; n >= WORD; n -= WORD) {
			KEEP_LOOP();
			d -= WORD;
			s -= WORD;
			*(word *)d = *(const word *)s;
		}
	}
	for (; n; n--) {
		KEEP_LOOP();
		*--d = *--s;
	}
}

KEEP_SYMBOL void *memmove(void *dst, const void *src, size_t n)
{
	if ((uintptr_t)dst - (uintptr_t)src >= n)
		move_forward(dst, src, n);
	else
		move_backward(dst, src, n);
	return dst;
}

KEEP_SYMBOL void *memcpy(void *restrict dst, const void *restrict src, size_t n)
	__attribute__((alias("memmove")));

KEEP_SYMBOL void *memset(void *dst, int byte, size_t n)
{
	word fill = (u8)byte * 0x0101010101010101ULL;
	u8 *d = dst;

	for (; n && (uintptr_t)d % WORD; n--) {
		KEEP_LOOP();
		*d++ = (u8)byte;
	}
	for (; n >= LINE; n -= LINE, d += LINE) {
		word *w = (word *)d;

		KEEP_LOOP();
		w[0] = w[1] = w[2] = w[3] = w[4] = w[5] = w[6] = w[7] = fill;
	}
	for (; n; n--) {
		KEEP_LOOP();
		*d++ = (u8)byte;
	}
	return dst;
}

KEEP_SYMBOL int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a;
	const u8 *q = b;

	if (is_aligned_alike(p, q)) {
		for (; n && (uintptr_t)p % WORD && *p == *q; n--) {
			KEEP_LOOP();
			p++;
			q++;
		}
		for (; n >= WORD && !((uintptr_t)p % WORD); n -= WORD) {
			KEEP_LOOP();
			if (*(const word *)p != *(const word *)q)
				break;
			p += WORD;
			q += WORD;
		}
	}
	for (; n; n--, p++, q++) {
		KEEP_LOOP();
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}

#endif
