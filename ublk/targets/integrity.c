/* SPDX-License-Identifier: MIT */
/*
 * integrity: a disk whose child has the data, and which keeps metadata for each
 * interval of it in memory. Requests bring and take metadata along (op->meta);
 * the kernel, or a program, makes protection information on a write and checks
 * it on a read. With verify=1 the target checks on both sides as well.
 *
 * The metadata of an interval that was never written, or was discarded, is all
 * ones: the tags in it say that there is nothing to be checked. It is stored
 * complemented, so that memory which nobody has touched says just that.
 *
 * Data and metadata change together: an operation has its range for itself from
 * before the metadata of a write is taken, or the data of a read is looked for,
 * until it has ended (ublk/turns.h). So a read that is under way with a write
 * has both as they were before or both as they are after it, and of two
 * writes one has both. What a write that failed has left behind is known to
 * nobody: its metadata is forgotten, and the data read as they are.
 */
#include <asm/errno.h>
#include <linux/mman.h>

#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/rt/parse.h"
#include "uapi/sys.h"
#include "ublk/pi.h"
#include "ublk/targets/targets.h"
#include "ublk/turns.h"

#define CHUNK_BYTES 1024 /* of metadata, at a time */
#define STEP_TURN 0
#define ANY_APP 0x10000

struct integrity {
	struct pi pi;
	struct turns turns;
	struct pages meta; /* of each interval pi.format.bytes, complemented */
	bool verifies;
	u32 app; /* that every tuple has to have, or ANY_APP */
};

struct integrity_values {
	u32 csum;
	u32 bytes;
	u32 type;
	u32 pi_offset;
	u64 interval_bytes;
	bool verify;
	const char *apptag;
};

/* In the order of csums[] */
#define CSUMS OPT_CHOICES("t10dif\0ip\0nvme\0none")

#define INTEGRITY_PARAMS(X)									\
	X(struct integrity_values, csum,							\
	  OPT_TEXT("csum", "CSUM", "guard; default t10dif") CSUMS,				\
	  .kind = OPT_CHOICE)									\
	X(struct integrity_values, type,							\
	  OPT_TEXT("type", "1|3", "1, the default, has reference tags")			\
	  OPT_CHOICES("1\0" "3"), .kind = OPT_CHOICE)						\
	X(struct integrity_values, bytes,							\
	  OPT_TEXT("meta", "BYTES", "of each interval; default 8, nvme 16") \
	  OPT_RANGE("1", "255"), .kind = OPT_U32)						\
	X(struct integrity_values, pi_offset,							\
	  OPT_TEXT("pi_offset", "BYTES", "where guard and tags are")		\
	  OPT_RANGE("0", "254"), .kind = OPT_U32)						\
	X(struct integrity_values, interval_bytes,						\
	  OPT_TEXT("interval", "SIZE", "default a logical block") OPT_RANGE("512", "64K"),	\
	  .kind = OPT_SIZE)									\
	X(struct integrity_values, verify,							\
	  OPT_TEXT("verify", "0|1", "check here as well"),		\
	  .kind = OPT_BOOL)									\
	X(struct integrity_values, apptag,							\
	  OPT_TEXT("apptag", "N", "with verify: the one that is right; Linux writes 0"), \
	  .kind = OPT_STRING)

/* What one operation needs, in place of a sub-operation */
struct passage {
	struct turn turn;
	const struct tgt_piece *piece; /* where in the data the checks have come */
	u64 at;
};
_Static_assert(sizeof(struct passage) <= sizeof(struct tgt_op), "it has the room of one");

static struct passage *passage_of(const struct tgt_op *op)
{
	return (struct passage *)(uintptr_t)op->scratch[0];
}

static u64 first_of(const struct integrity *m, const struct tgt_op *op)
{
	return op->offset_bytes >> m->pi.format.interval_shift;
}

static u64 nr_of(const struct integrity *m, const struct tgt_op *op)
{
	return op->len_bytes >> m->pi.format.interval_shift;
}

static u8 *stored(const struct integrity *m, u64 interval)
{
	return (u8 *)m->meta.addr + interval * m->pi.format.bytes;
}

static void complement(u8 *to, const u8 *from, u64 len_bytes)
{
	for (u64 i = 0; i < len_bytes; i++)
		to[i] = (u8)~from[i];
}

/* An untouched page stays one. */
static void zero_some(u8 *p, u64 len_bytes)
{
	while (len_bytes && !*p)
		p++, len_bytes--;
	if (len_bytes)
		memset(p, 0, len_bytes);
}

