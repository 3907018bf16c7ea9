/* SPDX-License-Identifier: MIT */
/* ublk/targets/zoned.c against a model of it: every answer, every report, every byte. */
#include <asm/errno.h>
#include <linux/blkzoned.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/opdriver.h"
#include "selftests/oracle.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

#define SECTOR 512
#define MAX_ZONES 64
#define MAX_SECTORS (MAX_ZONES * 512)
#define MAX_IO_SECTORS 64

/* What a spec is about, said once more in numbers */
struct shape {
	const char *spec;
	u32 nr;
	u32 zone_sectors;
	u32 capacity_sectors;
	u32 nr_conventional;
	u32 max_open;
	u32 max_active;
	u32 max_append_sectors;
	u32 nr_ops;
};

struct model {
	const struct shape *shape;
	u8 cond[MAX_ZONES];	    /* BLK_ZONE_COND_* */
	u32 wp[MAX_ZONES];	    /* how much was written, in sectors */
	u32 opened_at[MAX_ZONES];   /* of implicitly open ones: when */
	u64 stamps[MAX_SECTORS];    /* of what is in each sector; 0: zeroes */
	u32 now;
};

static struct model model;
static u64 mem[MAX_IO_SECTORS * SECTOR / 8];

static void model_init(const struct shape *s)
{
	memset(&model, 0, sizeof(model));
	model.shape = s;
	for (u32 i = 0; i < s->nr; i++)
		model.cond[i] = i < s->nr_conventional ? BLK_ZONE_COND_NOT_WP :
							 BLK_ZONE_COND_EMPTY;
}

static u32 nr_with(const struct model *m, u32 a, u32 b, u32 c)
{
	u32 nr = 0;

	for (u32 i = 0; i < m->shape->nr; i++)
		nr += m->cond[i] == a || m->cond[i] == b || m->cond[i] == c;
	return nr;
}

static u32 oldest_implicit(const struct model *m)
{
	u32 oldest = m->shape->nr;

	for (u32 i = 0; i < m->shape->nr; i++)
		if (m->cond[i] == BLK_ZONE_COND_IMP_OPEN &&
		    (oldest == m->shape->nr || m->opened_at[i] < m->opened_at[oldest]))
			oldest = i;
	return oldest;
}

static int model_make_open(struct model *m, u32 zone, u8 cond)
{
	const struct shape *s = m->shape;
	u32 oldest = oldest_implicit(m);

	if (m->cond[zone] == BLK_ZONE_COND_EMPTY && s->max_active &&
	    nr_with(m, BLK_ZONE_COND_IMP_OPEN, BLK_ZONE_COND_EXP_OPEN, BLK_ZONE_COND_CLOSED) >=
		    s->max_active)
		return -EOVERFLOW;
	if (s->max_open &&
	    nr_with(m, BLK_ZONE_COND_IMP_OPEN, BLK_ZONE_COND_EXP_OPEN, 0xff) >= s->max_open) {
		if (oldest == s->nr)
			return -ETOOMANYREFS;
		m->cond[oldest] = m->wp[oldest] ? BLK_ZONE_COND_CLOSED : BLK_ZONE_COND_EMPTY;
	}
	m->cond[zone] = cond;
	m->opened_at[zone] = m->now++;
	return 0;
}

static bool is_open(u8 cond)
{
	return cond == BLK_ZONE_COND_IMP_OPEN || cond == BLK_ZONE_COND_EXP_OPEN;
}

static s64 model_write(struct model *m, u32 zone, u32 at, u32 nr, u64 stamp, bool appends)
{
	const struct shape *s = m->shape;
	int err = 0;

	if (m->cond[zone] == BLK_ZONE_COND_NOT_WP) {
		if (appends)
			return -EIO;
	} else {
		if (appends && (at || nr > s->max_append_sectors))
			return -EINVAL;
		if (appends)
			at = m->wp[zone];
		if (m->cond[zone] == BLK_ZONE_COND_FULL || at != m->wp[zone] ||
		    at + nr > s->capacity_sectors)
			return -EIO;
		if (!is_open(m->cond[zone]))
			err = model_make_open(m, zone, BLK_ZONE_COND_IMP_OPEN);
		if (err)
			return err;
		m->wp[zone] += nr;
		if (m->wp[zone] == s->capacity_sectors)
			m->cond[zone] = BLK_ZONE_COND_FULL;
	}
	for (u32 i = 0; i < nr; i++)
		m->stamps[zone * s->zone_sectors + at + i] = stamp + i;
	return appends ? (s64)zone * s->zone_sectors + at : (s64)nr * SECTOR;
}

