/* SPDX-License-Identifier: MIT */
/* Loops that several devices share: what one does is nothing to the others. */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "selftests/device.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/loops.h"
#include "ublk/targets/targets.h"

#define DISK_BYTES (8U << 20)
#define BLOCK_BYTES 65536U
#define NR_RIGS 7

struct work {
	u64 seed;
	u32 nr;
};

/* In the user's process: write a block somewhere, read it back */
static s64 work(struct blockdev *b, void *arg)
{
	struct work *w = arg;
	u8 want;

	for (u32 i = 0; i < w->nr; i++) {
		u64 at = oracle_random(&w->seed) % (DISK_BYTES / BLOCK_BYTES) * BLOCK_BYTES;

		want = (u8)w->seed;
		memset(b->buf, want, BLOCK_BYTES);
		if (sys_pwrite64(b->fd, b->buf, BLOCK_BYTES, at) != BLOCK_BYTES)
			return -1;
		memset(b->buf, ~want, BLOCK_BYTES);
		if (sys_pread64(b->fd, b->buf, BLOCK_BYTES, at) != BLOCK_BYTES)
			return -2;
		for (u32 k = 0; k < BLOCK_BYTES; k++)
			if (b->buf[k] != want)
				return -3;
	}
	return w->nr;
}

static void begin_work(struct rig *r, u64 seed, u32 nr)
{
	struct work w = { .seed = seed, .nr = nr };

	blockdev_start(&r->user, work, &w, sizeof(w));
}

/* Before any device is there: a process that is forked later holds its files. */
static void init_rigs(struct rig *rigs, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		rig_init(&rigs[i], tgt_types, "ram:8M", false);
}

static struct rig *on_loops(struct rig *r, struct ublk_loops *l)
{
	r->opts.loops = l;
	return r;
}

static void open_loops(struct ublk_loops *l, const struct ublk_loops_opts *o)
{
	struct diag why;

	if (ublk_loops_open(l, o, &why))
		test_fail("%s", why.text);
}

/* Each way to move data, and to take requests; those of them that this kernel has */
static u32 up_all_ways(struct rig rigs[NR_RIGS], struct ublk_loops *l)
{
	static const struct {
		enum ublk_mode mode;
		enum ublk_tristate batch;
	} rows[NR_RIGS] = {
		{ UBLK_MODE_COPY, UBLK_NO },	       { UBLK_MODE_GET_DATA, UBLK_NO },
		{ UBLK_MODE_USER_COPY, UBLK_NO },      { UBLK_MODE_USER_COPY_RING, UBLK_NO },
		{ UBLK_MODE_ZERO_COPY, UBLK_NO },      { UBLK_MODE_AUTO_BUF_REG, UBLK_NO },
		{ UBLK_MODE_AUTO, UBLK_YES },
	};
	u32 nr = 0;

	for (u32 i = 0; i < NR_RIGS; i++) {
		struct rig *r = on_loops(&rigs[nr], l);
		int err;

		r->opts.mode = rows[i].mode;
		r->opts.batch = rows[i].batch;
		r->opts.nr_queues = 2;
		err = rig_create(r);
		if (err == -EOPNOTSUPP)
			continue;
		if (err || ublk_dev_start(&r->dev, &r->error))
			device_fail(&r->error);
		ASSERT_OK(rig_open(r, O_RDWR | O_DIRECT));
		nr++;
	}
	return nr;
}

/* Devices that come and go beside them, in the places that the last has left */
static void come_and_go(struct rig *r, u32 nr)
{
	while (nr-- > 0) {
		r->opts.batch = nr % 2 ? UBLK_YES : UBLK_NO;
		if (rig_create(r)) {
			ASSERT_EQ(r->error.err, -EOPNOTSUPP);
			continue;
		}
		if (ublk_dev_start(&r->dev, &r->error))
			device_fail(&r->error);
		ASSERT_OK(rig_open(r, O_RDWR | O_DIRECT));
		begin_work(r, nr + 1, 5);
		EXPECT_EQ(rig_wait(r), 5);
		rig_close(r);
		if (ublk_dev_close(&r->dev, &r->error))
			device_fail(&r->error);
	}
}

