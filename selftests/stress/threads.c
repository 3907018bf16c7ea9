/* SPDX-License-Identifier: MIT */
/*
 * Two threads on one ring for a while: one fills and submits, one reaps. Every
 * request has a number, every number must come back once.
 *
 *	threads MODE SECONDS | --list
 *
 * The threads share nothing but the ring and counters that order nothing: a
 * barrier that the ring lacks is not lent by the test. Built with and without
 * -fsanitize=thread. Exit status 0: not one was lost or doubled; 4: this
 * machine cannot do it, for the reason that is printed.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "ring/mem.h"
#include "ring/prep.h"
#include "ring/ring.h"
#include "ring/wait.h"
#include "selftests/stress/sim.h"
#include "selftests/stress/stress.h"

#define ENTRIES 64
#define WINDOW 4096
#ifndef STUCK_MS
#define STUCK_MS 20000
#endif
#define NS_PER_MS 1000000ULL

struct mode {
	const char *name;
	u32 flags;
	u32 nr_in_flight;
	bool is_simulated;
	bool is_ordered; /* completions come in the order of submission */
};

/* The CQ has 128 entries: more in flight than that overflow it. */
static const struct mode modes[] = {
	{ .name = "two-threads", .nr_in_flight = 128 },
	{ .name = "coop", .flags = IORING_SETUP_COOP_TASKRUN, .nr_in_flight = 128 },
	{ .name = "overflow", .nr_in_flight = 1024 },
	{ .name = "sqpoll", .flags = IORING_SETUP_SQPOLL, .nr_in_flight = 128 },
	{ .name = "sqpoll-overflow", .flags = IORING_SETUP_SQPOLL, .nr_in_flight = 1024 },
	{ .name = "simulated", .flags = IORING_SETUP_SQPOLL, .nr_in_flight = 256,
	  .is_simulated = true, .is_ordered = true },
};

static struct {
	const struct mode *mode;
	struct ring ring;
	u64 end_ms;
	u64 nr_submitted; /* by the one thread, read by the other */
	u64 nr_reaped;
	u64 oldest; /* all numbers below this one have come back */
	u32 is_done;
} test;

