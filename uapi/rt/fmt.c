/* SPDX-License-Identifier: MIT */
/* Formatting into a bounded buffer: conversions are pieces appended to a struct fmt_buf. */
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

/* va_list may be an array; in a struct it can be passed on by reference. */
struct fmt_args {
	va_list list;
};

enum fmt_length { LEN_INT, LEN_CHAR, LEN_SHORT, LEN_LONG };

/* One conversion; precision is -1 when there is none. */
struct fmt_spec {
	bool left;
	bool zero;
	u8 length;
	char conv;
	int width;
	int precision;
};

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

void fmt_add_bytes(struct fmt_buf *b, const char *s, size_t len)
{
	while (b->flush && b->size > 1 && len > b->size - 1 - b->len) {
		size_t room = b->size - 1 - b->len;

		memcpy(b->text + b->len, s, room);
		s += room;
		len -= room;
		b->len += room;
		b->text[b->len] = '\0';
		b->flush(b);
		b->len = 0;
	}
	if (b->len < b->size) {
		size_t fits = min_size(len, b->size - 1 - b->len);

		memcpy(b->text + b->len, s, fits);
		b->text[b->len + fits] = '\0';
	}
	b->len += len;
}

void fmt_add_fill(struct fmt_buf *b, char c, size_t nr)
{
	char run[16];

	memset(run, c, sizeof(run));
	for (size_t part; nr; nr -= part) {
		part = min_size(nr, sizeof(run));
		fmt_add_bytes(b, run, part);
	}
}

/*
 * Lays out one conversion: blanks, sign or prefix, zeros, text. Zeros are those
 * that a precision asks for, or those that fill the width.
 */
static void add_field(struct fmt_buf *b, const struct fmt_spec *spec, const char *prefix,
		      size_t zeros, const char *text, size_t len)
{
	size_t prefix_len = str_len(prefix);
	size_t all = prefix_len + zeros + len;
	size_t pad = spec->width > 0 && (size_t)spec->width > all ? (size_t)spec->width - all : 0;

	if (spec->zero) {
		zeros += pad;
		pad = 0;
	}
	if (!spec->left)
		fmt_add_fill(b, ' ', pad);
	fmt_add_bytes(b, prefix, prefix_len);
	fmt_add_fill(b, '0', zeros);
	fmt_add_bytes(b, text, len);
	if (spec->left)
		fmt_add_fill(b, ' ', pad);
}

static void add_string(struct fmt_buf *b, struct fmt_spec *spec, const char *s)
{
	if (!s)
		s = "(null)";
	spec->zero = false;
	add_field(b, spec, "", 0, s,
		  spec->precision < 0 ? str_len(s) : str_nlen(s, (size_t)spec->precision));
}

static void add_number(struct fmt_buf *b, struct fmt_spec *spec, u64 value, const char *prefix)
{
	const char *digits = spec->conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24]; /* 2^64 in octal has 22 digits */
	char *at = text + sizeof(text);
	unsigned int base = 10;
	size_t len;

	if (spec->conv == 'x' || spec->conv == 'X' || spec->conv == 'p')
		base = 16;
	else if (spec->conv == 'o')
		base = 8;
	for (; value; value /= base)
		*--at = digits[value % base];
	if (at == text + sizeof(text) && spec->precision != 0)
		*--at = '0';
	len = (size_t)(text + sizeof(text) - at);
	if (spec->precision >= 0)
		spec->zero = false;
	add_field(b, spec, prefix,
		  spec->precision > 0 && (size_t)spec->precision > len ?
			  (size_t)spec->precision - len : 0,
		  at, len);
}

static u64 take_unsigned(struct fmt_args *args, enum fmt_length length)
{
	if (length == LEN_LONG)
		return va_arg(args->list, u64);
	if (length == LEN_CHAR)
		return (u8)va_arg(args->list, unsigned int);
	if (length == LEN_SHORT)
		return (u16)va_arg(args->list, unsigned int);
	return va_arg(args->list, unsigned int);
}

static s64 take_signed(struct fmt_args *args, enum fmt_length length)
{
	if (length == LEN_LONG)
		return va_arg(args->list, s64);
	if (length == LEN_CHAR)
		return (s8)va_arg(args->list, int);
	if (length == LEN_SHORT)
		return (s16)va_arg(args->list, int);
	return va_arg(args->list, int);
}

static void add_signed(struct fmt_buf *b, struct fmt_spec *spec, s64 value)
{
	if (value < 0)
		add_number(b, spec, 0 - (u64)value, "-");
	else
		add_number(b, spec, (u64)value, "");
}

