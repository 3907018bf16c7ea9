/* SPDX-License-Identifier: MIT */
/* libFuzzer on uapi/rt/parse.h: no text crashes it, and what it accepts comes back the same. */
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

#define UNTOUCHED 0x5a5aa5a55a5aa5a5ULL

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

static void require(bool truth)
{
	if (!truth)
		__builtin_trap();
}

static void check_u64(const char *s)
{
	u64 value = UNTOUCHED;
	u64 back = 0;
	char text[32];
	int err = parse_u64(s, &value);

	require(!err || value == UNTOUCHED);
	if (err)
		return;
	fmt_print(text, sizeof(text), "%llu", value);
	require(!parse_u64(text, &back) && back == value);
	fmt_print(text, sizeof(text), "0x%llX", value);
	require(!parse_u64(text, &back) && back == value);
}

static void check_s64(const char *s)
{
	s64 value = (s64)UNTOUCHED;
	s64 back = 0;
	s32 narrow = 0;
	char text[32];
	int err = parse_s64(s, &value);

	require(!err || value == (s64)UNTOUCHED);
	if (err)
		return;
	fmt_print(text, sizeof(text), "%lld", (long long)value);
	require(!parse_s64(text, &back) && back == value);
	require((parse_s32(s, &narrow) == 0) == (value >= INT32_MIN && value <= INT32_MAX));
}

static void check_size(const char *s)
{
	u64 value = UNTOUCHED;
	u64 back = 0;
	char text[FMT_SIZE_MAX];
	int err = parse_size(s, &value);

	require(!err || value == UNTOUCHED);
	if (err)
		return;
	require(!parse_size(fmt_size(text, value), &back) && back == value);
}

static void check_duration(const char *s)
{
	u64 value = UNTOUCHED;
	u64 back = 0;
	char text[32];
	int err = parse_duration(s, &value);

	require(!err || value == UNTOUCHED);
	if (err)
		return;
	fmt_print(text, sizeof(text), "%lluns", value);
	require(!parse_duration(text, &back) && back == value);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	char s[64];
	bool yes = false;
	u32 u = 0;

	if (len >= sizeof(s))
		return 0;
	if (len)
		memcpy(s, data, len);
	s[len] = '\0';
	check_u64(s);
	check_s64(s);
	check_size(s);
	check_duration(s);
	if (parse_bool(s, &yes))
		require(!yes);
	if (parse_u32(s, &u))
		require(!u);
	return 0;
}
