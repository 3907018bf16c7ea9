/* SPDX-License-Identifier: MIT */
/*
 * Numbers, sizes and words from text, strictly: the whole string has to be the
 * value, with no blanks, and *out is untouched when it is not. No state; any
 * thread. All of them return 0, or
 *   -EINVAL  this is not such a value
 *   -ERANGE  it is one, but too large (or too small) for the type
 */
#ifndef UAPI_RT_PARSE_H
#define UAPI_RT_PARSE_H

#include "uapi/types.h"

/** parse_u64() - decimal or 0x..., without a sign; a leading 0 does not mean octal */
NODISCARD int parse_u64(const char *s, u64 *out);

/** parse_u32() - as parse_u64() */
NODISCARD int parse_u32(const char *s, u32 *out);

/** parse_s64() - as parse_u64(), with an optional - or + in front */
NODISCARD int parse_s64(const char *s, s64 *out);

/** parse_s32() - as parse_s64() */
NODISCARD int parse_s32(const char *s, s32 *out);

/**
 * parse_number() - a number at the start of a string, for grammars built on top
 * @s:   digits or 0x and hexadecimal digits, no sign
 * @end: set to the first character that is not part of it
 */
NODISCARD int parse_number(const char *s, u64 *out, const char **end);

/**
 * parse_size() - a byte count: "4096", "64K", "1.5G", "10MiB", "0x1000", "512s"
 *
 * K M G T P E are powers of 1024, in either case, and may be followed by B or
 * iB; B alone is bytes and s is sectors of 512. A fraction has at most 19 digits
 * and has to come out at whole bytes: "1.5K" is 1536, "1.3K" is -EINVAL. A
 * hexadecimal number is bytes: 1E would be two things.
 */
NODISCARD int parse_size(const char *s, u64 *bytes);

/**
 * parse_duration() - a time in nanoseconds: "250us", "2ms", "1.5s", "10m", "1h", "0"
 *
 * A unit (ns us ms s m h) is required, but for 0.
 */
NODISCARD int parse_duration(const char *s, u64 *ns);

/** parse_bool() - 1 yes true on, 0 no false off, in lower case */
NODISCARD int parse_bool(const char *s, bool *out);

/** parse_choice() - which s is of words: they stand one behind the other, an empty one last */
NODISCARD int parse_choice(const char *s, const char *words, u32 *word);

#endif
