/* SPDX-License-Identifier: MIT */
/* fault: each fault as it was asked for, and power cuts. */
#include <asm/errno.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "selftests/model.h"
#include "selftests/use_dir.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

#define BLOCK 4096

static u8 mem[1 << 16];
static u8 back[1 << 16];

struct wanted {
	const char *name;
	u64 value;
	bool found;
};

static void look(void *ctx, const char *name, u64 value)
{
	struct wanted *w = ctx;

	if (!str_eq(name, w->name))
		return;
	w->value = value;
	w->found = true;
}

static u64 stat_of(struct opdriver *d, const char *name)
{
	struct wanted w = { .name = name };

	tgt_stat(d->tree, look, &w);
	ASSERT_TRUE(w.found);
	return w.value;
}

/* The innermost has the power */
static void tell_power(struct opdriver *d, const char *word, const char *value)
{
	struct diag why = { .text = "" };
	u32 i = d->tree->nr;

	while (!str_eq(d->tree->nodes[--i].type->name, "fault"))
		;
	if (fault_target.message(&d->tree->nodes[i], word, value, &why))
		test_fail("%s: %s", word, why.text);
}

static void tell(struct opdriver *d, const char *word, const char *value)
{
	struct diag why = { .text = "" };

	if (tgt_message(d->tree, "fault", word, value, &why))
		test_fail("%s: %s", word, why.text);
}

/* What happened to one operation: 0 nothing, else which */
enum seen { FINE, FAILED, WRONG, ELSEWHERE, HALF, GONE };

static void fill(u8 with)
{
	memset(mem, with, sizeof(mem));
}

/* A write of two blocks at 16K, and what is there then, under the fault's target */
static enum seen write_once(struct opdriver *d, u8 with)
{
	u8 *disk = back;
	s64 result;

	fill(0);
	ASSERT_EQ(opd_simple(d, TGT_WRITE_ZEROES, 0, 65536, 0), 0);
	fill(with);
	result = opd_write(d, 16384, mem, 8192, 0);
	if (result < 0)
		return FAILED;
	ASSERT_EQ(result, 8192);
	ASSERT_EQ(opd_read(d, 0, back, 65536), 65536);
	if (disk[16384] == with && disk[16384 + 8191] == with)
		return FINE;
	if (disk[16384] == with && !disk[16384 + 4096])
		return HALF;
	return disk[24576] == with ? ELSEWHERE : GONE;
}

static enum seen read_once(struct opdriver *d, u8 with)
{
	u32 nr_bits = 0;

	fill(with);
	ASSERT_EQ(opd_write(d, 16384, mem, 8192, 0), 8192);
	if (opd_read(d, 16384, back, 8192) < 0)
		return FAILED;
	for (u32 i = 0; i < 8192; i++)
		for (u8 diff = back[i] ^ with; diff; diff &= (u8)(diff - 1))
			nr_bits++;
	ASSERT_LE(nr_bits, 1);
	return nr_bits ? WRONG : FINE;
}

struct fault_row {
	const char *spec;
	bool is_read;
	enum seen seen;
	const char *stat;
	const char *pattern; /* x: it struck */
};

