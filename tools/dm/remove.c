/* SPDX-License-Identifier: MIT */
/* bareblk dm remove, remove_all: many at once, with the outcome of one after the other. */
#include <asm/errno.h>

#include "tools/dm/bulk.h"
#include "tools/dm/change.h"
#include "tools/dm/mknodes.h"
#include "uapi/rt/str.h"

#define RETRY_MS 5000

/* struct removal - @event_nr: for udev; @now, @err: what came of it */
struct removal {
	u32 event_nr;
	int err;
	struct dm_info was;
	struct dm_info now;
};

/* struct remove_run - @batch: devices that nobody uses, so that none waits for another */
struct remove_run {
	struct dm_change c;
	u32 nr;
	u32 nr_removed;
	struct removal batch[64];
};

static void remove_ith(void *arg, u32 i)
{
	struct remove_run *run = arg;
	struct removal *item = &run->batch[i];
	const struct dm_tool *t = &run->c.t;
	struct dm_id id = dm_by_dev(item->was.dev);

	if (t->o->deferred)
		item->err = dm_remove(t->control_fd, id, DM_DEFERRED_REMOVE, item->event_nr,
				      &item->now);
	else
		item->err = dm_remove_retry(t->control_fd, id, item->event_nr,
					    t->o->retry ? RETRY_MS : 0, &item->now);
}

static void after(struct remove_run *run, const struct removal *item)
{
	struct dm_change *c = &run->c;
	const struct dm_info *was = &item->was;
	bool is_later = item->now.flags & DM_DEFERRED_REMOVE;

	dm_nodes_after(&c->nodes, item->err, &item->now);
	if (item->err) {
		const struct dm_which w = { .id = dm_by_name(was->name), .said = was->name };

		/* Of all of them those that are in use stay. */
		if (!c->is_all)
			dm_change_note(c, dm_tool_failed(&c->t, &w, item->err));
		return;
	}
	run->nr_removed += !is_later;
	/* Also of what goes later: nobody would be there to remove it then. */
	if (!is_later || c->nodes.is_us)
		dm_nodes_del(&c->nodes, was->name, was->dev);
}

static void remove_batch(struct remove_run *run)
{
	for (u32 i = 0; i < run->nr; i++)
		run->batch[i].event_nr = dm_nodes_event(&run->c.nodes);
	dm_bulk(run->nr, remove_ith, run);
	for (u32 i = 0; i < run->nr; i++)
		after(run, &run->batch[i]);
	run->nr = 0;
}

/* The same device again fails, and as dmsetup that ends it: what precedes goes first. */
static bool is_in_batch(const struct remove_run *run, u64 dev)
{
	for (u32 i = 0; i < run->nr; i++)
		if (run->batch[i].was.dev == dev)
			return true;
	return false;
}

static enum exit_code wipe(struct dm_change *c)
{
	return dm_change_done(c, dm_change_wipe(c, DM_WIPE_NOW));
}

/* One that is in use waits for those before it, by one of which perhaps. Of all of them it
 * stays, or is for the next round. */
static enum exit_code remove_one(struct dm_change *c)
{
	struct remove_run *run = (struct remove_run *)c;
	const struct dm_options *o = c->t.o;
	bool is_forced = o->force && !c->is_all;
	int err = dm_info_get(c->t.control_fd, c->w->id, 0, &c->info);
	bool is_used = err || c->info.open_count;
	bool is_alone = is_used || is_forced || is_in_batch(run, c->info.dev);
	enum exit_code code;

	if (c->is_all && is_used && !o->deferred)
		return EXIT_OK;
	if (is_alone)
		remove_batch(run);
	code = dm_change_done(c, err);
	if (err)
		return code;
	if (is_forced)
		code = wipe(c);
	run->batch[run->nr++].was = c->info;
	if (is_alone || run->nr == ARRAY_SIZE(run->batch))
		remove_batch(run);
	return code;
}

static enum exit_code remove_run(const struct cmd_run *r)
{
	struct remove_run run;

	run.nr = 0;
	dm_change_open(&run.c, r, false);
	dm_change_walk(&run.c, remove_one);
	remove_batch(&run);
	return dm_change_close(&run.c);
}

/* What stood on others is gone after each round. */
static void remove_rounds(struct remove_run *run)
{
	do {
		run->nr_removed = 0;
		dm_change_walk(&run->c, remove_one);
		remove_batch(run);
	} while (run->nr_removed);
}

static enum exit_code remove_all_run(const struct cmd_run *r)
{
	const struct dm_options *o = dm_options(r);
	struct remove_run run;
	struct dm_change *c = &run.c;
	enum exit_code code;

	run.nr = 0;
	dm_change_open(c, r, true);
	remove_rounds(&run);
	if (c->code)
		return dm_change_close(c);
	if (c->nr_all && o->force) {
		dm_change_walk(c, wipe);
		remove_rounds(&run);
	}
	dm_change_note(c, dm_mknodes(&c->t));
	/* What is open stays, or goes later; dmsetup ends with 0. */
	if (c->nr_all && !o->deferred) {
		code = cmd_fail(r, EXIT_BUSY, 0, "%u are still in use", c->nr_all);
		dm_change_note(c, o->is_dmsetup ? EXIT_OK : code);
	}
	return dm_change_close(c);
}

const struct cmd cmd_dm_remove = {
	.text = CMD_TEXT("dm", "remove", "DEVICE...", "remove devices", ""),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(FORCE) | DM_SETS(RETRY) | DM_SETS(DEFERRED) |
		   DM_SETS(UDEV)),
	.max_args = CMD_ANY_ARGS,
	.run = remove_run,
};

const struct cmd cmd_dm_remove_all = {
	.text = CMD_TEXT("dm", "remove_all", "", "remove all devices that nobody has open", ""),
	DM_OPTIONS(DM_SETS(FORCE) | DM_SETS(DEFERRED) | DM_SETS(UDEV)),
	.run = remove_all_run,
};
