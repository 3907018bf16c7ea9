/* SPDX-License-Identifier: MIT */
/* bareblk ublk gc: devices whose servers are dead, and what those have left in /dev and /run. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time.h>

#include "tools/text/json.h"
#include "tools/ublk_ids.h"
#include "tools/ublk_memo.h"
#include "tools/ublk_remove.h"
#include "tools/ublk_serve.h"
#include "tools/ublk_show.h"
#include "tools/ublk_nodes.h"
#include "uapi/rt/free/signal.h"
#include "uapi/rt/pages.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"
#include "ublk/dev.h"

/* A server that has made a device opens it sooner than this. */
#define YOUNG_S 10

/* Where nobody else makes nodes, it makes its own, in less than this. */
#define NODE_US 500000

struct gc_values {
	u64 timeout_ns;
	bool all;
	bool adopts;
	bool supervised;
	bool is_dry;
	bool json;
};

static void set_defaults(const struct cmd_run *r, void *values)
{
	struct gc_values *v = values;

	(void)r;
	v->timeout_ns = UBLK_DEFAULT_TIMEOUT_MS * 1000000ULL;
}

#define OPTIONS(X)										\
	X(struct gc_values, all,								\
	  OPT_TEXT("all", "", "also devices that other programs have made"),			\
	  .kind = OPT_FLAG)									\
	X(struct gc_values, adopts,								\
	  OPT_TEXT("adopt", "", "give those that wait for a server another one"),		\
	  .kind = OPT_FLAG)									\
	X(struct gc_values, supervised,								\
	  OPT_TEXT("supervise", "", "with --adopt: see to it that yet another one goes on"),	\
	  .kind = OPT_FLAG)									\
	X(struct gc_values, is_dry,								\
	  OPT_TEXT("dry-run", "", "only say what would be done"), .kind = OPT_FLAG)		\
	X(struct gc_values, json,								\
	  OPT_TEXT("json", "", "an array of objects"), .kind = OPT_FLAG)			\
	X(struct gc_values, timeout_ns,								\
	  OPT_TEXT("timeout", "TIME",								\
		   "how long the kernel may take for each step (default 30s)")			\
	  OPT_RANGE("1ms", "24h"),								\
	  .kind = OPT_DURATION)

struct gc {
	const struct cmd_run *r;
	const struct gc_values *v;
	struct ctrl_child child;
	struct json json;
	struct ublk_view view; /* of the device that is looked at */
	struct ublk_nodes nodes;
	u32 nr_others;
	enum exit_code code;
};

static u32 id_of(const struct gc *g)
{
	return g->view.info.dev_id;
}

static void say(struct gc *g, const char *what, const char *why)
{
	const char *state = ublk_view_state(&g->view);
	char path[24];

	fmt_print(path, sizeof(path), "/dev/ublkb%u", id_of(g));
	if (g->v->json)
		json_add(&g->json, "{id%u path%s state%s ours%i action%s why%s}", id_of(g), path,
			 state, ublk_view_is_ours(&g->view), what, why);
	else
		fmt_add(g->r->out, "%-16s %-8s %s%s%s\n", path, state, what, *why ? ": " : "", why);
}

/* Since ADD_DEV, by the clock of its node; one without is watched for a moment. */
static bool is_young(const struct gc *g)
{
	struct __kernel_timespec now;
	struct statx sx;
	char path[24];
	s64 age_s;

	if (g->view.info.state != UBLK_S_DEV_DEAD)
		return false;
	fmt_print(path, sizeof(path), "/dev/ublkc%u", id_of(g));
	if (sys_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MTIME, &sx)) {
		(void)deadline_sleep_us(DEADLINE_NEVER, NODE_US);
		return !sys_faccessat(AT_FDCWD, path, 0);
	}
	(void)sys_clock_gettime(CLOCK_REALTIME, &now);
	age_s = now.tv_sec - sx.stx_mtime.tv_sec;
	return age_s > -YOUNG_S && age_s < YOUNG_S;
}

/* "" when nobody needs it */
static const char *why_kept(struct gc *g, char text[USERS_BYTES])
{
	if (g->view.is_stuck)
		return "another command for it does not end: bareblk ublk del --force";
	if (memo_is_claimed(id_of(g)))
		return "its supervisor, or who recovers it, is about to go on";
	if (*ublk_users(&g->nodes, text))
		return text;
	return is_young(g) ? "it has only just been made" : "";
}

static void remove_it(struct gc *g)
{
	struct remove_values values = { .timeout_ns = g->v->timeout_ns, .only_unused = true };
	struct cmd_run r = *g->r;
	char id[12];
	char *argv[] = { id, NULL };
	enum exit_code code;

	fmt_print(id, sizeof(id), "%u", id_of(g));
	r.argc = 1;
	r.argv = argv;
	r.values = &values;
	code = ublk_remove(&r, true);
	if (code)
		g->code = code;
	say(g, code ? "failed" : "removed", "");
}

/* A daemon's first process: ends when the device is served, or cannot be */
static _Noreturn void adopter_main(struct gc *g, const struct memo *memo)
{
	struct serve_values values = { 0 };
	struct cmd_run r = *g->r;
	char text[64];
	struct fmt_buf out = { .text = text, .size = sizeof(text) };
	int err = sys_chdir(memo->directory);

	r.out = &out; /* what it prints is not what is wanted here */
	r.values = &values;
	serve_opts.init(&r, &values);
	values.background = true;
	values.supervised = g->v->supervised;
	values.timeout_ns = g->v->timeout_ns;
	sys_exit_group(err ? (int)cmd_fail(&r, EXIT_FAILURE, err, "device %u: cannot go to %s",
					   id_of(g), memo->directory) :
			     (int)ublk_serve(&r, memo->spec, (s32)id_of(g), NULL));
}

