/* SPDX-License-Identifier: MIT */
/*
 * mangle: the metadata of one interval is wrong whenever it comes by, on its way
 * up or on its way down. For one queue and a child that answers at once: the
 * metadata are in a buffer of the target while the child has them.
 */
#include <asm/errno.h>

#include "selftests/broken_chain.h"
#include "ublk/pi.h"

#define ROOM_BYTES 65536

struct mangle_values {
	u64 at;
	u32 what;
	bool writes;
};

struct mangle {
	struct mangle_values v;
	u32 byte; /* of the interval's metadata */
	u32 nr_bytes;
	bool sets;
	struct tgt_piece piece;
	u8 room[ROOM_BYTES];
};

enum { WHAT_GUARD, WHAT_APP, WHAT_REF, WHAT_ESCAPE };

#define MANGLE_PARAMS(X)									\
	X(struct mangle_values, what,								\
	  OPT_TEXT("what", "WHAT", "what is wrong")						\
	  OPT_CHOICES("guard\0" "app\0" "ref\0" "escape"), .kind = OPT_CHOICE)			\
	X(struct mangle_values, at, OPT_TEXT("at", "OFFSET", "of which data"), .kind = OPT_SIZE)	\
	X(struct mangle_values, writes,								\
	  OPT_TEXT("writes", "0|1", "what is written, not what is read"), .kind = OPT_BOOL)

static void wrong(struct mangle *m, const struct tgt_meta_format *f, const struct tgt_op *op)
{
	u64 interval = (m->v.at - op->offset_bytes) >> f->interval_shift;

	if (m->v.at < op->offset_bytes || m->v.at >= op->offset_bytes + op->len_bytes)
		return;
	for (u32 i = 0; i < m->nr_bytes; i++) {
		u8 *byte = &m->room[interval * f->bytes + m->byte + i];

		*byte = m->sets ? 0xff : *byte ^ 0x40;
	}
}

static enum tgt_status was_read(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	const struct tgt_op to = { .data = op->meta };
	struct mangle *m = t->state;

	(void)q;
	if (result >= 0 && op->kind == TGT_READ) {
		int err;

		wrong(m, &t->limits.meta, op);
		err = tgt_copy_to_op(&to, 0, m->room, m->piece.len_bytes);
		result = err ? err : result;
	}
	return tgt_finish(op, result);
}

static enum tgt_status mangled(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	const struct tgt_op from = { .data = op->meta };
	const struct tgt_meta_format *f = &t->limits.meta;
	struct mangle *m = t->state;
	enum tgt_status status;
	struct tgt_op *sub;

	(void)q;
	(void)result;
	if (!op->meta.nr_pieces || m->v.writes != (op->kind == TGT_WRITE))
		return chain_all(op, chain_result);
	m->piece = (struct tgt_piece){
		.at = (u64)(uintptr_t)m->room,
		.len_bytes = (op->len_bytes >> f->interval_shift) * f->bytes,
	};
	if (op->kind == TGT_WRITE) {
		int err = tgt_copy_from_op(&from, 0, m->room, m->piece.len_bytes);

		if (err)
			return tgt_finish(op, err);
		wrong(m, f, op);
	}
	status = chain_all(op, was_read);
	sub = chain_sub(op);
	sub->offset_bytes = op->offset_bytes;
	sub->len_bytes = op->len_bytes;
	sub->data = op->data;
	sub->meta = (struct tgt_data){ .kind = TGT_DATA_MEM, .nr_pieces = 1, .pieces = &m->piece };
	return status;
}

static enum tgt_status mangle_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	return chain_run(t, q, op, mangled);
}

static int mangle_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	struct mangle *m = t->state;
	const struct tgt_meta_format *f;

	(void)arg;
	chain_open(t, 1);
	m->v = *(const struct mangle_values *)values;
	f = &t->limits.meta;
	if (!f->bytes)
		return diag_set(why, -EINVAL, "its child has no metadata");
	m->byte = f->pi_offset;
	if (m->v.what != WHAT_GUARD)
		m->byte += pi_tuple_bytes(f->csum) == 16 ? 8 : 2;
	if (m->v.what == WHAT_REF)
		m->byte += 2;
	m->nr_bytes = m->v.what == WHAT_ESCAPE ? 2 : 1;
	m->sets = m->v.what == WHAT_ESCAPE;
	if (t->limits.max_io_bytes == 0 || t->limits.max_io_bytes > 65536)
		t->limits.max_io_bytes = 65536;
	if ((t->limits.max_io_bytes >> f->interval_shift) * f->bytes > ROOM_BYTES)
		return diag_set(why, -EINVAL, "more metadata than it has room for");
	return 0;
}

const struct tgt_type mangle_target = {
	.name = "mangle",
	.summary = "metadata that is wrong at one place, for tests",
	.params = OPT_TABLE(MANGLE_PARAMS),
	.values_bytes = sizeof(struct mangle_values),
	.state_bytes = sizeof(struct mangle),
	.min_children = 1,
	.max_children = 1,
	.open = mangle_open,
	.submit = mangle_submit,
};
