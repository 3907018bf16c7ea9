/* SPDX-License-Identifier: MIT */
/* What a device does when something does not go its way. */
#if !__STDC_HOSTED__

#include <asm/errno.h>
#include <asm/poll.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/device.h"
#include "selftests/broken.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

/* Longer than an answer takes that comes, shorter than a test */
#define LATE_MS 300

/* From here on the gate's reads wait; before it the kernel looks for partitions. */
#define GATE_AT (1U << 20)

/* What the targets below look at: a test's own process has them once. */
static s32 gate_fd;
static u32 nr_at_gate;
static u32 fails_on_queue;

/* gate: reads behind GATE_AT are answered when gate_fd becomes readable */

static enum tgt_status gate_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct io_uring_sqe *sqe;
	int err;

	(void)t;
	if (op->kind != TGT_READ)
		return tgt_finish(op, -EOPNOTSUPP);
	if (op->offset_bytes < GATE_AT) {
		err = tgt_zero_op(op, 0, op->len_bytes);
		return tgt_finish(op, err ? err : (s64)op->len_bytes);
	}
	err = tgt_reserve_sqes(q, 1);
	if (err)
		return tgt_finish(op, err);
	sqe = tgt_get_sqe(q);
	ring_prep_poll_add(sqe, gate_fd, POLLIN);
	tgt_sqe_owner(sqe, op, 3);
	__atomic_fetch_add(&nr_at_gate, 1, __ATOMIC_RELEASE);
	return TGT_PENDING;
}

static void gate_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	int err = res < 0 ? res : tgt_zero_op(op, 0, op->len_bytes);

	(void)t;
	EXPECT_EQ(step, 3);
	tgt_complete(q, op, err ? err : (s64)op->len_bytes);
}

static int open_small(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)arg;
	(void)values;
	(void)why;
	t->limits = (struct tgt_limits){
		.size_bytes = 8 << 20,
		.logical_shift = 9,
		.physical_shift = 12,
	};
	t->nr_sqes = 1;
	return 0;
}

static const struct tgt_type gate_target = {
	.name = "gate",
	.summary = "answers when it is told to",
	.open = open_small,
	.submit = gate_submit,
	.cqe = gate_cqe,
};

/* picky: cannot be prepared on one of the queues */

static int picky_queue_init(struct tgt *t, struct tgt_queue *q)
{
	(void)t;
	return q->idx == fails_on_queue ? -ENOMEM : 0;
}

static enum tgt_status picky_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	int err = op->kind == TGT_READ ? tgt_zero_op(op, 0, op->len_bytes) : -EOPNOTSUPP;

	(void)t;
	(void)q;
	return tgt_finish(op, err ? err : (s64)op->len_bytes);
}

static const struct tgt_type picky_target = {
	.name = "picky",
	.summary = "does not work on every queue",
	.open = open_small,
	.queue_init = picky_queue_init,
	.submit = picky_submit,
};

/* busy: the same, after it has begun something by itself that ends with gate_fd */

static struct tgt_op busy_op;
static struct tgt_slab busy_slab;

static int busy_queue_init(struct tgt *t, struct tgt_queue *q)
{
	struct io_uring_sqe *sqe;

	if (q->idx != fails_on_queue)
		return 0;
	busy_slab.queue = q;
	busy_op = (struct tgt_op){ .tgt = t, .slab = &busy_slab };
	q->nr_busy++;
	ASSERT_OK(tgt_reserve_sqes(q, 1));
	sqe = tgt_get_sqe(q);
	ring_prep_poll_add(sqe, gate_fd, POLLIN);
	tgt_sqe_owner(sqe, &busy_op, 0);
	/* What its queue wants to register next, it cannot. */
	return ring_unregister_files(q->ring);
}

static void busy_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	(void)t;
	(void)op;
	(void)step;
	(void)res;
	q->nr_busy--;
}

static const struct tgt_type busy_target = {
	.name = "busy",
	.summary = "begins something by itself",
	.open = open_small,
	.queue_init = busy_queue_init,
	.submit = picky_submit,
	.cqe = busy_cqe,
};