/* Whole pages are given back. */
static void forget(struct integrity *m, const struct tgt_op *op)
{
	u64 page = pages_size();
	u64 begin = first_of(m, op) * m->pi.format.bytes;
	u64 end = begin + nr_of(m, op) * m->pi.format.bytes;
	u64 first = (begin + page - 1) & ~(page - 1);
	u64 last = end & ~(page - 1);
	u8 *mem = m->meta.addr;

	if (first < last && !sys_madvise(mem + first, last - first, MADV_DONTNEED)) {
		zero_some(mem + begin, first - begin);
		begin = last;
	}
	zero_some(mem + begin, end - begin);
}

/* The sum over the data of the next interval */
static u64 next_sum(const struct integrity *m, struct passage *p)
{
	u64 left = 1ULL << m->pi.format.interval_shift;
	u64 sum = pi_begin(&m->pi);

	while (left) {
		u64 len = p->piece->len_bytes - p->at;

		if (len > left)
			len = left;
		sum = pi_update(&m->pi, sum, (const u8 *)(uintptr_t)p->piece->at + p->at, len);
		left -= len;
		p->at += len;
		if (p->at == p->piece->len_bytes) {
			p->piece++;
			p->at = 0;
		}
	}
	return sum;
}

static void begin_sums(const struct tgt_op *op)
{
	struct passage *p = passage_of(op);

	p->piece = op->data.pieces;
	p->at = 0;
}

/* The next @nr intervals of the data against their metadata */
static int check_some(const struct integrity *m, const struct tgt_op *op, u64 ref, const u8 *meta,
		      u64 nr)
{
	for (; nr; nr--, ref++, meta += m->pi.format.bytes) {
		enum pi_verdict verdict = pi_check(&m->pi, next_sum(m, passage_of(op)), ref, meta);

		if (verdict > PI_UNCHECKED)
			return -EILSEQ;
		if (verdict == PI_GOOD && m->app != ANY_APP && pi_app(&m->pi, meta) != m->app)
			return -EILSEQ;
	}
	return 0;
}

/* @nr intervals' metadata between an operation, from its @i'th on, and memory */
static int move_meta(const struct integrity *m, const struct tgt_op *op, u64 i, u64 nr, u8 *mem)
{
	const struct tgt_op metas = { .data = op->meta };
	u32 bytes = m->pi.format.bytes;

	if (op->kind == TGT_READ)
		return tgt_copy_to_op(&metas, i * bytes, mem, nr * bytes);
	return tgt_copy_from_op(&metas, i * bytes, mem, nr * bytes);
}

static int check_meta_len(const struct integrity *m, const struct tgt_op *op)
{
	u64 len = 0;

	for (u32 i = 0; i < op->meta.nr_pieces; i++)
		len += op->meta.pieces[i].len_bytes;
	return len == nr_of(m, op) * m->pi.format.bytes ? 0 : -EINVAL;
}

/* One of these for each chunk of an operation's metadata: @nr intervals from the
 * @i'th of the operation on, in @buf */
typedef int chunk_fn(const struct integrity *m, const struct tgt_op *op, u64 i, u64 nr, u8 *buf);

static int each_chunk(const struct integrity *m, const struct tgt_op *op, chunk_fn *fn)
{
	u8 buf[CHUNK_BYTES];
	u64 most = CHUNK_BYTES / m->pi.format.bytes;
	u64 nr = nr_of(m, op);
	int err = 0;

	begin_sums(op);
	for (u64 i = 0; !err && i < nr; i += most)
		err = fn(m, op, i, nr - i < most ? nr - i : most, buf);
	return err;
}

static int check_written(const struct integrity *m, const struct tgt_op *op, u64 i, u64 nr, u8 *buf)
{
	int err = move_meta(m, op, i, nr, buf);

	return err ? err : check_some(m, op, first_of(m, op) + i, buf, nr);
}

/* A write without metadata gets it here, as a drive would do it. */
static int make_some(const struct integrity *m, const struct tgt_op *op, u64 i, u64 nr, u8 *buf)
{
	u32 bytes = m->pi.format.bytes;
	u64 ref = first_of(m, op) + i;

	memset(buf, 0, nr * bytes);
	for (u64 k = 0; k < nr; k++)
		pi_make(&m->pi, next_sum(m, passage_of(op)), ref + k,
			m->app == ANY_APP ? 0 : (u16)m->app, buf + k * bytes);
	complement(stored(m, ref), buf, nr * bytes);
	return 0;
}

