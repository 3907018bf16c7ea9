/* SPDX-License-Identifier: MIT */
/* What has to be done so that live devices are as a file declares them. */
#include <asm/errno.h>

#include "tools/dm/apply.h"
#include "tools/host/find.h"
#include "uapi/rt/str.h"

enum exit_code apply_fail(const struct apply *a, const struct apply_item *it, int err)
{
	struct dm_which w = { .id = dm_by_dev(it->dev), .said = it->name };

	return dm_tool_failed(&a->t, &w, err);
}

struct apply_item *apply_find(const struct apply *a, const char *name, const char *uuid)
{
	for (struct apply_item *it = a->items; it < a->end; it++)
		if (str_eq(it->name, name) || (*uuid && str_eq(it->uuid, uuid)))
			return it;
	return NULL;
}

/* The device of the file that a parameter means, or NULL; *dev is a device's number, or 0 */
static struct apply_item *meant(const struct apply *a, const char *word, u64 *dev)
{
	const char *base = str_starts(word, a->t.dev_dir);
	struct apply_item *it = NULL;
	char name[DM_NAME_LEN];

	*dev = 0;
	base = base ? str_starts(base, "/mapper/") : NULL;
	if (base && !dm_tool_name_in(&a->t, name, sizeof(name), base))
		it = apply_find(a, name, "");
	if (it) {
		*dev = it->dev;
		return it;
	}
	if (host_find(word, dev, NULL) && !host_find_number(word, dev))
		return NULL;
	for (it = a->items; it < a->end; it++)
		if (it->dev == *dev)
			return it;
	return NULL;
}

static bool look_at_word(void *arg, const char *word, u64 *dev)
{
	struct apply *a = arg;
	struct apply_look *l = &a->look;
	struct apply_item *lower = meant(a, word, dev);

	if (!lower)
		return *dev;
	if (l->level <= lower->level[l->side])
		l->level = lower->level[l->side] + 1;
	if (!lower->is_live[l->side])
		l->missing = lower;
	l->is_late |= lower->action >= APPLY_CREATE && !lower->is_at[l->side];
	lower->is_used |= l->side == APPLY_OLD;
	return *dev;
}

int apply_look(struct apply *a, const struct apply_item *it, enum apply_side side,
	       struct dm_table *t)
{
	a->look = (struct apply_look){ .side = side };
	*t = (struct dm_table){ .used_bytes = 0 };
	return decl_resolve(t, &it->table[side], look_at_word, a);
}

/* A device stands above all that it uses. A level that there cannot be comes of a circle. */
static enum exit_code set_level(struct apply *a, struct apply_item *it, enum apply_side side)
{
	const struct apply_look *l = &a->look;
	struct dm_table t;
	int err = apply_look(a, it, side, &t);

	dm_table_free(&t);
	if (err)
		return apply_fail(a, it, err);
	if (l->missing)
		return cmd_usage(a->t.r, "%s: %s uses %s, which is to go", a->said,
				 it->name, l->missing->name);
	if (l->level > a->end - a->items)
		return cmd_usage(a->t.r, "%s stands on itself, or on what stands on it",
				 it->name);
	a->is_settled &= it->level[side] == l->level;
	it->level[side] = l->level;
	if (a->max_level < l->level)
		a->max_level = l->level;
	return EXIT_OK;
}

static enum exit_code look_at(struct apply *a, struct apply_item *it)
{
	const int fd = a->t.control_fd;
	struct dm_reply r = { .io = NULL };
	struct dm_info live;
	int err = dm_info_get(fd, dm_by_name(it->name), 0, &live);

