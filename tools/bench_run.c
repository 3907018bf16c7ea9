/* SPDX-License-Identifier: MIT */
/* bareblk bench: how fast a disk is, and whether it keeps what it is given. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "tools/bench_result.h"
#include "tools/bench_stamp.h"
#include "tools/cmd.h"
#include "tools/host/wait.h"
#include "uapi/sys.h"

#define STACK_BYTES 65536
#define DEFAULT_TIME_NS 5000000000ULL

/* How much longer than the disk may take a job may, to say so */
#define END_NS 5000000000ULL

struct bench_values {
	u64 block_bytes;
	u64 offset_bytes;
	u64 size_bytes;
	u64 time_ns;
	u64 answer_ns;
	u64 nr_requests;
	u64 seed;
	u32 rw;
	u32 depth;
	u32 nr_jobs;
	u32 batch;
	u32 percent_reads;
	bool buffered;
	bool verify;
	bool json;
};

/* Of --rw: the first three in order, the others here and there */
#define RW_WORDS "read\0write\0rw\0randread\0randwrite\0randrw"
enum { RW_READ, RW_WRITE, RW_MIXED, RW_RANDOM };

#define BENCH_OPTS(X)										\
	X(struct bench_values, rw, OPT_TEXT("rw", "HOW", "what is done (default randread)")	\
	  OPT_CHOICES(RW_WORDS), .kind = OPT_CHOICE)						\
	X(struct bench_values, percent_reads,							\
	  OPT_TEXT("reads", "PERCENT", "of rw and randrw (default 70)") OPT_RANGE("0", "100"),	\
	  .kind = OPT_U32)									\
	X(struct bench_values, block_bytes,							\
	  OPT_TEXT("bs", "SIZE", "bytes of a request (default 4K)") OPT_RANGE("512", "64M"),	\
	  .kind = OPT_SIZE)									\
	X(struct bench_values, depth,								\
	  OPT_TEXT("depth", "N", "requests under way at a time, of each job (default 32)")	\
	  OPT_RANGE("1", "4096"), .kind = OPT_U32)						\
	X(struct bench_values, batch,								\
	  OPT_TEXT("batch", "N", "await so many answers at a time (default 1)")			\
	  OPT_RANGE("1", "4096"), .kind = OPT_U32)						\
	X(struct bench_values, nr_jobs,								\
	  OPT_TEXT("jobs", "N", "threads, each with its part of the range (default 1)")		\
	  OPT_RANGE("1", "64"), .kind = OPT_U32)						\
	X(struct bench_values, time_ns,								\
	  OPT_TEXT("time", "TIME", "for so long (default 5s, without --requests)")		\
	  OPT_LEAST("1ms"), .kind = OPT_DURATION)						\
	X(struct bench_values, nr_requests,							\
	  OPT_TEXT("requests", "N", "so many, of each job") OPT_LEAST("1"), .kind = OPT_U64)	\
	X(struct bench_values, offset_bytes,							\
	  OPT_TEXT("offset", "SIZE", "where the range begins (default 0)"), .kind = OPT_SIZE)	\
	X(struct bench_values, size_bytes,							\
	  OPT_TEXT("size", "SIZE", "how long it is (default all)"), .kind = OPT_SIZE)		\
	X(struct bench_values, verify,								\
	  OPT_TEXT("verify", "", "compare what is read with what was written, in the end all"),	\
	  .kind = OPT_FLAG)									\
	X(struct bench_values, buffered,							\
	  OPT_TEXT("buffered", "", "through the page cache"), .kind = OPT_FLAG)			\
	X(struct bench_values, seed, OPT_TEXT("seed", "N", "of the places (default 1)"),	\
	  .kind = OPT_U64)									\
	X(struct bench_values, answer_ns,							\
	  OPT_TEXT("timeout", "TIME", "within which the disk answers (default 30s)")		\
	  OPT_LEAST("1s"), .kind = OPT_DURATION)						\
	X(struct bench_values, json, OPT_TEXT("json", "", "an object"), .kind = OPT_FLAG)

static void set_defaults(const struct cmd_run *r, void *values)
{
	struct bench_values *v = values;

	(void)r;
	*v = (struct bench_values){
		.rw = RW_RANDOM,
		.percent_reads = 70,
		.block_bytes = 4096,
		.depth = 32,
		.batch = 1,
		.nr_jobs = 1,
		.seed = 1,
		.answer_ns = 30000000000ULL,
	};
}

/**
 * struct bench - a measurement
 * @nr_blocks: of each job
 */
struct bench {
	const struct cmd_run *r;
	const struct bench_values *v;
	const char *path;
	struct bench_plan plan;
	u64 nr_blocks;
	struct pages mem;
	struct bench_job *jobs;
	struct bench_result *result;
};

