/* SPDX-License-Identifier: MIT */
/* Queues of a disk in the process. */
#include <asm/errno.h>
#include <asm/poll.h>

#include "ring/prep_event.h"
#include "ublk/deadline.h"
#include "ublk/disk_op.h"

/* Everything that can go on without waiting */
static void go_on(struct tgt_disk_queue *q)
{
	do {
		tgt_run_done(&q->run);
		disk_op_start_some(q);
	} while (q->run.first);
}

/* Its work is to be noticed by whoever sleeps in the ring */
static void handle_cqe(struct tgt_disk_queue *q, u64 user_data, s32 res)
{
	if (user_data & TGT_USER_DATA_FRONT)
		q->has_bell = false;
	else
		tgt_handle_cqe(user_data, res);
}

/* Short of memory, the kernel wants us to reap and to try again. */
static bool passes(int err)
{
	return err == -EINTR || err == -ETIME || err == -EAGAIN || err == -EBADR;
}

/* Submit, wait for something to come, and go on with that */
static int turn(struct tgt_disk_queue *q, u64 timeout_ns)
{
	struct io_uring_cqe *cqe;
	int ret;

	if (!q->has_ring)
		return q->err = -EIO; /* a target that waits and has declared no entries */
	ret = ring_submit_and_wait_timeout(&q->ring, 1, timeout_ns);
	if (ret < 0 && !passes(ret))
		return q->err = ret;
	while ((cqe = ring_peek_cqe(&q->ring))) {
		u64 user_data = cqe->user_data;
		s32 res = cqe->res;

		ring_cqe_seen(&q->ring, cqe);
		handle_cqe(q, user_data, res);
	}
	go_on(q);
	return 0;
}

static int call_done(struct tgt_disk_queue *q)
{
	struct tgt_disk_io *io = q->ended;
	int nr = 0;

	/* What they begin ends in a later step. */
	q->ended = NULL;
	q->ended_last = &q->ended;
	q->is_calling = true;
	for (; io; nr++) {
		struct tgt_disk_io *next = io->next;

		q->nr_ios--;
		io->is_done = true;
		if (io->done)
			io->done(io);
		io = next;
	}
	q->is_calling = false;
	return nr;
}

static int step(struct tgt_disk_queue *q, u64 deadline)
{
	for (;;) {
		u64 left;
		int ret;

		go_on(q);
		if (q->ended) {
			/* What was begun goes on also when nobody waits for it. */
			if (q->has_ring && ring_sq_ready(&q->ring))
				(void)!ring_submit(&q->ring);
			return call_done(q);
		}
		if (!q->nr_ios && !q->tq.nr_busy)
			return 0;
		left = q->nr_ios ? deadline_left_ns(deadline) : 0;
		ret = turn(q, left);
		if (ret)
			return ret;
		if (!left && !q->ended)
			return 0;
	}
}

int tgt_disk_step(struct tgt_disk_queue *q, u32 timeout_ms)
{
	if (!q->disk)
		return -ENOTCONN;
	if (q->is_calling || q->err)
		return q->err ? q->err : -EDEADLK;
	return step(q, deadline_in_ms(timeout_ms));
}

/* Wakes the ring when somebody disconnects */
static void hang_bell(struct tgt_disk_queue *q)
{
	struct io_uring_sqe *sqe;

	if (q->has_bell || tgt_reserve_sqes(&q->tq, 1))
		return;
	sqe = tgt_get_sqe(&q->tq);
	ring_prep_poll_add(sqe, q->disk->bell_fd, POLLIN);
	ring_sqe_set_data64(sqe, TGT_USER_DATA_FRONT);
	q->has_bell = true;
}

int tgt_disk_run(struct tgt_disk_queue *q, u32 timeout_ms, bool until_idle)
{
	u64 deadline = deadline_in_ms(timeout_ms);

	if (q->is_calling || q->err)
		return q->err ? q->err : -EDEADLK;
	for (;;) {
		u64 left;
		int ret = 0;

		if (disk_op_is_gone(q))
			return -ENOTCONN;
		do {
			go_on(q);
		} while (call_done(q));
		if (until_idle && !q->nr_ios && !q->tq.nr_busy)
			return 0;
		left = deadline_left_ns(deadline);
		if (!left)
			return -ETIMEDOUT;
		if (q->has_ring) {
			hang_bell(q);
			ret = turn(q, left);
		} else if (deadline_wait_fd(q->disk->bell_fd, deadline) == -ETIMEDOUT) {
			return -ETIMEDOUT;
		}
		if (ret)
			return ret;
	}
}