/* Returns false for a conversion that is not known; its argument is not taken. */
static bool add_conversion(struct fmt_buf *b, struct fmt_spec *spec, struct fmt_args *args)
{
	char c;

	switch (spec->conv) {
	case '%':
		fmt_add_bytes(b, "%", 1);
		return true;
	case 'c':
		c = (char)va_arg(args->list, int);
		spec->zero = false;
		add_field(b, spec, "", 0, &c, 1);
		return true;
	case 's':
		add_string(b, spec, va_arg(args->list, const char *));
		return true;
	case 'd':
	case 'i':
		add_signed(b, spec, take_signed(args, spec->length));
		return true;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		add_number(b, spec, take_unsigned(args, spec->length), "");
		return true;
	case 'p':
		add_number(b, spec, (u64)va_arg(args->list, void *), "0x");
		return true;
	default:
		return false;
	}
}

/* A width or precision: digits, or * for an int argument. Capped, so nothing overflows. */
static const char *read_count(const char *f, struct fmt_args *args, int *count)
{
	int n = 0;

	if (*f == '*') {
		*count = va_arg(args->list, int);
		return f + 1;
	}
	for (; str_is_digit(*f); f++)
		n = n < 100000 ? n * 10 + (*f - '0') : n;
	*count = n;
	return f;
}

static const char *read_length(const char *f, u8 *length)
{
	*length = LEN_INT;
	if (*f == 'h') {
		*length = *++f == 'h' ? LEN_CHAR : LEN_SHORT;
		return *length == LEN_CHAR ? f + 1 : f;
	}
	for (; *f == 'l' || *f == 'z'; f++)
		*length = LEN_LONG;
	return f;
}

/* f is behind the %; returns what is behind the conversion. */
static const char *read_spec(const char *f, struct fmt_args *args, struct fmt_spec *spec)
{
	*spec = (struct fmt_spec){ .precision = -1 };
	for (;; f++) {
		if (*f == '-')
			spec->left = true;
		else if (*f == '0')
			spec->zero = true;
		else
			break;
	}
	f = read_count(f, args, &spec->width);
	if (spec->width < 0 && spec->width != INT32_MIN) {
		spec->left = true;
		spec->width = -spec->width;
	}
	if (*f == '.')
		f = read_count(f + 1, args, &spec->precision);
	f = read_length(f, &spec->length);
	spec->conv = *f;
	if (spec->left)
		spec->zero = false;
	return *f ? f + 1 : f;
}

/*
 * At a conversion that is not known, the rest of the format is text: the
 * arguments that belong to it cannot be told any more.
 */
void fmt_vadd(struct fmt_buf *b, const char *fmt, va_list list)
{
	struct fmt_args args;
	struct fmt_spec spec;

	fmt_add_bytes(b, "", 0);
	va_copy(args.list, list);
	while (*fmt) {
		const char *start = fmt;

		while (*fmt && *fmt != '%')
			fmt++;
		fmt_add_bytes(b, start, (size_t)(fmt - start));
		if (!*fmt)
			break;
		start = fmt;
		fmt = read_spec(fmt + 1, &args, &spec);
		if (!add_conversion(b, &spec, &args)) {
			fmt_add_bytes(b, start, str_len(start));
			break;
		}
	}
	va_end(args.list);
}

void fmt_add(struct fmt_buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fmt_vadd(b, fmt, args);
	va_end(args);
}

size_t fmt_vprint(char *buf, size_t size, const char *fmt, va_list args)
{
	struct fmt_buf b = { .text = buf, .size = size };

	fmt_vadd(&b, fmt, args);
	return b.len;
}

size_t fmt_print(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	size_t len;

	va_start(args, fmt);
	len = fmt_vprint(buf, size, fmt, args);
	va_end(args);
	return len;
}

const char *fmt_size(char buf[FMT_SIZE_MAX], u64 bytes)
{
	static const char units[] = "KMGTPE";

	for (int i = sizeof(units) - 2; i >= 0; i--) {
		u64 unit = 1024ULL << (10 * i);
		u64 tenths = bytes % unit * 10;

		if (bytes < unit || tenths % unit)
			continue;
		fmt_print(buf, FMT_SIZE_MAX, tenths ? "%llu.%llu%c" : "%llu%.0llu%c",
			  bytes / unit, tenths / unit, units[i]);
		return buf;
	}
	fmt_print(buf, FMT_SIZE_MAX, "%llu", bytes);
	return buf;
}
