/* SPDX-License-Identifier: MIT */
/*
 * A row of the benchmark: a function that does turns, each a batch of requests
 * prepared, submitted, waited for, and each of their completions checked.
 */
#ifndef SELFTESTS_BENCH_BENCH_H
#define SELFTESTS_BENCH_BENCH_H

#include "selftests/bench/api.h"

#define BENCH_BLOCK_BYTES 4096
#define BENCH_DEPTH_MAX 128

enum bench_kind {
	BENCH_DEFAULT,
	BENCH_DEFER, /* SINGLE_ISSUER, DEFER_TASKRUN, and the ring's fd registered */
	BENCH_SQPOLL,
	BENCH_NR_KINDS
};

struct bench;

/**
 * struct bench_row - what is measured
 * @name:  "nop-8-sqpoll"
 * @batch: requests per turn, or in flight at a time
 * @setup: after the ring is there; NULL: nothing to do
 * @run:   does @nr_turns turns and returns how many operations these were
 */
struct bench_row {
	const char *name;
	enum bench_kind kind;
	uint32_t batch;
	bool is_fixed;	/* registered files and buffers */
	bool is_direct; /* O_DIRECT */
	void (*setup)(struct bench *b);
	uint64_t (*run)(struct bench *b, uint32_t nr_turns);
};

struct bench {
	bench_ring ring;
	const struct bench_row *row;
	const char *file_path;
	int cpu;       /* that it runs on */
	int other_cpu; /* for the kernel's thread, or the other end of a connection */
	uint64_t seq;  /* number of the next request */
	int fd;
	uint64_t nr_blocks;
	char *buffers; /* of BENCH_BLOCK_BYTES, one per request */
	uint64_t blocks[BENCH_DEPTH_MAX];
};

extern const struct bench_row bench_nop_rows[];
extern const size_t bench_nr_nop_rows;
extern const struct bench_row bench_read_rows[];
extern const size_t bench_nr_read_rows;
extern const struct bench_row bench_net_rows[];
extern const size_t bench_nr_net_rows;

/* Makes a ring of this kind, in the thread that uses it */
void bench_make_ring(bench_ring *r, enum bench_kind kind, int sq_cpu);

void bench_pin(int cpu);

/* bench_die() - what was wrong, with the library's name; exit status 1 */
_Noreturn void bench_die(const char *file, int line, const char *what);

/* bench_cannot() - this machine cannot do the row: why; exit status 4 */
_Noreturn void bench_cannot(const char *what, const char *why);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			bench_die(__FILE__, __LINE__, #cond);                                      \
	} while (0)

#endif
