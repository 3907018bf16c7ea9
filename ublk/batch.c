/* SPDX-License-Identifier: MIT */
/* Requests and results by the dozen: BATCH_IO. */
#include "ublk/batch.h"

#include <asm/errno.h>

#include "ring/buf_ring.h"
#include "ring/register.h"
#include "uapi/rt/pages.h"
#include "ublk/deadline.h"
#include "ublk/worker.h"

/* The kernel fills one buffer of tags while the other is being read. */
#define NR_BUFS 2
#define BUF_TAGS 1024

/* How long the kernel may take for what it does at once */
#define PREP_MS 5000

/* One result as the kernel wants it; shorter without the last ones, see elem_bytes */
struct elem {
	struct ublk_elem_header head;
	u64 more[2];
};

/**
 * struct ublk_batch - a queue, as one worker serves it
 * @nr_read:  tags of each buffer that were taken out
 * @cmd:      the flags and sizes of every command
 * @pending:  results not sent yet; nr_pending of them
 * @sent:     results under way; sent_bytes of them from sent_at on
 * @is_retried:   this result has failed before
 * @is_preparing: what is under way are not results, but tags to be prepared
 */
struct ublk_batch {
	struct ublk_worker *w;
	struct ublk_tag *tags;
	struct io_uring_buf_ring *br;
	u16 *bufs;
	struct ublk_batch_io cmd;
	u32 nr_read[NR_BUFS];
	u32 nr_pending;
	u32 sent_at;
	u32 sent_bytes;
	u16 group;
	bool is_dirty;
	bool is_retried;
	bool is_preparing;
	char *pending;
	char *sent;
	struct ublk_batch *next_dirty;
} __attribute__((aligned(64)));

static u64 elems_bytes(const struct ublk_worker_setup *s)
{
	return pages_round_up(s->depth * sizeof(struct elem));
}

/* Of one queue: the ring of buffers, the buffers, two arrays of results */
static u64 queue_bytes(const struct ublk_worker_setup *s)
{
	return pages_size() + pages_round_up(NR_BUFS * BUF_TAGS * sizeof(u16)) + 2 * elems_bytes(s);
}

static u64 heads_bytes(u32 nr_queues)
{
	return pages_round_up(nr_queues * sizeof(struct ublk_batch));
}

COLD u64 ublk_batch_bytes(const struct ublk_worker_setup *s, u32 nr_queues)
{
	return heads_bytes(nr_queues) + nr_queues * queue_bytes(s);
}

static void own(struct io_uring_sqe *sqe, struct ublk_batch *b, u32 step)
{
	ring_sqe_set_data64(sqe, (u64)(uintptr_t)b | step << 1 | TGT_USER_DATA_FRONT);
}

/* --- commits --------------------------------------------------------------------- */

static void mark_dirty(struct ublk_batch *b)
{
	struct ublk_loop *loop = b->w->loop;

	if (b->is_dirty)
		return;
	b->is_dirty = true;
	b->next_dirty = loop->dirty;
	loop->dirty = b;
}

static void put_elem(const struct ublk_batch *b, char *at, const struct ublk_tag *t, u64 addr,
		     s32 result)
{
	struct elem *e = (struct elem *)(void *)at;

	e->head = (struct ublk_elem_header){
		.tag = t->tag,
		.buf_index = t->buf_index,
		.result = result,
	};
	/* one address at most: of the buffer, or where an append went */
	if (b->cmd.elem_bytes > sizeof(e->head))
		e->more[0] = addr;
}

void ublk_batch_add(struct ublk_tag *t, u64 addr, s32 result)
{
	struct ublk_batch *b = t->batch;

	put_elem(b, b->pending + b->nr_pending++ * b->cmd.elem_bytes, t, addr, result);
	mark_dirty(b);
}

/* Each result is written over the one before, and none is ever sent. */
COLD int ublk_batch_drop(struct ublk_worker *w)
{
	int err = pages_map(&w->sink_mem, sizeof(struct ublk_batch) + sizeof(struct elem));
	struct ublk_batch *b = w->sink_mem.addr;

	if (err)
		return err;
	*b = (struct ublk_batch){
		.w = w,
		.is_dirty = true,
		.pending = (char *)(b + 1),
	};
	for (u32 i = 0; i < w->nr_tags; i++)
		w->tags[i].batch = b;
	w->loop->drops = true;
	return 0;
}

