/* SPDX-License-Identifier: MIT */
/* Requests that do nothing: what is left is the library and the kernel's way in. */
#include "selftests/bench/bench.h"

static inline void prepare_nops(bench_ring *r, uint64_t seq, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct io_uring_sqe *sqe = ring_get_sqe(r);

		CHECK(sqe);
		ring_prep_nop(sqe);
		ring_sqe_set_data64(sqe, seq + i);
	}
}

/* What is there; nops complete in the order of submission. */
static inline uint32_t reap(bench_ring *r, uint64_t seq)
{
	struct io_uring_cqe *cqe;
	unsigned int head;
	uint32_t nr = 0;

	ring_for_each_cqe(r, head, cqe) {
		CHECK(cqe->user_data == seq + nr && cqe->res == 0);
		nr++;
	}
	ring_cq_advance(r, nr);
	return nr;
}

static uint64_t one_by_one(struct bench *b, uint32_t nr_turns)
{
	bench_ring *r = &b->ring;

	for (uint32_t i = 0; i < nr_turns; i++) {
		struct io_uring_cqe *cqe;

		prepare_nops(r, b->seq, 1);
		CHECK(ring_submit_and_wait(r, 1) == 1);
		cqe = bench_wait_cqe(r);
		CHECK(cqe && cqe->user_data == b->seq && cqe->res == 0);
		bench_cqe_seen(r, cqe);
		b->seq++;
	}
	return nr_turns;
}

static uint64_t batches(struct bench *b, uint32_t nr_turns)
{
	bench_ring *r = &b->ring;
	uint32_t batch = b->row->batch;

	for (uint32_t i = 0; i < nr_turns; i++) {
		prepare_nops(r, b->seq, batch);
		CHECK(ring_submit_and_wait(r, batch) == (int)batch);
		CHECK(reap(r, b->seq) == batch);
		b->seq += batch;
	}
	return (uint64_t)nr_turns * batch;
}

static inline void relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#else
	__asm__ volatile("" : : : "memory");
#endif
}

/* With a thread of the kernel that polls, the program polls as well. */
static uint64_t polled(struct bench *b, uint32_t nr_turns)
{
	bench_ring *r = &b->ring;
	uint32_t batch = b->row->batch;

	for (uint32_t i = 0; i < nr_turns; i++) {
		uint32_t nr = 0;

		prepare_nops(r, b->seq, batch);
		CHECK(ring_submit(r) >= 0);
		while (nr < batch) {
			uint32_t got = reap(r, b->seq + nr);

			nr += got;
			if (!got)
				relax();
		}
		b->seq += batch;
	}
	return (uint64_t)nr_turns * batch;
}

#define NOP_ROWS(kind_, name_, one_, many_)                                                        \
	{ .name = "nop-1-" name_, .kind = kind_, .batch = 1, .run = one_ },                        \
	{ .name = "nop-8-" name_, .kind = kind_, .batch = 8, .run = many_ },                       \
	{ .name = "nop-32-" name_, .kind = kind_, .batch = 32, .run = many_ },                     \
	{ .name = "nop-128-" name_, .kind = kind_, .batch = 128, .run = many_ }

const struct bench_row bench_nop_rows[] = {
	NOP_ROWS(BENCH_DEFAULT, "default", one_by_one, batches),
	NOP_ROWS(BENCH_DEFER, "defer", one_by_one, batches),
	NOP_ROWS(BENCH_SQPOLL, "sqpoll", polled, polled),
};
const size_t bench_nr_nop_rows = sizeof(bench_nop_rows) / sizeof(bench_nop_rows[0]);
