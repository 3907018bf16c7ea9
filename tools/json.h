/* SPDX-License-Identifier: MIT */
/* Writing JSON: commas and quoting, nothing else. Keys are written as they are. */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

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
void json_u64(struct json *j, const char *key, u64 value);
void json_s64(struct json *j, const char *key, s64 value);
void json_bool(struct json *j, const char *key, bool value);

#endif
