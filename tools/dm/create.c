/* SPDX-License-Identifier: MIT */
/* bareblk dm create: devices with their tables, all of it or nothing. */
#include <asm/errno.h>

#include "tools/dm/check.h"
#include "tools/dm/concise.h"
#include "tools/dm/input.h"
#include "tools/dm/readahead.h"
#include "uapi/rt/str.h"

/*
 * An empty table is no device without one unless that was asked for: more often it is a
 * program in front of a pipe that has failed.
 */
static enum exit_code one_wanted(struct dm_many *m)
{
	const struct cmd_run *r = m->t->r;
	const struct dm_options *o = m->t->o;
	const char *file = r->argc > 1 ? r->argv[1] : NULL;
	enum exit_code code = dm_many_room(m, 1);
	struct dm_concise *want = &m->slots->want;

	if (code)
		return code;
	want->minor = o->minor;
	code = dm_many_add(m, r->argc ? r->argv[0] : "", o->uuid);
	if (code || (o->notable && o->is_dmsetup))
		return code;
	if (o->notable && (o->check || o->table || file))
		return cmd_usage(r, "--notable leaves no table to load or to --check");
	if (o->notable)
		return EXIT_OK;
	code = dm_input_table(m->t, file, &want->table);
	if (!code && !want->table.nr_targets && !o->is_dmsetup)
		return cmd_usage(r, "%s: the table is empty; --notable for none", want->name);
	return code;
}

/* The devices as an argument, else on standard input */
static enum exit_code many_wanted(struct dm_many *m)
{
	const struct cmd_run *r = m->t->r;
	const struct dm_options *o = m->t->o;
	struct pages text;
	size_t bytes;
	enum exit_code code;

	if (o->table || o->notable || o->uuid || o->minor >= 0 || r->argc > 1)
		return cmd_usage(r, "--concise has all of it in one word");
	if (r->argc && (o->is_dmsetup || !str_eq(r->argv[0], "-"))) {
		code = dm_many_parse(m, r->argv[0]);
	} else {
		code = dm_input_read(m->t, NULL, &text, &bytes);
		if (code)
			return code;
		if (str_len(text.addr) != bytes)
			code = cmd_usage(r, "standard input: a NUL in it");
		code = code ? code : dm_many_parse(m, text.addr);
		dm_input_free(&text, bytes);
	}
	if (!code && !m->nr && !o->is_dmsetup)
		return cmd_usage(r, "there is no device in it");
	return code;
}

static enum exit_code make(struct dm_many *m)
{
	enum exit_code code = EXIT_OK;

	for (u32 i = 0; i < m->nr && !code; i++)
		code = dm_build_one(m->t, &m->slots[i].build, &m->nodes);
	if (code && !m->t->o->is_dmsetup)
		dm_many_undo(m);
	return code;
}

/* A table that names another device of the line, which is not there to be tried on */
static bool stands_on_others(const struct dm_many *m, const struct dm_table *table)
{
	struct dm_target line;
	u32 pos = 0;

	while (dm_table_next(table, &pos, &line) > 0) {
		const char *path = str_find(line.params, "/mapper/");

		for (u32 i = 0; path && i < m->nr; i++) {
			const char *end = str_starts(path + 8, m->slots[i].want.name);

			if (end && (!*end || *end == ' '))
				return true;
		}
	}
	return false;
}

static enum exit_code check_one(struct dm_many *m, struct dm_concise *want)
{
	if (dm_check_name(want->name))
		return cmd_usage(m->t->r, "%s cannot be a device's name", want->name);
	if (stands_on_others(m, &want->table))
		return cmd_fail(m->t->r, EXIT_UNSUPPORTED, 0,
				"%s stands on others of the line, so it was not tried", want->name);
	return dm_tool_check(m->t, &want->table, want->flags, want->name);
}

static enum exit_code check_all(struct dm_many *m)
{
	enum exit_code first = EXIT_OK;

	for (u32 i = 0; i < m->nr; i++) {
		enum exit_code code = check_one(m, &m->slots[i].want);

		first = first ? first : code;
	}
	return first;
}

static enum exit_code make_all(struct dm_many *m)
{
	enum exit_code code;

	if (m->t->o->check)
		return check_all(m);
	code = dm_nodes_begin(&m->nodes, m->t);
	if (code)
		return code;
	code = make(m);
	dm_nodes_end(&m->nodes);
	for (u32 i = 0; i < m->nr && !code; i++)
		code = dm_tool_tell(m->t, &m->slots[i].build.info);
	return code;
}

static enum exit_code create_run(const struct cmd_run *r)
{
	struct dm_tool t;
	struct dm_many m = { .t = &t };
	enum exit_code code = dm_readahead_check(r);

	code = code ? code : dm_tool_open(&t, r);
	if (code)
		return code;
	code = t.o->concise ? many_wanted(&m) : one_wanted(&m);
	code = code ? code : make_all(&m);
	dm_many_free(&m);
	return code;
}

const struct cmd cmd_dm_create = {
	.text = CMD_TEXT("dm", "create", "NAME [FILE]",
			 "make a device with a live table, or nothing",
			 "With --concise: NAME,UUID,MINOR,FLAGS,TABLE[,TABLE]...[;...].\n"),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(NODE) | DM_SETS(AHEAD) | DM_SETS(UDEV) |
		   DM_SETS(TABLE) | DM_SETS(NOTABLE) | DM_SETS(CONCISE) | DM_SETS(RDONLY) |
		   DM_SETS(CHECK)),
	.max_args = 2,
	.run = create_run,
};
