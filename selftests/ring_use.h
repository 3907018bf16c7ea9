/* SPDX-License-Identifier: MIT */
/* A ring in a test: made or skipped, one request after the other, completions copied out. */
#ifndef SELFTESTS_RING_USE_H
#define SELFTESTS_RING_USE_H

#include "ring/ring.h"

/** use_ring() - 32 entries, without what a kernel may lack; skips without io_uring */
void use_ring(struct ring *r, u32 flags);

/** use_sqe() - the next entry, full of what must not stay there */
struct io_uring_sqe *use_sqe(struct ring *r);

/** use_cqe() - the next completion, which has to come within eight seconds */
struct io_uring_cqe use_cqe(struct ring *r);

/** use_result() - submit one entry and wait for its completion's result */
s32 use_result(struct ring *r);

/** USE() - the result of a request that takes no other: USE(&r, ring_prep_close, fd) */
#define USE(r, prep, ...) (prep(use_sqe(r), __VA_ARGS__), use_result(r))

/** use_quiet() - nothing was posted, and nothing is when the kernel is entered */
bool use_quiet(struct ring *r);

/** use_file() - a new file that has no name; on a real file system if there is one */
int use_file(void);

#endif
