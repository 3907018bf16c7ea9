/* SPDX-License-Identifier: MIT */
/*
 * Live devices made as a file declares them, or everything left as it was. Both ways
 * there are four passes, which go up by the tables that devices get, and down by those
 * that they had:
 *
 *	prepare  up: new devices, and tables loaded, that need no other's new table
 *	hold     down: those that get another table are suspended, so that nothing goes
 *		 from one to another while they do not fit together
 *	swap     up: what was late is loaded, all of them are resumed
 *	remove   down: what is to go
 *
 * While devices are suspended the root filesystem may be on one of them: nothing
 * is loaded from it, waited for or written then.
 */
#include <asm/errno.h>
#include <asm/mman.h>
#include <asm/signal.h>
#include <linux/signalfd.h>
#include <linux/time_types.h>

#include "tools/dm/apply.h"
#include "tools/dm/change.h"
#include "uapi/rt/free/signal.h"
#include "uapi/sys.h"

#define STEP_S	  30 /* for I/O in flight, when a device is suspended */
#define REMOVE_MS 5000
#define STOPPERS                                                                                  \
	(SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGTERM))

/* Every second one goes down, by the tables of the other side. */
enum pass {
	PREPARE,
	HOLD,
	SWAP,
	REMOVE,
	NR_PASSES,
};

/* Interrupts a command that waits for I/O, again and again */
static void set_alarm(void)
{
	const struct __kernel_old_itimerval timer = {
		.it_value = { .tv_sec = STEP_S },
		.it_interval = { .tv_sec = 1 },
	};

	(void)sys_setitimer(0, &timer, NULL);
}

static int suspend(const struct apply *a, struct apply_item *it)
{
	it->is_at[APPLY_OLD] = false;
	return dm_suspend(a->t.control_fd, dm_by_dev(it->dev), dm_change_io_flags(&a->t), NULL);
}

static int resume(struct apply *a, struct apply_item *it)
{
	struct dm_info info;
	int err = dm_resume(a->t.control_fd, dm_by_dev(it->dev), 0, dm_nodes_event(&a->nodes),
			    &info);

	it->is_loaded = false; /* live now, or destroyed */
	dm_nodes_after(&a->nodes, err, &info);
	if (!err)
		dm_nodes_add(&a->nodes, &info);
	return err;
}

static int remove(struct apply *a, struct apply_item *it)
{
	struct dm_info info;
	int err = dm_remove_retry(a->t.control_fd, dm_by_dev(it->dev), dm_nodes_event(&a->nodes),
				  REMOVE_MS, &info);

	it->is_at[APPLY_OLD] = false;
	dm_nodes_after(&a->nodes, err, &info);
	if (err)
		return err;
	dm_nodes_del(&a->nodes, it->name, it->dev);
	it->is_there = false;
	it->is_at[a->to] = true;
	return 0;
}

/* Modules cannot be loaded while what they are on is suspended. */
static void load_types(const struct apply *a, const struct dm_table *t)
{
	struct dm_version version;
	struct dm_target line;
	u32 pos = 0;

	while (dm_table_next(t, &pos, &line))
		(void)!dm_target_version(a->t.control_fd, line.type, &version);
}

static int create(struct apply *a, struct apply_item *it)
{
	struct dm_info info;
	int err = dm_create(a->t.control_fd, it->name, it->uuid, it->minor, &info);

	if (err)
		return err;
	it->dev = info.dev;
	it->is_there = true;
	return 0;
}

/* The table of the side that it goes to; one that has to wait for others is not loaded. */
static int load(struct apply *a, struct apply_item *it, bool may_wait)
{
	struct dm_table t;
	int err = apply_look(a, it, a->to, &t);

	if (!err && a->look.is_late && may_wait) {
		load_types(a, &t);
	} else if (!err) {
		it->is_at[APPLY_OLD] = false;
		err = it->is_there ? 0 : create(a, it);
		if (!err)
			err = dm_load(a->t.control_fd, dm_by_dev(it->dev), &t,
				      it->flags[a->to] & DM_READONLY_FLAG, NULL);
		it->is_loaded = !err;
	}
	dm_table_free(&t);
	return err;
}

