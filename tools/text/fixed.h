/* SPDX-License-Identifier: MIT */
/*
 * Numbers with a few decimal digits, without floating point: a value is a whole
 * number of hundredths, say. And sizes, as dmstats reads and writes them: there a
 * lower-case unit is a power of 1024 and an upper-case one of 1000. No state; any
 * thread.
 */
#ifndef TOOLS_TEXT_FIXED_H
#define TOOLS_TEXT_FIXED_H

#include "uapi/rt/fmt.h"
#include "uapi/types.h"

/* fixed_mul_div() - a * b / c with no overflow between, to the nearest, half to even;
 * all ones when the result is too large, or c is 0 */
u64 fixed_mul_div(u64 a, u64 b, u64 c);

/* fixed_mul_div_down() - the same, rounded down */
u64 fixed_mul_div_down(u64 a, u64 b, u64 c);

/* fixed_percent() - part of whole, in hundredths of a percent; 0 and 10000 are exact: what is
 * nearly nothing is 1, what is nearly all 9999. At most 10000; whole is not 0 */
u64 fixed_percent(u64 part, u64 whole);

/* fixed_add() - the value with that many decimal digits: 1234 and 2 is "12.34" */
void fixed_add(struct fmt_buf *out, u64 value, u32 digits);

/* fixed_unit_bytes() - of b s k m g t p e, and with capitals by 1000; 0 for another letter */
u64 fixed_unit_bytes(char letter);

/**
 * struct fixed_unit - what sizes are shown in
 * @bytes: 0 for people: the largest in which it is one or more
 * @kilo:  1024 or 1000, for people
 * @digits: 0 or 2
 */
struct fixed_unit {
	u64 bytes;
	u32 kilo;
	u32 digits;
};

/* fixed_unit_parse() - "h", "H", "k", "3M", "1.5g"; -EINVAL for another */
NODISCARD int fixed_unit_parse(const char *text, struct fixed_unit *unit);

/* fixed_add_size() - of so many sectors; with a unit's letter only for people */
void fixed_add_size(struct fmt_buf *out, u64 sectors, const struct fixed_unit *unit);

/* fixed_size_parse() - "2048" sectors, or "1m", "512b"; the bytes that are no whole sector are
 * dropped. -EINVAL */
NODISCARD int fixed_size_parse(const char *text, u64 *sectors);

#endif
