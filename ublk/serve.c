/* SPDX-License-Identifier: MIT */
/*
 * Running the queues of a device. Threads count themselves ready or failed
 * before START_DEV is sent, so that one that fails cannot leave it waiting, and
 * ended when they go. Without a thread hook the caller's thread is the queue's,
 * and its control ring is watched from the queue's ring.
 */
#include "ublk/serve.h"

#include <asm/errno.h>
#include <linux/prctl.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

/* A count went up: whoever waits in wait_progress() looks again. */
static void make_progress(struct ublk_dev *dev, u32 *count)
{
	__atomic_fetch_add(count, 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&dev->progress, 1, __ATOMIC_RELEASE);
	deadline_wake_word(&dev->progress);
}

static u32 count_of(const u32 *count)
{
	return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

static void set_up_thread(struct ublk_dev_thread *dt)
{
	char name[UBLK_NAME_BYTES + 8];

	/* All are wishes: a queue that gets none works as well. */
	(void)sys_prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	fmt_print(name, sizeof(name), "%.9s-q%u", dt->dev->name, dt->idx);
	(void)sys_prctl(PR_SET_NAME, (u64)(uintptr_t)name, 0, 0, 0);
	if (dt->nr_words)
		(void)sys_sched_setaffinity(0, dt->nr_words * sizeof(u64), dt->cpus);
}

static void count_end(struct ublk_dev *dev, int err, u32 *count)
{
	s32 none = 0;
	u64 one = 1;

	if (err)
		__atomic_compare_exchange_n(&dev->queue_err, &none, err, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	make_progress(dev, count);
	(void)sys_write(dev->ended_fd, &one, sizeof(one));
}

static void queue_ended(struct ublk_dev_thread *dt, int err)
{
	count_end(dt->dev, err, &dt->dev->nr_ended);
}

/* What the loop or the worker ended with; the memory goes after the ring, since
 * the kernel may know of it until then */
static int end(struct ublk_dev_thread *dt, int err)
{
	if (!err)
		err = dt->w.err;
	ublk_loop_exit(&dt->own_loop);
	ublk_worker_exit(&dt->w);
	return err;
}

/* 0, or -errno: if there is a worker, it is leaving */
static int begin(struct ublk_dev_thread *dt)
{
	const struct ublk_worker_setup *setup = &dt->dev->setup;
	struct ublk_worker_needs needs;
	int err;

	ublk_worker_needs(setup, dt->idx, &needs);
	dt->loop = &dt->own_loop;
	err = ublk_loop_init(dt->loop, needs.nr_entries, needs.nr_slots);
	if (err)
		return diag_set(&dt->why, err, "queue %u could not make its ring", dt->idx);
	return ublk_worker_init(&dt->w, dt->loop, setup, dt->idx, &dt->why);
}

/* On a loop that has others, too. No thread ends, to be joined: the last that this one
 * does with the device's memory is to count itself. */
static void left_shared(struct ublk_worker *w)
{
	struct ublk_dev_thread *dt = CONTAINER_OF(w, struct ublk_dev_thread, w);
	struct ublk_dev *dev = dt->dev;
	int err = w->err;

	ublk_worker_exit(w);
	dt->has_left = true;
	queue_ended(dt, err);
	__atomic_fetch_add(&dev->nr_gone, 1, __ATOMIC_RELEASE);
	deadline_wake_word(&dev->nr_gone);
}

static int wait_gone(struct ublk_dev *dev, u64 deadline)
{
	u32 seen;

	while ((seen = count_of(&dev->nr_gone)) != count_of(&dev->nr_begun)) {
		int err = deadline_wait_word(&dev->nr_gone, seen, deadline);

		if (err)
			return err;
	}
	return 0;
}

static void failed_shared(struct ublk_worker *w)
{
	struct ublk_dev *dev = CONTAINER_OF(w, struct ublk_dev_thread, w)->dev;

	count_end(dev, w->err, &dev->nr_stuck);
}

/* 0, or -errno: it will have left when the kernel has given its tags back */
static int begin_shared(struct ublk_loop *loop, struct ublk_dev_thread *dt)
{
	dt->loop = loop;
	return ublk_worker_init(&dt->w, loop, &dt->dev->setup, dt->idx, &dt->why);
}

static void begin_called(struct ublk_loop *loop, struct ublk_loop_call *call)
{
	struct ublk_dev_thread *dt = CONTAINER_OF(call, struct ublk_dev_thread, call);
	struct ublk_dev *dev = dt->dev;
	int err = begin_shared(loop, dt);

	make_progress(dev, err ? &dev->nr_failed : &dev->nr_ready);
}

static void queue_thread(void *arg)
{
	struct ublk_dev_thread *dt = arg;
	struct ublk_dev *dev = dt->dev;
	int err;

	set_up_thread(dt);
	err = begin(dt);
	if (err)
		count_end(dev, err, &dev->nr_failed);
	else
		make_progress(dev, &dev->nr_ready);
	if (dt->w.setup)
		err = ublk_loop_run(dt->loop);
	/* Its ring is not closed by a thread that lives, see serve_let_go() */
	queue_ended(dt, count_of(&dev->leave) == UBLK_LEAVE_UNANSWERED ? err : end(dt, err));
}

/* The kernel's answer for each queue: one is what it thinks of every CPU */
static void ask_affinity(struct ublk_dev *dev, struct ublk_dev_thread *dt)
{
	u16 nr_queues = dev->info.nr_hw_queues;
	int ret;

	if (dev->opts.affinity == UBLK_AFFINITY_MASK) {
		dt->nr_words = dev->opts.nr_cpu_words;
		if (dt->nr_words > ARRAY_SIZE(dt->cpus))
			dt->nr_words = ARRAY_SIZE(dt->cpus);
		memcpy(dt->cpus, dev->opts.cpu_mask, dt->nr_words * sizeof(u64));
	} else if (dev->opts.affinity == UBLK_AFFINITY_KERNEL && nr_queues > 1 &&
		   dev->setup.nr_workers >= nr_queues) {
		u16 queue = dt->idx % nr_queues;

		ret = ublk_ctrl_get_affinity(dev->ctrl, ublk_ctrl_id(&dev->info), queue, dt->cpus,
					     dev->opts.timeout_ms);
		dt->nr_words = ret > 0 ? (u32)ret : 0;
	}
}

static int start_thread(struct ublk_dev *dev, u16 idx)
{
	const struct ublk_threads *hook = dev->opts.threads;
	struct ublk_dev_thread *dt = &dev->workers[idx];
	int err;

	dt->dev = dev;
	dt->idx = idx;
	__atomic_fetch_add(&dev->nr_begun, 1, __ATOMIC_RELEASE);
	if (dev->opts.loops) {
		dt->call.fn = begin_called;
		ublk_loop_call(ublk_loops_next(dev->opts.loops), &dt->call);
		dev->nr_threads++;
		return 0;
	}
	ask_affinity(dev, dt);
	err = hook->start(hook->ctx, idx, queue_thread, dt);
	if (err) {
		__atomic_fetch_sub(&dev->nr_begun, 1, __ATOMIC_RELEASE);
		return diag_set(&dt->why, err, "queue %u: cannot start its thread", idx);
	}
	dev->nr_threads++;
	return 0;
}

static int queue_error(const struct ublk_dev *dev, struct ublk_error *error, u32 idx, int err)
{
	const char *why = dev->workers[idx].why.text;

	ublk_error_set(error, "start queue", (s32)dev->info.dev_id, err, "%s", why);
	if (error)
		error->queue = (s32)idx;
	return err;
}

static int begin_here(struct ublk_dev *dev, struct ublk_error *error)
{
	struct ublk_dev_thread *dt = &dev->workers[0];
	int err;

	dt->dev = dev;
	err = dev->opts.loops ? begin_shared(ublk_loops_next(dev->opts.loops), dt) : begin(dt);
	dev->nr_begun = dt->w.setup ? 1 : 0;
	dev->nr_ready = !err;
	if (err) {
		queue_error(dev, error, 0, err);
		(void)!serve_end(dev, deadline_in_ms(dev->opts.timeout_ms), false);
	}
	return err;
}

/* Which queue failed, and why; its thread has ended */
static int report_failed(struct ublk_dev *dev, struct ublk_error *error)
{
	int err = __atomic_load_n(&dev->queue_err, __ATOMIC_RELAXED);

	for (u32 i = 0; i < dev->nr_threads; i++) {
		if (dev->workers[i].why.text[0])
			return queue_error(dev, error, i, err);
	}
	return err;
}

static bool all_counted(const struct ublk_dev *dev)
{
	return count_of(&dev->nr_ready) + count_of(&dev->nr_failed) == dev->nr_threads;
}

static int wait_ready(struct ublk_dev *dev, u64 deadline)
{
	int err = 0;

	while (!err) {
		u32 seen = count_of(&dev->progress);

		if (all_counted(dev))
			return 0;
		err = deadline_wait_word(&dev->progress, seen, deadline);
	}
	return err;
}

static int begin_on_threads(struct ublk_dev *dev, u64 deadline, struct ublk_error *error)
{
	s32 id = (s32)dev->info.dev_id;
	int err = 0;

	/* More than there are queues come after the first of each, see ublk/batch.h. */
	for (u16 i = 0; !err && i < dev->setup.nr_workers; i++) {
		if (i == dev->setup.nr_queues && (wait_ready(dev, deadline) ||
						  count_of(&dev->nr_failed)))
			break;
		err = start_thread(dev, i);
	}
	if (err)
		queue_error(dev, error, dev->nr_threads, err);
	else if (wait_ready(dev, deadline))
		err = ublk_error_set(error, "start queue", id, -ETIMEDOUT,
				     "the queues were not ready in time");
	else if (count_of(&dev->nr_failed))
		err = report_failed(dev, error);
	if (err)
		(void)!serve_end(dev, deadline_in_ms(dev->opts.timeout_ms), false);
	return err;
}

/* What was rung for an earlier start must not be heard by this one. */
static void silence(int fd)
{
	u64 count;

	(void)sys_read(fd, &count, sizeof(count));
}

int serve_begin(struct ublk_dev *dev, u64 deadline, struct ublk_error *error)
{
	int err = pages_map(&dev->threads_mem, dev->setup.nr_workers * sizeof(*dev->workers));

	if (err)
		return ublk_error_set(error, "start queue", (s32)dev->info.dev_id, err,
				      "no memory for %u threads", dev->setup.nr_workers);
	dev->workers = dev->threads_mem.addr;
	dev->leave = 0;
	dev->nr_begun = 0;
	dev->nr_ready = 0;
	dev->nr_failed = 0;
	dev->nr_ended = 0;
	dev->nr_stuck = 0;
	dev->nr_gone = 0;
	dev->nr_threads = 0;
	dev->queue_err = 0;
	silence(dev->bell_fd);
	silence(dev->ended_fd);
	if (dev->opts.loops) {
		dev->setup.left = left_shared;
		dev->setup.failed = failed_shared;
	}
	err = serve_is_here(dev) ? begin_here(dev, error) : begin_on_threads(dev, deadline, error);
	if (err && !dev->nr_threads && serve_has_ended(dev)) {
		pages_unmap(&dev->threads_mem);
		dev->workers = NULL;
	}
	return err;
}

/* Waits for the answer on the control ring by serving until it is readable. */
static int call_and_step(struct ublk_dev *dev, u64 deadline)
{
	struct ublk_dev_thread *dt = &dev->workers[0];
	int ret = ublk_ctrl_submit(dev->ctrl);

	if (!ret && !dt->has_left)
		ret = ublk_loop_watch(dt->loop, dev->ctrl->wait_fd);
	while (!ret) {
		u64 left = deadline_left_ns(deadline);

		ret = ublk_ctrl_poll(dev->ctrl, dt->has_left ? left : 0);
		if (ret)
			break;
		if (!left) {
			ret = -ETIMEDOUT;
			break;
		}
		if (!dt->has_left)
			(void)!ublk_dev_step(dev, left);
	}
	if (ret > 0)
		return dev->ctrl->req.result;
	ublk_ctrl_abandon(dev->ctrl);
	return ret;
}

int serve_call(struct ublk_dev *dev, u64 deadline)
{
	u64 left_ms = deadline_left_ns(deadline) / 1000000 + 1;

	if (serve_is_here(dev) && dev->workers)
		return call_and_step(dev, deadline);
	return ublk_ctrl_call(dev->ctrl, left_ms < DEADLINE_MS_NEVER ? (u32)left_ms :
								       DEADLINE_MS_NEVER);
}

int serve_settle(struct ublk_dev *dev, u64 deadline)
{
	struct ublk_dev_thread *dt = serve_is_here(dev) ? dev->workers : NULL;
	bool serves = dt && !dt->has_left;
	int err = 0;

	if (serves && dev->ctrl->state == UBLK_CTRL_ABANDONED)
		err = ublk_loop_watch(dt->loop, dev->ctrl->wait_fd);
	while (!err) {
		u64 left = deadline_left_ns(deadline);

		err = ublk_ctrl_settle(dev->ctrl, serves ? 0 : left);
		if (err != -EBUSY)
			break;
		err = left ? 0 : -ETIMEDOUT;
		if (!err && serves)
			(void)!ublk_dev_step(dev, left);
		serves = dt && !dt->has_left;
	}
	return err;
}

int ublk_dev_step(struct ublk_dev *dev, u64 timeout_ns)
{
	struct ublk_dev_thread *dt = dev->workers;
	int ret;

	if (!dt || !serve_is_here(dev))
		return -EINVAL;
	if (dt->has_left)
		return 0;
	ret = ublk_loop_step(dt->loop, timeout_ns);
	if (dev->opts.loops)
		return ret < 0 ? ret : !dt->has_left;
	if (ret > 0)
		return 1;
	ret = end(dt, ret);
	dt->has_left = true;
	queue_ended(dt, ret);
	return ret;
}

/* By counts that stay when the queues are released: a thread that waits may
 * look only after another one has stopped the device. */
bool serve_has_ended(const struct ublk_dev *dev)
{
	return count_of(&dev->nr_ended) == count_of(&dev->nr_begun);
}

int serve_wait_ended(struct ublk_dev *dev, u64 deadline, bool or_stuck)
{
	int err = 0;

	while (!err) {
		u32 seen = count_of(&dev->progress);

		if (serve_has_ended(dev) || (or_stuck && count_of(&dev->nr_stuck)))
			return 0;
		if (!serve_is_here(dev))
			err = deadline_wait_word(&dev->progress, seen, deadline);
		else if (!deadline_left_ns(deadline))
			err = -ETIMEDOUT;
		else
			(void)!ublk_dev_step(dev, deadline_left_ns(deadline));
	}
	return err;
}

static void ring_the_bell(struct ublk_dev *dev, u32 leave)
{
	u64 one = 1;

	__atomic_store_n(&dev->leave, leave, __ATOMIC_RELEASE);
	(void)sys_write(dev->bell_fd, &one, sizeof(one));
}

static void join_all(struct ublk_dev *dev)
{
	const struct ublk_threads *hook = dev->opts.threads;

	for (u32 i = 0; !dev->opts.loops && i < dev->nr_threads; i++) {
		hook->join(hook->ctx, i);
		if (dev->leave == UBLK_LEAVE_UNANSWERED)
			(void)end(&dev->workers[i], 0);
	}
	dev->nr_threads = 0;
	pages_unmap(&dev->threads_mem);
	dev->workers = NULL;
}

/*
 * Requests that are not answered keep coming until the ring is gone. When a thread that lives
 * closes it, the kernel takes them back from two sides at once, and before 6.16 falls over
 * (6.12: use after free). A thread that ends takes them back by itself, as one that is killed.
 */
int serve_let_go(struct ublk_dev *dev, u64 deadline, bool is_answered)
{
	int err;

	ring_the_bell(dev, is_answered ? UBLK_LEAVE_ANSWERED : UBLK_LEAVE_UNANSWERED);
	err = serve_wait_ended(dev, deadline, false);
	if (!err)
		join_all(dev);
	return err;
}

int serve_end(struct ublk_dev *dev, u64 deadline, bool is_stopped)
{
	int err = 0;

	if (!dev->workers)
		return 0;
	ring_the_bell(dev, UBLK_LEAVE_ANSWERED);
	if (dev->opts.loops && !is_stopped) {
		ublk_ctrl_prep_stop(dev->ctrl, ublk_ctrl_id(&dev->info));
		err = serve_call(dev, deadline);
	}
	if (!err || err == -ENODEV)
		err = serve_wait_ended(dev, deadline, false);
	if (!err && dev->opts.loops)
		err = wait_gone(dev, deadline);
	if (!err)
		join_all(dev);
	return err;
}
