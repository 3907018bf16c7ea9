/* SPDX-License-Identifier: MIT */
/* Names of devices in names of files: what is not plain is written \xNN. */
#include "dm/node.h"
#include "uapi/rt/str.h"

static bool is_plain(char c)
{
	return str_is_digit(c) || (str_lower(c) >= 'a' && str_lower(c) <= 'z') ||
	       (c && str_chr("#+-.:=@_", c));
}

/* The byte that the \xNN at s stands for, or -1; digits are lower case, as they are written */
static int escaped(const char *s)
{
	int value = 0;

	if (s[0] != '\\' || s[1] != 'x')
		return -1;
	for (u32 i = 2; i < 4; i++) {
		u32 letter = (u32)(s[i] - 'a');

		if (!str_is_digit(s[i]) && letter > 5)
			return -1;
		value = value * 16 + (letter > 5 ? s[i] - '0' : s[i] - 'a' + 10);
	}
	return value;
}

size_t dm_mangle(char *out, size_t size, const char *name)
{
	struct fmt_buf b = { .text = out, .size = size };

	for (*out = '\0'; *name; name++)
		fmt_add(&b, is_plain(*name) ? "%c" : "\\x%02x", (u8)*name);
	return b.len;
}

size_t dm_unmangle(char *out, size_t size, const char *name)
{
	struct fmt_buf b = { .text = out, .size = size };

	for (*out = '\0'; *name; name++) {
		int c = escaped(name);

		if (c >= 0)
			name += 3;
		else
			c = (u8)*name;
		fmt_add(&b, "%c", c);
	}
	return b.len;
}

bool dm_is_mangled(const char *name)
{
	for (; *name; name++) {
		if (escaped(name) >= 0)
			name += 3;
		else if (!is_plain(*name))
			return false;
	}
	return true;
}
