/* SPDX-License-Identifier: MIT */
/* uapi/rt/parse.h */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/parse.h"

#define UNTOUCHED 0x5a5a5a5a

struct row {
	const char *s;
	int err;
	u64 value;
};

static void check_rows(int (*parse)(const char *s, u64 *out), const struct row *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		u64 value = UNTOUCHED;

		test_row("\"%s\"", rows[i].s);
		EXPECT_ERR(parse(rows[i].s, &value), rows[i].err);
		EXPECT_EQ(value, rows[i].err ? UNTOUCHED : rows[i].value);
	}
}

static void u64_is_strict(void)
{
	static const struct row rows[] = {
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "0xffffffffffffffff", 0, UINT64_MAX },
		{ "0x10000000000000000", -ERANGE, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "0x", -EINVAL, 0 },
		{ "0xg", -EINVAL, 0 },
		{ "x10", -EINVAL, 0 },
		{ "1f", -EINVAL, 0 },
		{ "1\n", -EINVAL, 0 },
		{ "010", 0, 10 },
		{ "0", 0, 0 },
		{ "0XfF", 0, 255 },
		{ "000000000000000000000000000000001", 0, 1 },
	};

	check_rows(parse_u64, rows, ARRAY_SIZE(rows));
}

static int s64_as_u64(const char *s, u64 *out)
{
	s64 value;
	int err = parse_s64(s, &value);

	if (!err)
		*out = (u64)value;
	return err;
}

static void s64_has_a_sign(void)
{
	static const struct row rows[] = {
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "-9223372036854775808", 0, 1ULL << 63 },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-0x10", 0, (u64)-16 },
		{ "-", -EINVAL, 0 },
		{ "+", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "-+1", -EINVAL, 0 },
		{ "+1", 0, 1 },
		{ "-0", 0, 0 },
		{ "- 1", -EINVAL, 0 },
	};

	check_rows(s64_as_u64, rows, ARRAY_SIZE(rows));
}

static void narrow_types_have_limits(void)
{
	u32 u = 7;
	s32 s = 7;

	EXPECT_ERR(parse_u32("4294967296", &u), -ERANGE);
	EXPECT_ERR(parse_u32("18446744073709551616", &u), -ERANGE);
	EXPECT_ERR(parse_u32("-1", &u), -EINVAL);
	EXPECT_EQ(u, 7);
	EXPECT_OK(parse_u32("4294967295", &u));
	EXPECT_EQ(u, UINT32_MAX);
	EXPECT_ERR(parse_s32("2147483648", &s), -ERANGE);
	EXPECT_ERR(parse_s32("-2147483649", &s), -ERANGE);
	EXPECT_EQ(s, 7);
	EXPECT_OK(parse_s32("-2147483648", &s));
	EXPECT_EQ(s, INT32_MIN);
}

