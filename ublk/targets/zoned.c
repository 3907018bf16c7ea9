/* SPDX-License-Identifier: MIT */
/*
 * zoned: makes a zoned disk of any other. The zones are zones.c's; here the data
 * moves. Bytes of the child that no write of the zone's present life has reached
 * are not shown: they read as zeroes.
 *
 * What stands in the way of an operation and is not its fault, a write under way
 * in a zone to be reset or the other way round, is waited for by looking again.
 */
#include <asm/errno.h>
#include <linux/blkzoned.h>
#include <linux/time_types.h>

#include "ring/prep.h"
#include "ublk/targets/targets.h"
#include "ublk/targets/zones.h"

#define LOOK_AGAIN_NS 200000

struct zoned {
	struct zones zones;
	struct __kernel_timespec pause;
	u64 zone_bytes;
	u32 zone_shift;
	u32 max_append_bytes;
	bool discards;	   /* a zone that is reset gives its space back */
	bool discards_all; /* and so when all are: the child takes nothing from the slab */
};

struct zoned_values {
	u64 zone_size;
	u64 zone_capacity;
	u64 zone_append;
	u32 conventional;
	u32 max_open;
	u32 max_active;
};

#define ZONED_PARAMS(X)										\
	X(struct zoned_values, zone_size,							\
	  OPT_TEXT("zone_size", "SIZE", "of each zone, a power of two; default 64M")		\
	  OPT_RANGE("64K", "2G"),								\
	  .kind = OPT_SIZE)									\
	X(struct zoned_values, zone_capacity,							\
	  OPT_TEXT("zone_capacity", "SIZE", "how much of a zone can be written; default all")	\
	  OPT_LEAST("4K"),									\
	  .kind = OPT_SIZE)									\
	X(struct zoned_values, conventional,							\
	  OPT_TEXT("conventional", "N", "the first N zones are written in any order"),		\
	  .kind = OPT_U32)									\
	X(struct zoned_values, max_open,							\
	  OPT_TEXT("max_open", "N", "zones that may be open at a time; default any"),		\
	  .kind = OPT_U32)									\
	X(struct zoned_values, max_active,							\
	  OPT_TEXT("max_active", "N", "zones that may be open or closed but not full"),		\
	  .kind = OPT_U32)									\
	X(struct zoned_values, zone_append,							\
	  OPT_TEXT("zone_append", "SIZE", "of one append at most; default what a zone takes")	\
	  OPT_LEAST("4K"),									\
	  .kind = OPT_SIZE)

static u32 zone_of(const struct zoned *z, const struct tgt_op *op)
{
	return (u32)(op->offset_bytes >> z->zone_shift);
}

static u64 offset_in_zone(const struct zoned *z, const struct tgt_op *op)
{
	return op->offset_bytes & (z->zone_bytes - 1);
}

/* The operation is tried again after a moment, see zoned_cqe(). */
static COLD enum tgt_status look_again(struct zoned *z, struct tgt_queue *q, struct tgt_op *op)
{
	struct io_uring_sqe *sqe;
	int err = tgt_reserve_sqes(q, 1);

	if (err)
		return tgt_finish(op, err);
	sqe = tgt_get_sqe(q);
	ring_prep_rw(IORING_OP_TIMEOUT, sqe, -1, &z->pause, 1, 0);
	tgt_sqe_owner(sqe, op, 0);
	return TGT_PENDING;
}

static struct tgt_op *make_sub(struct tgt_op *op, tgt_done_fn *done)
{
	struct tgt_op *sub = tgt_sub(op, done);

	sub->offset_bytes = op->offset_bytes;
	sub->len_bytes = op->len_bytes;
	sub->data = op->data;
	return sub;
}

/* --- reading: scratch[0] is how much of it, from its start, is data of the zone --- */

static s64 read_result(struct tgt_op *op, const struct tgt_op *sub)
{
	int err;

	if (sub->result != (s64)op->len_bytes)
		return sub->result < 0 ? sub->result : -EIO;
	err = tgt_zero_op(op, op->scratch[0], op->len_bytes - op->scratch[0]);
	return err ? err : (s64)op->len_bytes;
}

