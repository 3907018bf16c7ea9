/* SPDX-License-Identifier: MIT */
/* Rounds of operations, and what they leave. */
#include "selftests/model.h"

#include <asm/errno.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/uio.h>

#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/oracle.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define MAX_PIECES 6
#define GAP_BYTES 512
#define GUARD 0x5a
#define MAX_TRIES 100

static u64 below(struct model *m, u64 end)
{
	return oracle_below(&m->random, end);
}

static void map_arena(struct model *m)
{
	u64 len = MODEL_MAX_OPS * m->room_bytes;
	struct iovec whole = { NULL, len };
	long addr;
	int err;

	m->memfd = sys_memfd_create("model", MFD_CLOEXEC);
	ASSERT_OK(m->memfd);
	ASSERT_OK(sys_ftruncate(m->memfd, len));
	addr = sys_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, m->memfd, 0);
	ASSERT_OK(addr);
	m->arena = (u8 *)addr;
	whole.iov_base = m->arena;
	if (m->kinds >> TGT_DATA_FIXED & 1) {
		err = ring_register_buffers(&m->d.ring, &whole, 1);
		if (err)
			m->kinds &= ~(1U << TGT_DATA_FIXED); /* no ring, as in qemu-user */
	}
}

void model_open(struct model *m, const struct tgt_type *const *types, const char *spec,
		const struct model_how *how)
{
	const struct tgt_limits *l;

	*m = (struct model){ .how = *how, .random = how->seed | 1 };
	opd_open(&m->d, types, spec);
	m->d.catches = how->catches;
	l = opd_limits(&m->d);
	m->size_bytes = l->size_bytes;
	m->kinds = m->d.tree->root->data_kinds & (how->kinds ? how->kinds : ~0U);
	m->how.max_io_bytes = how->max_io_bytes ? how->max_io_bytes : 64U << 10;
	if (l->max_io_bytes && m->how.max_io_bytes > l->max_io_bytes)
		m->how.max_io_bytes = l->max_io_bytes;
	m->room_bytes = (m->how.max_io_bytes + (MAX_PIECES + 2) * GAP_BYTES + 4095) & ~4095ULL;
	ASSERT_OK(pages_map(&m->mem, m->size_bytes +
				     m->size_bytes / 512 * (1 + sizeof(*m->maybe))));
	m->bytes = m->mem.addr;
	m->maybe = (struct model_maybe *)(void *)(m->bytes + m->size_bytes);
	m->any = (u8 *)(m->maybe + m->size_bytes / 512);
	map_arena(m);
}

void model_close(struct model *m)
{
	opd_close(&m->d);
	ASSERT_OK(sys_munmap(m->arena, MODEL_MAX_OPS * m->room_bytes));
	ASSERT_OK(sys_close(m->memfd));
	pages_unmap(&m->mem);
}

/* One operation of a round */
struct act {
	struct opd_slot *slot;
	u8 *room;
	u8 fill; /* of a write: bytes go on from here */
	struct tgt_piece pieces[MAX_PIECES];
	u64 at[MAX_PIECES]; /* where in the room each begins */
};

static u8 byte_of(u8 fill, u64 i)
{
	return (u8)(fill + i * 7 + i / 509);
}

/* Which of the kinds that there are */
static u8 pick_kind(struct model *m)
{
	u8 kind;

	do {
		kind = (u8)(TGT_DATA_MEM + below(m, 3));
	} while (!(m->kinds >> kind & 1));
	return kind;
}

/* Memory that a disk is read into directly is aligned as the disk wants it. */
static void lay_out(struct model *m, struct act *a)
{
	struct tgt_op *op = &a->slot->op;
	u32 align = opd_limits(&m->d)->dma_alignment_bytes;
	u64 unit = align > 1 ? align : 1;
	u32 nr = 1 + (u32)below(m, MAX_PIECES);
	u64 left = op->len_bytes;
	u64 at = 0;
	u8 kind = pick_kind(m);
	u64 base = kind == TGT_DATA_FILE ? (u64)(a->room - m->arena) : (u64)(uintptr_t)a->room;
	u32 i = 0;

	/* The kernel counts from a request's begin, but in memory of ours it has addresses. */
	for (; left && i < nr; i++) {
		u64 len = i + 1 == nr ? left : (1 + below(m, left)) / unit * unit;

		if (!len || len > left)
			len = left;
		at += align > 1 ? GAP_BYTES : below(m, GAP_BYTES);
		a->at[i] = at;
		a->pieces[i] = (struct tgt_piece){ base + at, len };
		at += len;
		left -= len;
	}
	op->data = (struct tgt_data){
		.kind = kind,
		.nr_pieces = i,
		.fd = kind == TGT_DATA_FILE ? m->memfd : -1,
		.pieces = a->pieces,
	};
	m->nr_by_kind[kind]++;
}

