/* SPDX-License-Identifier: MIT */
/*
 * Counts the instructions that a program executes in user space, exactly: a
 * child is stepped from one mark to the next. Prints lines of "name count".
 *
 *	count [REPEATS]
 *
 * Every count is made REPEATS times (5) and must come out the same. A sequence
 * of known length is counted first.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "selftests/bench/api.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 32
#define KNOWN 100
#define STEPS_MAX 100000

#if defined(__x86_64__)
#define pc_of(regs) ((regs)->rip)
#elif defined(__aarch64__)
#define pc_of(regs) ((regs)->pc)
#else
#error "this machine cannot be stepped, or nobody has said where its program counter is"
#endif

/*
 * The marks. What stands between the two calls is counted; what the calls
 * themselves cost is counted with nothing between them, and taken off.
 */
static __attribute__((noinline)) void mark_begin(void)
{
	__asm__ volatile("" : : : "memory");
}

static __attribute__((noinline)) void mark_end(void)
{
	__asm__ volatile("nop" : : : "memory");
}

struct count {
	const char *name;
	uint32_t nr_ops; /* that the count is divided by */
	void (*prepare)(bench_ring *r);
	void (*run)(bench_ring *r);
};

/* What a cycle saw, compared by the caller where it is not counted */
static uint64_t seen;

static void nothing(bench_ring *r)
{
	(void)r;
	mark_begin();
	mark_end();
}

static void known_length(bench_ring *r)
{
	(void)r;
	mark_begin();
	__asm__ volatile(".rept %c0\n\tnop\n\t.endr" : : "i"(KNOWN));
	mark_end();
}

static inline void put_nop(bench_ring *r, uint64_t user_data)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ring_prep_nop(sqe);
	ring_sqe_set_data64(sqe, user_data);
}

static void must(bool what, const char *text)
{
	if (what)
		return;
	fprintf(stderr, "%s: not so: %s\n", BENCH_LIBRARY, text);
	_exit(1);
}

static void cycle_one(bench_ring *r)
{
	struct io_uring_cqe *cqe;
	int ret;

	mark_begin();
	put_nop(r, 7);
	ret = ring_submit_and_wait(r, 1);
	cqe = bench_wait_cqe(r);
	seen = cqe->user_data;
	bench_cqe_seen(r, cqe);
	mark_end();
	must(ret == 1 && seen == 7, "one nop has completed");
}

static void cycle_batch(bench_ring *r)
{
	struct io_uring_cqe *cqe;
	unsigned int head;
	unsigned int nr = 0;
	int ret;

	mark_begin();
	for (uint32_t i = 0; i < BATCH; i++)
		put_nop(r, i);
	ret = ring_submit_and_wait(r, BATCH);
	ring_for_each_cqe(r, head, cqe) {
		seen = cqe->user_data;
		nr++;
	}
	ring_cq_advance(r, nr);
	mark_end();
	must(ret == BATCH && nr == BATCH && seen == BATCH - 1, "a batch has completed");
}

static void step_put(bench_ring *r)
{
	mark_begin();
	put_nop(r, 7);
	mark_end();
	must(ring_submit_and_wait(r, 1) == 1, "one is submitted");
	ring_cq_advance(r, 1);
}

static void step_submit(bench_ring *r)
{
	int ret;

	put_nop(r, 7);
	mark_begin();
	ret = ring_submit(r);
	mark_end();
	must(ret == 1, "one is submitted");
	ring_cq_advance(r, 1);
}

static void step_submit_and_wait(bench_ring *r)
{
	int ret;

	put_nop(r, 7);
	mark_begin();
	ret = ring_submit_and_wait(r, 1);
	mark_end();
	must(ret == 1, "one is submitted");
	ring_cq_advance(r, 1);
}

static void step_wait_seen(bench_ring *r)
{
	struct io_uring_cqe *cqe;

	put_nop(r, 7);
	must(ring_submit_and_wait(r, 1) == 1, "one is submitted");
	mark_begin();
	cqe = bench_wait_cqe(r);
	seen = cqe->user_data;
	bench_cqe_seen(r, cqe);
	mark_end();
}

