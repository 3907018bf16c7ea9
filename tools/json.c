/* SPDX-License-Identifier: MIT */
/* Writing JSON. */
#include "tools/json.h"

static void begin(struct json *j, const char *key)
{
	if (j->comma)
		fmt_add(j->out, ", ");
	if (key)
		fmt_add(j->out, "\"%s\": ", key);
	j->comma = true;
}

void json_open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	fmt_add(j->out, "%c", bracket);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	fmt_add(j->out, "%c", bracket);
	j->comma = true;
}

void json_string(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	fmt_add(j->out, "\"");
	for (; *value; value++) {
		u8 c = (u8)*value;

		if (c == '"' || c == '\\')
			fmt_add(j->out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fmt_add(j->out, "\\u%04x", c);
		else
			fmt_add(j->out, "%c", c);
	}
	fmt_add(j->out, "\"");
}

void json_u64(struct json *j, const char *key, u64 value)
{
	begin(j, key);
	fmt_add(j->out, "%llu", value);
}

void json_s64(struct json *j, const char *key, s64 value)
{
	begin(j, key);
	fmt_add(j->out, "%lld", value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	fmt_add(j->out, value ? "true" : "false");
}
