/* SPDX-License-Identifier: MIT */
/* What targets and front ends share: run list, sub-operations, moving bytes. */
#include "ublk/tgt.h"

#include <asm/errno.h>
#include <linux/uio.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

void tgt_run_done(struct tgt_run *run)
{
	/* done() may complete further operations: they go to the end of the list. */
	while (run->first) {
		struct tgt_op *op = run->first;

		run->first = op->next;
		if (!run->first)
			run->last = &run->first;
		op->done(op->slab->queue, op);
	}
}

struct tgt_op *tgt_sub(struct tgt_op *op, tgt_done_fn *done)
{
	struct tgt_op *sub = &op->slab->ops[op->slab->nr_ops++];

	*sub = (struct tgt_op){
		.kind = op->kind,
		.flags = op->flags,
		.done = done,
		.parent = op,
		.slab = op->slab,
	};
	return sub;
}

void tgt_slice(const struct tgt_op *op, u64 at, struct tgt_op *sub)
{
	const struct tgt_piece *from = op->data.pieces;
	struct tgt_slab *slab = op->slab;
	u64 left = sub->len_bytes;
	u32 nr = 0;

	sub->data = op->data;
	if (!op->data.nr_pieces)
		return; /* the bytes move without us */
	while (at && at >= from->len_bytes)
		at -= (from++)->len_bytes;
	sub->data.pieces = from->len_bytes - at < left ? slab->pieces + slab->nr_pieces :
							 &sub->piece;
	for (; left; from++, at = 0) {
		u64 len = from->len_bytes - at < left ? from->len_bytes - at : left;

		sub->data.pieces[nr++] = (struct tgt_piece){ from->at + at, len };
		left -= len;
	}
	sub->data.nr_pieces = nr;
	slab->nr_pieces += nr > 1 ? nr : 0;
}

/* How bytes move at one piece: exactly len, or -errno */
typedef int move_fn(const struct tgt_op *op, u64 at, void *mem, u64 len_bytes);

static int from_piece(const struct tgt_op *op, u64 at, void *mem, u64 len_bytes)
{
	if (op->data.kind == TGT_DATA_MEM) {
		memcpy(mem, (const void *)(uintptr_t)at, len_bytes);
		return 0;
	}
	return sys_pread64(op->data.fd, mem, len_bytes, at) == (long)len_bytes ? 0 : -EIO;
}

static int to_piece(const struct tgt_op *op, u64 at, void *mem, u64 len_bytes)
{
	if (op->data.kind == TGT_DATA_MEM) {
		memcpy((void *)(uintptr_t)at, mem, len_bytes);
		return 0;
	}
	return sys_pwrite64(op->data.fd, mem, len_bytes, at) == (long)len_bytes ? 0 : -EIO;
}

/* The same zeroes again and again: as many times as there are entries, by one call */
#define ZEROES_BYTES 4096U
#define NR_ZEROES 64U

static int zero_file(int fd, u64 at, u64 len_bytes)
{
	char zeroes[ZEROES_BYTES];
	struct iovec v[NR_ZEROES];

	memset(zeroes, 0, len_bytes < ZEROES_BYTES ? len_bytes : ZEROES_BYTES);
	while (len_bytes) {
		u64 len = 0;
		u32 nr = 0;
		long ret;

		for (; nr < NR_ZEROES && len < len_bytes; len += v[nr++].iov_len) {
			u64 left = len_bytes - len;

			v[nr] = (struct iovec){ zeroes, left < ZEROES_BYTES ? left : ZEROES_BYTES };
		}
		ret = nr > 1 ? sys_pwritev(fd, v, nr, at) : sys_pwrite64(fd, zeroes, len, at);
		if (ret != (long)len)
			return -EIO;
		at += len;
		len_bytes -= len;
	}
	return 0;
}

static int zero_piece(const struct tgt_op *op, u64 at, void *mem, u64 len_bytes)
{
	(void)mem;
	if (op->data.kind != TGT_DATA_MEM)
		return zero_file(op->data.fd, at, len_bytes);
	memset((void *)(uintptr_t)at, 0, len_bytes);
	return 0;
}

