/* SPDX-License-Identifier: MIT */
/*
 * Every byte of a real disk against what it should be: other processes read,
 * write, discard, zero and flush at random, several requests at a time, and
 * judge what they read. Then the same on disks that lie, which must be found out.
 */
#if !__STDC_HOSTED__

#include <asm/errno.h>
#include <linux/fs.h>
#include <linux/mman.h>

#include "ring/prep.h"
#include "selftests/broken.h"
#include "selftests/device.h"
#include "selftests/opdriver.h"
#include "selftests/ways.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

#define MAX_WORKERS 4
#define MAX_LANES 4
#define LANE_BYTES (BLOCKDEV_BUF_BYTES / MAX_LANES) /* the largest operation */
#define NR_PHASES 3

/* struct shape - a disk and how it is used; a lane is a range with one operation
 * in flight at a time, each worker has nr_lanes of them */
struct shape {
	const char *spec;
	u64 size_bytes; /* that of the spec */
	u32 nr_queues; /* 0: no thread but the test's */
	u32 logical_bytes;
	u32 nr_workers;
	u32 nr_lanes;
	u32 nr_rounds;
	u32 max_blocks;
	bool is_buffered;
	bool has_cuts; /* the power fails after each phase */
	struct way way;
};

struct worker_report {
	u64 nr_reads;
	u64 read_bytes;
	struct diag why;
};

/* What all processes of a run see */
struct load {
	struct oracle o;
	const struct shape *shape;
	struct worker_report reports[MAX_WORKERS];
};

struct work_arg {
	struct load *load;
	u64 seed;
	u32 idx;
};

struct lane {
	struct oracle_op op;
	u8 *mem;
	s32 res;
};

struct worker {
	struct load *load;
	struct worker_report *report;
	struct ring ring;
	u64 random;
	s32 fd;
	struct lane lanes[MAX_LANES];
};

static bool moves(const struct oracle_op *op)
{
	return op->kind == ORACLE_READ || op->kind == ORACLE_WRITE;
}

static void pick(struct worker *w, u32 idx, u32 lane)
{
	static const u32 sizes[] = { 1, 8, 64, ~0U };
	const struct shape *s = w->load->shape;
	struct oracle *o = &w->load->o;
	u64 lane_bytes = o->size_bytes / (s->nr_workers * s->nr_lanes);
	u64 begin = (idx * s->nr_lanes + lane) * lane_bytes;
	struct oracle_mix mix = {
		.read = 8, .write = 8, .flush = 1, .discard = 1, .zero = 2, .fua_of_16 = 2,
		.max_blocks = sizes[oracle_below(&w->random, ARRAY_SIZE(sizes))],
	};

	if (mix.max_blocks > s->max_blocks)
		mix.max_blocks = s->max_blocks;
	oracle_pick(o, &w->random, &mix, begin, begin + lane_bytes, &w->lanes[lane].op);
}

static void submit(struct worker *w, u32 idx)
{
	struct io_uring_sqe *sqe = ring_get_sqe(&w->ring);
	struct lane *lane = &w->lanes[idx];
	const struct oracle_op *op = &lane->op;

	if (op->kind == ORACLE_READ) {
		memset(lane->mem, 0xa5, op->len_bytes);
		ring_prep_read(sqe, w->fd, lane->mem, (u32)op->len_bytes, op->offset_bytes);
	} else {
		oracle_write_begin(&w->load->o, op->offset_bytes, lane->mem, op->len_bytes);
		ring_prep_write(sqe, w->fd, lane->mem, (u32)op->len_bytes, op->offset_bytes);
		sqe->rw_flags = op->fua ? RWF_DSYNC : 0;
	}
	ring_sqe_set_data64(sqe, idx);
}

static int failed(struct worker *w, const struct oracle_op *op, s64 res)
{
	return diag_set(&w->report->why, -EIO, "kind %d of %llu bytes at %llu: %lld", op->kind,
			op->len_bytes, op->offset_bytes, (long long)res);
}

static int judge(struct worker *w, const struct lane *lane)
{
	const struct oracle_op *op = &lane->op;
	struct oracle *o = &w->load->o;
	bool ok = lane->res == (s64)op->len_bytes;

	if (op->kind == ORACLE_WRITE)
		oracle_write_end(o, op->offset_bytes, op->len_bytes, ok, op->fua);
	if (!ok)
		return failed(w, op, lane->res);
	if (op->kind == ORACLE_WRITE)
		return 0;
	w->report->nr_reads++;
	w->report->read_bytes += op->len_bytes;
	return oracle_check(o, op->offset_bytes, lane->mem, op->len_bytes, &w->report->why);
}

