/* SPDX-License-Identifier: MIT */
/*
 * What a mirror does by itself, on queue 0: copy what a leg lacks.
 *
 * A few lanes each have a region, and go through it piece by piece: lock, read,
 * write, give back. Between two pieces each gives the ring a turn. A bell wakes them
 * when something has changed that they may want to know: it is a futex, and an entry
 * of the ring waits for it as long as the queue is there.
 */
#include <asm/errno.h>
#include <linux/time.h>

#include "ring/prep_event.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/mirror_parts.h"

#define LONGEST_PAUSE_NS 100000000ULL
#define NS_PER_SECOND 1000000000ULL

enum { LANE_IDLE, LANE_NEXT, LANE_PIECE, LANE_LOCK };

static const struct __kernel_timespec bell_moment = { .tv_nsec = 50000000 };

void mirror_ring_bell(struct mirror *m)
{
	__atomic_fetch_add(&m->bell, 1, __ATOMIC_SEQ_CST);
	blocks_wake(&m->bell);
}

static bool is_halted(const struct mirror *m)
{
	return m->home->is_stopping || __atomic_load_n(&m->is_paused, __ATOMIC_SEQ_CST);
}

static u64 now_ns(void)
{
	struct __kernel_timespec ts = { .tv_sec = 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NS_PER_SECOND + (u64)ts.tv_nsec;
}

/* --- which region ------------------------------------------------------------------- */

static bool is_wanted(const struct mirror *m, u32 s, u8 *to)
{
	*to = (s & MIRROR_STALE_ANY) >> 1;
	return s & MIRROR_STALE_ANY && !(s & (MIRROR_COPYING | MIRROR_UNREADABLE)) &&
	       !mirror_has_failed(m, *to);
}

/* The next one that lacks something is the lane's. */
static bool pick(struct mirror *m, struct mirror_lane *lane)
{
	u64 nr = __atomic_load_n(&m->nr_regions, __ATOMIC_SEQ_CST);

	for (u64 i = 0; i < nr; i++) {
		u64 r = (m->cursor + i) % nr;
		u32 s = mirror_region(m, r);

		if (!is_wanted(m, s, &lane->to) || !mirror_change(m, r, &s, s | MIRROR_COPYING))
			continue;
		m->cursor = r + 1;
		lane->region = r;
		lane->at = r << m->region_shift;
		return true;
	}
	return false;
}

/* The mark is taken away, if it is there still, and @also; false: it was not */
static bool unmark(struct mirror *m, const struct mirror_lane *lane, u32 also, u32 set)
{
	u32 old = mirror_region(m, lane->region);

	do {
		if (!(old & MIRROR_COPYING))
			return false;
	} while (!mirror_change(m, lane->region, &old,
				(old & (u32)~(MIRROR_COPYING | also)) | set));
	return true;
}

/* --- telling -------------------------------------------------------------------------- */

static void begin_pass(struct tgt *t)
{
	struct mirror *m = t->state;
	u64 nr = __atomic_load_n(&m->nr_stale[0], __ATOMIC_SEQ_CST) +
		 __atomic_load_n(&m->nr_stale[1], __ATOMIC_SEQ_CST);

	if (!m->nr_copying) {
		__atomic_store_n(&m->copied_bytes, 0, __ATOMIC_RELAXED);
		m->percent = 0;
	}
	__atomic_store_n(&m->total_bytes,
			 m->copied_bytes + mirror_smaller(nr << m->region_shift,
							  t->limits.size_bytes),
			 __ATOMIC_RELAXED);
}

static void tell_progress(struct tgt *t, u64 bytes)
{
	struct mirror *m = t->state;
	u64 copied = m->copied_bytes + bytes;
	u64 total = m->total_bytes;
	u32 percent = total ? (u32)(copied / (total / 100 + 1)) : 100;

	__atomic_store_n(&m->copied_bytes, copied, __ATOMIC_RELAXED);
	__atomic_store_n(&m->total_bytes, copied > total ? copied : total, __ATOMIC_RELAXED);
	for (; m->percent < percent && m->percent < 99;)
		if (++m->percent, m->events.progress)
			m->events.progress(m->events.ctx, m->percent, false);
}

static void end_pass(struct mirror *m)
{
	if (m->nr_stale[0] || m->nr_stale[1])
		return;
	__atomic_store_n(&m->total_bytes, m->copied_bytes, __ATOMIC_RELAXED);
	m->percent = 100;
	if (m->events.progress)
		m->events.progress(m->events.ctx, 100, true);
}

/* --- a lane ---------------------------------------------------------------------------- */

static void run_lane(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane);

static struct mirror_lane *lane_of(struct tgt_op *op)
{
	return CONTAINER_OF(op, struct mirror_lane, op);
}

static void go_idle(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane)
{
	struct mirror *m = t->state;

	lane->state = LANE_IDLE;
	q->nr_busy--;
	if (--m->nr_copying)
		return;
	end_pass(m);
	(void)mirror_tidy_look(t, q);
}

/* The ring gets a turn, or passes some time. */
static void yield(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane, u64 ns)
{
	struct io_uring_sqe *sqe;

	if (tgt_reserve_sqes(q, 1)) {
		if (lane->state == LANE_PIECE)
			(void)unmark(t->state, lane, 0, 0);
		go_idle(t, q, lane);
		return;
	}
	sqe = tgt_get_sqe(q);
	lane->is_armed = ns;
	lane->pause = (struct __kernel_timespec){ .tv_nsec = (s64)ns };
	if (ns)
		ring_prep_timeout(sqe, &lane->pause, 0, 0);
	else
		ring_prep_nop(sqe);
	tgt_sqe_owner(sqe, &lane->op, MIRROR_STEP_LANE);
}

static void end_region(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane, u32 set)
{
	(void)unmark(t->state, lane, 0, set);
	lane->state = LANE_NEXT;
	yield(t, q, lane, 0);
}

static void give_up(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane, u32 set)
{
	struct mirror *m = t->state;

	blocks_give(&m->blocks, &lane->wait);
	end_region(t, q, lane, set);
}

static void piece_is_copied(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane)
{
	struct mirror *m = t->state;

	blocks_give(&m->blocks, &lane->wait);
	lane->at += lane->len;
	tell_progress(t, lane->len);
	lane->state = LANE_PIECE;
	yield(t, q, lane, 0);
}

static void lane_was_written(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane,
			     s64 result)
{
	u64 size = __atomic_load_n(&t->limits.size_bytes, __ATOMIC_SEQ_CST);

	if (result >= 0) {
		piece_is_copied(t, q, lane);
		return;
	}
	/* Unless it is the disk that has shrunk */
	if (lane->at + lane->len <= size)
		mirror_leg_fails(t, lane->to, (s32)result);
	give_up(t, q, lane, 0);
}

static struct tgt_op *lane_sub(struct mirror_lane *lane, u8 kind, tgt_done_fn *done)
{
	struct tgt_op *sub = tgt_sub(&lane->op, done);

	sub->kind = kind;
	sub->offset_bytes = lane->at;
	sub->len_bytes = lane->len;
	return sub;
}

static s64 whole(const struct tgt_op *sub)
{
	bool moves = sub->kind == TGT_READ || sub->kind == TGT_WRITE;

	if (!moves || sub->result < 0)
		return sub->result;
	return sub->result == (s64)sub->len_bytes ? sub->result : -EIO;
}

static void lane_write_done(struct tgt_queue *q, struct tgt_op *sub)
{
	struct tgt_op *op = sub->parent;

	lane_was_written(op->tgt, q, lane_of(op), whole(sub));
}

static void write_piece(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane)
{
	struct tgt_op *sub = lane_sub(lane, TGT_WRITE, lane_write_done);

	tgt_set_mem(sub, lane->buf);
	if (tgt_submit(t->child[lane->to], q, sub) == TGT_DONE)
		lane_was_written(t, q, lane, whole(sub));
}

/* True: it surely reads as zeroes, and takes no space */
static bool is_hole(struct tgt *leg, u64 at, u64 len)
{
	return leg->type->seek && leg->type->seek(leg, at, false) >= (s64)(at + len);
}

/* What is a hole stays one. */
static void zero_piece(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane)
{
	struct tgt *leg = t->child[lane->to];
	struct tgt_op *sub;

	if (is_hole(leg, lane->at, lane->len)) {
		piece_is_copied(t, q, lane);
		return;
	}
	if (leg->limits.max_write_zeroes_bytes < lane->len) {
		memset(lane->buf, 0, lane->len);
		write_piece(t, q, lane);
		return;
	}
	sub = lane_sub(lane, TGT_WRITE_ZEROES, lane_write_done);
	if (tgt_submit(leg, q, sub) == TGT_DONE)
		lane_was_written(t, q, lane, whole(sub));
}

static bool is_zero(const char *buf, u64 len)
{
	const u64 *word = (const void *)buf;

	for (u64 i = 0; i < len / 8; i++)
		if (word[i])
			return false;
	return true;
}

static void lane_was_read(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane, s64 result)
{
	struct mirror *m = t->state;

	if (result < 0) {
		__atomic_fetch_add(&m->read_errors, 1, __ATOMIC_RELAXED);
		give_up(t, q, lane, MIRROR_UNREADABLE);
	} else if (is_zero(lane->buf, lane->len)) {
		zero_piece(t, q, lane);
	} else {
		write_piece(t, q, lane);
	}
}

static void lane_read_done(struct tgt_queue *q, struct tgt_op *sub)
{
	struct tgt_op *op = sub->parent;

	lane_was_read(op->tgt, q, lane_of(op), whole(sub));
}

/* The piece is locked. */
static void copy_piece(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane)
{
	struct mirror *m = t->state;
	struct tgt *from = t->child[!lane->to];
	struct tgt_op *sub;

	if (!(mirror_region(m, lane->region) & MIRROR_COPYING)) {
		give_up(t, q, lane, 0);
		return;
	}
	lane->slab.nr_ops = 0;
	lane->slab.nr_pieces = 0;
	if (is_hole(from, lane->at, lane->len)) {
		zero_piece(t, q, lane);
		return;
	}
	sub = lane_sub(lane, TGT_READ, lane_read_done);
	tgt_set_mem(sub, lane->buf);
	if (tgt_submit(from, q, sub) == TGT_DONE)
		lane_was_read(t, q, lane, whole(sub));
}

static void wait_for_lock(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane)
{
	struct mirror *m = t->state;

	lane->state = LANE_LOCK;
	if (blocks_are_taken(&lane->wait))
		copy_piece(t, q, lane);
	else if (blocks_wait(&m->blocks, &lane->wait, q, &lane->op, MIRROR_STEP_LANE))
		give_up(t, q, lane, 0);
}

/* How long it has to wait before so much more may be copied */
static u64 rate_ns(struct mirror *m, u64 bytes)
{
	u64 rate = __atomic_load_n(&m->rate_bytes, __ATOMIC_RELAXED);
	u64 now;

	if (!rate)
		return 0;
	now = now_ns();
	if (m->next_ns > now + LONGEST_PAUSE_NS * 100) /* of a rate that is not any more */
		m->next_ns = now;
	if (m->next_ns > now)
		return m->next_ns - now < LONGEST_PAUSE_NS ? m->next_ns - now : LONGEST_PAUSE_NS;
	m->next_ns = (m->next_ns + LONGEST_PAUSE_NS > now ? m->next_ns : now) +
		     bytes * NS_PER_SECOND / rate;
	return 0;
}

/* How long the next piece is, 0 at the end of the region or of the disk */
static u64 piece_len(const struct tgt *t, const struct mirror_lane *lane)
{
	const struct mirror *m = t->state;
	u64 size = __atomic_load_n(&t->limits.size_bytes, __ATOMIC_SEQ_CST);
	u64 end = mirror_smaller((lane->region + 1) << m->region_shift, size);
	u64 len = lane->at < end ? mirror_smaller(end - lane->at, m->piece_bytes) : 0;
	u64 chunk = t->limits.chunk_bytes;

	return chunk ? mirror_smaller(len, chunk - lane->at % chunk) : len;
}

static void next_piece(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane)
{
	struct mirror *m = t->state;
	u64 first = lane->at >> MIRROR_BLOCK_SHIFT;
	u64 len = piece_len(t, lane);
	u64 pause;

	if (!len) {
		if (unmark(m, lane, MIRROR_STALE_ANY, MIRROR_INTENT))
			mirror_map_changed(m, lane->region, lane->region);
		lane->state = LANE_NEXT;
		yield(t, q, lane, 0);
		return;
	}
	if (is_halted(m)) {
		end_region(t, q, lane, 0);
		return;
	}
	pause = rate_ns(m, len);
	if (pause) {
		yield(t, q, lane, pause);
		return;
	}
	lane->len = len;
	(void)blocks_take(&m->blocks, &lane->wait, first,
			  ((lane->at + len - 1) >> MIRROR_BLOCK_SHIFT) - first + 1);
	wait_for_lock(t, q, lane);
}

static void run_lane(struct tgt *t, struct tgt_queue *q, struct mirror_lane *lane)
{
	struct mirror *m = t->state;

	lane->is_armed = false;
	if (lane->state == LANE_LOCK) {
		wait_for_lock(t, q, lane);
	} else if (lane->state == LANE_PIECE) {
		next_piece(t, q, lane);
	} else if (is_halted(m) || !pick(m, lane)) {
		go_idle(t, q, lane);
	} else {
		lane->state = LANE_PIECE;
		next_piece(t, q, lane);
	}
}

/* --- home ------------------------------------------------------------------------------- */

static void start_lanes(struct tgt *t, struct tgt_queue *q)
{
	struct mirror *m = t->state;

	if (is_halted(m) || !(m->nr_stale[0] || m->nr_stale[1]))
		return;
	begin_pass(t);
	for (u32 i = 0; i < MIRROR_LANES; i++) {
		struct mirror_lane *lane = &m->lanes[i];

		if (lane->state != LANE_IDLE || !pick(m, lane))
			continue;
		q->nr_busy++;
		m->nr_copying++;
		lane->state = LANE_PIECE;
		yield(t, q, lane, 0);
	}
}

/* The bell has rung, or may have. */
static void look(struct tgt_queue *q, struct tgt_op *op)
{
	struct tgt *t = op->tgt;
	struct mirror *m = t->state;
	u32 bell = __atomic_load_n(&m->bell, __ATOMIC_SEQ_CST);

	start_lanes(t, q);
	(void)mirror_tidy_look(t, q);
	if (q->is_stopping ||
	    blocks_sleep(&m->blocks, &m->bell, bell, &bell_moment, q, op, MIRROR_STEP_BELL))
		q->nr_busy--;
}

/* Who waits until both have all is told so where nothing is to be copied, too. */
static void begin(struct tgt_queue *q, struct tgt_op *op)
{
	end_pass(op->tgt->state);
	look(q, op);
}

void mirror_home_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	struct mirror *m = t->state;

	if (step == MIRROR_STEP_CANCEL) {
		q->nr_busy--;
	} else if (op == &m->tidy->op) {
		mirror_tidy_cqe(t, q, step, res);
	} else if (step == MIRROR_STEP_BELL) {
		blocks_woken(&m->blocks, res);
		look(q, op);
	} else {
		if (lane_of(op)->state == LANE_LOCK)
			blocks_woken(&m->blocks, res);
		run_lane(t, q, lane_of(op));
	}
}