static const struct tgt_type *const types[] = {
	&gate_target, &picky_target, &busy_target, NULL,
};

static const bool ways[] = { true, false };

static void name_row(bool has_threads)
{
	test_row(has_threads ? "with threads" : "without threads");
}

static void start_reading(struct rig *r)
{
	const struct oracle_op op = {
		.kind = ORACLE_READ, .offset_bytes = GATE_AT, .len_bytes = 4096,
	};
	u64 end_ms = test_now_ms() + DEVICE_TIMEOUT_MS;

	blockdev_start(&r->user, blockdev_fn_do, &op, sizeof(op));
	while (!__atomic_load_n(&nr_at_gate, __ATOMIC_ACQUIRE)) {
		ASSERT_LT(test_now_ms(), end_ms);
		if (r->opts.threads)
			test_sleep_ms(1);
		else
			ASSERT_EQ(ublk_dev_step(&r->dev, 1000000), 1);
	}
}

static void check_running(struct rig *r)
{
	struct ublk_dev_info info;

	ublk_dev_info(&r->dev, &info);
	EXPECT_EQ(info.state, UBLK_DEV_RUNNING);
	EXPECT_TRUE(info.is_running);
}

static void check_late_stop(struct rig *r)
{
	u64 start_ms = test_now_ms();

	EXPECT_ERR(ublk_dev_stop(&r->dev, &r->error), -ETIMEDOUT);
	EXPECT_GE(test_now_ms() - start_ms, LATE_MS - 1);
	EXPECT_LT(test_now_ms() - start_ms, LATE_MS + DEVICE_TIMEOUT_MS);
	EXPECT_TRUE(ublk_error_is(&r->error, UBLK_TIMEOUT));
	EXPECT_STREQ(r->error.step, "STOP_DEV");
	EXPECT_EQ(r->error.dev_id, r->dev.info.dev_id);
	check_running(r);
}

static void wait_for_late(bool has_threads)
{
	u64 one = 1;
	struct rig r;

	name_row(has_threads);
	gate_fd = sys_eventfd2(0, O_NONBLOCK | O_CLOEXEC);
	ASSERT_OK(gate_fd);
	nr_at_gate = 0;
	rig_init(&r, types, "gate", has_threads);
	r.opts.timeout_ms = LATE_MS;
	rig_up(&r, O_RDONLY | O_DIRECT);
	start_reading(&r);
	check_late_stop(&r);
	check_late_stop(&r);
	EXPECT_ERR(ublk_dev_close(&r.dev, &r.error), -ETIMEDOUT);
	check_running(&r);
	EXPECT_TRUE(!blockdev_is_done(&r.user, 0));
	r.dev.opts.timeout_ms = DEVICE_TIMEOUT_MS;
	ASSERT_EQ(sys_write(gate_fd, &one, sizeof(one)), sizeof(one));
	if (ublk_dev_stop(&r.dev, &r.error))
		device_fail(&r.error);
	EXPECT_EQ(rig_wait(&r), 4096);
	rig_close(&r);
	rig_down(&r);
	(void)sys_close(gate_fd);
}

static void outlasts_a_late_target(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		wait_for_late(ways[i]);
}

static void pends(bool has_threads)
{
	u64 one = 1;
	struct rig r;

	name_row(has_threads);
	rig_init(&r, broken_types, "delay?by=200us:[delay:[ram:8M]]", has_threads);
	rig_up(&r, O_RDWR | O_DIRECT);
	for (u64 i = 0; i < 10; i++)
		rig_fill(&r, i, i * 65536, 65536);
	for (u64 i = 0; i < 10; i++)
		rig_check(&r, i, i * 65536, 65536);
	rig_down(&r);
	gate_fd = sys_eventfd2(0, O_NONBLOCK | O_CLOEXEC);
	ASSERT_OK(gate_fd);
	nr_at_gate = 0;
	rig_init(&r, types, "gate", has_threads);
	rig_up(&r, O_RDONLY | O_DIRECT);
	start_reading(&r);
	EXPECT_TRUE(!blockdev_is_done(&r.user, 20));
	ASSERT_EQ(sys_write(gate_fd, &one, sizeof(one)), sizeof(one));
	EXPECT_EQ(rig_wait(&r), 4096);
	rig_down(&r);
	(void)sys_close(gate_fd);
}