static void read_done(struct tgt_queue *q, struct tgt_op *sub)
{
	tgt_complete(q, sub->parent, read_result(sub->parent, sub));
}

static enum tgt_status zoned_read(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct zoned *z = t->state;
	u64 data_end = zones_data_sectors(&z->zones, zone_of(z, op)) << 9;
	u64 at = offset_in_zone(z, op);
	struct tgt_op *sub;
	int err;

	if (at + op->len_bytes <= data_end)
		return tgt_submit(t->child[0], q, op);
	if (at >= data_end) {
		err = tgt_zero_op(op, 0, op->len_bytes);
		return tgt_finish(op, err ? err : (s64)op->len_bytes);
	}
	op->scratch[0] = data_end - at;
	sub = make_sub(op, read_done);
	if (tgt_submit(t->child[0], q, sub) == TGT_PENDING)
		return TGT_PENDING;
	return tgt_finish(op, read_result(op, sub));
}

/* --- writing: scratch[0] is where in the zone, in sectors --------------------------- */

static s64 write_result(struct tgt_op *op, const struct tgt_op *sub)
{
	struct zoned *z = op->tgt->state;
	bool ok = sub->result == (s64)sub->len_bytes;

	zones_written(&z->zones, zone_of(z, op), op->scratch[0], (u32)(op->len_bytes >> 9), ok);
	if (!ok)
		return sub->result < 0 ? sub->result : -EIO;
	return op->kind == TGT_ZONE_APPEND ? (s64)(sub->offset_bytes >> 9) : sub->result;
}

static void write_done(struct tgt_queue *q, struct tgt_op *sub)
{
	tgt_complete(q, sub->parent, write_result(sub->parent, sub));
}

static enum tgt_status zoned_write(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct zoned *z = t->state;
	u64 at = op->kind == TGT_ZONE_APPEND ? ZONES_APPEND : offset_in_zone(z, op) >> 9;
	s64 place = zones_reserve(&z->zones, zone_of(z, op), at, (u32)(op->len_bytes >> 9));
	struct tgt_op *sub;

	if (place == -EAGAIN)
		return look_again(z, q, op);
	if (place < 0)
		return tgt_finish(op, place);
	op->scratch[0] = (u64)place;
	sub = make_sub(op, write_done);
	sub->kind = TGT_WRITE;
	sub->offset_bytes = op->offset_bytes - offset_in_zone(z, op) + ((u64)place << 9);
	if (tgt_submit(t->child[0], q, sub) == TGT_PENDING)
		return TGT_PENDING;
	return tgt_finish(op, write_result(op, sub));
}

static enum tgt_status append(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct zoned *z = t->state;

	if (op->len_bytes > z->max_append_bytes)
		return tgt_finish(op, -EINVAL);
	return zoned_write(t, q, op);
}

/* --- resetting: scratch[0] is the next zone, [1] the sub-operation that discards it --- */

static void discard_done(struct tgt_queue *q, struct tgt_op *sub);

static COLD bool is_last_reset(const struct zoned *z, const struct tgt_op *op)
{
	return op->kind == TGT_ZONE_RESET || op->scratch[0] + 1 == z->zones.nr;
}

/*
 * Gives the space of a zone back. Whether that succeeds does not matter: nobody
 * sees what is there. But it has to be over before anything is written again.
 */
static COLD enum tgt_status discard(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct zoned *z = t->state;
	struct tgt_op *sub = (struct tgt_op *)(uintptr_t)op->scratch[1];

	if (op->kind == TGT_ZONE_RESET ? !z->discards : !z->discards_all)
		return TGT_DONE;
	sub->kind = TGT_DISCARD;
	sub->offset_bytes = op->scratch[0] << z->zone_shift;
	sub->len_bytes = z->zone_bytes;
	return tgt_submit(t->child[0], q, sub);
}

static COLD enum tgt_status reset_zones(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct zoned *z = t->state;

	for (;; op->scratch[0]++) {
		u32 idx = (u32)op->scratch[0];
		int ret = zones_reset_begin(&z->zones, idx);

		if (ret < 0)
			return look_again(z, q, op);
		if (ret && discard(t, q, op) == TGT_PENDING)
			return TGT_PENDING;
		if (ret)
			zones_reset_end(&z->zones, idx);
		if (is_last_reset(z, op))
			return tgt_finish(op, 0);
	}
}