static void model_reset(struct model *m, u32 zone)
{
	m->cond[zone] = BLK_ZONE_COND_EMPTY;
	m->wp[zone] = 0;
	memset(&m->stamps[zone * m->shape->zone_sectors], 0, m->shape->zone_sectors * 8);
}

static s64 model_open(struct model *m, u32 zone)
{
	switch (m->cond[zone]) {
	case BLK_ZONE_COND_EXP_OPEN:
		return 0;
	case BLK_ZONE_COND_IMP_OPEN:
		m->cond[zone] = BLK_ZONE_COND_EXP_OPEN;
		return 0;
	case BLK_ZONE_COND_FULL:
		return -EIO;
	default:
		return model_make_open(m, zone, BLK_ZONE_COND_EXP_OPEN);
	}
}

static s64 model_close(struct model *m, u32 zone)
{
	if (m->cond[zone] == BLK_ZONE_COND_EMPTY || m->cond[zone] == BLK_ZONE_COND_FULL)
		return -EIO;
	m->cond[zone] = m->wp[zone] ? BLK_ZONE_COND_CLOSED : BLK_ZONE_COND_EMPTY;
	return 0;
}

/* An operation on one zone that moves nothing */
static s64 model_change(struct model *m, u8 kind, u32 zone)
{
	if (m->cond[zone] == BLK_ZONE_COND_NOT_WP)
		return -EIO;
	switch (kind) {
	case TGT_ZONE_OPEN:
		return model_open(m, zone);
	case TGT_ZONE_CLOSE:
		return model_close(m, zone);
	case TGT_ZONE_FINISH:
		m->cond[zone] = BLK_ZONE_COND_FULL;
		return 0;
	default:
		model_reset(m, zone);
		return 0;
	}
}

/* --- asking the target --------------------------------------------------------------- */

/* In two pieces, so that what is done to a part of it is done across them */
static s64 transfer(struct opdriver *d, u8 kind, u64 sector, u32 nr, u32 cut)
{
	struct tgt_piece pieces[] = {
		{ (u64)(uintptr_t)mem, cut },
		{ (u64)(uintptr_t)mem + cut, nr * SECTOR - cut },
	};

	return opd_pieces(d, kind, sector * SECTOR, nr * SECTOR, pieces, 2);
}

static s64 write_stamped(struct opdriver *d, u8 kind, u64 sector, u32 nr, u64 stamp, u32 cut)
{
	for (u32 i = 0; i < nr * SECTOR / 8; i++)
		mem[i] = stamp + i / (SECTOR / 8);
	return transfer(d, kind, sector, nr, cut);
}

static void check_read(struct opdriver *d, u64 sector, u32 nr, u32 cut)
{
	memset(mem, 0xa5, sizeof(mem));
	ASSERT_EQ(transfer(d, TGT_READ, sector, nr, cut), nr * SECTOR);
	for (u32 i = 0; i < nr * SECTOR / 8; i++)
		if (mem[i] != model.stamps[sector + i / (SECTOR / 8)])
			test_fail("sector %llu + %u holds %llx at word %u, wants %llx", sector,
				  i / (SECTOR / 8), mem[i], i % (SECTOR / 8),
				  model.stamps[sector + i / (SECTOR / 8)]);
}

static s64 report(struct opdriver *d, u64 offset_bytes, struct blk_zone *zones, u32 max)
{
	struct opd_slot *slot = opd_slot(d);

	slot->op.kind = TGT_REPORT_ZONES;
	slot->op.offset_bytes = offset_bytes;
	slot->op.report = zones;
	slot->op.report_zones = max;
	(void)opd_start(d, slot);
	return opd_wait(d, slot);
}

