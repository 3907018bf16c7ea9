/* SPDX-License-Identifier: MIT */
/*
 * A request of a disk's queue is cut into operations that the targets can take, each
 * with one stretch of memory: the caller's where it is whole sectors and aligned, the
 * slot's buffer where it is not, or where the target looks at it twice. Requests
 * begin in the order in which they came; an operation begins when a slot is free.
 */
#include "ublk/disk_op.h"

#include <asm/errno.h>

#include "uapi/rt/mem.h"

void disk_op_wait_in_line(struct tgt_disk_queue *q, struct tgt_disk_io *io)
{
	io->next = NULL;
	io->is_waiting = true;
	*q->last = io;
	q->last = &io->next;
}

/* All of its operations have ended. */
static void io_ended(struct tgt_disk_queue *q, struct tgt_disk_io *io)
{
	if (!io->result && io->flush_after) {
		io->flush_after = false;
		io->op_kind = TGT_FLUSH;
		io->op_flags = 0;
		io->todo = io->at + 1;
		disk_op_wait_in_line(q, io);
		return;
	}
	io->next = NULL;
	*q->ended_last = io;
	q->ended_last = &io->next;
}

/* Between memory and the list from (idx, at) on */
static void copy_list(const struct tgt_disk_buf *bufs, u32 idx, u64 at, char *mem, u64 len_bytes,
		      bool out)
{
	for (; len_bytes; idx++) {
		u64 left = bufs[idx].len_bytes - at;
		u64 len = left < len_bytes ? left : len_bytes;
		char *buf = (char *)bufs[idx].mem + at;

		if (out)
			memcpy(buf, mem, len);
		else
			memcpy(mem, buf, len);
		mem += len;
		len_bytes -= len;
		at = 0;
	}
}

static void slot_ended(struct tgt_disk_queue *q, struct tgt_disk_slot *slot)
{
	struct tgt_disk_io *io = slot->io;
	s64 result = slot->op.result;

	if (result >= 0 && (slot->op.kind == TGT_READ || slot->op.kind == TGT_WRITE) &&
	    result != (s64)slot->op.len_bytes)
		result = -EIO;
	if (result < 0 && !io->result)
		io->result = (s32)result;
	if (result >= 0 && slot->copies_out)
		copy_list(io->bufs, slot->buf_idx, slot->buf_at, slot->bounce, slot->op.len_bytes,
			  true);
	slot->next = q->idle;
	q->idle = slot;
	if (--io->nr_out == 0 && !io->is_waiting)
		io_ended(q, io);
}

static struct tgt_disk_queue *queue_of(struct tgt_queue *tq)
{
	return CONTAINER_OF(tq, struct tgt_disk_queue, tq);
}

static void op_done(struct tgt_queue *tq, struct tgt_op *op)
{
	slot_ended(queue_of(tq), CONTAINER_OF(op, struct tgt_disk_slot, op));
}

static u64 smaller(u64 a, u64 b)
{
	return a < b ? a : b;
}

static u64 to_border(u64 offset, u64 step, u64 len)
{
	return step ? smaller(len, step - offset % step) : len;
}

/* How much of what is left the target can take at a time */
static u64 cut(const struct tgt_limits *l, const struct tgt_disk_io *io)
{
	u64 offset = io->offset_bytes + io->at;
	u64 left = io->todo - io->at;
	u64 max = io->op_kind == TGT_DISCARD ? l->max_discard_bytes : l->max_write_zeroes_bytes;
	u64 grain = l->discard_granularity_bytes;

	if (io->op_kind == TGT_READ || io->op_kind == TGT_WRITE) {
		left = smaller(left, TGT_DISK_OP_BYTES);
		if (l->max_io_bytes)
			left = smaller(left, l->max_io_bytes & (~0ULL << l->logical_shift));
		left = to_border(offset, l->chunk_bytes, left);
		return to_border(offset, l->zones.zone_bytes, left);
	}
	max &= ~0ULL << l->logical_shift;
	if (io->op_kind == TGT_FLUSH || left <= max)
		return left;
	/* the next one begins on a border, where there is one */
	if (grain && (offset + max) % grain < max)
		max -= (offset + max) % grain;
	return max;
}