/* There is another table on the way to the new side, and on the way back if it was left. */
static int step(struct apply *a, struct apply_item *it, enum pass pass)
{
	const bool is_swap = it->action >= APPLY_CREATE &&
			     (a->to == APPLY_NEW || it->is_at[APPLY_NEW]);
	const bool is_held = it->flags[a->to] & DM_SUSPEND_FLAG;
	int err = 0;

	if (pass == REMOVE)
		return it->is_there ? remove(a, it) : 0;
	if (pass == HOLD)
		return is_swap && it->action == APPLY_RELOAD ? suspend(a, it) : 0;
	if (!is_swap)
		err = dm_clear(a->t.control_fd, dm_by_dev(it->dev), NULL);
	else if (!it->is_loaded)
		err = load(a, it, pass == PREPARE);
	if (err || (is_swap && !it->is_loaded) || (pass == PREPARE && it->action == APPLY_RELOAD))
		return err;
	it->is_at[APPLY_OLD] = false;
	if (is_swap || !is_held)
		err = resume(a, it);
	if (!err && is_held)
		err = suspend(a, it);
	it->is_at[a->to] = true; /* maybe: one that cannot be resumed has the new table */
	return err;
}

/* Told when nothing is suspended any more: who reads it may be on what is. */
static void fail(struct apply *a, struct apply_item *it)
{
	a->failed = it;
	a->failed_err = it->err;
	it->err = 0;
	a->failed_there = it->is_there;
}

/* A signal that the caller would have died of */
static bool is_stopped(struct apply *a)
{
	struct signalfd_siginfo info;

	if (sys_read(a->signal_fd, &info, sizeof(info)) != sizeof(info))
		return false;
	a->signal = info.ssi_signo;
	return true;
}

/* Each pass goes through the levels, and at each of them through its devices. */
static bool is_for(const struct apply *a, const struct apply_item *it, enum pass pass, u32 level)
{
	const u32 is_down = pass % 2;
	const bool goes = it->action == (a->to == APPLY_OLD ? APPLY_CREATE : APPLY_REMOVE);

	if (is_down)
		level = a->max_level - level;
	return level == it->level[a->to ^ is_down] && goes == (pass == REMOVE) && !it->is_at[a->to];
}

/* Taking it back goes on whatever comes of it. */
static bool go(struct apply *a, enum pass pass)
{
	for (u32 level = 0; level <= a->max_level; level++)
		for (struct apply_item *it = a->items; it < a->end; it++) {
			if (!is_for(a, it, pass, level))
				continue;
			set_alarm();
			it->err = step(a, it, pass);
			if (it->err == -EINTR)
				it->err = -ETIME;
			if (a->to == APPLY_NEW && (it->err || is_stopped(a))) {
				fail(a, it);
				return false;
			}
		}
	return true;
}

static bool go_all(struct apply *a)
{
	bool is_done = true;

	for (u32 pass = 0; is_done && pass < NR_PASSES; pass++)
		is_done = go(a, pass);
	return is_done;
}

static enum exit_code tell(const struct apply *a)
{
	const struct apply_item *it = a->failed;
	enum exit_code code;
	bool is_whole = true;

	if (a->signal)
		code = cmd_fail(a->t.r, EXIT_FAILURE, 0, "stopped by signal %u", a->signal);
	else if (a->failed_there)
		code = apply_fail(a, it, a->failed_err);
	else
		code = cmd_fail(a->t.r, EXIT_BUSY, a->failed_err,
				"%s: the name, the uuid or the minor is taken or cannot be", it->name);
	for (it = a->items; it < a->end; it++) {
		if (!it->err)
			continue;
		cmd_say(a->t.r, "%s could not be put back: %s", it->name, err_text(it->err));
		is_whole = false;
	}
	if (is_whole)
		cmd_say(a->t.r, "everything is as it was");
	return code;
}

static void on_alarm(int nr)
{
	(void)nr;
}

enum exit_code apply_run(struct apply *a)
{
	enum exit_code code = dm_nodes_begin(&a->nodes, &a->t);

	if (code)
		return code;
	dm_tool_listen(&a->t);
	(void)!signal_handle(SIGALRM, on_alarm, 0);
	(void)!signal_block(STOPPERS, NULL);
	a->signal_fd = signal_fd(STOPPERS, true);
	(void)sys_mlockall(MCL_CURRENT);
	if (!go_all(a)) {
		a->to = APPLY_OLD;
		(void)go_all(a);
		code = tell(a);
	}
	(void)!signal_ignore(SIGALRM);
	dm_nodes_end(&a->nodes);
	return code;
}
