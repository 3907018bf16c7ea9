/* SPDX-License-Identifier: MIT */
/*
 * Threads on one ring for a while: one fills and submits, or several behind a
 * guard, and one reaps. Every request has a number, every number must come
 * back once.
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

#include "ring/guard.h"
#include "ring/mem.h"
#include "ring/prep.h"
#include "ring/ring.h"
#include "ring/wait.h"
#include "selftests/stress/sim.h"
#include "selftests/stress/stress.h"

#define ENTRIES 64
#define WINDOW 4096
#define FILLERS_MAX 4
#define FILLER_SHIFT 56 /* in user_data: whose number it is */
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
	u32 nr_fillers;	 /* behind a guard; 0: one, without */
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
	{ .name = "guard", .nr_in_flight = 128, .nr_fillers = FILLERS_MAX },
	{ .name = "guard-sqpoll", .flags = IORING_SETUP_SQPOLL, .nr_in_flight = 128,
	  .nr_fillers = FILLERS_MAX },
};

/* One who submits, and what has become of its requests */
struct filler {
	u64 nr_submitted; /* said by it, read by others */
	u64 nr_reaped;	  /* said by the one who reaps, as the next */
	u64 oldest;	  /* all numbers below this one have come back */
	u64 is_done;
	u64 last[WINDOW]; /* of the one who reaps alone */
	pthread_t thread;
};