/* What moves no bytes, one after the other */
static int do_range(struct worker *w, const struct oracle_op *op)
{
	bool is_flush = op->kind == ORACLE_FLUSH;
	bool is_discard = op->kind == ORACLE_DISCARD;
	struct oracle *o = &w->load->o;
	u32 token = 0;
	s64 res;

	if (is_flush)
		token = oracle_flush_begin(o);
	else
		oracle_zero_begin(o, op->offset_bytes, op->len_bytes);
	res = blockdev_io(w->fd, op, NULL);
	if (is_flush)
		oracle_flush_end(o, token, res == 0);
	else
		oracle_zero_end(o, op->offset_bytes, op->len_bytes, res == 0, is_discard);
	return res ? failed(w, op, res) : 0;
}

static int reap(struct worker *w, u32 nr)
{
	while (nr) {
		struct io_uring_cqe *cqe = ring_peek_cqe(&w->ring);
		int ret;

		if (cqe) {
			w->lanes[cqe->user_data].res = cqe->res;
			ring_cq_advance(&w->ring, 1);
			nr--;
			continue;
		}
		ret = ring_submit_and_wait(&w->ring, 1);
		if (ret < 0 && ret != -EINTR)
			return diag_set(&w->report->why, ret, "its ring");
	}
	return 0;
}

static int one_round(struct worker *w, u32 idx)
{
	u32 nr_lanes = w->load->shape->nr_lanes;
	u32 nr = 0;
	int err;

	for (u32 i = 0; i < nr_lanes; i++) {
		pick(w, idx, i);
		if (moves(&w->lanes[i].op)) {
			submit(w, i);
			nr++;
		}
	}
	err = reap(w, nr);
	for (u32 i = 0; !err && i < nr_lanes; i++)
		if (moves(&w->lanes[i].op))
			err = judge(w, &w->lanes[i]);
	for (u32 i = 0; !err && i < nr_lanes; i++)
		if (!moves(&w->lanes[i].op))
			err = do_range(w, &w->lanes[i].op);
	return err;
}

static s64 work(struct blockdev *b, void *arg)
{
	const struct work_arg *a = arg;
	const struct shape *s = a->load->shape;
	struct io_uring_params p = { .flags = 0 };
	struct worker w = {
		.load = a->load, .report = &a->load->reports[a->idx], .fd = b->fd,
		.random = a->seed * 1000 + a->idx + 1,
	};
	int err = ring_init(&w.ring, MAX_LANES, &p);

	for (u32 i = 0; i < MAX_LANES; i++)
		w.lanes[i].mem = b->buf + i * LANE_BYTES;
	for (u32 round = 0; !err && round < s->nr_rounds; round++)
		err = one_round(&w, a->idx);
	if (!err && s->is_buffered)
		err = sys_fsync(b->fd);
	ring_exit(&w.ring);
	return err;
}

/* Everything from the disk itself; by the first worker */
static s64 verify(struct blockdev *b, void *arg)
{
	const struct work_arg *a = arg;
	struct worker_report *report = &a->load->reports[a->idx];
	struct oracle *o = &a->load->o;

	for (u64 at = 0; at < o->size_bytes; at += LANE_BYTES) {
		u64 left = o->size_bytes - at;
		u64 len = left < LANE_BYTES ? left : LANE_BYTES;
		long res = sys_pread64(b->fd, b->buf, len, at);
		int err;

		if (res != (long)len)
			return diag_set(&report->why, -EIO, "reading back at %llu: %ld", at, res);
		report->nr_reads++;
		report->read_bytes += len;
		err = oracle_check(o, at, b->buf, len, &report->why);
		if (err)
			return err;
	}
	return 0;
}

/* The server's side */

struct run {
	struct rig r; /* its user is the first worker */
	struct blockdev others[MAX_WORKERS - 1];
	struct load *load;
	struct broken_stats before;
	u64 seed;
};

static struct blockdev *worker_of(struct run *run, u32 i)
{
	return i ? &run->others[i - 1] : &run->r.user;
}

