/* SPDX-License-Identifier: MIT */
/* The I/O path: descriptors in, operations to the target, commits out. */
#include "ublk/queue.h"

#include <asm/errno.h>

#include "ring/prep.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/batch.h"
#include "ublk/deadline.h"
#include "ublk/path.h"
#include "ublk/worker.h"

#define PLAIN_BITS ((u64)UBLK_STEP_PLAIN << 1 | TGT_USER_DATA_FRONT)

/* Neither a read nor a write, or one whose bytes are elsewhere */
#define NOT_PLAIN (0xfeU | UBLK_IO_F_SHMEM_ZC)

struct io_uring_sqe *ublk_request_sqe(struct ublk_worker *w, u32 nr)
{
	struct ring *r = &w->loop->ring;

	/* A loop of the usual size has room for all that can be under way. */
	if (ring_sq_space_left(r) < nr)
		(void)!ring_submit(r);
	return ring_get_sqe(r);
}

/* ring_get_sqe(), whose entries of a loop have 64 bytes */
static inline struct io_uring_sqe *next_sqe(struct ublk_worker *w, struct ring *r)
{
	u32 tail = r->sq.sqe_tail;

	if (unlikely(tail == r->sq.sqe_end))
		return ublk_request_sqe(w, 1);
	r->sq.sqe_tail = tail + 1;
	return &r->sq.sqes[tail & r->sq_mask];
}

static void prep(struct ublk_worker *w, struct ublk_tag *t, struct io_uring_sqe *sqe, u32 cmd_op,
		 u64 addr)
{
	struct ublksrv_io_cmd *cmd;

	ring_prep_uring_cmd(sqe, cmd_op, w->char_file);
	ring_sqe_set_flags(sqe, w->file_flags);
	cmd = ring_sqe_cmd(sqe);
	*cmd = (struct ublksrv_io_cmd){
		.q_id = t->q_id,
		.tag = t->tag,
		.addr = addr,
	};
}

void ublk_request_cmd(struct ublk_worker *w, struct ublk_tag *t, struct io_uring_sqe *sqe,
		      u32 cmd_op, u64 addr, u32 step)
{
	prep(w, t, sqe, cmd_op, addr);
	ublk_request_own(sqe, t, step);
}

static inline struct ublksrv_io_cmd *put_commit(struct ublk_tag *t, struct io_uring_sqe *sqe,
						s32 result)
{
	struct ublksrv_io_cmd *cmd = ring_sqe_cmd(sqe);

	*sqe = t->commit;
	cmd->result = result;
	return cmd;
}

/* What requests of a plain tag have in common is there before they come. */
static inline void arm_plain(struct ublk_tag *t)
{
	tgt_set_mem(&t->op, t->buf);
}

COLD void ublk_tag_fetch(struct ublk_worker *w, struct ublk_tag *t)
{
	u32 step = w->is_plain ? UBLK_STEP_PLAIN : UBLK_STEP_TAG;
	struct io_uring_sqe *sqe = ublk_request_sqe(w, 1);

	prep(w, t, &t->commit, UBLK_U_IO_COMMIT_AND_FETCH_REQ, t->addr);
	t->commit.addr = t->buf_reg;
	ring_sqe_set_data64(&t->commit, (u64)(uintptr_t)t | step << 1 | TGT_USER_DATA_FRONT);
	if (w->is_plain)
		arm_plain(t);
	(void)put_commit(t, sqe, -1);
	sqe->cmd_op = UBLK_U_IO_FETCH_REQ;
}

/*
 * What the kernel is told. It takes any count that is not negative for the
 * whole of a write, so a short one is an error; range operations commit 0,
 * because a byte count of 2 GiB would be negative.
 */
static s32 result_of(const struct tgt_op *op)
{
	/* No room, by whatever limit: the block layer has one name for it, and calls
	 * what it has no name for EIO. */
	if (op->result < 0)
		return op->result == -EDQUOT || op->result == -EFBIG ? -ENOSPC : (s32)op->result;
	if (op->kind <= TGT_WRITE)
		return op->result == (s64)op->len_bytes ? (s32)op->len_bytes : -EIO;
	if (op->kind == TGT_ZONE_APPEND || op->kind == TGT_REPORT_ZONES)
		return (s32)op->len_bytes;
	return 0;
}

static __attribute__((noinline)) s32 ended_otherwise(struct ublk_worker *w, struct ublk_tag *t,
						     u64 ticks)
{
	const struct ublk_observer *o = w->observer;
	const struct tgt_op *op = &t->op;
	s32 result = result_of(op);

	ublk_stats_count_rest(t->stats, op->kind, op->len_bytes, ticks, result < 0);
	if (o)
		o->done(o->ctx, op->kind, op->len_bytes, ticks, result < 0 ? result : 0);
	return result;
}

