/* SPDX-License-Identifier: MIT */
/* The life of a device, seen by a program that embeds it. */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "selftests/device.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

#define DISK_BYTES (8U << 20)

static const bool ways[] = { true, false };

static void name_row(bool has_threads)
{
	test_row(has_threads ? "with threads" : "without threads");
}

static bool is_there(const char *path)
{
	return sys_faccessat(AT_FDCWD, path, 0) == 0;
}

static void check_stage(const struct rig *r, enum ublk_dev_state state)
{
	struct ublk_dev_info info;
	char want[24];

	ublk_dev_info(&r->dev, &info);
	EXPECT_STREQ(ublk_dev_state_text(info.state), ublk_dev_state_text(state));
	EXPECT_EQ(info.is_running, state == UBLK_DEV_RUNNING);
	EXPECT_EQ(info.size_bytes, DISK_BYTES);
	EXPECT_EQ(info.logical_bytes, 512);
	EXPECT_EQ(info.depth, 16);
	EXPECT_EQ(info.nr_queues, 1);
	EXPECT_EQ(info.max_io_bytes, UBLK_DEFAULT_MAX_IO_BYTES);
	fmt_print(want, sizeof(want), "ublk%d", info.dev_id);
	EXPECT_STREQ(info.name, want);
	fmt_print(want, sizeof(want), "/dev/ublkb%d", info.dev_id);
	EXPECT_STREQ(info.block_path, want);
	EXPECT_EQ(is_there(want), state == UBLK_DEV_RUNNING);
	fmt_print(want, sizeof(want), "/dev/ublkc%d", info.dev_id);
	EXPECT_STREQ(info.char_path, want);
	EXPECT_TRUE(is_there(want));
	EXPECT_EQ(device_kernel_state(info.dev_id),
		  state == UBLK_DEV_RUNNING ? UBLK_S_DEV_LIVE : UBLK_S_DEV_DEAD);
}

