/* SPDX-License-Identifier: MIT */
/* Writing JSON. */
#include "tools/text/json.h"

#include "uapi/rt/str.h"

static void comma(struct json *j)
{
	if (j->comma)
		fmt_add(j->out, ", ");
	j->comma = true;
}

void json_key(struct json *j, const char *key, size_t len)
{
	comma(j);
	fmt_add(j->out, "\"%.*s\": ", (int)len, key);
	j->comma = false;
}

static void begin(struct json *j, const char *key)
{
	if (key)
		json_key(j, key, str_len(key));
	comma(j);
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

/* The length of the UTF-8 sequence at s, or 0 when it is none */
static u32 utf8_bytes(const u8 *s, size_t len)
{
	u32 bytes = *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;

	if (bytes > len || (*s >= 0x80 && *s < 0xc2) || *s > 0xf4)
		return 0;
	for (u32 i = 1; i < bytes; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* longer than need be, a half of a pair, or beyond the last */
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] >= 0x90))
		return 0;
	return bytes;
}

void json_bytes(struct json *j, const char *key, const char *value, size_t len)
{
	begin(j, key);
	fmt_add(j->out, "\"");
	for (size_t i = 0; i < len;) {
		u8 c = (u8)value[i];
		u32 bytes = utf8_bytes((const u8 *)value + i, len - i);

		if (c == '"' || c == '\\')
			fmt_add(j->out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f || !bytes)
			fmt_add(j->out, "\\u%04x", bytes ? c : 0xfffd);
		else
			fmt_add_bytes(j->out, value + i, bytes);
		i += bytes ? bytes : 1;
	}
	fmt_add(j->out, "\"");
}

void json_string(struct json *j, const char *key, const char *value)
{
	json_bytes(j, key, value, str_len(value));
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	fmt_add(j->out, "null");
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

void json_raw(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	fmt_add(j->out, "%s", value);
}

/* A conversion's value, and where it ends */
static const char *add_value(struct json *j, const char *conversion, va_list *args)
{
	u32 value;

	if (*conversion == 's') {
		json_string(j, NULL, va_arg(*args, const char *));
		return conversion + 1;
	}
	if (*conversion == 'l') {
		json_u64(j, NULL, va_arg(*args, u64));
		return conversion + 3;
	}
	value = va_arg(*args, u32);
	if (*conversion == 'i')
		json_bool(j, NULL, value);
	else
		json_u64(j, NULL, value);
	return conversion + 1;
}

void json_add(struct json *j, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	while (*fmt) {
		const char *key = fmt;
		char c;

		while (*fmt == '_' || str_is_digit(*fmt) || (*fmt >= 'a' && *fmt <= 'z'))
			fmt++;
		if (fmt != key)
			json_key(j, key, (size_t)(fmt - key));
		c = *fmt;
		fmt += c != '\0';
		if (c == '%')
			fmt = add_value(j, fmt, &args);
		else if (c == '[' || c == '{')
			json_open(j, NULL, c);
		else if (c == ']' || c == '}')
			json_close(j, c);
	}
	va_end(args);
}