static void check_report(struct opdriver *d, u32 first, u32 max)
{
	static struct blk_zone zones[MAX_ZONES + 1];
	const struct shape *s = model.shape;
	u32 nr = max < s->nr - first ? max : s->nr - first;

	memset(zones, 0x77, sizeof(zones));
	ASSERT_EQ(report(d, (u64)first * s->zone_sectors * SECTOR, zones, max), nr);
	for (u32 i = 0; i < nr; i++) {
		u32 zone = first + i;
		bool conventional = zone < s->nr_conventional;
		bool has_wp = !conventional && model.cond[zone] != BLK_ZONE_COND_FULL;
		struct blk_zone want = {
			.start = (u64)zone * s->zone_sectors,
			.len = s->zone_sectors,
			.type = conventional ? BLK_ZONE_TYPE_CONVENTIONAL :
					       BLK_ZONE_TYPE_SEQWRITE_REQ,
			.cond = model.cond[zone],
			.capacity = conventional ? s->zone_sectors : s->capacity_sectors,
		};

		want.wp = want.start + (has_wp ? model.wp[zone] : s->zone_sectors);
		if (memcmp(&zones[i], &want, sizeof(want)))
			test_fail("zone %u: condition %u, wp %llu; wants %u, %llu", zone,
				  zones[i].cond, zones[i].wp - zones[i].start, want.cond,
				  want.wp - want.start);
	}
	/* not one more than was asked for */
	EXPECT_EQ(((u8 *)&zones[nr])[0], 0x77);
}

/* --- a random life ------------------------------------------------------------------- */

static void random_write(struct opdriver *d, u64 *random, u8 kind)
{
	const struct shape *s = model.shape;
	u32 zone = (u32)oracle_below(random, s->nr);
	u32 nr = 1 + (u32)oracle_below(random, MAX_IO_SECTORS);
	u32 at = (u32)oracle_below(random, s->zone_sectors);
	u64 stamp = oracle_random(random) | 1;
	u32 cut = (u32)oracle_below(random, nr * SECTOR);
	s64 want;

	if (oracle_below(random, 8))
		at = kind == TGT_WRITE ? model.wp[zone] : 0;
	if (at == s->zone_sectors) /* the next zone's */
		return;
	if (kind == TGT_WRITE && at + nr > s->zone_sectors) {
		ASSERT_EQ(write_stamped(d, kind, zone * s->zone_sectors + at, nr, stamp, cut),
			  -EINVAL);
		return;
	}
	want = model_write(&model, zone, at, nr, stamp, kind == TGT_ZONE_APPEND);
	if (kind == TGT_ZONE_APPEND && at)
		want = -EINVAL;
	ASSERT_EQ(write_stamped(d, kind, zone * s->zone_sectors + at, nr, stamp, cut), want);
}

static void random_read(struct opdriver *d, u64 *random)
{
	const struct shape *s = model.shape;
	u32 at = (u32)oracle_below(random, s->nr * s->zone_sectors);
	u32 left = s->zone_sectors - at % s->zone_sectors;
	u32 nr = 1 + (u32)oracle_below(random, left < MAX_IO_SECTORS ? left : MAX_IO_SECTORS);

	check_read(d, at, nr, (u32)oracle_below(random, nr * SECTOR));
}

static void random_change(struct opdriver *d, u64 *random)
{
	static const u8 kinds[] = {
		TGT_ZONE_OPEN, TGT_ZONE_OPEN, TGT_ZONE_CLOSE, TGT_ZONE_FINISH, TGT_ZONE_RESET,
	};
	u8 kind = kinds[oracle_below(random, ARRAY_SIZE(kinds))];
	u32 zone = (u32)oracle_below(random, model.shape->nr);
	u64 offset = (u64)zone * model.shape->zone_sectors * SECTOR;

	if (oracle_below(random, 300) == 0) {
		for (u32 i = model.shape->nr_conventional; i < model.shape->nr; i++)
			model_reset(&model, i);
		ASSERT_EQ(opd_simple(d, TGT_ZONE_RESET_ALL, 0, 0, 0), 0);
		return;
	}
	ASSERT_EQ(opd_simple(d, kind, offset, 0, 0), model_change(&model, kind, zone));
}

static void live(const struct shape *s, u64 seed)
{
	u64 random = seed;
	struct opdriver d;

	model_init(s);
	opd_open(&d, broken_types, s->spec);
	ASSERT_EQ(opd_limits(&d)->size_bytes, (u64)s->nr * s->zone_sectors * SECTOR);
	for (u32 i = 0; i < s->nr_ops; i++) {
		u64 dice = oracle_below(&random, 16);

		test_row("%s, seed %llu, operation %u", s->spec, seed, i);
		if (dice < 5)
			random_write(&d, &random, TGT_WRITE);
		else if (dice < 8)
			random_write(&d, &random, TGT_ZONE_APPEND);
		else if (dice < 12)
			random_read(&d, &random);
		else
			random_change(&d, &random);
		if (dice % 4 == 0)
			check_report(&d, (u32)oracle_below(&random, s->nr),
				     1 + (u32)oracle_below(&random, s->nr));
		if (i % 500 == 0)
			check_report(&d, 0, s->nr);
	}
	for (u32 at = 0; at < s->nr * s->zone_sectors; at += MAX_IO_SECTORS)
		check_read(&d, at, MAX_IO_SECTORS, 333);
	opd_close(&d);
}