static bool is_known(u8 kind)
{
	return kind == TGT_READ || kind == TGT_WRITE || kind == TGT_FLUSH ||
	       kind == TGT_DISCARD || kind == TGT_WRITE_ZEROES;
}

/* What its kind of request comes to with this disk */
static int translate(const struct tgt_disk *d, struct tgt_disk_io *io)
{
	const struct tgt_limits *l = &d->tree->root->limits;
	bool changes = io->kind != TGT_READ && io->kind != TGT_FLUSH;

	io->op_kind = io->kind;
	io->op_flags = io->flags & TGT_F_NOUNMAP;
	io->fills_zeroes = false;
	io->flush_after = false;
	if (!is_known(io->kind))
		return -EOPNOTSUPP;
	if (changes && (d->flags & TGT_DISK_READ_ONLY || l->attrs & UBLK_ATTR_READ_ONLY))
		return -EROFS;
	if (io->kind == TGT_DISCARD && !(l->max_discard_bytes >> l->logical_shift))
		return -EOPNOTSUPP;
	if (io->kind == TGT_WRITE_ZEROES && !(l->max_write_zeroes_bytes >> l->logical_shift)) {
		io->op_kind = TGT_WRITE;
		io->op_flags = 0;
		io->fills_zeroes = true;
	}
	if (changes && (io->flags & TGT_F_FUA || d->flags & TGT_DISK_DURABLE)) {
		if (io->op_kind == TGT_WRITE && l->attrs & UBLK_ATTR_FUA)
			io->op_flags |= TGT_F_FUA;
		else
			io->flush_after = l->attrs & UBLK_ATTR_VOLATILE_CACHE;
	}
	return 0;
}

static int check_range(const struct tgt_limits *l, struct tgt_disk_io *io)
{
	u64 size = __atomic_load_n(&l->size_bytes, __ATOMIC_RELAXED);
	u64 end;

	if (io->kind == TGT_READ || io->kind == TGT_WRITE) {
		io->len_bytes = 0;
		for (u32 i = 0; i < io->nr_bufs; i++)
			if (__builtin_add_overflow(io->len_bytes, io->bufs[i].len_bytes,
						   &io->len_bytes))
				return -EINVAL;
	}
	if ((io->offset_bytes | io->len_bytes) & ((1ULL << l->logical_shift) - 1))
		return -EINVAL;
	if (__builtin_add_overflow(io->offset_bytes, io->len_bytes, &end) || end > size)
		return -ERANGE;
	io->todo = io->len_bytes;
	return 0;
}

int tgt_disk_submit(struct tgt_disk_queue *q, struct tgt_disk_io *io)
{
	int err;

	if (disk_op_is_gone(q) || q->tq.is_stopping)
		return -ENOTCONN;
	if (q->err)
		return q->err;
	err = translate(q->disk, io);
	io->todo = 1; /* of a flush, which has no length: the one operation */
	if (!err && io->kind != TGT_FLUSH)
		err = check_range(&q->disk->tree->root->limits, io);
	if (err)
		return err;
	io->is_done = false;
	io->result = 0;
	io->at = 0;
	io->buf_idx = 0;
	io->buf_at = 0;
	io->nr_out = 0;
	q->nr_ios++;
	disk_op_wait_in_line(q, io);
	return 0;
}

