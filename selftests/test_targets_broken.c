/* SPDX-License-Identifier: MIT */
/*
 * The tests of the tests: each way of being broken must be caught, and the same
 * operations on the intact disk must pass, in the same run.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "selftests/use_dir.h"
#include "uapi/rt/fmt.h"
#include "uapi/sys.h"

#define NR_OPS 4000 /* within which it must be caught */
#define MAX_BLOCKS 16

static const struct oracle_mix mix = {
	.read = 8, .write = 8, .flush = 1, .discard = 1, .zero = 1,
	.max_blocks = MAX_BLOCKS, .fua_of_16 = 4,
};

struct run {
	struct opdriver d;
	struct oracle o;
	struct judge j;
	u64 seed;
	u64 random;
	struct broken_stats *stats;
};

static void begin(struct run *r, const char *spec, u64 seed)
{
	opd_open(&r->d, broken_types, spec);
	r->seed = seed;
	r->random = seed | 1;
	ASSERT_OK(oracle_init(&r->o, opd_limits(&r->d)->size_bytes, 512, seed));
	judge_init(&r->j, &r->d, &r->o, MAX_BLOCKS * 512, 4, seed);
	r->stats = broken_stats(r->d.tree);
	ASSERT_NE(r->stats, NULL);
	test_log("%s, seed %llu", spec, seed);
}

static void end(struct run *r)
{
	judge_exit(&r->j);
	oracle_exit(&r->o);
	opd_close(&r->d);
}

/* Random operations until something is wrong; says how many there were */
static int go(struct run *r, u32 nr_ops, u32 *nr_done, struct diag *why)
{
	int err = 0;

	*nr_done = 0;
	while (!err && *nr_done < nr_ops) {
		struct oracle_op op;

		oracle_pick(&r->o, &r->random, &mix, 0, r->o.size_bytes, &op);
		err = judge_op(&r->j, &op, why);
		++*nr_done;
	}
	return err ? err : judge_all(&r->j, why);
}

static void runs_clean(const char *spec)
{
	struct diag why = { .text = "" };
	struct run r;
	u32 nr;

	begin(&r, spec, 0x5eed);
	if (go(&r, NR_OPS, &nr, &why))
		test_fail("%s after %u operations: %s", spec, nr, why.text);
	EXPECT_EQ(r.stats->nr_broken, 0);
	/* The target saw what the judge has asked: nothing was answered elsewhere. */
	EXPECT_EQ(r.stats->nr_reads, r.j.nr_reads);
	EXPECT_EQ(r.stats->nr_writes, r.j.nr_writes);
	EXPECT_GT(r.stats->nr_fua, 0);
	EXPECT_GT(r.stats->nr_flushes, 0);
	EXPECT_GT(r.stats->nr_discards, 0);
	EXPECT_GT(r.stats->nr_write_zeroes, 0);
	EXPECT_EQ(r.stats->nr_others, 0);
	end(&r);
}

static void intact(void)
{
	runs_clean("broken?how=not:[ram:256K]");
	runs_clean("broken?how=not:[delay:[ram:256K]]");
	runs_clean("cachesim:[ram:256K]");
}

static void intact_in_nests(void)
{
	struct diag why = { .text = "" };
	struct run r;
	u32 nr;

	runs_clean("delay:[broken?how=not:[delay:[cachesim:[delay:[ram:256K]]]]]");
	begin(&r, "cachesim:[delay?by=20us:[ram:64K]]", 7);
	if (go(&r, 300, &nr, &why))
		test_fail("after %u operations: %s", nr, why.text);
	/* Answers came from the ring and the run list, not from inside submit(). */
	EXPECT_GE(r.d.nr_were_pending, 300);
	EXPECT_GT(r.d.nr_cqes, 300);
	end(&r);
}

struct broken_row {
	const char *spec;
	int err;
	const char *text; /* some of the verdict, NULL: any */
};

static void is_caught(const struct broken_row *row)
{
	struct diag why = { .text = "" };
	struct run r;
	u32 nr;
	int err;

	test_row("%s", row->spec);
	begin(&r, row->spec, 0x5eed);
	err = go(&r, NR_OPS, &nr, &why);
	test_log("%s: %s after %u operations, broken %llu times: %s", row->spec, err_name(err), nr,
		 r.stats->nr_broken, why.text);
	EXPECT_GT(r.stats->nr_broken, 0);
	EXPECT_ERR(err, row->err);
	if (row->text)
		EXPECT_NE(str_find(why.text, row->text), NULL);
	end(&r);
}