static void on_threads(void)
{
	static struct rig rigs[NR_RIGS + 1];
	static struct device_threads threads;
	struct device_counts before;
	struct ublk_loops loops;
	u32 nr;

	device_count(&before);
	init_rigs(rigs, NR_RIGS + 1);
	open_loops(&loops, &(struct ublk_loops_opts){
				   .nr_loops = 2,
				   .nr_entries = 64,
				   .nr_bufs = 256,
				   .threads = device_thread_hook(&threads),
			   });
	nr = up_all_ways(rigs, &loops);
	EXPECT_GE(nr, 4);
	for (u32 i = 0; i < nr; i++)
		begin_work(&rigs[i], i + 1, 100);
	come_and_go(on_loops(&rigs[NR_RIGS], &loops), 6);
	for (u32 i = 0; i < nr; i++)
		EXPECT_EQ(rig_wait(&rigs[i]), 100);
	/* not in the order in which they came */
	for (u32 i = 0; i < nr; i += 2)
		rig_down(&rigs[i]);
	for (u32 i = 1; i < nr; i += 2) {
		begin_work(&rigs[i], i, 10);
		EXPECT_EQ(rig_wait(&rigs[i]), 10);
		rig_down(&rigs[i]);
	}
	for (u32 i = nr; i <= NR_RIGS; i++)
		blockdev_end(&rigs[i].user);
	EXPECT_OK(ublk_loops_close(&loops));
	device_check_counts(&before);
}

static void by_one_thread(void)
{
	static struct rig rigs[3];
	struct device_counts before;
	struct ublk_loops loops;

	device_count(&before);
	init_rigs(rigs, 3);
	open_loops(&loops, &(struct ublk_loops_opts){ .nr_loops = 1 });
	for (u32 i = 0; i < 3; i++)
		rig_up(on_loops(&rigs[i], &loops), O_RDWR | O_DIRECT);
	for (u32 i = 0; i < 3; i++)
		begin_work(&rigs[i], i + 1, 50);
	EXPECT_EQ(rig_wait(&rigs[0]), 50);
	/* a stop is waited for while the others are served */
	rig_down(&rigs[0]);
	EXPECT_EQ(rig_wait(&rigs[1]), 50);
	EXPECT_EQ(rig_wait(&rigs[2]), 50);
	rig_close(&rigs[2]);
	if (ublk_dev_stop(&rigs[2].dev, &rigs[2].error))
		device_fail(&rigs[2].error);
	begin_work(&rigs[1], 9, 5);
	EXPECT_EQ(rig_wait(&rigs[1]), 5);
	rig_down(&rigs[1]);
	rig_down(&rigs[2]);
	EXPECT_OK(ublk_loops_close(&loops));
	device_check_counts(&before);
}

static void start_again(void)
{
	static struct device_threads threads;
	struct ublk_loops loops;
	struct rig r;

	init_rigs(&r, 1);
	open_loops(&loops, &(struct ublk_loops_opts){ .threads = device_thread_hook(&threads) });
	rig_up(on_loops(&r, &loops), O_RDWR | O_DIRECT);
	EXPECT_ERR(ublk_loops_close(&loops), -EBUSY);
	rig_fill(&r, 3, 0, 1 << 20);
	rig_close(&r);
	for (u32 i = 0; i < 3; i++)
		if (ublk_dev_stop(&r.dev, &r.error) || ublk_dev_start(&r.dev, &r.error))
			device_fail(&r.error);
	ASSERT_OK(rig_open(&r, O_RDWR | O_DIRECT));
	rig_check(&r, 3, 0, 1 << 20);
	rig_down(&r);
	EXPECT_OK(ublk_loops_close(&loops));
}

static void fails_to_start(struct rig *r, int err, const char *text)
{
	EXPECT_OK(rig_create(r));
	EXPECT_ERR(ublk_dev_start(&r->dev, &r->error), err);
	EXPECT_TRUE(str_find(r->error.why.text, text) != NULL);
	rig_down(r);
}

