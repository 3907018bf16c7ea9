/* SPDX-License-Identifier: MIT */
/* bareblk ublk stat: what a server counts, and how far its target has copied. */
#include <asm/ioctls.h>
#include <asm/termios.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "tools/text/json.h"
#include "tools/ublk_ask.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"

#define NR_NUMBERS 1024
#define NAME_BYTES 56
#define BAR_CHARS 24
#define WATCH_US 1000000

struct number {
	char name[NAME_BYTES];
	u64 value;
	bool is_target;
};

/* One answer */
struct numbers {
	u32 nr;
	struct number all[NR_NUMBERS];
};

static void take_number(void *ctx, const char *who, const char *name, u64 value)
{
	struct numbers *n = ctx;
	struct number *new = &n->all[n->nr];

	if (n->nr == NR_NUMBERS || str_copy(new->name, sizeof(new->name), name) < 0)
		return;
	new->value = value;
	new->is_target = str_eq(who, "target");
	n->nr++;
}

/* "mirror2." of "mirror2.copied_bytes", whose total is to be found */
struct copying {
	int prefix_chars;
	const char *name;
	u64 copied;
	u64 total;
};

/* PREFIX.@what of the same target; 0: it has none */
static u64 number_of(const struct numbers *n, const struct copying *c, const char *what)
{
	char name[NAME_BYTES];

	fmt_print(name, sizeof(name), "%.*s.%s", c->prefix_chars, c->name, what);
	for (u32 i = 0; i < n->nr; i++)
		if (str_eq(n->all[i].name, name))
			return n->all[i].value;
	return 0;
}

static bool find_copying(const struct numbers *n, u32 *at, struct copying *c)
{
	for (; *at < n->nr; ++*at) {
		const struct number *copied = &n->all[*at];
		const char *end = str_find(copied->name, ".copied_bytes");

		if (!end)
			continue;
		c->name = copied->name;
		c->prefix_chars = (int)(end - copied->name);
		c->copied = copied->value;
		c->total = number_of(n, c, "total_bytes");
		if (c->total) {
			++*at;
			return true;
		}
	}
	return false;
}

/* Four digits and a unit, for an eye */
static void add_about(struct fmt_buf *out, u64 bytes)
{
	u32 unit = 0;

	for (; bytes >= 10000; bytes >>= 10)
		unit++;
	fmt_add(out, "%llu%c", bytes, "BKMGTPE"[unit]);
}

/* A product that is too large for 64 bits has a total that keeps the share below @of. */
static u64 share(const struct copying *c, u64 of)
{
	return c->copied >= c->total ? of : c->copied * of / c->total;
}

static void add_bar(struct fmt_buf *out, const struct copying *c, u64 per_s)
{
	u64 full = share(c, BAR_CHARS);
	u64 left_s;

	fmt_add(out, "%.*s [", c->prefix_chars, c->name);
	fmt_add_fill(out, '#', full);
	fmt_add_fill(out, '.', BAR_CHARS - full);
	fmt_add(out, "] %llu %%  ", share(c, 100));
	add_about(out, c->copied);
	fmt_add(out, " of ");
	add_about(out, c->total);
	if (!per_s || c->copied >= c->total)
		return;
	fmt_add(out, ", ");
	add_about(out, per_s);
	left_s = (c->total - c->copied) / per_s;
	fmt_add(out, "/s, %llu:%02llu left", left_s / 60, left_s % 60);
}

/* struct watcher - the first answer of several, and when it came */
struct watcher {
	const struct cmd_run *r;
	const struct ask_values *v;
	struct ublksrv_ctrl_dev_info info;
	struct numbers first;
	struct numbers now;
	u64 begin_ms;
	bool is_terminal;
};

