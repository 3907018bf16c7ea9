/* SPDX-License-Identifier: MIT */
/* Writing JSON: commas and quoting, nothing else. Keys are written as they are. Of strings,
 * bytes that are no UTF-8 are written U+FFFD, so that what comes out is JSON always. */
#ifndef TOOLS_TEXT_JSON_H
#define TOOLS_TEXT_JSON_H

#include "uapi/rt/fmt.h"

/* struct json - nested: the next value at this level wants a comma first */
struct json {
	struct fmt_buf *out;
	bool comma;
};

/* key is NULL inside a list and at the top; bracket is '{' or '[' */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_string(struct json *j, const char *key, const char *value);
/* json_bytes() - a string of len bytes */
void json_bytes(struct json *j, const char *key, const char *value, size_t len);
void json_null(struct json *j, const char *key);
void json_u64(struct json *j, const char *key, u64 value);
void json_s64(struct json *j, const char *key, s64 value);
void json_bool(struct json *j, const char *key, bool value);

/* json_key() - what is written next, with key NULL, is its value */
void json_key(struct json *j, const char *key, size_t len);

/**
 * json_add() - several at once: json_add(&j, "{name%s ids[%u %u]}", name, 1, 2)
 *
 * A key, of small letters, digits and _, stands in front of what it is the key of: %s, %u or %llu
 * as in fmt_add(), %i for a bool, or a bracket. What is opened may be left so; with a key at the
 * end the next value is its.
 */
void json_add(struct json *j, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* json_raw() - what is JSON already: null, a number with decimals */
void json_raw(struct json *j, const char *key, const char *value);

#endif
