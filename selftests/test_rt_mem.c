/* SPDX-License-Identifier: MIT */
/* uapi/rt/free/mem.c: every size and alignment, between pages that may not be touched. */
#if !__STDC_HOSTED__

#include <linux/mman.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

#define SIZE_MAX_SMALL 300
#define ALIGNMENTS 17

/* Called through these, so that the compiler has no idea what they do. */
static void *(*volatile do_memcpy)(void *restrict, const void *restrict, size_t) = memcpy;
static void *(*volatile do_memmove)(void *, const void *, size_t) = memmove;
static void *(*volatile do_memset)(void *, int, size_t) = memset;
static int (*volatile do_memcmp)(const void *, const void *, size_t) = memcmp;

/* len_bytes of memory with a page that faults on either side. */
struct arena {
	struct pages pages;
	u8 *start;
	u8 *end;
};

static void arena_make(struct arena *a, u64 len_bytes)
{
	u64 page = pages_size();

	ASSERT_OK(pages_map(&a->pages, pages_round_up(len_bytes) + 2 * page));
	a->start = (u8 *)a->pages.addr + page;
	a->end = (u8 *)a->pages.addr + a->pages.len_bytes - page;
	ASSERT_OK(sys_mprotect(a->pages.addr, page, PROT_NONE));
	ASSERT_OK(sys_mprotect(a->end, page, PROT_NONE));
}

static u8 pattern(size_t i)
{
	return (u8)(i * 167 + (i >> 8) * 13 + 1);
}

static void fill(u8 *p, size_t n, size_t seed)
{
	for (size_t i = 0; i < n; i++)
		((volatile u8 *)p)[i] = pattern(i + seed);
}

static size_t nr_wrong(const u8 *p, size_t n, size_t seed)
{
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += ((const volatile u8 *)p)[i] != pattern(i + seed);
	return wrong;
}

static size_t nr_not(const u8 *p, const u8 *end, u8 byte)
{
	size_t wrong = 0;

	for (; p < end; p++)
		wrong += *(const volatile u8 *)p != byte;
	return wrong;
}

/* Both ends of both arenas: a byte too far on either side faults. */
static void copies_every_size(void)
{
	struct arena from;
	struct arena to;

	arena_make(&from, 1024);
	arena_make(&to, 1024);
	for (size_t n = 0; n <= SIZE_MAX_SMALL; n++) {
		for (size_t i = 0; i < ALIGNMENTS * ALIGNMENTS; i++) {
			size_t src_off = i % ALIGNMENTS;
			size_t dst_off = i / ALIGNMENTS;
			u8 *src = n % 2 ? from.start + src_off : from.end - n - src_off;
			u8 *dst = n % 2 ? to.start + dst_off : to.end - n - dst_off;
			u8 *low = dst - to.start < 32 ? to.start : dst - 32;
			u8 *high = to.end - dst - n < 32 ? to.end : dst + n + 32;

			test_row("%zu bytes, offsets %zu to %zu", n, src_off, dst_off);
			fill(src, n, n + i);
			for (u8 *p = low; p < high; p++)
				*(volatile u8 *)p = 0xcc;
			ASSERT_EQ(do_memcpy(dst, src, n), dst);
			ASSERT_EQ(nr_wrong(dst, n, n + i), 0);
			ASSERT_EQ(nr_not(low, dst, 0xcc), 0);
			ASSERT_EQ(nr_not(dst + n, high, 0xcc), 0);
		}
	}
}

static void moves_every_overlap(void)
{
	struct arena a;

	arena_make(&a, 2048);
	for (size_t n = 0; n <= SIZE_MAX_SMALL; n++) {
		for (int shift = -(int)n - 1; shift <= (int)n + 1; shift += 1 + (int)n / 40) {
			u8 *src = a.start + SIZE_MAX_SMALL + 8 + n % ALIGNMENTS;
			u8 *dst = src + shift;

			test_row("%zu bytes by %d", n, shift);
			fill(src, n, n);
			ASSERT_EQ(do_memmove(dst, src, n), dst);
			ASSERT_EQ(nr_wrong(dst, n, n), 0);
		}
	}
}

