/* SPDX-License-Identifier: MIT */
/*
 * Formatting into a bounded buffer. No state, no locale, no floating point; any
 * thread.
 *
 * Conversions: %s %c %d %i %u %x %X %o %p %% with hh, h, l, ll and z, a width
 * (number or *), the flags 0 and -, and for %s and the integers a precision
 * (.N or .*). u64 is unsigned long long: %llu. Any other conversion is printed
 * as it stands, and so is all that follows it. %s of NULL prints "(null)".
 */
#ifndef UAPI_RT_FMT_H
#define UAPI_RT_FMT_H

#include <stdarg.h>

#include "uapi/types.h"

/**
 * struct fmt_buf - text that is added to piece by piece
 * @text:  the caller's memory; NULL is allowed when size is 0
 * @size:  its bytes, one of which is for the NUL
 * @len:   characters so far, without the NUL. With no flush, this counts what
 *         would be there: the text was truncated when len >= size.
 * @flush: NULL, or called when the text is full: takes len bytes of text to
 *         where they go; len is 0 afterwards. size must be 2 or more.
 *
 * text is a terminated string after every call. A buffer on the stack is
 * { .text = a, .size = sizeof(a) }; with flush set, the owner calls it once
 * more at the end. To reach more than the buffer from flush, embed the struct
 * and use CONTAINER_OF().
 */
struct fmt_buf {
	char *text;
	size_t size;
	size_t len;
	void (*flush)(struct fmt_buf *b);
};

/** fmt_add() - format to the end of the buffer */
void fmt_add(struct fmt_buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** fmt_vadd() - fmt_add() with a va_list */
void fmt_vadd(struct fmt_buf *b, const char *fmt, va_list args) PRINTF_LIKE(2, 0);

/** fmt_add_bytes() - append len characters as they are */
void fmt_add_bytes(struct fmt_buf *b, const char *s, size_t len);

/** fmt_add_fill() - append c, nr times */
void fmt_add_fill(struct fmt_buf *b, char c, size_t nr);

/** fmt_truncated() - true when a buffer without flush was too small */
static inline bool fmt_truncated(const struct fmt_buf *b)
{
	return b->len >= b->size;
}

/**
 * fmt_print() - format into buf
 *
 * The result is always terminated, unless size is 0.
 *
 * Return: the length that the whole text has, without its NUL; the text was
 * truncated when this is size or more.
 */
size_t fmt_print(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

/** fmt_vprint() - fmt_print() with a va_list */
size_t fmt_vprint(char *buf, size_t size, const char *fmt, va_list args) PRINTF_LIKE(3, 0);

/* Bytes that any fmt_size() needs, with its NUL. */
#define FMT_SIZE_MAX 24

/**
 * fmt_size() - a byte count for people, exact: "256M", "1.5G", "4097"
 *
 * The largest unit of K M G T P E in which the value is exact with at most one
 * decimal digit; bytes with no unit otherwise, so that parse_size() gives back
 * the same number always.
 *
 * Return: buf
 */
const char *fmt_size(char buf[FMT_SIZE_MAX], u64 bytes);

#endif
