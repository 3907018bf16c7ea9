/* SPDX-License-Identifier: MIT */
/* ublk/targets/zoned.c with operations under way, over a child that answers when it is told to. */
#include <asm/errno.h>
#include <linux/blkzoned.h>

#include "selftests/harness/harness.h"
#include "selftests/opdriver.h"
#include "uapi/rt/fmt.h"
#include "ublk/targets/targets.h"

#define SECTOR 512
#define ZONE_SECTORS 128
#define MAX_HELD 8

static struct {
	bool holds;
	bool has_no_discard;
	u32 nr;
	struct tgt_op *ops[MAX_HELD];
} held;

static enum tgt_status held_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	if (!held.holds || op->kind == TGT_READ)
		return tgt_submit(t->child[0], q, op);
	ASSERT_LT(held.nr, MAX_HELD);
	held.ops[held.nr++] = op;
	return TGT_PENDING;
}

/* The operation that came as the nth: done by the child, or failed with some of it there */
static void release(struct opdriver *d, u32 nth, int err)
{
	struct tgt_op *op = held.ops[nth];

	ASSERT_LT(nth, held.nr);
	ASSERT_EQ(tgt_submit(op->tgt->child[0], &d->q, op), TGT_DONE);
	tgt_complete(&d->q, op, err ? err : op->result);
	tgt_run_done(&d->run);
}

static int held_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)arg;
	(void)values;
	(void)why;
	t->limits = t->child[0]->limits;
	if (held.has_no_discard)
		t->limits.max_discard_bytes = 0;
	return 0;
}

static const struct tgt_type held_target = {
	.name = "held",
	.summary = "answers when it is told to",
	.min_children = 1,
	.max_children = 1,
	.open = held_open,
	.submit = held_submit,
};

static const struct tgt_type *const held_types[] = {
	&ram_target, &zoned_target, &held_target, NULL,
};

/* Eight zones of 64K, one sector after the other written as 8 bytes said 64 times */
static void open_held(struct opdriver *d, const char *params)
{
	char spec[128];
	struct fmt_buf text = { .text = spec, .size = sizeof(spec) };

	fmt_add(&text, "zoned?zone_size=64K%s:[held:[ram:512K]]", params);
	held.nr = 0;
	held.holds = true;
	opd_open(d, held_types, spec);
}

static struct opd_slot *begin(struct opdriver *d, u8 kind, u32 zone, u32 at, u32 nr)
{
	static u64 bufs[MAX_HELD][ZONE_SECTORS * SECTOR / 8];
	static u32 nr_bufs;
	struct opd_slot *slot = opd_slot(d);
	u64 *buf = bufs[nr_bufs++ % MAX_HELD];

	for (u32 i = 0; i < nr * SECTOR / 8; i++)
		buf[i] = nr;
	slot->op.kind = kind;
	slot->op.offset_bytes = (zone * ZONE_SECTORS + at) * SECTOR;
	slot->op.len_bytes = nr * SECTOR;
	if (kind == TGT_WRITE || kind == TGT_ZONE_APPEND)
		tgt_set_mem(&slot->op, buf);
	(void)opd_start(d, slot);
	return slot;
}

/* What begin() wrote there; 0: nothing */
static void check_sector(struct opdriver *d, u32 zone, u32 at, u64 stamp)
{
	u64 mem[SECTOR / 8];

	ASSERT_EQ(opd_read(d, (zone * ZONE_SECTORS + at) * SECTOR, mem, SECTOR), SECTOR);
	EXPECT_EQ(mem[0], stamp);
	EXPECT_EQ(mem[SECTOR / 8 - 1], stamp);
}

static void check_zone(struct opdriver *d, u32 idx, u8 cond, u32 wp)
{
	struct opd_slot *slot = opd_slot(d);
	struct blk_zone zone;

	slot->op.kind = TGT_REPORT_ZONES;
	slot->op.offset_bytes = idx * ZONE_SECTORS * SECTOR;
	slot->op.report = &zone;
	slot->op.report_zones = 1;
	(void)opd_start(d, slot);
	ASSERT_EQ(opd_wait(d, slot), 1);
	EXPECT_EQ(zone.cond, cond);
	EXPECT_EQ(zone.wp - zone.start, wp);
}

static bool is_pending(const struct opd_slot *slot)
{
	return slot->state == OPD_PENDING;
}

