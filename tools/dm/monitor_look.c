/* SPDX-License-Identifier: MIT */
/* What has changed since the last look at the devices. */
#include <asm/errno.h>

#include "dm/table.h"
#include "tools/dm/monitor.h"
#include "tools/host/wait.h"
#include "tools/text/json.h"
#include "uapi/rt/str.h"

/* --- lists -------------------------------------------------------------------------- */

static bool is_watched(const struct monitor *m, const char *name)
{
	const int nr = m->t.r->argc;
	const struct monitor_word *w = m->words;

	for (; w < m->words + nr; w++)
		if (w->is_prefix ? str_starts(name, w->name) != NULL : str_eq(name, w->name))
			return true;
	return !nr;
}

/* Room for all that the kernel may have told of */
static int make_room(struct monitor_list *l, const struct dm_reply *names)
{
	u64 nr = names->data_bytes / sizeof(struct dm_name_list) + 1;

	l->nr = 0;
	if (nr * sizeof(struct monitor_seen) <= l->mem.len_bytes)
		return 0;
	pages_unmap(&l->mem);
	return pages_map(&l->mem, nr * sizeof(struct monitor_seen));
}

static int list(struct monitor *m)
{
	struct monitor_seen *s;
	struct dm_name n;
	u32 pos = 0;
	int err = dm_list(m->t.control_fd, NULL, NULL, DM_UUID_FLAG, &m->names);

	err = err ? err : make_room(&m->now, &m->names);
	s = m->now.mem.addr;
	while (!err && (err = dm_next_name(&m->names, &pos, &n)) > 0) {
		err = 0;
		if (!is_watched(m, n.name))
			continue;
		*s = (struct monitor_seen){ .dev = n.dev, .event_nr = n.event_nr };
		(void)!str_copy(s->name, sizeof(s->name), n.name);
		(void)!str_copy(s->uuid, sizeof(s->uuid), n.uuid ? n.uuid : "");
		s++;
		m->now.nr++;
	}
	return err;
}

/*
 * A number is used again. A rename is an event, of which a device begins with none;
 * but one without a table has no events.
 */
static bool is_same(const struct monitor_seen *a, const struct monitor_seen *b)
{
	if (a->dev != b->dev || b->event_nr < a->event_nr)
		return false;
	if (*a->uuid)
		return str_eq(a->uuid, b->uuid);
	return b->event_nr > a->event_nr || str_eq(a->name, b->name);
}

/* Both lists are sorted, so that the next one is nearly always where it is looked for first. */
static void pair(struct monitor *m)
{
	struct monitor_seen *s = m->now.mem.addr;
	u32 hint = 0;

	for (u32 i = 0; i < m->now.nr; i++, s++)
		for (u32 tries = 0; tries < m->before.nr && !s->was; tries++) {
			struct monitor_seen *old = m->before.mem.addr;

			old += hint++ % m->before.nr;
			if (!is_same(old, s))
				continue;
			old->is_still = true;
			s->was = old;
		}
}

/* --- telling ------------------------------------------------------------------------- */

static void tell(struct monitor *m, enum watch_kind change, const struct monitor_seen *s,
		 const struct dm_target *line)
{
	struct json j = { .out = m->t.r->out };
	const char *old_name = change == WATCH_RENAMED ? s->was->name : NULL;
	const u32 major = dm_dev_major(s->dev);
	const u32 minor = dm_dev_minor(s->dev);
	char name[DM_UUID_LEN];
	char other[DM_UUID_LEN]; /* the uuid, or the name that it had */

	m->is_true |= m->watch.kind == change || m->watch.kind == WATCH_CHANGE;
	dm_tool_name_out(&m->t, name, s->name);
	dm_tool_name_out(&m->t, other, s->uuid);
	if (m->t.o->json)
		json_add(&j, "{change%s name%s uuid%s major%u minor%u event_nr%u",
			 watch_words[change], name, other, major, minor, s->event_nr);
	else
		fmt_add(j.out, "%s %s (%u:%u)", watch_words[change], name, major, minor);
	if (old_name)
		dm_tool_name_out(&m->t, other, old_name);
	if (m->t.o->json) {
		if (old_name)
			json_add(&j, "old_name%s", other);
		if (line)
			json_add(&j, "start%llu length%llu target%s status%s", line->start,
				 line->len, line->type, line->params);
		json_add(&j, "}");
	} else {
		if (old_name)
			fmt_add(j.out, " from %s", other);
		if (line) {
			fmt_add(j.out, " ");
			dm_table_format(j.out, line);
		}
		if (change == WATCH_EVENT)
			fmt_add(j.out, " %u", s->event_nr);
	}
	fmt_add(j.out, "\n");
	cmd_flush(m->t.r);
}

/* --- one device ---------------------------------------------------------------------- */

