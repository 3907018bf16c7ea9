/* SPDX-License-Identifier: MIT */
/* Scattering, submitting, gathering, judging. */
#include "selftests/judge.h"

#include <asm/errno.h>
#include <linux/uio.h>

#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define GAP_BYTES 64 /* at most, between two pieces */
#define GUARD 0xa5

void judge_init(struct judge *j, struct opdriver *d, struct oracle *o, u64 max_io_bytes,
		u32 max_pieces, u64 seed)
{
	*j = (struct judge){
		.d = d,
		.file = -1,
		.o = o,
		.random = seed | 1,
		.max_pieces = max_pieces,
		.max_io_bytes = max_io_bytes,
	};
	ASSERT_LE(max_pieces, JUDGE_MAX_PIECES);
	ASSERT_OK(pages_map(&j->mem, 2 * max_io_bytes + (JUDGE_MAX_PIECES + 1) * GAP_BYTES));
	j->linear = j->mem.addr;
	j->scattered = j->linear + max_io_bytes;
}

void judge_exit(struct judge *j)
{
	if (j->file >= 0)
		(void)sys_close(j->file);
	pages_unmap(&j->mem);
}

static u64 scattered_bytes(const struct judge *j)
{
	return j->mem.len_bytes - (u64)(j->scattered - (u8 *)j->mem.addr);
}

void judge_use_data(struct judge *j, enum judge_data data)
{
	struct iovec all = { j->scattered, scattered_bytes(j) };

	j->data = data;
	if (data == JUDGE_FILE)
		ASSERT_OK(j->file = sys_memfd_create("judge", 0));
	if (data == JUDGE_FIXED)
		ASSERT_OK(ring_register_buffers(&j->d->ring, &all, 1));
}

static bool is_aligned(const struct judge *j)
{
	return j->data == JUDGE_BLOCKS || j->data == JUDGE_FIXED;
}

/* Cuts len_bytes at random places; no piece is empty. Returns how many */
static u32 cut(struct judge *j, u64 len_bytes)
{
	u32 nr = 1 + (u32)oracle_below(&j->random, j->max_pieces);
	u8 *at = j->scattered;

	if (is_aligned(j)) {
		j->pieces[0] = (struct tgt_piece){ (u64)(uintptr_t)at, len_bytes };
		return 1;
	}
	for (u32 i = 0; i < nr; i++) {
		u64 rest = nr - i - 1; /* a byte at least for each of those that follow */
		u64 most = 2 * len_bytes / (rest + 1);
		u64 len = rest ? 1 + oracle_below(&j->random, most) : len_bytes;

		if (len > len_bytes - rest)
			len = len_bytes - rest;
		at += oracle_below(&j->random, GAP_BYTES);
		j->pieces[i] = (struct tgt_piece){ (u64)(uintptr_t)at, len };
		at += len;
		len_bytes -= len;
	}
	return nr;
}

static void scatter(const struct judge *j, u32 nr)
{
	const u8 *from = j->linear;

	for (u32 i = 0; i < nr; i++) {
		memcpy((void *)(uintptr_t)j->pieces[i].at, from, j->pieces[i].len_bytes);
		from += j->pieces[i].len_bytes;
	}
}

static bool is_guarded(const u8 *from, const u8 *end)
{
	while (from < end)
		if (*from++ != GUARD)
			return false;
	return true;
}

/* Gives false when anything around the pieces has changed */
static bool gather(const struct judge *j, u32 nr, u8 *to)
{
	const u8 *last = j->scattered;

	for (u32 i = 0; i < nr; i++) {
		const u8 *at = (const u8 *)(uintptr_t)j->pieces[i].at;

		if (!is_guarded(last, at))
			return false;
		memcpy(to, at, j->pieces[i].len_bytes);
		to += j->pieces[i].len_bytes;
		last = at + j->pieces[i].len_bytes;
	}
	return is_guarded(last, last + GAP_BYTES);
}

static u32 lay_out(struct judge *j, u64 len_bytes)
{
	u32 nr = cut(j, len_bytes);
	const struct tgt_piece *last = &j->pieces[nr - 1];

	memset(j->scattered, GUARD, last->at + last->len_bytes + GAP_BYTES -
					    (u64)(uintptr_t)j->scattered);
	return nr;
}

static int bad_result(const struct oracle_op *op, s64 result, struct diag *why)
{
	return diag_set(why, -EPROTO, "kind %d at %llu, %llu bytes: the result is %lld", op->kind,
			op->offset_bytes, op->len_bytes, (long long)result);
}

static int bad_memory(const struct oracle_op *op, struct diag *why)
{
	return diag_set(why, -EFAULT, "kind %d at %llu, %llu bytes: wrote outside its data",
			op->kind, op->offset_bytes, op->len_bytes);
}