static const struct fault_row rows[] = {
	{ "fault?rules=error/on=write/every=3:[ram:64K]", false, FAILED, "fault.error", "--x--x--x--x" },
	{ "fault?rules=error/on=write/err=ENOSPC/skip=4/times=2:[ram:64K]", false, FAILED,
	  "fault.error", "----xx------" },
	{ "fault?rules=error/on=read/at=20K-21K/every=2:[ram:64K]", true, FAILED, "fault.error",
	  "-x-x-x-x-x-x" },
	{ "fault?rules=error/on=read/at=24K-64K:[ram:64K]", true, FAILED, "fault.error",
	  "------------" },
	{ "fault?rules=lost/skip=1/every=2:[ram:64K]", false, GONE, "fault.lost", "--x-x-x-x-x-" },
	{ "fault?rules=torn/every=4:[ram:64K]", false, HALF, "fault.torn", "---x---x---x" },
	{ "fault?rules=misdirect/every=5:[ram:64K]", false, ELSEWHERE, "fault.misdirect", "----x----x--" },
	{ "fault?rules=flip/every=2:[ram:64K]", true, WRONG, "fault.flip", "-x-x-x-x-x-x" },
	{ "fault?powercut=1&rules=torn/every=4:[delay:[ram:64K]]", false, HALF, "fault.torn", "---x---x---x" },
	{ "fault?powercut=1&rules=misdirect/every=5:[delay:[ram:64K]]", false, ELSEWHERE,
	  "fault.misdirect", "----x----x--" },
	{ "fault?rules=flip/every=3;error/on=write/at=0-4K:[delay:[ram:64K]]", true, WRONG, "fault.flip",
	  "--x--x--x--x" },
};

static void each_as_asked(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct opdriver d;
		u32 nr = 0;

		test_row("%s", rows[i].spec);
		opd_open(&d, broken_types, rows[i].spec);
		for (const char *p = rows[i].pattern; *p; p++) {
			u8 with = (u8)(1 + (p - rows[i].pattern));
			enum seen seen = rows[i].is_read ? read_once(&d, with) :
							   write_once(&d, with);

			if (seen != (*p == 'x' ? rows[i].seen : FINE))
				test_fail("%s: operation %d: %d", rows[i].spec,
					  (int)(p - rows[i].pattern) + 1, seen);
			nr += *p == 'x';
		}
		EXPECT_EQ(stat_of(&d, rows[i].stat), nr);
		opd_close(&d);
	}
}

/* The error is the one that was named; a read of a lost flush's disk is not touched */
static void by_name(void)
{
	struct opdriver d;

	opd_open(&d, tgt_types, "fault?rules=error/on=flush+discard/err=EDQUOT:[ram:64K]");
	EXPECT_ERR(opd_simple(&d, TGT_FLUSH, 0, 0, 0), -EDQUOT);
	EXPECT_ERR(opd_simple(&d, TGT_DISCARD, 0, 4096, 0), -EDQUOT);
	EXPECT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 0, 4096, 0), 0);
	EXPECT_ERR(opd_simple(&d, TGT_ZONE_RESET, 0, 4096, 0), -EOPNOTSUPP);
	opd_close(&d);
	opd_open(&d, tgt_types, "fault?error_every=4:[ram:64K]");
	for (u32 i = 1; i <= 12; i++)
		EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), i % 4 ? 0 : -EIO);
	opd_close(&d);
}

/* With dice: a number that follows from the seed, and is about what was asked for */
static void throw(u64 seed, u8 *out, u32 nr)
{
	struct opdriver d;
	char spec[128];

	fmt_print(spec, sizeof(spec), "fault?seed=%llu&rules=error/on=read/odds=8:[ram:64K]", seed);
	opd_open(&d, tgt_types, spec);
	for (u32 i = 0; i < nr; i++)
		out[i] = opd_read(&d, 0, mem, 512) < 0;
	opd_close(&d);
}

static void dice(void)
{
	static u8 thrown[3][4000];
	u32 nr[2] = { 0, 0 };

	throw(1, thrown[0], 4000);
	throw(1, thrown[1], 4000);
	throw(2, thrown[2], 4000);
	EXPECT_MEMEQ(thrown[0], thrown[1], 4000);
	EXPECT_NE(memcmp(thrown[0], thrown[2], 4000), 0);
	for (u32 i = 0; i < 4000; i++) {
		nr[0] += thrown[0][i];
		nr[1] += thrown[2][i];
	}
	for (u32 i = 0; i < 2; i++) {
		EXPECT_GT(nr[i], 400);
		EXPECT_LT(nr[i], 600);
	}
}