/* Counters that order nothing */
static u64 look(const u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void tell(u64 *counter, u64 value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

u64 stress_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / NS_PER_MS;
}

u32 stress_random(u64 *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (u32)(*state >> 33);
}

/* Some through the kernel's workers, which complete in any order */
static void fill_one(struct io_uring_sqe *sqe, u64 seq, u64 *random)
{
	ring_prep_nop(sqe);
	ring_sqe_set_data64(sqe, seq);
	if (test.mode->is_simulated) {
		sqe->off = seq * 3;
		sqe->addr = ~seq;
	} else if (stress_random(random) % 32 == 0) {
		ring_sqe_set_flags(sqe, IOSQE_ASYNC);
	}
}

/* All ways to submit; those that wait have an end, the other thread may have it all. */
static void submit(struct ring *r, u32 how)
{
	int ret;

	if (how % 16 == 0)
		ret = ring_submit_and_wait_timeout(r, 1, 100000);
	else if (how % 16 == 1)
		ret = ring_submit_and_get_events(r);
	else
		ret = ring_submit(r);
	STRESS_CHECK(ret >= 0 || ret == -ETIME || ret == -EINTR || ret == -EAGAIN, ret);
}

static void *fill(void *arg)
{
	struct ring *r = &test.ring;
	u64 random = 1;
	u64 seq = 0;

	while (stress_now_ms() < test.end_ms) {
		u32 batch = 1 + stress_random(&random) % ENTRIES;

		for (u32 i = 0; i < batch; i++) {
			struct io_uring_sqe *sqe = NULL;

			if (seq - look(&test.nr_reaped) < test.mode->nr_in_flight &&
			    seq - look(&test.oldest) < WINDOW)
				sqe = ring_get_sqe(r);
			if (!sqe)
				break;
			fill_one(sqe, seq++, &random);
		}
		tell(&test.nr_submitted, seq);
		submit(r, stress_random(&random));
		/* Long enough for a thread of the kernel to fall asleep, now and then */
		if (stress_random(&random) % 512 == 0)
			usleep(3000);
	}
	while (ring_sq_ready(r))
		submit(r, 2);
	tell(&test.nr_submitted, seq);
	__atomic_store_n(&test.is_done, 1, __ATOMIC_RELAXED);
	return arg;
}

/* The slot of a number holds the number that it waits for. */
static void check(const struct io_uring_cqe *cqe, u64 *last, u64 nr)
{
	u64 seq = cqe->user_data;
	u64 *slot = &last[seq % WINDOW];

	STRESS_CHECK(cqe->res == 0, cqe->res);
	STRESS_CHECK(*slot == seq, *slot);
	STRESS_CHECK(!test.mode->is_ordered || seq == nr, seq);
	*slot = seq + WINDOW;
}

static u32 reap_each(struct ring *r, u64 *last, u64 nr)
{
	struct io_uring_cqe *cqe;
	u32 head;
	u32 got = 0;

	ring_for_each_cqe(r, head, cqe)
		check(cqe, last, nr + got++);
	ring_cq_advance(r, got);
	return got;
}

static u32 reap_batch(struct ring *r, u64 *last, u64 nr)
{
	struct io_uring_cqe *cqes[16];
	u32 got = ring_peek_batch_cqe(r, cqes, ARRAY_SIZE(cqes));

	for (u32 i = 0; i < got; i++)
		check(cqes[i], last, nr + i);
	ring_cq_advance(r, got);
	return got;
}

static u32 reap_one(struct ring *r, u64 *last, u64 nr)
{
	struct io_uring_cqe *cqe;
	int err = ring_wait_cqe_timeout(r, &cqe, 5 * NS_PER_MS);

	if (!cqe) {
		STRESS_CHECK(err == -ETIME || err == -EINTR || err == -EAGAIN, err);
		return 0;
	}
	check(cqe, last, nr);
	ring_cqe_seen(r, cqe);
	return 1;
}

static void *reap(void *arg)
{
	static u64 last[WINDOW];
	struct ring *r = &test.ring;
	u64 random = 2;
	u64 oldest = 0;
	u64 nr = 0;

	for (u64 i = 0; i < WINDOW; i++)
		last[i] = i;
	while (!__atomic_load_n(&test.is_done, __ATOMIC_RELAXED) || nr < look(&test.nr_submitted)) {
		switch (stress_random(&random) % 3) {
		case 0:
			nr += reap_each(r, last, nr);
			break;
		case 1:
			nr += reap_batch(r, last, nr);
			break;
		default:
			nr += reap_one(r, last, nr);
			break;
		}
		for (; last[oldest % WINDOW] != oldest; oldest++)
			;
		tell(&test.oldest, oldest);
		tell(&test.nr_reaped, nr);
	}
	/* One that came twice would be here. */
	STRESS_CHECK(!ring_peek_cqe(r), 0);
	return arg;
}

static _Noreturn void stuck(u64 nr)
{
	fprintf(stderr, "stuck: %llu of %llu have come back\n", (unsigned long long)nr,
		(unsigned long long)look(&test.nr_submitted));
	_exit(1);
}

/* A number that never comes stops the test; here that becomes a failure. */
static void watch(void)
{
	u64 nr = 0;
	u64 since = stress_now_ms();

	while (!__atomic_load_n(&test.is_done, __ATOMIC_RELAXED) ||
	       look(&test.nr_reaped) < look(&test.nr_submitted)) {
		usleep(10000);
		if (look(&test.nr_reaped) != nr) {
			nr = look(&test.nr_reaped);
			since = stress_now_ms();
		}
		if (stress_now_ms() - since > STUCK_MS)
			stuck(nr);
	}
}

static int make_ring(void)
{
	struct io_uring_params p = { .flags = test.mode->flags | IORING_SETUP_NO_SQARRAY,
				     .sq_thread_idle = 1 };
	s64 size = ring_memory_size(ENTRIES, &p);
	void *mem;

	if (!test.mode->is_simulated)
		return ring_init(&test.ring, ENTRIES, &p);
	sim_start();
	mem = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	STRESS_CHECK(mem != MAP_FAILED, errno);
	return ring_init_mem(&test.ring, ENTRIES, &p, mem, (u64)size);
}

static int run_two_threads(const struct mode *mode, u32 seconds)
{
	pthread_t filler;
	pthread_t reaper;
	int err;

	test.mode = mode;
	err = make_ring();
	if (err) {
		printf("no ring of this kind: %s\n", strerror(-err));
		return 4;
	}
	test.end_ms = stress_now_ms() + (u64)seconds * 1000;
	STRESS_CHECK(!pthread_create(&filler, NULL, fill, NULL), 0);
	STRESS_CHECK(!pthread_create(&reaper, NULL, reap, NULL), 0);
	watch();
	pthread_join(filler, NULL);
	pthread_join(reaper, NULL);
	printf("%s: %llu requests, each came back once; %u lost by the kernel\n", mode->name,
	       (unsigned long long)test.nr_reaped, ring_cq_overflow(&test.ring));
	STRESS_CHECK(!ring_cq_overflow(&test.ring), ring_cq_overflow(&test.ring));
	ring_exit(&test.ring);
	if (mode->is_simulated)
		sim_stop();
	return test.nr_reaped > 1000 ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool is_list = argc == 2 && !strcmp(argv[1], "--list");
	u32 seconds = argc == 3 ? (u32)atoi(argv[2]) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (is_list)
			printf("%s\n", modes[i].name);
		else if (seconds && !strcmp(modes[i].name, argv[1]))
			return run_two_threads(&modes[i], seconds);
	}
	if (is_list)
		return 0;
	fprintf(stderr, "usage: %s MODE SECONDS | --list\n", argv[0]);
	return 2;
}