static void a_failed_write(void)
{
	struct opdriver d;
	struct opd_slot *w;

	held.has_no_discard = true;
	open_held(&d, "");
	w = begin(&d, TGT_WRITE, 0, 0, 3);
	release(&d, 0, 0);
	ASSERT_EQ(opd_wait(&d, w), 3 * SECTOR);
	w = begin(&d, TGT_WRITE, 0, 3, 8);
	check_zone(&d, 0, BLK_ZONE_COND_IMP_OPEN, 11);
	release(&d, 1, -ENOSPC);
	ASSERT_EQ(opd_wait(&d, w), -ENOSPC);
	check_zone(&d, 0, BLK_ZONE_COND_IMP_OPEN, 3);
	/* it was there, but it is not shown */
	check_sector(&d, 0, 2, 3);
	check_sector(&d, 0, 3, 0);
	w = begin(&d, TGT_WRITE, 0, 3, 5);
	release(&d, 2, 0);
	ASSERT_EQ(opd_wait(&d, w), 5 * SECTOR);
	check_zone(&d, 0, BLK_ZONE_COND_IMP_OPEN, 8);
	check_sector(&d, 0, 3, 5);
	check_sector(&d, 0, 8, 0);
	opd_close(&d);
}

static void failed_appends(void)
{
	struct opdriver d;
	struct opd_slot *a[3];

	open_held(&d, "");
	for (u32 i = 0; i < 3; i++)
		a[i] = begin(&d, TGT_ZONE_APPEND, 1, 0, 4 + i);
	check_zone(&d, 1, BLK_ZONE_COND_IMP_OPEN, 15);
	/* The first cannot give its place back, since others come behind it. */
	release(&d, 0, -EIO);
	check_zone(&d, 1, BLK_ZONE_COND_IMP_OPEN, 15);
	release(&d, 2, -EIO);
	check_zone(&d, 1, BLK_ZONE_COND_IMP_OPEN, 9);
	release(&d, 1, 0);
	ASSERT_EQ(opd_wait(&d, a[0]), -EIO);
	ASSERT_EQ(opd_wait(&d, a[1]), ZONE_SECTORS + 4);
	ASSERT_EQ(opd_wait(&d, a[2]), -EIO);
	check_zone(&d, 1, BLK_ZONE_COND_IMP_OPEN, 9);
	check_sector(&d, 1, 4, 5);
	check_sector(&d, 1, 8, 5);
	check_sector(&d, 1, 9, 0);
	held.nr = 0;
	a[0] = begin(&d, TGT_ZONE_APPEND, 1, 0, 7);
	release(&d, 0, 0);
	ASSERT_EQ(opd_wait(&d, a[0]), ZONE_SECTORS + 9);
	check_sector(&d, 1, 9, 7);
	opd_close(&d);
}

/* Of two zones that may be active, the one that is nearly full must still count. */
static void the_last_write_fails(void)
{
	struct opdriver d;
	struct opd_slot *w;

	open_held(&d, "&max_open=1&max_active=2");
	w = begin(&d, TGT_WRITE, 0, 0, 128);
	check_zone(&d, 0, BLK_ZONE_COND_IMP_OPEN, 128);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_OPEN, 1, 0, 0)), 0);
	check_zone(&d, 0, BLK_ZONE_COND_CLOSED, 128);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_OPEN, 2, 0, 0)), -EOVERFLOW);
	release(&d, 0, -EIO);
	ASSERT_EQ(opd_wait(&d, w), -EIO);
	/* closed with nothing in it: one more may be active again, but not be open */
	check_zone(&d, 0, BLK_ZONE_COND_EMPTY, 0);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_OPEN, 2, 0, 0)), -ETOOMANYREFS);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_CLOSE, 1, 0, 0)), 0);
	check_zone(&d, 1, BLK_ZONE_COND_EMPTY, 0);

	w = begin(&d, TGT_WRITE, 0, 0, 100);
	release(&d, 1, 0);
	ASSERT_EQ(opd_wait(&d, w), 100 * SECTOR);
	w = begin(&d, TGT_WRITE, 0, 100, 28);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_OPEN, 1, 0, 0)), 0);
	release(&d, 2, -EIO);
	ASSERT_EQ(opd_wait(&d, w), -EIO);
	check_zone(&d, 0, BLK_ZONE_COND_CLOSED, 100);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_CLOSE, 1, 0, 0)), 0);
	w = begin(&d, TGT_WRITE, 0, 100, 28);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_OPEN, 1, 0, 0)), 0);
	release(&d, 3, 0);
	ASSERT_EQ(opd_wait(&d, w), 28 * SECTOR);
	check_zone(&d, 0, BLK_ZONE_COND_FULL, 128);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_CLOSE, 1, 0, 0)), 0);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_OPEN, 2, 0, 0)), 0);
	opd_close(&d);
}