static COLD void discard_done(struct tgt_queue *q, struct tgt_op *sub)
{
	struct tgt_op *op = sub->parent;
	struct zoned *z = op->tgt->state;

	zones_reset_end(&z->zones, (u32)op->scratch[0]);
	if (is_last_reset(z, op))
		tgt_complete(q, op, 0);
	else if (op->scratch[0]++, reset_zones(op->tgt, q, op) == TGT_DONE)
		tgt_complete(q, op, op->result);
}

static COLD enum tgt_status reset(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct zoned *z = t->state;

	op->scratch[0] = op->kind == TGT_ZONE_RESET ? zone_of(z, op) : z->zones.nr_conventional;
	op->scratch[1] = (u64)(uintptr_t)tgt_sub(op, discard_done);
	return reset_zones(t, q, op);
}

/* --- the rest -------------------------------------------------------------------------- */

static COLD enum tgt_status change(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				   int (*how)(struct zones *zs, u32 idx))
{
	struct zoned *z = t->state;
	int err = how(&z->zones, zone_of(z, op));

	return err == -EAGAIN ? look_again(z, q, op) : tgt_finish(op, err);
}

static enum tgt_status on_sequential(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	switch (op->kind) {
	case TGT_READ:
		return zoned_read(t, q, op);
	case TGT_WRITE:
		return zoned_write(t, q, op);
	case TGT_ZONE_APPEND:
		return append(t, q, op);
	case TGT_ZONE_OPEN:
		return change(t, q, op, zones_open);
	case TGT_ZONE_CLOSE:
		return change(t, q, op, zones_close);
	case TGT_ZONE_FINISH:
		return change(t, q, op, zones_finish);
	case TGT_ZONE_RESET:
		return reset(t, q, op);
	default:
		return tgt_finish(op, -EOPNOTSUPP);
	}
}

static enum tgt_status on_conventional(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	if (op->kind == TGT_READ || op->kind == TGT_WRITE)
		return tgt_submit(t->child[0], q, op);
	return tgt_finish(op, -EIO);
}

static enum tgt_status zoned_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct zoned *z = t->state;
	bool moves = op->kind == TGT_READ || op->kind == TGT_WRITE;

	if (op->kind == TGT_FLUSH)
		return tgt_submit(t->child[0], q, op);
	if (op->kind == TGT_ZONE_RESET_ALL && z->zones.nr == z->zones.nr_conventional)
		return tgt_finish(op, 0);
	if (op->kind == TGT_ZONE_RESET_ALL)
		return reset(t, q, op);
	/* The kernel sends neither what crosses zones nor what does not name one by its start. */
	if (op->offset_bytes >= t->limits.size_bytes ||
	    (moves ? op->len_bytes > z->zone_bytes - offset_in_zone(z, op) :
		     offset_in_zone(z, op) != 0))
		return tgt_finish(op, -EINVAL);
	if (op->kind == TGT_REPORT_ZONES)
		return tgt_finish(op, zones_report(&z->zones, zone_of(z, op), op->report,
						   op->report_zones));
	if (zone_of(z, op) < z->zones.nr_conventional)
		return on_conventional(t, q, op);
	return on_sequential(t, q, op);
}

static void zoned_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	bool resets = op->kind == TGT_ZONE_RESET || op->kind == TGT_ZONE_RESET_ALL;
	enum tgt_status status = TGT_DONE;

	(void)step;
	if (res < 0 && res != -ETIME)
		op->result = res;
	else
		status = resets ? reset_zones(t, q, op) : zoned_submit(t, q, op);
	if (status == TGT_DONE)
		tgt_complete(q, op, op->result);
}

static int check_values(const struct zoned_values *v, const struct tgt_limits *disk,
			struct diag *why)
{
	u64 block = 1ULL << disk->logical_shift;
	u64 nr = disk->size_bytes / v->zone_size;

