/* SPDX-License-Identifier: MIT */
/* Conditions on devices and their status. */
#include "tools/text/watch.h"

#include <asm/errno.h>

#include "dm/table.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

const char watch_words[WATCH_NR_WORDS][10] = {
	"exists",  "removed", "suspended", "resumed", "created",
	"renamed", "table",   "event",	   "status",  "change",
};

/* Which of the N/M in a status it is; thin has a number of its sectors instead */
struct share {
	char type[15];
	u8 word;
	u8 nr;
};

static const char share_words[][9] = { "used", "metadata", "synced" };

static const struct share shares[] = {
	{ "thin-pool", 0, 1 }, { "thin-pool", 1, 0 },	   { "snapshot", 0, 0 }, { "cache", 0, 1 },
	{ "cache", 1, 0 },     { "snapshot-merge", 0, 0 }, { "raid", 2, 0 },	 { "mirror", 2, 0 },
	{ "thin", 0, 0 },
};

/* What stands behind "used", or "thin-pool used", or NULL */
static const char *behind(const struct share *s, const char *text)
{
	const char *at = str_starts(text, s->type);

	at = at ? str_starts(at, " ") : text;
	return at ? str_starts(at, share_words[s->word]) : NULL;
}

static const char *skip_blanks(const char *at)
{
	while (*at == ' ')
		at++;
	return at;
}

static bool parse_share(struct watch *w, const char *text)
{
	const char *at = NULL;

	w->kind = WATCH_SHARE;
	for (u32 i = 0; i < ARRAY_SIZE(shares); i++) {
		const char *end = behind(&shares[i], text);

		if (!end)
			continue;
		w->shares |= 1U << i;
		at = end;
	}
	if (!at)
		return false;
	at = skip_blanks(at);
	if (*at < '<' || *at > '>') /* and '=' is between them */
		return false;
	w->ops = 1U << (*at++ - '<');
	if (*at == '=') {
		w->ops |= 2;
		at++;
	}
	if (parse_number(skip_blanks(at), &w->number, &at))
		return false;
	w->is_percent = *at == '%';
	return !at[w->is_percent];
}

int watch_parse(struct watch *w, const char *text, struct diag *why)
{
	*w = (struct watch){ .kind = WATCH_MATCH, .regex = str_starts(text, "status~") };
	if (w->regex && regex_match(w->regex, str_len(w->regex), false, "") >= 0)
		return 0;
	for (w->kind = 0; w->kind < WATCH_NR_WORDS; w->kind++)
		if (str_eq(text, watch_words[w->kind]))
			return 0;
	if (parse_share(w, text))
		return 0;
	return diag_set(why, -EINVAL, "%s is no condition: a state or change, status~REGEX, used>80%%",
			text);
}

/* The pair N/M of that number */
static bool find_pair(const char *text, u32 nr, u64 *part, u64 *whole)
{
	for (;; text++) {
		const char *end;

		if (!parse_number(text, part, &end) && *end == '/' &&
		    !parse_number(end + 1, whole, &end) && !nr--)
			return true;
		text = str_chr(text, ' ');
		if (!text)
			return false;
	}
}

static bool find_share(const struct watch *w, const struct dm_target *line, u64 *part, u64 *whole)
{
	const char *end;

	for (u32 i = 0; i < ARRAY_SIZE(shares); i++) {
		if (!(w->shares >> i & 1) || !str_eq(shares[i].type, line->type))
			continue;
		if (!str_eq(line->type, "thin"))
			return find_pair(line->params, shares[i].nr, part, whole);
		*whole = line->len;
		return !parse_number(line->params, part, &end);
	}
	return false;
}

static bool is_share(const struct watch *w, const struct dm_target *line)
{
	unsigned __int128 left;
	unsigned __int128 right;
	u64 part;
	u64 whole;

	if (!find_share(w, line, &part, &whole))
		return false;
	left = (unsigned __int128)part * (w->is_percent ? 100 : 1);
	right = (unsigned __int128)w->number * (w->is_percent ? whole : 1);
	return w->ops >> (left < right ? 0 : left == right ? 1 : 2) & 1;
}

/* As `dm status` prints it; of one that is longer, the beginning */
static bool is_matched(const struct watch *w, const struct dm_target *line)
{
	char text[4096];
	struct fmt_buf out = { .text = text, .size = sizeof(text) };

	dm_table_format(&out, line);
	return regex_match(w->regex, str_len(w->regex), false, text) > 0;
}

bool watch_line(const struct watch *w, const struct dm_target *line)
{
	if (w->kind == WATCH_SHARE)
		return is_share(w, line);
	return w->kind == WATCH_MATCH && is_matched(w, line);
}
