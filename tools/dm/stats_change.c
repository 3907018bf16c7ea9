/* SPDX-License-Identifier: MIT */
/* bareblk dm stats clear, delete, group, ungroup, print. */
#include "tools/dm/stats.h"
#include "uapi/rt/str.h"

/* A group that is being made, until its lowest id is known */
#define NEW_GROUP (DM_STATS_NO_GROUP - 1)

/* Tell the kernel what stands in a region's aux data */
static enum exit_code store(struct dm_stats *st, const struct dm_stats_region *r)
{
	struct fmt_buf *text = dm_stats_begin(st);

	fmt_add(text, "@stats_set_aux %llu ", r->id);
	dm_stats_add_aux(text, st->regions, st->nr, r);
	return dm_stats_send(st, 0);
}

/* Its group is told, and gone with its first region. */
static enum exit_code delete_one(struct dm_stats *st, struct dm_stats_region *r)
{
	u64 group = r->group;
	const struct dm_stats_region *first = dm_stats_find(st->regions, st->nr, group);
	enum exit_code code = EXIT_OK;

	r->group = DM_STATS_NO_GROUP;
	if (first && first->group == group)
		code = store(st, first);
	return code ? code : dm_stats_do(st, "@stats_delete", r->id, 0);
}

static enum exit_code print_one(struct dm_stats *st, const struct dm_stats_region *r)
{
	enum exit_code code = dm_stats_read(st, r, st->s->clear);

	if (!code)
		fmt_add(st->run->out, "%s", dm_stats_answer(st));
	return code;
}

static enum exit_code not_there(struct dm_stats *st)
{
	return cmd_fail(st->run, EXIT_NOT_FOUND, 0, "%s has no such region or group%s%s", st->name,
			*st->program ? " of " : "", st->program);
}

/* --regionid, --groupid, or all. Where there is nothing at all, nothing is left to clear: that
 * is no failure. */
enum exit_code dm_stats_change_on(struct dm_stats *st)
{
	const struct dm_stats_options *s = st->s;
	u32 flags = st->command->flags;
	bool is_group = flags & DM_STATS_DELETES && s->groupid != DM_STATS_NONE;
	bool clears = !(flags & (DM_STATS_DELETES | DM_STATS_PRINTS));
	bool is_done = s->allregions || (clears && !st->nr);
	enum exit_code code = EXIT_OK;

	for (u32 i = 0; !code && i < st->nr; i++) {
		struct dm_stats_region *r = &st->regions[i];

		if (!s->allregions && (is_group ? r->group != s->groupid : r->id != s->regionid))
			continue;
		code = flags & DM_STATS_DELETES ? delete_one(st, r) :
		       flags & DM_STATS_PRINTS	? print_one(st, r) :
						  dm_stats_do(st, "@stats_clear", r->id, 0);
		is_done = true;
	}
	if (!is_done)
		return not_there(st);
	if (!code && is_group)
		fmt_add(st->run->out, "Deleted statistics group %llu.\n", s->groupid);
	return code;
}

/* All of them are there, and none is in a group yet. */
static enum exit_code mark_members(struct dm_stats *st, const char *ids)
{
	u64 id;
	u64 last;
	int got;

	while ((got = dm_stats_next_range(&ids, &id, &last)) > 0) {
		for (; id <= last; id++) {
			struct dm_stats_region *r = dm_stats_find(st->regions, st->nr, id);

			if (!r)
				return not_there(st);
			if (r->group < NEW_GROUP)
				return cmd_fail(st->run, EXIT_BUSY, 0,
						"region %llu is in group %llu", id, r->group);
			r->group = NEW_GROUP;
		}
	}
	if (got || *ids)
		return cmd_usage(st->run, "%s: want ids as 0,2-4", ids);
	return EXIT_OK;
}

enum exit_code dm_stats_make_group(struct dm_stats *st, const char *ids, const char *words,
				   const char *name)
{
	struct dm_stats_region *first = NULL;
	const struct dm_stats_region *other = NULL;
	enum exit_code code = mark_members(st, ids);

	for (u32 i = 0; !code && i < st->nr; i++) {
		struct dm_stats_region *r = &st->regions[i];

		if (r->group != NEW_GROUP)
			continue;
		first = first ? first : r;
		r->group = first->id;
		if (!r->bounds)
			continue;
		if (other &&
		    (other->is_precise != r->is_precise || !str_eq(r->bounds, other->bounds)))
			return cmd_usage(st->run,
					 "region %llu has other bounds", r->id);
		other = r;
	}
	if (code || !first)
		return code ? code : not_there(st);
	first->alias = st->s->alias;
	code = store(st, first);
	if (!code)
		fmt_add(st->run->out, "Grouped regions %s as group ID %llu%s%s\n", ids, first->id,
			words, name);
	return code;
}

enum exit_code dm_stats_group_on(struct dm_stats *st)
{
	return dm_stats_make_group(st, st->s->regions, " on ", st->name);
}

enum exit_code dm_stats_ungroup_on(struct dm_stats *st)
{
	u64 group = st->s->groupid;
	struct dm_stats_region *first = dm_stats_find(st->regions, st->nr, group);
	enum exit_code code;

	if (!first || first->group != group)
		return not_there(st);
	first->group = DM_STATS_NO_GROUP;
	code = store(st, first);
	if (!code)
		fmt_add(st->run->out, "Removed group ID %llu on %s\n", group, st->name);
	return code;
}