static void put_data(struct model *m, struct act *a)
{
	const struct tgt_op *op = &a->slot->op;
	u64 done = 0;

	memset(a->room, GUARD, m->room_bytes);
	for (u32 i = 0; op->kind == TGT_WRITE && i < op->data.nr_pieces; i++)
		for (u64 k = 0; k < a->pieces[i].len_bytes; k++)
			a->room[a->at[i] + k] = byte_of(a->fill, done++);
}

/* What is around the pieces is as it was */
static void check_gaps(struct model *m, const struct act *a)
{
	const struct tgt_op *op = &a->slot->op;
	u64 last = 0;

	for (u32 i = 0; i <= op->data.nr_pieces; i++) {
		u64 end = i < op->data.nr_pieces ? a->at[i] : m->room_bytes;

		for (; last < end; last++)
			if (a->room[last] != GUARD)
				test_fail("%u at %llu, %llu bytes: wrote outside its data", op->kind,
					  op->offset_bytes, op->len_bytes);
		if (i < op->data.nr_pieces)
			last += a->pieces[i].len_bytes;
	}
}

static bool is_zero(const u8 *p, u64 len)
{
	while (len && !*p)
		p++, len--;
	return !len;
}

/* What is there from here on is known. */
static void forget_maybe(struct model *m, u64 offset, u64 len)
{
	memset(m->any + offset / 512, 0, len / 512);
	for (u64 i = offset / 512; i < (offset + len) / 512; i++)
		m->maybe[i].nr = 0;
}

static bool is_fill(const u8 *sector, u8 fill, u32 from)
{
	u32 i = 0;

	while (i < 512 && sector[i] == byte_of(fill, from + i))
		i++;
	return i == 512;
}

/* A sector that was discarded is as it was, or zeroes; one of a write that failed is as it
 * was, or as it was to be; now it is known. */
static void settle(struct model *m, u64 offset, const u8 *sector)
{
	const struct model_maybe *maybe = &m->maybe[offset / 512];
	bool is_other = m->any[offset / 512] && is_zero(sector, 512);

	for (u32 i = 0; i < maybe->nr && !is_other; i++)
		is_other = is_fill(sector, maybe->of[i].fill, maybe->of[i].from);
	if (is_other)
		memcpy(m->bytes + offset, sector, 512);
	forget_maybe(m, offset, 512);
}

static void check_read(struct model *m, const struct act *a)
{
	const struct tgt_op *op = &a->slot->op;
	u8 sector[512];
	u64 done = 0;

	for (u32 i = 0; i < op->data.nr_pieces; i++) {
		for (u64 k = 0; k < a->pieces[i].len_bytes; k++) {
			u64 offset = op->offset_bytes + done;

			sector[done++ % 512] = a->room[a->at[i] + k];
			if (done % 512)
				continue;
			offset &= ~511ULL;
			settle(m, offset, sector);
			if (!memcmp(sector, m->bytes + offset, 512))
				continue;
			m->nr_wrong++;
			if (!m->how.catches)
				test_fail("read of %llu at %llu, data kind %u: wrong in sector %llu, "
					  "%02x instead of %02x", op->len_bytes, op->offset_bytes,
					  op->data.kind, offset / 512, sector[0], m->bytes[offset]);
		}
	}
}

static void check_source(const struct act *a)
{
	const struct tgt_op *op = &a->slot->op;
	u64 done = 0;

	for (u32 i = 0; i < op->data.nr_pieces; i++)
		for (u64 k = 0; k < a->pieces[i].len_bytes; k++, done++)
			if (a->room[a->at[i] + k] != byte_of(a->fill, done))
				test_fail("a write's bytes were altered");
}

