/* SPDX-License-Identifier: MIT */
/* Rings and the threads that they belong to */
#if !__STDC_HOSTED__

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/signal.h>

#include "ring/wait.h"
#include "selftests/ring_play.h"
#include "uapi/rt/free/signal.h"
#include "uapi/rt/free/thread.h"

#define STACK_BYTES 65536
#define DEFER (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

struct job {
	struct ring *r;
	int submit_result;
};

static void submit_nop(void *arg)
{
	struct job *job = arg;

	ring_prep_nop(ring_get_sqe(job->r));
	job->submit_result = ring_submit(job->r);
}

static int submit_elsewhere(struct ring *r)
{
	struct thread thread = { .alive = 0 };
	struct job job = { .r = r };

	ASSERT_OK(thread_start(&thread, submit_nop, &job, STACK_BYTES));
	thread_join(&thread);
	return job.submit_result;
}

static void single_issuer(void)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	struct ring r;

	ASSERT_OK(ring_init(&r, 8, &p));
	EXPECT_ERR(submit_elsewhere(&r), -EEXIST);
	/* The entry is still there, and its owner can submit it. */
	EXPECT_EQ(ring_sq_ready(&r), 1);
	EXPECT_EQ(ring_submit_and_wait(&r, 1), 1);
	ring_exit(&r);
}

static void any_issuer(void)
{
	struct io_uring_params p = { .flags = 0 };
	struct ring r;

	ASSERT_OK(ring_init(&r, 8, &p));
	EXPECT_EQ(submit_elsewhere(&r), 1);
	EXPECT_EQ(ring_submit_and_wait(&r, 1), 0);
	EXPECT_EQ(ring_cq_ready(&r), 1);
	ring_exit(&r);
}

static void send_messages(void *arg)
{
	struct io_uring_params p = { .flags = 0 };
	struct job *job = arg;
	struct ring r;

	job->submit_result = ring_init(&r, 8, &p);
	for (u64 i = 0; !job->submit_result && i < 1000; i++) {
		ring_prep_msg_ring(ring_get_sqe(&r), job->r->fd, 1, i, 0);
		if (ring_submit_and_wait(&r, 1) != 1 || ring_peek_cqe(&r)->res)
			job->submit_result = -EIO;
		ring_cq_advance(&r, 1);
	}
	ring_exit(&r);
}

static void messages_between_threads(void)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_CQSIZE,
		.cq_entries = 64,
	};
	struct thread thread = { .alive = 0 };
	struct job job;
	struct ring r;

	ASSERT_OK(ring_init(&r, 8, &p));
	job = (struct job){ .r = &r };
	ASSERT_OK(thread_start(&thread, send_messages, &job, STACK_BYTES));
	for (u64 next = 0; next < 1000;) {
		struct io_uring_cqe *cqe;

		ASSERT_OK(ring_submit_and_wait_timeout(&r, 1, 5000000000));
		while ((cqe = ring_peek_cqe(&r))) {
			ASSERT_EQ(cqe->user_data, next);
			next++;
			ring_cq_advance(&r, 1);
		}
	}
	thread_join(&thread);
	EXPECT_OK(job.submit_result);
	ring_exit(&r);
}

/* One thread fills and submits, another reaps: the two sides of a ring. */

#define NR_NUMBERS 100000U

struct sides {
	struct ring r;
	u8 sqe_flags;
	u32 nr_submitted;
	int result;
	u8 seen[NR_NUMBERS];
};

static struct sides sides;

static int submit_all(struct sides *s)
{
	int ret = ring_submit(&s->r);

	if (ret > 0)
		s->nr_submitted += (u32)ret;
	/* A full SQPOLL ring has nothing more to submit, and becomes free by itself. */
	if (ret >= 0 && !ring_sq_space_left(&s->r))
		ret = ring_sqring_wait(&s->r);
	return ret == -EINTR ? 0 : ret;
}

static void fill(void *arg)
{
	struct sides *s = arg;
	u32 number = 0;

	while (number < NR_NUMBERS && s->result >= 0) {
		struct io_uring_sqe *sqe = ring_get_sqe(&s->r);

		if (sqe) {
			ring_prep_nop(sqe);
			ring_sqe_set_flags(sqe, s->sqe_flags);
			ring_sqe_set_data64(sqe, number++);
			if (number * 7 % 5)
				continue;
		}
		s->result = submit_all(s);
	}
	while (s->nr_submitted < number && s->result >= 0)
		s->result = submit_all(s);
}

