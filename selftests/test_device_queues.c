/* SPDX-License-Identifier: MIT */
/* The threads of a device's queues: how many, their names, their CPUs. */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "selftests/device.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

#define MASK_WORDS (UBLK_CTRL_PAYLOAD_BYTES / sizeof(u64))

static u32 nr_set(const u64 *mask, u32 nr_words)
{
	u32 nr = 0;

	for (u32 i = 0; i < nr_words; i++)
		for (u64 word = mask[i]; word; word &= word - 1)
			nr++;
	return nr;
}

static u32 nr_cpus(void)
{
	u64 mask[MASK_WORDS] = { 0 };

	ASSERT_OK(sys_sched_getaffinity(0, sizeof(mask), mask));
	return nr_set(mask, MASK_WORDS);
}

static u32 last_cpu(void)
{
	u64 mask[MASK_WORDS] = { 0 };
	u32 last = 0;

	ASSERT_OK(sys_sched_getaffinity(0, sizeof(mask), mask));
	for (u32 cpu = 0; cpu < MASK_WORDS * 64; cpu++)
		if (mask[cpu / 64] >> (cpu % 64) & 1)
			last = cpu;
	return last;
}

/* A file of /proc that belongs to a queue's thread, as it stands */
static const char *file_of(const struct rig *r, u32 queue, const char *name, char text[4096])
{
	char path[64];
	long n;
	int fd;

	fmt_print(path, sizeof(path), "/proc/self/task/%d/%s", r->threads.threads[queue].id, name);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	ASSERT_OK(fd);
	n = sys_read(fd, text, 4095);
	ASSERT_OK(n);
	text[n] = '\0';
	(void)sys_close(fd);
	return text;
}

/* "Cpus_allowed_list:\t0,2-3\n" into a mask */
static void allowed_cpus(const struct rig *r, u32 queue, u64 mask[MASK_WORDS])
{
	char text[4096];
	const char *s = str_find(file_of(r, queue, "status", text), "Cpus_allowed_list:");

	ASSERT_TRUE(s != NULL);
	s += sizeof("Cpus_allowed_list:");
	memset(mask, 0, MASK_WORDS * sizeof(u64));
	for (u32 from = 0, n = 0;; s++) {
		if (str_is_digit(*s)) {
			n = n * 10 + (u32)(*s - '0');
			continue;
		}
		if (*s == '-') {
			from = n + 1;
		} else {
			for (u32 cpu = from ? from - 1 : n; cpu <= n; cpu++)
				mask[cpu / 64] |= 1ULL << (cpu % 64);
			from = 0;
		}
		n = 0;
		if (*s == '\n' || !*s)
			return;
	}
}

static void cuts_queues(void)
{
	struct ublk_dev_info info;
	struct rig r;

	rig_init(&r, tgt_types, "ram:8M", true);
	r.opts.nr_queues = DEVICE_MAX_THREADS;
	if (nr_cpus() >= DEVICE_MAX_THREADS)
		test_skip("%u CPUs, the test has room for less", nr_cpus());
	rig_up(&r, O_RDWR | O_DIRECT);
	ublk_dev_info(&r.dev, &info);
	EXPECT_EQ(info.nr_queues, nr_cpus());
	EXPECT_EQ(r.dev.nr_threads, nr_cpus());
	rig_fill(&r, 1, 0, 1 << 20);
	rig_check(&r, 1, 0, 1 << 20);
	rig_down(&r);
}

