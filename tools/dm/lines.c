/* SPDX-License-Identifier: MIT */
/* Lines of targets, of status, table, measure and some forms of ls. */
#include "dm/concise.h"
#include "tools/dm/show.h"
#include "tools/text/dm_status.h"
#include "uapi/rt/str.h"

/* How a device is shown */
enum form { SILENT, JSON, NAMES, CONCISE, TEXT };

static enum form form_of(const struct dm_options *o, const char *key, u32 flags)
{
	if (o->exec && !o->verbose)
		return SILENT;
	if (o->json)
		return JSON;
	if (!key)
		return NAMES;
	return o->concise && (flags & DM_STATUS_TABLE_FLAG) ? CONCISE : TEXT;
}

/* In front of the first line */
static void begin(struct dm_show *s, const struct dm_which *w, const struct dm_info *info)
{
	char text[DM_SYSNAME_BYTES];

	if (s->form == JSON) {
		dm_show_identity(s, info);
		json_add(&s->json, "targets[");
	}
	if (s->form == NAMES)
		fmt_add(s->t.r->out, "%s\t(%s)\n", w->said,
			dm_show_dev(info->dev, DM_NAMING_DEVNO, ", ", text));
	if (s->form == TEXT && s->t.o->verbose)
		dm_show_info(s->t.r, info);
}

/* A line, or NULL where there is none. Its memory is ours; only the walker takes it for the
 * kernel's. */
static void put(struct dm_show *s, const struct dm_which *w, const struct dm_target *line)
{
	const struct dm_options *o = s->t.o;
	struct fmt_buf *out = s->t.r->out;
	struct json *j = &s->json;

	if (line && (s->flags & DM_STATUS_TABLE_FLAG) && !o->showkeys)
		dm_status_mask_keys(line->type, (char *)(uintptr_t)line->params);
	if (line && s->form == JSON) {
		json_add(j, "{start%llu length%llu type%s", line->start, line->len, line->type);
		json_string(j, s->key, line->params);
		if (!(s->flags & (DM_STATUS_TABLE_FLAG | DM_IMA_MEASUREMENT_FLAG)))
			dm_status_json(j, "decoded", line->type, line->params);
		json_close(j, '}');
	}
	if (s->form == TEXT) {
		if (s->is_many && !o->verbose)
			fmt_add(out, "%s: ", w->said);
		if (line)
			dm_table_format(out, line);
		fmt_add(out, "\n");
	}
}

/* Behind the last line */
static void end(struct dm_show *s, const struct dm_info *info)
{
	struct fmt_buf *out = s->t.r->out;

	if (s->form == JSON)
		json_add(&s->json, "]}");
	if (s->form == CONCISE) {
		if (s->nr_shown++)
			fmt_add(out, ";");
		(void)!dm_concise_format(out, info, s->t.o->target, &s->reply);
	}
	if (s->form == TEXT && s->is_many && s->t.o->verbose)
		fmt_add(out, "\n");
}

/* With --target only devices that have such a line, otherwise those without any as well */
static int print(struct dm_show *s, const struct dm_which *w, const struct dm_info *info)
{
	const struct dm_options *o = s->t.o;
	struct dm_target line;
	u32 nr = 0;
	u32 pos = 0;
	int more;

	do {
		more = dm_next_target(&s->reply, &pos, &line);
		if (more < 0 || (!more && !nr && o->target))
			return more;
		if (more && o->target && !str_eq(line.type, o->target))
			continue;
		if (!nr)
			begin(s, w, info);
		if (more || !nr)
			put(s, w, more ? &line : NULL);
		nr++;
	} while (more);
	end(s, info);
	return o->exec ? dm_exec(&s->t, s->reply.io->name, info->dev) : EXIT_OK;
}

enum exit_code dm_lines_run(const struct cmd_run *r, const char *key, u32 flags)
{
	const struct dm_options *o = dm_options(r);
	struct dm_show s = {
		.run = dm_show_devices,
		.ask = dm_table_status,
		.print = print,
		.form = form_of(o, key, flags),
		.key = key ? key : "status",
		.flags = flags | (o->noflush ? DM_NOFLUSH_FLAG : 0),
		.no_select = !key,
	};
	enum exit_code code = dm_show_run(&s, r);

	if (s.nr_shown)
		fmt_add(r->out, "\n");
	return code;
}
