/* SPDX-License-Identifier: MIT */
/* Loops that several devices share, and their threads. */
#include "ublk/loops.h"

#include <asm/errno.h>
#include <linux/prctl.h>

#include "uapi/rt/fmt.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"
#include "ublk/dev.h"

/* A thread that has only a ring to make is ready, or has failed, in this time */
#define READY_MS 10000

struct ublk_loops_thread {
	struct ublk_loop loop;
	struct ublk_loop_call end;
	struct ublk_loops *all;
	u32 idx;
};

static int begin(struct ublk_loops_thread *lt)
{
	const struct ublk_loops_opts *o = &lt->all->opts;
	int err = ublk_loop_init(&lt->loop, o->nr_entries, o->nr_bufs);

	if (err)
		return err;
	err = ublk_loop_share(&lt->loop);
	if (err)
		ublk_loop_exit(&lt->loop);
	return err;
}

static void tell(struct ublk_loops *l, int err)
{
	s32 none = 0;

	if (err)
		__atomic_compare_exchange_n(&l->err, &none, err, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	__atomic_fetch_add(&l->nr_told, 1, __ATOMIC_RELEASE);
	deadline_wake_word(&l->nr_told);
}

static void loop_thread(void *arg)
{
	struct ublk_loops_thread *lt = arg;
	char name[UBLK_NAME_BYTES];
	int err;

	fmt_print(name, sizeof(name), "ublk-loop%u", lt->idx);
	(void)sys_prctl(PR_SET_NAME, (u64)(uintptr_t)name, 0, 0, 0);
	(void)sys_prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	err = begin(lt);
	tell(lt->all, err);
	if (err)
		return;
	(void)!ublk_loop_run(&lt->loop);
	ublk_loop_exit(&lt->loop);
}

static int wait_told(struct ublk_loops *l)
{
	u64 deadline = deadline_in_ms(READY_MS);
	u32 nr;

	while ((nr = __atomic_load_n(&l->nr_told, __ATOMIC_ACQUIRE)) != l->nr_threads) {
		int err = deadline_wait_word(&l->nr_told, nr, deadline);

		if (err)
			return err;
	}
	return __atomic_load_n(&l->err, __ATOMIC_RELAXED);
}

static int start_threads(struct ublk_loops *l)
{
	const struct ublk_threads *hook = l->opts.threads;
	int told;
	int err = 0;

	for (u32 i = 0; !err && i < l->opts.nr_loops; i++) {
		err = hook->start(hook->ctx, i, loop_thread, &l->all[i]);
		l->nr_threads += !err;
	}
	told = wait_told(l);
	return told ? told : err;
}

static void fill_defaults(struct ublk_loops_opts *o)
{
	o->nr_loops = o->nr_loops && o->threads ? o->nr_loops : 1;
	o->nr_entries = o->nr_entries ? o->nr_entries : UBLK_LOOPS_DEFAULT_ENTRIES;
	o->nr_bufs = o->nr_bufs ? o->nr_bufs : UBLK_LOOPS_DEFAULT_BUFS;
}

COLD int ublk_loops_open(struct ublk_loops *l, const struct ublk_loops_opts *opts, struct diag *why)
{
	int err;

	*l = (struct ublk_loops){ .opts = *opts };
	fill_defaults(&l->opts);
	if (l->opts.nr_bufs > UBLK_LOOPS_MAX_BUFS)
		return diag_set(why, -EINVAL, "%u buffers of a loop: the most are %u",
				l->opts.nr_bufs, UBLK_LOOPS_MAX_BUFS);
	err = pages_map(&l->mem, (u64)l->opts.nr_loops * sizeof(*l->all));
	if (err)
		return diag_set(why, err, "no memory for %u loops", l->opts.nr_loops);
	l->all = l->mem.addr;
	for (u32 i = 0; i < l->opts.nr_loops; i++) {
		l->all[i].all = l;
		l->all[i].idx = i;
	}
	err = l->opts.threads ? start_threads(l) : begin(&l->all[0]);
	if (err) {
		if (err != -ETIMEDOUT)
			(void)!ublk_loops_close(l);
		return diag_set(why, err, "a loop could not make its ring or start its thread");
	}
	return 0;
}

static void end_called(struct ublk_loop *loop, struct ublk_loop_call *call)
{
	(void)call;
	loop->stays = false;
}

static void end_threads(struct ublk_loops *l, const struct ublk_threads *hook)
{
	for (u32 i = 0; i < l->nr_threads; i++) {
		if (!l->all[i].loop.stays) /* it has failed */
			continue;
		l->all[i].end.fn = end_called;
		ublk_loop_call(&l->all[i].loop, &l->all[i].end);
	}
	for (u32 i = 0; i < l->nr_threads; i++)
		hook->join(hook->ctx, i);
}

/* What a device's stop has waited for is seen here; what is still there, mostly so. */
static bool is_used(const struct ublk_loops *l)
{
	for (u32 i = 0; l->all && i < l->opts.nr_loops; i++)
		if (__atomic_load_n(&l->all[i].loop.workers, __ATOMIC_RELAXED))
			return true;
	return false;
}

COLD int ublk_loops_close(struct ublk_loops *l)
{
	if (is_used(l))
		return -EBUSY;
	if (l->opts.threads)
		end_threads(l, l->opts.threads);
	else if (l->all)
		ublk_loop_exit(&l->all[0].loop);
	pages_unmap(&l->mem);
	*l = (struct ublk_loops){ .nr_threads = 0 };
	return 0;
}

struct ublk_loop *ublk_loops_next(struct ublk_loops *l)
{
	u32 i = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	return &l->all[i % l->opts.nr_loops].loop;
}