static u32 percent_reads(const struct bench_values *v)
{
	u32 what = v->rw % RW_RANDOM;

	return what == RW_MIXED ? v->percent_reads : what == RW_READ ? 100 : 0;
}

static bool writes(const struct bench_values *v)
{
	return percent_reads(v) < 100;
}

/* --- the disk ------------------------------------------------------------------------- */

static enum exit_code fail_open(const struct bench *b, int err)
{
	const struct cmd_run *r = b->r;

	if (err == -EBUSY)
		return cmd_fail(r, EXIT_BUSY, err, "%s is in use, and would be written to", b->path);
	if (err == -EACCES || err == -EPERM || err == -EROFS)
		return cmd_fail(r, EXIT_PERMISSION, err, "%s", b->path);
	if (err == -EINVAL && !b->v->buffered)
		return cmd_fail(r, EXIT_UNSUPPORTED, err, "%s only goes with --buffered", b->path);
	return cmd_fail(r, err == -ENOENT || err == -ENXIO || err == -ENODEV ? EXIT_NOT_FOUND :
			EXIT_FAILURE, err, "%s", b->path);
}

/* What is mounted is not written to: O_EXCL of a disk says so, and means nothing for a file. */
static enum exit_code open_disk(struct bench *b)
{
	int flags = O_CLOEXEC | (writes(b->v) ? O_RDWR | O_EXCL : O_RDONLY) |
		    (b->v->buffered ? 0 : O_DIRECT);

	b->plan.fd = sys_openat(AT_FDCWD, b->path, flags, 0);
	return b->plan.fd < 0 ? fail_open(b, b->plan.fd) : EXIT_OK;
}

static enum exit_code find_range(struct bench *b)
{
	const struct bench_values *v = b->v;
	s64 end = sys_lseek(b->plan.fd, 0, SEEK_END);
	u64 rest;

	if (end <= 0)
		return cmd_fail(b->r, EXIT_FAILURE, (int)end, "%s has no size", b->path);
	if (v->offset_bytes >= (u64)end || v->size_bytes > (u64)end - v->offset_bytes)
		return cmd_usage(b->r, "the range ends behind the disk, which has %lld bytes",
				 (long long)end);
	rest = (u64)end - v->offset_bytes;
	b->nr_blocks = (v->size_bytes ? v->size_bytes : rest) / v->block_bytes / v->nr_jobs;
	if (!b->nr_blocks)
		return cmd_usage(b->r, "the range has no block of %llu bytes for each job",
				 v->block_bytes);
	if (v->verify && b->nr_blocks <= v->depth)
		return cmd_usage(b->r, "--verify wants more blocks than requests at a time: the "
				 "range has %llu for each job", b->nr_blocks);
	return EXIT_OK;
}

/* --- the jobs --------------------------------------------------------------------------- */

static enum exit_code make_jobs(struct bench *b)
{
	const struct bench_values *v = b->v;
	u64 jobs_bytes = v->nr_jobs * sizeof(struct bench_job);
	int err = pages_map(&b->mem, jobs_bytes + sizeof(*b->result));

	b->jobs = b->mem.addr;
	b->result = (void *)((char *)b->mem.addr + jobs_bytes);
	for (u32 i = 0; !err && i < v->nr_jobs; i++)
		err = bench_job_init(&b->jobs[i], &b->plan, i,
				     v->offset_bytes + i * b->nr_blocks * v->block_bytes,
				     b->nr_blocks, v->nr_requests ? v->nr_requests : ~0ULL);
	if (!err)
		err = b->plan.ended_fd = sys_eventfd2(0, O_CLOEXEC | O_NONBLOCK);
	return err < 0 ? cmd_fail(b->r, EXIT_MEMORY, err, "%u jobs with %u requests each",
				  v->nr_jobs, v->depth) : EXIT_OK;
}

static int start_jobs(struct bench *b)
{
	for (u32 i = 0; i < b->v->nr_jobs; i++) {
		struct bench_job *j = &b->jobs[i];
		int err;

		j->thread.name = "bench";
		err = thread_start(&j->thread, bench_job_run, j, STACK_BYTES);
		if (err)
			return err;
	}
	return 0;
}

/* Until all have ended, or one has failed, or the time is over, or somebody wants it to end */
static void await_jobs(struct bench *b, const struct host_waiting *w)
{
	u64 nr_ended = 0;

	while (nr_ended < b->v->nr_jobs && !__atomic_load_n(&b->plan.stop, __ATOMIC_RELAXED) &&
	       !host_wait_turn(w, b->plan.ended_fd)) {
		u64 nr;

		if (sys_read(b->plan.ended_fd, &nr, sizeof(nr)) == sizeof(nr))
			nr_ended += nr;
	}
}

/* As long as it goes on: a large disk is not read in a moment. One that hangs in the kernel,
 * where no deadline is kept, is left there. */
