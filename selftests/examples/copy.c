/* SPDX-License-Identifier: MIT */
/*
 * Copies a file: `copy FROM TO`. The loop that programs on a ring consist of:
 * fill entries, submit and wait in one call, look at all that has completed,
 * and let each completion say what comes next.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ring/prep.h"
#include "ring/ring.h"

enum { DEPTH = 32, BLOCK_BYTES = 65536 };

/* A piece of the file on its way: read, then written, by one request at a time */
struct block {
	u64 offset;
	u32 len_bytes;
	u32 done_bytes; /* of the half that is on */
	bool is_writing;
	char mem[BLOCK_BYTES];
};

struct copy {
	struct ring ring;
	int from;
	int to;
	u64 size_bytes;
	u64 next_offset; /* where the next block begins */
	u32 nr_in_flight;
};

/* Every block has at most one entry, so there is always one for it. */
static void go_on(struct copy *c, struct block *b)
{
	struct io_uring_sqe *sqe = ring_get_sqe(&c->ring);
	u32 len = b->len_bytes - b->done_bytes;
	u64 offset = b->offset + b->done_bytes;

	if (b->is_writing)
		ring_prep_write(sqe, c->to, b->mem + b->done_bytes, len, offset);
	else
		ring_prep_read(sqe, c->from, b->mem + b->done_bytes, len, offset);
	ring_sqe_set_data(sqe, b);
	c->nr_in_flight++;
}

static void next_block(struct copy *c, struct block *b)
{
	u64 left = c->size_bytes - c->next_offset;

	if (!left)
		return;
	b->offset = c->next_offset;
	b->len_bytes = left < BLOCK_BYTES ? (u32)left : BLOCK_BYTES;
	b->done_bytes = 0;
	b->is_writing = false;
	c->next_offset += b->len_bytes;
	go_on(c, b);
}

/* Reads and writes may be short; a file that has become shorter ends earlier. */
static int completed(struct copy *c, struct block *b, int res)
{
	c->nr_in_flight--;
	if (res < 0)
		return res;
	if (!res && !b->is_writing)
		b->len_bytes = b->done_bytes;
	b->done_bytes += (u32)res;
	if (b->done_bytes < b->len_bytes) {
		go_on(c, b);
	} else if (!b->is_writing && b->len_bytes) {
		b->is_writing = true;
		b->done_bytes = 0;
		go_on(c, b);
	} else {
		next_block(c, b);
	}
	return 0;
}

static int run(struct copy *c, struct block *blocks)
{
	int err = 0;

	for (u32 i = 0; i < DEPTH; i++)
		next_block(c, &blocks[i]);
	while (c->nr_in_flight && !err) {
		struct io_uring_cqe *cqe;
		u32 nr = 0;
		u32 head;

		err = ring_submit_and_wait(&c->ring, 1);
		if (err < 0)
			break;
		err = 0;
		ring_for_each_cqe(&c->ring, head, cqe) {
			int ret = completed(c, ring_cqe_get_data(cqe), cqe->res);

			err = err ? err : ret;
			nr++;
		}
		ring_cq_advance(&c->ring, nr);
	}
	return err;
}

int main(int argc, char **argv)
{
	static struct block blocks[DEPTH];
	struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER };
	struct copy c = { .from = -1, .to = -1 };
	struct stat st;
	int err;

	if (argc != 3)
		return 2;
	c.from = open(argv[1], O_RDONLY | O_CLOEXEC);
	c.to = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (c.from < 0 || c.to < 0 || fstat(c.from, &st)) {
		perror(argv[0]);
		return 1;
	}
	c.size_bytes = (u64)st.st_size;
	err = ring_init(&c.ring, DEPTH, &p);
	if (!err)
		err = run(&c, blocks);
	ring_exit(&c.ring); /* before the memory goes: requests may be in flight */
	if (err || close(c.to)) {
		fprintf(stderr, "%s: %s\n", argv[0], err ? strerror(-err) : "close failed");
		return 1;
	}
	return 0;
}
