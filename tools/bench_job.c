/* SPDX-License-Identifier: MIT */
/* See tools/bench_job.h. */
#include "tools/bench_job.h"

#include <asm/errno.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "tools/bench_stamp.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/tgt.h"

/* How often is looked whether it is to stop, where no answers come */
#define TURN_NS 100000000ULL

/* A block that a request is under way for, in its generation: no other is begun for it */
#define BUSY 0x80000000U

/**
 * struct bench_slot - a request
 * @block: of the job's
 * @next_free: the slot under it in the heap of those that have none
 */
struct bench_slot {
	char *buf;
	u64 begin_ticks;
	u64 block;
	u8 kind;
	u32 next_free;
};

/* --- which request is next ------------------------------------------------------------ */

/* xorshift64*: Vigna, An experimental exploration of Marsaglia's xorshift generators */
static u64 random_below(struct bench_job *j, u64 n)
{
	u64 x = j->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	j->random = x;
	return (u64)((unsigned __int128)(x * 0x2545f4914f6cdd1dULL) * n >> 64);
}

static u64 next_in_order(struct bench_job *j)
{
	u64 block = j->next;

	j->next = block + 1 == j->nr_blocks ? 0 : block + 1;
	return block;
}

static void choose(struct bench_job *j, struct bench_slot *s)
{
	const struct bench_plan *p = j->plan;

	s->kind = TGT_READ;
	if (!p->percent_reads ||
	    (p->percent_reads < 100 && random_below(j, 100) >= p->percent_reads))
		s->kind = TGT_WRITE;
	s->block = p->is_random ? random_below(j, j->nr_blocks) : next_in_order(j);
	while (j->generations && j->generations[s->block] & BUSY)
		s->block = s->block + 1 == j->nr_blocks ? 0 : s->block + 1;
}

/* One that was written, from the first on */
static bool choose_to_check(struct bench_job *j, struct bench_slot *s)
{
	while (j->next < j->nr_blocks && !j->generations[j->next])
		j->next++;
	s->kind = TGT_READ;
	s->block = j->next++;
	return s->block < j->nr_blocks;
}

static bool choose_next(struct bench_job *j, struct bench_slot *s)
{
	if (j->is_checking)
		return choose_to_check(j, s);
	if (!j->nr_left || __atomic_load_n(&j->plan->stop, __ATOMIC_RELAXED))
		return false;
	j->nr_left--;
	choose(j, s);
	return true;
}

/* --- requests -------------------------------------------------------------------------- */

static u64 place_of(const struct bench_job *j, const struct bench_slot *s)
{
	return j->at_bytes + s->block * j->plan->block_bytes;
}

static void stamp(struct bench_job *j, struct bench_slot *s)
{
	u32 *generation = &j->generations[s->block];

	if (s->kind == TGT_WRITE)
		bench_stamp_put(s->buf, j->plan->block_bytes, place_of(j, s), ++*generation,
				j->plan->seed);
	*generation |= BUSY;
}

static void begin(struct bench_job *j, struct bench_slot *s)
{
	struct io_uring_sqe *sqe = ring_get_sqe(&j->ring);
	u8 op = s->kind == TGT_READ ? IORING_OP_READ : IORING_OP_WRITE;

	if (j->generations)
		stamp(j, s);
	ring_prep_rw(op, sqe, 0, s->buf, j->plan->block_bytes, place_of(j, s));
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	ring_sqe_set_data64(sqe, (u64)(s - j->slots));
	s->begin_ticks = sys_ticks();
}

/* As many as may be under way */
static void begin_all(struct bench_job *j)
{
	while (j->nr_free) {
		struct bench_slot *s = &j->slots[j->slots[j->nr_free - 1].next_free];

		if (!choose_next(j, s))
			return;
		begin(j, s);
		j->nr_free--;
	}
}

