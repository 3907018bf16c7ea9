/* SPDX-License-Identifier: MIT */
/* ublk/targets/integrity.c: metadata beside the data, on hosts without ublk. */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/opdriver.h"
#include "selftests/oracle.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/sys.h"
#include "ublk/pi.h"
#include "ublk/targets/targets.h"

#define NR_BLOCKS 96 /* of the disks here, of 512 bytes */
#define MAX_BLOCKS 12
#define MAX_META 64 /* bytes of an interval */

/* Data and metadata as they should be */
static u8 data[NR_BLOCKS * 512];
static u8 meta[NR_BLOCKS * MAX_META];
static u8 data_io[MAX_BLOCKS * 512];
static u8 meta_io[NR_BLOCKS * MAX_META];

struct run {
	struct opdriver d;
	struct tgt_meta_format f;
	struct tgt_piece pieces[2][4];
	u64 random;
	bool in_one; /* piece */
};

/* @len bytes of @mem as a few pieces of odd lengths */
static void scatter(struct run *r, struct tgt_data *where, u32 which, void *mem, u64 len)
{
	struct tgt_piece *p = r->pieces[which];
	u32 nr = 0;

	for (u64 at = 0; at < len; at += p[nr++].len_bytes) {
		p[nr] = (struct tgt_piece){ .at = (u64)(uintptr_t)mem + at, .len_bytes = len - at };
		if (nr < 3 && len - at > 1 && !r->in_one)
			p[nr].len_bytes = 1 + oracle_below(&r->random, len - at);
	}
	*where = (struct tgt_data){ .kind = TGT_DATA_MEM, .nr_pieces = nr, .fd = -1, .pieces = p };
}

static u64 meta_len(const struct run *r, u64 len)
{
	return (len >> r->f.interval_shift) * r->f.bytes;
}

static struct opd_slot *prepare(struct run *r, u8 kind, u64 offset, u64 len, void *mem, void *m)
{
	struct opd_slot *slot = opd_slot(&r->d);

	slot->op.kind = kind;
	slot->op.offset_bytes = offset;
	slot->op.len_bytes = len;
	if (mem)
		scatter(r, &slot->op.data, 0, mem, len);
	if (m)
		scatter(r, &slot->op.meta, 1, m, meta_len(r, len));
	return slot;
}

static s64 io(struct run *r, u8 kind, u64 offset, u64 len, void *mem, void *m)
{
	struct opd_slot *slot = prepare(r, kind, offset, len, mem, m);

	(void)opd_start(&r->d, slot);
	return opd_wait(&r->d, slot);
}

static void begin(struct run *r, const char *spec)
{
	test_row("%s", spec);
	*r = (struct run){ .random = 4711 };
	opd_open(&r->d, broken_types, spec);
	r->f = opd_limits(&r->d)->meta;
	ASSERT_NE(r->f.bytes, 0);
	memset(data, 0, sizeof(data));
	memset(meta, 0xff, sizeof(meta));
}

static void fill_random(struct run *r, u8 *mem, u64 len)
{
	for (u64 i = 0; i < len; i++)
		mem[i] = (u8)oracle_random(&r->random);
}

/* Tuples that belong to the data, around which there is something else */
static void make_tuples(struct run *r, u64 offset, u64 len)
{
	static struct pi pi;
	u64 interval = 1ULL << r->f.interval_shift;

	pi_init(&pi, &r->f);
	fill_random(r, meta_io, meta_len(r, len));
	for (u64 at = 0; at < len; at += interval)
		pi_make(&pi, pi_update(&pi, pi_begin(&pi), data_io + at, interval),
			(offset + at) >> r->f.interval_shift, 0, meta_io + meta_len(r, at));
}

static void expect_read(struct run *r, u64 offset, u64 len)
{
	memset(data_io, 0x55, len);
	memset(meta_io, 0x55, meta_len(r, len));
	ASSERT_EQ(io(r, TGT_READ, offset, len, data_io, meta_io), (s64)len);
	ASSERT_MEMEQ(data_io, data + offset, len);
	ASSERT_MEMEQ(meta_io, meta + meta_len(r, offset), meta_len(r, len));
}