static void was_written(struct model *m, const struct act *a)
{
	const struct tgt_op *op = &a->slot->op;

	forget_maybe(m, op->offset_bytes, op->len_bytes);
	for (u64 k = 0; k < op->len_bytes && !m->how.forgets; k++)
		m->bytes[op->offset_bytes + k] = byte_of(a->fill, k);
}

static void may_be_written(struct model *m, const struct act *a)
{
	const struct tgt_op *op = &a->slot->op;

	for (u32 k = 0; k < op->len_bytes && !m->how.forgets; k += 512) {
		struct model_maybe *maybe = &m->maybe[(op->offset_bytes + k) / 512];

		if (maybe->nr == MODEL_MAX_MAYBE)
			test_fail("sector %llu: nothing but writes that fail",
				  (op->offset_bytes + k) / 512);
		maybe->of[maybe->nr].fill = a->fill;
		maybe->of[maybe->nr++].from = k;
	}
}

static void begin_op(struct model *m, struct act *a, u32 i, u8 kind, u64 offset, u64 len)
{
	struct tgt_op *op;

	a->slot = opd_slot(&m->d);
	a->room = m->arena + i * m->room_bytes;
	a->fill = (u8)below(m, 256);
	op = &a->slot->op;
	op->kind = kind;
	op->offset_bytes = offset;
	op->len_bytes = len;
	if (kind == TGT_READ || kind == TGT_WRITE) {
		lay_out(m, a);
		put_data(m, a);
	}
	if (kind == TGT_WRITE && !below(m, 6))
		op->flags = TGT_F_FUA;
	if (kind == TGT_WRITE_ZEROES && below(m, 2))
		op->flags = TGT_F_NOUNMAP;
	(void)opd_start(&m->d, a->slot);
}

/* What the disk holds now, and what was read */
static void succeeded(struct model *m, struct act *a)
{
	const struct tgt_op *op = &a->slot->op;

	m->nr_reads += op->kind == TGT_READ;
	m->nr_writes += op->kind == TGT_WRITE;
	m->nr_others += op->kind != TGT_READ && op->kind != TGT_WRITE;
	if (op->kind == TGT_READ)
		check_read(m, a);
	else if (op->kind == TGT_WRITE)
		was_written(m, a);
	else if (op->kind == TGT_DISCARD)
		memset(m->any + op->offset_bytes / 512, 1, op->len_bytes / 512);
	if (op->kind != TGT_WRITE_ZEROES)
		return;
	forget_maybe(m, op->offset_bytes, op->len_bytes);
	memset(m->bytes + op->offset_bytes, 0, op->len_bytes);
}

static void failed(struct model *m, struct act *a)
{
	const struct tgt_op *op = &a->slot->op;

	m->nr_failed++;
	if (op->kind == TGT_WRITE)
		may_be_written(m, a);
	else if (op->kind == TGT_DISCARD || op->kind == TGT_WRITE_ZEROES)
		memset(m->any + op->offset_bytes / 512, 1, op->len_bytes / 512);
}

/* Whether it succeeded; if it did not, that is allowed */
static bool end_op(struct model *m, struct act *a)
{
	struct tgt_op *op = &a->slot->op;
	s64 result = opd_wait(&m->d, a->slot);
	bool moves = op->kind == TGT_READ || op->kind == TGT_WRITE;
	s64 all = moves ? (s64)op->len_bytes : 0;
	bool may_be = result < 0 ? m->how.may_fail : result < all && m->how.may_be_short;

	if (result != all && !may_be)
		test_fail("%u at %llu, %llu bytes, data kind %u: the result is %lld", op->kind,
			  op->offset_bytes, op->len_bytes, op->data.kind, (long long)result);
	if (moves)
		check_gaps(m, a);
	if (op->kind == TGT_WRITE)
		check_source(a);
	if (result != all)
		failed(m, a);
	else
		succeeded(m, a);
	return result == all;
}

static u8 pick_op(struct model *m, u64 *most)
{
	const struct tgt_limits *l = opd_limits(&m->d);
	u64 dice = below(m, 20);

	*most = m->how.max_io_bytes;
	if (dice == 0)
		return TGT_FLUSH;
	if (dice == 1 && l->max_discard_bytes) {
		*most = l->max_discard_bytes;
		return TGT_DISCARD;
	}
	if (dice == 2 && l->max_write_zeroes_bytes) {
		*most = l->max_write_zeroes_bytes;
		return TGT_WRITE_ZEROES;
	}
	if (l->attrs & UBLK_ATTR_READ_ONLY)
		return TGT_READ;
	return dice < 11 ? TGT_READ : TGT_WRITE;
}

