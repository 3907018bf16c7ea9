/* SPDX-License-Identifier: MIT */
/* Cutting operations, and limits that several children can keep. */
#include "ublk/targets/split.h"

#include <asm/errno.h>

static u64 size_of(const struct tgt *t)
{
	return __atomic_load_n(&t->limits.size_bytes, __ATOMIC_RELAXED);
}

static bool moves_bytes(const struct tgt_op *op)
{
	return op->kind == TGT_READ || op->kind == TGT_WRITE;
}

/* Where the slices come from: pieces are gone through once for each child */
struct cursor {
	const struct tgt_piece *piece;
	u64 at; /* of the operation, where the piece begins */
};

/* @len_bytes of the operation from @at on go to the end of the child's pieces */
static void add_slice(struct cursor *from, struct tgt_op *sub, u64 at, u64 len_bytes)
{
	while (at >= from->at + from->piece->len_bytes)
		from->at += from->piece++->len_bytes;
	while (len_bytes) {
		u64 skip = at - from->at;
		u64 len = from->piece->len_bytes - skip;

		if (len > len_bytes)
			len = len_bytes;
		sub->data.pieces[sub->data.nr_pieces++] =
			(struct tgt_piece){ from->piece->at + skip, len };
		at += len;
		len_bytes -= len;
		if (len_bytes)
			from->at += from->piece++->len_bytes;
	}
}

static u32 most_pieces(const struct split *s, const struct tgt_op *op, const struct tgt_op *sub)
{
	u64 end = sub->offset_bytes + sub->len_bytes - 1;
	u64 nr = 1;

	if (s->chunk_bytes)
		nr = end / s->chunk_bytes - sub->offset_bytes / s->chunk_bytes + 1;
	return (u32)nr + op->data.nr_pieces - 1;
}

static void take_data(const struct tgt *t, u32 i, struct tgt_op *op, struct tgt_op *sub)
{
	const struct split *s = t->state;
	struct cursor from = { .piece = op->data.pieces };
	u32 most = most_pieces(s, op, sub);
	u64 pos = sub->offset_bytes;
	u64 left = sub->len_bytes;

	sub->data = op->data;
	if (!op->data.nr_pieces)
		return; /* the bytes move without us */
	sub->data.nr_pieces = 0;
	sub->data.pieces = &sub->piece;
	if (most > 1) {
		sub->data.pieces = op->slab->pieces + op->slab->nr_pieces;
		op->slab->nr_pieces += most;
	}
	while (left) {
		u64 len = s->chunk_bytes ? s->chunk_bytes - pos % s->chunk_bytes : left;

		if (len > left)
			len = left;
		add_slice(&from, sub, s->map->at(t, i, pos) - op->offset_bytes, len);
		pos += len;
		left -= len;
	}
}

/* An error stays; a child that does less than it was asked to has failed. */
static void note(struct tgt_op *op, const struct tgt_op *sub)
{
	s64 want = moves_bytes(sub) ? (s64)sub->len_bytes : 0;

	if (op->result >= 0 && sub->result != want)
		op->result = sub->result < 0 ? sub->result : -EIO;
}

static void sub_done(struct tgt_queue *q, struct tgt_op *sub)
{
	struct tgt_op *op = sub->parent;

	note(op, sub);
	if (--op->nr_waiting == 0)
		tgt_complete(q, op, op->result);
}

static void ask(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 i, u64 pos, u64 len)
{
	struct tgt_op *sub = tgt_sub(op, sub_done);

	sub->offset_bytes = pos;
	sub->len_bytes = len;
	if (moves_bytes(op))
		take_data(t, i, op, sub);
	if (tgt_submit(t->child[i], q, sub) == TGT_PENDING)
		op->nr_waiting++;
	else
		note(op, sub);
}

enum tgt_status split_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct split_map *map = ((const struct split *)t->state)->map;
	bool is_flush = op->kind == TGT_FLUSH;

	if (!is_flush && !moves_bytes(op) && op->kind != TGT_DISCARD &&
	    op->kind != TGT_WRITE_ZEROES)
		return tgt_finish(op, -EOPNOTSUPP);
	op->result = moves_bytes(op) ? (s64)op->len_bytes : 0;
	op->nr_waiting = 0;
	for (u32 i = 0; i < t->nr_children; i++) {
		u64 pos = is_flush ? 0 : map->pos(t, i, op->offset_bytes);
		u64 len = is_flush ? 0 : map->pos(t, i, op->offset_bytes + op->len_bytes) - pos;

		if (is_flush || len)
			ask(t, q, op, i, pos, len);
	}
	return op->nr_waiting ? TGT_PENDING : TGT_DONE;
}

/* What lies in one stretch of one child is where the child has it. */
void *split_direct(struct tgt *t, const struct tgt_op *op)
{
	const struct split *s = t->state;

	for (u32 i = 0; i < t->nr_children; i++) {
		struct tgt *child = t->child[i];
		u64 pos = s->map->pos(t, i, op->offset_bytes);
		u64 len = s->map->pos(t, i, op->offset_bytes + op->len_bytes) - pos;
		struct tgt_op there;

		if (!len)
			continue;
		if (len < op->len_bytes || !child->direct)
			return NULL;
		there = (struct tgt_op){
			.kind = op->kind,
			.offset_bytes = pos,
			.len_bytes = len,
		};
		return child->direct(child, &there);
	}
	return NULL;
}

