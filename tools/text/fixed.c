/* SPDX-License-Identifier: MIT */
/* See tools/text/fixed.h. */
#include "tools/text/fixed.h"

#include <asm/errno.h>

#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

#define SECTOR_BYTES 512u

/* The 128 bits of a product by 64: shift and subtract, for there is no libgcc here. */
static u64 mul_div(u64 a, u64 b, u64 c, u64 *remainder)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	u64 high = (u64)(product >> 64);
	u64 low = (u64)product;

	*remainder = 0;
	if (high >= c)
		return ~0ULL;
	for (u32 i = 0; i < 64; i++) {
		u64 carry = high >> 63;

		high = high << 1 | low >> 63;
		low <<= 1;
		if (carry || high >= c) {
			high -= c;
			low |= 1;
		}
	}
	*remainder = high;
	return low;
}

u64 fixed_mul_div_down(u64 a, u64 b, u64 c)
{
	u64 remainder;

	return mul_div(a, b, c, &remainder);
}

u64 fixed_mul_div(u64 a, u64 b, u64 c)
{
	u64 remainder;
	u64 result = mul_div(a, b, c, &remainder);
	u64 rest = c - remainder;

	if (result != ~0ULL && (remainder > rest || (remainder == rest && result & 1)))
		result++;
	return result;
}

u64 fixed_percent(u64 part, u64 whole)
{
	u64 value;

	if (part >= whole)
		return 10000;
	value = fixed_mul_div(part, 10000, whole);
	if (!value && part)
		return 1;
	return value < 10000 ? value : 9999;
}

void fixed_add(struct fmt_buf *out, u64 value, u32 digits)
{
	u64 one = 1;

	for (u32 i = 0; i < digits; i++)
		one *= 10;
	fmt_add(out, "%llu", value / one);
	if (digits)
		fmt_add(out, ".%0*llu", (int)digits, value % one);
}

u64 fixed_unit_bytes(char c)
{
	const char *letters = "bkmgtpe";
	char letter = str_lower(c);
	const char *place = str_chr(letters, letter);
	u64 bytes = place ? 1 : letter == 's' ? SECTOR_BYTES : 0;

	for (; place && place > letters; place--)
		bytes *= letter == c ? 1024 : 1000;
	return bytes;
}

/* "1.5k", "k" or "2048" in bytes; without a letter it is in units of so many, or none for 0 */
static int parse_bytes(const char *text, u64 unit, u64 *bytes)
{
	u64 whole = 1;
	u64 part = 0;
	u64 tenths = 1;

	if (str_is_digit(*text)) {
		if (parse_number(text, &whole, &text))
			return -EINVAL;
		if (*text == '.')
			for (text++; str_is_digit(*text) && tenths < 1000000; text++) {
				part = part * 10 + (u64)(*text - '0');
				tenths *= 10;
			}
	}
	if (*text)
		unit = fixed_unit_bytes(*text++);
	if (*text || !unit || __builtin_mul_overflow(whole, unit, bytes))
		return -EINVAL;
	*bytes += fixed_mul_div_down(part, unit, tenths);
	return 0;
}

int fixed_unit_parse(const char *text, struct fixed_unit *unit)
{
	*unit = (struct fixed_unit){ .kilo = *text == 'H' ? 1000 : 1024, .digits = 2 };
	if (str_lower(*text) == 'h' && !text[1])
		return 0;
	if (parse_bytes(text, 0, &unit->bytes) || !unit->bytes)
		return -EINVAL;
	if (unit->bytes == 1 || unit->bytes == SECTOR_BYTES)
		unit->digits = 0;
	return 0;
}

void fixed_add_size(struct fmt_buf *out, u64 sectors, const struct fixed_unit *unit)
{
	u64 bytes = unit->bytes;
	u32 digits = unit->digits;
	const char *letter = unit->kilo == 1000 ? "BKMGTPE" : "bkmgtpe";

	if (!bytes) {
		bytes = 1;
		digits = 0;
		while (letter[1] && fixed_mul_div_down(sectors, SECTOR_BYTES, bytes * unit->kilo)) {
			bytes *= unit->kilo;
			digits = 2;
			letter++;
		}
	}
	fixed_add(out, fixed_mul_div(sectors, digits ? SECTOR_BYTES * 100 : SECTOR_BYTES, bytes),
		  sectors ? digits : 0);
	if (sectors && !unit->bytes)
		fmt_add(out, "%c", *letter);
}

int fixed_size_parse(const char *text, u64 *sectors)
{
	u64 bytes;

	if (!str_is_digit(*text) || str_chr(text, '.') || parse_bytes(text, SECTOR_BYTES, &bytes))
		return -EINVAL;
	*sectors = bytes / SECTOR_BYTES;
	return 0;
}
