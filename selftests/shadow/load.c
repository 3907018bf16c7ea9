/* SPDX-License-Identifier: MIT */
/* A worker: a round is one operation of each lane, all at the same time. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>

#include "ring/prep.h"
#include "ring/ring.h"
#include "selftests/shadow/shadow.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

/* However slow the machine is: so many, and as many more as it takes to write something;
 * but full zones may have no room for that */
#define MIN_ROUNDS 3
#define MAX_ROUNDS 1000

struct lane {
	u64 begin;
	u64 end;
	struct oracle_op op;
	u8 *mem;
	s32 res;
};

struct worker {
	struct shadow *s;
	struct shadow_report *report;
	struct ring ring;
	struct pages mem;
	u64 random;
	u64 lane_bytes; /* memory of each */
	u32 idx;
	s32 fd;
	struct lane lanes[SHADOW_MAX_LANES];
};

static bool moves(const struct oracle_op *op)
{
	return op->kind == ORACLE_READ || op->kind == ORACLE_WRITE;
}

/* Nothing that moves bytes goes beyond its window. */
static void cut(const struct shadow_plan *p, struct oracle_op *op)
{
	u64 room = p->window_bytes - op->offset_bytes % p->window_bytes;

	if (op->len_bytes > room)
		op->len_bytes = room;
}

/* Writes go where the zone ends, reads below; what would make zeroes is a reset. */
static void pick_in_zone(struct worker *w, struct oracle_op *op)
{
	const struct shadow_plan *p = &w->s->plan;
	u64 zone = op->offset_bytes / p->window_bytes;
	u64 begun = w->s->begun_bytes[zone];
	u64 begin = zone * p->window_bytes;

	if (op->kind == ORACLE_FLUSH)
		return;
	if (op->kind == ORACLE_READ && begun) {
		op->offset_bytes = begin + op->offset_bytes % begun;
		if (op->len_bytes > begin + begun - op->offset_bytes)
			op->len_bytes = begin + begun - op->offset_bytes;
		return;
	}
	if (!moves(op) || begun == p->window_bytes) {
		*op = (struct oracle_op){
			.kind = ORACLE_ZERO, .offset_bytes = begin, .len_bytes = p->window_bytes,
		};
		return;
	}
	op->kind = ORACLE_WRITE;
	op->offset_bytes = begin + begun;
	cut(p, op);
}

static void pick(struct worker *w, struct lane *lane)
{
	static const u32 sizes[] = { 1, 1, 1, 8, 8, 8, 8, 16, 16, 32, 128, ~0U };
	const struct shadow_plan *p = &w->s->plan;
	struct oracle_mix mix = {
		.read = 16, .write = 16, .flush = 1, .discard = 1, .zero = 2, .fua_of_16 = 2,
		.max_blocks = sizes[oracle_below(&w->random, ARRAY_SIZE(sizes))],
	};

	oracle_pick(&w->s->o, &w->random, &mix, lane->begin, lane->end, &lane->op);
	if (moves(&lane->op)) {
		cut(p, &lane->op);
		if (lane->op.len_bytes > w->lane_bytes)
			lane->op.len_bytes = w->lane_bytes;
	}
	if (p->kind == SHADOW_ZONED)
		pick_in_zone(w, &lane->op);
}

static void submit(struct worker *w, u32 idx)
{
	struct io_uring_sqe *sqe = ring_get_sqe(&w->ring);
	struct lane *lane = &w->lanes[idx];
	const struct oracle_op *op = &lane->op;
	u64 at = shadow_at(&w->s->plan, op->offset_bytes);

	if (op->kind == ORACLE_READ) {
		memset(lane->mem, 0xa5, op->len_bytes);
		ring_prep_read(sqe, w->fd, lane->mem, (u32)op->len_bytes, at);
	} else {
		oracle_write_begin(&w->s->o, op->offset_bytes, lane->mem, op->len_bytes);
		ring_prep_write(sqe, w->fd, lane->mem, (u32)op->len_bytes, at);
		sqe->rw_flags = op->fua ? RWF_DSYNC : 0;
	}
	ring_sqe_set_data64(sqe, idx);
}

static int reap(struct worker *w, u32 nr)
{
	while (nr) {
		struct io_uring_cqe *cqe = ring_peek_cqe(&w->ring);
		int ret;

		if (cqe) {
			w->lanes[cqe->user_data].res = cqe->res;
			ring_cq_advance(&w->ring, 1);
			nr--;
			continue;
		}
		ret = ring_submit_and_wait(&w->ring, 1);
		if (ret < 0 && ret != -EINTR)
			return diag_set(&w->report->why, ret, "its ring");
	}
	return 0;
}