COLD int mirror_queue_init(struct tgt *t, struct tgt_queue *q)
{
	struct mirror *m = t->state;

	if (q->idx)
		return 0;
	m->home = q;
	m->bell_op->slab.queue = q;
	m->bell_op->op = (struct tgt_op){ .tgt = t, .slab = &m->bell_op->slab, .done = begin };
	m->tidy->slab.queue = q;
	m->tidy->op = (struct tgt_op){ .tgt = t, .slab = &m->tidy->slab };
	for (u32 i = 0; i < MIRROR_LANES; i++) {
		struct mirror_lane *lane = &m->lanes[i];

		lane->slab.queue = q;
		lane->op = (struct tgt_op){ .tgt = t, .slab = &lane->slab };
		lane->state = LANE_IDLE;
	}
	q->nr_busy++;
	tgt_complete(q, &m->bell_op->op, 0);
	return 0;
}

static void cancel(struct tgt_queue *q, struct mirror_lane *lane)
{
	struct io_uring_sqe *sqe;

	if (!lane->is_armed || tgt_reserve_sqes(q, 1))
		return;
	sqe = tgt_get_sqe(q);
	ring_prep_timeout_remove(sqe, (u64)(uintptr_t)&lane->op | MIRROR_STEP_LANE << 1, 0);
	tgt_sqe_owner(sqe, &lane->op, MIRROR_STEP_CANCEL);
	q->nr_busy++;
}