static void check_taken(s32 dev_id)
{
	struct ublk_dev_opts opts = { .types = tgt_types, .spec = "null:1M", .dev_id = dev_id };
	struct ublk_error error;
	struct ublk_dev dev;

	EXPECT_ERR(ublk_dev_create(&dev, &opts, &error), -EEXIST);
	EXPECT_STREQ(error.step, "ADD_DEV");
	EXPECT_EQ(error.dev_id, dev_id);
	EXPECT_EQ(error.queue, UBLK_NO_QUEUE);
	EXPECT_EQ(error.err, -EEXIST);
	EXPECT_TRUE(ublk_error_is(&error, UBLK_DEVICE_BUSY));
	EXPECT_TRUE(!ublk_error_is(&error, UBLK_TIMEOUT));
	EXPECT_TRUE(ublk_error_is_errno(&error, EEXIST));
	EXPECT_TRUE(ublk_error_is_errno(&error, -EEXIST));
	EXPECT_TRUE(!ublk_error_is_errno(&error, EBUSY));
	EXPECT_TRUE(str_find(error.why.text, "taken") != NULL);
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

static void live_twice(bool has_threads)
{
	struct rig r;
	s32 id;

	name_row(has_threads);
	rig_init(&r, tgt_types, "ram:8M", has_threads);
	if (rig_create(&r))
		device_fail(&r.error);
	check_stage(&r, UBLK_DEV_CREATED);
	EXPECT_ERR(ublk_dev_stop(&r.dev, &r.error), -EINVAL);
	for (u64 round = 0; round < 3; round++) {
		if (ublk_dev_start(&r.dev, &r.error))
			device_fail(&r.error);
		check_stage(&r, UBLK_DEV_RUNNING);
		EXPECT_ERR(ublk_dev_start(&r.dev, &r.error), -EINVAL);
		ASSERT_OK(rig_open(&r, O_RDWR | O_DIRECT));
		if (round)
			rig_check(&r, round - 1, 4096, 1 << 20);
		rig_fill(&r, round, 4096, 1 << 20);
		rig_check(&r, round, 4096, 1 << 20);
		rig_close(&r);
		if (ublk_dev_stop(&r.dev, &r.error))
			device_fail(&r.error);
		check_stage(&r, UBLK_DEV_STOPPED);
		EXPECT_ERR(ublk_dev_stop(&r.dev, &r.error), -EINVAL);
		check_taken((s32)r.dev.info.dev_id);
	}
	id = (s32)r.dev.info.dev_id;
	rig_down(&r);
	EXPECT_TRUE(!is_there(r.path));
	EXPECT_ERR(device_kernel_state(id), -ENODEV);
	EXPECT_ERR(ublk_dev_stop(&r.dev, &r.error), -ESHUTDOWN);
	EXPECT_TRUE(ublk_error_is(&r.error, UBLK_DEVICE_OFFLINE));
	EXPECT_ERR(ublk_dev_start(&r.dev, &r.error), -ESHUTDOWN);
}

static void starts_again(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		live_twice(ways[i]);
}

static void closes_in_any_state(void)
{
	struct ublk_dev dev;
	struct rig r;

	memset(&dev, 0, sizeof(dev));
	EXPECT_OK(ublk_dev_close(&dev, NULL));
	EXPECT_OK(ublk_dev_close(&dev, NULL));
	EXPECT_OK(ublk_dev_release(&dev, NULL));
	EXPECT_OK(ublk_dev_wait(&dev, 0));
	EXPECT_ERR(ublk_dev_stop(&dev, NULL), -ESHUTDOWN);
	for (int started = 0; started < 4; started++) {
		struct ublk_dev_info info;

		name_row(started & 1);
		rig_init(&r, tgt_types, "ram:8M", started & 1);
		ASSERT_OK(rig_create(&r));
		if (started & 2)
			ASSERT_OK(ublk_dev_start(&r.dev, &r.error));
		EXPECT_OK(ublk_dev_close(&r.dev, &r.error));
		EXPECT_OK(ublk_dev_close(&r.dev, &r.error));
		ublk_dev_info(&r.dev, &info);
		EXPECT_EQ(info.state, UBLK_DEV_CLOSED);
		EXPECT_EQ(info.dev_id, UBLK_NO_DEVICE);
		EXPECT_TRUE(!is_there(r.path));
		blockdev_end(&r.user);
	}
}

/* In the other process: reads until one fails; how many did not */
static s64 read_on(struct blockdev *b, void *arg)
{
	const struct oracle_op op = { .kind = ORACLE_READ, .len_bytes = 4096 };
	s64 nr = 0;

	(void)arg;
	while (blockdev_io(b->fd, &op, b->buf) == 4096)
		nr++;
	(void)sys_close(b->fd);
	b->fd = -1;
	return nr;
}

struct stopper {
	struct thread thread;
	struct ublk_dev *dev;
	struct ublk_error error;
	u32 *go;
	u32 delay_ms;
	int err;
};

static void stop_device(void *arg)
{
	struct stopper *s = arg;

	while (s->go && !__atomic_load_n(s->go, __ATOMIC_ACQUIRE))
		sys_cpu_relax();
	if (s->delay_ms)
		test_sleep_ms(s->delay_ms);
	s->err = ublk_dev_stop(s->dev, &s->error);
}

static void stops_under_load(void)
{
	struct rig r;

	rig_init(&r, tgt_types, "ram:8M", true);
	r.opts.nr_queues = 2;
	if (rig_create(&r))
		device_fail(&r.error);
	for (int round = 0; round < 10; round++) {
		struct stopper s = { .dev = &r.dev, .delay_ms = 50 };

		test_row("round %d", round);
		if (ublk_dev_start(&r.dev, &r.error))
			device_fail(&r.error);
		ASSERT_OK(rig_open(&r, O_RDWR | O_DIRECT));
		blockdev_start(&r.user, read_on, NULL, 0);
		EXPECT_ERR(ublk_dev_wait(&r.dev, 10), -ETIMEDOUT);
		ASSERT_OK(thread_start(&s.thread, stop_device, &s, DEVICE_STACK_BYTES));
		EXPECT_OK(ublk_dev_wait(&r.dev, DEVICE_TIMEOUT_MS));
		thread_join(&s.thread);
		if (s.err)
			device_fail(&s.error);
		EXPECT_GT(rig_wait(&r), 0);
	}
	rig_down(&r);
}

static void one_stop_wins(void)
{
	struct rig r;

	rig_init(&r, tgt_types, "ram:8M", true);
	if (rig_create(&r))
		device_fail(&r.error);
	for (int round = 0; round < 10; round++) {
		u32 go = 0;
		struct stopper s[2] = { { .dev = &r.dev, .go = &go },
					{ .dev = &r.dev, .go = &go } };
		int lost;

		if (ublk_dev_start(&r.dev, &r.error))
			device_fail(&r.error);
		for (int i = 0; i < 2; i++)
			ASSERT_OK(thread_start(&s[i].thread, stop_device, &s[i],
					       DEVICE_STACK_BYTES));
		__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
		for (int i = 0; i < 2; i++)
			thread_join(&s[i].thread);
		test_row("round %d: %s, %s", round, err_name(s[0].err), err_name(s[1].err));
		lost = s[0].err ? s[0].err : s[1].err;
		EXPECT_TRUE(!s[0].err || !s[1].err);
		EXPECT_TRUE(lost == -EALREADY || lost == -EINVAL);
	}
	rig_down(&r);
}

static void runs_two(void)
{
	static struct rig rigs[2];

	for (int i = 0; i < 2; i++)
		rig_init(&rigs[i], tgt_types, "ram:8M", true);
	for (int i = 0; i < 2; i++)
		rig_up(&rigs[i], O_RDWR | O_DIRECT);
	EXPECT_NE(rigs[0].dev.info.dev_id, rigs[1].dev.info.dev_id);
	for (u32 i = 0; i < 2; i++)
		rig_fill(&rigs[i], i, 0, 1 << 20);
	for (u32 i = 0; i < 2; i++)
		rig_check(&rigs[i], i, 0, 1 << 20);
	rig_down(&rigs[0]);
	rig_check(&rigs[1], 1, 0, 1 << 20);
	rig_down(&rigs[1]);
}

static void one_life(struct rig *r)
{
	if (rig_create(r) || ublk_dev_start(&r->dev, &r->error))
		device_fail(&r->error);
	ASSERT_OK(rig_open(r, O_RDWR | O_DIRECT));
	rig_fill(r, 1, 0, 65536);
	rig_close(r);
	if (ublk_dev_stop(&r->dev, &r->error) || ublk_dev_start(&r->dev, &r->error) ||
	    ublk_dev_close(&r->dev, &r->error))
		device_fail(&r->error);
}

static void leaks_nothing(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct device_counts before;
		struct rig r;

		name_row(ways[i]);
		rig_init(&r, tgt_types, "ram:8M", ways[i]);
		r.opts.nr_queues = ways[i] ? 2 : 1;
		device_count(&before);
		for (int round = 0; round < 20; round++)
			one_life(&r);
		device_check_counts(&before);
		blockdev_end(&r.user);
	}
}