static void sizes(void)
{
	static const struct row rows[] = {
		{ "16E", -ERANGE, 0 },
		{ "15.9999999999999999999E", -EINVAL, 0 }, /* not whole bytes */
		{ "15.5E", 0, (31ULL << 59) },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18014398509481984K", -ERANGE, 0 },
		{ "18014398509481983K", 0, UINT64_MAX - 1023 },
		{ "36028797018963968s", -ERANGE, 0 },
		{ "36028797018963967s", 0, UINT64_MAX - 511 },
		{ "99999999999999999999X", -EINVAL, 0 },
		{ "0.0009765625K", 0, 1 },
		{ "0.00000000000000000001E", -EINVAL, 0 },
		{ "0.0000000009313225746154785156250G", -EINVAL, 0 }, /* too many digits */
		{ "0.000000953674316406250M", -EINVAL, 0 },
		{ "0.00000095367431640625M", -EINVAL, 0 },
		{ "0.0009765625M", 0, 1024 },
		{ "1.3K", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1.0", 0, 1 },
		{ "1.5B", -EINVAL, 0 },
		{ "1.5s", 0, 768 },
		{ "1.5G", 0, 3ULL << 29 },
		{ "1.50G", 0, 3ULL << 29 },
		{ "0.5K", 0, 512 },
		{ "1.K", -EINVAL, 0 },
		{ ".5K", -EINVAL, 0 },
		{ "1..5K", -EINVAL, 0 },
		{ "1.5.5K", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "-1K", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 },
		{ "1KK", -EINVAL, 0 },
		{ "1KiBB", -EINVAL, 0 },
		{ "1Ki", -EINVAL, 0 },
		{ "1iB", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "1sB", -EINVAL, 0 },
		{ "0x10K", -EINVAL, 0 },
		{ "0x1.5K", -EINVAL, 0 },
		{ "0x1000", 0, 4096 },
		{ "4096", 0, 4096 },
		{ "512B", 0, 512 },
		{ "64K", 0, 65536 },
		{ "64k", 0, 65536 },
		{ "10MiB", 0, 10 << 20 },
		{ "10MB", 0, 10 << 20 },
		{ "1g", 0, 1 << 30 },
		{ "2T", 0, 2ULL << 40 },
		{ "3p", 0, 3ULL << 50 },
		{ "512s", 0, 512 * 512 },
		{ "0", 0, 0 },
		{ "0E", 0, 0 },
	};

	check_rows(parse_size, rows, ARRAY_SIZE(rows));
}

static void durations(void)
{
	static const struct row rows[] = {
		{ "18446744073s", 0, 18446744073000000000ULL },
		{ "18446744074s", -ERANGE, 0 },
		{ "5124096h", -ERANGE, 0 },
		{ "0.1h", 0, 360000000000ULL },
		{ "0.0000000001s", -EINVAL, 0 },
		{ "1.5s", 0, 1500000000 },
		{ "0.5ns", -EINVAL, 0 },
		{ "1.001us", 0, 1001 },
		{ "2ms", 0, 2000000 },
		{ "250us", 0, 250000 },
		{ "7ns", 0, 7 },
		{ "10m", 0, 600000000000ULL },
		{ "1h", 0, 3600000000000ULL },
		{ "0", 0, 0 },
		{ "0s", 0, 0 },
		{ "0.0", -EINVAL, 0 },
		{ "5", -EINVAL, 0 },
		{ "5S", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "1mss", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
	};

	check_rows(parse_duration, rows, ARRAY_SIZE(rows));
}

static void words(void)
{
	static const char words_[] = "copy\0zero\0user\0";
	u32 value = 7;
	bool yes = false;

	EXPECT_ERR(parse_choice("cop", words_, &value), -EINVAL);
	EXPECT_ERR(parse_choice("copyy", words_, &value), -EINVAL);
	EXPECT_ERR(parse_choice("", words_, &value), -EINVAL);
	EXPECT_EQ(value, 7);
	EXPECT_OK(parse_choice("user", words_, &value));
	EXPECT_EQ(value, 2);

	EXPECT_OK(parse_bool("on", &yes));
	EXPECT_TRUE(yes);
	EXPECT_ERR(parse_bool("2", &yes), -EINVAL);
	EXPECT_ERR(parse_bool("YES", &yes), -EINVAL);
	EXPECT_TRUE(yes);
	EXPECT_OK(parse_bool("no", &yes));
	EXPECT_TRUE(!yes);
}

static void numbers_end_where_they_end(void)
{
	static const char s[] = "12-0x1fK";
	const char *end;
	u64 value = 0;

	EXPECT_OK(parse_number(s, &value, &end));
	EXPECT_EQ(value, 12);
	EXPECT_EQ(end - s, 2);
	EXPECT_OK(parse_number(end + 1, &value, &end));
	EXPECT_EQ(value, 0x1f);
	EXPECT_EQ(end - s, 7);
	EXPECT_ERR(parse_number(end, &value, &end), -EINVAL);
}

static const struct test_case cases[] = {
	TEST("a u64 is the whole string or nothing", u64_is_strict),
	TEST("an s64 has one sign and both limits", s64_has_a_sign),
	TEST("32-bit numbers out of range are refused and leave the result alone",
	     narrow_types_have_limits),
	TEST("sizes are exact, whole bytes, and never overflow", sizes),
	TEST("durations are exact and want a unit", durations),
	TEST("a word of a closed set is matched whole", words),
	TEST("a number inside a longer text ends where it ends", numbers_end_where_they_end),
};
TEST_SUITE(rt_parse, cases);