static void is_as_the_model(void)
{
	static const struct shape shapes[] = {
		{ "zoned:2M?zone_size=64K", 32, 128, 128, 0, 0, 0, 128, 20000 },
		{ "zoned:2200K?zone_size=128K&conventional=3&max_open=2&max_active=3", 17, 256,
		  256, 3, 2, 3, 256, 20000 },
		{ "zoned?zone_size=64K&zone_capacity=48K&max_open=1&zone_append=16K:[ram:1M]", 16,
		  128, 96, 0, 1, 0, 32, 15000 },
		{ "zoned:1M?zone_size=64K&max_active=5&conventional=1", 16, 128, 128, 1, 0, 5, 128,
		  15000 },
		{ "zoned:256K?zone_size=64K&conventional=4", 4, 128, 128, 4, 0, 0, 128, 2000 },
		{ "zoned:64K?zone_size=64K&max_open=1&max_active=1", 1, 128, 128, 0, 1, 1, 128,
		  2000 },
		{ "zoned?zone_size=64K&max_open=3&max_active=4:[delay:[ram:1M]]", 16, 128, 128, 0,
		  3, 4, 128, 6000 },
	};
	u64 seed;

	ASSERT_EQ(sys_getrandom(&seed, sizeof(seed), 0), sizeof(seed));
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		live(&shapes[i], 7654321 + i);
		live(&shapes[i], seed % 1000000000 + 1 + i);
	}
}

/* --- the rest ------------------------------------------------------------------------- */

static void refuses_operations(void)
{
	static const struct {
		u8 kind;
		u64 offset;
		u64 len;
		int err;
	} rows[] = {
		{ TGT_DISCARD, 65536, 65536, -EOPNOTSUPP },
		{ TGT_WRITE_ZEROES, 65536, 65536, -EOPNOTSUPP },
		{ 200, 65536, 0, -EOPNOTSUPP },
		{ TGT_ZONE_OPEN, 65536 + 512, 0, -EINVAL },
		{ TGT_ZONE_RESET, 512, 0, -EINVAL },
		{ TGT_ZONE_RESET, 524288, 0, -EINVAL },
		{ TGT_ZONE_FINISH, ~0ULL << 9, 0, -EINVAL },
		{ TGT_READ, 65536 - 512, 1024, -EINVAL },
		{ TGT_READ, 524288 - 512, 1024, -EINVAL },
		{ TGT_READ, 512, ~0ULL << 9, -EINVAL },
		{ TGT_WRITE, 131072 - 512, 1024, -EINVAL },
		{ TGT_WRITE, 65536 + 512, 512, -EIO },
		{ TGT_ZONE_APPEND, 65536 + 512, 512, -EINVAL },
		{ TGT_ZONE_APPEND, 65536, 32768 + 512, -EINVAL },
		{ TGT_ZONE_APPEND, 0, 512, -EIO },
		{ TGT_ZONE_RESET, 0, 0, -EIO },
		{ TGT_ZONE_OPEN, 0, 0, -EIO },
		{ TGT_ZONE_CLOSE, 0, 0, -EIO },
		{ TGT_ZONE_FINISH, 0, 0, -EIO },
		{ TGT_FLUSH, 0, 0, 0 },
	};
	static struct blk_zone before[8];
	static struct blk_zone after[8];
	struct opdriver d;

	opd_open(&d, tgt_types, "zoned:512K?zone_size=64K&conventional=1&zone_append=32K");
	ASSERT_EQ(report(&d, 0, before, 8), 8);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct opd_slot *slot = opd_slot(&d);

		test_row("operation %u at %llu, %llu bytes", rows[i].kind, rows[i].offset,
			 rows[i].len);
		slot->op.kind = rows[i].kind;
		slot->op.offset_bytes = rows[i].offset;
		slot->op.len_bytes = rows[i].len;
		tgt_set_mem(&slot->op, mem);
		(void)opd_start(&d, slot);
		EXPECT_ERR(opd_wait(&d, slot), rows[i].err);
	}
	ASSERT_EQ(report(&d, 0, after, 8), 8);
	EXPECT_MEMEQ(after, before, sizeof(before));
	ASSERT_EQ(report(&d, 524288, after, 8), -EINVAL);
	opd_close(&d);
}

