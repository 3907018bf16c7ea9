/* SPDX-License-Identifier: MIT */
/* bareblk dm apply: live devices are made as a file declares them. */
#include "tools/dm/apply.h"

#include <asm/errno.h>

#include "tools/dm/input.h"
#include "tools/text/json.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

static const char action_words[APPLY_NR_ACTIONS][8] = {
	[APPLY_KEEP] = "keep",	   [APPLY_CREATE] = "create", [APPLY_RELOAD] = "reload",
	[APPLY_RESUME] = "resume", [APPLY_CLEAR] = "clear",   [APPLY_REMOVE] = "remove",
};

/* Names and uuids as the kernel has them */
static enum exit_code add_item(struct apply *a, const struct decl_device *d)
{
	struct apply_item *it = a->end;
	const struct apply_item *twin;
	enum exit_code code;

	it->table[APPLY_NEW] = d->table;
	it->flags[APPLY_NEW] = d->is_readonly ? DM_READONLY_FLAG : 0;
	it->is_live[APPLY_NEW] = !d->is_absent;
	it->line = d->line;
	it->minor = d->minor;
	code = dm_tool_name_in(&a->t, it->name, sizeof(it->name), d->name);
	code = code ? code : dm_tool_name_in(&a->t, it->uuid, sizeof(it->uuid), d->uuid);
	twin = apply_find(a, it->name, it->uuid);
	a->end++;
	if (!code && twin)
		code = cmd_usage(a->t.r,
				 "%s: line %u: %s has the name or the uuid of line %u's", a->said,
				 it->line, it->name, twin->line);
	return code;
}

/* Of the set, and gone from the file. Only a set tells what is ours. */
static enum exit_code add_pruned(struct apply *a, const struct dm_reply *r)
{
	char prefix[sizeof(DECL_SET_PREFIX) + DECL_SET_BYTES];
	struct dm_name n;
	u32 pos = 0;

	if (!*a->decl.set)
		return cmd_usage(a->t.r,
				 "%s: without a line \"set NAME\" nothing tells what --prune may remove",
				 a->said);
	fmt_print(prefix, sizeof(prefix), DECL_SET_PREFIX "%s:", a->decl.set);
	while (dm_next_name(r, &pos, &n) > 0) {
		if (!n.uuid || !str_starts(n.uuid, prefix) || apply_find(a, n.name, n.uuid))
			continue;
		(void)!str_copy(a->end++->name, DM_NAME_LEN, n.name);
	}
	return EXIT_OK;
}

static enum exit_code read_items(struct apply *a, const char *text)
{
	enum exit_code code = EXIT_OK;
	struct decl_device dev;
	struct diag why;
	int more = 0;

	a->decl = (struct decl){ .at = text, .line = 1 };
	while (!code && (more = decl_next(&a->decl, &dev, &why)) > 0)
		code = add_item(a, &dev);
	return more < 0 ? cmd_usage(a->t.r, "%s: %s", a->said, why.text) : code;
}

/* There is room for a device of each line, and for those of a reply. */
static enum exit_code read_all(struct apply *a, const char *text)
{
	struct dm_reply r = { .io = NULL };
	struct pages room;
	enum exit_code code;
	int err = 0;
	u64 nr = 1;

	for (const char *at = text; *at; at++)
		nr += *at == '\n';
	if (a->t.o->prune)
		err = dm_list(a->t.control_fd, NULL, DECL_SET_PREFIX, DM_UUID_FLAG, &r);
	nr += r.data_bytes / sizeof(struct dm_name_list);
	err = err ? err : pages_map(&room, nr * sizeof(*a->items));
	if (err)
		return cmd_fail(a->t.r, dm_exit_code(err), err, "%s", a->said);
	a->items = room.addr;
	a->end = room.addr;
	code = read_items(a, text);
	if (!code && a->t.o->prune)
		code = add_pruned(a, &r);
	dm_reply_free(&r);
	return code;
}

static void show_json(const struct apply *a)
{
	struct json j = { .out = a->t.r->out };
	char text[DM_UUID_LEN];

	json_add(&j, "{");
	if (*a->decl.set)
		json_add(&j, "set%s", a->decl.set);
	json_add(&j, "dry_run%i changes%u devices[", a->t.o->dry_run, a->nr_changes);
	for (const struct apply_item *it = a->items; it < a->end; it++) {
		json_add(&j, "{name%s", dm_tool_name_out(&a->t, text, it->name));
		if (*it->uuid)
			json_add(&j, "uuid%s", dm_tool_name_out(&a->t, text, it->uuid));
		json_add(&j, "action%s}", action_words[it->action]);
	}
	json_add(&j, "]}");
	fmt_add(j.out, "\n");
}

static void show(const struct apply *a)
{
	char text[DM_UUID_LEN];

	for (const struct apply_item *it = a->items; it < a->end; it++)
		if (it->action != APPLY_KEEP || a->t.o->verbose)
			fmt_add(a->t.r->out, "%-7s %s\n", action_words[it->action],
				dm_tool_name_out(&a->t, text, it->name));
	if (!a->nr_changes)
		fmt_add(a->t.r->out, "nothing to do: all is as declared\n");
}

static enum exit_code apply(struct apply *a, const char *text)
{
	enum exit_code code = read_all(a, text);

	code = code ? code : apply_plan(a);
	if (code)
		return code;
	if (a->t.o->json)
		show_json(a);
	else
		show(a);
	cmd_flush(a->t.r); /* later its reader may be on a device that is suspended */
	return a->nr_changes && !a->t.o->dry_run ? apply_run(a) : EXIT_OK;
}

static enum exit_code apply_file(struct apply *a, const char *path)
{
	struct pages text;
	size_t bytes;
	enum exit_code code = dm_input_read(&a->t, path, &text, &bytes);

	if (code)
		return code;
	a->said = path;
	if (str_len(text.addr) != bytes)
		code = cmd_usage(a->t.r, "%s: a NUL in it", path);
	else
		code = apply(a, text.addr);
	for (struct apply_item *it = a->items; it < a->end; it++) {
		dm_table_free(&it->table[APPLY_NEW]);
		dm_table_free(&it->table[APPLY_OLD]);
	}
	dm_input_free(&text, bytes);
	return code;
}

static enum exit_code apply_verb_run(const struct cmd_run *r)
{
	struct apply a = { .items = NULL };
	enum exit_code code = dm_tool_open(&a.t, r);

	return code ? code : apply_file(&a, r->argv[0]);
}

const struct cmd cmd_dm_apply = {
	.text = CMD_TEXT("dm", "apply", "FILE",
			 "make devices as a file declares them, or leave all as it was",
			 "What stands in FILE: see DECLARING DEVICES in bareblk-dm(8).\n"),
	DM_OPTIONS(DM_SETS(APPLY) | DM_SETS(DRY_RUN) | DM_SETS(JSON) | DM_SETS(NOFLUSH) |
		   DM_SETS(NOLOCKFS) | DM_SETS(NODE) | DM_SETS(UDEV)),
	.min_args = 1,
	.max_args = 1,
	.run = apply_verb_run,
};