	if (err == -ENXIO && *it->uuid)
		err = dm_info_get(fd, dm_by_uuid(it->uuid), 0, &live);
	if (err)
		return err == -ENXIO ? EXIT_OK : apply_fail(a, it, err);
	if (!it->is_live[APPLY_NEW]) {
		it->minor = (s32)dm_dev_minor(live.dev);
		(void)!str_copy(it->uuid, sizeof(it->uuid), live.uuid);
	}
	if (!str_eq(it->name, live.name) || !str_eq(it->uuid, live.uuid) ||
	    (it->minor != DM_ANY_MINOR && (u32)it->minor != dm_dev_minor(live.dev)))
		return cmd_fail(a->t.r, EXIT_BUSY, 0,
				"%s: there is %s with uuid \"%s\" and minor %u: rename or remove it first",
				it->name, live.name, live.uuid, dm_dev_minor(live.dev));
	it->dev = live.dev;
	it->is_there = true;
	it->is_open = live.open_count;
	it->is_cleared = live.flags & DM_INACTIVE_PRESENT_FLAG;
	it->is_live[APPLY_OLD] = live.flags & DM_ACTIVE_PRESENT_FLAG;
	it->flags[APPLY_OLD] = live.flags;
	/* In a form in which it can be loaded again; without a table it has no lines. */
	err = dm_table_status(fd, dm_by_dev(it->dev), DM_STATUS_TABLE_FLAG | DM_SECURE_DATA_FLAG,
			      &r);
	err = err ? err : decl_as_shown(&it->table[APPLY_OLD], &r);
	dm_reply_free(&r);
	return err ? apply_fail(a, it, err) : EXIT_OK;
}

static bool is_table(const struct apply *a, const struct apply_item *it, const struct dm_table *t,
		     u32 flags)
{
	struct dm_reply r = { .io = NULL };
	bool is = !dm_table_status(a->t.control_fd, dm_by_dev(it->dev),
				   flags | DM_STATUS_TABLE_FLAG | DM_SECURE_DATA_FLAG, &r) &&
		  dm_table_equal(t, &r) > 0;

	dm_reply_free(&r);
	return is;
}

/*
 * The kernel writes many a parameter differently than it was written: only it can tell
 * whether two tables are the same. The new one is loaded, read back, and dropped.
 */
static bool is_right(struct apply *a, const struct apply_item *it)
{
	struct dm_id id = dm_by_dev(it->dev);
	struct dm_table t;
	bool is = !apply_look(a, it, APPLY_NEW, &t) && is_table(a, it, &t, 0);

	if (!is && !it->is_cleared &&
	    !dm_load(a->t.control_fd, id, &t, it->flags[APPLY_NEW], NULL)) {
		is = is_table(a, it, &it->table[APPLY_OLD], DM_QUERY_INACTIVE_TABLE_FLAG);
		(void)!dm_clear(a->t.control_fd, id, NULL);
	}
	dm_table_free(&t);
	return is;
}

static enum apply_action action_for(struct apply *a, const struct apply_item *it)
{
	if (!it->is_live[APPLY_NEW])
		return it->is_there ? APPLY_REMOVE : APPLY_KEEP;
	if (!it->is_live[APPLY_OLD])
		return APPLY_CREATE;
	if ((it->flags[APPLY_OLD] ^ it->flags[APPLY_NEW]) & DM_READONLY_FLAG || !is_right(a, it))
		return APPLY_RELOAD;
	return it->flags[APPLY_OLD] & DM_SUSPEND_FLAG ? APPLY_RESUME :
	       it->is_cleared			      ? APPLY_CLEAR :
							APPLY_KEEP;
}

/* What others than those that go, or get another table, have open stays. */
static enum exit_code decide(struct apply *a, struct apply_item *it)
{
	it->action = action_for(a, it);
	it->is_at[APPLY_OLD] = true;
	it->is_at[APPLY_NEW] = it->action == APPLY_KEEP;
	a->nr_changes += it->action != APPLY_KEEP;
	if (it->action == APPLY_REMOVE && it->is_open && !it->is_used)
		return apply_fail(a, it, -EBUSY);
	return EXIT_OK;
}

enum exit_code apply_plan(struct apply *a)
{
	enum exit_code code = EXIT_OK;
	struct apply_item *it;

	for (it = a->items; !code && it < a->end; it++)
		code = look_at(a, it);
	while (!code && !a->is_settled) {
		a->is_settled = true;
		for (it = a->items; !code && it < a->end; it++) {
			code = set_level(a, it, APPLY_NEW);
			code = code ? code : set_level(a, it, APPLY_OLD);
		}
	}
	for (it = a->items; !code && it < a->end; it++)
		code = decide(a, it);
	return code;
}