/* Memory that is in the list in one stretch from where it is */
static u64 stretch(const struct tgt_disk_io *io, u64 want)
{
	const struct tgt_disk_buf *b = &io->bufs[io->buf_idx];
	const struct tgt_disk_buf *end = io->bufs + io->nr_bufs;
	u64 len = b->len_bytes - io->buf_at;

	for (; len < want && b + 1 < end && (char *)b->mem + b->len_bytes == b[1].mem; b++)
		len += b[1].len_bytes;
	return smaller(len, want);
}

static void advance(struct tgt_disk_io *io, u64 len)
{
	while (len) {
		u64 left = io->bufs[io->buf_idx].len_bytes - io->buf_at;

		if (len < left) {
			io->buf_at += len;
			return;
		}
		len -= left;
		io->buf_at = 0;
		io->buf_idx++;
	}
}

/* Says where the bytes of the operation are; returns how many it has become */
static u64 place(const struct tgt *t, struct tgt_disk_slot *slot, struct tgt_disk_io *io, u64 len)
{
	u64 align = t->limits.dma_alignment_bytes;
	bool is_write = io->op_kind == TGT_WRITE;
	bool bounces = is_write && t->needs_snapshot;
	void *mem = slot->bounce;

	while (!io->fills_zeroes && !io->bufs[io->buf_idx].len_bytes)
		io->buf_idx++;
	if (io->fills_zeroes) {
		memset(slot->bounce, 0, len);
	} else {
		u64 straight = stretch(io, len) & (~0ULL << t->limits.logical_shift);
		char *here = (char *)io->bufs[io->buf_idx].mem + io->buf_at;

		if (!straight || (align && (u64)(uintptr_t)here % align))
			bounces = true;
		if (!bounces) {
			mem = here;
			len = straight;
		} else if (is_write) {
			copy_list(io->bufs, io->buf_idx, io->buf_at, slot->bounce, len, false);
		} else {
			slot->copies_out = true;
			slot->buf_idx = io->buf_idx;
			slot->buf_at = io->buf_at;
		}
		advance(io, len);
	}
	slot->op.len_bytes = len;
	tgt_set_mem(&slot->op, mem);
	return len;
}

static void start_op(struct tgt_disk_queue *q, struct tgt_disk_io *io)
{
	struct tgt *t = q->disk->tree->root;
	struct tgt_disk_slot *slot = q->idle;
	u64 len = cut(&t->limits, io);

	q->idle = slot->next;
	slot->io = io;
	slot->copies_out = false;
	slot->slab.nr_ops = 0;
	slot->slab.nr_pieces = 0;
	slot->op = (struct tgt_op){
		.kind = io->op_kind,
		.flags = io->op_flags,
		.offset_bytes = io->op_kind == TGT_FLUSH ? 0 : io->offset_bytes + io->at,
		.len_bytes = io->op_kind == TGT_FLUSH ? 0 : len,
		.data.fd = -1,
		.done = op_done,
		.slab = &slot->slab,
	};
	if (io->op_kind == TGT_READ || io->op_kind == TGT_WRITE)
		len = place(t, slot, io, len);
	io->at += len;
	io->nr_out++;
	if (tgt_submit(t, &q->tq, &slot->op) == TGT_DONE)
		slot_ended(q, slot);
}

/* Zones are written from front to back. */
static bool has_to_wait(const struct tgt_disk_queue *q, const struct tgt_disk_io *io)
{
	return !q->idle || (io->nr_out && q->disk->tree->root->limits.zones.zone_bytes);
}

void disk_op_start_some(struct tgt_disk_queue *q)
{
	struct tgt_disk_io *io;

	while ((io = q->first)) {
		if (disk_op_is_gone(q) && io->at < io->todo && !io->result)
			io->result = -ENOTCONN;
		if (io->at < io->todo && !io->result) {
			if (has_to_wait(q, io))
				return;
			start_op(q, io);
			continue;
		}
		q->first = io->next;
		if (!q->first)
			q->last = &q->first;
		io->is_waiting = false;
		if (!io->nr_out)
			io_ended(q, io);
	}
}