static void send(struct ublk_batch *b, u32 cmd_op)
{
	struct io_uring_sqe *sqe = ublk_request_sqe(b->w, 1);
	struct ublk_batch_io *cmd;

	ring_prep_uring_cmd(sqe, cmd_op, b->w->char_file);
	ring_sqe_set_flags(sqe, b->w->file_flags);
	sqe->addr = (u64)(uintptr_t)(b->sent + b->sent_at);
	cmd = ring_sqe_cmd(sqe);
	*cmd = b->cmd;
	cmd->nr_elem = (u16)(b->sent_bytes / b->cmd.elem_bytes);
	own(sqe, b, UBLK_STEP_COMMIT);
}

void ublk_batch_flush(struct ublk_loop *loop)
{
	struct ublk_batch **link = &loop->dirty;

	while (*link) {
		struct ublk_batch *b = *link;
		char *sent = b->sent;

		if (b->sent_bytes) { /* until that is answered */
			link = &b->next_dirty;
			continue;
		}
		*link = b->next_dirty;
		b->is_dirty = false;
		b->sent = b->pending;
		b->pending = sent;
		b->sent_at = 0;
		b->sent_bytes = b->nr_pending * b->cmd.elem_bytes;
		b->nr_pending = 0;
		send(b, UBLK_U_IO_COMMIT_IO_CMDS);
	}
}

/*
 * The answer is how many bytes of results were taken; the next one was refused.
 * That is tried once more, with those after it. Refused again, it will never be
 * taken: the worker goes, and the kernel fails the request.
 */
void ublk_batch_committed(struct ublk_batch *b, s32 res)
{
	if (b->is_preparing) {
		b->is_preparing = false;
		b->sent_bytes = 0;
		b->w->nr_live--;
		if (res < 0)
			ublk_worker_fail(b->w, res);
	} else if (res > 0) {
		b->is_retried = (u32)res < b->sent_bytes;
		b->sent_at += (u32)res;
		b->sent_bytes -= (u32)res;
	} else if (b->is_retried) {
		ublk_worker_fail(b->w, res ? res : -EIO);
		b->sent_bytes = 0;
	} else {
		b->is_retried = true;
	}
	if (b->sent_bytes)
		send(b, UBLK_U_IO_COMMIT_IO_CMDS);
}

/* --- requests ---------------------------------------------------------------------- */

static void fetch(struct ublk_batch *b)
{
	struct io_uring_sqe *sqe = ublk_request_sqe(b->w, 1);
	struct ublk_batch_io *cmd;

	ring_prep_uring_cmd_multishot(sqe, UBLK_U_IO_FETCH_IO_CMDS, b->w->char_file, b->group);
	ring_sqe_set_flags(sqe, b->w->file_flags | IOSQE_BUFFER_SELECT);
	cmd = ring_sqe_cmd(sqe);
	*cmd = (struct ublk_batch_io){ .q_id = b->cmd.q_id, .elem_bytes = sizeof(u16) };
	own(sqe, b, UBLK_STEP_FETCH);
}

static u16 *buf_of(const struct ublk_batch *b, u32 bid)
{
	return b->bufs + bid * BUF_TAGS;
}

static void give_buf(struct ublk_batch *b, u16 bid)
{
	b->nr_read[bid] = 0;
	ring_buf_ring_add(b->br, buf_of(b, bid), BUF_TAGS * sizeof(u16), bid,
			  ring_buf_ring_mask(NR_BUFS), 0);
	ring_buf_ring_advance(b->br, 1);
}

static void take_tags(struct ublk_batch *b, u16 bid, u32 nr, bool is_used_up)
{
	const u16 *tags = buf_of(b, bid) + b->nr_read[bid];

	b->nr_read[bid] += nr;
	for (u32 i = 0; i < nr; i++)
		ublk_request_start(b->w, &b->tags[tags[i]]);
	if (is_used_up)
		give_buf(b, bid);
}

static void fetch_failed(struct ublk_batch *b, s32 err)
{
	b->w->nr_live -= b->w->setup->depth;
	ublk_worker_fail(b->w, err);
}

void ublk_batch_fetched(struct ublk_batch *b, s32 res, u32 flags)
{
	if (flags & IORING_CQE_F_BUFFER)
		take_tags(b, (u16)(flags >> IORING_CQE_BUFFER_SHIFT),
			  res > 0 ? (u32)res / sizeof(u16) : 0, !(flags & IORING_CQE_F_BUF_MORE));
	if (flags & IORING_CQE_F_MORE)
		return;
	if (res >= 0 || res == -ENOBUFS)
		fetch(b);
	else if (res == UBLK_IO_RES_ABORT)
		ublk_worker_taken_back(b->w, b->w->setup->depth);
	else
		fetch_failed(b, res);
}