static int give_some(const struct integrity *m, const struct tgt_op *op, u64 i, u64 nr, u8 *buf)
{
	u64 ref = first_of(m, op) + i;
	int err = 0;

	complement(buf, stored(m, ref), nr * m->pi.format.bytes);
	if (m->verifies)
		err = check_some(m, op, ref, buf, nr);
	if (!err && op->meta.nr_pieces)
		err = move_meta(m, op, i, nr, buf);
	return err;
}

/*
 * Nothing is stored before all of it was found good. It is fetched once more
 * then, and who has changed it meanwhile has a disk that says so at the next read.
 */
static int take_meta(struct integrity *m, const struct tgt_op *op)
{
	u64 nr = nr_of(m, op);
	u8 *to = stored(m, first_of(m, op));
	int err = check_meta_len(m, op);

	if (!err && m->verifies)
		err = each_chunk(m, op, check_written);
	if (err)
		return err;
	err = move_meta(m, op, 0, nr, to);
	if (err)
		forget(m, op);
	else
		complement(to, to, nr * m->pi.format.bytes);
	return err;
}

/* Before the child is asked */
static int begin(struct integrity *m, const struct tgt_op *op)
{
	if (op->kind == TGT_READ && op->meta.nr_pieces)
		return check_meta_len(m, op);
	if (op->kind != TGT_WRITE)
		return 0;
	if (op->meta.nr_pieces)
		return take_meta(m, op);
	if (m->verifies)
		return each_chunk(m, op, make_some);
	forget(m, op);
	return 0;
}

/* What the child has answered becomes what is answered. */
static s64 end(struct integrity *m, struct tgt_op *op, s64 result)
{
	bool is_whole = result == (s64)op->len_bytes;

	if (op->kind == TGT_READ) {
		int err = 0;

		if (is_whole && (m->verifies || op->meta.nr_pieces))
			err = each_chunk(m, op, give_some);
		result = err ? err : result;
	} else if (op->kind != TGT_WRITE || !is_whole) {
		forget(m, op);
	}
	turns_give(&m->turns, &passage_of(op)->turn);
	return result;
}

static void child_done(struct tgt_queue *q, struct tgt_op *sub)
{
	struct tgt_op *op = sub->parent;

	tgt_complete(q, op, end(op->tgt->state, op, sub->result));
}

static enum tgt_status ask_child(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				 tgt_done_fn *done)
{
	struct tgt_op *sub = tgt_sub(op, done);

	sub->offset_bytes = op->offset_bytes;
	sub->len_bytes = op->len_bytes;
	sub->data = op->data;
	if (tgt_submit(t->child[0], q, sub) == TGT_PENDING)
		return TGT_PENDING;
	return tgt_finish(op, sub->result);
}

/* It has its turn. */
static enum tgt_status go(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct integrity *m = t->state;
	int err = begin(m, op);

	if (err) {
		turns_give(&m->turns, &passage_of(op)->turn);
		return tgt_finish(op, err);
	}
	if (ask_child(t, q, op, child_done) == TGT_PENDING)
		return TGT_PENDING;
	return tgt_finish(op, end(m, op, op->result));
}

static enum tgt_status wait_or_go(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct integrity *m = t->state;
	struct turn *turn = &passage_of(op)->turn;
	int err;

	if (turns_is_on(turn))
		return go(t, q, op);
	err = turns_wait(turn, q, op, STEP_TURN);
	if (!err)
		return TGT_PENDING;
	turns_give(&m->turns, turn);
	return tgt_finish(op, err);
}

static void integrity_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	(void)step;
	(void)res; /* before 6.7 it is an error, and its turn is asked for again and again */
	if (wait_or_go(t, q, op) == TGT_DONE)
		tgt_complete(q, op, op->result);
}

static void passed_on(struct tgt_queue *q, struct tgt_op *sub)
{
	tgt_complete(q, sub->parent, sub->result);
}

static enum tgt_status integrity_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct integrity *m = t->state;
	struct passage *p;

	switch (op->kind) {
	case TGT_READ:
	case TGT_WRITE:
	case TGT_DISCARD:
	case TGT_WRITE_ZEROES:
		p = (void *)tgt_sub(op, NULL);
		op->scratch[0] = (u64)(uintptr_t)p;
		(void)turns_take(&m->turns, &p->turn, op->offset_bytes, op->len_bytes,
				 op->kind == TGT_READ);
		return wait_or_go(t, q, op);
	default:
		return ask_child(t, q, op, passed_on);
	}
}