/* In the child; its own end is the end of what is known of it */
static COLD u64 seek_child(struct tgt *child, u64 pos, bool hole, s64 *err)
{
	u64 size = size_of(child);
	s64 ret;

	if (pos >= size)
		return size;
	if (!child->type->seek)
		return hole ? size : pos;
	ret = child->type->seek(child, pos, hole);
	if (ret < 0)
		*err = ret;
	return ret < 0 ? size : (u64)ret;
}

/* The nearest of those of all children, each from the first byte of it that counts */
COLD s64 split_seek(struct tgt *t, u64 offset_bytes, bool hole)
{
	const struct split_map *map = ((const struct split *)t->state)->map;
	u64 size = size_of(t);
	u64 nearest = size;
	s64 err = 0;

	for (u32 i = 0; i < t->nr_children; i++) {
		u64 pos = map->pos(t, i, offset_bytes);
		u64 end = map->pos(t, i, nearest);

		/* what is behind the nearest so far need not be looked for */
		if (pos < end)
			pos = seek_child(t->child[i], pos, hole, &err);
		if (pos < end)
			nearest = map->at(t, i, pos);
	}
	return err ? err : (s64)nearest;
}

static u32 least(u32 a, u32 b)
{
	return !a || (b && b < a) ? b : a;
}

static u64 gcd(u64 a, u64 b)
{
	while (b) {
		u64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

COLD void split_cut(struct tgt *t, u64 bytes)
{
	t->limits.chunk_bytes = (u32)gcd(t->limits.chunk_bytes, bytes);
}

static COLD void raise(u8 *shift, u8 other)
{
	if (*shift < other)
		*shift = other;
}

/* A cache that cannot be written through; who has none need not */
static COLD bool lacks_fua(u32 attrs)
{
	return (attrs & (UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA)) == UBLK_ATTR_VOLATILE_CACHE;
}

static COLD void join(struct tgt_limits *l, const struct tgt_limits *c)
{
	bool has_fua = !lacks_fua(l->attrs) && !lacks_fua(c->attrs);

	raise(&l->logical_shift, c->logical_shift);
	raise(&l->physical_shift, c->physical_shift);
	raise(&l->io_min_shift, c->io_min_shift);
	raise(&l->io_opt_shift, c->io_opt_shift);
	l->attrs = (l->attrs | c->attrs) & ~(has_fua ? 0 : UBLK_ATTR_FUA);
	l->max_io_bytes = least(l->max_io_bytes, c->max_io_bytes);
	if (l->discard_granularity_bytes < c->discard_granularity_bytes)
		l->discard_granularity_bytes = c->discard_granularity_bytes;
	if (l->max_discard_bytes > c->max_discard_bytes)
		l->max_discard_bytes = c->max_discard_bytes;
	if (l->max_write_zeroes_bytes > c->max_write_zeroes_bytes)
		l->max_write_zeroes_bytes = c->max_write_zeroes_bytes;
	if (l->dma_alignment_bytes < c->dma_alignment_bytes)
		l->dma_alignment_bytes = c->dma_alignment_bytes;
	l->chunk_bytes = (u32)gcd(l->chunk_bytes, c->chunk_bytes);
}

COLD int split_open(struct tgt *t, const struct split_map *map, struct diag *why)
{
	struct split *s = t->state;
	bool has_direct = false;

	s->map = map;
	t->forwards_data = true;
	t->data_kinds = t->child[0]->data_kinds;
	t->limits = t->child[0]->limits;
	for (u32 i = 0; i < t->nr_children; i++) {
		const struct tgt *child = t->child[i];

		if (child->limits.zones.zone_bytes || child->limits.meta.bytes)
			return diag_set(why, -EOPNOTSUPP, "child %u, %s, has %s", i + 1,
					child->type->name,
					child->limits.meta.bytes ? "metadata" : "zones");
		join(&t->limits, &child->limits);
		t->data_kinds &= child->data_kinds;
		t->needs_snapshot |= child->needs_snapshot;
		has_direct |= child->direct != NULL;
	}
	t->limits.discard_alignment_bytes = 0;
	if (!has_direct)
		t->direct = NULL;
	return 0;
}

/* The last child gets @size_bytes of it, or with 0 finds its size out, and the disk ends
 * where it does. */
static COLD int follow(struct tgt *t, u64 size_bytes, struct diag *why)
{
	const struct split *s = t->state;
	u32 i = t->nr_children - 1;
	u64 size;
	int err;

	if (s->is_cut)
		return diag_set(why, -EOPNOTSUPP, "%s: its length is fixed", t->type->name);
	err = tgt_resize_last(t, size_bytes, why);
	if (err)
		return err;
	size = size_of(t->child[i]) & ~((1ULL << t->limits.logical_shift) - 1);
	if (size <= s->map->pos(t, i, 0))
		return diag_set(why, -EINVAL, "%s: its last child ends at %llu", t->type->name, size);
	__atomic_store_n(&t->limits.size_bytes, s->map->at(t, i, size), __ATOMIC_RELAXED);
	return 0;
}

COLD int split_resize(struct tgt *t, u64 size_bytes, struct diag *why)
{
	const struct split *s = t->state;
	u64 size = s->map->pos(t, t->nr_children - 1, size_bytes);

	if (!size)
		return diag_set(why, -EINVAL, "%s: its last child begins at %llu", t->type->name,
				s->start[t->nr_children - 1]);
	return follow(t, size, why);
}

COLD int split_refresh(struct tgt *t, struct diag *why)
{
	return follow(t, 0, why);
}
