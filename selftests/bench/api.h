/* SPDX-License-Identifier: MIT */
/*
 * Two libraries under one set of names, so that what is measured is one source:
 * ours as it is, or liburing's with -DBENCH_LIBURING. Where both have the same
 * name and arguments, the name is all that differs.
 */
#ifndef SELFTESTS_BENCH_API_H
#define SELFTESTS_BENCH_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef BENCH_LIBURING

#include <liburing.h>

#define BENCH_LIBRARY "liburing"

typedef struct io_uring bench_ring;

#define ring_get_sqe io_uring_get_sqe
#define ring_prep_nop io_uring_prep_nop
#define ring_prep_read io_uring_prep_read
#define ring_prep_read_fixed io_uring_prep_read_fixed
#define ring_prep_send io_uring_prep_send
#define ring_prep_recv io_uring_prep_recv
#define ring_sqe_set_data64 io_uring_sqe_set_data64
#define ring_sqe_set_flags io_uring_sqe_set_flags
#define ring_submit io_uring_submit
#define ring_submit_and_wait io_uring_submit_and_wait
#define ring_for_each_cqe io_uring_for_each_cqe
#define ring_cq_advance io_uring_cq_advance
#define ring_register_files io_uring_register_files
#define ring_register_buffers io_uring_register_buffers
#define ring_register_ring_fd io_uring_register_ring_fd
#define ring_exit io_uring_queue_exit

static inline int bench_ring_init(bench_ring *r, uint32_t entries, struct io_uring_params *p)
{
	return io_uring_queue_init_params(entries, r, p);
}

/* The completion that is there, or for which it waits; NULL on any error */
static inline struct io_uring_cqe *bench_wait_cqe(bench_ring *r)
{
	struct io_uring_cqe *cqe;

	return io_uring_wait_cqe(r, &cqe) ? NULL : cqe;
}

static inline void bench_cqe_seen(bench_ring *r, struct io_uring_cqe *cqe)
{
	io_uring_cqe_seen(r, cqe);
}

/* What liburing's io_uring_register_ring_fd() returns is how many it has registered. */
static inline bool bench_is_registered(int ret)
{
	return ret == 1;
}

#else

#include "ring/prep.h"
#include "ring/register.h"
#include "ring/ring.h"
#include "ring/wait.h"

#define BENCH_LIBRARY "ours"

typedef struct ring bench_ring;

static inline int bench_ring_init(bench_ring *r, uint32_t entries, struct io_uring_params *p)
{
	return ring_init(r, entries, p);
}

static inline struct io_uring_cqe *bench_wait_cqe(bench_ring *r)
{
	struct io_uring_cqe *cqe;

	return ring_wait_cqe(r, &cqe) ? NULL : cqe;
}

static inline void bench_cqe_seen(bench_ring *r, struct io_uring_cqe *cqe)
{
	ring_cqe_seen(r, cqe);
}

static inline bool bench_is_registered(int ret)
{
	return ret >= 0;
}

#endif

#endif
