/* SPDX-License-Identifier: MIT */
/* The few string functions that the project needs. */
#include <asm/errno.h>

#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

size_t str_len(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return (size_t)(end - s);
}

size_t str_nlen(const char *s, size_t max)
{
	size_t len = 0;

	while (len < max && s[len])
		len++;
	return len;
}

bool str_eq(const char *a, const char *b)
{
	return str_cmp(a, b) == 0;
}

int str_cmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

const char *str_starts(const char *s, const char *prefix)
{
	while (*prefix) {
		if (*s++ != *prefix++)
			return NULL;
	}
	return s;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t len = str_len(s);
	size_t suffix_len = str_len(suffix);

	return len >= suffix_len && str_eq(s + len - suffix_len, suffix);
}

const char *str_chr(const char *s, char c)
{
	for (; *s; s++) {
		if (*s == c)
			return s;
	}
	return NULL;
}

const char *str_rchr(const char *s, char c)
{
	const char *last = NULL;

	for (; *s; s++) {
		if (*s == c)
			last = s;
	}
	return last;
}

const char *str_find(const char *s, const char *part)
{
	for (;; s++) {
		if (str_starts(s, part))
			return s;
		if (!*s)
			return NULL;
	}
}

const char *str_nth(const char *strings, u32 n)
{
	while (n--)
		strings += str_len(strings) + 1;
	return strings;
}

int str_copy(char *dst, size_t size, const char *src)
{
	size_t len = str_nlen(src, size);

	if (!size)
		return -ENAMETOOLONG;
	if (len < size) {
		memcpy(dst, src, len + 1);
		return (int)len;
	}
	memcpy(dst, src, size - 1);
	dst[size - 1] = '\0';
	return -ENAMETOOLONG;
}
