/* SPDX-License-Identifier: MIT */
/* Tables from lines of text: dmsetup's, quoted ones, and those of the concise form. */
#include <asm/errno.h>

#include "dm/ioctl.h"
#include "dm/table.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

/*
 * One line, read from left to right; its words are written one behind the other in
 * the kernel's spelling, into the room of the table that it is for.
 */
struct line {
	const char *at;
	const char *end;
	char *out;
	enum dm_text how;
	struct diag *why;
};

static bool is_at_end(const struct line *l)
{
	return l->at == l->end || (l->how == DM_TEXT_DMSETUP && *l->at == '#');
}

/* Moves to the next word, if there is one in front of the end or a comment */
static bool has_word(struct line *l)
{
	while (!is_at_end(l) && str_is_space(*l->at))
		l->at++;
	return !is_at_end(l) && (l->how == DM_TEXT_KERNEL || *l->at != '#');
}

/* Quoted is "...", in which a backslash is one but for \" and \\, and '...', in which it is one */
static int put_word(struct line *l)
{
	char *begin = l->out;
	char quote = '\0';

	for (; quote ? l->at < l->end : !is_at_end(l) && !str_is_space(*l->at); l->at++) {
		char c = *l->at;
		char next = l->at + 1 < l->end ? l->at[1] : '\0';

		if (l->how == DM_TEXT_QUOTED && (quote ? c == quote : c == '"' || c == '\'')) {
			quote = quote ? '\0' : c;
			continue;
		}
		if (c == '\\' && l->how != DM_TEXT_DMSETUP &&
		    (!quote || (quote == '"' && (next == '"' || next == '\\')))) {
			if (!next)
				return diag_set(l->why, -EINVAL, "a backslash at the end of the line");
			c = next;
			l->at++;
		}
		l->out = dm_put_escaped(l->out, c);
	}
	if (quote)
		return diag_set(l->why, -EINVAL, "a quote %c is not closed", quote);
	if (l->out == begin)
		return diag_set(l->why, -EINVAL, "an empty parameter");
	return 0;
}

/* A word that is kept apart from the parameters, with its NUL */
static int word(struct line *l, char **text)
{
	int err;

	if (!has_word(l))
		return diag_set(l->why, -EINVAL, "START LENGTH TYPE is wanted");
	*text = l->out;
	err = put_word(l);
	*l->out++ = '\0';
	return err;
}

static int number(struct line *l, u64 *value)
{
	char *text;
	int err = word(l, &text);

	if (err)
		return err;
	err = l->how == DM_TEXT_DMSETUP && str_starts(text, "0x") ? -EINVAL :
								    parse_u64(text, value);
	if (!err)
		return 0;
	return diag_set(l->why, err == -ERANGE ? -EOVERFLOW : err,
			"%s is not a number of sectors", text);
}

static int parse_line(struct dm_table *t, struct line *l)
{
	const char *params;
	char *type;
	u64 start;
	u64 len;
	int err;

	if (!has_word(l))
		return l->how == DM_TEXT_KERNEL ?
			       diag_set(l->why, -EINVAL, "an empty line in a table") : 0;
	/* A character becomes two at most, and three words get a NUL each. */
	err = dm_table_room(t, 2 * (u64)(l->end - l->at) + 3, &l->out, l->why);
	err = err ? err : number(l, &start);
	err = err ? err : number(l, &len);
	err = err ? err : word(l, &type);
	params = l->out;
	while (!err && has_word(l)) {
		if (l->out != params)
			*l->out++ = ' ';
		err = put_word(l);
	}
	return err ? err : dm_table_add_text(t, start, len, type, params,
					     (u32)(l->out - params), l->why);
}

int dm_table_parse(struct dm_table *t, const char *text, size_t text_bytes, enum dm_text how,
		   struct diag *why)
{
	const char *end = text + text_bytes;
	struct line l = { .end = text, .how = how, .why = why };
	size_t len = str_nlen(text, text_bytes);
	u32 nr = 0;
	int err;

	if (len < text_bytes)
		return diag_set(why, -EINVAL, "a NUL in a table, at byte %zu", len);
	do {
		l.at = l.end + (nr++ > 0);
		l.end = l.at;
		while (l.end < end && (*l.end != '\n' || how == DM_TEXT_KERNEL))
			l.end++;
		err = parse_line(t, &l);
	} while (!err && l.end < end);
	return err && how != DM_TEXT_KERNEL ? diag_prepend(why, err, "line %u", nr) : err;
}
