/* SPDX-License-Identifier: MIT */
/* See tools/text/kcmdline.h. Source: next_arg() in lib/cmdline.c, Linux 7.3 */
#include "tools/text/kcmdline.h"

#include "uapi/rt/str.h"

/* The kernel's white space has the no-break space of Latin-1 in it. */
static bool is_blank(char c)
{
	return str_is_space(c) || (u8)c == 0xa0;
}

static void drop_last_quote(char *begin, char *end)
{
	if (end > begin && end[-1] == '"')
		end[-1] = '\0';
}

bool kcmdline_next(char **at, char **name, char **value)
{
	char *s = *at;
	char *end;
	bool is_quoted;
	bool is_inside;

	while (is_blank(*s))
		s++;
	if (!*s)
		return false;
	is_quoted = *s == '"';
	is_inside = is_quoted;
	s += is_quoted;
	*name = s;
	*value = NULL;
	for (end = s; *end && (is_inside || !is_blank(*end)); end++) {
		if (*end == '=' && !*value && end > s)
			*value = end + 1;
		if (*end == '"')
			is_inside = !is_inside;
	}
	*at = *end ? end + 1 : end;
	*end = '\0';
	if (is_quoted)
		drop_last_quote(s, end);
	if (!*value)
		return !str_eq(*name, "--");
	(*value)[-1] = '\0';
	if (**value == '"') {
		++*value;
		drop_last_quote(*value, end);
	}
	return true;
}
