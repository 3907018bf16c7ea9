/* SPDX-License-Identifier: MIT */
/* ring/guard.h: several threads submit, one reaps */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "ring/call.h"
#include "ring/guard.h"
#include "ring/register.h"
#include "ring/wait.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/free/thread.h"
#include "uapi/sys.h"

#define STACK_BYTES 65536
#define NR_THREADS 4
#define NR_EACH 5000

struct worker {
	struct thread thread;
	struct ring_guard *g;
	u32 nr;
	u64 *counter;
	int err;
};

static void make(struct ring *r, u32 entries, u32 flags)
{
	struct io_uring_params p = {
		.flags = flags | IORING_SETUP_CQSIZE,
		.cq_entries = 1024,
	};
	int err = ring_init(r, entries, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

static void start(struct worker *w, struct ring_guard *g, void (*fn)(void *arg))
{
	for (u32 i = 0; i < NR_THREADS; i++) {
		w[i] = (struct worker){ .g = g, .nr = i, .counter = w[i].counter };
		ASSERT_OK(thread_start(&w[i].thread, fn, &w[i], STACK_BYTES));
	}
}

static void join(struct worker *w)
{
	for (u32 i = 0; i < NR_THREADS; i++) {
		thread_join(&w[i].thread);
		EXPECT_OK(w[i].err);
	}
}

/* Now and then several are ready before somebody submits. */
static void submit_nops(void *arg)
{
	struct worker *w = arg;

	for (u64 i = 0; i < NR_EACH && w->err >= 0; i++) {
		struct io_uring_sqe *sqe = ring_guard_get_sqe(w->g);

		if (!sqe) {
			w->err = -EBUSY;
			break;
		}
		ring_prep_nop(sqe);
		ring_sqe_set_data64(sqe, (u64)w->nr << 32 | i);
		ring_guard_ready(w->g);
		if (i % 3 != 1 || i == NR_EACH - 1)
			w->err = ring_guard_submit(w->g);
	}
	if (w->err >= 0)
		w->err = ring_guard_submit(w->g);
}

/* Each thread's numbers come in order: none is lost, none comes twice. */
static void all_arrive(u32 entries, u32 flags)
{
	u64 next[NR_THREADS] = { 0 };
	struct worker w[NR_THREADS] = { [0 ... NR_THREADS - 1] = { .err = 0 } };
	struct io_uring_cqe *cqe;
	struct ring_guard g;
	struct ring r;

	make(&r, entries, flags);
	ASSERT_OK(ring_guard_init(&g, &r));
	start(w, &g, submit_nops);
	for (u32 nr = 0; nr < NR_THREADS * NR_EACH; nr++) {
		u64 data;

		ASSERT_OK(ring_wait_cqe(&r, &cqe));
		data = cqe->user_data;
		ring_cqe_seen(&r, cqe);
		ASSERT_LT(data >> 32, NR_THREADS);
		ASSERT_EQ((u32)data, next[data >> 32]);
		next[data >> 32]++;
	}
	join(w);
	EXPECT_EQ(ring_cq_ready(&r), 0);
	EXPECT_EQ(ring_sq_ready(&r), 0);
	EXPECT_EQ(ring_cq_overflow(&r), 0);
	EXPECT_EQ(ring_sq_dropped(&r), 0);
	EXPECT_EQ(g.lock, 0);
	ring_exit(&r);
}

static void roomy(void)
{
	all_arrive(256, 0);
}

static void crowded(void)
{
	all_arrive(2, 0);
}

static void polled(void)
{
	all_arrive(8, IORING_SETUP_SQPOLL);
}

/* The second of a chain is always cancelled by the first's failure: the chain is whole. */
static void submit_chains(void *arg)
{
	struct worker *w = arg;

	for (u64 i = 0; i < 500 && w->err >= 0; i++) {
		struct io_uring_sqe *sqe;

		ring_guard_lock(w->g);
		while (ring_sq_space_left(w->g->ring) < 2 && w->err >= 0)
			w->err = ring_submit(w->g->ring);
		sqe = ring_get_sqe(w->g->ring);
		ring_prep_read(sqe, -1, NULL, 0, 0);
		ring_sqe_set_flags(sqe, IOSQE_IO_LINK);
		ring_sqe_set_data64(sqe, 1);
		if (i % 8 == 0) /* which takes long, where others have work */
			sys_sched_yield();
		sqe = ring_get_sqe(w->g->ring);
		ring_prep_nop(sqe);
		ring_sqe_set_data64(sqe, 2);
		ring_guard_unlock(w->g);
		w->err = ring_guard_submit(w->g);
	}
}

static void chains(void)
{
	struct worker w[NR_THREADS] = { [0 ... NR_THREADS - 1] = { .err = 0 } };
	struct io_uring_cqe *cqe;
	struct ring_guard g;
	struct ring r;

	make(&r, 8, 0);
	ASSERT_OK(ring_guard_init(&g, &r));
	start(w, &g, submit_chains);
	for (u32 nr = 0; nr < NR_THREADS * 500 * 2; nr++) {
		ASSERT_OK(ring_wait_cqe(&r, &cqe));
		EXPECT_EQ(cqe->res, cqe->user_data == 1 ? -EBADF : -ECANCELED);
		ring_cqe_seen(&r, cqe);
	}
	join(w);
	ring_exit(&r);
}

static void add(void *arg)
{
	struct worker *w = arg;

	for (u32 i = 0; i < 20000; i++) {
		u64 seen;

		ring_guard_lock(w->g);
		seen = *(volatile u64 *)w->counter;
		if (i % 512 == 0)
			sys_sched_yield();
		*(volatile u64 *)w->counter = seen + 1;
		ring_guard_unlock(w->g);
	}
}

static void excludes(void)
{
	struct worker w[NR_THREADS] = { [0 ... NR_THREADS - 1] = { .err = 0 } };
	struct ring_guard g;
	u64 counter = 0;
	struct ring r;

	make(&r, 8, 0);
	ASSERT_OK(ring_guard_init(&g, &r));
	for (u32 i = 0; i < NR_THREADS; i++)
		w[i].counter = &counter;
	start(w, &g, add);
	join(w);
	EXPECT_EQ(counter, NR_THREADS * 20000);
	EXPECT_EQ(g.lock, 0);
	ring_exit(&r);
}

static void take_and_leave(void *arg)
{
	struct worker *w = arg;

	ring_guard_lock(w->g);
	*w->counter = 1;
	ring_guard_unlock(w->g);
}

/* Who waits is asleep, and wakes. */
static void sleeps(void)
{
	struct ring_guard g;
	u64 counter = 0;
	struct worker w = { .g = &g, .counter = &counter };
	struct ring r;

	make(&r, 8, 0);
	ASSERT_OK(ring_guard_init(&g, &r));
	ring_guard_lock(&g);
	ASSERT_OK(thread_start(&w.thread, take_and_leave, &w, STACK_BYTES));
	while (__atomic_load_n(&g.lock, __ATOMIC_RELAXED) != 2)
		test_sleep_ms(1);
	test_sleep_ms(20);
	EXPECT_EQ(__atomic_load_n(&counter, __ATOMIC_RELAXED), 0);
	ring_guard_unlock(&g);
	EXPECT_OK(thread_join_for(&w.thread, 5000000000));
	EXPECT_EQ(counter, 1);
	ring_exit(&r);
}

static void call_here(void *arg)
{
	struct worker *w = arg;

	w->err = ring_call_nop(w->g->ring);
}

static void one_issuer(void)
{
	struct ring_guard g;
	struct worker w = { .g = &g };
	struct ring r;

	make(&r, 8, IORING_SETUP_SINGLE_ISSUER);
	EXPECT_ERR(ring_guard_init(&g, &r), -EEXIST);
	/* Who goes on all the same has the same error from the kernel, and a nop is left. */
	ASSERT_EQ(ring_call_nop(&r), 0);
	ASSERT_OK(thread_start(&w.thread, call_here, &w, STACK_BYTES));
	thread_join(&w.thread);
	EXPECT_ERR(w.err, -EEXIST);
	EXPECT_EQ(ring_sq_ready(&r), 1);
	EXPECT_EQ(ring_call_nop(&r), 0);
	EXPECT_EQ(ring_cq_ready(&r), 0);
	ring_exit(&r);

	make(&r, 8, 0);
	ASSERT_OK(ring_register_ring_fd(&r));
	EXPECT_ERR(ring_guard_init(&g, &r), -EINVAL);
	ring_exit(&r);
}

static void fails(void)
{
	struct ring_guard g;
	struct ring r;

	make(&r, 2, 0);
	ASSERT_OK(ring_guard_init(&g, &r));
	EXPECT_EQ(ring_guard_submit(&g), 0);
	for (u32 i = 0; i < 2; i++) {
		ring_prep_nop(ring_guard_get_sqe(&g));
		ring_guard_ready(&g);
	}
	sys_close(r.fd);
	/* No entry, and the lock is free all the same. */
	EXPECT_EQ(ring_guard_get_sqe(&g), NULL);
	EXPECT_EQ(g.lock, 0);
	EXPECT_ERR(ring_guard_submit(&g), -EBADF);
	EXPECT_EQ(g.lock, 0);
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("four threads submit: nothing is lost, doubled or out of order", roomy,
	     .timeout_ms = 30000),
	TEST("four threads share two entries", crowded, .timeout_ms = 30000),
	TEST("four threads and one that submits for them", polled, .timeout_ms = 30000),
	TEST("a chain made under the lock stays whole", chains, .timeout_ms = 30000),
	TEST("the lock excludes", excludes, .timeout_ms = 30000),
	TEST("who waits for the lock sleeps, and is woken", sleeps),
	TEST("a ring for one thread is refused", one_issuer),
	TEST("failures leave the lock free", fails),
};
TEST_SUITE(ring_guard, cases);

#endif