static void full_when_all_are_done(void)
{
	struct opdriver d;
	struct opd_slot *a;
	struct opd_slot *b;

	open_held(&d, "&max_open=2&max_active=2");
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_OPEN, 7, 0, 0)), 0);
	a = begin(&d, TGT_ZONE_APPEND, 0, 0, 100);
	b = begin(&d, TGT_ZONE_APPEND, 0, 0, 28);
	release(&d, 1, 0);
	ASSERT_EQ(opd_wait(&d, b), 100);
	check_zone(&d, 0, BLK_ZONE_COND_IMP_OPEN, 128);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_APPEND, 0, 0, 1)), -EIO);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_APPEND, 1, 0, 1)), -EOVERFLOW);
	/* Even if that one fails nothing can come behind the other any more. */
	release(&d, 0, -EIO);
	ASSERT_EQ(opd_wait(&d, a), -EIO);
	check_zone(&d, 0, BLK_ZONE_COND_FULL, 128);
	check_sector(&d, 0, 100, 28);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_OPEN, 1, 0, 0)), 0);
	opd_close(&d);
}

static void finished_meanwhile(void)
{
	struct opdriver d;
	struct opd_slot *a;
	struct opd_slot *b;

	held.has_no_discard = true;
	open_held(&d, "");
	a = begin(&d, TGT_ZONE_APPEND, 0, 0, 8);
	b = begin(&d, TGT_ZONE_APPEND, 0, 0, 9);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_FINISH, 0, 0, 0)), 0);
	check_zone(&d, 0, BLK_ZONE_COND_FULL, 128);
	release(&d, 1, -EIO);
	release(&d, 0, 0);
	ASSERT_EQ(opd_wait(&d, a), 0);
	ASSERT_EQ(opd_wait(&d, b), -EIO);
	check_zone(&d, 0, BLK_ZONE_COND_FULL, 128);
	check_sector(&d, 0, 7, 8);
	check_sector(&d, 0, 8, 0);
	check_sector(&d, 0, 127, 0);
	opd_close(&d);
}

/* Some turns of the ring, in which what can go on would */
static void wait_a_while(struct opdriver *d)
{
	for (int i = 0; i < 10; i++)
		opd_step(d);
}

static void reset_waits_for_writes(void)
{
	struct opdriver d;
	struct opd_slot *w;
	struct opd_slot *r[2];

	held.has_no_discard = true;
	open_held(&d, "");
	w = begin(&d, TGT_WRITE, 2, 0, 6);
	r[0] = begin(&d, TGT_ZONE_RESET, 2, 0, 0);
	r[1] = begin(&d, TGT_ZONE_RESET_ALL, 0, 0, 0);
	wait_a_while(&d);
	EXPECT_TRUE(is_pending(r[0]));
	EXPECT_TRUE(is_pending(r[1]));
	release(&d, 0, 0);
	ASSERT_EQ(opd_wait(&d, w), 6 * SECTOR);
	ASSERT_EQ(opd_wait(&d, r[0]), 0);
	ASSERT_EQ(opd_wait(&d, r[1]), 0);
	check_zone(&d, 2, BLK_ZONE_COND_EMPTY, 0);
	/* The child has it still. */
	check_sector(&d, 2, 0, 0);
	w = begin(&d, TGT_WRITE, 2, 0, 2);
	release(&d, 1, 0);
	ASSERT_EQ(opd_wait(&d, w), 2 * SECTOR);
	check_sector(&d, 2, 1, 2);
	check_sector(&d, 2, 2, 0);
	opd_close(&d);
}

static void writes_wait_for_the_discard(void)
{
	struct opdriver d;
	struct opd_slot *r;
	struct opd_slot *w[4];

	open_held(&d, "&max_open=1");
	w[0] = begin(&d, TGT_WRITE, 3, 0, 6);
	release(&d, 0, 0);
	ASSERT_EQ(opd_wait(&d, w[0]), 6 * SECTOR);
	r = begin(&d, TGT_ZONE_RESET, 3, 0, 0);
	ASSERT_EQ(held.nr, 2);
	check_zone(&d, 3, BLK_ZONE_COND_EMPTY, 0);
	w[0] = begin(&d, TGT_WRITE, 3, 0, 7);
	w[1] = begin(&d, TGT_ZONE_RESET, 3, 0, 0);
	w[2] = begin(&d, TGT_ZONE_OPEN, 3, 0, 0);
	w[3] = begin(&d, TGT_ZONE_FINISH, 3, 0, 0);
	wait_a_while(&d);
	for (u32 i = 0; i < 4; i++)
		EXPECT_TRUE(is_pending(w[i]));
	ASSERT_EQ(held.nr, 2);
	/* Another zone has nothing to do with it. */
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_OPEN, 4, 0, 0)), 0);
	ASSERT_EQ(opd_wait(&d, begin(&d, TGT_ZONE_CLOSE, 4, 0, 0)), 0);
	held.holds = false;
	/* What becomes of the discard is not the reset's concern. */
	release(&d, 1, -EIO);
	ASSERT_EQ(opd_wait(&d, r), 0);
	for (u32 i = 0; i < 4; i++)
		(void)opd_wait(&d, w[i]);
	opd_close(&d);
}