static void delays(void)
{
	struct opdriver d;
	u64 begin = test_now_ms();
	u64 took;

	opd_open(&d, tgt_types, "fault?read_delay=40ms&write_delay=20ms:[ram:64K]");
	ASSERT_EQ(opd_read(&d, 0, mem, 4096), 4096);
	EXPECT_GE(test_now_ms() - begin, 39);
	begin = test_now_ms();
	ASSERT_EQ(opd_write(&d, 0, mem, 4096, 0), 4096);
	took = test_now_ms() - begin;
	EXPECT_GE(took, 19);
	EXPECT_EQ(d.nr_were_pending, 2);
	ASSERT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(d.nr_were_pending, 2);
	EXPECT_EQ(stat_of(&d, "fault.delay"), 2);
	opd_close(&d);
	/* between two times, all of them from the seed */
	opd_open(&d, tgt_types, "fault?rules=delay/on=read/by=1ms-30ms:[ram:64K]");
	begin = test_now_ms();
	for (u32 i = 0; i < 20; i++)
		ASSERT_EQ(opd_read(&d, 0, mem, 4096), 4096);
	took = test_now_ms() - begin;
	EXPECT_GT(took, 20 * 5);
	EXPECT_LT(took, 20 * 500); /* milliseconds they are */
	opd_close(&d);
}

static void stalls(void)
{
	struct opd_slot *slots[3];
	struct opdriver d;
	u64 begin = test_now_ms();

	opd_open(&d, tgt_types, "fault?rules=stall/on=read/times=3:[ram:64K]");
	for (u32 i = 0; i < 3; i++) {
		slots[i] = opd_slot(&d);
		slots[i]->op.kind = TGT_READ;
		slots[i]->op.len_bytes = 4096;
		tgt_set_mem(&slots[i]->op, mem);
		EXPECT_TRUE(!opd_start(&d, slots[i]));
	}
	while (test_now_ms() < begin + 60)
		opd_step(&d);
	EXPECT_EQ(d.nr_pending, 3);
	EXPECT_EQ(opd_read(&d, 0, back, 4096), 4096); /* a fourth is let through */
	tell(&d, "release", NULL);
	for (u32 i = 0; i < 3; i++)
		EXPECT_EQ(opd_wait(&d, slots[i]), 4096);
	EXPECT_EQ(stat_of(&d, "fault.stall"), 3);
	/* A queue that is to end does not wait for it. */
	tell(&d, "rules", "stall");
	slots[0] = opd_slot(&d);
	slots[0]->op.kind = TGT_FLUSH;
	EXPECT_TRUE(!opd_start(&d, slots[0]));
	tgt_queue_stop(d.tree, &d.q);
	(void)opd_wait(&d, slots[0]);
	opd_close(&d);
}

static void changes_at_run_time(void)
{
	struct diag why = { .text = "" };
	struct opdriver d;

	opd_open(&d, tgt_types, "fault:[ram:64K]");
	EXPECT_EQ(opd_read(&d, 0, mem, 4096), 4096);
	tell(&d, "rules", "error/on=read/err=ENODATA");
	EXPECT_ERR(opd_read(&d, 0, mem, 4096), -ENODATA);
	tell(&d, "add", "error/on=write");
	EXPECT_ERR(opd_read(&d, 0, mem, 4096), -ENODATA);
	EXPECT_ERR(opd_write(&d, 0, mem, 4096, 0), -EIO);
	for (u32 i = 0; i < 20; i++)
		tell(&d, "rules", "error/on=write/every=2");
	EXPECT_EQ(opd_write(&d, 0, mem, 4096, 0), 4096);
	EXPECT_EQ(opd_read(&d, 0, mem, 4096), 4096);
	EXPECT_ERR(opd_write(&d, 0, mem, 4096, 0), -EIO);
	/* What is refused changes nothing. */
	EXPECT_ERR(tgt_message(d.tree, "fault", "rules", "eror", &why), -EINVAL);
	EXPECT_EQ(opd_write(&d, 0, mem, 4096, 0), 4096);
	EXPECT_ERR(opd_write(&d, 0, mem, 4096, 0), -EIO);
	tell(&d, "clear", NULL);
	EXPECT_EQ(opd_write(&d, 0, mem, 4096, 0), 4096);
	EXPECT_EQ(opd_write(&d, 0, mem, 4096, 0), 4096);
	EXPECT_ERR(tgt_message(d.tree, "fault", "cut", NULL, &why), -EINVAL);
	EXPECT_STREQ(why.text, "fault: it was opened without powercut=1");
	EXPECT_ERR(tgt_message(d.tree, "fault", "restore", NULL, &why), -EINVAL);
	EXPECT_ERR(tgt_message(d.tree, "fault", "explode", NULL, &why), -EINVAL);
	EXPECT_EQ(stat_of(&d, "fault.operations"), 11);
	opd_close(&d);
}