static COLD int make_slots(struct tgt_disk_queue *q, const struct tgt *root, u32 depth)
{
	u64 ops = depth * (u64)root->nr_ops * sizeof(struct tgt_op);
	u64 pieces = depth * (u64)root->nr_pieces * sizeof(struct tgt_piece);
	u64 slots = (depth * sizeof(struct tgt_disk_slot) + 63) & ~63ULL;
	u64 bounces_at = pages_round_up(slots + ops + pieces);
	int err = pages_map(&q->mem, bounces_at + depth * (u64)TGT_DISK_OP_BYTES);
	char *mem = q->mem.addr;
	struct tgt_disk_slot *slot = q->mem.addr;

	if (err)
		return err;
	for (u32 i = 0; i < depth; i++, slot++) {
		slot->slab.queue = &q->tq;
		slot->slab.ops = (struct tgt_op *)(void *)(mem + slots) + i * (u64)root->nr_ops;
		slot->slab.pieces = (struct tgt_piece *)(void *)(mem + slots + ops) +
				    i * (u64)root->nr_pieces;
		slot->bounce = mem + bounces_at + i * (u64)TGT_DISK_OP_BYTES;
		slot->next = q->idle;
		q->idle = slot;
	}
	return 0;
}

/* Any thread may submit, so none of the flags that bind a ring to one */
static COLD int make_ring(struct tgt_disk_queue *q, const struct tgt *root, u32 depth)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_NO_SQARRAY | IORING_SETUP_CLAMP,
	};
	int err = ring_init(&q->ring, depth * root->nr_sqes + 2, &p);

	q->has_ring = !err;
	q->tq.ring = q->has_ring ? &q->ring : NULL;
	return err && !root->nr_sqes ? 0 : err;
}

COLD int tgt_disk_queue_open(struct tgt_disk_queue *q, struct tgt_disk *d, u32 idx, u32 depth,
			     struct diag *why)
{
	const struct tgt *root;
	int err;

	*q = (struct tgt_disk_queue){ .disk = NULL };
	if (!d->tree || __atomic_load_n(&d->is_gone, __ATOMIC_ACQUIRE))
		return diag_set(why, -ENOTCONN, "the disk is disconnected");
	depth = depth ? depth : TGT_DISK_DEPTH;
	if (depth > TGT_DISK_MAX_DEPTH)
		return diag_set(why, -EINVAL, "a depth of %u: up to %d is possible", depth,
				TGT_DISK_MAX_DEPTH);
	root = d->tree->root;
	q->last = &q->first;
	q->ended_last = &q->ended;
	tgt_run_init(&q->run);
	q->tq = (struct tgt_queue){ .run = &q->run, .idx = idx };
	err = make_slots(q, root, depth);
	if (err)
		return diag_set(why, err, "no memory for a queue");
	err = make_ring(q, root, depth);
	if (err)
		diag_set(why, err, "no ring for a queue");
	else {
		err = tgt_queue_open(d->tree, &q->tq);
		if (err)
			diag_set(why, err, "a target wants no queue %u", idx);
	}
	if (err) {
		ring_exit(&q->ring);
		pages_unmap(&q->mem);
		*q = (struct tgt_disk_queue){ .disk = NULL };
		return err;
	}
	q->disk = d;
	return 0;
}

/* Whoever still has an operation may write to its memory: all of it stays until then. */
static int wait_idle(struct tgt_disk_queue *q, u64 deadline)
{
	for (;;) {
		u64 left;
		int ret;

		do {
			go_on(q);
		} while (call_done(q));
		if (!q->nr_ios && !q->tq.nr_busy)
			return 0;
		left = deadline_left_ns(deadline);
		ret = q->err ? q->err : turn(q, left);
		if (ret)
			return ret;
		if (!left && !q->ended && (q->nr_ios || q->tq.nr_busy))
			return -ETIMEDOUT;
	}
}

COLD int tgt_disk_queue_close_in(struct tgt_disk_queue *q, u32 timeout_ms)
{
	int err;

	if (!q->disk)
		return 0;
	if (q->is_calling)
		return -EDEADLK;
	tgt_queue_stop(q->disk->tree, &q->tq);
	err = wait_idle(q, deadline_in_ms(timeout_ms));
	if (err)
		return err;
	tgt_queue_close(q->disk->tree, &q->tq);
	ring_exit(&q->ring);
	pages_unmap(&q->mem);
	*q = (struct tgt_disk_queue){ .disk = NULL };
	return 0;
}

void tgt_disk_queue_close(struct tgt_disk_queue *q)
{
	(void)!tgt_disk_queue_close_in(q, TGT_DISK_FOREVER);
}
