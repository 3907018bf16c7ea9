/* SPDX-License-Identifier: MIT */
/* uapi/rt/fmt.h */
#include "selftests/harness/harness.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"

/* Formats into a canary-guarded buffer that is just large enough and checks the text. */
#define CHECK(want, ...)                                                                           \
	do {                                                                                       \
		char buf_[256];                                                                    \
		size_t len_;                                                                       \
		memset(buf_, 0x5a, sizeof(buf_));                                                  \
		len_ = fmt_print(buf_, sizeof(want), __VA_ARGS__);                                 \
		EXPECT_STREQ(buf_, want);                                                          \
		EXPECT_EQ(len_, sizeof(want) - 1);                                                 \
		EXPECT_EQ(buf_[sizeof(want)], 0x5a);                                               \
	} while (0)

static void converts_integers(void)
{
	CHECK("-9223372036854775808", "%lld", (long long)INT64_MIN);
	CHECK("18446744073709551615", "%llu", (u64)UINT64_MAX);
	CHECK("1777777777777777777777", "%llo", (u64)UINT64_MAX);
	CHECK("ffffffffffffffff", "%llx", (u64)UINT64_MAX);
	CHECK("-2147483648 2147483647", "%d %i", INT32_MIN, INT32_MAX);
	CHECK("4294967295", "%u", UINT32_MAX);
	CHECK("DEADBEEF deadbeef", "%X %x", 0xdeadbeefU, 0xdeadbeefU);
	CHECK("-1 255 65535 -1", "%hhd %hhu %hu %hd", (s8)-1, (u8)255, (u16)65535, (s16)-1);
	CHECK("0 0 0", "%d %x %o", 0, 0, 0);
	CHECK("12 34 -5", "%zu %lu %ld", (size_t)12, 34UL, -5L);
}

static void pads(void)
{
	CHECK("[   42][42   ][00042]", "[%5d][%-5d][%05d]", 42, 42, 42);
	CHECK("[  -42][-42  ][-0042]", "[%5d][%-5d][%05d]", -42, -42, -42);
	CHECK("[42   ]", "[%*d]", -5, 42);
	CHECK("[   42]", "[%*d]", 5, 42);
	CHECK("[12345]", "[%3d]", 12345);
	CHECK("[  007][007  ][  -07]", "[%5.3d][%-5.3d][%5.2d]", 7, 7, -7);
	CHECK("[]", "[%.0d]", 0);
	CHECK("[    ab][ab    ]", "[%6s][%-6s]", "ab", "ab");
	CHECK("[     x]", "[%6c]", 'x');
	CHECK("[0000000000000000000000000000000000000007]", "[%040d]", 7);
	CHECK("00ff", "%04x", 0xff);
}

static void limits_strings(void)
{
	static const char unterminated[3] = { 'a', 'b', 'c' };
	const char *volatile nothing = NULL; /* the compiler knows better */

	CHECK("abc", "%.3s", unterminated);
	CHECK("ab", "%.*s", 2, "abcd");
	CHECK("abcd", "%.*s", -1, "abcd");
	CHECK("", "%.0s", "abcd");
	CHECK("  ab", "%4.2s", "abcd");
	CHECK("(null)", "%s", nothing);
}

static void prints_the_rest(void)
{
	CHECK("100%", "%d%%", 100);
	CHECK("0x0 0x1000", "%p %p", (void *)0, (void *)0x1000);
	CHECK("xyz", "%c%c%c", 'x', 'y', 'z');
	CHECK("", "%s", "");
}

static void keeps_unknown_conversions(void)
{
	static const char *const rows[] = { "%", "%5", "%q %d", "%#x", "%+d", "%.", "%l", "%n %s",
					    "a%" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buf[32];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
		EXPECT_EQ(fmt_print(buf, sizeof(buf), rows[i]), str_len(rows[i]));
#pragma GCC diagnostic pop
		EXPECT_STREQ(buf, rows[i]);
	}
}

static void never_writes_past_the_end(void)
{
	static const char want[] = "-42 text 0x1f      right";

	for (size_t size = 0; size <= sizeof(want) + 2; size++) {
		char buf[64];
		size_t fits = size < sizeof(want) ? size : sizeof(want);

		memset(buf, 0x5a, sizeof(buf));
		test_row("size %zu", size);
		EXPECT_EQ(fmt_print(buf, size, "%d %s 0x%x %10s", -42, "text", 0x1f, "right"),
			  sizeof(want) - 1);
		for (size_t i = size; i < sizeof(buf); i++)
			EXPECT_EQ(buf[i], 0x5a);
		if (fits) {
			EXPECT_MEMEQ(buf, want, fits - 1);
			EXPECT_EQ(buf[fits - 1], 0);
		}
	}
	EXPECT_EQ(fmt_print(NULL, 0, "%1000d", 1), 1000);
}

