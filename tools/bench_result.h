/* SPDX-License-Identifier: MIT */
/* What came of a measurement: all jobs together, and what they have cost this process. */
#ifndef TOOLS_BENCH_RESULT_H
#define TOOLS_BENCH_RESULT_H

#include "tools/bench_job.h"
#include "tools/text/json.h"

/**
 * struct bench_result
 * @all:       of all jobs, from when the first began until the last ended
 * @begin_ns:  CLOCK_MONOTONIC, at the same moment as all.now_ticks, until bench_result_end()
 * @user_ns:   what the process has used of processors, and so on
 * @nr_switches: how often it was taken from one, or slept
 */
struct bench_result {
	struct ublk_stats_snapshot all;
	u64 begin_ns;
	u64 begin_ticks;
	u64 user_ns;
	u64 system_ns;
	u64 nr_switches;
	u64 nr_enters;
	u64 nr_verified;
};

/* bench_result_begin() - before the first job begins; of a zeroed struct */
void bench_result_begin(struct bench_result *b);

/* bench_result_add() - of a job that has ended */
void bench_result_add(struct bench_result *b, const struct bench_job *j);

/* bench_result_end() - after the last */
void bench_result_end(struct bench_result *b);

void bench_result_text(const struct bench_result *b, struct fmt_buf *out);

/* bench_result_json() - into an object that is open */
void bench_result_json(const struct bench_result *b, struct json *j);

#endif