static void refuses(void)
{
	static const struct {
		const char *spec;
		int err;
		const char *text;
	} bad[] = {
		{ "fault?rules=eror:[ram:64K]", -EINVAL, "no fault is called \"eror\"" },
		{ "fault?rules=error/evry=2:[ram:64K]", -EINVAL, "a rule cannot have \"evry=2\"" },
		{ "fault?rules=error/every=0:[ram:64K]", -EINVAL, "\"every=0\"" },
		{ "fault?rules=error/err=EFOO:[ram:64K]", -EINVAL, "\"err=EFOO\"" },
		{ "fault?rules=torn/err=EIO:[ram:64K]", -EINVAL, "\"err=EIO\"" },
		{ "fault?rules=torn/on=read:[ram:64K]", -EINVAL, "\"on=read\"" },
		{ "fault?rules=flip/on=bread:[ram:64K]", -EINVAL, "\"on=bread\"" },
		{ "fault?rules=flip/at=5K-4K:[ram:64K]", -EINVAL, "\"at=5K-4K\"" },
		{ "fault?rules=delay:[ram:64K]", -EINVAL, "a delay wants by=" },
		{ "fault?rules=delay/by=2ms-1ms:[ram:64K]", -EINVAL, "\"by=2ms-1ms\"" },
		{ "fault?rules=error/by=2ms:[ram:64K]", -EINVAL, "\"by=2ms\"" },
		{ "fault?rules=lost;lost;lost;lost;lost;lost;lost;lost;lost:[ram:64K]", -E2BIG,
		  "more than 8 rules" },
		{ "fault?rules=lost;:[ram:64K]", -EINVAL, "no fault is called \"\"" },
		{ "fault:[zoned:1G]", -EOPNOTSUPP, "its child, zoned, has zones" },
		{ "fault:[integrity:[ram:1M]]", -EOPNOTSUPP, "its child, integrity, has metadata" },
		{ "fault?powercut=1:[null:4E]", -ENOMEM, "no room for what a power cut takes back" },
		{ "fault?error_every=0:[ram:64K]", -ERANGE, "error_every" },
		{ "fault?keep=all:[ram:64K]", -EINVAL, "keep" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tgt_tree tree;
		struct diag why = { .text = "" };
		int err = tgt_open(&tree, tgt_types, bad[i].spec, &why);

		test_row("%s: %s", bad[i].spec, why.text);
		EXPECT_ERR(err, bad[i].err);
		EXPECT_NE(str_find(why.text, bad[i].text), NULL);
		EXPECT_EQ(tree.mem, NULL);
	}
}

/* Power */

static const struct oracle_mix mix = {
	.read = 4, .write = 10, .flush = 1, .discard = 1, .zero = 1,
	.max_blocks = 24, .fua_of_16 = 3,
};

struct run {
	struct opdriver d;
	struct oracle o;
	struct judge j;
	u64 random;
};

static void begin(struct run *r, const char *spec, u64 seed)
{
	opd_open(&r->d, broken_types, spec);
	ASSERT_OK(oracle_init(&r->o, opd_limits(&r->d)->size_bytes,
			      1U << opd_limits(&r->d)->logical_shift, seed));
	judge_init(&r->j, &r->d, &r->o, 65536, 5, seed);
	r->random = seed | 1;
}

static void end(struct run *r)
{
	judge_exit(&r->j);
	oracle_exit(&r->o);
	opd_close(&r->d);
}

/* Rounds of work, cut, everything fails, restored, judged */
static int cuts(struct run *r, u32 nr_rounds, u32 *round, struct diag *why)
{
	int err = 0;

	for (*round = 0; !err && *round < nr_rounds; ++*round) {
		u32 nr = (u32)oracle_below(&r->random, 60);

		for (u32 i = 0; !err && i < nr; i++) {
			struct oracle_op op;

			oracle_pick(&r->o, &r->random, &mix, 0, r->o.size_bytes, &op);
			err = judge_op(&r->j, &op, why);
		}
		if (err)
			return err;
		tell_power(&r->d, "cut", *round % 4 ? NULL : "none");
		EXPECT_ERR(opd_read(&r->d, 0, mem, 4096), -EIO);
		EXPECT_ERR(opd_write(&r->d, 0, mem, 4096, 0), -EIO);
		tell_power(&r->d, "restore", NULL);
		oracle_power_cut(&r->o);
		err = judge_all(&r->j, why);
	}
	return err;
}

static void survives(const char *spec, u64 seed)
{
	struct diag why = { .text = "" };
	struct run r;
	u32 round;

	test_row("%s", spec);
	begin(&r, spec, seed);
	if (cuts(&r, 200, &round, &why))
		test_fail("%s, power cut %u: %s", spec, round, why.text);
	EXPECT_EQ(stat_of(&r.d, "fault.power_cuts"), 200);
	EXPECT_GT(stat_of(&r.d, "fault.lost_blocks"), 1000);
	end(&r);
}

static void is_caught(const char *spec, u64 seed)
{
	struct diag why = { .text = "" };
	struct run r;
	u32 round;

	test_row("%s", spec);
	begin(&r, spec, seed);
	EXPECT_ERR(cuts(&r, 100, &round, &why), -EILSEQ);
	test_log("%s: power cut %u: %s", spec, round, why.text);
	end(&r);
}

static void survives_cuts(void)
{
	static const char *const specs[] = {
		"fault?powercut=1:[ram:96K]",
		"fault?powercut=1&seed=7:[delay:[ram:96K]]",
		"delay:[fault?powercut=1:[stripe?chunk=2K:[ram:64K],[delay:[ram:64K]]]]",
		"fault?powercut=1&rules=delay/by=1us-300us/odds=3:[concat:[ram:32K],[ram:64K]]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		survives(specs[i], 99 + i);
}

/* Who says that a flush or FUA was done, and it was not */
static void liars_are_caught(void)
{
	static const char *const specs[] = {
		"fault?rules=noflush:[fault?powercut=1:[ram:64K]]",
		"fault?powercut=1&rules=noflush:[ram:64K]",
		"fault?rules=nofua:[fault?powercut=1:[ram:64K]]",
		"fault?powercut=1&rules=nofua:[ram:64K]",
		"fault?powercut=1&rules=lost/every=40:[ram:64K]",
		"fault?powercut=1&rules=torn/every=20:[ram:64K]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		is_caught(specs[i], 99 + i);
}

/* The same of bytes in a file, whichever way they go there. For a drive below a file
 * that loses its cache there is test_device_file.c */
static void files_survive_cuts(void)
{
	static const char *const ways[] = { "mapped", "ring", "calls" };
	char path[128];
	char spec[256];

	use_dir_path(path, "disk");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		fmt_print(spec, sizeof(spec), "fault?powercut=1:[file:%s?size=96K&io=%s]", path, ways[i]);
		survives(spec, 7 + i);
		ASSERT_OK(sys_unlinkat(use_dir_fd(), "disk", 0));
		fmt_print(spec, sizeof(spec),
			  "fault?rules=noflush:[fault?powercut=1:[file:%s?size=96K&io=%s]]", path, ways[i]);
		is_caught(spec, 7 + i);
		ASSERT_OK(sys_unlinkat(use_dir_fd(), "disk", 0));
	}
}

/* What a cut leaves, block by block; the same with the same seed */
static void leave_some(const char *spec, u8 *disk)
{
	struct opdriver d;

	opd_open(&d, tgt_types, spec);
	fill(1);
	ASSERT_EQ(opd_write(&d, 0, mem, 65536, 0), 65536);
	ASSERT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	fill(2);
	ASSERT_EQ(opd_write(&d, 0, mem, 32768, 0), 32768);
	ASSERT_EQ(opd_write(&d, 32768, mem, 16384, TGT_F_FUA), 16384);
	ASSERT_EQ(opd_simple(&d, TGT_DISCARD, 49152, 16384, 0), 0);
	tell(&d, "cut", NULL);
	tell(&d, "restore", NULL);
	ASSERT_EQ(opd_read(&d, 0, disk, 65536), 65536);
	for (u32 at = 0; at < 65536; at++) {
		u8 new = at < 49152 ? 2 : 0;

		ASSERT_EQ(disk[at], disk[at & ~511U]); /* no sector is torn */
		ASSERT_TRUE(disk[at] == new || (disk[at] == 1 && (at < 32768 || at >= 49152)));
	}
	/* It goes on as a disk, and knows no cut of before. */
	ASSERT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	tell(&d, "cut", "none");
	tell(&d, "restore", NULL);
	ASSERT_EQ(opd_read(&d, 0, mem, 65536), 65536);
	ASSERT_MEMEQ(mem, disk, 65536);
	opd_close(&d);
}

static u32 nr_sectors(const u8 *disk, u8 with)
{
	u32 nr = 0;

	for (u32 at = 0; at < 32768; at += 512)
		nr += disk[at] == with;
	return nr;
}

static void leaves_what_the_seed_says(void)
{
	static u8 disks[4][65536];

	leave_some("fault?powercut=1&seed=5:[ram:64K]", disks[0]);
	leave_some("fault?powercut=1&seed=5:[ram:64K]", disks[1]);
	leave_some("fault?powercut=1&seed=6:[ram:64K]", disks[2]);
	leave_some("fault?powercut=1&keep=none:[ram:64K]", disks[3]);
	EXPECT_MEMEQ(disks[0], disks[1], 65536);
	EXPECT_NE(memcmp(disks[0], disks[2], 65536), 0);
	EXPECT_GT(nr_sectors(disks[0], 1), 5);
	EXPECT_GT(nr_sectors(disks[0], 2), 5);
	EXPECT_EQ(nr_sectors(disks[3], 1), 64);
	EXPECT_EQ(disks[3][49152], 1);
	EXPECT_EQ(disks[3][32768], 2);
}

static void cut_by_count(void)
{
	struct opdriver d;

	opd_open(&d, tgt_types, "fault?cut_after=5&keep=none:[ram:64K]");
	fill(9);
	for (u32 i = 0; i < 4; i++)
		ASSERT_EQ(opd_write(&d, i * 4096, mem, 4096, 0), 4096);
	EXPECT_ERR(opd_write(&d, 16384, mem, 4096, 0), -EIO);
	EXPECT_ERR(opd_read(&d, 0, mem, 4096), -EIO);
	EXPECT_ERR(opd_simple(&d, TGT_FLUSH, 0, 0, 0), -EIO);
	EXPECT_ERR(opd_simple(&d, TGT_DISCARD, 0, 4096, 0), -EIO);
	tell(&d, "restore", NULL);
	ASSERT_EQ(opd_read(&d, 0, mem, 65536), 65536);
	for (u32 i = 0; i < 65536; i++)
		ASSERT_EQ(mem[i], 0);
	ASSERT_EQ(opd_read(&d, 0, mem, 65536), 65536);
	opd_close(&d);
}

/* A cut in the middle of work on several operations, and others come while it is put back */
static void cut_under_way(void)
{
	struct opdriver d;
	u64 random = 3;

	opd_open(&d, broken_types, "fault?powercut=1&keep=none:[delay?by=100us:[ram:64K]]");
	fill(1);
	ASSERT_EQ(opd_write(&d, 0, mem, 65536, 0), 65536);
	ASSERT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	fill(2);
	for (u32 round = 0; round < 50; round++) {
		struct opd_slot *slots[8];
		u32 nr_steps = (u32)oracle_below(&random, 10);

		for (u32 i = 0; i < 8; i++) {
			slots[i] = opd_slot(&d);
			slots[i]->op.kind = TGT_WRITE;
			slots[i]->op.offset_bytes = oracle_below(&random, 96) * 512;
			slots[i]->op.len_bytes = 8192;
			tgt_set_mem(&slots[i]->op, mem);
			(void)opd_start(&d, slots[i]);
		}
		for (u32 i = 0; i < nr_steps && d.nr_pending; i++)
			opd_step(&d);
		tell(&d, "cut", "none");
		if (round % 2)
			tell(&d, "restore", NULL);
		for (u32 i = 0; i < 8; i++) {
			s64 result = opd_wait(&d, slots[i]);

			ASSERT_TRUE(result == -EIO || result == 8192);
		}
		if (round % 2 == 0)
			tell(&d, "restore", NULL);
		ASSERT_EQ(opd_read(&d, 0, back, 65536), 65536);
		for (u32 i = 0; i < 65536; i++)
			ASSERT_TRUE(back[i] == 1);
	}
	opd_close(&d);
}

/* Without a rule it is what its child is. */
static void is_exact(void)
{
	static const char *const specs[] = {
		"fault:[ram:128K]",
		"fault?powercut=1:[ram:128K]",
		"fault?powercut=1:[delay:[ram:128K]]",
		"fault?rules=delay/by=1us-200us/odds=2&powercut=1:[delay:[ram:128K]]",
		"fault?rules=delay/by=1us-200us/odds=2:[stripe?chunk=1K:[ram:64K],[ram:64K]]",
		"stripe?chunk=1K:[fault?powercut=1&rules=delay/by=1us-99us:[ram:64K]],[fault:[ram:64K]]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		const struct model_how how = { .seed = 5 + i, .nr_rounds = 400 };
		struct model m;

		test_row("%s", specs[i]);
		model_open(&m, broken_types, specs[i], &how);
		model_run(&m);
		EXPECT_GT(m.nr_reads, 100);
		model_close(&m);
	}
}

static const struct test_case cases[] = {
	TEST("without rules it is exact, with delays, too", is_exact, .timeout_ms = 60000),
	TEST("each fault strikes when and where it was asked for, and is counted", each_as_asked),
	TEST("an error is the one that was named", by_name),
	TEST("dice follow from the seed, and fall about as often as they should", dice),
	TEST("operations are late by as much as was asked for", delays),
	TEST("what stalls waits until it is released, and lets a queue end", stalls),
	TEST("rules are changed while it runs", changes_at_run_time),
	TEST("rules that make no sense are refused with the reason", refuses),
	TEST("after 200 power cuts what was flushed or FUA is there, the rest old or new",
	     survives_cuts, .timeout_ms = 120000),
	TEST("who ignores a flush, or loses or tears a write, is caught", liars_are_caught,
	     .timeout_ms = 60000),
	TEST("a file survives 200 power cuts as well, and who ignores its flushes is caught",
	     files_survive_cuts, .timeout_ms = 120000, .fixture = &use_dir_fixture),
	TEST("what a cut leaves follows from the seed, sector by sector", leaves_what_the_seed_says),
	TEST("power goes after so many operations", cut_by_count),
	TEST("a cut takes back what was under way", cut_under_way, .timeout_ms = 60000),
};
TEST_SUITE(targets_fault, cases);