static void appends(void)
{
	char text[8];
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	fmt_add(&b, "%d", 12);
	fmt_add_fill(&b, '.', 3);
	EXPECT_STREQ(text, "12...");
	EXPECT_TRUE(!fmt_truncated(&b));
	fmt_add_bytes(&b, "abcdef", 6);
	EXPECT_STREQ(text, "12...ab");
	EXPECT_EQ(b.len, 11);
	EXPECT_TRUE(fmt_truncated(&b));
	fmt_add(&b, "more");
	EXPECT_STREQ(text, "12...ab");
	EXPECT_EQ(b.len, 15);
}

struct collector {
	struct fmt_buf b;
	char all[512];
	size_t len;
	u32 nr_flushes;
};

static void collect(struct fmt_buf *b)
{
	struct collector *c = CONTAINER_OF(b, struct collector, b);

	ASSERT_EQ(b->text[b->len], 0);
	ASSERT_LE(c->len + b->len, sizeof(c->all));
	memcpy(c->all + c->len, b->text, b->len);
	c->len += b->len;
	c->nr_flushes++;
	b->len = 0;
}

static void flushes_when_full(void)
{
	for (size_t size = 2; size <= 64; size++) {
		struct collector c = { .b = { .size = size, .flush = collect } };
		char text[64];

		c.b.text = text;
		test_row("size %zu", size);
		for (int i = 0; i < 20; i++)
			fmt_add(&c.b, "%04d:%5s|", i, "ab");
		collect(&c.b);
		EXPECT_EQ(c.len, 20 * 11);
		EXPECT_MEMEQ(c.all, "0000:   ab|0001:   ab|", 22);
		EXPECT_MEMEQ(c.all + 19 * 11, "0019:   ab|", 11);
		EXPECT_GE(c.nr_flushes, 220 / size);
	}
}

static void sizes_are_exact(void)
{
	static const struct {
		u64 bytes;
		const char *want;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ 512, "512" },
		{ 1023, "1023" },
		{ 1024, "1K" },
		{ 1025, "1025" },
		{ 1536, "1.5K" },
		{ 1792, "1792" }, /* 1.75K has two places */
		{ 1ULL << 20, "1M" },
		{ (1ULL << 30) * 3 / 2, "1.5G" },
		{ (1ULL << 30) + (1ULL << 20), "1025M" },
		{ (1ULL << 30) + 1, "1073741825" },
		{ 256ULL << 20, "256M" },
		{ 10ULL << 40, "10T" },
		{ 3ULL << 50, "3P" },
		{ 15ULL << 60, "15E" },
		{ UINT64_MAX, "18446744073709551615" },
		{ UINT64_MAX - 1023, "18014398509481983K" },
	};
	char buf[FMT_SIZE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_STREQ(fmt_size(buf, rows[i].bytes), rows[i].want);
}

static void sizes_come_back(void)
{
	u64 state = 0x9e3779b97f4a7c15ULL;

	for (int i = 0; i < 100000; i++) {
		char buf[FMT_SIZE_MAX];
		u64 back = 0;
		u64 bytes;

		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		bytes = state >> (state >> 58);
		bytes = bytes >> (i % 50) << (i % 50);
		fmt_size(buf, bytes);
		test_row("%s", buf);
		ASSERT_OK(parse_size(buf, &back));
		ASSERT_EQ(back, bytes);
	}
}

static const struct test_case cases[] = {
	TEST("no size of buffer is written past its end", never_writes_past_the_end),
	TEST("integers of every width and base are right at their limits", converts_integers),
	TEST("width, zero and minus lay a field out as in C", pads),
	TEST("a precision limits a string that has no end", limits_strings),
	TEST("percent, pointers and characters print", prints_the_rest),
	TEST("from an unknown conversion on, the format is printed as it stands",
	     keeps_unknown_conversions),
	TEST("a buffer is appended to and counts what did not fit", appends),
	TEST("a buffer with flush loses nothing, whatever its size", flushes_when_full),
	TEST("a size is shown in the largest unit that is exact", sizes_are_exact),
	TEST("any size that was formatted parses back to itself", sizes_come_back),
};
TEST_SUITE(rt_fmt, cases);
