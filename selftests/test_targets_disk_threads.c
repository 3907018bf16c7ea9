/* SPDX-License-Identifier: MIT */
/* ublk/disk.h: queues of several threads, and one that is left to the background. */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/oracle.h"
#include "uapi/rt/free/thread.h"
#include "uapi/rt/mem.h"
#include "ublk/disk.h"

#define NR_THREADS 4
#define SHARE_BYTES (256U << 10)
#define NR_OPS 100
#define STACK_BYTES 65536

static struct tgt_disk disk;

struct worker {
	struct thread thread;
	struct tgt_disk_queue queue;
	u32 idx;
	u32 nr_ops;
	int err;
	struct diag why;
	u8 mem[16384] __attribute__((aligned(8))); /* the oracle has words in it */
};

static struct worker workers[NR_THREADS];

static int write_or_read(struct worker *w, struct oracle *o, u64 *random)
{
	u64 len = 512 * (1 + oracle_below(random, 32));
	u64 at = oracle_below(random, (SHARE_BYTES - len) / 512 + 1) * 512;
	u64 base = w->idx * SHARE_BYTES;
	int err;

	if (oracle_below(random, 2)) {
		oracle_write_begin(o, at, w->mem, len);
		err = tgt_disk_write(&w->queue, base + at, w->mem, len);
		oracle_write_end(o, at, len, !err, false);
		return err;
	}
	err = tgt_disk_read(&w->queue, base + at, w->mem, len);
	return err ? err : oracle_check(o, at, w->mem, len, &w->why);
}

static void work(void *arg)
{
	struct worker *w = arg;
	u64 random = 5 + w->idx;
	struct oracle o;

	w->err = tgt_disk_queue_open(&w->queue, &disk, w->idx, 0, &w->why);
	if (!w->err)
		w->err = oracle_init(&o, SHARE_BYTES, 512, random);
	if (w->err)
		return;
	while (!w->err) {
		w->err = write_or_read(w, &o, &random);
		__atomic_fetch_add(&w->nr_ops, 1, __ATOMIC_RELAXED);
	}
	oracle_exit(&o);
	tgt_disk_queue_close(&w->queue);
}

/* Each with a queue, until somebody disconnects under all of them */
static void disconnects_all(void)
{
	static const char *const specs[] = { "ram:1M", "delay?by=0:[ram:1M]", "delay?by=1ms:[ram:1M]" };
	struct diag why;

	for (size_t s = 0; s < ARRAY_SIZE(specs); s++) {
		test_row("%s", specs[s]);
		ASSERT_OK(tgt_disk_open(&disk, broken_types, specs[s], 0, &why));
		for (u32 i = 0; i < NR_THREADS; i++) {
			workers[i] = (struct worker){ .idx = i };
			ASSERT_OK(thread_start(&workers[i].thread, work, &workers[i], STACK_BYTES));
		}
		for (u32 i = 0; i < NR_THREADS; i++)
			while (__atomic_load_n(&workers[i].nr_ops, __ATOMIC_RELAXED) < NR_OPS)
				test_sleep_ms(10);
		tgt_disk_disconnect(&disk);
		for (u32 i = 0; i < NR_THREADS; i++) {
			thread_join(&workers[i].thread);
			if (workers[i].err != -ENOTCONN)
				test_fail("%s, thread %u: %s", specs[s], i, workers[i].why.text);
		}
		tgt_disk_close(&disk);
	}
}

static void run_for_ever(void *arg)
{
	struct worker *w = arg;

	w->err = tgt_disk_queue_open(&w->queue, &disk, 0, 0, &w->why);
	if (w->err)
		return;
	w->err = tgt_disk_run(&w->queue, TGT_DISK_FOREVER, false);
	tgt_disk_queue_close(&w->queue);
}

/* The thread sleeps, and is woken. */
static void leaves_a_queue_to_a_thread(void)
{
	struct worker *w = &workers[0];
	struct diag why;
	u64 began;

	ASSERT_OK(tgt_disk_open(&disk, broken_types, "delay?by=0:[ram:1M]", 0, &why));
	ASSERT_OK(thread_start(&w->thread, run_for_ever, w, STACK_BYTES));
	test_sleep_ms(50);
	EXPECT_ERR(thread_join_for(&w->thread, 1000000), -ETIMEDOUT);
	began = test_now_ms();
	tgt_disk_disconnect(&disk);
	thread_join(&w->thread);
	EXPECT_LT(test_now_ms() - began, 8000);
	EXPECT_EQ(w->err, -ENOTCONN);
	tgt_disk_close(&disk);
}

static void write_once(void *arg)
{
	struct worker *w = arg;

	memset(w->mem, w->idx, 512);
	w->err = tgt_disk_write(&w->queue, w->idx * 512, w->mem, 512);
}

/* One after the other, while nothing is under way */
static void a_queue_moves(void)
{
	struct worker *w = &workers[0];
	struct diag why;
	u8 mem[512];

	ASSERT_OK(tgt_disk_open(&disk, broken_types, "delay?by=1ms:[ram:1M]", 0, &why));
	ASSERT_OK(tgt_disk_queue_open(&w->queue, &disk, 0, 0, &why));
	for (w->idx = 1; w->idx < 20; w->idx++) {
		ASSERT_OK(thread_start(&w->thread, write_once, w, STACK_BYTES));
		thread_join(&w->thread);
		EXPECT_OK(w->err);
		EXPECT_OK(tgt_disk_read(&w->queue, w->idx * 512, mem, 512));
		EXPECT_EQ(mem[511], w->idx);
	}
	tgt_disk_queue_close(&w->queue);
	tgt_disk_close(&disk);
}

static const struct test_case cases[] = {
	TEST("queues of several threads, until one disconnects them all", disconnects_all,
	     .timeout_ms = 30000),
	TEST("a thread that turns a queue is woken by disconnect", leaves_a_queue_to_a_thread),
	TEST("a queue goes from thread to thread", a_queue_moves),
};
TEST_SUITE(targets_disk_threads, cases);

#endif