static int judge(struct worker *w, const struct lane *lane)
{
	const struct oracle_op *op = &lane->op;
	struct shadow *s = w->s;
	bool ok = lane->res == (s64)op->len_bytes;

	if (op->kind == ORACLE_WRITE) {
		oracle_write_end(&s->o, op->offset_bytes, op->len_bytes, ok, op->fua);
		w->report->nr_writes++;
		if (ok && s->plan.kind == SHADOW_ZONED)
			s->begun_bytes[op->offset_bytes / s->plan.window_bytes] += op->len_bytes;
		return ok ? 0 : shadow_failed(s, w->idx, op, lane->res);
	}
	if (!ok)
		return shadow_failed(s, w->idx, op, lane->res);
	w->report->nr_reads++;
	/* The page cache has what was written, whatever the disk keeps. */
	if (s->plan.buffered && s->plan.kind == SHADOW_NULL)
		return 0;
	w->report->read_bytes += s->plan.buffered ? 0 : op->len_bytes;
	return shadow_check(s, op->offset_bytes, lane->mem, op->len_bytes, &w->report->why);
}

/* All answers are noted, also behind one that is wrong */
static int one_round(struct worker *w, u32 nr_lanes)
{
	u32 nr = 0;
	int err;

	for (u32 i = 0; i < nr_lanes; i++) {
		pick(w, &w->lanes[i]);
		if (moves(&w->lanes[i].op)) {
			submit(w, i);
			nr++;
		}
	}
	err = reap(w, nr);
	for (u32 i = 0; !err && i < nr_lanes; i++)
		if (moves(&w->lanes[i].op))
			err = judge(w, &w->lanes[i]);
	for (u32 i = 0; !err && i < nr_lanes; i++)
		if (!moves(&w->lanes[i].op))
			err = shadow_do(w->s, w->idx, w->fd, &w->lanes[i].op);
	return err;
}

/* Its part of the file, if there is one */
static int map_memory(struct worker *w)
{
	const char *path = w->s->plan.memory;
	long addr;
	int fd;

	if (!path)
		return pages_map(&w->mem, SHADOW_MEM_BYTES);
	fd = sys_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	addr = sys_mmap(NULL, SHADOW_MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			(u64)w->idx * SHADOW_MEM_BYTES);
	(void)sys_close(fd);
	if (addr < 0 && addr >= -4095)
		return (int)addr;
	w->mem = (struct pages){ .addr = (void *)addr, .len_bytes = SHADOW_MEM_BYTES };
	return 0;
}

static int open_worker(struct worker *w)
{
	const struct shadow_plan *p = &w->s->plan;
	struct io_uring_params params = { .flags = 0 };
	u64 bytes = w->s->o.size_bytes / (p->nr_workers * p->nr_lanes);
	int err = map_memory(w);

	if (!err)
		err = ring_init(&w->ring, SHADOW_MAX_LANES, &params);
	if (err)
		return diag_set(&w->report->why, err, "no memory or no ring for a worker");
	w->fd = shadow_open(w->s, w->idx, p->buffered && p->kind != SHADOW_ZONED);
	w->lane_bytes = SHADOW_MEM_BYTES / p->nr_lanes;
	w->random = (p->seed * 1000 + w->idx + 1) ^ (u64)w->s->nr_works << 32;
	for (u32 i = 0; i < p->nr_lanes; i++) {
		w->lanes[i].mem = (u8 *)w->mem.addr + i * w->lane_bytes;
		w->lanes[i].begin = (w->idx * p->nr_lanes + i) * bytes;
		w->lanes[i].end = w->lanes[i].begin + bytes;
	}
	return w->fd < 0 ? w->fd : 0;
}

/* Of the CPUs that there are, its share: that is how each queue gets something to do */
static void pin(u32 idx, u32 nr)
{
	u64 mask[16] = { 0 };
	u64 own[16] = { 0 };
	u32 cpus[ARRAY_SIZE(mask) * 64];
	u32 nr_cpus = 0;

	if (sys_sched_getaffinity(0, sizeof(mask), mask) < 0)
		return;
	for (u32 cpu = 0; cpu < ARRAY_SIZE(cpus); cpu++)
		if (mask[cpu / 64] >> (cpu % 64) & 1)
			cpus[nr_cpus++] = cpu;
	if (!nr_cpus)
		return;
	idx = cpus[idx * nr_cpus / nr];
	own[idx / 64] = 1ULL << (idx % 64);
	(void)sys_sched_setaffinity(0, sizeof(own), own);
}

static bool is_over(const struct worker *w, u32 nr_rounds)
{
	const struct shadow *s = w->s;

	if (__atomic_load_n(&s->stop, __ATOMIC_RELAXED))
		return true;
	if (nr_rounds < MIN_ROUNDS || (!w->report->nr_writes && nr_rounds < MAX_ROUNDS))
		return false;
	if (s->plan.until && sys_faccessat(AT_FDCWD, s->plan.until, 0) == 0)
		return true;
	return shadow_now_ns() >= s->end_ns;
}

int shadow_work(struct shadow *s, u32 idx)
{
	static struct worker w;
	int err;

	w = (struct worker){ .s = s, .report = &s->reports[idx], .idx = idx };
	pin(idx, s->plan.nr_workers);
	err = open_worker(&w);
	for (u32 i = 0; !err && !is_over(&w, i); i++)
		err = one_round(&w, s->plan.nr_lanes);
	if (!err)
		err = shadow_do(s, idx, w.fd, &(struct oracle_op){ .kind = ORACLE_FLUSH });
	if (err)
		__atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
	return err;
}