static void sets_every_size(void)
{
	struct arena a;

	arena_make(&a, 512);
	for (size_t n = 0; n <= SIZE_MAX_SMALL; n++) {
		for (size_t off = 0; off < ALIGNMENTS; off++) {
			u8 *p = n % 2 ? a.start + off : a.end - n - off;

			test_row("%zu bytes at %zu", n, off);
			for (u8 *q = a.start; q < a.end; q++)
				*(volatile u8 *)q = 0xcc;
			ASSERT_EQ(do_memset(p, 0x1a5, n), p);
			ASSERT_EQ(nr_not(p, p + n, 0xa5), 0);
			ASSERT_EQ(nr_not(a.start, p, 0xcc), 0);
			ASSERT_EQ(nr_not(p + n, a.end, 0xcc), 0);
		}
	}
}

static int sign(int x)
{
	return x < 0 ? -1 : x > 0;
}

/* A difference at every place; behind it, one that says the opposite. */
static void compares_every_size(void)
{
	struct arena a;
	struct arena b;

	arena_make(&a, 512);
	arena_make(&b, 512);
	for (size_t n = 0; n <= SIZE_MAX_SMALL; n++) {
		u8 *p = n % 2 ? a.start + n % ALIGNMENTS : a.end - n;
		u8 *q = n % 3 ? b.start : b.end - n;

		test_row("%zu bytes", n);
		fill(p, n, n);
		fill(q, n, n);
		ASSERT_EQ(do_memcmp(p, q, n), 0);
		for (size_t i = 0; i < n; i++) {
			u8 old = q[i];

			q[i] ^= 0x80;
			if (i + 1 < n)
				q[i + 1] ^= 0xff;
			test_row("%zu bytes, at %zu", n, i);
			ASSERT_EQ(sign(do_memcmp(p, q, n)), old < 0x80 ? -1 : 1);
			ASSERT_EQ(sign(do_memcmp(q, p, n)), old < 0x80 ? 1 : -1);
			ASSERT_EQ(do_memcmp(p, q, i), 0);
			if (i + 1 < n)
				q[i + 1] ^= 0xff;
			q[i] = old;
		}
	}
}

static const size_t large[] = { 511,  512,   513,   1023,   4095,   4096,    4097,
				8191, 65535, 65536, 100001, 1048575, 1048576 };

static void copies_large_blocks(void)
{
	struct arena from;
	struct arena to;

	arena_make(&from, 2 << 20);
	arena_make(&to, 2 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(large); i++) {
		for (size_t off = 0; off < 64; off += 1 + off / 3) {
			size_t n = large[i];
			u8 *src = off % 2 ? from.start + off : from.end - n;
			u8 *dst = off % 2 ? to.end - n - off : to.start + off;

			test_row("%zu bytes, offset %zu", n, off);
			fill(src, n, n);
			do_memcpy(dst, src, n);
			ASSERT_EQ(nr_wrong(dst, n, n), 0);
			ASSERT_EQ(do_memcmp(dst, src, n), 0);
			dst[n - 1] ^= 1;
			ASSERT_NE(do_memcmp(dst, src, n), 0);
		}
	}
}

static void moves_large_overlaps(void)
{
	static const int shifts[] = { 1, 7, 8, 15, 16, 17, 63, 64, 65, 511, 512, 4096 };
	struct arena a;

	arena_make(&a, 2 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(large); i++) {
		for (size_t j = 0; j < 2 * ARRAY_SIZE(shifts); j++) {
			int shift = j % 2 ? shifts[j / 2] : -shifts[j / 2];
			size_t n = large[i];
			u8 *src = shift < 0 ? a.end - n : a.start + j;

			test_row("%zu bytes by %d", n, shift);
			fill(src, n, j);
			do_memmove(src + shift, src, n);
			ASSERT_EQ(nr_wrong(src + shift, n, j), 0);
		}
	}
}

static const struct test_case cases[] = {
	TEST("memcpy copies every small size at every alignment and nothing more",
	     copies_every_size, .timeout_ms = 60000),
	TEST("memmove moves every small size over itself by any distance", moves_every_overlap,
	     .timeout_ms = 60000),
	TEST("memset sets every small size at every alignment and nothing more", sets_every_size),
	TEST("memcmp finds the first difference at every place", compares_every_size),
	TEST("memcpy copies large blocks", copies_large_blocks, .timeout_ms = 60000),
	TEST("memmove moves large blocks over themselves", moves_large_overlaps,
	     .timeout_ms = 60000),
};
TEST_SUITE(rt_mem, cases);

#endif