/* FNV-1a: nobody makes tables in order that their sums agree */
static u64 sum(u64 so_far, const char *text)
{
	do
		so_far = (so_far ^ (u8)*text) * 0x100000001b3;
	while (*text++);
	return so_far;
}

static int sum_lines(struct monitor *m, const struct monitor_seen *s, u32 flags, u64 *total)
{
	struct dm_target line;
	u32 pos = 0;
	int err = dm_table_status(m->t.control_fd, dm_by_dev(s->dev), flags, &m->lines);

	*total = 0xcbf29ce484222325;
	while (!err && (err = dm_next_target(&m->lines, &pos, &line)) > 0) {
		err = 0;
		*total = sum(sum(*total ^ line.len, line.type), line.params);
		if (!(flags & DM_STATUS_TABLE_FLAG))
			m->is_true |= watch_line(&m->watch, &line);
	}
	return err;
}

static void tell_status(struct monitor *m, const struct monitor_seen *s)
{
	struct dm_target line;
	u32 pos = 0;

	while (dm_next_target(&m->lines, &pos, &line) > 0)
		tell(m, WATCH_STATUS, s, &line);
}

/* One that goes while it is looked at will be missing in the next look. */
static int look_at(struct monitor *m, struct monitor_seen *s)
{
	const struct monitor_seen *old = s->was;
	struct dm_info info;
	int err;

	if (!old && m->has_looked)
		tell(m, WATCH_CREATED, s, NULL);
	if (old && !str_eq(old->name, s->name))
		tell(m, WATCH_RENAMED, s, NULL);
	else if (old && old->event_nr != s->event_nr)
		tell(m, WATCH_EVENT, s, NULL);
	err = sum_lines(m, s, DM_STATUS_TABLE_FLAG | DM_SECURE_DATA_FLAG, &s->table);
	dm_reply_wipe(&m->lines);
	if (!err && old && old->table != s->table)
		tell(m, WATCH_TABLE, s, NULL);
	err = err ? err : sum_lines(m, s, DM_NOFLUSH_FLAG, &s->status);
	if (err)
		return err == -ENXIO ? 0 : err;
	dm_reply_info(&m->lines, &info);
	s->is_suspended = info.flags & DM_SUSPEND_FLAG;
	m->nr_suspended += s->is_suspended;
	if (old && old->table == s->table && old->status != s->status)
		tell_status(m, s);
	if (old && old->is_suspended != s->is_suspended)
		tell(m, s->is_suspended ? WATCH_SUSPENDED : WATCH_RESUMED, s, NULL);
	return 0;
}

/* --- all of them ----------------------------------------------------------------------- */

static void look_at_whole(struct monitor *m)
{
	const u32 nr_that_are[] = {
		[WATCH_EXISTS] = m->now.nr,
		[WATCH_REMOVED] = !m->now.nr,
		[WATCH_SUSPENDED] = m->nr_suspended,
		[WATCH_RESUMED] = m->now.nr - m->nr_suspended,
	};

	if (m->watch.kind <= WATCH_RESUMED)
		m->is_true = nr_that_are[m->watch.kind];
}

static int look(struct monitor *m)
{
	struct monitor_list before = m->now;
	struct monitor_seen *s;
	int err;

	m->now = m->before;
	m->before = before;
	m->nr_suspended = 0;
	err = list(m);
	if (err)
		return err;
	pair(m);
	s = m->before.mem.addr;
	for (u32 i = 0; i < m->before.nr; i++, s++)
		if (!s->is_still)
			tell(m, WATCH_REMOVED, s, NULL);
	s = m->now.mem.addr;
	for (u32 i = 0; !err && i < m->now.nr; i++)
		err = look_at(m, s++);
	m->has_looked = true;
	look_at_whole(m);
	return err;
}

static enum exit_code ended(const struct monitor *m, int err)
{
	const struct cmd_run *r = m->t.r;

	switch (err) {
	case 0:
		return EXIT_OK;
	case -EINTR:
		return m->t.o->until ? EXIT_FAILURE : EXIT_OK;
	case -ETIME:
		return cmd_fail(r, EXIT_TIMEOUT, 0, "the time is up");
	case -EPIPE: /* who has read it knows */
		return EXIT_FAILURE;
	default: /* -ENOTTY: older than Linux 4.13 */
		return cmd_fail(r, dm_exit_code(err), err, "watching devices");
	}
}

/* Armed before each look, so that nothing that comes after it is missed */
enum exit_code monitor_watch(struct monitor *m)
{
	struct host_waiting wait;
	int err = 0;

	host_wait_begin(&wait, m->t.o->timeout_ns);
	while (!err) {
		err = dm_arm_poll(m->t.control_fd);
		err = err ? err : look(m);
		cmd_flush(m->t.r);
		if (m->is_true)
			break;
		err = err ? err : host_wait_turn(&wait, m->t.control_fd);
	}
	return ended(m, err);
}
