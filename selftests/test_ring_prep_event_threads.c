/* SPDX-License-Identifier: MIT */
/* ring/prep_event.h, proved by doing it: futexes and messages between threads */
#if !__STDC_HOSTED__

#include <linux/futex.h>

#include "selftests/ring_play.h"
#include "uapi/rt/free/thread.h"

enum {
	SIZE_U32_PRIVATE = 2 | 128,
	STACK_BYTES = 65536,
	NR_TURNS = 2000,
};

/* Whose turn it is, in one word: even numbers are the ring's, odd ones the thread's. */
struct game {
	struct thread thread;
	struct ring *r;
	u32 turn;
};

static void thread_plays(void *arg)
{
	struct game *g = arg;

	for (u32 turn = 1; turn < NR_TURNS; turn += 2) {
		u32 now;

		while ((now = __atomic_load_n(&g->turn, __ATOMIC_ACQUIRE)) != turn)
			sys_futex(&g->turn, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, now, NULL);
		__atomic_store_n(&g->turn, turn + 1, __ATOMIC_RELEASE);
		sys_futex(&g->turn, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL);
	}
}

/* Waits by its ring until the word is no longer @now */
static void ring_waits(struct ring *r, const u32 *word, u32 now)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == now) {
		s32 res;

		ring_prep_futex_wait(play_sqe(r), word, now, FUTEX_BITSET_MATCH_ANY,
				     SIZE_U32_PRIVATE, 0);
		res = play_result(r);
		ASSERT_TRUE(res == 0 || res == -EAGAIN);
	}
}

static void futexes(void)
{
	static struct game g;
	struct ring r;

	NEED_OP(IORING_OP_FUTEX_WAIT);
	play_ring(&r, 0);
	ASSERT_OK(thread_start(&g.thread, thread_plays, &g, STACK_BYTES));
	for (u32 turn = 0; turn < NR_TURNS; turn += 2) {
		s32 res;

		EXPECT_EQ(__atomic_load_n(&g.turn, __ATOMIC_ACQUIRE), turn);
		__atomic_store_n(&g.turn, turn + 1, __ATOMIC_RELEASE);
		ring_prep_futex_wake(play_sqe(&r), &g.turn, 1, FUTEX_BITSET_MATCH_ANY,
				     SIZE_U32_PRIVATE, 0);
		res = play_result(&r);
		EXPECT_TRUE(res == 0 || res == 1);
		ring_waits(&r, &g.turn, turn + 1);
	}
	thread_join(&g.thread);
	EXPECT_EQ(g.turn, NR_TURNS);
}

/* Sends all numbers from a ring of its own */
static void thread_sends(void *arg)
{
	struct game *g = arg;
	struct ring r;

	play_ring(&r, 0);
	for (u64 i = 0; i < NR_TURNS; i++) {
		s32 res;

		do { /* -EAGAIN: the other one was busy */
			ring_prep_msg_ring(play_sqe(&r), g->r->fd, (u32)i, ~i, 0);
			res = play_result(&r);
		} while (res == -EAGAIN);
		EXPECT_EQ(res, 0);
	}
	ring_exit(&r);
}

static void messages(u32 flags)
{
	static struct game g;
	struct ring r;

	play_ring(&r, flags);
	g.r = &r;
	ASSERT_OK(thread_start(&g.thread, thread_sends, &g, STACK_BYTES));
	for (u64 i = 0; i < NR_TURNS; i++) {
		struct play_cqe cqe = play_next(&r);

		EXPECT_EQ(cqe.user_data, ~i);
		EXPECT_EQ(cqe.res, i);
	}
	thread_join(&g.thread);
	play_quiet(&r);
}

static void messages_plain(void)
{
	messages(0);
}

static void messages_deferred(void)
{
	messages(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

static const struct test_case cases[] = {
	TEST("a ring and a thread take turns by a futex", futexes),
	TEST("a thread's messages arrive in order", messages_plain),
	TEST("a thread's messages arrive in order on a ring that defers", messages_deferred),
};
TEST_SUITE(ring_prep_event_threads, cases);

#endif
