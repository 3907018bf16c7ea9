/* SPDX-License-Identifier: MIT */
/* bareblk dm targets: the target types that the kernel has loaded; and of target-version. */
#include <asm/errno.h>

#include "tools/dm/show.h"

static void print(struct dm_show *s, const struct dm_target_type *type)
{
	const struct dm_version *v = &type->version;
	char text[48];

	fmt_print(text, sizeof(text), "%u.%u.%u", v->major, v->minor, v->patchlevel);
	if (s->t.o->json)
		json_add(&s->json, "{name%s version%s}", type->name, text);
	else
		fmt_add(s->t.r->out, "%-16s v%s\n", type->name, text);
}

static void loaded(struct dm_show *s)
{
	struct dm_target_type type;
	u32 pos = 0;
	int more = dm_list_targets(s->t.control_fd, &s->reply);

	while (more >= 0 && (more = dm_next_target_type(&s->reply, &pos, &type)) > 0)
		print(s, &type);
	dm_show_end(s, more);
}

static void named(struct dm_show *s, const char *name)
{
	struct dm_target_type type = { .name = name };
	int err = dm_target_version(s->t.control_fd, name, &type.version);
	enum exit_code code = err == -EINVAL ? EXIT_NOT_FOUND : dm_exit_code(err);

	if (err)
		dm_show_note(s, cmd_fail(s->t.r, code, err,
					 "%s: no such target, and no module of it", name));
	else
		print(s, &type);
}

static void types(struct dm_show *s)
{
	const struct cmd_run *r = s->t.r;

	if (!r->argc)
		loaded(s);
	for (int i = 0; i < r->argc && !(s->code && s->t.o->is_dmsetup); i++)
		named(s, r->argv[i]);
}

enum exit_code dm_types_run(const struct cmd_run *r)
{
	struct dm_show s = { .run = types, .no_select = true };

	return dm_show_run(&s, r);
}

const struct cmd cmd_dm_targets = {
	.text = CMD_TEXT("dm", "targets", "", "target types that are loaded, with versions", ""),
	DM_OPTIONS(DM_SETS(JSON)),
	.run = dm_types_run,
};