static int join_job(const struct bench *b, struct bench_job *j)
{
	u64 before;
	int err;

	do {
		before = __atomic_load_n(&j->nr_enters, __ATOMIC_RELAXED);
		err = thread_join_for(&j->thread, b->v->answer_ns + END_NS);
	} while (err && __atomic_load_n(&j->nr_enters, __ATOMIC_RELAXED) != before);
	return err;
}

static int join_jobs(struct bench *b)
{
	int err = 0;

	__atomic_store_n(&b->plan.stop, 1, __ATOMIC_RELAXED);
	for (u32 i = 0; i < b->v->nr_jobs && !err; i++)
		err = join_job(b, &b->jobs[i]);
	return err;
}

static enum exit_code fail_job(const struct bench *b, const struct bench_job *j)
{
	enum exit_code code = j->err == -ETIMEDOUT ? EXIT_TIMEOUT :
			      j->err == -ENOMEM ? EXIT_MEMORY : EXIT_FAILURE;

	return cmd_fail(b->r, code, j->err == -EILSEQ ? 0 : j->err, "%s: %s", b->path,
			j->why.text);
}

static enum exit_code run_jobs(struct bench *b)
{
	const struct bench_values *v = b->v;
	struct host_waiting w;
	int err;

	host_wait_begin(&w, v->time_ns ? v->time_ns :
			    v->nr_requests ? HOST_WAIT_NEVER : DEFAULT_TIME_NS);
	bench_result_begin(b->result);
	err = start_jobs(b);
	if (!err)
		await_jobs(b, &w);
	if (join_jobs(b))
		return cmd_fail(b->r, EXIT_TIMEOUT, 0, "%s: requests hang in the kernel", b->path);
	if (err)
		return cmd_fail(b->r, EXIT_MEMORY, err, "cannot start %u threads", v->nr_jobs);
	for (u32 i = 0; i < v->nr_jobs; i++) {
		if (b->jobs[i].err)
			return fail_job(b, &b->jobs[i]);
		bench_result_add(b->result, &b->jobs[i]);
	}
	bench_result_end(b->result);
	return EXIT_OK;
}

/* --- the verb ----------------------------------------------------------------------------- */

static enum exit_code check_values(const struct bench *b)
{
	const struct bench_values *v = b->v;

	if (v->block_bytes % BENCH_SECTOR_BYTES || v->offset_bytes % BENCH_SECTOR_BYTES)
		return cmd_usage(b->r, "--bs and --offset want multiples of 512");
	if (v->batch > v->depth)
		return cmd_usage(b->r, "--batch=%u is more than --depth=%u", v->batch, v->depth);
	if (v->verify && !writes(v))
		return cmd_usage(b->r, "--verify is of what is written, and --rw says only to read");
	return EXIT_OK;
}

static void make_plan(struct bench *b)
{
	const struct bench_values *v = b->v;

	b->plan = (struct bench_plan){
		.block_bytes = (u32)v->block_bytes,
		.depth = v->depth,
		.batch = v->batch,
		.percent_reads = percent_reads(v),
		.is_random = v->rw >= RW_RANDOM,
		.verifies = v->verify,
		.seed = v->seed,
		.answer_ns = v->answer_ns,
	};
}

static void show(struct bench *b)
{
	const struct bench_values *v = b->v;
	struct json j = { .out = b->r->out };

	if (!v->json) {
		bench_result_text(b->result, b->r->out);
		return;
	}
	json_add(&j, "{device%s rw%s block_bytes%llu depth%u batch%u jobs%u", b->path,
		 str_nth(RW_WORDS, v->rw), v->block_bytes, v->depth, v->batch, v->nr_jobs);
	bench_result_json(b->result, &j);
	json_close(&j, '}');
	fmt_add(b->r->out, "\n");
}

static enum exit_code bench_run(const struct cmd_run *r)
{
	struct bench b = { .r = r, .v = r->values, .path = r->argv[0] };
	enum exit_code code = check_values(&b);

	make_plan(&b);
	if (!code)
		code = open_disk(&b);
	if (!code)
		code = find_range(&b);
	if (!code)
		code = make_jobs(&b);
	if (!code)
		code = run_jobs(&b);
	if (!code)
		show(&b);
	return code;
}

const struct cmd cmd_bench_run = {
	.text = CMD_TEXT("bench", "run", "DEVICE", "measure a disk, and verify it",
			 "What is on the disk is lost when --rw says to write. SIGINT and SIGTERM end it early.\n"
			 "With --verify the exit code is 1 when a block is not what was written there.\n"
			 "DEVICE may be a file; \"run\" may be left out.\n"),
	.opts = CMD_OPTS(BENCH_OPTS, set_defaults),
	.min_args = 1,
	.max_args = 1,
	.run = bench_run,
};
