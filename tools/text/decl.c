/* SPDX-License-Identifier: MIT */
/* Devices as a file declares them. */
#include "tools/text/decl.h"

#include <asm/errno.h>

#include "dm/node.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

#define LINE_BYTES 1200
#define WORD_BYTES 512

/* The set is a part of uuids, in which a ':' ends it. */
static bool take_set(struct decl *d, const char *word)
{
	return !*d->set && !d->has_device && dm_is_mangled(word) && !str_chr(word, ':') &&
	       str_copy(d->set, sizeof(d->set), word) > 0;
}

static bool take_word(struct decl_device *dev, const char *word)
{
	const char *uuid = str_starts(word, "uuid=");
	const char *minor = str_starts(word, "minor=");

	if (uuid && !*dev->uuid)
		return str_copy(dev->uuid, DM_UUID_LEN, uuid) > 0;
	if (minor && dev->minor == DM_ANY_MINOR)
		return !parse_s32(minor, &dev->minor) && (u32)dev->minor <= DM_MAX_MINOR;
	dev->is_readonly = str_eq(word, "ro");
	return dev->is_readonly || str_eq(word, "rw");
}

/* The words of a line are those of a table's, whose type is the first of them. */
static int statement(struct decl *d, struct decl_device *dev, const struct dm_target *line,
		     struct diag *why)
{
	const char *at = line->params;
	char word[WORD_BYTES];
	bool is_device = str_eq(line->type, "device");
	bool is_set = str_eq(line->type, "set");
	bool is_right;

	*word = '\0';
	*dev->name = '\0';
	dev->is_absent = str_eq(line->type, "absent");
	is_right = is_device || is_set || dev->is_absent;
	while (is_right && dm_next_param(&at, word, sizeof(word)))
		is_right = *dev->name ? is_device && take_word(dev, word) :
					(!is_set || take_set(d, word)) &&
						str_copy(dev->name, DM_UUID_LEN, word) > 0;
	if (!is_right || !*dev->name)
		return diag_set(why, -EINVAL, "%s: set NAME, device NAME [uuid=UUID] [minor=N] [ro] "
					      "or absent NAME is wanted", *word ? word : line->type);
	if (is_set)
		return 0;
	if (is_device && !*dev->uuid && *d->set)
		fmt_print(dev->uuid, sizeof(dev->uuid), DECL_SET_PREFIX "%s:%s", d->set, dev->name);
	dev->line = d->line;
	d->has_device = true;
	return 0;
}

static int parse_statement(struct decl *d, struct decl_device *dev, int len, struct diag *why)
{
	struct dm_table t = { .used_bytes = 0 };
	char text[LINE_BYTES];
	size_t bytes = fmt_print(text, sizeof(text), "0 1 %.*s", len, d->at);
	struct dm_target line;
	u32 pos = 0;
	int err;

	if (bytes >= sizeof(text))
		return diag_set(why, -EINVAL, "it is too long");
	err = dm_table_parse(&t, text, bytes, DM_TEXT_QUOTED, why);
	if (!err && dm_table_next(&t, &pos, &line) > 0)
		err = statement(d, dev, &line, why);
	dm_table_free(&t);
	return err;
}

/* One that is of no interest, one of the table, or the device itself: 1 when it is the next's */
static int parse_line(struct decl *d, struct decl_device *dev, int len, struct diag *why)
{
	const char *first = d->at;

	while (*first != '\n' && str_is_space(*first))
		first++;
	if (str_is_digit(*first) && (!dev->line || dev->is_absent))
		return diag_set(why, -EINVAL, "a table without a device above it");
	if (str_is_digit(*first))
		return dm_table_parse(&dev->table, d->at, (size_t)len, DM_TEXT_QUOTED, why);
	if (first == d->at + len || *first == '#')
		return 0;
	return dev->line ? 1 : parse_statement(d, dev, len, why);
}

int decl_next(struct decl *d, struct decl_device *dev, struct diag *why)
{
	const char *text;
	struct diag in;
	int ret = 0;

	*dev = (struct decl_device){ .minor = DM_ANY_MINOR };
	while (*d->at) {
		const char *end = str_chr(d->at, '\n');
		size_t len = end ? (size_t)(end - d->at) : str_len(d->at);

		ret = parse_line(d, dev, (int)len, &in);
		if (ret)
			break;
		d->at += len + (end != NULL);
		d->line++;
	}
	if (ret >= 0 && !dev->line)
		return 0;
	if (ret >= 0 && (dev->is_absent || dev->table.nr_targets))
		return 1;
	if (ret >= 0)
		return diag_set(why, -EINVAL, "line %u: %s has no table", dev->line, dev->name);
	dm_table_free(&dev->table);
	text = str_starts(in.text, "line 1: "); /* of those that it was given, this alone */
	return diag_set(why, ret, "line %u: %s", d->line, text ? text : in.text);
}

int decl_resolve(struct dm_table *to, const struct dm_table *from,
		 bool (*find)(void *arg, const char *word, u64 *dev), void *arg)
{
	struct dm_target line;
	u32 pos = 0;
	int err = 0;

	while (!err && dm_table_next(from, &pos, &line)) {
		const char *at = line.params;
		/* A number can stand for a word of one character. */
		struct fmt_buf out = { .size = 16 * str_len(at) + 1 };

		err = dm_table_room(to, out.size, &out.text, NULL);
		while (!err && *at) {
			const char *begin = at;
			char word[WORD_BYTES];
			u64 dev;

			if (dm_next_param(&at, word, sizeof(word)) > 0 && find(arg, word, &dev))
				fmt_add(&out, "%u:%u ", dm_dev_major(dev), dm_dev_minor(dev));
			else
				fmt_add_bytes(&out, begin, (size_t)(at - begin));
		}
		if (!err)
			err = dm_table_add_text(to, line.start, line.len, line.type, out.text,
						(u32)out.len, NULL);
	}
	return err;
}

int decl_as_shown(struct dm_table *to, const struct dm_reply *shown)
{
	struct dm_target line;
	u32 pos = 0;
	int err;

	while ((err = dm_next_target(shown, &pos, &line)) > 0) {
		char *begin;
		char *out;

		err = dm_table_room(to, 2 * str_len(line.params), &begin, NULL);
		if (err)
			break;
		out = begin;
		for (const char *at = line.params; *at; *out++ = *at++)
			if (*at == '\\' || (u8)*at == 0xa0)
				*out++ = '\\';
		err = dm_table_add_text(to, line.start, line.len, line.type, begin,
					(u32)(out - begin), NULL);
		if (err)
			break;
	}
	return err;
}
