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

static void set_up_thread(struct ublk_dev_queue *dq)
{
	char name[UBLK_NAME_BYTES + 8];

	/* Both are wishes: a queue that gets neither works as well. */
	fmt_print(name, sizeof(name), "%.9s-q%u", dq->dev->name, dq->idx);
	(void)sys_prctl(PR_SET_NAME, (u64)(uintptr_t)name, 0, 0, 0);
	if (dq->nr_words)
		(void)sys_sched_setaffinity(0, dq->nr_words * sizeof(u64), dq->cpus);
}

static void queue_ended(struct ublk_dev_queue *dq, int err)
{
	struct ublk_dev *dev = dq->dev;
	s32 none = 0;
	u64 one = 1;

	if (err)
		__atomic_compare_exchange_n(&dev->queue_err, &none, err, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	make_progress(dev, &dev->nr_ended);
	(void)sys_write(dev->ended_fd, &one, sizeof(one));
}

static void queue_thread(void *arg)
{
	struct ublk_dev_queue *dq = arg;
	struct ublk_dev *dev = dq->dev;
	int err;

	set_up_thread(dq);
	err = ublk_queue_init(&dq->q, &dev->setup, dq->idx, &dq->why);
	if (err) {
		queue_ended(dq, err);
		make_progress(dev, &dev->nr_failed);
		return;
	}
	make_progress(dev, &dev->nr_ready);
	err = ublk_queue_run(&dq->q);
	ublk_queue_exit(&dq->q);
	queue_ended(dq, err);
}

/* The kernel's answer for each queue: one is what it thinks of every CPU */
static void ask_affinity(struct ublk_dev *dev, struct ublk_dev_queue *dq)
{
	int ret;

	if (dev->opts.affinity == UBLK_AFFINITY_MASK) {
		dq->nr_words = dev->opts.nr_cpu_words;
		if (dq->nr_words > ARRAY_SIZE(dq->cpus))
			dq->nr_words = ARRAY_SIZE(dq->cpus);
		memcpy(dq->cpus, dev->opts.cpu_mask, dq->nr_words * sizeof(u64));
	} else if (dev->opts.affinity == UBLK_AFFINITY_KERNEL && dev->info.nr_hw_queues > 1) {
		ret = ublk_ctrl_get_affinity(dev->ctrl, dev->info.dev_id, dq->idx, dq->cpus,
					     dev->opts.timeout_ms);
		dq->nr_words = ret > 0 ? (u32)ret : 0;
	}
}

static int start_thread(struct ublk_dev *dev, u16 idx)
{
	const struct ublk_threads *hook = dev->opts.threads;
	struct ublk_dev_queue *dq = &dev->queues[idx];
	int err;

	dq->dev = dev;
	dq->idx = idx;
	ask_affinity(dev, dq);
	__atomic_fetch_add(&dev->nr_begun, 1, __ATOMIC_RELEASE);
	err = hook->start(hook->ctx, idx, queue_thread, dq);
	if (err) {
		__atomic_fetch_sub(&dev->nr_begun, 1, __ATOMIC_RELEASE);
		return diag_set(&dq->why, err, "queue %u: cannot start its thread", idx);
	}
	dev->nr_threads++;
	return 0;
}

static int queue_error(const struct ublk_dev *dev, struct ublk_error *error, u32 idx, int err)
{
	const char *why = dev->queues[idx].why.text;

	ublk_error_set(error, "start queue", (s32)dev->info.dev_id, err, "%s", why);
	if (error)
		error->queue = (s32)idx;
	return err;
}

static int begin_here(struct ublk_dev *dev, struct ublk_error *error)
{
	struct ublk_dev_queue *dq = &dev->queues[0];
	int err = ublk_queue_init(&dq->q, &dev->setup, 0, &dq->why);

	dq->dev = dev;
	if (err)
		return queue_error(dev, error, 0, err);
	dev->nr_begun = 1;
	dev->nr_ready = 1;
	return 0;
}

/* Which queue failed, and why; its thread has ended */
static int report_failed(struct ublk_dev *dev, struct ublk_error *error)
{
	int err = __atomic_load_n(&dev->queue_err, __ATOMIC_RELAXED);

	for (u32 i = 0; i < dev->nr_threads; i++) {
		if (dev->queues[i].why.text[0])
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

	for (u16 i = 0; !err && i < dev->info.nr_hw_queues; i++)
		err = start_thread(dev, i);
	if (err)
		queue_error(dev, error, dev->nr_threads, err);
	else if (wait_ready(dev, deadline))
		err = ublk_error_set(error, "start queue", id, -ETIMEDOUT,
				     "the queues were not ready in time");
	else if (count_of(&dev->nr_failed))
		err = report_failed(dev, error);
	if (err)
		(void)!serve_end(dev, deadline_in_ms(dev->opts.timeout_ms));
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
	int err = pages_map(&dev->queues_mem, dev->info.nr_hw_queues * sizeof(*dev->queues));

	if (err)
		return ublk_error_set(error, "start queue", (s32)dev->info.dev_id, err,
				      "no memory for %u queues", dev->info.nr_hw_queues);
	dev->queues = dev->queues_mem.addr;
	dev->leave = 0;
	dev->nr_begun = 0;
	dev->nr_ready = 0;
	dev->nr_failed = 0;
	dev->nr_ended = 0;
	dev->nr_threads = 0;
	dev->queue_err = 0;
	silence(dev->bell_fd);
	silence(dev->ended_fd);
	err = dev->opts.threads ? begin_on_threads(dev, deadline, error) : begin_here(dev, error);
	if (err && !dev->nr_threads) {
		pages_unmap(&dev->queues_mem);
		dev->queues = NULL;
	}
	return err;
}

/* Waits for the answer on the control ring by serving until it is readable. */
static int call_and_step(struct ublk_dev *dev, u64 deadline)
{
	struct ublk_dev_queue *dq = &dev->queues[0];
	int ret = ublk_ctrl_submit(dev->ctrl);

	if (!ret && !dq->has_left)
		ret = ublk_queue_watch(&dq->q, dev->ctrl->wait_fd);
	while (!ret) {
		u64 left = deadline_left_ns(deadline);

		ret = ublk_ctrl_poll(dev->ctrl, dq->has_left ? left : 0);
		if (ret)
			break;
		if (!left) {
			ret = -ETIMEDOUT;
			break;
		}
		if (!dq->has_left)
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

	if (!dev->opts.threads && dev->queues)
		return call_and_step(dev, deadline);
	return ublk_ctrl_call(dev->ctrl, left_ms < DEADLINE_MS_NEVER ? (u32)left_ms :
								       DEADLINE_MS_NEVER);
}

int serve_settle(struct ublk_dev *dev, u64 deadline)
{
	struct ublk_dev_queue *dq = dev->opts.threads ? NULL : dev->queues;
	bool serves = dq && !dq->has_left;
	int err = 0;

	if (serves && dev->ctrl->state == UBLK_CTRL_ABANDONED)
		err = ublk_queue_watch(&dq->q, dev->ctrl->wait_fd);
	while (!err) {
		u64 left = deadline_left_ns(deadline);

		err = ublk_ctrl_settle(dev->ctrl, serves ? 0 : left);
		if (err != -EBUSY)
			break;
		err = left ? 0 : -ETIMEDOUT;
		if (!err && serves)
			(void)!ublk_dev_step(dev, left);
		serves = dq && !dq->has_left;
	}
	return err;
}

int ublk_dev_step(struct ublk_dev *dev, u64 timeout_ns)
{
	struct ublk_dev_queue *dq = dev->queues;
	int ret;

	if (!dq || dev->opts.threads)
		return -EINVAL;
	if (dq->has_left)
		return 0;
	ret = ublk_queue_step(&dq->q, timeout_ns);
	if (ret > 0)
		return 1;
	ublk_queue_exit(&dq->q);
	dq->has_left = true;
	queue_ended(dq, ret);
	return ret;
}

/* By counts that stay when the queues are released: a thread that waits may
 * look only after another one has stopped the device. */
bool serve_has_ended(const struct ublk_dev *dev)
{
	return count_of(&dev->nr_ended) == count_of(&dev->nr_begun);
}

int serve_wait_ended(struct ublk_dev *dev, u64 deadline)
{
	int err = 0;

	while (!err) {
		u32 seen = count_of(&dev->progress);

		if (serve_has_ended(dev))
			return 0;
		if (dev->opts.threads)
			err = deadline_wait_word(&dev->progress, seen, deadline);
		else if (!deadline_left_ns(deadline))
			err = -ETIMEDOUT;
		else
			(void)!ublk_dev_step(dev, deadline_left_ns(deadline));
	}
	return err;
}

static void ring_the_bell(struct ublk_dev *dev)
{
	u64 one = 1;

	__atomic_store_n(&dev->leave, 1, __ATOMIC_RELEASE);
	(void)sys_write(dev->bell_fd, &one, sizeof(one));
}

int serve_end(struct ublk_dev *dev, u64 deadline)
{
	const struct ublk_threads *hook = dev->opts.threads;
	int err;

	if (!dev->queues)
		return 0;
	ring_the_bell(dev);
	err = serve_wait_ended(dev, deadline);
	if (err)
		return err;
	for (u32 i = 0; i < dev->nr_threads; i++)
		hook->join(hook->ctx, i);
	dev->nr_threads = 0;
	pages_unmap(&dev->queues_mem);
	dev->queues = NULL;
	return 0;
}