static void serves_pending(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		pends(ways[i]);
}

/* In another process: as "bareblk ublk del" does, or without stopping first */
static s64 delete_device(struct blockdev *b, void *arg)
{
	const u32 *a = arg; /* id, whether to stop */
	struct ublk_ctrl c;
	int err = 0;

	(void)b;
	device_ctrl_open(&c);
	if (a[1])
		err = ublk_ctrl_stop_dev(&c, a[0], DEVICE_TIMEOUT_MS);
	if (!err)
		err = ublk_ctrl_del_dev(&c, a[0], DEVICE_TIMEOUT_MS);
	ublk_ctrl_close(&c);
	return err;
}

static void lose_it(bool has_threads, bool stops_first)
{
	struct ublk_dev_info info;
	struct device_counts before;
	struct rig r;
	u32 arg[2];

	test_row("%s threads, %s", has_threads ? "with" : "without",
		 stops_first ? "STOP_DEV and DEL_DEV" : "DEL_DEV");
	rig_init(&r, tgt_types, "ram:8M", has_threads);
	device_count(&before);
	rig_up(&r, O_RDWR | O_DIRECT);
	rig_fill(&r, 1, 0, 65536);
	rig_close(&r);
	EXPECT_ERR(ublk_dev_release(&r.dev, &r.error), -EBUSY);
	arg[0] = r.dev.info.dev_id;
	arg[1] = stops_first;
	blockdev_start(&r.user, delete_device, arg, sizeof(arg));
	EXPECT_OK(ublk_dev_wait(&r.dev, DEVICE_TIMEOUT_MS));
	ublk_dev_info(&r.dev, &info);
	EXPECT_EQ(info.state, UBLK_DEV_STOPPED);
	if (ublk_dev_release(&r.dev, &r.error))
		device_fail(&r.error);
	EXPECT_OK(blockdev_wait(&r.user));
	EXPECT_ERR(device_kernel_state(info.dev_id), -ENODEV);
	device_check_counts(&before);
	rig_down(&r);
}

static void survives_deletion(void)
{
	for (int i = 0; i < 4; i++)
		lose_it(i & 1, i & 2);
}

/* A hook that fails for one of the queues */
struct weak_hook {
	struct device_threads threads;
	struct ublk_threads hook;
};

static int weak_start(void *ctx, u32 idx, void (*fn)(void *arg), void *arg)
{
	struct weak_hook *w = ctx;

	if (idx == fails_on_queue)
		return -EAGAIN;
	return w->threads.hook.start(w->threads.hook.ctx, idx, fn, arg);
}

static void weak_join(void *ctx, u32 idx)
{
	struct weak_hook *w = ctx;

	w->threads.hook.join(w->threads.hook.ctx, idx);
}

static void fail_to_start(struct rig *r, u32 queue, int err, const char *text)
{
	struct device_counts at_first, before;
	struct ublk_dev_info info;

	ASSERT_OK(rig_create(r));
	EXPECT_EQ(r->dev.info.nr_hw_queues, r->opts.nr_queues);
	device_count(&at_first);
	for (int round = 0; round < 3; round++) {
		device_count(&before); /* what an earlier start has counted stays */
		before.nr_tasks = at_first.nr_tasks; /* one that was joined may still be listed */
		fails_on_queue = queue;
		EXPECT_ERR(ublk_dev_start(&r->dev, &r->error), err);
		EXPECT_STREQ(r->error.step, "start queue");
		EXPECT_EQ(r->error.queue, queue);
		EXPECT_EQ(r->error.dev_id, r->dev.info.dev_id);
		EXPECT_TRUE(str_find(r->error.why.text, text) != NULL);
		device_check_counts(&before);
		ublk_dev_info(&r->dev, &info);
		EXPECT_EQ(info.state, round ? UBLK_DEV_STOPPED : UBLK_DEV_CREATED);
		EXPECT_ERR(sys_faccessat(AT_FDCWD, r->path, 0), -ENOENT);
		EXPECT_EQ(device_kernel_state(info.dev_id), UBLK_S_DEV_DEAD);
		fails_on_queue = ~0U;
		if (ublk_dev_start(&r->dev, &r->error))
			device_fail(&r->error);
		ASSERT_OK(rig_open(r, O_RDONLY | O_DIRECT));
		EXPECT_EQ(rig_do(r, ORACLE_READ, 0, 65536), 65536);
		rig_close(r);
		if (ublk_dev_stop(&r->dev, &r->error))
			device_fail(&r->error);
	}
	rig_down(r);
}

