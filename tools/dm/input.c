/* SPDX-License-Identifier: MIT */
/* See tools/dm/input.h. */
#include "tools/dm/input.h"

#include <asm/errno.h>

#include "tools/dm/control.h"
#include "tools/host/file.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

void dm_input_free(struct pages *text, size_t bytes)
{
	memset(text->addr, 0, bytes);
	pages_unmap(text);
}

enum exit_code dm_input_read(const struct dm_tool *t, const char *path, struct pages *text,
			     size_t *bytes)
{
	bool is_stdin = !path || (!t->o->is_dmsetup && str_eq(path, "-"));
	long len = host_file_load(is_stdin ? NULL : path, text);

	*bytes = (size_t)len;
	if (len >= 0)
		return EXIT_OK;
	return cmd_fail(t->r, len == -ENOENT ? EXIT_NOT_FOUND : EXIT_FAILURE, (int)len, "%s",
			is_stdin ? "standard input" : path);
}

enum exit_code dm_input_table(const struct dm_tool *t, const char *path, struct dm_table *table)
{
	bool is_dmsetup = t->o->is_dmsetup;
	char *text = (char *)(uintptr_t)t->o->table;
	const char *from = "--table";
	struct pages file = { .addr = NULL };
	struct diag why;
	size_t bytes;
	int err;

	*table = (struct dm_table){ .nr_targets = 0 };
	if (text && path && !is_dmsetup)
		return cmd_usage(t->r, "a table from --table, or from %s?", path);
	if (text && (is_dmsetup || !str_eq(text, "-"))) {
		bytes = str_len(text);
	} else {
		enum exit_code code = dm_input_read(t, path, &file, &bytes);

		if (code)
			return code;
		text = file.addr;
		from = path ? path : "standard input";
	}
	err = dm_table_parse(table, text, bytes, is_dmsetup ? DM_TEXT_DMSETUP : DM_TEXT_QUOTED,
			     &why);
	/* An argument everybody sees in /proc as long as it stands there. */
	if (file.addr || dm_input_flags(t, table) & DM_SECURE_DATA_FLAG)
		memset(text, 0, bytes);
	pages_unmap(&file);
	if (!err)
		return EXIT_OK;
	dm_table_free(table);
	return cmd_fail(t->r, err == -ENOMEM ? EXIT_MEMORY : EXIT_USAGE, 0, "%s: %s", from, why.text);
}

u32 dm_input_flags(const struct dm_tool *t, const struct dm_table *table)
{
	u32 flags = t->o->readonly ? DM_READONLY_FLAG : 0;
	struct dm_target line;
	u32 pos = 0;

	while (dm_table_next(table, &pos, &line))
		if (str_eq(line.type, "crypt") || str_eq(line.type, "integrity"))
			flags |= DM_SECURE_DATA_FLAG;
	return flags;
}

int dm_tool_load(struct dm_tool *t, struct dm_id id, struct dm_table *table, u32 flags,
		 struct dm_info *info)
{
	dm_control_load_types(t, table);
	dm_tool_listen(t);
	return dm_load(t->control_fd, id, table, flags | dm_input_flags(t, table), info);
}