	if (disk->zones.zone_bytes)
		return diag_set(why, -EINVAL, "it is zoned already");
	if (v->zone_size & (v->zone_size - 1))
		return diag_set(why, -EINVAL, "zone_size %llu: not a power of two", v->zone_size);
	if (v->zone_capacity % block || v->zone_capacity > v->zone_size)
		return diag_set(why, -EINVAL, "zone_capacity %llu: not in blocks, or more than a zone",
				v->zone_capacity);
	if (v->zone_append % block)
		return diag_set(why, -EINVAL, "zone_append %llu: not in blocks", v->zone_append);
	if (!nr || nr > 0x7fffffff)
		return diag_set(why, -EINVAL, "a disk of %llu bytes has no zones of %llu, or too many",
				disk->size_bytes, v->zone_size);
	if (v->conventional > nr || v->max_open > nr || v->max_active > nr)
		return diag_set(why, -EINVAL, "there are only %llu zones", nr);
	if (v->max_active && v->max_open > v->max_active)
		return diag_set(why, -EINVAL, "max_open %u is more than max_active %u", v->max_open,
				v->max_active);
	return 0;
}

static COLD void fill_limits(struct tgt *t, const struct zoned *z)
{
	t->limits = t->child[0]->limits;
	t->limits.size_bytes = z->zones.nr * z->zone_bytes;
	t->limits.chunk_bytes = (u32)z->zone_bytes;
	/* Space is given back by the zone. */
	t->limits.max_discard_bytes = 0;
	t->limits.max_write_zeroes_bytes = 0;
	t->limits.meta = (struct tgt_meta_format){ .bytes = 0 };
	t->limits.zones = (struct tgt_zones){
		.zone_bytes = z->zone_bytes,
		.max_open = z->zones.max_open,
		.max_active = z->zones.max_active,
		.max_append_bytes = z->max_append_bytes,
	};
}

static COLD int zoned_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct tgt *child = t->child[0];
	struct zoned_values v = *(const struct zoned_values *)values;
	struct zoned *z = t->state;
	int err;

	(void)arg;
	t->forgets = true; /* where its zones are written */
	if (!v.zone_size)
		v.zone_size = 64 << 20;
	err = check_values(&v, &child->limits, why);
	if (err)
		return err;
	if (!v.zone_capacity)
		v.zone_capacity = v.zone_size;
	if (!v.zone_append || v.zone_append > v.zone_capacity)
		v.zone_append = v.zone_capacity;
	*z = (struct zoned){
		.zones = {
			.nr = (u32)(child->limits.size_bytes / v.zone_size),
			.nr_conventional = v.conventional,
			.zone_sectors = (u32)(v.zone_size >> 9),
			.capacity_sectors = (u32)(v.zone_capacity >> 9),
			.max_open = v.max_open,
			.max_active = v.max_active,
		},
		.pause.tv_nsec = LOOK_AGAIN_NS,
		.zone_bytes = v.zone_size,
		.zone_shift = tgt_shift_of(v.zone_size),
		.max_append_bytes = (u32)v.zone_append,
		.discards = child->limits.max_discard_bytes >= v.zone_size,
	};
	z->discards_all = z->discards && !child->nr_ops && !child->nr_pieces;
	err = zones_init(&z->zones);
	if (err)
		return diag_set(why, err, "no memory for its zones");
	fill_limits(t, z);
	/* Reads end in zeroes, which a registered buffer cannot be filled with. */
	t->data_kinds = child->data_kinds & (1 << TGT_DATA_MEM | 1 << TGT_DATA_FILE);
	t->needs_snapshot = child->needs_snapshot;
	/* An operation that waits has nothing else under way. */
	t->nr_sqes = child->nr_sqes ? child->nr_sqes : 1;
	return 0;
}

static COLD void zoned_close(struct tgt *t)
{
	struct zoned *z = t->state;

	zones_exit(&z->zones);
}

const struct tgt_type zoned_target = {
	.name = "zoned",
	.arg_name = "SIZE",
	.leaf = "ram",
	.summary = "makes a zoned disk of any other, with all zones empty at the start",
	.params = OPT_TABLE(ZONED_PARAMS),
	.values_bytes = sizeof(struct zoned_values),
	.state_bytes = sizeof(struct zoned),
	.min_children = 1,
	.max_children = 1,
	.open = zoned_open,
	.close = zoned_close,
	.submit = zoned_submit,
	.cqe = zoned_cqe,
};