static void have_names(void)
{
	static const struct {
		const char *name;
		const char *prefix; /* NULL: ublkN */
	} rows[] = { { NULL, NULL }, { "disk", "disk" }, { "a-long-disk-name", "a-long-di" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig r;

		rig_init(&r, tgt_types, "ram:8M", true);
		r.opts.nr_queues = 2;
		r.opts.name = rows[i].name;
		rig_up(&r, O_RDWR | O_DIRECT);
		for (u32 q = 0; q < r.dev.info.nr_hw_queues; q++) {
			char prefix[24];
			char want[32];
			char got[4096];

			fmt_print(prefix, sizeof(prefix), "ublk%u", r.dev.info.dev_id);
			fmt_print(want, sizeof(want), "%s-q%u\n",
				  rows[i].prefix ? rows[i].prefix : prefix, q);
			EXPECT_STREQ(file_of(&r, q, "comm", got), want);
		}
		rig_down(&r);
	}
}

static void follow_the_kernel(void)
{
	u64 all[MASK_WORDS] = { 0 };
	struct ublk_ctrl c;
	struct rig r;

	if (nr_cpus() < 2)
		test_skip("one CPU: every queue belongs to it");
	rig_init(&r, tgt_types, "ram:8M", true);
	r.opts.nr_queues = 2;
	rig_up(&r, O_RDWR | O_DIRECT);
	device_ctrl_open(&c);
	for (u16 q = 0; q < 2; q++) {
		u64 want[MASK_WORDS];
		u64 got[MASK_WORDS];

		test_row("queue %u", q);
		EXPECT_GT(ublk_ctrl_get_affinity(&c, r.dev.info.dev_id, q, want, DEVICE_TIMEOUT_MS),
			  0);
		allowed_cpus(&r, q, got);
		EXPECT_GT(nr_set(got, MASK_WORDS), 0);
		EXPECT_MEMEQ(got, want, sizeof(got));
		for (u32 i = 0; i < MASK_WORDS; i++) {
			EXPECT_EQ(all[i] & got[i], 0);
			all[i] |= got[i];
		}
	}
	EXPECT_EQ(nr_set(all, MASK_WORDS), nr_cpus());
	EXPECT_ERR(ublk_ctrl_get_affinity(&c, r.dev.info.dev_id, 2, all, DEVICE_TIMEOUT_MS),
		   -EINVAL);
	EXPECT_OK(ublk_ctrl_close(&c));
	rig_down(&r);
}

static void obey(void)
{
	u64 mask[MASK_WORDS] = { 0 };
	u64 got[MASK_WORDS];
	u32 cpu = last_cpu();
	struct rig r;

	mask[cpu / 64] = 1ULL << (cpu % 64);
	for (int given = 0; given < 2; given++) {
		test_row(given ? "a mask" : "none");
		rig_init(&r, tgt_types, "ram:8M", true);
		r.opts.nr_queues = 2;
		r.opts.affinity = given ? UBLK_AFFINITY_MASK : UBLK_AFFINITY_NONE;
		r.opts.cpu_mask = mask;
		r.opts.nr_cpu_words = MASK_WORDS;
		rig_up(&r, O_RDWR | O_DIRECT);
		for (u32 q = 0; q < r.dev.info.nr_hw_queues; q++) {
			allowed_cpus(&r, q, got);
			if (given)
				EXPECT_MEMEQ(got, mask, sizeof(got));
			else
				EXPECT_EQ(nr_set(got, MASK_WORDS), nr_cpus());
		}
		rig_down(&r);
	}
}

/* Two queues, and 0 (the test's own), 1, 2 or 5 threads; or -errno of create */
static int serve_with(u32 nr_threads, enum ublk_mode mode, enum ublk_tristate batch)
{
	struct rig r;
	int err;

	test_row("%u threads (0: none but this one), mode %u, batch %u", nr_threads, mode, batch);
	rig_init(&r, tgt_types, "ram:8M", nr_threads);
	r.opts.nr_queues = 2;
	r.opts.nr_threads = nr_threads;
	r.opts.mode = mode;
	r.opts.batch = batch;
	err = rig_create(&r);
	if (err) {
		blockdev_end(&r.user);
		return err;
	}
	ASSERT_OK(ublk_dev_start(&r.dev, &r.error));
	EXPECT_EQ(r.dev.setup.nr_workers, nr_threads ? nr_threads : 1);
	ASSERT_OK(rig_open(&r, O_RDWR | O_DIRECT));
	for (u32 i = 0; i < 4; i++) {
		rig_fill(&r, i, i << 20, 1 << 20);
		rig_check(&r, i, i << 20, 1 << 20);
	}
	rig_down(&r);
	return 0;
}

static void any_number_of_threads(void)
{
	int err;

	if (nr_cpus() < 2)
		test_skip("one CPU, so one queue");
	for (u32 nr = 0; nr < 3; nr++)
		EXPECT_OK(serve_with(nr, UBLK_MODE_AUTO, UBLK_NO));
	err = serve_with(5, UBLK_MODE_AUTO, UBLK_NO);
	if (err == -EOPNOTSUPP)
		test_skip("a queue has one thread (Linux 6.16)");
	EXPECT_OK(err);
}

/* Each of a queue's threads fetches from it, and any of them may commit */
static void threads_of_a_batch(void)
{
	static const enum ublk_mode modes[] = {
		UBLK_MODE_AUTO, UBLK_MODE_COPY, UBLK_MODE_USER_COPY, UBLK_MODE_USER_COPY_RING,
		UBLK_MODE_ZERO_COPY,
	};

	if (nr_cpus() < 2)
		test_skip("one CPU, so one queue");
	if (serve_with(1, UBLK_MODE_COPY, UBLK_YES) == -EOPNOTSUPP)
		test_skip("no batches (Linux 7.0)");
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		for (u32 nr = 0; nr <= 5; nr += nr == 2 ? 3 : 1)
			EXPECT_OK(serve_with(nr, modes[i], UBLK_YES));
	EXPECT_ERR(serve_with(5, UBLK_MODE_AUTO_BUF_REG, UBLK_YES), -EINVAL);
	EXPECT_OK(serve_with(2, UBLK_MODE_AUTO_BUF_REG, UBLK_YES));
}

static const struct test_case cases[] = {
	TEST("threads serve several queues each, or several one", any_number_of_threads,
	     .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("threads fetch batches of several queues each, or several of one",
	     threads_of_a_batch, .timeout_ms = 60000, .fixture = &device_fixture),
	TEST("there are as many queues as CPUs at most", cuts_queues, .timeout_ms = 30000,
	     .fixture = &device_fixture),
	TEST("the threads have the device's name and the queue's number", have_names,
	     .timeout_ms = 30000, .fixture = &device_fixture),
	TEST("each thread runs on the CPUs whose requests it serves", follow_the_kernel,
	     .timeout_ms = 30000, .fixture = &device_fixture),
	TEST("the threads run where they are told, or anywhere", obey, .timeout_ms = 30000,
	     .fixture = &device_fixture),
};
TEST_SUITE(device_queues, cases);

#endif