static void adopt(struct gc *g, const struct memo *memo)
{
	int status = EXIT_FAILURE << 8;
	int pid;

	(void)!signal_default(SIGCHLD);
	ctrl_child_rest(&g->child);
	(void)memo_claim(id_of(g));
	pid = sys_fork();
	if (!pid)
		adopter_main(g, memo);
	if (pid > 0)
		(void)sys_wait4(pid, &status, 0);
	(void)!signal_ignore(SIGCHLD);
	if (status)
		g->code = status & 0x7f ? EXIT_FAILURE : (enum exit_code)(status >> 8);
	say(g, status ? "failed" : "adopted", status ? "" : memo->spec);
}

static void adopt_or_keep(struct gc *g)
{
	static struct memo memo;

	if (!ublk_view_is_ours(&g->view))
		say(g, "kept", "only what bareblk has made can be adopted");
	else if (memo_read(id_of(g), &memo))
		say(g, "kept", "what it was made of is not written down: bareblk ublk recover");
	else if (g->v->is_dry)
		say(g, "to adopt", memo.spec);
	else
		adopt(g, &memo);
}

static void look_at(struct gc *g)
{
	bool waits = g->view.info.state != UBLK_S_DEV_DEAD;
	char text[USERS_BYTES];
	const char *why;

	if (g->view.info.state == UBLK_S_DEV_LIVE && !g->view.is_stuck)
		return;
	if (!g->v->all && !ublk_view_is_ours(&g->view)) {
		g->nr_others++;
		return;
	}
	ublk_nodes_find(id_of(g), &g->nodes);
	/* Who has the disk is what another server is for. */
	if (waits && g->v->adopts)
		g->nodes.disk = 0;
	why = why_kept(g, text);
	if (*why)
		say(g, "kept", why);
	else if (waits && g->v->adopts)
		adopt_or_keep(g);
	else if (g->v->is_dry)
		say(g, "to remove", "");
	else
		remove_it(g);
}

static bool has_gone(u32 id)
{
	char path[48];

	fmt_print(path, sizeof(path), "/sys/class/ublk-char/ublkc%u", id);
	return sys_faccessat(AT_FDCWD, "/sys/class", 0) == 0 && sys_faccessat(AT_FDCWD, path, 0);
}

static int look_at_all(struct gc *g, const u32 *ids, int nr)
{
	u32 nr_denied = 0;

	if (g->v->json)
		json_open(&g->json, NULL, '[');
	for (int i = 0; i < nr; i++) {
		int err = ublk_view_get(&g->child, ids[i], &g->view);

		if (err == -EPERM || err == -EACCES)
			nr_denied++;
		else if (!err)
			look_at(g);
		else if (err != -ENODEV)
			return err;
	}
	if (g->v->json) {
		json_close(&g->json, ']');
		fmt_add(g->r->out, "\n");
	}
	if (g->nr_others)
		cmd_say(g->r, "not touched: %u of other programs without a server (--all)",
			g->nr_others);
	if (nr_denied)
		cmd_say(g->r, "not touched: %u that belong to others", nr_denied);
	return 0;
}

static void tidy(const struct cmd_run *r, bool is_dry)
{
	u32 nr = memo_tidy(has_gone, is_dry) + ublk_nodes_tidy(is_dry);

	if (nr)
		cmd_say(r, "%s: %u files in /run/bareblk and /dev of devices that are gone",
			is_dry ? "to remove" : "removed", nr);
}

static enum exit_code gc_run(const struct cmd_run *r)
{
	struct gc g = {
		.r = r,
		.v = r->values,
		.json = { .out = r->out },
	};
	struct ublk_error error;
	struct pages mem;
	int err = pages_map(&mem, UBLK_IDS_MAX * sizeof(u32));
	int nr;

	if (err)
		return cmd_fail(r, EXIT_MEMORY, err, "no memory for the list");
	nr = ublk_ids_all(mem.addr);
	/* At boot the driver may not be there, and is not wanted for this. */
	err = nr < 0 && nr != -ENOENT ? nr : 0;
	if (nr > 0 || g.v->json) {
		if (nr > 0 && ctrl_child_open(&g.child, &error))
			return cmd_fail_ublk(r, &error);
		err = look_at_all(&g, mem.addr, nr);
		if (nr > 0)
			ctrl_child_rest(&g.child);
	}
	tidy(r, g.v->is_dry);
	pages_unmap(&mem);
	return err ? cmd_fail(r, exit_code_of(ublk_code_of(err)), err, "cannot list the devices") :
		     g.code;
}

const struct cmd cmd_ublk_gc = {
	.text = CMD_TEXT("ublk", "gc", "", "remove devices whose servers are dead",
			 "What somebody has open or mounted is kept, and what a supervisor looks after.\n"
			 "With --adopt those that wait for a server (add --recover) get another one, and\n"
			 "wait no more; what was in a dead server's memory cannot be had.\n"),
	.opts = CMD_OPTS(OPTIONS, set_defaults),
	.run = gc_run,
};
