/* SPDX-License-Identifier: MIT */
/* bareblk dm stats: its commands, and what they share. */
#include "tools/dm/stats.h"

#include <asm/errno.h>

#include "tools/help.h"
#include "uapi/rt/str.h"

#define LIST_MAX_BYTES (64U << 20)

#define WANTS_REGION (DM_STATS_ALLREGIONS | DM_STATS_REGIONID)

static const struct dm_stats_command commands[] = {
	{ "create", dm_stats_create_on, 0, DM_STATS_CREATES },
	{ "delete", dm_stats_change_on, WANTS_REGION | DM_STATS_GROUPID, DM_STATS_DELETES },
	{ "clear", dm_stats_change_on, WANTS_REGION, DM_STATS_MAY_ALL },
	{ "print", dm_stats_change_on, WANTS_REGION, DM_STATS_MAY_ALL | DM_STATS_PRINTS },
	{ "group", dm_stats_group_on, DM_STATS_REGIONS, 0 },
	{ "ungroup", dm_stats_ungroup_on, DM_STATS_GROUPID, 0 },
	{ "list", dm_stats_view_on, 0, DM_STATS_MAY_ALL | DM_STATS_REPORTS | DM_STATS_LISTS },
	{ "report", dm_stats_view_on, 0, DM_STATS_MAY_ALL | DM_STATS_REPORTS },
};

struct fmt_buf *dm_stats_begin(struct dm_stats *st)
{
	st->text.len = 0;
	return &st->text;
}

const char *dm_stats_answer(const struct dm_stats *st)
{
	const char *text = dm_reply_text(&st->answer);

	return text ? text : "";
}

/* The kernel takes backslashes of words away. */
static int send(struct dm_stats *st, u64 room_bytes, struct dm_reply *answer)
{
	char *escaped = st->scratch + DM_STATS_TEXT_BYTES;
	char *to = escaped;

	if (fmt_truncated(&st->text) || room_bytes >> 30)
		return -E2BIG;
	for (const char *from = st->text.text; *from; *to++ = *from++)
		if (*from == '\\')
			*to++ = '\\';
	*to = '\0';
	return dm_message(st->t.control_fd, st->which.id, 0, escaped, (u32)room_bytes, answer);
}

enum exit_code dm_stats_failed(const struct dm_stats *st, int err)
{
	return dm_tool_failed(&st->t, &st->which, err);
}

enum exit_code dm_stats_send(struct dm_stats *st, u64 room_bytes)
{
	int err;

	dm_tool_listen(&st->t);
	err = send(st, room_bytes, &st->answer);
	return err ? dm_stats_failed(st, err) : EXIT_OK;
}

enum exit_code dm_stats_do(struct dm_stats *st, const char *word, u64 id, u64 room_bytes)
{
	fmt_add(dm_stats_begin(st), "%s %llu", word, id);
	return dm_stats_send(st, room_bytes);
}

/* Its longest line: two numbers with a plus, 13 counters and the bins, each of 20 digits. */
enum exit_code dm_stats_read(struct dm_stats *st, const struct dm_stats_region *r, bool clears)
{
	return dm_stats_do(st, clears ? "@stats_print_clear" : "@stats_print", r->id,
			   r->nr_areas * (42 + 21ULL * dm_stats_stride(r)) + 1024);
}

/* Listing changes nothing, so it may be asked for again with more room. */
enum exit_code dm_stats_load(struct dm_stats *st)
{
	u32 room = 64U << 10;
	const char *text;
	int got;

	fmt_add(dm_stats_begin(st), "@stats_list %s", st->program);
	do {
		got = send(st, room, &st->listed);
		room *= 4;
	} while (got == -EOVERFLOW && room <= LIST_MAX_BYTES);
	text = got ? NULL : dm_reply_text(&st->listed);
	if (text) {
		room = st->listed.data_bytes / DM_STATS_LINE_BYTES + 1;
		got = pages_map(&st->mem, room * sizeof(*st->regions));
		st->regions = st->mem.addr;
		got = got ? got : dm_stats_list_parse((char *)(uintptr_t)text, st->regions, room);
	}
	if (got < 0)
		return dm_stats_failed(st, got);
	st->nr = (u32)got;
	return EXIT_OK;
}

void dm_stats_unload(struct dm_stats *st)
{
	while (st->nr)
		pages_unmap(&st->regions[--st->nr].values);
	pages_unmap(&st->mem);
}

/* Of all devices, one that goes away meanwhile is no failure. */
static enum exit_code on_device(struct dm_stats *st, bool is_all)
{
	struct dm_info *info = &st->row.dm.info;
	int err = dm_info_get(st->t.control_fd, st->which.id, 0, info);
	enum exit_code code = EXIT_OK;

	if (err && is_all)
		return EXIT_OK;
	if (err)
		return dm_stats_failed(st, err);
	dm_tool_name_out(&st->t, st->name, info->name);
	if (!(st->command->flags & DM_STATS_CREATES))
		code = dm_stats_load(st);
	code = code ? code : st->command->one(st);
	dm_stats_unload(st);
	return code;
}