/* --- the beginning ------------------------------------------------------------------- */

static void set_cmd(struct ublk_batch *b, u16 queue)
{
	const struct ublk_path *path = b->w->path;

	b->cmd = (struct ublk_batch_io){
		.q_id = queue,
		.elem_bytes = sizeof(struct ublk_elem_header),
	};
	if (!(path->flags & (UBLK_F_USER_COPY | UBLK_F_SUPPORT_ZERO_COPY)))
		b->cmd.flags = UBLK_BATCH_F_HAS_BUF_ADDR;
	else if (b->w->tgt->limits.zones.zone_bytes)
		b->cmd.flags = UBLK_BATCH_F_HAS_ZONE_LBA;
	if (b->cmd.flags)
		b->cmd.elem_bytes += sizeof(u64);
	if (path->flags & UBLK_F_AUTO_BUF_REG)
		b->cmd.flags |= UBLK_BATCH_F_AUTO_BUF_REG_FALLBACK;
}

static int make_buf_ring(struct ublk_batch *b, void *mem)
{
	struct io_uring_buf_reg reg = {
		.ring_addr = (u64)(uintptr_t)mem,
		.ring_entries = NR_BUFS,
		.bgid = b->group,
	};
	int err;

	b->br = mem;
	ring_buf_ring_init(b->br);
	err = ring_register_buf_ring(&b->w->loop->ring, &reg, IOU_PBUF_RING_INC);
	for (u16 bid = 0; !err && bid < NR_BUFS; bid++)
		give_buf(b, bid);
	return err;
}

/* Fetches are refused until every tag of the queue is prepared. */
static int prepare(struct ublk_batch *b)
{
	u64 deadline = deadline_in_ms(PREP_MS);
	u32 depth = b->w->setup->depth;
	int err = 0;

	for (u32 tag = 0; tag < depth; tag++)
		put_elem(b, b->sent + tag * b->cmd.elem_bytes, &b->tags[tag], b->tags[tag].addr, 0);
	b->sent_bytes = depth * b->cmd.elem_bytes;
	b->is_preparing = true;
	b->w->nr_live++; /* on a shared loop: it stays until that is answered */
	send(b, UBLK_U_IO_PREP_IO_CMDS);
	while (!err && b->is_preparing) {
		u64 left_ns = deadline_left_ns(deadline);

		err = left_ns ? ublk_loop_turn(b->w->loop, left_ns) : -ETIMEDOUT;
	}
	return err ? err : b->w->err;
}

static int begin_queue(struct ublk_batch *b, char *mem)
{
	const struct ublk_worker_setup *s = b->w->setup;
	int err = make_buf_ring(b, mem + 2 * elems_bytes(s));

	b->pending = mem;
	b->sent = mem + elems_bytes(s);
	/* Of several workers of a queue, the first prepares it before the others begin. */
	if (!err && b->w->idx < s->nr_queues)
		err = prepare(b);
	if (err)
		return err;
	fetch(b);
	b->w->nr_live += s->depth;
	return 0;
}

COLD void ublk_batch_end(struct ublk_worker *w)
{
	const struct ublk_batch *batches = w->batch_mem.addr;
	u32 nr_queues = batches ? w->nr_tags / w->setup->depth : 0;

	for (u32 i = 0; i < nr_queues; i++)
		if (batches[i].br)
			(void)!ring_unregister_buf_ring(&w->loop->ring, batches[i].group);
}

COLD int ublk_batch_begin(struct ublk_worker *w, void *mem, u32 nr_queues)
{
	const struct ublk_worker_setup *s = w->setup;
	struct ublk_batch *batches = mem;
	char *rest = (char *)mem + heads_bytes(nr_queues);
	int err = 0;

	for (u32 i = 0; !err && i < nr_queues; i++, rest += queue_bytes(s)) {
		struct ublk_batch *b = &batches[i];

		b->w = w;
		b->tags = w->tags + i * s->depth;
		b->group = (u16)(w->slot + i);
		b->bufs = (u16 *)(void *)(rest + 2 * elems_bytes(s) + pages_size());
		set_cmd(b, b->tags->q_id);
		for (u32 tag = 0; tag < s->depth; tag++)
			b->tags[tag].batch = b;
		err = begin_queue(b, rest);
	}
	return err;
}