static void fail(struct bench_job *j, s32 err, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void fail(struct bench_job *j, s32 err, const char *fmt, ...)
{
	struct fmt_buf b = { .text = j->why.text, .size = sizeof(j->why.text) };
	va_list args;

	__atomic_store_n(&j->plan->stop, 1, __ATOMIC_RELAXED);
	if (j->err)
		return;
	j->err = err;
	va_start(args, fmt);
	fmt_vadd(&b, fmt, args);
	va_end(args);
}

static void fail_wrong(struct bench_job *j, const struct bench_slot *s, u32 wrong_bytes)
{
	u64 at = place_of(j, s) + wrong_bytes;
	u32 generation = j->generations[s->block] & ~BUSY;
	struct bench_stamp found;

	bench_stamp_read(s->buf + wrong_bytes, j->plan->seed, &found);
	if (found.is_ours)
		fail(j, -EILSEQ, "what was read at byte %llu is not what was written there as "
		     "number %u, but as number %llu at byte %llu", at, generation,
		     found.generation, found.at_bytes);
	else
		fail(j, -EILSEQ, "what was read at byte %llu is not what was written there as "
		     "number %u", at, generation);
}

static void check(struct bench_job *j, const struct bench_slot *s)
{
	u32 *generation = &j->generations[s->block];
	u32 wrong_bytes;

	*generation &= ~BUSY;
	if (s->kind == TGT_WRITE || !*generation)
		return;
	j->nr_verified++;
	wrong_bytes = bench_stamp_find_wrong(s->buf, j->plan->block_bytes, place_of(j, s),
					     *generation, j->plan->seed);
	if (wrong_bytes < j->plan->block_bytes)
		fail_wrong(j, s, wrong_bytes);
}

static void count(struct bench_job *j, const struct bench_slot *s, u64 ticks)
{
	struct ublk_stats_snapshot *all = &j->stats;

	all->kinds[s->kind].ops++;
	all->kinds[s->kind].bytes += j->plan->block_bytes;
	all->ticks[s->kind] += ticks;
	all->hist[s->kind][ublk_stats_bucket(ticks)]++;
}

static void end(struct bench_job *j, struct bench_slot *s, s32 res, u64 now_ticks)
{
	j->slots[j->nr_free++].next_free = (u32)(s - j->slots);
	if (res != (s32)j->plan->block_bytes) {
		fail(j, res < 0 ? res : -EIO, "a %s of %u bytes at byte %llu%s",
		     s->kind == TGT_READ ? "read" : "write", j->plan->block_bytes, place_of(j, s),
		     res < 0 ? "" : " was done in part");
		return;
	}
	if (!j->is_checking)
		count(j, s, now_ticks - s->begin_ticks);
	if (j->generations)
		check(j, s);
}

/* --- turns ----------------------------------------------------------------------------- */

static u32 nr_under_way(const struct bench_job *j)
{
	return j->plan->depth - j->nr_free;
}

static u32 reap(struct bench_job *j)
{
	const struct io_uring_cqe *cqe;
	u64 now_ticks = sys_ticks();
	u32 nr = 0;
	u32 head;

	ring_for_each_cqe(&j->ring, head, cqe) {
		end(j, &j->slots[cqe->user_data], cqe->res, now_ticks);
		nr++;
	}
	ring_cq_advance_to(&j->ring, head);
	return nr;
}

/* Until all requests have an answer and no more are begun; -errno when that cannot be */
static int serve(struct bench_job *j)
{
	const struct bench_plan *p = j->plan;
	u64 silent_ns = 0;

	for (begin_all(j); nr_under_way(j); begin_all(j)) {
		u32 nr_wanted = p->batch < nr_under_way(j) ? p->batch : nr_under_way(j);
		int ret = ring_submit_and_wait_timeout(&j->ring, nr_wanted, TURN_NS);

		__atomic_store_n(&j->nr_enters, j->nr_enters + 1, __ATOMIC_RELAXED);
		if (ret < 0 && ret != -ETIME && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
			return ret;
		silent_ns = reap(j) ? 0 : silent_ns + TURN_NS;
		if (silent_ns >= p->answer_ns)
			return -ETIMEDOUT;
	}
	return 0;
}

static int make_ring(struct bench_job *j)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
			 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_NO_SQARRAY,
	};
	int err = ring_init(&j->ring, j->plan->depth, &params);

	if (!err)
		err = ring_register_files(&j->ring, &j->plan->fd, 1);
	if (!err)
		(void)!ring_register_ring_fd(&j->ring);
	return err;
}

static int measure(struct bench_job *j)
{
	int err;

	j->stats.begin_ticks = sys_ticks();
	err = serve(j);
	j->stats.now_ticks = sys_ticks();
	return err;
}

/* What was measured stays as it was then. */
static int verify(struct bench_job *j)
{
	u64 nr_enters = j->nr_enters;
	int err;

	j->is_checking = true;
	j->next = 0;
	err = serve(j);
	j->nr_enters = nr_enters;
	return err;
}

void bench_job_run(void *job)
{
	const u64 one = 1;
	struct bench_job *j = job;
	int err = make_ring(j);

	if (err)
		fail(j, err, "a ring of %u entries", j->plan->depth);
	if (!err)
		err = measure(j);
	if (!err && !j->err && j->generations)
		err = verify(j);
	if (err == -ETIMEDOUT)
		fail(j, err, "%u requests have had no answer in %llu s", nr_under_way(j),
		     j->plan->answer_ns / 1000000000);
	else if (err)
		fail(j, err, "the ring");
	/* A ring that is closed lets go of its files later, and the disk would be in use for the
	 * next one who writes to it. */
	if (!nr_under_way(j))
		(void)!ring_unregister_files(&j->ring);
	ring_exit(&j->ring);
	(void)sys_write(j->plan->ended_fd, &one, sizeof(one));
}

/* --- its memory -------------------------------------------------------------------------- */

/* Data like any other: neither zeroes nor all the same */
static void fill(struct bench_job *j, char *buf)
{
	for (u32 i = 0; i < j->plan->block_bytes / sizeof(u64); i++)
		((u64 *)(void *)buf)[i] = random_below(j, ~0ULL);
}

int bench_job_init(struct bench_job *j, struct bench_plan *p, u32 idx, u64 at_bytes,
		   u64 nr_blocks, u64 nr_requests)
{
	u64 buf_bytes = pages_round_up(p->block_bytes);
	u64 slots_bytes = pages_round_up(p->depth * sizeof(struct bench_slot));
	int err = pages_map(&j->mem, slots_bytes + p->depth * buf_bytes);

	if (!err && p->verifies)
		err = pages_map(&j->generations_mem, nr_blocks * sizeof(*j->generations));
	if (err)
		return err;
	j->plan = p;
	j->at_bytes = at_bytes;
	j->nr_blocks = nr_blocks;
	j->nr_left = nr_requests;
	j->random = p->seed * 2 + 1 + idx * 0x9e3779b97f4a7c15ULL;
	j->random += !j->random;
	j->slots = j->mem.addr;
	j->generations = j->generations_mem.addr;
	j->nr_free = p->depth;
	for (u32 i = 0; i < p->depth; i++) {
		j->slots[i].buf = (char *)j->mem.addr + slots_bytes + i * buf_bytes;
		j->slots[i].next_free = p->depth - 1 - i;
		fill(j, j->slots[i].buf);
	}
	return 0;
}