COLD void mirror_queue_stop(struct tgt *t, struct tgt_queue *q)
{
	struct mirror *m = t->state;

	if (q->idx)
		return;
	mirror_ring_bell(m);
	mirror_tidy_stop(t, q);
	for (u32 i = 0; i < MIRROR_LANES; i++)
		cancel(q, &m->lanes[i]);
}

static void set_slab(struct tgt_slab *slab, char *mem, u64 nr_ops)
{
	slab->ops = (struct tgt_op *)(void *)mem;
	slab->pieces = (struct tgt_piece *)(void *)(slab->ops + nr_ops);
}

COLD int mirror_copy_open(struct tgt *t, struct diag *why)
{
	struct mirror *m = t->state;
	u64 nr_ops = 3 + (u64)t->child[0]->nr_ops + t->child[1]->nr_ops;
	u64 nr_pieces = (u64)t->child[0]->nr_pieces + t->child[1]->nr_pieces;
	u64 slab = nr_ops * sizeof(struct tgt_op) + nr_pieces * sizeof(struct tgt_piece);
	u64 bufs = MIRROR_LANES * (u64)MIRROR_PIECE_BYTES;
	char *mem;
	int err;

	slab = (slab + 63) & ~63ULL;
	err = pages_map(&m->home_mem, bufs + 2 * sizeof(struct mirror_bell) + slab +
					      MIRROR_LANES * (sizeof(struct mirror_lane) + slab));
	if (!err)
		err = pages_dontfork(&m->home_mem);
	if (err)
		return diag_set(why, err, "no memory for its copying");
	mem = (char *)m->home_mem.addr + bufs;
	m->bell_op = (struct mirror_bell *)(void *)mem;
	m->tidy = m->bell_op + 1;
	mem += 2 * sizeof(struct mirror_bell);
	m->lanes = (struct mirror_lane *)(void *)mem;
	mem += MIRROR_LANES * sizeof(struct mirror_lane);
	set_slab(&m->tidy->slab, mem, nr_ops);
	for (u32 i = 0; i < MIRROR_LANES; i++) {
		struct mirror_lane *lane = &m->lanes[i];

		lane->buf = (char *)m->home_mem.addr + i * (u64)MIRROR_PIECE_BYTES;
		mem += slab;
		set_slab(&lane->slab, mem, nr_ops);
	}
	m->piece_bytes = MIRROR_PIECE_BYTES;
	if (t->limits.max_io_bytes && t->limits.max_io_bytes < m->piece_bytes)
		m->piece_bytes = t->limits.max_io_bytes;
	m->piece_bytes &= ~((1U << t->limits.logical_shift) - 1);
	return 0;
}