static enum exit_code each_of_all(struct dm_stats *st)
{
	enum exit_code first = EXIT_OK;
	struct dm_name name;
	u32 pos = 0;
	int got = dm_list(st->t.control_fd, NULL, NULL, 0, &st->names);

	st->which.said = "";
	while (got >= 0 && (got = dm_next_name(&st->names, &pos, &name)) > 0) {
		enum exit_code code;

		st->which.id = dm_by_dev(name.dev);
		st->which.said = name.name;
		code = on_device(st, true);
		first = first ? first : code;
	}
	if (got < 0)
		first = dm_stats_failed(st, got);
	else if (!pos && !dm_options(st->run)->json)
		fmt_add(st->run->out, "No devices found\n");
	return first;
}

enum exit_code dm_stats_each(struct dm_stats *st)
{
	const struct cmd_run *r = st->run;
	enum exit_code code;
	int i = 1;

	if (r->argc == 1 && !dm_tool_is_by_id(&st->t)) {
		if (st->command->flags & DM_STATS_MAY_ALL || st->s->alldevices)
			return each_of_all(st);
		return cmd_usage(r, "which device? or --alldevices");
	}
	do {
		code = dm_tool_which(&st->t, i < r->argc ? r->argv[i] : NULL, &st->which);
		code = code ? code : on_device(st, false);
	} while (!code && ++i < r->argc);
	return code;
}

/* A word of the user's, which the kernel keeps in a line */
static bool is_word(const char *word, char none_of)
{
	for (; word && *word; word++)
		if (str_is_space(*word) || (u8)*word == 0xa0 || *word == none_of)
			return false;
	return true;
}

/* Exactly one of what the command wants */
static enum exit_code check_options(struct dm_stats *st)
{
	const struct dm_stats_options *s = st->s;
	u32 wants = st->command->wants;
	u32 has = s->allregions | (s->regionid != DM_STATS_NONE) << 1 |
		  (s->groupid != DM_STATS_NONE) << 2 | !!s->regions << 3;

	has &= wants | WANTS_REGION;
	if (has & (has - 1) || (wants && !has))
		return cmd_usage(st->run, "want one of%s%s%s",
				 wants & DM_STATS_REGIONS ? " --regions" : "",
				 wants & DM_STATS_GROUPID ? " --groupid" : "",
				 wants & DM_STATS_REGIONID ? " --regionid, --allregions" : "");
	if (s->allprograms && s->programid)
		return cmd_usage(st->run, "either --allprograms or --programid");
	if (!is_word(s->programid, ' ') || !is_word(s->userdata, ' ') || !is_word(s->alias, ':'))
		return cmd_usage(st->run,
				 "words have no blanks, and --alias no colon");
	return EXIT_OK;
}

static enum exit_code run_command(struct dm_stats *st)
{
	const struct dm_stats_options *s = st->s;
	struct pages scratch;
	enum exit_code code = check_options(st);
	int err = pages_map(&scratch, 4 * DM_STATS_TEXT_BYTES + DM_STATS_MADE_BYTES);

	if (err)
		return cmd_fail(st->run, EXIT_MEMORY, err, "no memory");
	st->scratch = scratch.addr;
	st->text.text = st->scratch;
	st->text.size = DM_STATS_TEXT_BYTES;
	st->row.st = st;
	st->program = s->programid ? s->programid : "dmstats";
	/* a region that is to be printed by its id may be anybody's */
	if (s->allprograms || (st->command->flags & DM_STATS_PRINTS && !s->allregions))
		st->program = "";
	code = code ? code : dm_tool_open(&st->t, st->run);
	if (code)
		return code;
	/* the program's end frees all there is */
	if (st->command->flags & DM_STATS_CREATES)
		return dm_stats_create(st);
	return st->command->flags & DM_STATS_REPORTS ? dm_stats_view(st) : dm_stats_each(st);
}

static enum exit_code stats_run(const struct cmd_run *r)
{
	struct dm_stats st = { .run = r, .s = &dm_options(r)->stats };
	const char *name = r->argv[0];

	for (st.command = commands; st.command < commands + ARRAY_SIZE(commands); st.command++)
		if (str_eq(name, st.command->name))
			return run_command(&st);
	if (str_eq(name, "version"))
		return cmd_dm_version.run(r);
	if (!str_eq(name, "help"))
		return cmd_usage(r, "stats has no command %s; see --help", name);
	if (dm_options(r)->columns)
		report_help(dm_sections, DM_NR_SECTIONS, r->out);
	else
		help_cmd(r->out, r->cmd);
	return EXIT_OK;
}

const struct cmd cmd_dm_stats = {
	.text = CMD_TEXT("dm", "stats", "COMMAND [DEVICE...]",
			 "count what is read and written, by regions of devices",
			 "Commands: create, delete, clear, list, print, report, group, ungroup,\n"
			 "help (-c: the fields of reports), version.\n"),
	DM_OPTIONS(DM_SETS(DEVICE) | DM_SETS(OPTIONS) | DM_SETS(REPORT) | DM_SETS(SELECT) |
		   DM_SETS(JSON) | DM_SETS(STATS)),
	.min_args = 1,
	.max_args = CMD_ANY_ARGS,
	.run = stats_run,
};
