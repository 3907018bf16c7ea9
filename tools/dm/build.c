/* SPDX-License-Identifier: MIT */
/* See tools/dm/build.h. */
#include "tools/dm/build.h"

#include <asm/errno.h>

#include "tools/dm/input.h"
#include "tools/dm/readahead.h"

/* A prober of udev's may have it open, for a moment */
#define UNDO_MS 5000

static enum exit_code fail_create(const struct dm_tool *t, const struct dm_concise *want, int err)
{
	bool is_minor = want->minor != DM_ANY_MINOR && (err == -ENXIO || err == -EINVAL);

	if (dm_check_name(want->name))
		return cmd_fail(t->r, EXIT_USAGE, err, "%s cannot be a device's name", want->name);
	return cmd_fail(t->r, is_minor ? EXIT_BUSY : dm_exit_code(err), err, "%s%s", want->name,
			is_minor	  ? ": its minor number cannot be had" :
			err == -EBUSY ? ": the name or the uuid is taken" : "");
}

/* By number: somebody may give it another name meanwhile. */
static enum exit_code bring_to_life(struct dm_tool *t, struct dm_build *b, struct dm_nodes_run *n)
{
	const struct dm_which w = { .id = dm_by_dev(b->info.dev), .said = b->want->name };
	int err = dm_tool_load(t, w.id, &b->want->table, b->want->flags, NULL);
	if (!err) {
		err = dm_resume(t->control_fd, w.id, 0, dm_nodes_event(n), &b->info);
		dm_nodes_after(n, err, &b->info);
	}
	return err ? dm_tool_failed(t, &w, err) : EXIT_OK;
}

void dm_build_undo(struct dm_tool *t, struct dm_build *b, struct dm_nodes_run *n)
{
	struct dm_info info;
	int err = dm_remove_retry(t->control_fd, dm_by_dev(b->info.dev), dm_nodes_event(n), UNDO_MS,
				  &info);

	dm_nodes_after(n, err, &info);
	if (err)
		cmd_say(t->r, "%s (%u:%u) is left behind: removing it: %s", b->want->name,
			dm_dev_major(b->info.dev), dm_dev_minor(b->info.dev), err_text(err));
	else
		dm_nodes_del(n, b->want->name, b->info.dev);
}

enum exit_code dm_build_one(struct dm_tool *t, struct dm_build *b, struct dm_nodes_run *n)
{
	const struct dm_concise *want = b->want;
	const char *uuid = *want->uuid ? want->uuid : NULL;
	const bool has_table = want->table.nr_targets; /* loading one with keys wipes it */
	enum exit_code code = EXIT_OK;
	int err = dm_create(t->control_fd, want->name, uuid, want->minor, &b->info);
	u32 major = dm_dev_major(b->info.dev);

	if (err)
		return fail_create(t, want, err);
	/* The kernel ignores the major number that it is given, and takes its own. */
	if (t->o->major >= 0 && (u32)t->o->major != major)
		code = cmd_usage(t->r, "%s: the major number is %u, not %d",
				 want->name, major, t->o->major);
	else if (has_table)
		code = bring_to_life(t, b, n);
	if (code) {
		dm_build_undo(t, b, n);
		return code;
	}
	b->is_made = true;
	if (has_table || t->o->addnodeoncreate)
		dm_nodes_add(n, &b->info);
	if (has_table)
		dm_readahead_set(t, b->info.dev);
	return EXIT_OK;
}