/* Waits, batches and single steps in turn; every number once, in order if they are */
static void reap_all(struct sides *s, bool is_ordered)
{
	for (u32 nr = 0; nr < NR_NUMBERS;) {
		struct io_uring_cqe *cqes[8];
		u32 got;

		ASSERT_OK(ring_wait_cqe_timeout(&s->r, cqes, PLAY_WAIT_NS));
		got = ring_peek_batch_cqe(&s->r, cqes, 1 + nr % 8);
		ASSERT_GT(got, 0);
		for (u32 i = 0; i < got; i++, nr++) {
			u64 number = cqes[i]->user_data;

			ASSERT_EQ(cqes[i]->res, 0);
			ASSERT_LT(number, NR_NUMBERS);
			ASSERT_EQ(s->seen[number]++, 0);
			if (is_ordered)
				ASSERT_EQ(number, nr);
		}
		ring_cq_advance(&s->r, got);
	}
	ASSERT_EQ(ring_peek_cqe(&s->r), NULL);
	ASSERT_EQ(ring_cq_overflow(&s->r), 0);
}

static void two_sides(u32 setup_flags, u8 sqe_flags)
{
	struct io_uring_params p = { .flags = setup_flags, .sq_thread_idle = 2 };
	struct thread thread = { .alive = 0 };

	sides.sqe_flags = sqe_flags;
	ASSERT_OK(ring_init(&sides.r, 32, &p));
	ASSERT_EQ(sides.r.flags, setup_flags);
	ASSERT_OK(thread_start(&thread, fill, &sides, STACK_BYTES));
	reap_all(&sides, !sqe_flags);
	thread_join(&thread);
	ASSERT_OK(sides.result);
	ASSERT_EQ(sides.nr_submitted, NR_NUMBERS);
	ring_exit(&sides.r);
}

static void two_sides_plain(void)
{
	two_sides(0, 0);
}

static void two_sides_cooperative(void)
{
	two_sides(IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 0);
}

static void two_sides_sqpoll(void)
{
	two_sides(IORING_SETUP_SQPOLL, 0);
}

static void two_sides_out_of_order(void)
{
	two_sides(0, IOSQE_ASYNC);
}

/* A storm of signals, at everything that waits */

static u32 nr_signals;

static void count_signal(int nr)
{
	(void)nr;
	__atomic_fetch_add(&nr_signals, 1, __ATOMIC_RELAXED);
}

static _Noreturn void storm(int pid)
{
	for (;;) {
		sys_kill(pid, SIGUSR1);
		sys_sched_yield();
		if (sys_getppid() != pid)
			sys_exit_group(0);
	}
}

/* A timeout that is over at once, behind entries that complete at once or later */
static void prep_storm(struct ring *r, u64 *number, const struct __kernel_timespec *ts)
{
	for (u32 i = 0; i < 3; i++) {
		struct io_uring_sqe *sqe = ring_get_sqe(r);

		ASSERT_NE(sqe, NULL);
		if (i == 2)
			ring_prep_timeout(sqe, ts, 0, 0);
		else
			ring_prep_nop(sqe);
		if (i == 1)
			ring_sqe_set_flags(sqe, IOSQE_ASYNC);
		ring_sqe_set_data64(sqe, (*number)++);
	}
}

/* Submits all in one of three ways, which a signal does not keep from it */
static void submit_in_storm(struct ring *r, u32 round)
{
	int ret = round % 3 == 0 ? ring_submit(r) :
		  round % 3 == 1 ? ring_submit_and_wait(r, 3) :
				   ring_submit_and_wait_timeout(r, 3, 1000000);

	ASSERT_EQ(ret, 3);
}

/* Returns how often a wait was interrupted */
static u32 weather_storm(u32 flags)
{
	static const struct __kernel_timespec ts[] = { { .tv_nsec = 200000 },
						       { .tv_nsec = 3000000 } };
	struct io_uring_params p = { .flags = flags, .sq_thread_idle = 2 };
	u32 nr_interrupted = 0;
	u64 given = 0;
	u32 nr_seen = 0;
	struct ring r;

	ASSERT_OK(ring_init(&r, 8, &p));
	for (u32 round = 0; round < 400; round++) {
		prep_storm(&r, &given, &ts[round % 8 == 0]);
		submit_in_storm(&r, round);
		while (nr_seen < given) {
			struct io_uring_cqe *cqe;
			int ret = ring_wait_cqe(&r, &cqe);

			nr_interrupted += ret == -EINTR;
			ASSERT_TRUE(!ret || ret == -EINTR);
			if (ret)
				continue;
			ASSERT_LT(cqe->user_data, given);
			ASSERT_EQ(sides.seen[cqe->user_data]++, 0);
			nr_seen++;
			ring_cqe_seen(&r, cqe);
		}
		ASSERT_EQ(ring_peek_cqe(&r), NULL);
	}
	ring_exit(&r);
	memset(sides.seen, 0, sizeof(sides.seen));
	return nr_interrupted;
}

