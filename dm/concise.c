/* SPDX-License-Identifier: MIT */
/* Devices in one line: the concise form. */
#include "dm/concise.h"

#include <asm/errno.h>

#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

/* Room for what is not a table */
#define FIELD_BYTES 256

static void skip_blanks(const char **at)
{
	while (str_is_space(**at))
		++*at;
}

/*
 * A field up to the comma or semicolon that ends it, which *at is left at, its
 * escapes undone. Return: whether it fits.
 */
static bool field(const char **at, char text[FIELD_BYTES])
{
	u32 kept = 0; /* up to the last character that is no blank at the end */
	u32 len = 0;

	skip_blanks(at);
	for (; **at && **at != ',' && **at != ';' && len < FIELD_BYTES; ++*at) {
		bool is_escaped = **at == '\\' && (*at)[1];

		*at += is_escaped;
		text[len++] = **at;
		if (is_escaped || !str_is_space(**at))
			kept = len;
	}
	text[kept < FIELD_BYTES ? kept : 0] = '\0';
	return len < FIELD_BYTES;
}

/* The fields, in their order */
enum { NAME, UUID, MINOR, FLAGS, NR_FIELDS };

static int take(struct dm_concise *dev, u32 nr, const char *text, struct diag *why)
{
	int err = 0;

	if (nr == NAME)
		err = *text ? str_copy(dev->name, sizeof(dev->name), text) : -EINVAL;
	else if (nr == UUID)
		err = str_copy(dev->uuid, sizeof(dev->uuid), text);
	if (err < 0)
		return diag_set(why, err, "a device without a name, or a name or uuid too long");
	if (nr == MINOR && *text &&
	    (parse_s32(text, &dev->minor) || (u32)dev->minor > DM_MAX_MINOR))
		return diag_set(why, -EINVAL, "%.40s is not a minor number", text);
	if (nr == FLAGS && str_eq(text, "ro"))
		dev->flags = DM_READONLY_FLAG;
	else if (nr == FLAGS && *text && !str_eq(text, "rw"))
		return diag_set(why, -EINVAL, "flags %.40s are not ro, rw or nothing", text);
	return 0;
}

static int fields(const char **at, struct dm_concise *dev, struct diag *why)
{
	for (u32 nr = 0; nr < NR_FIELDS; nr++) {
		char text[FIELD_BYTES];
		int err = field(at, text) ? take(dev, nr, text, why) :
					    diag_set(why, -ENAMETOOLONG, "a field is too long");

		if (err)
			return err;
		if (**at != ',')
			return diag_set(why, -EINVAL, "five fields: NAME,UUID,MINOR,FLAGS,TABLE");
		++*at;
	}
	return 0;
}

/* Bytes up to what ends a field, its escapes as they are */
static size_t field_bytes(const char *at)
{
	const char *begin = at;

	while (*at && *at != ',' && *at != ';')
		at += *at == '\\' && at[1] ? 2 : 1;
	return (size_t)(at - begin);
}

static int tables(const char **at, struct dm_table *t, struct diag *why)
{
	for (;;) {
		size_t bytes = field_bytes(*at);
		int err = dm_table_parse(t, *at, bytes, DM_TEXT_KERNEL, why);

		if (err)
			return diag_prepend(why, err, "line %u", t->nr_targets + 1);
		*at += bytes;
		if (!**at || *(*at)++ == ';')
			return 0;
	}
}

int dm_concise_next(const char **at, struct dm_concise *dev, struct diag *why)
{
	int err;

	*dev = (struct dm_concise){ .minor = DM_ANY_MINOR };
	skip_blanks(at);
	if (!**at)
		return 0;
	err = fields(at, dev, why);
	err = err ? err : tables(at, &dev->table, why);
	if (!err)
		return 1;
	dm_table_free(&dev->table);
	return *dev->name ? diag_prepend(why, err, "%s", dev->name) : err;
}
