/* SPDX-License-Identifier: MIT */
/* bareblk dm mangle: names that udev can have, or plain ones again. */
#include "tools/dm/rename.h"
#include "uapi/rt/str.h"

/* A name or uuid as it shall be; prints and returns false when nobody can tell */
static bool right_form(const struct dm_tool *t, char out[DM_NODE_BYTES], const char *text)
{
	u32 how = t->o->manglename;

	if (how == DM_MANGLE_NONE)
		(void)!dm_unmangle(out, DM_NODE_BYTES, text);
	else if (dm_tool_is_mixed(t, text, how == DM_MANGLE_AUTO))
		return false;
	else if (dm_is_mangled(text))
		(void)!str_copy(out, DM_NODE_BYTES, text);
	else
		(void)!dm_mangle(out, DM_NODE_BYTES, text);
	return true;
}

static enum exit_code mangle_one(struct dm_change *c)
{
	const struct dm_info *was = &c->info;
	struct fmt_buf *out = c->t.r->out;
	char name[DM_NODE_BYTES];
	char uuid[DM_NODE_BYTES];
	int err = dm_info_get(c->t.control_fd, c->w->id, 0, &c->info);

	if (err)
		return dm_change_done(c, err);
	if (!right_form(&c->t, name, was->name) || !right_form(&c->t, uuid, was->uuid))
		return EXIT_FAILURE;
	if (!str_eq(uuid, was->uuid))
		return cmd_fail(c->t.r, EXIT_FAILURE, 0, "%s: its uuid %s cannot be changed to %s",
				was->name, was->uuid, uuid);
	if (str_eq(name, was->name)) {
		fmt_add(out, "%s: %s: name %salready in correct form\n", name,
			*uuid ? uuid : "[no UUID]", *uuid ? "and UUID " : "");
		return EXIT_OK;
	}
	fmt_add(out, "%s: renaming to %s\n", was->name, name);
	return dm_change_done(c, dm_change_rename(c, name, false));
}

static enum exit_code mangle_run(const struct cmd_run *r)
{
	struct dm_change c;

	dm_change_open(&c, r, true);
	c.t.mangling = DM_MANGLE_NONE; /* as the kernel has them, whatever they shall be then */
	dm_change_walk(&c, mangle_one);
	if (c.is_all && !c.code && !c.nr_all)
		fmt_add(r->out, "No devices found\n");
	return dm_change_close(&c);
}

const struct cmd cmd_dm_mangle = {
	.text = CMD_TEXT("dm", "mangle", "[DEVICE...]",
			 "rename devices whose names udev cannot have", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(UDEV)),
	.max_args = CMD_ANY_ARGS,
	.run = mangle_run,
};