/* Each has its part of the disk: the disk is cut at random places. */
static void round_of(struct model *m)
{
	const struct tgt_limits *l = opd_limits(&m->d);
	u64 block = 1ULL << l->logical_shift;
	u64 nr_blocks = m->size_bytes / block;
	struct act acts[MODEL_MAX_OPS];
	u32 nr = 1 + (u32)below(m, MODEL_MAX_OPS);
	u64 from = 0;
	u32 n = 0;

	for (u32 i = 0; i < nr && from < nr_blocks; i++) {
		u64 room = i + 1 == nr ? nr_blocks - from : 1 + below(m, nr_blocks - from);
		u64 first = from + below(m, room);
		u64 most;
		u8 kind = pick_op(m, &most);
		u64 len = 1 + below(m, from + room - first);

		from += room;
		if (len > most / block)
			len = most / block;
		if (l->chunk_bytes) {
			u64 rest = (l->chunk_bytes - first * block % l->chunk_bytes) / block;

			len = len < rest ? len : rest;
		}
		if (kind == TGT_FLUSH)
			first = len = 0;
		begin_op(m, &acts[n], n, kind, first * block, len * block);
		n++;
	}
	for (u32 i = 0; i < n; i++)
		(void)end_op(m, &acts[i]);
}

/* What may fail succeeds some time */
static void read_at_last(struct model *m, u64 offset, u64 len)
{
	struct act a;

	for (u32 i = 0; i < MAX_TRIES; i++) {
		begin_op(m, &a, 0, TGT_READ, offset, len);
		if (end_op(m, &a))
			return;
	}
	test_fail("%llu bytes at %llu cannot be read", len, offset);
}

void model_check_all(struct model *m)
{
	const struct tgt_limits *l = opd_limits(&m->d);

	for (u64 at = 0, len; at < m->size_bytes; at += len) {
		len = m->how.max_io_bytes;
		if (l->chunk_bytes && len > l->chunk_bytes - at % l->chunk_bytes)
			len = l->chunk_bytes - at % l->chunk_bytes;
		if (l->zones.zone_bytes && len > l->zones.zone_bytes - at % l->zones.zone_bytes)
			len = l->zones.zone_bytes - at % l->zones.zone_bytes;
		if (len > m->size_bytes - at)
			len = m->size_bytes - at;
		read_at_last(m, at, len);
	}
}

void model_run(struct model *m)
{
	for (u32 i = 0; i < m->how.nr_rounds; i++)
		round_of(m);
	model_check_all(m);
}

/* In order, zone by zone: operations of odd lengths. Where one fails, that zone has ended. */
static void write_zone(struct model *m, u64 begin, u64 len)
{
	u64 block = 1ULL << opd_limits(&m->d)->logical_shift;

	for (u64 at = 0; at < len;) {
		u64 n = (1 + below(m, m->how.max_io_bytes / block)) * block;
		struct act a;

		if (n > len - at)
			n = len - at;
		begin_op(m, &a, 0, TGT_WRITE, begin + at, n);
		if (!end_op(m, &a))
			return;
		at += n;
	}
}

static void reset_zone(struct model *m, u64 begin, u64 len)
{
	u32 nr_tries = m->how.may_fail ? MAX_TRIES : 1;
	s64 result = -1;

	for (; nr_tries && result < 0; nr_tries--)
		result = opd_simple(&m->d, TGT_ZONE_RESET, begin, 0, 0);
	ASSERT_EQ(result, 0);
	memset(m->bytes + begin, 0, len);
	forget_maybe(m, begin, len);
}

void model_run_zones(struct model *m)
{
	u64 zone = opd_limits(&m->d)->zones.zone_bytes;

	for (u32 round = 0; round < 1 + m->how.nr_rounds / 20; round++) {
		for (u64 at = 0; at < m->size_bytes; at += zone) {
			u64 len = below(m, 2) ? zone : below(m, zone / 4096) * 4096;

			reset_zone(m, at, zone);
			write_zone(m, at, len);
		}
		model_check_all(m);
	}
}
