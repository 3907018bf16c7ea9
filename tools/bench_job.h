/* SPDX-License-Identifier: MIT */
/*
 * One thread's part of a measurement: a ring of its own, and a part of the disk of its
 * own. It keeps as many requests under way as it was told to until it is told to stop,
 * and then, if it verifies, reads what it has written.
 */
#ifndef TOOLS_BENCH_JOB_H
#define TOOLS_BENCH_JOB_H

#include "ring/ring.h"
#include "uapi/rt/diag.h"
#include "uapi/rt/free/thread.h"
#include "ublk/stats.h"

/* Of one job; the kernel has rings of more, but one does not measure with so many */
#define BENCH_MAX_DEPTH 4096

/**
 * struct bench_plan - what all jobs do
 * @fd:          open for what is done to it
 * @percent_reads: 100: nothing is written; 0: nothing is read
 * @batch:       so many answers are awaited at a time, and as many requests sent
 * @is_random:   else one block after the other, and again from the first
 * @verifies:    blocks that were written are stamped, and looked at when they are read
 * @seed:        of the places and of the stamps
 * @answer_ns:   how long the disk may take for an answer
 * @stop:        begin no more requests; atomic
 * @ended_fd:    an eventfd that each job writes to when it has ended
 */
struct bench_plan {
	s32 fd;
	u32 block_bytes;
	u32 depth;
	u32 percent_reads;
	u32 batch;
	bool is_random;
	bool verifies;
	u64 seed;
	u64 answer_ns;
	u32 stop;
	s32 ended_fd;
};

struct bench_slot;

/**
 * struct bench_job - from bench_job_init(); after it has ended:
 * @stats:       kinds[TGT_READ] and [TGT_WRITE], and their latencies; ns_per_tick is the
 *               caller's to find. begin_ticks to now_ticks is what was measured
 * @nr_enters:   system calls in that time; who looks meanwhile sees that it goes on: atomic
 * @nr_verified: blocks that were compared
 * @err:         0, or -errno, and *why says of what: -ETIMEDOUT, -EIO, -EILSEQ for a block
 *               that is wrong ...
 */
struct bench_job {
	struct bench_plan *plan;
	struct thread thread;
	u64 at_bytes;
	u64 nr_blocks;
	u64 nr_left;
	struct ublk_stats_snapshot stats;
	u64 nr_enters;
	u64 nr_verified;
	s32 err;
	struct diag why;

	/* its own */
	struct ring ring;
	struct bench_slot *slots;
	u32 *generations;
	u64 next;
	u64 random;
	u32 nr_free;
	bool is_checking;
	struct pages mem;
	struct pages generations_mem;
};

/**
 * bench_job_init() - make its memory, which stays until the process ends: what an answer is
 * missing for may still come
 * @idx:       of how many jobs
 * @at_bytes:  its part of the disk
 * @nr_blocks: of it; more than the plan's depth when that verifies
 * @nr_requests: to end after so many; ~0ULL
 *
 * Return: 0 or -ENOMEM
 */
NODISCARD int bench_job_init(struct bench_job *j, struct bench_plan *plan, u32 idx, u64 at_bytes,
			     u64 nr_blocks, u64 nr_requests);

/* bench_job_run() - for thread_start(): @job is a struct bench_job */
void bench_job_run(void *job);

#endif
