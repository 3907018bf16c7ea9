/* SPDX-License-Identifier: MIT */
/*
 * Reads of 4 KiB at random places of a file whose blocks carry their number in
 * their first and last eight bytes; the runner has written it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "selftests/bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void open_file(struct bench *b)
{
	struct stat st;

	b->fd = open(b->file_path, O_RDONLY | O_CLOEXEC | (b->row->is_direct ? O_DIRECT : 0));
	if (b->fd < 0)
		bench_cannot(b->file_path, strerror(errno));
	CHECK(fstat(b->fd, &st) == 0);
	b->nr_blocks = (uint64_t)st.st_size / BENCH_BLOCK_BYTES;
	CHECK(b->nr_blocks >= BENCH_DEPTH_MAX);
}

static void set_up_reads(struct bench *b)
{
	size_t len = (size_t)b->row->batch * BENCH_BLOCK_BYTES;

	open_file(b);
	b->buffers = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	CHECK(b->buffers != MAP_FAILED);
	if (b->row->is_fixed) {
		struct iovec all = { .iov_base = b->buffers, .iov_len = len };
		int ret = ring_register_buffers(&b->ring, &all, 1);

		CHECK(ret >= 0);
		ret = ring_register_files(&b->ring, &b->fd, 1);
		CHECK(ret >= 0);
	}
}

/* The same places for both libraries */
static uint64_t random_block(struct bench *b)
{
	b->seq = b->seq * 6364136223846793005u + 1442695040888963407u;
	return (b->seq >> 33) % b->nr_blocks;
}

static inline void prepare_read(struct bench *b, uint32_t slot, bool is_fixed)
{
	struct io_uring_sqe *sqe = ring_get_sqe(&b->ring);
	char *to = b->buffers + (size_t)slot * BENCH_BLOCK_BYTES;
	uint64_t block = random_block(b);

	CHECK(sqe);
	b->blocks[slot] = block;
	if (is_fixed) {
		ring_prep_read_fixed(sqe, 0, to, BENCH_BLOCK_BYTES, block * BENCH_BLOCK_BYTES, 0);
		ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	} else {
		ring_prep_read(sqe, b->fd, to, BENCH_BLOCK_BYTES, block * BENCH_BLOCK_BYTES);
	}
	ring_sqe_set_data64(sqe, slot);
}

/* The buffer must hold the block that was asked for; a stale one cannot match. */
static inline void check_read(struct bench *b, const struct io_uring_cqe *cqe)
{
	uint64_t *words = (void *)(b->buffers + cqe->user_data * BENCH_BLOCK_BYTES);
	uint64_t *last = words + BENCH_BLOCK_BYTES / sizeof(*words) - 1;
	uint64_t want = b->blocks[cqe->user_data];

	CHECK(cqe->res == BENCH_BLOCK_BYTES);
	CHECK(*words == want && *last == want);
	*words = ~0ull;
	*last = ~0ull;
}

/* As many in flight as the row says: what has completed is asked for anew. */
static inline uint64_t reads(struct bench *b, uint32_t nr_turns, bool is_fixed)
{
	uint32_t done[BENCH_DEPTH_MAX];
	uint32_t depth = b->row->batch;
	uint32_t nr_done = depth;
	uint64_t nr_reads = 0;

	for (uint32_t i = 0; i < depth; i++)
		done[i] = i;
	for (uint64_t total = (uint64_t)nr_turns * depth; nr_reads < total;) {
		struct io_uring_cqe *cqe;
		unsigned int head;

		for (uint32_t i = 0; i < nr_done; i++)
			prepare_read(b, done[i], is_fixed);
		CHECK(ring_submit_and_wait(&b->ring, 1) == (int)nr_done);
		nr_done = 0;
		ring_for_each_cqe(&b->ring, head, cqe) {
			CHECK(cqe->user_data < depth && nr_done < depth);
			check_read(b, cqe);
			done[nr_done++] = (uint32_t)cqe->user_data;
		}
		ring_cq_advance(&b->ring, nr_done);
		nr_reads += nr_done;
	}
	/* None stays in flight, so that each call begins alike. */
	for (uint32_t left = depth - nr_done; left; left--, nr_reads++) {
		struct io_uring_cqe *cqe;

		CHECK(ring_submit_and_wait(&b->ring, 1) >= 0);
		cqe = bench_wait_cqe(&b->ring);
		CHECK(cqe && cqe->user_data < depth);
		check_read(b, cqe);
		bench_cqe_seen(&b->ring, cqe);
	}
	return nr_reads;
}

static uint64_t plain_reads(struct bench *b, uint32_t nr_turns)
{
	return reads(b, nr_turns, false);
}

static uint64_t fixed_reads(struct bench *b, uint32_t nr_turns)
{
	return reads(b, nr_turns, true);
}

#define READ_ROWS(name_, is_direct_, depth_)                                                       \
	{ .name = "read-" name_ "-plain", .kind = BENCH_DEFAULT, .batch = depth_,                  \
	  .is_direct = is_direct_, .setup = set_up_reads, .run = plain_reads },                    \
	{ .name = "read-" name_ "-fixed", .kind = BENCH_DEFER, .batch = depth_, .is_fixed = true,  \
	  .is_direct = is_direct_, .setup = set_up_reads, .run = fixed_reads }

const struct bench_row bench_read_rows[] = {
	READ_ROWS("cached-1", false, 1),
	READ_ROWS("cached-32", false, 32),
	READ_ROWS("direct-1", true, 1),
	READ_ROWS("direct-32", true, 32),
};
const size_t bench_nr_read_rows = sizeof(bench_read_rows) / sizeof(bench_read_rows[0]);
