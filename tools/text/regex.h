/* SPDX-License-Identifier: MIT */
/*
 * Regular expressions as a selection has them: | * + ? ( ) . ^ $, sets in
 * brackets with ranges and ^, and a backslash before what shall stand for itself
 * (\n \t \r are what they are in C). Braces mean nothing here. An expression may
 * match anywhere. Matching takes time by length of text times length of
 * expression at most, whatever they are. No state; any thread.
 */
#ifndef TOOLS_TEXT_REGEX_H
#define TOOLS_TEXT_REGEX_H

#include "uapi/types.h"

/* What an expression may have */
#define REGEX_MAX_BYTES 1000

/**
 * regex_match() - does an expression match anywhere in a string?
 * @text:     the expression, len bytes
 * @is_loose: "." and "[^...]" are also what stands before the first and behind the last
 *            character, as in dmsetup: "." matches an empty string then, and ".a" matches "a"
 *
 * Return: 1, 0, or -EINVAL when it is malformed, empty, or longer than REGEX_MAX_BYTES
 */
NODISCARD int regex_match(const char *text, size_t len, bool is_loose, const char *s);

#endif