struct lines {
	u32 nr;
	char text[8][160];
};

static void take_line(void *ctx, enum ublk_log_level level, const char *line)
{
	struct lines *l = ctx;

	if (l->nr < ARRAY_SIZE(l->text))
		fmt_print(l->text[l->nr++], sizeof(l->text[0]), "%c %s",
			  level == UBLK_LOG_DEBUG ? 'd' : 'i', line);
}

static void logs(void)
{
	struct lines l = { .nr = 0 };
	const struct ublk_log log = { .write = take_line, .ctx = &l };
	char live[64];
	struct rig r;

	rig_init(&r, tgt_types, "ram:8M", true);
	r.opts.log = &log;
	r.opts.name = "disk-of-a-test-with-a-long-name";
	EXPECT_OK(rig_create(&r));
	EXPECT_STREQ(r.dev.name, "disk-of-a-test-");
	fmt_print(live, sizeof(live), "i disk-of-a-test-: %s is live", r.path);
	EXPECT_OK(ublk_dev_start(&r.dev, &r.error));
	EXPECT_OK(ublk_dev_stop(&r.dev, &r.error));
	rig_down(&r);
	ASSERT_EQ(l.nr, 4);
	EXPECT_STREQ(l.text[0], "d disk-of-a-test-: created, 1 queues of depth 16");
	EXPECT_STREQ(l.text[1], live);
	EXPECT_STREQ(l.text[2], "i disk-of-a-test-: stopped");
	EXPECT_STREQ(l.text[3], "d disk-of-a-test-: deleted");
}

/* What an observer was told */
struct seen {
	struct ublk_stats_sum kinds[UBLK_STATS_NR_KINDS];
	u64 ticks;
};

static void see(void *ctx, enum tgt_kind kind, u64 bytes, u64 latency_ticks, int err)
{
	struct seen *seen = ctx;

	seen->kinds[kind].ops++;
	seen->kinds[kind].bytes += err ? 0 : bytes;
	seen->kinds[kind].errors += err == -EIO;
	seen->ticks += latency_ticks;
}

