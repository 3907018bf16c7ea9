/* SPDX-License-Identifier: MIT */
/* uapi/rt/free/thread.h */
#if !__STDC_HOSTED__

#include <asm/errno.h>
#include <linux/prctl.h>
#include <linux/resource.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/free/thread.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define NR_THREADS 64
#define STACK_BYTES 16384

struct work {
	struct thread thread;
	u32 *go;
	u64 sum;
	s32 tid;
	u64 misalignment;
	char name[16];
};

static void wait_and_work(void *arg)
{
	struct work *work = arg;
	volatile u8 stack[STACK_BYTES / 2];

	work->misalignment = (u64)__builtin_frame_address(0) & 15;
	work->tid = sys_gettid();
	while (!__atomic_load_n(work->go, __ATOMIC_ACQUIRE))
		sys_sched_yield();
	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = (u8)work->tid;
	for (size_t i = 0; i < sizeof(stack); i++)
		work->sum += stack[i];
}

static void many_start_and_join(void)
{
	static struct work works[NR_THREADS];
	u32 go = 0;

	for (int round = 0; round < 10; round++) {
		__atomic_store_n(&go, 0, __ATOMIC_RELEASE);
		for (int i = 0; i < NR_THREADS; i++) {
			works[i] = (struct work){ .go = &go };
			ASSERT_OK(thread_start(&works[i].thread, wait_and_work, &works[i],
					       STACK_BYTES));
			ASSERT_NE(works[i].thread.alive, 0);
		}
		__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
		for (int i = 0; i < NR_THREADS; i++) {
			thread_join(&works[i].thread);
			ASSERT_EQ(works[i].tid, works[i].thread.id);
			ASSERT_EQ(works[i].sum, (u64)(u8)works[i].tid * (STACK_BYTES / 2));
			ASSERT_EQ(works[i].misalignment, 0);
			ASSERT_EQ(works[i].thread.stack.addr, NULL);
			for (int j = 0; j < i; j++)
				ASSERT_NE(works[i].tid, works[j].tid);
		}
	}
}

static void short_ones_come_and_go(void)
{
	u32 go = 1;

	for (int i = 0; i < 2000; i++) {
		struct work work = { .go = &go };

		ASSERT_OK(thread_start(&work.thread, wait_and_work, &work, STACK_BYTES));
		thread_join(&work.thread);
		ASSERT_EQ(work.tid, work.thread.id);
	}
}

/* Runs on a thread's stack: a byte at a given distance from its top. */
struct poke {
	struct thread thread;
	u64 below_top_bytes;
};

static void poke_stack(void *arg)
{
	struct poke *poke = arg;
	u8 *top = (u8 *)poke->thread.stack.addr + poke->thread.stack.len_bytes;

	*(volatile u8 *)(top - poke->below_top_bytes) = 1;
}

static void poke_in_thread(void *arg)
{
	struct poke *poke = arg;

	ASSERT_OK(thread_start(&poke->thread, poke_stack, poke, STACK_BYTES));
	thread_join(&poke->thread);
}

static void guard_page_faults(void)
{
	u64 stack_bytes = pages_round_up(STACK_BYTES);
	struct poke last = { .below_top_bytes = stack_bytes };
	struct poke guard = { .below_top_bytes = stack_bytes + 1 };

	EXPECT_EQ(test_run_child(poke_in_thread, &last), 0);
	EXPECT_EQ(test_signal(test_run_child(poke_in_thread, &guard)), 11);
	guard.below_top_bytes = stack_bytes + pages_size();
	EXPECT_EQ(test_signal(test_run_child(poke_in_thread, &guard)), 11);
}

static void nothing_is_left_of_a_failure(void)
{
	struct thread t = { .alive = 7 };
	u32 go = 1;
	struct work work = { .go = &go };

	EXPECT_ERR(thread_start(&t, wait_and_work, &work, 0), -EINVAL);
	t = (struct thread){ 0 };
	EXPECT_ERR(thread_start(&t, wait_and_work, &work, 1ULL << 60), -ENOMEM);
	EXPECT_EQ(t.stack.addr, NULL);
	EXPECT_ERR(thread_start(&t, wait_and_work, &work, UINT64_MAX), -ENOMEM);
	EXPECT_EQ(t.stack.addr, NULL);
	thread_join(&t);
}

/* uid 65534 may have no more tasks than it has. */
static void limit_and_start(void *arg)
{
	struct rlimit64 limit = { 0, 0 };
	u32 go = 1;
	struct work work = { .go = &go };

	(void)arg;
	ASSERT_OK(sys_prlimit64(0, RLIMIT_NPROC, &limit, NULL));
	ASSERT_OK(sys_setresuid(65534, 65534, 65534));
	ASSERT_ERR(thread_start(&work.thread, wait_and_work, &work, STACK_BYTES), -EAGAIN);
	ASSERT_EQ(work.thread.stack.addr, NULL);
	ASSERT_EQ(work.thread.alive, 0);
	thread_join(&work.thread);
}

static void clone_may_fail(void)
{
	if (sys_geteuid())
		test_skip("needs root, to become a user with no tasks left");
	EXPECT_EQ(test_run_child(limit_and_start, NULL), 0);
}

static void take_name(void *arg)
{
	struct work *work = arg;

	sys_prctl(PR_GET_NAME, (u64)work->name, 0, 0, 0);
}

static void has_its_name(void)
{
	struct work work = { .thread.name = "queue-7" };

	ASSERT_OK(thread_start(&work.thread, take_name, &work, STACK_BYTES));
	thread_join(&work.thread);
	EXPECT_STREQ(work.name, "queue-7");
}

static void join_can_give_up(void)
{
	u32 go = 0;
	struct work work = { .go = &go };
	u64 start_ms;

	ASSERT_OK(thread_start(&work.thread, wait_and_work, &work, STACK_BYTES));
	start_ms = test_now_ms();
	EXPECT_ERR(thread_join_for(&work.thread, 50000000), -ETIMEDOUT);
	EXPECT_GE(test_now_ms() - start_ms, 49);
	EXPECT_ERR(thread_join_for(&work.thread, 0), -ETIMEDOUT);
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	EXPECT_OK(thread_join_for(&work.thread, 5000000000));
	EXPECT_OK(thread_join_for(&work.thread, 0));
	EXPECT_EQ(work.thread.stack.addr, NULL);
}

static void never_started_is_joined(void)
{
	struct thread t = { 0 };

	thread_join(&t);
	EXPECT_OK(thread_join_for(&t, 0));
}

static const struct test_case cases[] = {
	TEST("64 threads run at once and give up their stacks", many_start_and_join,
	     .timeout_ms = 30000),
	TEST("the guard page faults, and the last byte above it does not", guard_page_faults),
	TEST("a start that fails leaves nothing", nothing_is_left_of_a_failure),
	TEST("a limit on tasks is reported and leaves nothing", clone_may_fail),
	TEST("2000 threads come and go", short_ones_come_and_go, .timeout_ms = 30000),
	TEST("a join gives up in time and can be repeated", join_can_give_up),
	TEST("a thread has its name", has_its_name),
	TEST("joining what never started returns at once", never_started_is_joined),
};
TEST_SUITE(rt_thread, cases);

#endif