static void random_op(struct run *r, bool verifies)
{
	u64 interval = 1ULL << r->f.interval_shift;
	u64 nr = 1 + oracle_below(&r->random, (MAX_BLOCKS * 512) / interval);
	u64 offset = oracle_below(&r->random, NR_BLOCKS * 512 / interval - nr + 1) * interval;
	u64 len = nr * interval;

	switch (oracle_below(&r->random, 8)) {
	case 0:
		ASSERT_EQ(io(r, TGT_WRITE_ZEROES, offset, len, NULL, NULL), 0);
		memset(data + offset, 0, len);
		memset(meta + meta_len(r, offset), 0xff, meta_len(r, len));
		return;
	case 1: /* a write without metadata */
		if (verifies)
			break;
		fill_random(r, data_io, len);
		ASSERT_EQ(io(r, TGT_WRITE, offset, len, data_io, NULL), (s64)len);
		memcpy(data + offset, data_io, len);
		memset(meta + meta_len(r, offset), 0xff, meta_len(r, len));
		return;
	case 2:
	case 3:
		break;
	default:
		expect_read(r, offset, len);
		return;
	}
	fill_random(r, data_io, len);
	make_tuples(r, offset, len);
	ASSERT_EQ(io(r, TGT_WRITE, offset, len, data_io, meta_io), (s64)len);
	memcpy(data + offset, data_io, len);
	memcpy(meta + meta_len(r, offset), meta_io, meta_len(r, len));
}

static void is_exact(void)
{
	static const char *const specs[] = {
		"integrity:[ram:96s]",
		"integrity?verify=1:[ram:96s]",
		"integrity?csum=ip&verify=1:[ram:96s]",
		"integrity?csum=ip&type=3&meta=15&pi_offset=7&verify=1:[ram:96s]",
		"integrity?csum=nvme&meta=64&pi_offset=48&verify=1&apptag=0:[ram:96s]",
		"integrity?csum=nvme&type=3&interval=4096&verify=1:[ram:96s]",
		"integrity?csum=none&meta=1:[ram:96s]",
		"integrity?interval=1024:[delay:[ram:96s]]",
		"delay:[integrity?verify=1&meta=9&pi_offset=1:[delay:[ram:96s]]]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct run r;

		begin(&r, specs[i]);
		for (u32 k = 0; k < 1500; k++)
			random_op(&r, str_find(specs[i], "verify=1"));
		for (u64 at = 0; at < sizeof(data); at += 4096)
			expect_read(&r, at, 4096);
		opd_close(&r.d);
	}
}