static void wait_for(struct run *run, u32 i, s64 *result)
{
	while (!run->r.opts.threads && !blockdev_is_done(worker_of(run, i), 0))
		if (ublk_dev_step(&run->r.dev, 1000000) <= 0)
			break;
	*result = blockdev_wait(worker_of(run, i));
}

/* One function in the first @nr workers at a time; the first of their errors */
static s64 run_workers(struct run *run, u32 nr, blockdev_fn *fn, const void *arg, size_t len_bytes)
{
	struct work_arg a = { .load = run->load, .seed = run->seed };
	s64 err = 0;

	for (a.idx = 0; a.idx < nr; a.idx++)
		blockdev_start(worker_of(run, a.idx), fn, arg ? arg : &a,
			       arg ? len_bytes : sizeof(a));
	for (u32 i = 0; i < nr; i++) {
		s64 result;

		wait_for(run, i, &result);
		if (result && !err) {
			test_log("worker %u: %s (%s)", i, run->load->reports[i].why.text,
				 err_name((int)result));
			err = result;
		}
	}
	return err;
}

static void open_disk(struct run *run, u32 nr, int flags)
{
	struct blockdev_open_arg a = { .flags = O_RDWR | flags };

	ASSERT_OK(str_copy(a.path, sizeof(a.path), run->r.path));
	ASSERT_OK(run_workers(run, nr, blockdev_fn_open, &a, sizeof(a)));
}

static void close_disk(struct run *run)
{
	ASSERT_OK(run_workers(run, run->load->shape->nr_workers, blockdev_fn_close, "", 1));
}

static struct broken_stats stats_of(const struct run *run)
{
	return *broken_stats(run->r.dev.tree);
}

/* The server must have seen each read that bypassed the page cache. */
static void check_reads(struct run *run)
{
	struct broken_stats now = stats_of(run);
	u64 nr_reads = 0;
	u64 read_bytes = 0;

	for (u32 i = 0; i < MAX_WORKERS; i++) {
		nr_reads += run->load->reports[i].nr_reads;
		read_bytes += run->load->reports[i].read_bytes;
	}
	EXPECT_GT(nr_reads, 0);
	EXPECT_GE(now.nr_reads - run->before.nr_reads, nr_reads);
	EXPECT_GE(now.read_bytes - run->before.read_bytes, read_bytes);
}

/* Its counts are of direct reads only. */
static void forget_reads(struct run *run)
{
	for (u32 i = 0; i < MAX_WORKERS; i++)
		run->load->reports[i].nr_reads = run->load->reports[i].read_bytes = 0;
	run->before = stats_of(run);
}