/* Neither a read nor a write; bytes are those of the disk that it was about */
static __attribute__((noinline)) s32 ended_rest(struct ublk_worker *w, struct ublk_tag *t,
						u64 ticks)
{
	const struct tgt_op *op = &t->op;

	if (op->kind >= UBLK_STATS_NR_KINDS || op->result < 0)
		return ended_otherwise(w, t, ticks);
	ublk_stats_count_kind(t->stats, op->kind, op->len_bytes, ticks);
	return op->kind == TGT_ZONE_APPEND || op->kind == TGT_REPORT_ZONES ? (s32)op->len_bytes : 0;
}

/* A request is counted and its result found: in a few instructions when it is a read or
 * write that was done. */
static s32 ended(struct ublk_worker *w, struct ublk_tag *t)
{
	const struct tgt_op *op = &t->op;
	u64 now = sys_ticks();
	u64 ticks = now - t->begin_ticks;

	w->loop->now_ticks = now;
	t->begin_ticks = 0;
	if (w->observer)
		return ended_otherwise(w, t, ticks);
	if (op->kind > TGT_WRITE)
		return ended_rest(w, t, ticks);
	if (op->result != (s64)op->len_bytes)
		return ended_otherwise(w, t, ticks);
	ublk_stats_count(t->counts[op->kind], op->len_bytes, ticks);
	return (s32)op->len_bytes;
}

static inline void answer(struct ublk_worker *w, struct ublk_tag *t, s32 result)
{
	const struct tgt_op *op = &t->op;
	u64 addr = op->kind == TGT_ZONE_APPEND ? (u64)op->result : t->addr;

	if (t->batch)
		ublk_batch_add(t, addr, result);
	else
		put_commit(t, next_sqe(w, &w->loop->ring), result)->addr = addr;
	w->nr_spare++;
}

void ublk_request_commit(struct ublk_worker *w, struct ublk_tag *t)
{
	answer(w, t, ended(w, t));
	if (w->is_plain)
		arm_plain(t);
}

static bool moves_bytes(const struct tgt_op *op)
{
	return op->kind <= TGT_WRITE || op->kind == TGT_ZONE_APPEND ||
	       op->kind == TGT_REPORT_ZONES;
}

static void answered(struct ublk_worker *w, struct ublk_tag *t)
{
	struct tgt_op *op = &t->op;

	if (op->flags & UBLK_IO_F_SHMEM_ZC) {
		if (ublk_shmem_is_lost(w->setup->shmem))
			op->result = -EIO;
	} else if (w->path->end && moves_bytes(op)) {
		w->path->end(w, t);
		return;
	}
	ublk_request_commit(w, t);
}

void ublk_tag_done(struct tgt_queue *tq, struct tgt_op *op)
{
	answered(ublk_worker_of(tq), CONTAINER_OF(op, struct ublk_tag, op));
}

void ublk_request_submit(struct ublk_worker *w, struct ublk_tag *t)
{
	if (tgt_submit(w->tgt, &w->tq, &t->op) == TGT_DONE)
		answered(w, t);
}

/* Its metadata is behind the char device, for itself. */
static void set_meta(struct ublk_worker *w, struct ublk_tag *t)
{
	const struct tgt_meta_format *f = &w->tgt->limits.meta;

	t->meta = (struct tgt_piece){
		.at = t->file_at | UBLKSRV_IO_INTEGRITY_FLAG,
		.len_bytes = (t->op.len_bytes >> f->interval_shift) * f->bytes,
	};
	t->op.meta = (struct tgt_data){
		.kind = TGT_DATA_FILE,
		.nr_pieces = t->op.flags & UBLK_IO_F_INTEGRITY ? 1 : 0,
		.fd = w->setup->char_fd,
		.pieces = &t->meta,
	};
}

/* Its bytes lie in memory that we have mapped, too, and its owner may change them
 * while we look at them. */
static void start_shared(struct ublk_worker *w, struct ublk_tag *t)
{
	struct tgt_op *op = &t->op;
	void *mem = ublk_shmem_at(w->setup->shmem, t->desc->addr, op->len_bytes);

	if (mem && w->tgt->needs_snapshot && ublk_request_is_in(t))
		mem = memcpy(t->buf, mem, op->len_bytes);
	if (mem) {
		tgt_set_mem(op, mem);
		ublk_request_submit(w, t);
	} else {
		op->result = -EIO;
		ublk_request_commit(w, t);
	}
}

/* More than ever */
static __attribute__((noinline)) void own_more(struct ublk_worker *w)
{
	w->nr_spare++;
	w->max_owned++;
	w->tags->stats->max_depth = (u64)w->max_owned;
}

