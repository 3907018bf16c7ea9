/* SPDX-License-Identifier: MIT */
/* See tools/text/about.h. */
#include "tools/text/about.h"

#include "uapi/rt/str.h"

u64 about_share(u64 n, u64 factor, u64 of)
{
	while (n > ~0ULL / factor) {
		n >>= 1;
		of >>= 1;
	}
	return of ? n * factor / of : 0;
}

static const char *about(char text[FMT_SIZE_MAX], u64 n, u64 step, const char *units)
{
	u64 rest = 0;

	for (; n >= 10000 && *str_nth(units, 1); units = str_nth(units, 1)) {
		rest = n % step * 10 / step;
		n /= step;
	}
	if (rest && n < 100)
		fmt_print(text, FMT_SIZE_MAX, "%llu.%llu%s", n, rest, units);
	else
		fmt_print(text, FMT_SIZE_MAX, "%llu%s", n, units);
	return text;
}

const char *about_bytes(char text[FMT_SIZE_MAX], u64 bytes)
{
	return about(text, bytes, 1024, "\0K\0M\0G\0T\0P\0E\0");
}

const char *about_ns(char text[FMT_SIZE_MAX], u64 ns)
{
	return about(text, ns, 1000, "ns\0us\0ms\0s\0");
}