static void begin_run(struct run *run, const struct shape *s, u64 seed)
{
	long addr = sys_mmap(NULL, sizeof(*run->load), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_OK(addr);
	memset(run, 0, sizeof(*run));
	run->load = (struct load *)addr;
	run->load->shape = s;
	run->seed = seed;
	/* Before the workers are forked, which are to see it */
	ASSERT_OK(oracle_init(&run->load->o, s->size_bytes, s->logical_bytes, seed));
	for (u32 i = 1; i < s->nr_workers; i++)
		blockdev_fork(worker_of(run, i));
	rig_init(&run->r, broken_types, s->spec, s->nr_queues);
	run->r.opts.nr_queues = s->nr_queues ? s->nr_queues : 1;
	run->r.opts.logical_bytes = s->logical_bytes;
	way_set(&s->way, &run->r.opts);
	if (rig_create(&run->r) || ublk_dev_start(&run->r.dev, &run->r.error))
		device_fail(&run->r.error);
	ASSERT_EQ(run->r.dev.tree->root->limits.size_bytes, s->size_bytes);
	run->before = stats_of(run);
}

static void end_run(struct run *run)
{
	oracle_exit(&run->load->o);
	for (u32 i = 1; i < run->load->shape->nr_workers; i++)
		blockdev_end(worker_of(run, i));
	(void)sys_munmap(run->load, sizeof(*run->load));
	rig_down(&run->r);
}

static s64 work_and_verify(struct run *run)
{
	const struct shape *s = run->load->shape;
	s64 err;

	open_disk(run, s->nr_workers, s->is_buffered ? 0 : O_DIRECT);
	err = run_workers(run, s->nr_workers, work, NULL, 0);
	close_disk(run);
	if (s->is_buffered)
		forget_reads(run);
	if (err)
		return err;
	open_disk(run, 1, O_DIRECT);
	err = run_workers(run, 1, verify, NULL, 0);
	close_disk(run);
	return err;
}

static void cut_power(struct run *run)
{
	struct opdriver d;

	if (ublk_dev_stop(&run->r.dev, &run->r.error))
		device_fail(&run->r.error);
	opd_attach(&d, run->r.dev.tree, 0);
	ASSERT_OK(opd_simple(&d, BROKEN_POWER_CUT, run->seed, 0, 0));
	opd_close(&d);
	oracle_power_cut(&run->load->o);
	if (ublk_dev_start(&run->r.dev, &run->r.error))
		device_fail(&run->r.error);
}

/* Works, loses power, looks what is left; then goes on from there */
static s64 work_with_cuts(struct run *run)
{
	u32 nr = run->load->shape->nr_workers;
	s64 err = 0;

	for (u32 phase = 0; !err && phase < NR_PHASES; phase++, run->seed++) {
		open_disk(run, nr, O_DIRECT);
		err = run_workers(run, nr, work, NULL, 0);
		close_disk(run);
		cut_power(run);
		if (err)
			break;
		open_disk(run, 1, O_DIRECT);
		err = run_workers(run, 1, verify, NULL, 0);
		close_disk(run);
	}
	return err;
}

static s64 run_shape(const struct shape *s, u64 seed, struct broken_stats *stats)
{
	static struct run run;
	s64 err;

	test_row("%s, seed %llu", s->spec, seed);
	begin_run(&run, s, seed);
	err = s->has_cuts ? work_with_cuts(&run) : work_and_verify(&run);
	check_reads(&run);
	*stats = stats_of(&run);
	end_run(&run);
	return err;
}

static void is_intact(void)
{
	struct broken_stats stats;

	for (u64 seed = 1; seed <= 2; seed++) {
		EXPECT_OK(run_shape(test_param(), seed, &stats));
		EXPECT_GT(stats.nr_reads, 0);
		EXPECT_GT(stats.nr_writes, 0);
		EXPECT_GT(stats.nr_discards, 0);
		EXPECT_GT(stats.nr_write_zeroes, 0);
		EXPECT_EQ(stats.nr_broken, 0);
	}
}

/* What a power cut takes, and whether somebody had been promised it, are dice. */
static void is_caught(void)
{
	struct broken_stats stats;
	s64 err = 0;

	for (u64 seed = 1; !err && seed <= 5; seed++) {
		err = run_shape(test_param(), seed, &stats);
		EXPECT_GT(stats.nr_broken, 0);
	}
	EXPECT_TRUE(err == -EILSEQ || err == -EIO);
}

#define INTACT(name_, ...)                                                                         \
	TEST(name_, is_intact, .timeout_ms = 90000, .fixture = &device_fixture,                    \
	     .param = &(const struct shape){ __VA_ARGS__ })

#define CAUGHT(name_, ...)                                                                         \
	TEST(name_, is_caught, .timeout_ms = 60000, .fixture = &device_fixture,                    \
	     .param = &(const struct shape){ __VA_ARGS__ })

/* Small and busy: what is wrong is soon looked at */
#define BUSY .nr_queues = 2, .logical_bytes = 512, .nr_workers = 2, .nr_lanes = 2,                 \
	     .nr_rounds = 300, .max_blocks = 16

#define WITH_CUTS .nr_queues = 1, .logical_bytes = 512, .nr_workers = 1, .nr_lanes = 4,            \
		  .nr_rounds = 60, .max_blocks = 64, .has_cuts = true

static const struct test_case cases[] = {
	INTACT("a disk is byte-exact: one queue, one request at a time",
	       .spec = "broken?how=not:[ram:16M]",
	       .size_bytes = 16 << 20, .nr_queues = 1, .logical_bytes = 512,
	       .nr_workers = 1, .nr_lanes = 1, .nr_rounds = 150, .max_blocks = 2048),
	INTACT("a disk is byte-exact: two queues, 16 requests in flight",
	       .spec = "broken?how=not:[ram:16M]",
	       .size_bytes = 16 << 20, .nr_queues = 2, .logical_bytes = 512,
	       .nr_workers = 4, .nr_lanes = 4, .nr_rounds = 30, .max_blocks = 2048),
	INTACT("a disk is byte-exact: blocks of 4096 bytes",
	       .spec = "broken?how=not:[ram:16M]",
	       .size_bytes = 16 << 20, .nr_queues = 2, .logical_bytes = 4096,
	       .nr_workers = 4, .nr_lanes = 4, .nr_rounds = 30, .max_blocks = 256),
	INTACT("a disk is byte-exact: a small one that is always busy",
	       .spec = "broken?how=not:[ram:1M]", .size_bytes = 1 << 20, BUSY),
	INTACT("a disk is byte-exact: through the page cache",
	       .spec = "broken?how=not:[ram:16M]",
	       .size_bytes = 16 << 20, .nr_queues = 2, .logical_bytes = 512,
	       .nr_workers = 2, .nr_lanes = 4, .nr_rounds = 40, .max_blocks = 2048,
	       .is_buffered = true),
	INTACT("a disk is byte-exact: answers from the ring, out of order",
	       .spec = "broken?how=not:[delay?by=100us:[ram:16M]]",
	       .size_bytes = 16 << 20, .nr_queues = 2,
	       .logical_bytes = 512, .nr_workers = 4, .nr_lanes = 4, .nr_rounds = 30,
	       .max_blocks = 256),
	INTACT("a disk is byte-exact: one thread creates, serves and stops",
	       .spec = "broken?how=not:[delay:[ram:16M]]",
	       .size_bytes = 16 << 20, .logical_bytes = 512, .nr_workers = 2,
	       .nr_lanes = 4, .nr_rounds = 30, .max_blocks = 2048),
	INTACT("what was flushed is there after a power cut", .spec = "cachesim:[ram:4M]",
	       .size_bytes = 4 << 20,
	       WITH_CUTS),
	CAUGHT("a flipped bit is caught", .spec = "broken?how=flip&every=50:[ram:1M]",
	       .size_bytes = 1 << 20, BUSY),
	CAUGHT("a stale read is caught", .spec = "broken?how=stale&every=10:[ram:1M]",
	       .size_bytes = 1 << 20, BUSY),
	CAUGHT("a lost write is caught", .spec = "broken?how=lost&every=50:[ram:1M]",
	       .size_bytes = 1 << 20, BUSY),
	CAUGHT("a torn write is caught", .spec = "broken?how=torn&every=50:[ram:1M]",
	       .size_bytes = 1 << 20, BUSY),
	CAUGHT("a misdirected write is caught", .spec = "broken?how=misdirect&every=50:[ram:1M]",
	       .size_bytes = 1 << 20,
	       BUSY),
	CAUGHT("a short answer is caught", .spec = "broken?how=short&every=50:[ram:1M]",
	       .size_bytes = 1 << 20, BUSY),
	CAUGHT("an early flush is caught by a power cut", .spec = "cachesim?lie=flush:[ram:4M]",
	       .size_bytes = 4 << 20,
	       WITH_CUTS),
};
TEST_SUITE(device_oracle, cases);

/* Two queues with a worker on each; an acknowledged write must not be overtaken by a
 * flush that comes after it, whatever its bytes and its commit have to go through. */
#define POWER .size_bytes = 4 << 20, .nr_queues = 2, .logical_bytes = 512, .nr_workers = 2,        \
	      .nr_lanes = 2, .nr_rounds = 60, .max_blocks = 64, .has_cuts = true

#define HONEST(name_, ...)                                                                         \
	INTACT("what was flushed is there after a power cut: " name_, .spec = "cachesim:[ram:4M]", \
	       POWER, .way = { __VA_ARGS__ }),

#define EARLY_FLUSH(name_, ...)                                                                    \
	CAUGHT("an early flush is caught: " name_, .spec = "cachesim?lie=flush:[ram:4M]", POWER,   \
	       .way = { __VA_ARGS__ }),

#define FORGOTTEN_FUA(name_, ...)                                                                  \
	CAUGHT("a FUA that is forgotten is caught: " name_, .spec = "cachesim?lie=fua:[ram:4M]",   \
	       POWER, .way = { __VA_ARGS__ }),

static const struct test_case power_cases[] = {
	FOR_EACH_WAY(HONEST)
	FOR_EACH_WAY(EARLY_FLUSH)
	FOR_EACH_WAY(FORGOTTEN_FUA)
};
TEST_SUITE(device_long_power, power_cases);

#endif
