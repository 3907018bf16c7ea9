/* SPDX-License-Identifier: MIT */
/* Numbers, sizes and words from text; exact, without floating point. */
#include <asm/errno.h>

#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

/* Fraction digits of which any number fits a u64. */
#define MAX_FRACTION_DIGITS 19

static unsigned int digit_value(char c)
{
	c = str_lower(c);
	if (str_is_digit(c))
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a' + 10);
	return 16;
}

/* Too large a number is read to its end, so that what follows it is still checked. */
int parse_number(const char *s, u64 *out, const char **end)
{
	unsigned int base = 10;
	bool overflow = false;
	u64 value = 0;
	const char *first;

	if (s[0] == '0' && str_lower(s[1]) == 'x') {
		base = 16;
		s += 2;
	}
	for (first = s; digit_value(*s) < base; s++) {
		overflow |= __builtin_mul_overflow(value, (u64)base, &value);
		overflow |= __builtin_add_overflow(value, (u64)digit_value(*s), &value);
	}
	*end = s;
	if (s == first)
		return -EINVAL;
	if (overflow)
		return -ERANGE;
	*out = value;
	return 0;
}

int parse_u64(const char *s, u64 *out)
{
	const char *end;
	u64 value = 0;
	int err = parse_number(s, &value, &end);

	if (err == -EINVAL || *end)
		return -EINVAL;
	if (!err)
		*out = value;
	return err;
}

int parse_u32(const char *s, u32 *out)
{
	u64 value = 0;
	int err = parse_u64(s, &value);

	if (err)
		return err;
	if (value > UINT32_MAX)
		return -ERANGE;
	*out = (u32)value;
	return 0;
}

int parse_s64(const char *s, s64 *out)
{
	bool negative = *s == '-';
	u64 value = 0;
	int err;

	if (*s == '-' || *s == '+')
		s++;
	err = parse_u64(s, &value);
	if (err)
		return err;
	if (value > (u64)INT64_MAX + negative)
		return -ERANGE;
	*out = (s64)(negative ? 0 - value : value);
	return 0;
}

int parse_s32(const char *s, s32 *out)
{
	s64 value = 0;
	int err = parse_s64(s, &value);

	if (err)
		return err;
	if (value < INT32_MIN || value > INT32_MAX)
		return -ERANGE;
	*out = (s32)value;
	return 0;
}

/* A number before its unit: whole + fraction / 10^digits. A hexadecimal one has no unit. */
struct decimal {
	u64 whole;
	u64 fraction;
	unsigned int digits;
	bool is_plain; /* no fraction was written */
	bool is_large; /* whole does not fit */
};

static int read_decimal(const char *s, struct decimal *d, const char **end)
{
	int err = parse_number(s, &d->whole, end);

	if (err == -EINVAL)
		return err;
	d->is_large = err == -ERANGE;
	if (**end && s[0] == '0' && str_lower(s[1]) == 'x')
		return -EINVAL;
	d->is_plain = **end != '.';
	if (d->is_plain)
		return 0;
	s = *end + 1;
	for (; str_is_digit(*s); s++) {
		if (++d->digits > MAX_FRACTION_DIGITS)
			return -EINVAL;
		d->fraction = d->fraction * 10 + (u64)(*s - '0');
	}
	*end = s;
	return d->digits ? 0 : -EINVAL;
}

/*
 * fraction * unit / 10^digits, when that is a whole number: each step takes one
 * 2 and one 5 out of the two factors, wherever they are, so nothing overflows
 * that does not have to.
 */
static int scale_fraction(u64 fraction, u64 unit, unsigned int digits, u64 *out)
{
	for (; digits; digits--) {
		if (fraction % 2 == 0)
			fraction /= 2;
		else if (unit % 2 == 0)
			unit /= 2;
		else
			return -EINVAL;
		if (fraction % 5 == 0)
			fraction /= 5;
		else if (unit % 5 == 0)
			unit /= 5;
		else
			return -EINVAL;
	}
	return __builtin_mul_overflow(fraction, unit, out) ? -ERANGE : 0;
}

static int scale(const struct decimal *d, u64 unit, u64 *out)
{
	u64 whole;
	u64 part;
	u64 sum;
	int err = scale_fraction(d->fraction, unit, d->digits, &part);

	if (err)
		return err;
	if (d->is_large || __builtin_mul_overflow(d->whole, unit, &whole) ||
	    __builtin_add_overflow(whole, part, &sum))
		return -ERANGE;
	*out = sum;
	return 0;
}

/* The bytes that a unit stands for, or 0. */
static u64 size_unit(const char *s)
{
	static const char letters[] = "kmgtpe";
	const char *letter;

	if (!*s || str_eq(s, "B"))
		return 1;
	if (str_eq(s, "s"))
		return 512;
	letter = str_chr(letters, str_lower(*s));
	if (!letter)
		return 0;
	if (s[1] && !str_eq(s + 1, "B") && !str_eq(s + 1, "iB"))
		return 0;
	return 1024ULL << (10 * (letter - letters));
}

int parse_size(const char *s, u64 *bytes)
{
	struct decimal d = { 0 };
	const char *end;
	u64 unit;
	int err = read_decimal(s, &d, &end);

	if (err)
		return err;
	unit = size_unit(end);
	if (!unit)
		return -EINVAL;
	return scale(&d, unit, bytes);
}

static u64 duration_unit(const char *s)
{
	static const struct {
		char name[4];
		u32 factor;
	} units[] = {
		{ "h", 60 },   { "m", 60 },    { "s", 1000 },
		{ "ms", 1000 }, { "us", 1000 }, { "ns", 1 },
	};
	u64 ns = 1;

	for (size_t i = ARRAY_SIZE(units); i-- > 0;) {
		ns *= units[i].factor;
		if (str_eq(s, units[i].name))
			return ns;
	}
	return 0;
}

int parse_duration(const char *s, u64 *ns)
{
	struct decimal d = { 0 };
	const char *end;
	u64 unit;
	int err = read_decimal(s, &d, &end);

	if (err)
		return err;
	unit = duration_unit(end);
	if (!unit && !*end && d.is_plain && !d.is_large && !d.whole)
		unit = 1;
	if (!unit)
		return -EINVAL;
	return scale(&d, unit, ns);
}

int parse_bool(const char *s, bool *out)
{
	u32 word;
	int err = parse_choice(s, "0\0" "no\0" "false\0" "off\0" "1\0" "yes\0" "true\0" "on\0", &word);

	if (err)
		return err;
	*out = word >= 4;
	return 0;
}

int parse_choice(const char *s, const char *words, u32 *word)
{
	for (u32 i = 0; *words; i++, words = str_nth(words, 1)) {
		if (str_eq(s, words)) {
			*word = i;
			return 0;
		}
	}
	return -EINVAL;
}