static void a_write_after_a_reset_stays(void)
{
	struct opdriver d;
	struct opd_slot *r;
	struct opd_slot *w;

	open_held(&d, "");
	w = begin(&d, TGT_WRITE, 3, 0, 6);
	release(&d, 0, 0);
	ASSERT_EQ(opd_wait(&d, w), 6 * SECTOR);
	r = begin(&d, TGT_ZONE_RESET, 3, 0, 0);
	w = begin(&d, TGT_WRITE, 3, 0, 7);
	held.holds = false;
	release(&d, 1, 0);
	ASSERT_EQ(opd_wait(&d, r), 0);
	ASSERT_EQ(opd_wait(&d, w), 7 * SECTOR);
	check_zone(&d, 3, BLK_ZONE_COND_IMP_OPEN, 7);
	check_sector(&d, 3, 6, 7);
	check_sector(&d, 3, 7, 0);
	opd_close(&d);
}

/* A zone in each condition, and what each operation makes of it */
static void conditions(void)
{
	enum { EMPTY, IMP, EXP, CLOSED, FULL, NR };
	static const u8 conds[NR] = {
		BLK_ZONE_COND_EMPTY, BLK_ZONE_COND_IMP_OPEN, BLK_ZONE_COND_EXP_OPEN,
		BLK_ZONE_COND_CLOSED, BLK_ZONE_COND_FULL,
	};
	static const u8 ways[NR] = {
		[EXP] = TGT_ZONE_OPEN, [CLOSED] = TGT_ZONE_CLOSE, [FULL] = TGT_ZONE_FINISH,
	};
	static const struct {
		u8 kind;
		s8 to[NR]; /* -1: -EIO */
	} rows[] = {
		{ TGT_ZONE_OPEN, { EXP, EXP, EXP, EXP, -1 } },
		{ TGT_ZONE_CLOSE, { -1, CLOSED, CLOSED, CLOSED, -1 } },
		{ TGT_ZONE_FINISH, { FULL, FULL, FULL, FULL, FULL } },
		{ TGT_ZONE_RESET, { EMPTY, EMPTY, EMPTY, EMPTY, EMPTY } },
		{ TGT_WRITE, { IMP, IMP, EXP, IMP, -1 } },
		{ TGT_ZONE_APPEND, { IMP, IMP, EXP, IMP, -1 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows) * NR; i++) {
		u8 kind = rows[i / NR].kind;
		u32 from = i % NR;
		s8 to = rows[i / NR].to[from];
		bool writes = kind == TGT_WRITE || kind == TGT_ZONE_APPEND;
		u32 wp = from == EMPTY ? 0 : 2;
		struct opdriver d;
		s64 ret;

		test_row("operation %u on condition %u", kind, conds[from]);
		open_held(&d, "");
		held.holds = false;
		if (from != EMPTY)
			ASSERT_EQ(opd_wait(&d, begin(&d, TGT_WRITE, 0, 0, 2)), 2 * SECTOR);
		if (ways[from])
			ASSERT_EQ(opd_wait(&d, begin(&d, ways[from], 0, 0, 0)), 0);
		ret = opd_wait(&d, begin(&d, kind, 0, kind == TGT_WRITE ? wp : 0, writes));
		EXPECT_EQ(ret < 0 ? ret : 0, to < 0 ? -EIO : 0);
		if (ret >= 0)
			wp = to == EMPTY ? 0 : wp + writes;
		else
			to = (s8)from;
		check_zone(&d, 0, conds[to], to == FULL ? ZONE_SECTORS : wp);
		opd_close(&d);
	}
}

static const struct test_case cases[] = {
	TEST("every operation does to every condition what the standard says", conditions),
	TEST("a failed write leaves the write pointer where it was", a_failed_write),
	TEST("appends that succeed stay where they are when others fail", failed_appends),
	TEST("a zone whose last write fails is not full, and still counted", the_last_write_fails),
	TEST("a zone is full when all of its writes are done", full_when_all_are_done),
	TEST("a zone may be finished while it is written to", finished_meanwhile),
	TEST("a reset waits for the writes that are under way", reset_waits_for_writes),
	TEST("everything else waits for a zone that is being reset", writes_wait_for_the_discard),
	TEST("the discard of a reset takes nothing that is written after it",
	     a_write_after_a_reset_stays),
};
TEST_SUITE(targets_zoned_busy, cases);