void ublk_request_start(struct ublk_worker *w, struct ublk_tag *t)
{
	const struct ublksrv_io_desc *d = t->desc;
	struct tgt_op *op = &t->op;

	if (--w->nr_spare < 0)
		own_more(w);
	/* Who looks at what is under way sees the fields of no other request than
	 * begin_ticks is of: 0, then they, then when it began. */
	ublk_stats_order();
	t->slab.nr_ops = 0;
	t->slab.nr_pieces = 0;
	op->kind = d->op_flags & 0xff;
	op->flags = d->op_flags & ~0xffU;
	op->offset_bytes = d->start_sector << 9;
	op->len_bytes = (u64)d->nr_sectors << 9;
	op->data.nr_pieces = 0;
	op->data.kind = TGT_DATA_NONE;
	ublk_stats_order();
	t->begin_ticks = w->loop->now_ticks;
	if (w->tgt->limits.meta.bytes)
		set_meta(w, t);
	if (op->kind == TGT_REPORT_ZONES) {
		op->len_bytes = d->nr_zones * (u64)TGT_ZONE_BYTES;
		op->report_zones = d->nr_zones;
		op->report = t->buf;
		memset(t->buf, 0, op->len_bytes); /* a zero ends it early */
	}
	if (op->flags & UBLK_IO_F_SHMEM_ZC)
		start_shared(w, t);
	else if (moves_bytes(op))
		w->path->begin(w, t);
	else
		ublk_request_submit(w, t);
}

/*
 * A request of a tag with UBLK_STEP_PLAIN, if it is a read or write: what
 * ublk_request_start() and ublk_request_commit() do for it, and nothing that they do
 * for others.
 */
static inline void start_plain(struct ublk_loop *loop, struct ublk_tag *t)
{
	struct ublk_worker *w = ublk_worker_of(t->slab.queue);
	const struct ublksrv_io_desc *d = t->desc;
	u32 op_flags = d->op_flags;
	struct tgt_op *op = &t->op;
	u64 len_bytes;
	u64 now;

	if (unlikely(op_flags & NOT_PLAIN)) {
		ublk_request_start(w, t);
		return;
	}
	if (unlikely(!w->nr_spare))
		own_more(w);
	ublk_stats_order();
	t->slab.nr_ops = 0;
	t->slab.nr_pieces = 0;
	op->kind = (u8)op_flags;
	op->flags = op_flags & ~0xffU;
	op->offset_bytes = d->start_sector << 9;
	op->len_bytes = (u64)d->nr_sectors << 9;
	op->piece.len_bytes = op->len_bytes;
	ublk_stats_order();
	t->begin_ticks = loop->now_ticks;
	if (tgt_submit(w->tgt, &w->tq, op) != TGT_DONE) {
		w->nr_spare--;
		return;
	}
	len_bytes = op->len_bytes;
	if (unlikely(op->result != (s64)len_bytes)) {
		w->nr_spare--;
		ublk_request_commit(w, t);
		return;
	}
	now = sys_ticks();
	ublk_stats_count(t->counts[op->kind], len_bytes, now - t->begin_ticks);
	t->begin_ticks = 0;
	loop->now_ticks = now;
	(void)put_commit(t, next_sqe(w, &loop->ring), (s32)len_bytes);
}

static void begin_ending(struct ublk_worker *w)
{
	w->loop->nr_ending += !w->is_ending;
	w->is_ending = true;
}

void ublk_worker_taken_back(struct ublk_worker *w, u32 nr)
{
	w->nr_live -= nr;
	if (!w->cancel_deadline)
		w->cancel_deadline = deadline_in_ms(UBLK_CANCEL_MS);
	begin_ending(w);
}

void ublk_request_aborted(struct ublk_worker *w, struct ublk_tag *t)
{
	t->begin_ticks = 0;
	w->nr_spare++;
	ublk_worker_taken_back(w, 1);
}

COLD void ublk_worker_fail(struct ublk_worker *w, s32 err)
{
	w->err = w->err ? w->err : err;
	w->leaving = true;
	begin_ending(w);
	if (w->setup->left)
		w->setup->failed(w);
}

void ublk_request_uncommitted(struct ublk_worker *w, struct ublk_tag *t)
{
	w->nr_spare--;
	t->op.result = -EIO;
	ublk_stats_count_failure(t->stats, t->op.kind);
	answer(w, t, -EIO);
}

/* A tag that fails any other way than by the kernel taking it back is one that
 * the driver will not serve again: the worker goes, and says why. */
static void handle_tag(struct ublk_worker *w, struct ublk_tag *t, s32 res)
{
	if (res == UBLK_IO_RES_OK || res == UBLK_IO_RES_NEED_GET_DATA) {
		ublk_request_start(w, t);
		return;
	}
	if (res == UBLK_IO_RES_ABORT) {
		ublk_worker_taken_back(w, 1);
		return;
	}
	w->nr_live--;
	ublk_worker_fail(w, res);
}