static void each_is_caught(void)
{
	static const struct broken_row rows[] = {
		{ "broken?how=flip&every=50:[ram:256K]", -EILSEQ, NULL },
		{ "broken?how=stale&every=50:[ram:256K]", -EILSEQ, NULL },
		{ "broken?how=lost&every=50:[ram:256K]", -EILSEQ, NULL },
		{ "broken?how=torn&every=20:[ram:256K]", -EILSEQ, NULL },
		{ "broken?how=misdirect&every=50:[ram:256K]", -EILSEQ, NULL },
		{ "broken?how=short&every=20:[ram:256K]", -EPROTO, "the result is" },
		{ "broken?how=flip&every=50:[delay:[ram:256K]]", -EILSEQ, NULL },
		{ "broken?how=stale&every=50:[delay:[ram:256K]]", -EILSEQ, NULL },
		{ "delay:[broken?how=lost&every=50:[delay:[ram:256K]]]", -EILSEQ, NULL },
		{ "broken?how=torn&every=20:[delay:[ram:256K]]", -EILSEQ, NULL },
		{ "broken?how=misdirect&every=50:[cachesim:[delay:[ram:256K]]]", -EILSEQ, NULL },
		{ "broken?how=short&every=20:[delay:[ram:256K]]", -EPROTO, "the result is" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		is_caught(&rows[i]);
}

static int cut_power(struct run *r, u64 dice, struct diag *why)
{
	ASSERT_OK(opd_simple(&r->d, BROKEN_POWER_CUT, dice, 0, 0));
	oracle_power_cut(&r->o);
	return judge_all(&r->j, why);
}

/* Rounds of work and a power cut; the first verdict that is not good */
static int cuts(struct run *r, u32 nr_rounds, u32 *round, struct diag *why)
{
	int err = 0;

	for (*round = 0; !err && *round < nr_rounds; ++*round) {
		u32 nr;

		err = go(r, (u32)oracle_below(&r->random, 60), &nr, why);
		if (!err)
			err = cut_power(r, *round % 3 ? oracle_random(&r->random) : 0, why);
	}
	return err;
}

static void survives_cuts(void)
{
	static const char *const specs[] = {
		"cachesim:[ram:64K]",
		"cachesim:[delay:[ram:64K]]",
		"delay:[cachesim:[ram:64K]]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct diag why = { .text = "" };
		struct run r;
		u32 round;

		begin(&r, specs[i], 99 + i);
		if (cuts(&r, 100, &round, &why))
			test_fail("%s, power cut %u: %s", specs[i], round, why.text);
		EXPECT_EQ(r.stats->nr_others, 100);
		end(&r);
	}
}

/* The cut is one: it loses what no flush has covered, and nothing else. */
static void cut_loses(void)
{
	u8 mem[4][512];
	struct opdriver d;

	opd_open(&d, broken_types, "cachesim:[ram:64K]");
	for (u32 i = 0; i < 4; i++)
		__builtin_memset(mem[i], (int)(i + 1), 512);
	ASSERT_EQ(opd_write(&d, 0, mem[0], 512, 0), 512);
	ASSERT_OK(opd_simple(&d, TGT_FLUSH, 0, 0, 0));
	ASSERT_EQ(opd_write(&d, 0, mem[1], 512, 0), 512);
	ASSERT_EQ(opd_write(&d, 512, mem[1], 512, TGT_F_FUA), 512);
	ASSERT_EQ(opd_write(&d, 1024, mem[2], 512, 0), 512);
	ASSERT_OK(opd_simple(&d, BROKEN_POWER_CUT, 0, 0, 0));
	ASSERT_EQ(opd_read(&d, 0, mem[3], 512), 512);
	EXPECT_MEMEQ(mem[3], mem[0], 512);
	ASSERT_EQ(opd_read(&d, 512, mem[3], 512), 512);
	EXPECT_MEMEQ(mem[3], mem[1], 512);
	ASSERT_EQ(opd_read(&d, 1024, mem[3], 512), 512);
	EXPECT_EQ(mem[3][0], 0);
	opd_close(&d);
}

static void liars_are_caught(void)
{
	static const char *const specs[] = {
		"cachesim?lie=flush:[ram:64K]",
		"cachesim?lie=fua:[ram:64K]",
		"delay:[cachesim?lie=flush:[delay:[ram:64K]]]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct diag why = { .text = "" };
		struct run r;
		u32 round;

		test_row("%s", specs[i]);
		begin(&r, specs[i], 99 + i);
		EXPECT_ERR(cuts(&r, 50, &round, &why), -EILSEQ);
		test_log("power cut %u: %s", round, why.text);
		EXPECT_GT(r.stats->nr_broken, 0);
		end(&r);
	}
}

/* The oracle by itself: wrong bytes of each kind have their own words. */

static void expect_verdict(struct oracle *o, u64 block, const void *mem, const char *text)
{
	struct diag why = { .text = "" };

	EXPECT_ERR(oracle_check(o, block * 512, mem, 512, &why), -EILSEQ);
	if (!str_find(why.text, text))
		test_fail("wanted \"%s\" in: %s", text, why.text);
}

static void verdicts(void)
{
	u64 old[64];
	u64 new[2][64];
	u64 torn[64];
	struct oracle o;
	struct diag why = { .text = "" };

	ASSERT_OK(oracle_init(&o, 64 * 512, 512, 42));
	oracle_write_begin(&o, 5 * 512, old, 512);
	oracle_write_end(&o, 5 * 512, 512, true, false);
	oracle_write_begin(&o, 5 * 512, new, 1024);
	oracle_write_end(&o, 5 * 512, 1024, true, false);
	EXPECT_OK(oracle_check(&o, 5 * 512, new, 1024, &why));
	expect_verdict(&o, 5, old, "block 5 (seed 42): generation 1 instead of 2; stale or lost");
	expect_verdict(&o, 6, new[0], "this is block 5, generation 2; misdirected");
	__builtin_memcpy(torn, new[0], 256);
	__builtin_memcpy(torn + 32, old + 32, 256);
	expect_verdict(&o, 5, torn, "byte 256 and on differ; torn");
	new[0][63] ^= 1;
	expect_verdict(&o, 5, new[0], "byte 504 and on differ");
	__builtin_memset(torn, 0, 512);
	expect_verdict(&o, 5, torn, "zeroes instead of generation 2");
	EXPECT_OK(oracle_check(&o, 7 * 512, torn, 512, &why));
	torn[9] = 1;
	expect_verdict(&o, 7, torn, "not ours");
	oracle_exit(&o);
}

static void settles(void)
{
	u64 mem[3][64];
	struct oracle o;
	struct diag why = { .text = "" };

	ASSERT_OK(oracle_init(&o, 512 * 512, 512, 1));
	for (u32 i = 0; i < 3; i++) {
		oracle_write_begin(&o, 0, mem[i], 512);
		oracle_write_end(&o, 0, 512, true, i == 0);
	}
	oracle_power_cut(&o);
	EXPECT_OK(oracle_check(&o, 0, mem[1], 512, &why));
	expect_verdict(&o, 0, mem[2], "generation 3 instead of 2");
	expect_verdict(&o, 0, mem[0], "generation 1 instead of 2");
	/* A write that failed may have landed or not, until it was seen. */
	oracle_write_begin(&o, 0, mem[0], 512);
	oracle_write_end(&o, 0, 512, false, false);
	EXPECT_OK(oracle_check(&o, 0, mem[1], 512, &why));
	expect_verdict(&o, 0, mem[0], "generation 4 instead of 2");
	oracle_exit(&o);
}

/* As another program does it */
static struct broken_control *control_of(const char *path)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	long addr;

	ASSERT_OK(fd);
	addr = sys_mmap(NULL, sizeof(struct broken_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			0);
	(void)sys_close(fd);
	ASSERT_OK(addr);
	return (struct broken_control *)addr;
}

static void obeys_its_file(void)
{
	struct diag why = { .text = "" };
	struct broken_control *c;
	char path[128];
	char spec[256];
	struct run r;
	u32 nr;

	use_dir_path(path, "control");
	fmt_print(spec, sizeof(spec), "broken?every=30&control=%s:[ram:256K]", path);
	begin(&r, spec, 0x5eed);
	c = control_of(path);
	EXPECT_OK(go(&r, 500, &nr, &why));
	EXPECT_EQ(c->stats.nr_broken, 0);
	EXPECT_EQ(c->stats.nr_reads, r.j.nr_reads);
	EXPECT_EQ(c->every, 30);
	c->how = BROKEN_LOST;
	EXPECT_ERR(go(&r, NR_OPS, &nr, &why), -EILSEQ);
	EXPECT_GT(c->stats.nr_broken, 0);
	(void)sys_munmap(c, sizeof(*c));
	end(&r);
}

static const struct test_case cases[] = {
	TEST("the oracle names what is wrong with a block", verdicts),
	TEST("of several generations that may be there the first read decides", settles),
	TEST("the intact disk passes and has served every request", intact, .timeout_ms = 30000),
	TEST("nests that answer by the ring pass as well", intact_in_nests, .timeout_ms = 30000),
	TEST("each broken disk is caught", each_is_caught, .timeout_ms = 30000),
	TEST("a file says what goes wrong, and when, and has the counts", obeys_its_file,
	     .fixture = &use_dir_fixture),
	TEST("a power cut loses what no flush has covered", cut_loses),
	TEST("an honest cache survives power cuts", survives_cuts, .timeout_ms = 30000),
	TEST("a cache that lies about flush or FUA is caught", liars_are_caught,
	     .timeout_ms = 30000),
};
TEST_SUITE(targets_broken, cases);