static void counts_by(bool has_threads)
{
	static struct ublk_stats_snapshot s;
	struct seen seen = { .ticks = 0 };
	const struct ublk_observer observer = { .done = see, .ctx = &seen };
	struct rig r;

	name_row(has_threads);
	rig_init(&r, tgt_types, "fault?rules=error/on=write/times=1:[ram:8M]", has_threads);
	r.opts.observer = &observer;
	rig_up(&r, O_RDWR | O_DIRECT);
	EXPECT_ERR(rig_do(&r, ORACLE_WRITE, 0, 4096), -EIO);
	for (u64 i = 0; i < 8; i++) {
		rig_fill(&r, i, i << 16, 1 << 16);
		rig_check(&r, i, i << 16, 1 << 16);
	}
	rig_close(&r);
	if (ublk_dev_stop(&r.dev, &r.error))
		device_fail(&r.error);
	/* what was counted outlives the queues */
	ublk_dev_stats(&r.dev, &s);
	EXPECT_TRUE(s.is_exact && s.has_ended);
	EXPECT_MEMEQ(seen.kinds, s.kinds, sizeof(seen.kinds));
	EXPECT_EQ(seen.ticks, s.ticks[0] + s.ticks[1] + s.ticks[2]);
	EXPECT_EQ(s.kinds[TGT_WRITE].ops, 9);
	EXPECT_EQ(s.kinds[TGT_WRITE].bytes, 8 << 16);
	EXPECT_EQ(s.kinds[TGT_WRITE].errors, 1);
	EXPECT_GE(s.kinds[TGT_READ].bytes, 8 << 16);
	EXPECT_EQ(s.kinds[TGT_READ].errors, 0);
	EXPECT_GE(s.max_depth, 1);
	rig_down(&r);
	ublk_dev_stats(&r.dev, &s);
	EXPECT_EQ(s.kinds[TGT_WRITE].ops, 0);
}

static void counts(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(ways); i++)
		counts_by(ways[i]);
}

static void says_what_is_wrong(void)
{
	static const u64 no_cpus[1];
	static const struct {
		struct ublk_dev_opts opts;
		const char *step;
		const char *text;
	} rows[] = {
		{ { .types = tgt_types }, "check", "no target" },
		{ { .spec = "ram:1M" }, "check", "no target" },
		{ { .types = tgt_types, .spec = "ram:1M", .depth = 4097 }, "check", "4097" },
		{ { .types = tgt_types, .spec = "ram:1M", .nr_queues = 65536 }, "check", "65535" },
		{ { .types = tgt_types, .spec = "ram:1M", .max_io_bytes = 5000 }, "check", "5000" },
		{ { .types = tgt_types, .spec = "ram:1M", .max_io_bytes = 64U << 20 }, "check",
		  "32M" },
		{ { .types = tgt_types, .spec = "ram:1M", .affinity = UBLK_AFFINITY_MASK,
		    .cpu_mask = no_cpus }, "check", "mask" },
		{ { .types = tgt_types, .spec = "ram:1M", .logical_bytes = 1000 }, "check",
		  "power of two" },
		{ { .types = tgt_types, .spec = "ram:1M", .logical_bytes = 8192 }, "check",
		  "page" },
		{ { .types = tgt_types, .spec = "ram:513s", .logical_bytes = 4096 }, "check",
		  "multiple" },
		{ { .types = tgt_types, .spec = "ram:1M", .fua = UBLK_YES }, "check", "FUA" },
		{ { .types = tgt_types, .spec = "rum:1M" }, "open target", "rum" },
		{ { .types = tgt_types, .spec = "ram:1Q" }, "open target", "1Q" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ublk_dev_opts opts = rows[i].opts;
		struct ublk_error error;
		struct ublk_dev dev;

		opts.dev_id = UBLK_AUTO_ID;
		test_row("%zu: %s", i, rows[i].text);
		EXPECT_ERR(ublk_dev_create_and_start(&dev, &opts, &error), -EINVAL);
		EXPECT_STREQ(error.step, rows[i].step);
		EXPECT_EQ(error.dev_id, UBLK_NO_DEVICE);
		EXPECT_TRUE(ublk_error_is(&error, UBLK_INVALID_PARAMETERS));
		EXPECT_TRUE(str_find(error.why.text, rows[i].text) != NULL);
		EXPECT_OK(ublk_dev_close(&dev, NULL));
	}
	EXPECT_TRUE(!ublk_error_is(NULL, UBLK_OK));
	EXPECT_TRUE(!ublk_error_is_errno(NULL, 0));
}

static const struct test_case cases[] = {
	TEST("a device is created, started, stopped and started again with its content",
	     starts_again, .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("a device can be closed in any state, and twice", closes_in_any_state,
	     .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("a device is stopped by another thread while it is read", stops_under_load,
	     .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("of two threads that stop a device one does", one_stop_wins, .timeout_ms = 60000,
	     .fixture = &device_fixture),
	TEST("one process serves two devices", runs_two, .timeout_ms = 30000,
	     .fixture = &device_fixture),
	TEST("twenty lives leave no file, mapping or task", leaks_nothing, .timeout_ms = 90000,
	     .fixture = &device_fixture),
	TEST("the logger hears of each stage", logs, .timeout_ms = 30000,
	     .fixture = &device_fixture),
	TEST("an observer is told of each request, and a device of ours has counted them", counts,
	     .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("what cannot be is refused with the reason", says_what_is_wrong,
	     .fixture = &device_fixture),
};
TEST_SUITE(device_library, cases);

#endif