/* The same bytes in the file at the same places; @to: there, or back from there */
static void mirror(struct judge *j, u32 nr, bool to)
{
	s64 len = (s64)scattered_bytes(j);
	u64 base = (u64)(uintptr_t)j->scattered;

	for (u32 i = 0; i < nr; i++)
		j->pieces[i].at += to ? -base : base;
	if (to)
		ASSERT_EQ(sys_pwrite64(j->file, j->scattered, (u64)len, 0), len);
	else
		ASSERT_EQ(sys_pread64(j->file, j->scattered, (u64)len, 0), len);
}

static u8 data_kind(const struct judge *j)
{
	return j->data == JUDGE_FILE ? TGT_DATA_FILE : j->data == JUDGE_FIXED ? TGT_DATA_FIXED :
										TGT_DATA_MEM;
}

static s64 submit(struct judge *j, u8 kind, const struct oracle_op *op, u32 nr_pieces)
{
	struct opd_slot *slot = opd_slot(j->d);
	bool is_in_file = nr_pieces && j->data == JUDGE_FILE;
	s64 result;

	slot->op.kind = kind;
	slot->op.flags = (op->fua ? TGT_F_FUA : 0) | (op->nounmap ? TGT_F_NOUNMAP : 0);
	slot->op.offset_bytes = op->offset_bytes;
	slot->op.len_bytes = op->len_bytes;
	slot->op.data.fd = -1;
	if (is_in_file)
		mirror(j, nr_pieces, true);
	if (nr_pieces) {
		slot->op.data.kind = data_kind(j);
		slot->op.data.fd = j->file;
		slot->op.data.nr_pieces = nr_pieces;
		slot->op.data.pieces = j->pieces;
	}
	(void)opd_start(j->d, slot);
	result = opd_wait(j->d, slot);
	if (is_in_file)
		mirror(j, nr_pieces, false);
	return result;
}

static int judge_read(struct judge *j, const struct oracle_op *op, struct diag *why)
{
	u32 nr = lay_out(j, op->len_bytes);
	s64 result = submit(j, TGT_READ, op, nr);

	j->nr_reads++;
	if (result != (s64)op->len_bytes)
		return bad_result(op, result, why);
	if (!gather(j, nr, j->linear))
		return bad_memory(op, why);
	return oracle_check(j->o, op->offset_bytes, j->linear, op->len_bytes, why);
}

static int judge_write(struct judge *j, const struct oracle_op *op, struct diag *why)
{
	u32 nr = lay_out(j, op->len_bytes);
	bool is_whole;
	s64 result;

	oracle_write_begin(j->o, op->offset_bytes, j->linear, op->len_bytes);
	scatter(j, nr);
	result = submit(j, TGT_WRITE, op, nr);
	oracle_write_end(j->o, op->offset_bytes, op->len_bytes, result == (s64)op->len_bytes,
			 op->fua);
	j->nr_writes++;
	if (result != (s64)op->len_bytes)
		return bad_result(op, result, why);
	/* Nobody alters the bytes of a write: they must still be what the oracle gave. */
	is_whole = gather(j, nr, j->linear);
	if (!is_whole || oracle_check(j->o, op->offset_bytes, j->linear, op->len_bytes, why))
		return bad_memory(op, why);
	return 0;
}

static int judge_zero(struct judge *j, const struct oracle_op *op, struct diag *why)
{
	bool is_discard = op->kind == ORACLE_DISCARD;
	s64 result;

	oracle_zero_begin(j->o, op->offset_bytes, op->len_bytes);
	result = submit(j, is_discard ? TGT_DISCARD : TGT_WRITE_ZEROES, op, 0);
	oracle_zero_end(j->o, op->offset_bytes, op->len_bytes, result == 0, is_discard);
	return result ? bad_result(op, result, why) : 0;
}

static int judge_flush(struct judge *j, const struct oracle_op *op, struct diag *why)
{
	u32 token = oracle_flush_begin(j->o);
	s64 result = submit(j, TGT_FLUSH, op, 0);

	oracle_flush_end(j->o, token, result == 0);
	return result ? bad_result(op, result, why) : 0;
}

int judge_op(struct judge *j, const struct oracle_op *op, struct diag *why)
{
	switch (op->kind) {
	case ORACLE_READ:
		return judge_read(j, op, why);
	case ORACLE_WRITE:
		return judge_write(j, op, why);
	case ORACLE_FLUSH:
		return judge_flush(j, op, why);
	case ORACLE_DISCARD:
	case ORACLE_ZERO:
		return judge_zero(j, op, why);
	}
	return -EINVAL;
}

int judge_all(struct judge *j, struct diag *why)
{
	struct oracle_op op = { .kind = ORACLE_READ };
	int err = 0;

	while (!err && op.offset_bytes < j->o->size_bytes) {
		op.len_bytes = j->o->size_bytes - op.offset_bytes;
		if (op.len_bytes > j->max_io_bytes)
			op.len_bytes = j->max_io_bytes;
		err = judge_op(j, &op, why);
		op.offset_bytes += op.len_bytes;
	}
	return err;
}
