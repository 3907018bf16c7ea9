/* SPDX-License-Identifier: MIT */
/* What targets and front ends share: run list, sub-operations, moving bytes. */
#include "ublk/tgt.h"

#include <asm/errno.h>

#include "uapi/rt/mem.h"
#include "uapi/sys.h"

void tgt_run_done(struct tgt_queue *q)
{
	/* done() may complete further operations: they go to the end of the list. */
	while (q->run_first) {
		struct tgt_op *op = q->run_first;

		q->run_first = op->next;
		if (!q->run_first)
			q->run_last = &q->run_first;
		op->done(q, op);
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

static int zero_piece(const struct tgt_op *op, u64 at, void *mem, u64 len_bytes)
{
	const u8 zeroes[512] = { 0 };

	(void)mem;
	if (op->data.kind == TGT_DATA_MEM) {
		memset((void *)(uintptr_t)at, 0, len_bytes);
		return 0;
	}
	for (u64 pos = 0; pos < len_bytes; pos += sizeof(zeroes)) {
		u64 len = len_bytes - pos < sizeof(zeroes) ? len_bytes - pos : sizeof(zeroes);

		if (sys_pwrite64(op->data.fd, zeroes, len, at + pos) != (long)len)
			return -EIO;
	}
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

COLD void tgt_queue_close(struct tgt_tree *tree, struct tgt_queue *q)
{
	for (u32 i = 0; i < tree->nr; i++) {
		struct tgt *t = &tree->nodes[i];

		if (t->type->queue_exit)
			t->type->queue_exit(t, q);
	}
}