static int move(const struct tgt_op *op, u64 at, void *mem, u64 len_bytes, move_fn *one)
{
	const struct tgt_piece *p = op->data.pieces;

	if (op->data.kind != TGT_DATA_MEM && op->data.kind != TGT_DATA_FILE)
		return -EOPNOTSUPP;
	for (; len_bytes; p++) {
		u64 len;
		int err;

		if (at >= p->len_bytes) {
			at -= p->len_bytes;
			continue;
		}
		len = p->len_bytes - at < len_bytes ? p->len_bytes - at : len_bytes;
		err = one(op, p->at + at, mem, len);
		if (err)
			return err;
		at = 0;
		if (mem)
			mem = (char *)mem + len;
		len_bytes -= len;
	}
	return 0;
}

int tgt_copy_from_op(const struct tgt_op *op, u64 at, void *mem, u64 len_bytes)
{
	return move(op, at, mem, len_bytes, from_piece);
}

int tgt_copy_to_op(const struct tgt_op *op, u64 at, const void *mem, u64 len_bytes)
{
	/* to_piece() only reads what mem points to */
	return move(op, at, (void *)(uintptr_t)mem, len_bytes, to_piece);
}

int tgt_zero_op(const struct tgt_op *op, u64 at, u64 len_bytes)
{
	return move(op, at, NULL, len_bytes, zero_piece);
}

static int write_all(int fd, const char *mem, u64 len_bytes, u64 offset_bytes)
{
	while (len_bytes) {
		long ret = sys_pwrite64(fd, mem, len_bytes, offset_bytes);

		if (ret == -EINTR)
			continue;
		if (ret <= 0)
			return ret ? (int)ret : -EIO;
		mem += ret;
		offset_bytes += (u64)ret;
		len_bytes -= (u64)ret;
	}
	return 0;
}

int tgt_write_from_op(const struct tgt_op *op, u64 at, int fd, u64 offset_bytes, u64 len_bytes)
{
	const struct tgt_piece *p = op->data.pieces;

	if (op->data.kind != TGT_DATA_MEM)
		return -EOPNOTSUPP;
	for (; at >= p->len_bytes; p++)
		at -= p->len_bytes;
	for (; len_bytes; p++) {
		u64 len = p->len_bytes - at < len_bytes ? p->len_bytes - at : len_bytes;
		int err = write_all(fd, (const char *)(uintptr_t)(p->at + at), len, offset_bytes);

		if (err)
			return err;
		at = 0;
		offset_bytes += len;
		len_bytes -= len;
	}
	return 0;
}

COLD void tgt_notice(struct tgt *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)fmt_vprint(t->notice, sizeof(t->notice), fmt, args);
	va_end(args);
}

COLD int tgt_size_arg(const char *arg, u64 *bytes, struct diag *why)
{
	int err;

	if (!arg)
		return diag_set(why, -EINVAL, "a size is missing, as in :256M");
	err = parse_size(arg, bytes);
	if (err)
		return diag_set(why, err, "size %s: %s", arg,
				err == -ERANGE ? "too large" : "not a size (64K, 1.5G, 512s)");
	if (*bytes == 0 || *bytes % 512)
		return diag_set(why, -EINVAL, "size %s: not a multiple of 512 above zero", arg);
	return 0;
}

int tgt_reserve_sqes(struct tgt_queue *q, u32 nr)
{
	if (ring_sq_space_left(q->ring) < nr) {
		int ret = ring_submit(q->ring);

		if (ret < 0)
			return ret;
	}
	return ring_sq_space_left(q->ring) >= nr ? 0 : -EAGAIN;
}

COLD int tgt_queue_open(struct tgt_tree *tree, struct tgt_queue *q)
{
	u32 i;
	int err;

	for (i = tree->nr; i-- > 0;) {
		struct tgt *t = &tree->nodes[i];

		err = t->type->queue_init ? t->type->queue_init(t, q) : 0;
		if (err)
			goto undo;
	}
	return 0;

undo:
	while (++i < tree->nr) {
		struct tgt *t = &tree->nodes[i];

		if (t->type->queue_exit)
			t->type->queue_exit(t, q);
	}
	return err;
}

COLD void tgt_queue_stop(struct tgt_tree *tree, struct tgt_queue *q)
{
	if (q->is_stopping)
		return;
	q->is_stopping = true;
	for (u32 i = 0; i < tree->nr; i++) {
		struct tgt *t = &tree->nodes[i];

		if (t->type->queue_stop)
			t->type->queue_stop(t, q);
	}
}

COLD void tgt_queue_close(struct tgt_tree *tree, struct tgt_queue *q)
{
	for (u32 i = 0; i < tree->nr; i++) {
		struct tgt *t = &tree->nodes[i];

		if (t->type->queue_exit)
			t->type->queue_exit(t, q);
	}
}