static void bell_rang(struct ublk_worker *w)
{
	u32 leave = __atomic_load_n(w->setup->leave, __ATOMIC_ACQUIRE);

	/* Whoever cannot has nothing to lose but time: requests never cease. */
	if (!leave || (leave == UBLK_LEAVE_UNANSWERED && ublk_batch_drop(w)))
		return;
	w->leaving = true;
	begin_ending(w);
}

static __attribute__((noinline)) void handle_cqe(const struct io_uring_cqe *cqe)
{
	u64 user_data = cqe->user_data;
	u32 flags = cqe->flags;
	s32 res = cqe->res;
	void *owner = (void *)(uintptr_t)(user_data & ~63ULL);
	u32 step = (u32)(user_data >> 1) & TGT_MAX_STEP;
	struct ublk_tag *t = owner;

	if (!(user_data & TGT_USER_DATA_FRONT)) {
		tgt_handle_cqe(user_data, res);
	} else if (step <= UBLK_STEP_PLAIN) {
		handle_tag(ublk_worker_of(t->slab.queue), t, res);
	} else if (step >= UBLK_STEP_PATH) {
		struct ublk_worker *w = ublk_worker_of(t->slab.queue);

		w->path->cqe(w, t, step - UBLK_STEP_PATH, res);
	} else if (step == UBLK_STEP_FETCH) {
		ublk_batch_fetched(owner, res, flags);
	} else if (step == UBLK_STEP_COMMIT) {
		ublk_batch_committed(owner, res);
	} else if (step == UBLK_STEP_BELL) {
		bell_rang(owner);
	} else if (step == UBLK_STEP_CALL) {
		((struct ublk_loop *)owner)->has_calls = true;
	}
}

static __attribute__((noinline)) void reap(struct ublk_loop *loop, const struct io_uring_cqe *cqe,
					   const struct io_uring_cqe *end)
{
	for (; cqe != end; cqe++) {
		u64 plain = cqe->user_data - PLAIN_BITS;

		if (likely(!(((u32)plain & 63) | (u32)cqe->res)))
			start_plain(loop, (struct ublk_tag *)(uintptr_t)plain);
		else
			handle_cqe(cqe);
	}
}

static COLD void reap_without_answers(const struct io_uring_cqe *cqe,
				      const struct io_uring_cqe *end)
{
	for (; cqe != end; cqe++)
		handle_cqe(cqe);
}

static inline void reap_some(struct ublk_loop *loop, u32 at, u32 nr)
{
	const struct io_uring_cqe *cqe = &loop->ring.cq.cqes[at]; /* they have 16 bytes */

	if (unlikely(loop->drops))
		reap_without_answers(cqe, cqe + nr);
	else
		reap(loop, cqe, cqe + nr);
}

static inline void reap_all(struct ublk_loop *loop)
{
	u32 head = *loop->ring.cq.khead;
	u32 nr = ring_cq_ready(&loop->ring);
	u32 at = head & loop->ring.cq_mask;
	u32 nr_first = loop->ring.cq_mask + 1 - at;

	loop->now_ticks = sys_ticks();
	if (likely(nr <= nr_first)) {
		reap_some(loop, at, nr);
	} else {
		reap_some(loop, at, nr_first);
		reap_some(loop, 0, nr - nr_first);
	}
	ring_cq_advance_to(&loop->ring, head + nr);
	if (loop->run.first)
		tgt_run_done(&loop->run);
	if (loop->dirty)
		ublk_batch_flush(loop);
}

void ublk_loop_reap(struct ublk_loop *loop)
{
	reap_all(loop);
}

static inline int turn(struct ublk_loop *loop, u64 timeout_ns)
{
	int ret = ring_submit_and_wait_timeout(&loop->ring, 1, timeout_ns);

	if (ret < 0 && ret != -EINTR && ret != -ETIME)
		return ret;
	reap_all(loop);
	return 0;
}

int ublk_loop_turn(struct ublk_loop *loop, u64 timeout_ns)
{
	return turn(loop, timeout_ns);
}

int ublk_loop_step(struct ublk_loop *loop, u64 timeout_ns)
{
	int ret;

	if (loop->has_calls) {
		ret = ublk_loop_take_calls(loop);
		if (ret <= 0)
			return ret;
	}
	if (loop->nr_ending) {
		ret = ublk_loop_end_some(loop, &timeout_ns);
		if (ret <= 0)
			return ret;
	}
	ret = turn(loop, timeout_ns);
	return ret ? ret : 1;
}

int ublk_loop_run(struct ublk_loop *loop)
{
	int ret;

	do {
		ret = ublk_loop_step(loop, RING_NO_TIMEOUT);
	} while (ret > 0);
	return ret;
}