static void tells_its_format(void)
{
	static const struct {
		const char *spec;
		struct tgt_meta_format f;
		u8 logical_shift;
	} rows[] = {
		{ "integrity:[ram:96s]",
		  { 8, 0, LBMD_PI_CSUM_CRC16_T10DIF, 2, 9, LBMD_PI_CAP_REFTAG }, 9 },
		{ "integrity?csum=nvme&type=3&interval=4K&verify=1:[ram:96s]",
		  { 16, 0, LBMD_PI_CSUM_CRC64_NVME, 8, 12, LBMD_PI_CAP_INTEGRITY }, 12 },
		{ "integrity?csum=ip&meta=20&pi_offset=12&type=3:[ram:96s]",
		  { 20, 12, LBMD_PI_CSUM_IP, 6, 9, 0 }, 9 },
		{ "integrity?csum=none:[ram:96s]", { 8, 0, LBMD_PI_CSUM_NONE, 0, 9, 0 }, 9 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run r;

		begin(&r, rows[i].spec);
		EXPECT_EQ(r.f.bytes, rows[i].f.bytes);
		EXPECT_EQ(r.f.pi_offset, rows[i].f.pi_offset);
		EXPECT_EQ(r.f.csum, rows[i].f.csum);
		EXPECT_EQ(r.f.tag_bytes, rows[i].f.tag_bytes);
		EXPECT_EQ(r.f.interval_shift, rows[i].f.interval_shift);
		EXPECT_EQ(r.f.caps, rows[i].f.caps);
		EXPECT_EQ(opd_limits(&r.d)->logical_shift, rows[i].logical_shift);
		EXPECT_EQ(r.d.tree->root->needs_snapshot, rows[i].f.caps & LBMD_PI_CAP_INTEGRITY);
		opd_close(&r.d);
	}
}

static void refuses(void)
{
	static const struct {
		const char *spec;
		int err;
		const char *text;
	} rows[] = {
		{ "integrity?interval=1000:[ram:96s]", -EINVAL, "not a power of two" },
		{ "integrity?interval=4096:[ram:97s]", -EINVAL, "divides the size" },
		{ "integrity?interval=128K:[ram:1M]", -ERANGE, "interval" },
		{ "integrity?meta=7:[ram:96s]", -EINVAL, "no room for 8 bytes at 0" },
		{ "integrity?meta=16&pi_offset=9:[ram:96s]", -EINVAL, "at 9" },
		{ "integrity?csum=nvme&meta=15:[ram:96s]", -EINVAL, "no room for 16 bytes" },
		{ "integrity?meta=256:[ram:96s]", -ERANGE, "meta" },
		{ "integrity?csum=crc:[ram:96s]", -EINVAL, "csum" },
		{ "integrity?type=2:[ram:96s]", -EINVAL, "type" },
		{ "integrity?csum=none&verify=1:[ram:96s]", -EINVAL, "nothing to check" },
		{ "integrity?apptag=1:[ram:96s]", -EINVAL, "with verify=1" },
		{ "integrity?verify=1&apptag=65535:[ram:96s]", -EINVAL, "below 65535" },
		{ "integrity?verify=1&apptag=x:[ram:96s]", -EINVAL, "below 65535" },
		{ "integrity:[integrity:[ram:96s]]", -EOPNOTSUPP, "has metadata already" },
		{ "integrity:[ram:96s],[ram:96s]", -EINVAL, "children" },
		{ "integrity?meta=255:[null:1E]", -ENOMEM, "no room for the metadata" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_tree tree;
		struct diag why = { .text = "" };
		int err = tgt_open(&tree, tgt_types, rows[i].spec, &why);

		test_row("%s: %s", rows[i].spec, why.text);
		EXPECT_ERR(err, rows[i].err);
		EXPECT_NE(str_find(why.text, rows[i].text), NULL);
		EXPECT_EQ(tree.mem, NULL);
	}
}

/* Metadata that is shorter or longer than the data is the caller's mistake. */
static void refuses_lengths(void)
{
	struct run r;

	begin(&r, "integrity:[ram:96s]");
	for (u64 len = 8; len <= 24; len += 16) {
		for (u32 i = 0; i < 2; i++) {
			struct opd_slot *slot =
				prepare(&r, i ? TGT_WRITE : TGT_READ, 0, 1024, data_io, NULL);

			scatter(&r, &slot->op.meta, 1, meta_io, len);
			(void)opd_start(&r.d, slot);
			EXPECT_ERR(opd_wait(&r.d, slot), -EINVAL);
		}
	}
	EXPECT_EQ(opd_simple(&r.d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(opd_simple(&r.d, TGT_ZONE_RESET, 0, 512, 0), -EOPNOTSUPP);
	opd_close(&r.d);
}

/* Each tag wrong once; what was there before stays. */
static void refuse_write(struct run *r, u32 byte)
{
	memset(data_io, 0x33, 2048);
	make_tuples(r, 1024, 2048);
	meta_io[2 * r->f.bytes + byte] ^= 1;
	ASSERT_EQ(io(r, TGT_WRITE, 1024, 2048, data_io, meta_io), -EILSEQ);
	expect_read(r, 0, 4096);
}

static void verifies_writes(void)
{
	struct run r;

	begin(&r, "integrity?verify=1&apptag=0&meta=12&pi_offset=2:[ram:96s]");
	memset(data_io, 0x11, 4096);
	make_tuples(&r, 0, 4096);
	ASSERT_EQ(io(&r, TGT_WRITE, 0, 4096, data_io, meta_io), 4096);
	memcpy(data, data_io, 4096);
	memcpy(meta, meta_io, meta_len(&r, 4096));
	refuse_write(&r, 0); /* before the tuple: the guard */
	refuse_write(&r, 2); /* the guard */
	refuse_write(&r, 5); /* the application tag */
	refuse_write(&r, 9); /* the reference tag */
	/* A write that says that it is not to be checked */
	make_tuples(&r, 0, 512);
	memset(meta_io + 2, 0xff, 8);
	EXPECT_EQ(io(&r, TGT_WRITE, 0, 512, data_io, meta_io), 512);
	opd_close(&r.d);
}

static void finds(const char *spec, s64 want)
{
	struct run r;

	begin(&r, spec);
	r.in_one = true;
	memset(data_io, 0x77, 4096);
	make_tuples(&r, 0, 4096);
	ASSERT_EQ(io(&r, TGT_WRITE, 0, 4096, data_io, meta_io), 4096);
	ASSERT_EQ(io(&r, TGT_READ, 0, 4096, data_io, meta_io), want);
	opd_close(&r.d);
}

static void verifies_reads(void)
{
	finds("integrity?verify=1:[broken?how=flip&every=1:[ram:96s]]", -EILSEQ);
	finds("integrity?verify=0:[broken?how=flip&every=1:[ram:96s]]", 4096);
	finds("integrity?verify=1:[broken?how=lost&every=1:[ram:96s]]", -EILSEQ);
	finds("integrity?verify=1:[broken?how=torn&every=1:[ram:96s]]", -EILSEQ);
	finds("integrity?verify=1:[broken?how=not:[ram:96s]]", 4096);
}

/* What was written without metadata can be checked when it is read. */
static void makes_its_own(void)
{
	struct run r;

	begin(&r, "integrity?verify=1&apptag=5&csum=nvme&meta=20&pi_offset=4:[ram:96s]");
	fill_random(&r, data_io, 4096);
	ASSERT_EQ(io(&r, TGT_WRITE, 1024, 4096, data_io, NULL), 4096);
	memcpy(data + 1024, data_io, 4096);
	make_tuples(&r, 1024, 4096);
	for (u32 i = 0; i < 8; i++) {
		static struct pi pi;
		u8 *m = meta + (2 + i) * 20;

		pi_init(&pi, &r.f);
		memset(m, 0, 20);
		pi_make(&pi, pi_update(&pi, pi_begin(&pi), data_io + i * 512, 512), 2 + i, 5, m);
	}
	expect_read(&r, 0, 5632);
	opd_close(&r.d);
}

/* A write that failed leaves nothing to be checked. */
static void forgets_after_failure(void)
{
	struct run r;

	begin(&r, "integrity:[broken?how=short&every=2:[ram:96s]]");
	r.in_one = true;
	memset(data_io, 0x77, 4096);
	make_tuples(&r, 0, 4096);
	ASSERT_EQ(io(&r, TGT_WRITE, 0, 4096, data_io, meta_io), 4096);
	memcpy(data, data_io, 4096);
	make_tuples(&r, 0, 2048);
	ASSERT_EQ(io(&r, TGT_WRITE, 0, 2048, data_io, meta_io), 1024);
	ASSERT_EQ(io(&r, TGT_READ, 0, 2048, data_io, meta_io), 2048);
	for (u32 i = 0; i < 4 * 8; i++)
		ASSERT_EQ(meta_io[i], 0xff);
	opd_close(&r.d);
}

static u64 resident_pages(void)
{
	char text[64] = "";
	u64 pages = 0;
	int fd = sys_openat(AT_FDCWD, "/proc/self/statm", O_RDONLY, 0);
	const char *end = str_chr(text, ' ');

	ASSERT_GT(sys_read(fd, text, sizeof(text) - 1), 0);
	ASSERT_OK(sys_close(fd));
	end = str_chr(text, ' ');
	ASSERT_NE(end, NULL);
	ASSERT_OK(parse_number(end + 1, &pages, &end));
	return pages;
}

static void is_sparse(void)
{
	const u64 gib = 1ULL << 30;
	struct run r;
	u64 before;
	u64 used;

	begin(&r, "integrity?meta=64:[null:64G]");
	before = resident_pages();
	for (u64 at = 0; at < 2 * gib; at += 1 << 20)
		ASSERT_EQ(io(&r, TGT_READ, at, 4096, data_io, meta_io), 4096);
	EXPECT_LT(resident_pages(), before + 600); /* page tables are not counted, pages are */
	memset(meta_io, 1, sizeof(meta_io));
	for (u64 at = 0; at < 2 * gib; at += 1 << 20)
		ASSERT_EQ(io(&r, TGT_WRITE, at, 4096, data_io, meta_io), 4096);
	used = resident_pages();
	EXPECT_GE(used, before + 2048);
	EXPECT_EQ(opd_simple(&r.d, TGT_DISCARD, 512, 2 * gib, 0), 0);
	EXPECT_LT(resident_pages(), used - 2000);
	/* What sticks out at either end is forgotten all the same. */
	ASSERT_EQ(io(&r, TGT_READ, 0, 1024, data_io, meta_io), 1024);
	EXPECT_EQ(meta_io[63], 1);
	EXPECT_EQ(meta_io[64], 0xff);
	opd_close(&r.d);
}

/*
 * Many at a time over a few intervals: each write has its number in data and
 * metadata, and a read has to find the same in both. The child answers later, and
 * in pieces that are not in order.
 */
static void stamp(u8 *mem, u8 *m, u64 nr, u8 with)
{
	memset(mem, with, nr * 512);
	memset(m, with, nr * 8);
}

static void expect_pairs(const struct opd_slot *slot)
{
	const u8 *mem = (const u8 *)(uintptr_t)slot->op.data.pieces[0].at;
	const u8 *m = (const u8 *)(uintptr_t)slot->op.meta.pieces[0].at;

	ASSERT_EQ(slot->op.result, (s64)slot->op.len_bytes);
	for (u64 i = 0; i < slot->op.len_bytes / 512; i++) {
		u8 want = m[i * 8] == 0xff ? 0 : m[i * 8];

		for (u32 k = 0; k < 512; k++)
			ASSERT_EQ(mem[i * 512 + k], want);
	}
}

static void in_pairs(const char *spec)
{
	static u8 mem[OPD_SLOTS][4096];
	static u8 m[OPD_SLOTS][64];
	static struct tgt_piece pieces[OPD_SLOTS];
	struct opdriver d;
	u64 random = 5;

	test_row("%s", spec);
	opd_open(&d, broken_types, spec);
	for (u32 round = 1; round < 250; round++) {
		struct opd_slot *slots[OPD_SLOTS];

		for (u32 i = 0; i < OPD_SLOTS; i++) {
			u64 nr = 1 + oracle_below(&random, 8);
			struct opd_slot *s = opd_slot(&d);

			slots[i] = s;
			s->op.kind = oracle_below(&random, 2) ? TGT_READ : TGT_WRITE;
			s->op.len_bytes = nr * 512;
			s->op.offset_bytes = oracle_below(&random, 12 - nr) * 512;
			stamp(mem[i], m[i], nr, (u8)(1 + (round + i * 16) % 254));
			tgt_set_mem(&s->op, mem[i]);
			pieces[i] = (struct tgt_piece){ (u64)(uintptr_t)m[i], nr * 8 };
			s->op.meta = s->op.data;
			s->op.meta.pieces = &pieces[i];
			(void)opd_start(&d, s);
		}
		for (u32 i = 0; i < OPD_SLOTS; i++) {
			ASSERT_EQ(opd_wait(&d, slots[i]), (s64)slots[i]->op.len_bytes);
			if (slots[i]->op.kind == TGT_READ)
				expect_pairs(slots[i]);
		}
	}
	opd_close(&d);
}

static void pairs(void)
{
	in_pairs("integrity?type=3&csum=none:[delay:[ram:64K]]");
	in_pairs("integrity?type=3&csum=none:[delay?by=3us:[ram:64K]]");
	in_pairs("integrity?type=3&csum=none:[ram:64K]");
}

/* mangle itself: what it is for, and only that */
static void mangles(void)
{
	static const struct {
		const char *spec;
		u32 byte;
		u8 mask;
	} rows[] = {
		{ "mangle?what=guard&at=1024:[integrity:[ram:96s]]", 16, 0x40 },
		{ "mangle?what=app&at=1024:[integrity:[ram:96s]]", 18, 0x40 },
		{ "mangle?what=ref&at=1024:[integrity:[ram:96s]]", 20, 0x40 },
		{ "mangle?what=ref&at=512&writes=1:[integrity?csum=nvme:[ram:96s]]", 26, 0x40 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run r;

		begin(&r, rows[i].spec);
		memset(data_io, 0x77, 4096);
		make_tuples(&r, 0, 4096);
		memcpy(meta, meta_io, meta_len(&r, 4096));
		ASSERT_EQ(io(&r, TGT_WRITE, 0, 4096, data_io, meta_io), 4096);
		ASSERT_EQ(io(&r, TGT_READ, 0, 4096, data_io, meta_io), 4096);
		meta[rows[i].byte] ^= rows[i].mask;
		EXPECT_MEMEQ(meta_io, meta, meta_len(&r, 4096));
		opd_close(&r.d);
	}
}

static const struct test_case cases[] = {
	TEST("what is written with metadata is read with it, what is not has all ones", is_exact,
	     .timeout_ms = 60000),
	TEST("the disk has the format that was asked for", tells_its_format),
	TEST("formats that make no sense are refused with the reason", refuses),
	TEST("metadata of another length than the data's is refused", refuses_lengths),
	TEST("with verify=1 a write with a wrong guard or tag is refused, and the old stays",
	     verifies_writes),
	TEST("with verify=1 a read of wrong data is refused", verifies_reads),
	TEST("with verify=1 a write without metadata gets some", makes_its_own),
	TEST("a write that failed leaves no metadata", forgets_after_failure),
	TEST("only metadata that is written takes memory, and discard gives it back", is_sparse,
	     .timeout_ms = 30000),
	TEST("data and metadata of overlapping requests change together", pairs,
	     .timeout_ms = 60000),
	TEST("the target that mangles metadata does so at its place", mangles),
};
TEST_SUITE(targets_integrity, cases);