static const struct count counts[] = {
	{ .name = "known-length", .nr_ops = 1, .run = known_length },
	{ .name = "cycle-1", .nr_ops = 1, .run = cycle_one },
	{ .name = "cycle-32", .nr_ops = BATCH, .run = cycle_batch },
	{ .name = "get-prep-data", .nr_ops = 1, .run = step_put },
	{ .name = "submit", .nr_ops = 1, .run = step_submit },
	{ .name = "submit-and-wait", .nr_ops = 1, .run = step_submit_and_wait },
	{ .name = "wait-seen", .nr_ops = 1, .run = step_wait_seen },
};

#define NR_COUNTS (sizeof(counts) / sizeof(counts[0]))

/* The child: stops before each count, so that only what is counted is stepped */
static void count_me(bench_ring *r, void (*run)(bench_ring *r))
{
	raise(SIGSTOP);
	run(r);
}

static _Noreturn void child(int repeats)
{
	static bench_ring r;
	struct io_uring_params p = { .flags = IORING_SETUP_NO_SQARRAY };

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	must(bench_ring_init(&r, BATCH, &p) == 0, "a ring is there");
	/* Once around, so that no count sees a page or a symbol for the first time. */
	for (size_t i = 0; i < NR_COUNTS; i++)
		counts[i].run(&r);
	for (int n = 0; n < repeats; n++) {
		count_me(&r, nothing);
		for (size_t i = 0; i < NR_COUNTS; i++)
			count_me(&r, counts[i].run);
	}
	_exit(0);
}

static void die(const char *what)
{
	fprintf(stderr, "count: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* resume() - on, by a step or to the next stop; the signal that stopped it */
static int resume(int pid, int how)
{
	int status;

	if (ptrace(how, pid, NULL, NULL))
		die("ptrace");
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (!WIFSTOPPED(status)) {
		fprintf(stderr, "count: the child has ended, status %#x\n", (unsigned int)status);
		exit(1);
	}
	return WSTOPSIG(status);
}

static uint64_t program_counter(int pid)
{
	struct user_regs_struct regs;
	struct iovec io = { .iov_base = &regs, .iov_len = sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &io))
		die("PTRACE_GETREGSET");
	return pc_of(&regs);
}

/* Steps until the program is at @where; how many that took */
static unsigned int steps_to(int pid, void (*where)(void))
{
	for (unsigned int n = 0; n < STEPS_MAX; n++) {
		if (program_counter(pid) == (uint64_t)(uintptr_t)where)
			return n;
		if (resume(pid, PTRACE_SINGLESTEP) != SIGTRAP)
			die("a signal while stepping");
	}
	fprintf(stderr, "count: a mark was not reached\n");
	exit(1);
}

/* One count: from the stop before it to the mark behind it. The child begins stopped. */
static unsigned int next_count(int pid, bool is_first)
{
	if (!is_first && resume(pid, PTRACE_CONT) != SIGSTOP)
		die("the child did not stop where it should");
	steps_to(pid, mark_begin);
	return steps_to(pid, mark_end);
}

/* All counts, once; a later time must give what the first gave. */
static void count_all(int pid, unsigned int nrs[NR_COUNTS], bool is_first)
{
	unsigned int marks = next_count(pid, is_first);

	for (size_t i = 0; i < NR_COUNTS; i++) {
		unsigned int nr = next_count(pid, false) - marks;

		if (!is_first && nr != nrs[i]) {
			fprintf(stderr, "count: %s: %u, then %u\n", counts[i].name, nrs[i], nr);
			exit(1);
		}
		nrs[i] = nr;
	}
}

int main(int argc, char **argv)
{
	int repeats = argc > 1 ? atoi(argv[1]) : 5;
	unsigned int nrs[NR_COUNTS] = { 0 };
	int pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (!pid)
		child(repeats);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die("the child did not begin");
	for (int n = 0; n < repeats; n++)
		count_all(pid, nrs, n == 0);
	kill(pid, SIGKILL);
	if (nrs[0] != KNOWN) {
		fprintf(stderr, "count: %d instructions are counted as %u\n", KNOWN, nrs[0]);
		return 1;
	}
	for (size_t i = 1; i < NR_COUNTS; i++)
		printf("%s %.2f\n", counts[i].name, (double)nrs[i] / counts[i].nr_ops);
	return 0;
}
