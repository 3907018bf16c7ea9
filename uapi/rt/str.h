/* SPDX-License-Identifier: MIT */
/*
 * The few string functions that the project needs. No state; any thread.
 */
#ifndef UAPI_RT_STR_H
#define UAPI_RT_STR_H

#include "uapi/types.h"

/** str_len() - bytes before the terminating NUL */
size_t str_len(const char *s);

/** str_nlen() - bytes before the NUL, or max when there is none in the first max bytes */
size_t str_nlen(const char *s, size_t max);

/** str_eq() - true when both strings are the same */
bool str_eq(const char *a, const char *b);

/** str_cmp() - below, at or above zero, by unsigned bytes, as strcmp() */
int str_cmp(const char *a, const char *b);

/** str_starts() - the rest of s after prefix, or NULL when s does not start with it */
const char *str_starts(const char *s, const char *prefix);

/** str_ends() - true when s ends with suffix */
bool str_ends(const char *s, const char *suffix);

/** str_chr() - the first c in s, or NULL; the NUL itself is not found */
const char *str_chr(const char *s, char c);

/** str_rchr() - the last c in s, or NULL; the NUL itself is not found */
const char *str_rchr(const char *s, char c);

/** str_find() - the first place of part in s, or NULL; an empty part is at the start */
const char *str_find(const char *s, const char *part);

/** str_nth() - the string behind n others that stand one behind the other, each with its NUL */
const char *str_nth(const char *strings, u32 n);

/**
 * str_copy() - copy a string into a buffer of size bytes
 *
 * dst is always terminated (unless size is 0); on truncation it holds as much as fits.
 *
 * Return: the length of src, or
 *   -ENAMETOOLONG  it did not fit
 */
NODISCARD int str_copy(char *dst, size_t size, const char *src);

/** str_is_space() - blank, tab, newline and the other three of C's "white space" */
static inline bool str_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/** str_is_digit() - 0 to 9 */
static inline bool str_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/** str_lower() - A to Z to lower case, everything else as it is */
static inline char str_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

#endif