static void refuses_specs(void)
{
	static const struct {
		const char *spec;
		const char *text;
	} rows[] = {
		{ "zoned:1G?zone_size=96M", "zone_size 100663296: not a power of two" },
		{ "zoned:[zoned:1G]", "it is zoned already" },
		{ "zoned:1G?conventional=17", "there are only 16 zones" },
		{ "zoned:1G?max_open=17", "there are only 16 zones" },
		{ "zoned:1G?max_active=17", "there are only 16 zones" },
		{ "zoned:1G?max_open=3&max_active=2", "max_open 3 is more than max_active 2" },
		{ "zoned:32M", "a disk of 33554432 bytes has no zones of 67108864, or too many" },
		{ "zoned:1G?zone_capacity=65M",
		  "zone_capacity 68157440: not in blocks, or more than a zone" },
		{ "zoned:1G?zone_capacity=8195",
		  "zone_capacity 8195: not in blocks, or more than a zone" },
		{ "zoned:1G?zone_append=8195", "zone_append 8195: not in blocks" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_tree tree;
		struct diag why;
		char text[200];

		EXPECT_ERR(tgt_open(&tree, tgt_types, rows[i].spec, &why), -EINVAL);
		fmt_print(text, sizeof(text), "target zoned: %s", rows[i].text);
		EXPECT_STREQ(why.text, text);
		EXPECT_EQ(tree.mem, NULL);
	}
}

static void says_what_it_is(void)
{
	const struct tgt_limits *l;
	struct opdriver d;

	opd_open(&d, tgt_types, "zoned?max_open=3&max_active=5&zone_append=1M:[ram:1000M]");
	l = opd_limits(&d);
	EXPECT_EQ(l->size_bytes, 15ULL * (64 << 20));
	EXPECT_EQ(l->chunk_bytes, 64 << 20);
	EXPECT_EQ(l->zones.zone_bytes, 64 << 20);
	EXPECT_EQ(l->zones.max_open, 3);
	EXPECT_EQ(l->zones.max_active, 5);
	EXPECT_EQ(l->zones.max_append_bytes, 1 << 20);
	EXPECT_EQ(l->max_discard_bytes, 0);
	EXPECT_EQ(l->max_write_zeroes_bytes, 0);
	opd_close(&d);
	opd_open(&d, tgt_types, "zoned:1G?zone_capacity=48M");
	EXPECT_EQ(opd_limits(&d)->zones.max_append_bytes, 48 << 20);
	opd_close(&d);
}

/* What the memfd of the only ram target of this process takes */
static u64 allocated_bytes(void)
{
	struct statx st;

	for (int fd = 3; fd < 64; fd++) {
		char path[32];
		char link[64] = "";

		fmt_print(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (sys_readlinkat(AT_FDCWD, path, link, sizeof(link) - 1) <= 0 ||
		    !str_starts(link, "/memfd:bareblk-ram"))
			continue;
		ASSERT_OK(sys_statx(fd, "", AT_EMPTY_PATH, STATX_BLOCKS, &st));
		return st.stx_blocks * SECTOR;
	}
	test_fail("ram has no memfd");
}

static void gives_memory_back(void)
{
	struct opdriver d;

	opd_open(&d, tgt_types, "zoned:4M?zone_size=1M");
	for (u32 i = 0; i < 4096 / 32; i++)
		ASSERT_EQ(opd_write(&d, i * 32768, mem, 32768, 0), 32768);
	EXPECT_EQ(allocated_bytes(), 4 << 20);
	ASSERT_EQ(opd_simple(&d, TGT_ZONE_RESET, 1 << 20, 0, 0), 0);
	EXPECT_EQ(allocated_bytes(), 3 << 20);
	ASSERT_EQ(opd_simple(&d, TGT_ZONE_RESET_ALL, 0, 0, 0), 0);
	EXPECT_EQ(allocated_bytes(), 0);
	opd_close(&d);
}

static const struct test_case cases[] = {
	TEST("random lives are as the model's, with every report and every byte", is_as_the_model,
	     .timeout_ms = 60000),
	TEST("what it cannot do is refused and changes nothing", refuses_operations),
	TEST("zones that cannot be are refused with the reason", refuses_specs),
	TEST("its limits are those of its zones", says_what_it_is),
	TEST("resetting gives the memory of zones back", gives_memory_back),
};
TEST_SUITE(targets_zoned, cases);