static bool is_storm(u32 nr_interrupted)
{
	return nr_interrupted && __atomic_load_n(&nr_signals, __ATOMIC_RELAXED) > 100;
}

static void storms(void)
{
	static const u32 flags[] = { 0, DEFER, IORING_SETUP_COOP_TASKRUN, IORING_SETUP_SQPOLL };
	u32 nr_interrupted = 0;
	int me = sys_getpid();
	int child;

	ASSERT_OK(signal_handle(SIGUSR1, count_signal, 0));
	child = sys_fork();
	ASSERT_OK(child);
	if (!child)
		storm(me);
	/* of each kind once; and again while a busy machine has let no storm come up */
	for (size_t i = 0; i < ARRAY_SIZE(flags) || (i < 40 && !is_storm(nr_interrupted)); i++) {
		test_row("flags 0x%x", flags[i % ARRAY_SIZE(flags)]);
		nr_interrupted += weather_storm(flags[i % ARRAY_SIZE(flags)]);
	}
	EXPECT_TRUE(is_storm(nr_interrupted));
	sys_kill(child, SIGKILL);
	while (sys_wait4(child, NULL, 0) == -EINTR)
		continue;
}

/* The file is closed while a thread waits in it. */

struct waiter {
	struct ring r;
	u32 flags;
	u64 timeout_ns;
	int fd; /* that a request waits for */
	u32 is_ready;
	u32 is_closed;
	int waited;
	u32 nr_there;
	int after;
};

static void wait_in_ring(void *arg)
{
	struct io_uring_params p = { .flags = 0 };
	struct waiter *w = arg;
	struct io_uring_sqe *sqe;

	p.flags = w->flags;
	w->waited = ring_init(&w->r, 8, &p);
	if (w->waited)
		return;
	sqe = ring_get_sqe(&w->r);
	ring_prep_poll_add(sqe, w->fd, POLLIN);
	w->waited = ring_submit(&w->r);
	__atomic_store_n(&w->is_ready, 1, __ATOMIC_RELEASE);
	w->waited = ring_submit_and_wait_timeout(&w->r, 1, w->timeout_ns);
	w->nr_there = ring_cq_ready(&w->r);
	while (!__atomic_load_n(&w->is_closed, __ATOMIC_ACQUIRE))
		test_sleep_ms(1);
	w->after = ring_submit_and_wait(&w->r, 2);
	ring_exit(&w->r);
}

static void close_under(u32 flags, bool is_rung)
{
	struct waiter w = { .flags = flags, .timeout_ns = is_rung ? PLAY_WAIT_NS : 100000000 };
	struct thread thread = { .alive = 0 };
	u64 one = 1;

	w.fd = play_eventfd();
	ASSERT_OK(thread_start(&thread, wait_in_ring, &w, STACK_BYTES));
	while (!__atomic_load_n(&w.is_ready, __ATOMIC_ACQUIRE))
		test_sleep_ms(1);
	test_until_asleep(thread.id);
	ASSERT_OK(sys_close(w.r.fd));
	__atomic_store_n(&w.is_closed, 1, __ATOMIC_RELEASE);
	if (is_rung)
		ASSERT_EQ(sys_write(w.fd, &one, sizeof(one)), sizeof(one));
	thread_join(&thread);
	/* The wait that was under way ends as if nothing had been. */
	EXPECT_EQ(w.waited, is_rung ? 0 : -ETIME);
	EXPECT_EQ(w.nr_there, is_rung);
	EXPECT_ERR(w.after, -EBADF);
	sys_close(w.fd);
}

static void closed_under_waiter(void)
{
	static const u32 flags[] = { 0, DEFER, IORING_SETUP_SQPOLL };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		test_row("flags 0x%x", flags[i]);
		close_under(flags[i], true);
		close_under(flags[i], false);
	}
}

static const struct test_case cases[] = {
	TEST("a ring of one issuer refuses another thread with -EEXIST", single_issuer),
	TEST("a ring of any issuer takes it", any_issuer),
	TEST("messages from another thread arrive in order and wake the owner",
	     messages_between_threads),
	TEST("one thread submits and another reaps, and no number is lost or doubled",
	     two_sides_plain, .timeout_ms = 60000),
	TEST("so it is with cooperative task work", two_sides_cooperative, .timeout_ms = 60000),
	TEST("and with a thread of the kernel between them", two_sides_sqpoll,
	     .timeout_ms = 60000),
	TEST("and when completions come out of order", two_sides_out_of_order,
	     .timeout_ms = 60000),
	TEST("a storm of signals loses nothing and doubles nothing", storms, .timeout_ms = 60000),
	TEST("a ring that is closed under a waiter ends no wait and takes no more",
	     closed_under_waiter, .timeout_ms = 30000),
};
TEST_SUITE(ring_threads, cases);

#endif