static u64 now_ms(void)
{
	struct __kernel_timespec ts = { 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

/* On a terminal over the one before */
static void add_bars(struct watcher *w)
{
	struct fmt_buf *out = w->r->out;
	u64 ms = now_ms() - w->begin_ms;
	bool overwrites = w->v->watch && w->is_terminal;
	struct copying c;
	u32 nr = 0;

	for (u32 at = 0; find_copying(&w->now, &at, &c); nr++) {
		u64 first = w->first.all[at - 1].value;

		fmt_add(out, overwrites && !nr ? "\r  " : "  ");
		add_bar(out, &c, c.copied < first ? 0 : (c.copied - first) * 1000 / (ms + 1));
		if (!overwrites)
			fmt_add(out, "\n");
	}
	if (overwrites)
		fmt_add(out, "\033[K");
}

static void add_numbers(const struct watcher *w)
{
	struct fmt_buf *out = w->r->out;

	for (u32 i = 0; i < w->now.nr; i++) {
		const struct number *n = &w->now.all[i];
		char text[FMT_SIZE_MAX];

		if (str_ends(n->name, "_bytes"))
			fmt_size(text, n->value);
		else
			fmt_print(text, sizeof(text), "%llu", n->value);
		fmt_add(out, "  %-30s %s\n", n->name, text);
	}
}

static void add_json(const struct watcher *w)
{
	struct json j = { .out = w->r->out };

	json_add(&j, "{id%u", w->info.dev_id);
	for (u32 group = 0; group < 2; group++) {
		if (group)
			json_open(&j, "target", '{');
		for (u32 i = 0; i < w->now.nr; i++)
			if (w->now.all[i].is_target == group)
				json_u64(&j, w->now.all[i].name, w->now.all[i].value);
	}
	json_close(&j, '}');
	json_close(&j, '}');
	fmt_add(w->r->out, "\n");
}

/* Numbers, and how far it is; while it is being watched that alone, if it is going on */
static void show(struct watcher *w, bool is_first)
{
	struct copying c;
	u32 at = 0;

	if (w->v->json) {
		add_json(w);
	} else {
		if (is_first || !find_copying(&w->now, &at, &c)) {
			fmt_add(w->r->out, "/dev/ublkb%u\n", w->info.dev_id);
			add_numbers(w);
		}
		add_bars(w);
	}
	cmd_flush(w->r);
}

static enum exit_code ask(struct watcher *w)
{
	w->now.nr = 0;
	return ublk_ask(w->r, &w->info, "stat", take_number, &w->now);
}

/* What has not copied all yet; *is_done: there is none. One that has lost a leg never will. */
static enum exit_code look(const struct watcher *w, bool *is_done)
{
	struct copying c;
	u64 leg;

	*is_done = true;
	for (u32 at = 0; find_copying(&w->now, &at, &c);) {
		if (c.copied >= c.total)
			continue;
		leg = number_of(&w->now, &c, "failed_leg");
		if (leg)
			return cmd_fail(w->r, EXIT_FAILURE, 0, "%.*s has lost its leg %llu and copies "
					"nothing: the message reconnect tries it again",
					c.prefix_chars, c.name, leg);
		*is_done = false;
	}
	return EXIT_OK;
}

/* Until it is copied; what copies nothing is watched for ever. */
static enum exit_code watch(struct watcher *w)
{
	enum exit_code code;
	struct copying c;
	u32 at = 0;
	bool copies = find_copying(&w->now, &at, &c);
	bool is_done;

	if (!w->v->watch)
		return EXIT_OK;
	for (;;) {
		code = look(w, &is_done);
		if (code || (copies && is_done))
			return code;
		(void)deadline_sleep_us(DEADLINE_NEVER, WATCH_US);
		code = ask(w);
		if (code)
			return code;
		show(w, false);
	}
}

static enum exit_code stat_run(const struct cmd_run *r)
{
	struct watcher w = { .r = r, .v = r->values };
	struct winsize size;
	enum exit_code code = ublk_ask_find(r, &w.info);

	if (!code)
		code = ask(&w);
	if (code)
		return code;
	w.first = w.now;
	w.begin_ms = now_ms();
	w.is_terminal = sys_ioctl(1, TIOCGWINSZ, &size) >= 0;
	show(&w, true);
	code = watch(&w);
	if (w.v->watch && w.is_terminal && !w.v->json)
		fmt_add(r->out, "\n");
	return code;
}

const struct cmd cmd_ublk_stat = {
	.text = CMD_TEXT("ublk", "stat", "DEVICE", "print the numbers of a disk that is served",
			 "Those of its targets, as far as they count; and for one that copies a bar, with\n"
			 "--watch also how fast it is and how long it will take.\n"),
	.opts = &ask_opts,
	.sets = ASK_SETS(ASK_STAT),
	.min_args = 1,
	.max_args = 1,
	.run = stat_run,
};
