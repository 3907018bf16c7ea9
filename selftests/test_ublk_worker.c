/* SPDX-License-Identifier: MIT */
/*
 * ublk/worker.c without the driver: workers that cannot begin, while their target
 * does something by itself. A file in memory stands for the driver's: its
 * descriptors can be mapped, and it knows none of its commands.
 */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>

#include "ring/prep_event.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "uapi/sys.h"
#include "ublk/worker.h"

#define DEPTH 4
#define TURN_NS 20000000ULL

/* A target that waits for a file to be readable, whatever it is told, or does a little */
static struct tgt_op background;
static struct tgt_slab slab;
static s32 gate_fd;
static bool is_short;
static u32 nr_open;

static void background_done(struct tgt_queue *q, struct tgt_op *op)
{
	(void)op;
	q->nr_busy--;
}

static void busy_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	(void)t;
	(void)step;
	tgt_complete(q, op, res);
}

static int busy_init(struct tgt *t, struct tgt_queue *q)
{
	struct io_uring_sqe *sqe;

	slab.queue = q;
	background = (struct tgt_op){ .tgt = t, .done = background_done, .slab = &slab };
	nr_open++;
	q->nr_busy++;
	if (is_short) {
		tgt_complete(q, &background, 0);
		/* and nothing can be registered any more */
		return ring_unregister_files(q->ring);
	}
	ASSERT_OK(tgt_reserve_sqes(q, 1));
	sqe = tgt_get_sqe(q);
	ring_prep_poll_add(sqe, gate_fd, POLLIN);
	tgt_sqe_owner(sqe, &background, 0);
	return 0;
}

static void busy_exit(struct tgt *t, struct tgt_queue *q)
{
	(void)t;
	EXPECT_EQ(q->nr_busy, 0);
	nr_open--;
}

static enum tgt_status busy_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	(void)q;
	return tgt_finish(op, (s64)op->len_bytes);
}

static const struct tgt_type busy_type = {
	.name = "busy", .queue_init = busy_init, .queue_exit = busy_exit, .submit = busy_submit,
	.cqe = busy_cqe,
};

struct bench {
	struct ublk_loop loop;
	struct ublk_worker w;
	struct ublk_worker_setup setup;
	struct ublk_stats stats;
	struct tgt tgt;
	struct tgt_tree tree;
	struct ublk_shmem shmem;
	u32 leave;
	u32 nr_left;
	u32 nr_failed;
};

static struct bench bench;

static void left(struct ublk_worker *w)
{
	EXPECT_EQ(w, &bench.w);
	bench.nr_left++;
	ublk_worker_exit(w);
}

static void failed(struct ublk_worker *w)
{
	EXPECT_EQ(w, &bench.w);
	bench.nr_failed++;
}

static int memory_file(void)
{
	int fd = sys_memfd_create("char", MFD_CLOEXEC);

	ASSERT_OK(fd);
	ASSERT_OK(sys_ftruncate(fd, 65536));
	return fd;
}

/* A worker that fails, by one step or another */
static int begin(bool shares, bool short_work, struct diag *why)
{
	struct bench *b = &bench;
	int err;

	is_short = short_work;
	*b = (struct bench){ .leave = 0 };
	err = ublk_loop_init(&b->loop, 64, 0);
	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
	if (shares)
		ASSERT_OK(ublk_loop_share(&b->loop));
	gate_fd = sys_eventfd2(0, O_CLOEXEC);
	ASSERT_OK(gate_fd);
	b->tgt = (struct tgt){
		.type = &busy_type, .submit = busy_submit, .nr_sqes = 1,
		.data_kinds = 1 << TGT_DATA_MEM,
	};
	b->tree = (struct tgt_tree){ .root = &b->tgt, .nodes = &b->tgt, .nr = 1 };
	b->setup = (struct ublk_worker_setup){
		.char_fd = memory_file(), .bell_fd = gate_fd, .nr_queues = 1, .nr_workers = 1,
		.depth = DEPTH, .max_io_bytes = 4096, .desc_bytes = sizeof(struct ublksrv_io_desc),
		.leave = &b->leave, .shmem = &b->shmem, .tree = &b->tree, .path = &ublk_path_copy,
		.left = shares ? left : NULL, .failed = shares ? failed : NULL,
		.stats = &b->stats,
	};
	ASSERT_OK(ublk_stats_make(&b->stats, &b->setup));
	return ublk_worker_init(&b->w, &b->loop, &b->setup, 0, why);
}

static void end(void)
{
	ublk_loop_exit(&bench.loop);
	ublk_worker_exit(&bench.w);
	ublk_stats_free(&bench.stats);
	(void)sys_close(bench.setup.char_fd);
	(void)sys_close(gate_fd);
}

/* It says so at once, keeps what the target uses, and leaves when that has ended. */
static void leaves_later(bool shares)
{
	struct diag why;
	u64 one = 1;

	test_row(shares ? "a shared loop" : "its own loop");
	EXPECT_ERR(begin(shares, false, &why), -EOPNOTSUPP);
	EXPECT_STREQ(why.text, "queue 0 could not fetch its tags");
	for (u32 i = 0; i < 3; i++)
		EXPECT_EQ(ublk_loop_step(&bench.loop, TURN_NS), 1);
	EXPECT_EQ(bench.w.tq.nr_busy, 1);
	EXPECT_TRUE(bench.w.tq.is_stopping);
	EXPECT_EQ(nr_open, 1);
	EXPECT_EQ(bench.nr_left, 0);
	EXPECT_EQ(bench.nr_failed != 0, shares);
	EXPECT_EQ(bench.w.err, -EOPNOTSUPP);
	EXPECT_NE(bench.w.tags, NULL);
	ASSERT_EQ(sys_write(gate_fd, &one, sizeof(one)), sizeof(one));
	for (u32 i = 0; nr_open && i < 100; i++)
		EXPECT_GE(ublk_loop_step(&bench.loop, TURN_NS), 0);
	EXPECT_EQ(nr_open, 0);
	EXPECT_EQ(bench.loop.workers, NULL);
	EXPECT_EQ(bench.nr_left, shares);
	EXPECT_EQ(bench.w.has_left, !shares);
	end();
}

static void what_is_under_way(void)
{
	leaves_later(false);
	leaves_later(true);
}

/* What waits to be looked at makes no completion that a loop would wake for. */
static void what_has_ended(void)
{
	struct diag why;

	EXPECT_ERR(begin(false, true, &why), -ENXIO);
	EXPECT_STREQ(why.text, "queue 0 could not fetch its tags");
	EXPECT_EQ(bench.w.tq.nr_busy, 0);
	EXPECT_OK(ublk_loop_run(&bench.loop));
	EXPECT_TRUE(bench.w.has_left);
	EXPECT_EQ(nr_open, 0);
	end();
}

static const struct test_case cases[] = {
	TEST("a worker that cannot begin waits for nothing, and leaves when it can",
	     what_is_under_way),
	TEST("nor for what has ended already", what_has_ended),
};
TEST_SUITE(ublk_worker, cases);
