/* SPDX-License-Identifier: MIT */
/* modules.dep and modules.alias. */
#include "tools/text/modules.h"

#include "uapi/rt/str.h"

static bool is_dash(char c)
{
	return c == '-' || c == '_';
}

const char *modules_behind(const char *text, const char *name)
{
	for (; *name; name++, text++)
		if (*text != *name && !(is_dash(*text) && is_dash(*name)))
			return NULL;
	return text;
}

static size_t line_len(const char *text)
{
	size_t len = 0;

	while (text[len] && text[len] != '\n')
		len++;
	return len;
}

static const char *next_line(const char *line)
{
	line += line_len(line);
	return line + (*line != '\0');
}

/* Is it the file NAME.ko, in any directory and compressed or not, in front of a colon? */
static bool is_of(const char *line, const char *name)
{
	const char *file = line;

	for (; *line != ':'; line++) {
		if (!*line || *line == '\n')
			return false;
		if (*line == '/')
			file = line + 1;
	}
	file = modules_behind(file, name);
	file = file ? str_starts(file, ".ko") : NULL;
	return file && (*file == '.' || *file == ':');
}

bool modules_dep_find(const char *dep, const char *name, struct modules_text *line)
{
	while (*dep && !is_of(dep, name))
		dep = next_line(dep);
	*line = (struct modules_text){ dep, line_len(dep) };
	return *dep;
}

/* The files stand in the order in which they would be removed. */
bool modules_dep_take(struct modules_text *line, struct modules_text *file)
{
	size_t end = line->len;
	size_t begin;

	while (end && (str_is_space(line->at[end - 1]) || line->at[end - 1] == ':'))
		end--;
	begin = end;
	while (begin && !str_is_space(line->at[begin - 1]))
		begin--;
	*file = (struct modules_text){ line->at + begin, end - begin };
	line->len = begin;
	return end > 0;
}

bool modules_alias_take(const char **aliases, const char *name, struct modules_text *module)
{
	while (**aliases) {
		const char *at = str_starts(*aliases, "alias ");

		*aliases = next_line(*aliases);
		at = at ? modules_behind(at, name) : NULL;
		if (!at || *at++ != ' ' || !line_len(at))
			continue;
		*module = (struct modules_text){ at, line_len(at) };
		return true;
	}
	return false;
}
