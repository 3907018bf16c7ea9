/* SPDX-License-Identifier: MIT */
/* bareblk ublk stat: what servers count, and how far their targets have copied. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/termios.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "tools/ublk_ask.h"
#include "tools/ublk_ids.h"
#include "tools/ublk_stat_numbers.h"
#include "tools/ublk_stat_show.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"

#define WATCH_US 1000000

/**
 * struct disk - one that is looked at
 * @has_counts: its server says where it counts, and that is looked at
 * @first:      what it told @begin_ms, and @was what it had counted the last time: of who watches
 */
struct disk {
	struct ublksrv_ctrl_dev_info info;
	bool has_counts;
	struct stat_counts counts;
	struct ublk_stats_snapshot was;
	struct numbers now;
	struct numbers first;
	u64 begin_ms;
};

/* struct stat - one call of the verb */
struct stat {
	const struct cmd_run *r;
	const struct ask_values *v;
	struct ctrl_child child;
	bool is_terminal;
};

static u64 now_ms(void)
{
	struct __kernel_timespec ts = { 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

static u32 timeout_ms(const struct stat *st)
{
	return (u32)(st->v->timeout_ns / 1000000);
}

/* --- looking ------------------------------------------------------------------------------ */

static void take_counts(struct disk *d)
{
	if (d->has_counts)
		ublk_stats_take(&d->counts.view, UBLK_STATS_ALL, &d->counts.now);
}

/* A server of before there were counts has none. */
static enum exit_code open_counts(const struct stat *st, struct disk *d)
{
	struct ublk_error error;
	s32 fd;
	int err = ublk_talk_ask_counts(&d->info, &fd, timeout_ms(st), &error);

	d->has_counts = false;
	if (err == -EINVAL)
		return EXIT_OK;
	if (err)
		return cmd_fail_ublk(st->r, &error);
	err = ublk_stats_open(&d->counts.view, fd);
	(void)sys_close(fd);
	if (err)
		return cmd_fail(st->r, EXIT_FAILURE, err, "device %u: what its server says that it "
				"counts in is not that, or of another version", d->info.dev_id);
	d->has_counts = true;
	d->counts.id = d->info.dev_id;
	d->counts.queues = st->v->queues;
	d->counts.requests = st->v->requests;
	take_counts(d);
	return EXIT_OK;
}

static enum exit_code ask_numbers(const struct stat *st, struct disk *d)
{
	d->now.nr = 0;
	return ublk_ask(st->r, &d->info, "stat", numbers_take, &d->now);
}

static enum exit_code look(const struct stat *st, struct disk *d)
{
	enum exit_code code = st->v->prometheus ? EXIT_OK : ask_numbers(st, d);

	return code ? code : open_counts(st, d);
}

/* --- showing ------------------------------------------------------------------------------ */

static void show_json(struct json *j, struct disk *d)
{
	json_open(j, NULL, '{');
	json_u64(j, "id", d->info.dev_id);
	numbers_add_json(j, &d->now);
	if (d->has_counts)
		stat_show_json(j, &d->counts);
	json_close(j, '}');
}

/* Numbers, and how far it is; while it is being watched that alone, if it is going on */
static void show_text(const struct stat *st, struct disk *d, bool is_first)
{
	struct fmt_buf *out = st->r->out;
	struct copying c;
	u32 at = 0;

	if (is_first || !numbers_find_copying(&d->now, &at, &c)) {
		fmt_add(out, "/dev/ublkb%u\n", d->info.dev_id);
		numbers_add_text(out, &d->now);
		if (d->has_counts)
			stat_show_text(out, &d->counts);
	}
	numbers_add_bars(out, &d->now, &d->first, now_ms() - d->begin_ms,
			 st->v->watch && st->is_terminal);
}

static void show_prometheus(const struct stat *st, struct disk *disks, u32 nr)
{
	struct stat_counts *all;
	struct pages mem;
	u32 nr_counts = 0;

	if (pages_map(&mem, nr * sizeof(*all) + 1))
		return;
	all = mem.addr;
	for (u32 i = 0; i < nr; i++)
		if (disks[i].has_counts)
			all[nr_counts++] = disks[i].counts;
	stat_show_prometheus(st->r->out, all, nr_counts);
	pages_unmap(&mem);
}

static void show(const struct stat *st, struct disk *disks, u32 nr, bool is_first)
{
	struct json j = { .out = st->r->out };
	bool is_list = st->r->argc != 1;

	if (st->v->prometheus) {
		show_prometheus(st, disks, nr);
	} else if (st->v->json) {
		if (is_list)
			json_open(&j, NULL, '[');
		for (u32 i = 0; i < nr; i++)
			show_json(&j, &disks[i]);
		if (is_list)
			json_close(&j, ']');
		fmt_add(st->r->out, "\n");
	} else {
		for (u32 i = 0; i < nr; i++)
			show_text(st, &disks[i], is_first);
	}
	cmd_flush(st->r);
}

/* --- watching ----------------------------------------------------------------------------- */

/* What has not copied all yet; *is_done: there is none. One that has lost a leg never will. */
static enum exit_code look_at_copies(const struct stat *st, const struct disk *d, bool *is_done)
{
	struct copying c;
	u64 leg;

	*is_done = true;
	for (u32 at = 0; numbers_find_copying(&d->now, &at, &c);) {
		if (c.copied >= c.total)
			continue;
		leg = numbers_of(&d->now, &c, "failed_leg");
		if (leg)
			return cmd_fail(st->r, EXIT_FAILURE, 0, "%.*s has lost its leg %llu and copies "
					"nothing: the message reconnect tries it again",
					c.prefix_chars, c.name, leg);
		*is_done = false;
	}
	return EXIT_OK;
}

/* The kernel says who serves it: that need not be who has counted until now. */
static enum exit_code find_server(struct stat *st, struct disk *d)
{
	struct ublksrv_ctrl_dev_info was = d->info;
	struct ublk_error error;
	int err = ublk_look_up(&st->child, was.dev_id, &d->info, timeout_ms(st), &error);

	if (!err)
		err = ublk_has_server(&d->info, &error);
	if (err == -ENODEV || err == -ENOTCONN)
		return cmd_fail(st->r, EXIT_NOT_FOUND, 0, "/dev/ublkb%u is no longer served by process "
				"%d", was.dev_id, was.ublksrv_pid);
	if (err)
		return cmd_fail_ublk(st->r, &error);
	if (was.ublksrv_pid == d->info.ublksrv_pid)
		return EXIT_OK;
	ublk_stats_close(&d->counts.view);
	return open_counts(st, d);
}

/* Once more: what a target tells is asked for, what is counted is there to be read. */
static enum exit_code look_again(struct stat *st, struct disk *d)
{
	enum exit_code code = find_server(st, d);

	if (!code && numbers_have_targets(&d->now))
		code = ask_numbers(st, d);
	if (code || !d->has_counts)
		return code;
	take_counts(d);
	return EXIT_OK;
}

/* Since the last time, if that is not a server ago */
static void show_since(struct stat *st, struct disk *d)
{
	struct ublk_stats_snapshot now = d->counts.now;

	if (d->was.now_ticks > now.begin_ticks)
		ublk_stats_subtract(&d->counts.now, &d->was);
	d->was = now;
	show(st, d, 1, false);
}

/* Until it is copied; what copies nothing is watched for ever. */
static enum exit_code watch(struct stat *st, struct disk *d)
{
	enum exit_code code;
	struct copying c;
	u32 at = 0;
	bool copies = numbers_find_copying(&d->now, &at, &c);
	bool is_done;

	for (;;) {
		code = look_at_copies(st, d, &is_done);
		if (code || (copies && is_done))
			return code;
		(void)deadline_sleep_us(DEADLINE_NEVER, WATCH_US);
		code = look_again(st, d);
		if (code)
			return code;
		show_since(st, d);
	}
}

/* --- which -------------------------------------------------------------------------------- */

/* What is not to be looked at, when all are meant, is no mistake. */
static bool is_skipped(const struct stat *st, int err)
{
	return !st->r->argc && (err == -ENODEV || err == -EPERM || err == -EACCES ||
				err == -ENOTCONN || err == -EOPNOTSUPP);
}

static enum exit_code find_and_look(struct stat *st, struct disk *disks, u32 *nr, u32 id)
{
	struct disk *d = &disks[*nr];
	struct ublk_error error;
	enum exit_code code;
	int err = ublk_look_up(&st->child, id, &d->info, timeout_ms(st), &error);

	if (!err)
		err = ublk_has_server(&d->info, &error);
	if (err)
		return is_skipped(st, err) ? EXIT_OK : cmd_fail_ublk(st->r, &error);
	code = look(st, d);
	if (code)
		return code;
	d->first = d->now;
	d->was = d->counts.now;
	d->begin_ms = now_ms();
	++*nr;
	return EXIT_OK;
}

/* All that can be looked at, and the first code of those that cannot */
static enum exit_code look_at_all(struct stat *st, struct disk *disks, const u32 *ids, u32 nr_ids)
{
	enum exit_code first = EXIT_OK;
	u32 nr = 0;

	for (u32 i = 0; i < nr_ids; i++) {
		enum exit_code code = find_and_look(st, disks, &nr, ids[i]);

		first = first ? first : code;
	}
	if (nr || (!first && (st->v->json || st->v->prometheus)))
		show(st, disks, nr, true);
	else if (!first)
		cmd_say(st->r, "no disk of bareblk's is served here");
	if (nr && st->v->watch && !first)
		first = watch(st, disks);
	for (u32 i = 0; i < nr; i++)
		ublk_stats_close(&disks[i].counts.view);
	return first;
}

static enum exit_code with_ids(struct stat *st, const u32 *ids, u32 nr_ids)
{
	struct ublk_error error;
	struct pages mem;
	enum exit_code code;

	if (ctrl_child_open(&st->child, &error))
		return cmd_fail_ublk(st->r, &error);
	if (pages_map(&mem, nr_ids * sizeof(struct disk) + 1))
		return cmd_fail(st->r, EXIT_MEMORY, 0, "no memory for %u disks", nr_ids);
	code = look_at_all(st, mem.addr, ids, nr_ids);
	ctrl_child_rest(&st->child);
	pages_unmap(&mem);
	return code;
}

static enum exit_code stat_run(const struct cmd_run *r)
{
	struct stat st = { .r = r, .v = r->values };
	u32 ids[UBLK_IDS_MAX];
	struct winsize size;
	enum exit_code code;
	int nr = r->argc;

	if (st.v->watch && (nr != 1 || st.v->prometheus || st.v->queues))
		return cmd_usage(r, "--watch is for one disk, and not with --prometheus or --queues");
	if (nr > UBLK_IDS_MAX)
		return cmd_usage(r, "more than %d disks", UBLK_IDS_MAX);
	for (int i = 0; i < nr; i++)
		if (ublk_id_parse(r->argv[i], &ids[i]))
			return cmd_fail(r, EXIT_USAGE, 0, "%s is not a device: 0, ublkb0 or "
					"/dev/ublkb0", r->argv[i]);
	if (!nr)
		nr = ublk_ids_all(ids);
	if (nr < 0 && nr != -ENOENT)
		return cmd_fail(r, EXIT_FAILURE, nr, "cannot list the devices");
	st.is_terminal = sys_ioctl(1, TIOCGWINSZ, &size) >= 0;
	code = with_ids(&st, ids, nr < 0 ? 0 : (u32)nr);
	if (st.v->watch && st.is_terminal && !st.v->json)
		fmt_add(r->out, "\n");
	return code;
}

const struct cmd cmd_ublk_stat = {
	.text = CMD_TEXT("ublk", "stat", "[DEVICE...]", "print what servers have counted",
			 "Of each disk, or all that bareblk serves: requests by kind, how long they took, how\n"
			 "many there were at a time, and those that are under way for more than a second. And\n"
			 "the numbers of its targets, as far as they count; for one that copies a bar, with\n"
			 "--watch also how fast it is and how long it will take.\n"),
	.opts = &ask_opts,
	.sets = ASK_SETS(ASK_STAT),
	.max_args = CMD_ANY_ARGS,
	.run = stat_run,
};
