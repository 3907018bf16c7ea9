/* SPDX-License-Identifier: MIT */
/*
 * Measures one row for a slice of time, in a process of its own:
 *
 *	bench-ring ROW MS FILE CPU OTHER_CPU
 *
 * prints nanoseconds per operation, operations, and how often this process was
 * preempted. bench-ring --list prints the rows' names. ring.py is who calls it.
 * Exit status 4 and a line with the reason: this machine cannot do the row.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "selftests/bench/bench.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SQ_IDLE_MS 1000

/* Twice what is in flight: a thread of the kernel gives entries back only after
 * their completions are there. */
#define ENTRIES (2 * BENCH_DEPTH_MAX)

_Noreturn void bench_die(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s: %s:%d: not so: %s\n", BENCH_LIBRARY, file, line, what);
	_exit(1);
}

_Noreturn void bench_cannot(const char *what, const char *why)
{
	printf("%s: %s\n", what, why);
	fflush(stdout);
	_exit(4);
}

void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
}

static const uint32_t kind_flags[BENCH_NR_KINDS] = {
	[BENCH_DEFER] = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	[BENCH_SQPOLL] = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF,
};

/*
 * The kernel's thread begins on our processor, with our priority, and goes to
 * its own when it first runs: a program of real-time priority that polled from
 * the start would not let it. Waiting in the kernel does.
 */
static void let_thread_begin(bench_ring *r)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);
	struct io_uring_cqe *cqe;

	CHECK(sqe);
	ring_prep_nop(sqe);
	CHECK(ring_submit_and_wait(r, 1) >= 0);
	cqe = bench_wait_cqe(r);
	CHECK(cqe && cqe->res == 0);
	bench_cqe_seen(r, cqe);
}

/* Both libraries add NO_SQARRAY by themselves, or both get it from here. */
void bench_make_ring(bench_ring *r, enum bench_kind kind, int sq_cpu)
{
	struct io_uring_params p = { .flags = kind_flags[kind] | IORING_SETUP_NO_SQARRAY };
	int err;

	if (kind == BENCH_SQPOLL) {
		p.sq_thread_cpu = (uint32_t)sq_cpu;
		p.sq_thread_idle = SQ_IDLE_MS;
	}
	err = bench_ring_init(r, ENTRIES, &p);
	if (err)
		bench_cannot("a ring of this kind", strerror(-err));
	CHECK((p.flags & kind_flags[kind]) == kind_flags[kind]);
	if (kind == BENCH_SQPOLL)
		let_thread_begin(r);
	if (kind == BENCH_DEFER)
		CHECK(bench_is_registered(ring_register_ring_fd(r)));
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static long nr_preempted(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nivcsw;
}

/* Between two looks at the clock: some 20 us of work */
static uint32_t turns_per_look(struct bench *b)
{
	uint32_t nr = 1;

	for (;;) {
		uint64_t start = now_ns();

		b->row->run(b, nr);
		if (now_ns() - start >= 20000 || nr >= 4096)
			return nr;
		nr *= 2;
	}
}

static void warm_up(struct bench *b, uint64_t ns)
{
	for (uint64_t end = now_ns() + ns; now_ns() < end;)
		b->row->run(b, 1);
}

static void measure(struct bench *b, uint64_t slice_ns)
{
	uint32_t nr_turns = turns_per_look(b);
	uint64_t nr_ops = 0;
	uint64_t start, end;
	long before;

	warm_up(b, slice_ns / 8);
	before = nr_preempted();
	start = now_ns();
	do {
		nr_ops += b->row->run(b, nr_turns);
		end = now_ns();
	} while (end - start < slice_ns);
	printf("%.3f %llu %ld\n", (double)(end - start) / (double)nr_ops,
	       (unsigned long long)nr_ops, nr_preempted() - before);
}

static int nr_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int nr = 0;

	CHECK(tasks);
	while ((entry = readdir(tasks)))
		nr += entry->d_name[0] != '.';
	closedir(tasks);
	return nr;
}

/* The kernel's thread must be gone before another program is measured. */
static void wait_for_threads(void)
{
	for (int i = 0; i < 2000 && nr_threads() > 1; i++)
		usleep(500);
	CHECK(nr_threads() == 1);
}

static const struct {
	const struct bench_row *rows;
	const size_t *nr;
} tables[] = {
	{ bench_nop_rows, &bench_nr_nop_rows },
	{ bench_read_rows, &bench_nr_read_rows },
	{ bench_net_rows, &bench_nr_net_rows },
};

static const struct bench_row *find_row(const char *name)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (size_t i = 0; i < *tables[t].nr; i++) {
			if (!name)
				puts(tables[t].rows[i].name);
			else if (!strcmp(tables[t].rows[i].name, name))
				return &tables[t].rows[i];
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct bench b;

	if (argc == 2 && !strcmp(argv[1], "--list"))
		return find_row(NULL) ? 1 : 0;
	if (argc != 6 || !(b.row = find_row(argv[1]))) {
		fprintf(stderr, "usage: %s ROW MS FILE CPU OTHER_CPU | --list\n", argv[0]);
		return 2;
	}
	b.file_path = argv[3];
	b.cpu = atoi(argv[4]);
	b.other_cpu = atoi(argv[5]);
	if (b.row->kind == BENCH_SQPOLL && b.cpu == b.other_cpu)
		bench_cannot("SQPOLL", "there is only one processor");
	bench_pin(b.cpu);
	bench_make_ring(&b.ring, b.row->kind, b.other_cpu);
	if (b.row->setup)
		b.row->setup(&b);
	measure(&b, strtoull(argv[2], NULL, 10) * 1000000);
	ring_exit(&b.ring);
	wait_for_threads();
	return 0;
}