static COLD int make_format(struct tgt_meta_format *f, const struct integrity_values *v,
			    const struct tgt_limits *limits, struct diag *why)
{
	static const u8 csums[] = {
		LBMD_PI_CSUM_CRC16_T10DIF, LBMD_PI_CSUM_IP, LBMD_PI_CSUM_CRC64_NVME,
		LBMD_PI_CSUM_NONE,
	};
	u32 tuple = pi_tuple_bytes(csums[v->csum]);
	u64 interval = v->interval_bytes ? v->interval_bytes : 1ULL << limits->logical_shift;

	*f = (struct tgt_meta_format){
		.bytes = (u8)(v->bytes ? v->bytes : tuple ? tuple : 8),
		.pi_offset = (u8)v->pi_offset,
		.csum = csums[v->csum],
		.interval_shift = tgt_shift_of(interval),
		.caps = v->verify ? LBMD_PI_CAP_INTEGRITY : 0,
	};
	if (interval & (interval - 1) || limits->size_bytes & (interval - 1))
		return diag_set(why, -EINVAL, "interval=%llu: not a power of two that divides "
				"the size", interval);
	if (f->pi_offset + tuple > f->bytes)
		return diag_set(why, -EINVAL, "meta=%u: no room for %u bytes at %u",
				f->bytes, tuple, f->pi_offset);
	if (!tuple && v->verify)
		return diag_set(why, -EINVAL, "verify=1: csum=none has nothing to check");
	/* As the kernel's own drives have it: what is the writer's to use */
	if (tuple)
		f->tag_bytes = v->type ? (u8)(tuple - (tuple == 16 ? 8 : 2)) : 2;
	if (tuple && !v->type)
		f->caps |= LBMD_PI_CAP_REFTAG;
	return 0;
}

static COLD int read_apptag(struct integrity *m, const struct integrity_values *v, struct diag *why)
{
	m->app = ANY_APP;
	if (!v->apptag)
		return 0;
	if (parse_u32(v->apptag, &m->app) || m->app >= PI_APP_ESCAPE || !v->verify)
		return diag_set(why, -EINVAL, "apptag=%s: a number below 65535, with verify=1",
				v->apptag);
	return 0;
}

static COLD int make_store(struct integrity *m, u64 size_bytes, struct diag *why)
{
	u64 len;
	int err = -ENOMEM;

	if (!__builtin_mul_overflow(size_bytes >> m->pi.format.interval_shift, m->pi.format.bytes,
				    &len))
		err = pages_map(&m->meta, len);
	if (err)
		return diag_set(why, err, "no room for the metadata");
	/* Whoever writes eight bytes here and there pays for pages, not for huge ones. */
	(void)sys_madvise(m->meta.addr, m->meta.len_bytes, MADV_NOHUGEPAGE);
	(void)!pages_dontfork(&m->meta);
	return 0;
}

static COLD int integrity_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct integrity_values *v = values;
	struct integrity *m = t->state;
	struct tgt_meta_format format;
	struct tgt_limits *limits = &t->limits;
	int err;

	(void)arg;
	t->forgets = true; /* the metadata */
	*limits = t->child[0]->limits;
	if (limits->zones.zone_bytes || limits->meta.bytes)
		return diag_set(why, -EOPNOTSUPP, "its child is zoned or has metadata already");
	err = make_format(&format, v, limits, why);
	if (!err)
		err = read_apptag(m, v, why);
	if (err)
		return err;
	pi_init(&m->pi, &format);
	m->verifies = v->verify;
	err = make_store(m, limits->size_bytes, why);
	if (err)
		return err;
	limits->meta = format;
	if (limits->logical_shift < format.interval_shift)
		limits->logical_shift = format.interval_shift;
	t->forwards_data = !v->verify;
	t->needs_snapshot = v->verify || t->child[0]->needs_snapshot;
	if (!v->verify)
		t->data_kinds = t->child[0]->data_kinds;
	t->nr_ops++;		/* the passage */
	if (!t->nr_sqes)	/* waits before the child has anything */
		t->nr_sqes = 1;
	return 0;
}

static COLD void integrity_close(struct tgt *t)
{
	struct integrity *m = t->state;

	pages_unmap(&m->meta);
}

const struct tgt_type integrity_target = {
	.name = "integrity",
	.summary = "metadata in memory, guards and tags that the kernel checks",
	.params = OPT_TABLE(INTEGRITY_PARAMS),
	.values_bytes = sizeof(struct integrity_values),
	.state_bytes = sizeof(struct integrity),
	.min_children = 1,
	.max_children = 1,
	.open = integrity_open,
	.close = integrity_close,
	.submit = integrity_submit,
	.cqe = integrity_cqe,
};
