/* SPDX-License-Identifier: MIT */
/* Tables as text: what dm/text.c and dm/concise.c read, written. */
#include <asm/errno.h>

#include "dm/concise.h"
#include "dm/ioctl.h"
#include "uapi/rt/str.h"

/* What has to be escaped to be itself; NULL: there is no way to escape */
static const char *special(enum dm_text how)
{
	switch (how) {
	case DM_TEXT_DMSETUP:
		break;
	case DM_TEXT_QUOTED:
		return "\\'\"#";
	case DM_TEXT_KERNEL:
		return "\\,;";
	}
	return NULL;
}

static bool is_possible(char c, enum dm_text how)
{
	switch (how) {
	case DM_TEXT_DMSETUP:
		return !dm_is_space(c) && c != '#';
	case DM_TEXT_QUOTED:
		return c != '\n';
	case DM_TEXT_KERNEL:
		break;
	}
	return true;
}

static int add_byte(struct fmt_buf *out, char c, enum dm_text how, struct diag *why)
{
	const char *escaped = special(how);

	if (!is_possible(c, how))
		return diag_set(why, -EINVAL, "a parameter with a byte 0x%02x cannot be written so",
				(u32)(u8)c);
	if (escaped && (str_is_space(c) || str_chr(escaped, c)))
		fmt_add_bytes(out, "\\", 1);
	fmt_add_bytes(out, &c, 1);
	return 0;
}

/* Text in the kernel's spelling */
static int add_params(struct fmt_buf *out, const char *text, enum dm_text how, struct diag *why)
{
	char c;
	int err = 0;

	while (*text && !err) {
		if (dm_take_byte(&text, &c))
			err = add_byte(out, c, how, why);
		else
			fmt_add(out, " ");
	}
	return err;
}

void dm_table_format(struct fmt_buf *out, const struct dm_target *line)
{
	fmt_add(out, "%llu %llu %s %s", line->start, line->len, line->type, line->params);
}

int dm_table_write(struct fmt_buf *out, const struct dm_table *t, enum dm_text how,
		   struct diag *why)
{
	const char *between = "";
	struct dm_target line;
	u32 pos = 0;
	int err = 0;

	while (!err && dm_table_next(t, &pos, &line)) {
		fmt_add(out, "%s%llu %llu ", between, line.start, line.len);
		err = add_params(out, line.type, how, why);
		if (!err && *line.params) {
			fmt_add(out, " ");
			err = add_params(out, line.params, how, why);
		}
		if (how == DM_TEXT_KERNEL)
			between = ",";
		else
			fmt_add(out, "\n");
	}
	return err;
}

static void add_escaped(struct fmt_buf *out, const char *text, const char *escaped)
{
	for (; *text; text++) {
		if (str_chr(escaped, *text))
			fmt_add_bytes(out, "\\", 1);
		fmt_add_bytes(out, text, 1);
	}
}

int dm_concise_format(struct fmt_buf *out, const struct dm_info *info, const char *type,
		      const struct dm_reply *lines)
{
	struct dm_target line;
	u32 pos = 0;
	int more;

	add_escaped(out, info->name, ",;\\");
	fmt_add(out, ",");
	add_escaped(out, info->uuid, ",;\\");
	fmt_add(out, ",%u,%s", dm_dev_minor(info->dev),
		info->flags & DM_READONLY_FLAG ? "ro" : "rw");
	while ((more = dm_next_target(lines, &pos, &line)) > 0) {
		if (type && !str_eq(line.type, type))
			continue;
		fmt_add(out, ",%llu %llu %s ", line.start, line.len, line.type);
		add_escaped(out, line.params, ",;\\");
	}
	return more;
}

/* Blanks too: around a field they would be dropped. */
int dm_concise_write(struct fmt_buf *out, const struct dm_concise *dev, struct diag *why)
{
	add_escaped(out, dev->name, ",;\\ \t\n\v\f\r");
	fmt_add(out, ",");
	add_escaped(out, dev->uuid, ",;\\ \t\n\v\f\r");
	if (dev->minor == DM_ANY_MINOR)
		fmt_add(out, ",,");
	else
		fmt_add(out, ",%d,", dev->minor);
	fmt_add(out, "%s,", dev->flags & DM_READONLY_FLAG ? "ro" : "rw");
	return dm_table_write(out, &dev->table, DM_TEXT_KERNEL, why);
}