/* Zero copy takes a buffer for each of 16 tags; one takes those that another has left. */
static void too_many(bool has_threads)
{
	static struct rig rigs[4];
	static struct device_threads threads;
	struct ublk_loops loops;

	init_rigs(rigs, 4);
	for (u32 i = 0; i < 4; i++)
		rigs[i].opts.mode = UBLK_MODE_ZERO_COPY;
	open_loops(&loops, &(struct ublk_loops_opts){
				   .nr_bufs = 32,
				   .threads = has_threads ? device_thread_hook(&threads) : NULL,
			   });
	if (rig_create(on_loops(&rigs[0], &loops)) == -EOPNOTSUPP)
		test_skip("no zero copy (Linux 6.15)");
	if (ublk_dev_close(&rigs[0].dev, &rigs[0].error))
		device_fail(&rigs[0].error);
	for (u32 i = 0; i < 2; i++)
		rig_up(on_loops(&rigs[i], &loops), O_RDWR | O_DIRECT);
	fails_to_start(on_loops(&rigs[2], &loops), -ENOSPC, "could not join its loop");
	rig_down(&rigs[0]);
	rig_up(on_loops(&rigs[3], &loops), O_RDWR | O_DIRECT);
	for (u32 i = 1; i < 4; i += 2) {
		begin_work(&rigs[i], i, 5);
		EXPECT_EQ(rig_wait(&rigs[i]), 5);
		rig_down(&rigs[i]);
	}
	EXPECT_OK(ublk_loops_close(&loops));
}

static void too_many_on_threads(void)
{
	too_many(true);
}

static void too_many_by_one_thread(void)
{
	too_many(false);
}

/* sulky: prepares one queue, and then none */
static int sulky_queue_init(struct tgt *t, struct tgt_queue *q)
{
	(void)t;
	return q->idx >= 1 ? -EIO : 0;
}

static int sulky_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)arg;
	(void)values;
	(void)why;
	t->limits = (struct tgt_limits){
		.size_bytes = DISK_BYTES,
		.logical_shift = 9,
		.physical_shift = 12,
	};
	return 0;
}

static enum tgt_status sulky_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	(void)q;
	return tgt_finish(op, -EIO);
}

static const struct tgt_type sulky_target = {
	.name = "sulky",
	.summary = "has one queue",
	.open = sulky_open,
	.submit = sulky_submit,
	.queue_init = sulky_queue_init,
};

static const struct tgt_type *const sulky_types[] = { &sulky_target, NULL };

/* The tags that its other queue has fetched are given back first. */
static void one_queue_fails(void)
{
	static struct device_threads threads;
	struct device_counts before;
	struct ublk_loops loops;
	struct rig good;
	struct rig bad;

	device_count(&before);
	init_rigs(&good, 1);
	rig_init(&bad, sulky_types, "sulky", false);
	bad.opts.nr_queues = 2;
	open_loops(&loops, &(struct ublk_loops_opts){ .nr_loops = 2,
						      .threads = device_thread_hook(&threads) });
	rig_up(on_loops(&good, &loops), O_RDWR | O_DIRECT);
	begin_work(&good, 5, 50);
	fails_to_start(on_loops(&bad, &loops), -EIO, "prepare its target");
	EXPECT_EQ(rig_wait(&good), 50);
	rig_down(&good);
	EXPECT_OK(ublk_loops_close(&loops));
	device_check_counts(&before);
}

static void bad_options(void)
{
	static struct device_threads threads;
	struct ublk_loops loops;
	struct diag why;
	struct rig r;

	EXPECT_ERR(ublk_loops_open(&loops, &(struct ublk_loops_opts){ .nr_bufs = 16385 }, &why),
		   -EINVAL);
	EXPECT_STREQ(why.text, "16385 buffers of a loop: the most are 16384");
	open_loops(&loops, &(struct ublk_loops_opts){ .nr_loops = 0 });
	init_rigs(&r, 1);
	on_loops(&r, &loops);
	r.opts.threads = device_thread_hook(&threads);
	EXPECT_ERR(rig_create(&r), -EINVAL);
	EXPECT_STREQ(r.error.why.text, "threads of its own, or shared loops: not both");
	blockdev_end(&r.user);
	EXPECT_OK(ublk_loops_close(&loops));
	EXPECT_OK(ublk_loops_close(&loops));
}

#define LOOPS_TEST(name, fn) TEST(name, fn, .timeout_ms = 60000, .fixture = &device_fixture)

static const struct test_case cases[] = {
	LOOPS_TEST("two threads serve devices of every kind", on_threads),
	LOOPS_TEST("one thread serves three devices, in steps", by_one_thread),
	LOOPS_TEST("a device is stopped and started again", start_again),
	LOOPS_TEST("buffers run out and are given back, on threads", too_many_on_threads),
	LOOPS_TEST("buffers run out and are given back, in steps", too_many_by_one_thread),
	LOOPS_TEST("a device whose second queue fails leaves the loops", one_queue_fails),
	LOOPS_TEST("what cannot be is refused", bad_options),
};
TEST_SUITE(device_loops, cases);

#endif
