/* SPDX-License-Identifier: MIT */
/*
 * Counts the instructions that a server executes in user space, exactly: the thread of its
 * first queue is stepped while a child keeps requests of 4 KiB in flight.
 *
 *	count_server PID DISK read|write DEPTH REQUESTS [FILE]
 *
 * Prints one line: requests, how often the ring was entered, other system calls,
 * instructions; into FILE goes where each of these was, for addr2line. Counting begins and
 * ends where the thread has just come out of its ring, and all that it has answered is
 * known. x86-64.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/prep.h"
#include "ring/ring.h"

#define BLOCK 4096
#define NR_BLOCKS 4096
#define DEPTH_MAX 128
#define WARM_UP 10 /* times DEPTH: everything has been touched */
#define NR_IO_URING_ENTER 426

static volatile unsigned long *nr_done;
static FILE *places;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "count_server: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(struct ring *r, int fd, int is_write, char *buf, unsigned int slot)
{
	static unsigned int block;
	struct io_uring_sqe *sqe = ring_get_sqe(r);
	unsigned long long at = (block++ * 37ULL) % NR_BLOCKS * BLOCK;

	if (is_write)
		ring_prep_write(sqe, fd, buf + (size_t)slot * BLOCK, BLOCK, at);
	else
		ring_prep_read(sqe, fd, buf + (size_t)slot * BLOCK, BLOCK, at);
	ring_sqe_set_data64(sqe, slot);
}

/* The child: until it is killed */
static _Noreturn void load(const char *disk, int is_write, unsigned int depth)
{
	static char buf[DEPTH_MAX * BLOCK] __attribute__((aligned(BLOCK)));
	struct io_uring_params p = { .flags = 0 };
	int fd = open(disk, O_RDWR | O_DIRECT);
	struct io_uring_cqe *cqe;
	struct ring r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0)
		die(disk);
	if (ring_init(&r, DEPTH_MAX, &p))
		die("no ring");
	for (unsigned int i = 0; i < depth; i++)
		put(&r, fd, is_write, buf, i);
	for (;;) {
		if (ring_submit_and_wait(&r, 1) < 0)
			die("ring_submit_and_wait");
		while ((cqe = ring_peek_cqe(&r)) != NULL) {
			unsigned int slot = (unsigned int)cqe->user_data;

			if (cqe->res != BLOCK)
				die("a request has failed");
			ring_cqe_seen(&r, cqe);
			*nr_done += 1;
			put(&r, fd, is_write, buf, slot);
		}
	}
}

/* The thread whose name ends so */
static int thread_of(int pid, const char *suffix)
{
	char path[64];
	char name[32];
	struct dirent *d;
	int tid = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir)) != NULL && !tid) {
		char file[sizeof(path) + sizeof(d->d_name) + 8];
		FILE *f;

		snprintf(file, sizeof(file), "%s/%s/comm", path, d->d_name);
		f = fopen(file, "r");
		if (f && fgets(name, sizeof(name), f) && strstr(name, suffix))
			tid = atoi(d->d_name);
		if (f)
			fclose(f);
	}
	if (!tid) {
		fprintf(stderr, "count_server: %d has no thread %s\n", pid, suffix);
		exit(1);
	}
	closedir(dir);
	return tid;
}

/* Nothing more has been answered for so long that everything has arrived. */
static unsigned long settled(void)
{
	unsigned long before;

	do {
		before = *nr_done;
		usleep(50000);
	} while (before != *nr_done);
	return before;
}

/* One instruction; the number of the system call that it was, or -1 */
static long step(int tid)
{
	struct user_regs_struct regs;
	int status;

	if (ptrace(PTRACE_SINGLESTEP, tid, NULL, NULL))
		die("PTRACE_SINGLESTEP");
	if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		die("the server has ended");
	if (WSTOPSIG(status) != SIGTRAP) {
		fprintf(stderr, "count_server: a signal: %d\n", WSTOPSIG(status));
		exit(1);
	}
	if (ptrace(PTRACE_GETREGS, tid, NULL, &regs))
		die("PTRACE_GETREGS");
	if (places)
		fprintf(places, "%llx\n", regs.rip);
	/* The instruction leaves where it returns to in rcx. */
	return regs.rcx == regs.rip ? (long)regs.orig_rax : -1;
}

struct sum {
	unsigned long nr_requests, nr_enters, nr_other_calls, nr_steps;
};

static void run_turn(int tid, struct sum *s)
{
	long call;

	do {
		call = step(tid);
		s->nr_steps++;
		s->nr_other_calls += call >= 0 && call != NR_IO_URING_ENTER;
	} while (call != NR_IO_URING_ENTER);
	s->nr_enters++;
}

static void count(int tid, unsigned long nr_requests, const char *path)
{
	struct sum s = { 0 };
	unsigned long begin;
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
		die("PTRACE_SEIZE");
	if (waitpid(tid, &status, __WALL) != tid)
		die("waitpid");
	run_turn(tid, &s); /* that began before */
	s = (struct sum){ 0 };
	begin = settled();
	if (path) {
		places = fopen(path, "w");
		if (!places)
			die(path);
	}
	while (*nr_done - begin < nr_requests)
		run_turn(tid, &s);
	s.nr_requests = settled() - begin;
	printf("%lu %lu %lu %lu\n", s.nr_requests, s.nr_enters, s.nr_other_calls, s.nr_steps);
	if (ptrace(PTRACE_DETACH, tid, NULL, NULL))
		die("PTRACE_DETACH");
	if (places && fclose(places))
		die(path);
}

int main(int argc, char **argv)
{
	unsigned int depth = argc == 6 || argc == 7 ? (unsigned int)atoi(argv[4]) : 0;
	int child;

	if (!depth || depth > DEPTH_MAX) {
		fprintf(stderr, "usage: count_server PID DISK read|write DEPTH REQUESTS [FILE]\n");
		return 2;
	}
	nr_done = mmap(NULL, sizeof(*nr_done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (nr_done == MAP_FAILED)
		die("mmap");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child)
		load(argv[2], !strcmp(argv[3], "write"), depth);
	while (*nr_done < WARM_UP * depth)
		usleep(1000);
	count(thread_of(atoi(argv[1]), "-q0"), strtoul(argv[5], NULL, 10), argv[6]);
	kill(child, SIGKILL);
	return waitpid(child, NULL, 0) != child;
}