static struct {
	const struct mode *mode;
	struct ring ring;
	struct ring_guard guard;
	struct filler fillers[FILLERS_MAX];
	u32 nr_fillers;
	u64 end_ms;
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
static void fill_one(struct io_uring_sqe *sqe, u64 user_data, u64 *random)
{
	ring_prep_nop(sqe);
	ring_sqe_set_data64(sqe, user_data);
	if (test.mode->is_simulated) {
		sqe->off = user_data * 3;
		sqe->addr = ~user_data;
	} else if (stress_random(random) % 32 == 0) {
		ring_sqe_set_flags(sqe, IOSQE_ASYNC);
	}
}

/* All ways to submit; those that wait have an end, the other thread may have it all. */
static void submit(u32 how)
{
	struct ring *r = &test.ring;
	int ret;

	if (test.mode->nr_fillers)
		ret = ring_guard_submit(&test.guard);
	else if (how % 16 == 0)
		ret = ring_submit_and_wait_timeout(r, 1, 100000);
	else if (how % 16 == 1)
		ret = ring_submit_and_get_events(r);
	else
		ret = ring_submit(r);
	STRESS_CHECK(ret >= 0 || ret == -ETIME || ret == -EINTR || ret == -EAGAIN, ret);
}

static bool may_fill(const struct filler *f, u64 seq)
{
	return seq - look(&f->nr_reaped) < test.mode->nr_in_flight / test.nr_fillers &&
	       seq - look(&f->oldest) < WINDOW;
}

static bool put_one(u64 user_data, u64 *random)
{
	bool is_guarded = test.mode->nr_fillers != 0;
	struct io_uring_sqe *sqe = is_guarded ? ring_guard_get_sqe(&test.guard) :
						ring_get_sqe(&test.ring);

	if (!sqe)
		return false;
	fill_one(sqe, user_data, random);
	if (is_guarded)
		ring_guard_ready(&test.guard);
	return true;
}

static bool is_all_taken(void)
{
	bool is_guarded = test.mode->nr_fillers != 0;
	bool ret;

	if (is_guarded)
		ring_guard_lock(&test.guard);
	ret = !ring_sq_ready(&test.ring);
	if (is_guarded)
		ring_guard_unlock(&test.guard);
	return ret;
}

static void *fill(void *arg)
{
	struct filler *f = arg;
	u64 whose = (u64)(f - test.fillers) << FILLER_SHIFT;
	u64 random = whose + 1;
	u64 seq = 0;

	while (stress_now_ms() < test.end_ms) {
		u32 batch = 1 + stress_random(&random) % ENTRIES;

		while (batch-- && may_fill(f, seq) && put_one(whose | seq, &random))
			seq++;
		tell(&f->nr_submitted, seq);
		submit(stress_random(&random));
		/* Long enough for a thread of the kernel to fall asleep, now and then */
		if (stress_random(&random) % 512 == 0)
			usleep(3000);
	}
	while (!is_all_taken())
		submit(2);
	tell(&f->is_done, 1);
	return NULL;
}

/* The slot of a number holds the number that it waits for. */
static void check(const struct io_uring_cqe *cqe)
{
	struct filler *f = &test.fillers[cqe->user_data >> FILLER_SHIFT];
	u64 seq = cqe->user_data & ((1ULL << FILLER_SHIFT) - 1);
	u64 *slot;

	STRESS_CHECK(f < test.fillers + test.nr_fillers, cqe->user_data);
	slot = &f->last[seq % WINDOW];
	STRESS_CHECK(cqe->res == 0, cqe->res);
	STRESS_CHECK(*slot == seq, *slot);
	STRESS_CHECK(!test.mode->is_ordered || seq == f->nr_reaped, seq);
	*slot = seq + WINDOW;
	tell(&f->nr_reaped, f->nr_reaped + 1);
	if (seq == f->oldest) {
		while (f->last[seq % WINDOW] != seq)
			seq++;
		tell(&f->oldest, seq);
	}
}

static void reap_each(struct ring *r)
{
	struct io_uring_cqe *cqe;
	u32 head;
	u32 got = 0;

	ring_for_each_cqe(r, head, cqe) {
		check(cqe);
		got++;
	}
	ring_cq_advance(r, got);
}

static void reap_batch(struct ring *r)
{
	struct io_uring_cqe *cqes[16];
	u32 got = ring_peek_batch_cqe(r, cqes, ARRAY_SIZE(cqes));

	for (u32 i = 0; i < got; i++)
		check(cqes[i]);
	ring_cq_advance(r, got);
}

static void reap_one(struct ring *r)
{
	struct io_uring_cqe *cqe;
	int err = ring_wait_cqe_timeout(r, &cqe, 5 * NS_PER_MS);

	if (!cqe) {
		STRESS_CHECK(err == -ETIME || err == -EINTR || err == -EAGAIN, err);
		return;
	}
	check(cqe);
	ring_cqe_seen(r, cqe);
}

static bool is_all_back(void)
{
	for (u32 i = 0; i < test.nr_fillers; i++) {
		const struct filler *f = &test.fillers[i];

		if (!look(&f->is_done) || look(&f->nr_reaped) < look(&f->nr_submitted))
			return false;
	}
	return true;
}

static void *reap(void *arg)
{
	struct ring *r = &test.ring;
	u64 random = 2;

	while (!is_all_back()) {
		switch (stress_random(&random) % 3) {
		case 0:
			reap_each(r);
			break;
		case 1:
			reap_batch(r);
			break;
		default:
			reap_one(r);
			break;
		}
	}
	/* One that came twice would be here. */
	STRESS_CHECK(!ring_peek_cqe(r), 0);
	return arg;
}

static u64 nr_back(void)
{
	u64 nr = 0;

	for (u32 i = 0; i < test.nr_fillers; i++)
		nr += look(&test.fillers[i].nr_reaped);
	return nr;
}

/* A number that never comes stops the test; here that becomes a failure. */
static void watch(void)
{
	u64 nr = 0;
	u64 since = stress_now_ms();

	while (!is_all_back()) {
		usleep(10000);
		if (nr_back() != nr) {
			nr = nr_back();
			since = stress_now_ms();
		}
		if (stress_now_ms() - since > STUCK_MS) {
			fprintf(stderr, "stuck after %llu requests\n", (unsigned long long)nr);
			_exit(1);
		}
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

static void start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	int err = pthread_create(thread, NULL, fn, arg);

	STRESS_CHECK(!err, err);
}

static void run_threads(void)
{
	pthread_t reaper;

	for (u32 i = 0; i < test.nr_fillers; i++) {
		struct filler *f = &test.fillers[i];

		for (u64 n = 0; n < WINDOW; n++)
			f->last[n] = n;
	}
	start(&reaper, reap, NULL);
	for (u32 i = 0; i < test.nr_fillers; i++)
		start(&test.fillers[i].thread, fill, &test.fillers[i]);
	watch();
	for (u32 i = 0; i < test.nr_fillers; i++)
		pthread_join(test.fillers[i].thread, NULL);
	pthread_join(reaper, NULL);
}

static int run(const struct mode *mode, u32 seconds)
{
	int err;

	test.mode = mode;
	test.nr_fillers = mode->nr_fillers ? mode->nr_fillers : 1;
	err = make_ring();
	if (!err && mode->nr_fillers)
		err = ring_guard_init(&test.guard, &test.ring);
	if (err) {
		printf("no ring of this kind: %s\n", strerror(-err));
		return 4;
	}
	test.end_ms = stress_now_ms() + (u64)seconds * 1000;
	run_threads();
	STRESS_CHECK(!ring_cq_overflow(&test.ring), ring_cq_overflow(&test.ring));
	ring_exit(&test.ring);
	if (mode->is_simulated)
		sim_stop();
	printf("%s: %llu requests, each came back once\n", mode->name,
	       (unsigned long long)nr_back());
	return nr_back() > 1000 ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool is_list = argc == 2 && !strcmp(argv[1], "--list");
	u32 seconds = argc == 3 ? (u32)atoi(argv[2]) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (is_list)
			printf("%s\n", modes[i].name);
		else if (seconds && !strcmp(modes[i].name, argv[1]))
			return run(&modes[i], seconds);
	}
	if (is_list)
		return 0;
	fprintf(stderr, "usage: %s MODE SECONDS | --list\n", argv[0]);
	return 2;
}
