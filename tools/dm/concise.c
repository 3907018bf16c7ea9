/* SPDX-License-Identifier: MIT */
/* See tools/dm/concise.h. */
#include "tools/dm/concise.h"

#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

enum exit_code dm_many_room(struct dm_many *m, u32 nr)
{
	int err = pages_map(&m->mem, (u64)nr * sizeof(struct dm_slot));

	m->slots = m->mem.addr;
	return err ? cmd_fail(m->t->r, EXIT_MEMORY, err, "no memory for %u devices", nr) : EXIT_OK;
}

/* What else is no name the kernel, or the library, says. */
enum exit_code dm_many_add(struct dm_many *m, const char *name, const char *uuid)
{
	struct dm_slot *slot = &m->slots[m->nr++];
	struct dm_concise *want = &slot->want;
	enum exit_code code;

	slot->build.want = want;
	if (!*name || str_chr(name, '/'))
		return cmd_usage(m->t->r, "%s cannot be a device's name", name);
	code = dm_tool_name_in(m->t, want->name, sizeof(want->name), name);
	if (!code && uuid && *uuid)
		code = dm_tool_name_in(m->t, want->uuid, sizeof(want->uuid), uuid);
	return code;
}

/* At least as many as there are, a semicolon may be escaped; and one to find the end with */
static u32 nr_at_most(const char *text)
{
	u32 nr = 2;

	for (; *text; text++)
		nr += *text == ';';
	return nr;
}

enum exit_code dm_many_parse(struct dm_many *m, const char *text)
{
	struct diag why = { "" };
	struct dm_concise got;
	enum exit_code code = dm_many_room(m, nr_at_most(text));
	int more;

	while (!code && (more = dm_concise_next(&text, &got, &why)) != 0) {
		if (more < 0)
			return cmd_usage(m->t->r, "device %u: %s", m->nr + 1, why.text);
		m->slots[m->nr].want = got;
		code = dm_many_add(m, got.name, got.uuid);
	}
	return code;
}

void dm_many_free(struct dm_many *m)
{
	while (m->nr)
		dm_table_free(&m->slots[--m->nr].want.table);
	pages_unmap(&m->mem);
}

void dm_many_undo(struct dm_many *m)
{
	for (u32 i = m->nr; i--;)
		if (m->slots[i].build.is_made)
			dm_build_undo(m->t, &m->slots[i].build, &m->nodes);
}