static void needs_every_thread(void)
{
	for (u32 queue = 0; queue < 2; queue++) {
		struct weak_hook w = { .hook = { weak_start, weak_join, &w } };
		struct rig r;

		test_row("queue %u", queue);
		device_thread_hook(&w.threads);
		rig_init(&r, types, "picky", true);
		r.opts.nr_queues = 2;
		r.opts.threads = &w.hook;
		fail_to_start(&r, queue, -EAGAIN, "thread");
	}
}

static void needs_every_queue(void)
{
	struct rig r;

	for (u32 queue = 0; queue < 2; queue++) {
		test_row("queue %u of 2", queue);
		rig_init(&r, types, "picky", true);
		r.opts.nr_queues = 2;
		fail_to_start(&r, queue, -ENOMEM, "prepare its target");
	}
	test_row("without threads");
	rig_init(&r, types, "picky", false);
	r.opts.nr_queues = 1;
	fail_to_start(&r, 0, -ENOMEM, "prepare its target");
}

/* Its memory is in use until then, and nobody waits for that without an end. */
static void lets_its_target_end(bool has_threads)
{
	u64 one = 1;
	struct rig r;

	name_row(has_threads);
	gate_fd = sys_eventfd2(0, O_CLOEXEC);
	ASSERT_OK(gate_fd);
	rig_init(&r, types, "busy", has_threads);
	r.opts.nr_queues = has_threads ? 2 : 1;
	ASSERT_OK(rig_create(&r));
	fails_on_queue = r.opts.nr_queues - 1;
	r.dev.opts.timeout_ms = 5 * LATE_MS;
	EXPECT_ERR(ublk_dev_start(&r.dev, &r.error), -ENXIO);
	EXPECT_STREQ(r.error.step, "start queue");
	EXPECT_EQ(r.error.queue, fails_on_queue);
	EXPECT_TRUE(str_find(r.error.why.text, "fetch its tags") != NULL);
	for (u32 i = 0; i < 2; i++) {
		EXPECT_ERR(i ? ublk_dev_start(&r.dev, &r.error) :
			       ublk_dev_close(&r.dev, &r.error), -ETIMEDOUT);
		EXPECT_STREQ(r.error.step, "stop queues");
	}
	EXPECT_EQ(device_kernel_state(r.dev.info.dev_id), UBLK_S_DEV_DEAD);
	ASSERT_EQ(sys_write(gate_fd, &one, sizeof(one)), sizeof(one));
	fails_on_queue = ~0U;
	r.dev.opts.timeout_ms = DEVICE_TIMEOUT_MS;
	if (ublk_dev_start(&r.dev, &r.error))
		device_fail(&r.error);
	ASSERT_OK(rig_open(&r, O_RDONLY | O_DIRECT));
	EXPECT_EQ(rig_do(&r, ORACLE_READ, 0, 65536), 65536);
	rig_down(&r);
	(void)sys_close(gate_fd);
}

static void lets_targets_end(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		lets_its_target_end(ways[i]);
}

static const struct test_case cases[] = {
	TEST("a start that fails lets its target end, and waits no longer than it may",
	     lets_targets_end, .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("a target that answers from the ring is served", serves_pending,
	     .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("a stop of a target that is late times out and can be repeated",
	     outlasts_a_late_target, .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("a device that somebody else deletes is let go", survives_deletion,
	     .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("a start without all of its threads fails, and a later one does not",
	     needs_every_thread, .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("a start without all of its queues fails, and a later one does not",
	     needs_every_queue, .timeout_ms = 60000, .fixture = &device_fixture),
};
TEST_SUITE(device_failure, cases);

#endif
