/* SPDX-License-Identifier: MIT */
/* The mirror on one queue: what it answers, what it copies, what it refuses. */
#include <asm/errno.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "selftests/mirror_rig.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/mirror.h"

#define MIB (1U << 20)
#define ALL_WRITES (1U << TGT_WRITE | 1U << TGT_DISCARD | 1U << TGT_WRITE_ZEROES)

/* A tree and a queue on it; the legs may be filled in between */
static void open_tree(struct tgt_tree *tree, const char *spec)
{
	struct diag why = { .text = "" };

	test_row("%s", spec);
	if (tgt_open(tree, broken_types, spec, &why))
		test_fail("%s", why.text);
}

static void close_all(struct opdriver *d, struct tgt_tree *tree)
{
	opd_close(d);
	tgt_close(tree);
}

/* --- byte by byte --------------------------------------------------------------------- */

static const struct oracle_mix mix = {
	.read = 8, .write = 8, .flush = 1, .discard = 2, .zero = 2, .max_blocks = 256,
	.fua_of_16 = 2,
};

static void random_ops(struct judge *j, struct oracle *o, u32 nr, u64 *random)
{
	struct diag why = { .text = "" };

	for (u32 i = 0; i < nr; i++) {
		struct oracle_op op;

		oracle_pick(o, random, &mix, 0, o->size_bytes, &op);
		if (judge_op(j, &op, &why))
			test_fail("operation %u: %s", i, why.text);
		opd_poll(j->d);
	}
}

static void check_all(struct judge *j)
{
	struct diag why = { .text = "" };

	if (judge_all(j, &why))
		test_fail("%s", why.text);
}

/* The first leg has something before the mirror begins, which the oracle knows. */
static void fill_by_oracle(const struct tgt_tree *tree, struct oracle *o, u32 max_io,
			   u64 *random)
{
	struct tgt_tree leg = mirror_leg(tree, 0);
	struct opdriver d;
	struct judge j;

	opd_attach(&d, &leg, 0);
	judge_init(&j, &d, o, max_io, 4, 5);
	random_ops(&j, o, 400, random);
	judge_exit(&j);
	opd_close(&d);
}

static void is_exact(const char *spec, u32 nr_ops)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct oracle o;
	struct judge j;
	u64 random = 42;
	u32 block;
	u32 max_io;

	open_tree(&tree, spec);
	block = 1U << tree.root->limits.logical_shift;
	max_io = mix.max_blocks * block;
	ASSERT_OK(oracle_init(&o, tree.root->limits.size_bytes, block, 3));
	if (tree.root->nr_children == 2)
		fill_by_oracle(&tree, &o, max_io, &random);
	opd_attach(&d, &tree, 0);
	judge_init(&j, &d, &o, max_io, 4, 7);
	random_ops(&j, &o, nr_ops, &random);
	mirror_settle(&d);
	check_all(&j);
	ASSERT_OK(mirror_says(&tree, "switch"));
	check_all(&j);
	random_ops(&j, &o, nr_ops, &random);
	check_all(&j);
	judge_exit(&j);
	opd_close(&d);
	if (tree.root->nr_children == 2)
		EXPECT_EQ(mirror_differs(&tree), -1);
	oracle_exit(&o);
	tgt_close(&tree);
}

static void exact(void)
{
	is_exact("mirror:[ram:4M],[ram:4M]", 2000);
	is_exact("mirror?region=64K:[ram:4M],[ram:4M]", 2000);
	is_exact("mirror?region=64K:[ram:2049s],[ram:2049s]", 2000);
	is_exact("mirror?region=64K&rate=8M:[delay:[ram:2M]],[ram:2M]", 2000);
	is_exact("mirror?region=64K&rate=8M:[ram:2M],[delay:[ram:2M]]", 2000);
	is_exact("mirror?rate=8M:[delay:[ram:2M]],[delay:[delay:[ram:2M]]]", 2000);
	is_exact("delay:[mirror?region=64K:[ram:2M],[delay:[ram:2M]]]", 2000);
	is_exact("mirror?region=64K:[cachesim:[ram:2M]],[cachesim:[delay:[ram:2M]]]", 1000);
	is_exact("mirror:[mirror?region=64K:[ram:2M],[ram:2M]],[ram:2M]", 1000);
	is_exact("mirror:[ram:2M],[mirror?region=64K:[delay:[ram:2M]],[ram:2M]]", 1000);
}

/* --- copying ----------------------------------------------------------------------------- */

struct seen {
	u32 nr;
	u32 last;
	u32 nr_complete;
	u32 nr_failed;
	u32 leg;
	s32 err;
	bool went_back;
};

static void saw_progress(void *ctx, u32 percent, bool is_complete)
{
	struct seen *seen = ctx;

	seen->nr++;
	seen->went_back |= percent <= seen->last;
	seen->last = percent;
	seen->nr_complete += is_complete;
}

static void saw_failure(void *ctx, u32 leg, s32 err)
{
	struct seen *seen = ctx;

	seen->nr_failed++;
	seen->leg = leg;
	seen->err = err;
}

static void watch(struct tgt_tree *tree, struct seen *seen)
{
	const struct mirror_events events = {
		.progress = saw_progress, .failed = saw_failure, .ctx = seen,
	};

	*seen = (struct seen){ .nr = 0 };
	ASSERT_OK(mirror_watch(tree, &events));
}

static void copies(const char *spec)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct seen seen;

	open_tree(&tree, spec);
	mirror_fill(&tree, 0, 11);
	mirror_fill(&tree, 1, 12);
	EXPECT_GE(mirror_differs(&tree), 0);
	watch(&tree, &seen);
	opd_attach(&d, &tree, 0);
	mirror_settle(&d);
	for (u32 i = 0; i < 100 && !seen.nr_complete; i++)
		opd_poll(&d);
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	EXPECT_EQ(seen.last, 100);
	EXPECT_EQ(seen.nr_complete, 1);
	EXPECT_EQ(seen.went_back, false);
	EXPECT_GE(seen.nr, tree.root->limits.size_bytes >= 32 * MIB ? 100 : 1);
	EXPECT_EQ(mirror_number(&tree, "copied_bytes"), tree.root->limits.size_bytes);
	EXPECT_EQ(mirror_number(&tree, "total_bytes"), tree.root->limits.size_bytes);
	tgt_close(&tree);
}

/* Whichever has the larger ones gets nothing smaller. */
static void blocks_differ(void)
{
	is_exact("mirror?region=64K:[ram:4M],[elastic?size=4M&block=4K:[ram:4M]]", 500);
	is_exact("mirror?region=64K:[elastic?size=4M&block=4K:[ram:4M]],[delay:[ram:4M]]", 500);
}

static void copying(void)
{
	copies("mirror:[ram:32M],[ram:32M]");
	copies("mirror?region=64K:[delay:[ram:32M]],[delay:[ram:32M]]");
	copies("mirror:[ram:3M],[ram:3M]");
	copies("mirror:[ram:7s],[ram:7s]");
	copies("mirror?region=4M:[ram:10241s],[delay:[ram:10241s]]");
	/* whose chunks are smaller than a piece */
	copies("mirror:[ram:3M],[elastic?size=3M&chunk=64K:[ram:3M]]");
	copies("mirror:[elastic?size=3M&chunk=64K:[ram:3M]],[elastic?size=3M&chunk=64K:[ram:3M]]");
}

static void on_events(void)
{
	struct tgt_tree tree;
	const struct mirror_events none = { .ctx = NULL };

	open_tree(&tree, "ram:1M");
	EXPECT_ERR(mirror_watch(&tree, &none), -ENOENT);
	tgt_close(&tree);
}

static void trusting(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct seen seen;

	open_tree(&tree, "mirror?clean=1:[ram:1M],[ram:1M]");
	EXPECT_EQ(mirror_number(&tree, "dirty_regions"), 0);
	mirror_fill(&tree, 0, 5);
	watch(&tree, &seen);
	opd_attach(&d, &tree, 0);
	opd_poll(&d);
	EXPECT_EQ(seen.nr, 1);
	EXPECT_EQ(seen.last, 100);
	EXPECT_EQ(seen.nr_complete, 1);
	opd_close(&d);
	EXPECT_GE(mirror_differs(&tree), 0);
	tgt_close(&tree);
}

/* Turns the queue for a while */
static void poll_ms(struct opdriver *d, u32 ms)
{
	u64 end = test_now_ms() + ms;

	while (test_now_ms() < end)
		opd_poll(d);
}

static void pausing(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	u8 mem[4096];
	u64 copied;

	open_tree(&tree, "mirror?paused=1:[ram:8M],[ram:8M]");
	mirror_fill(&tree, 0, 3);
	opd_attach(&d, &tree, 0);
	poll_ms(&d, 20);
	EXPECT_EQ(mirror_number(&tree, "dirty_regions"), 8);
	EXPECT_EQ(mirror_number(&tree, "paused"), 1);
	ASSERT_EQ(opd_read(&d, MIB, mem, sizeof(mem)), sizeof(mem));
	ASSERT_EQ(opd_write(&d, MIB, mem, sizeof(mem), 0), sizeof(mem));
	ASSERT_OK(mirror_says(&tree, "rate=1M"));
	ASSERT_OK(mirror_says(&tree, "resume"));
	while (mirror_number(&tree, "copied_bytes") < MIB / 2)
		opd_poll(&d);
	ASSERT_OK(mirror_says(&tree, "pause"));
	poll_ms(&d, 250);
	copied = mirror_number(&tree, "copied_bytes");
	poll_ms(&d, 100);
	EXPECT_EQ(mirror_number(&tree, "copied_bytes"), copied);
	EXPECT_GT(mirror_number(&tree, "dirty_regions"), 0);
	ASSERT_OK(mirror_says(&tree, "rate=0"));
	ASSERT_OK(mirror_says(&tree, "resume"));
	mirror_settle(&d);
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
}

/* It may be slower than the rate, on a busy machine, but not faster. */
static void limiting(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	u64 begin;

	open_tree(&tree, "mirror?rate=16M:[ram:8M],[ram:8M]");
	mirror_fill(&tree, 0, 3);
	opd_attach(&d, &tree, 0);
	begin = test_now_ms();
	mirror_settle(&d);
	EXPECT_GE(test_now_ms() - begin, 300);
	EXPECT_EQ(mirror_number(&tree, "rate_bytes"), 16 * MIB);
	close_all(&d, &tree);
}

/* Closed while it copies, also while it waits for its rate: soon, and it goes on after */
static void stopping(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	u64 begin;

	open_tree(&tree, "mirror?rate=1M:[delay:[ram:8M]],[delay:[ram:8M]]");
	mirror_fill(&tree, 0, 3);
	for (u32 i = 0; i < 20; i++) {
		opd_attach(&d, &tree, 0);
		poll_ms(&d, i);
		begin = test_now_ms();
		opd_close(&d);
		EXPECT_LT(test_now_ms() - begin, 8000);
	}
	EXPECT_GT(mirror_number(&tree, "dirty_regions"), 0);
	ASSERT_OK(mirror_says(&tree, "rate=0"));
	opd_attach(&d, &tree, 0);
	mirror_settle(&d);
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
}

/* What is zero is not written */
static void sparse(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	u8 mem[4096];

	open_tree(&tree, "mirror:[ram:64M],[broken:[ram:64M]]");
	opd_attach(&d, &tree, 0);
	memset(mem, 7, sizeof(mem));
	ASSERT_EQ(opd_write(&d, 5 * MIB, mem, sizeof(mem), 0), sizeof(mem));
	mirror_settle(&d);
	EXPECT_LE(broken_stats(&tree)->write_bytes, MIB);
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
}

static void resizing(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct diag why = { .text = "" };
	u8 mem[4096];

	open_tree(&tree, "mirror?region=64K:[elastic?size=1000K:[ram:4M]],[elastic?size=1000K:[ram:4M]]");
	mirror_fill(&tree, 0, 3);
	opd_attach(&d, &tree, 0);
	mirror_settle(&d);
	EXPECT_ERR(opd_read(&d, 1000 * 1024, mem, sizeof(mem)), -EINVAL);
	ASSERT_OK(tgt_resize(&tree, 3 * MIB, &why));
	EXPECT_EQ(mirror_number(&tree, "dirty_regions"), 48 - 15);
	memset(mem, 0x5a, sizeof(mem));
	ASSERT_EQ(opd_write(&d, 3 * MIB - 4096, mem, sizeof(mem), 0), sizeof(mem));
	mirror_settle(&d);
	ASSERT_OK(tgt_resize(&tree, 2 * MIB, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 2 * MIB);
	EXPECT_ERR(opd_write(&d, 3 * MIB - 4096, mem, sizeof(mem), 0), -EINVAL);
	ASSERT_OK(mirror_says(&tree, "resync"));
	/* while it copies */
	ASSERT_OK(tgt_resize(&tree, MIB, &why));
	mirror_settle(&d);
	EXPECT_EQ(mirror_number(&tree, "failed_leg"), 0);
	EXPECT_ERR(tgt_resize(&tree, 8 * MIB, &why), -ENOSPC);
	EXPECT_ERR(tgt_resize(&tree, 1ULL << 60, &why), -EFBIG);
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
	open_tree(&tree, "mirror:[ram:1M],[ram:1M]");
	EXPECT_ERR(tgt_resize(&tree, 2 * MIB, &why), -EOPNOTSUPP);
	tgt_close(&tree);
}

/* Data behind a file, as user copy has it: handed on, not looked at */
static void from_files(void)
{
	static u8 mem[131072];
	static u8 back[131072];
	struct tgt_piece pieces[2] = { { 4096, 65536 }, { 200000, 65536 } };
	struct tgt_tree tree;
	struct opdriver d;
	int fd = sys_memfd_create("data", 0);

	ASSERT_OK(fd);
	open_tree(&tree, "mirror?region=64K:[ram:1M],[ram:1M]");
	opd_attach(&d, &tree, 0);
	for (u32 i = 0; i < sizeof(mem); i++)
		mem[i] = (u8)(i * 7 + i / 256);
	ASSERT_EQ(sys_pwrite64(fd, mem, 65536, 4096), 65536);
	ASSERT_EQ(sys_pwrite64(fd, mem + 65536, 65536, 200000), 65536);
	for (u32 round = 0; round < 2; round++) {
		struct opd_slot *slot = opd_slot(&d);

		slot->op.kind = round ? TGT_READ : TGT_WRITE;
		slot->op.offset_bytes = 512 * 3;
		slot->op.len_bytes = sizeof(mem);
		slot->op.data = (struct tgt_data){
			.kind = TGT_DATA_FILE, .nr_pieces = 2, .fd = fd, .pieces = pieces,
		};
		(void)opd_start(&d, slot);
		ASSERT_EQ(opd_wait(&d, slot), sizeof(mem));
		if (round == 0)
			ASSERT_OK(sys_ftruncate(fd, 0));
		if (round == 0)
			mirror_settle(&d);
	}
	ASSERT_EQ(sys_pread64(fd, back, 65536, 4096), 65536);
	ASSERT_EQ(sys_pread64(fd, back + 65536, 65536, 200000), 65536);
	ASSERT_MEMEQ(back, mem, sizeof(mem));
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
	(void)sys_close(fd);
}

/* --- failures ------------------------------------------------------------------------------ */

#define FAILING "mirror?region=64K:[fail:[ram:1M]],[fail:[ram:1M]]"

static void open_failing(struct tgt_tree *tree, struct opdriver *d, struct seen *seen)
{
	open_tree(tree, FAILING);
	mirror_fill(tree, 0, 9);
	watch(tree, seen);
	opd_attach(d, tree, 0);
	mirror_settle(d);
}

static void write_to_all_as(struct opdriver *d, u8 byte, u32 flags)
{
	u8 mem[4096];

	memset(mem, byte, sizeof(mem));
	for (u64 at = 0; at < MIB; at += 100 * 1024)
		ASSERT_EQ(opd_write(d, at, mem, sizeof(mem), flags), sizeof(mem));
}

static void write_to_all(struct opdriver *d, u8 byte)
{
	write_to_all_as(d, byte, 0);
}

static void has_everywhere(struct opdriver *d, u8 byte)
{
	u8 expected[4096];
	u8 mem[4096];

	memset(expected, byte, sizeof(expected));
	for (u64 at = 0; at < MIB; at += 100 * 1024) {
		ASSERT_EQ(opd_read(d, at, mem, sizeof(mem)), sizeof(mem));
		ASSERT_MEMEQ(mem, expected, sizeof(mem));
	}
}

static void second_fails(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct seen seen;

	open_failing(&tree, &d, &seen);
	write_to_all(&d, 1);
	broken_fail(&tree, 1, ALL_WRITES, 0, MIB);
	write_to_all(&d, 2);
	write_to_all(&d, 3);
	EXPECT_EQ(seen.nr_failed, 1);
	EXPECT_EQ(seen.leg, 1);
	EXPECT_EQ(seen.err, -EIO);
	EXPECT_EQ(mirror_number(&tree, "failed_leg"), 2);
	EXPECT_EQ(broken_fail(&tree, 1, ALL_WRITES, 0, MIB), 1);
	EXPECT_GE(mirror_number(&tree, "dirty_regions"), 10);
	has_everywhere(&d, 3);
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(mirror_says(&tree, "switch"), -EIO);
	/* only what was written since is copied */
	broken_fail(&tree, 1, 0, 0, 0);
	ASSERT_OK(mirror_says(&tree, "reconnect"));
	mirror_settle(&d);
	has_everywhere(&d, 3);
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
}

static void first_fails_writes(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct seen seen;

	open_failing(&tree, &d, &seen);
	write_to_all(&d, 1);
	broken_fail(&tree, 0, ALL_WRITES, 0, MIB);
	write_to_all(&d, 2);
	has_everywhere(&d, 2);
	EXPECT_EQ(seen.nr_failed, 1);
	EXPECT_EQ(seen.leg, 0);
	EXPECT_EQ(mirror_number(&tree, "failed_leg"), 1);
	broken_fail(&tree, 0, 0, 0, 0);
	ASSERT_OK(mirror_says(&tree, "reconnect"));
	mirror_settle(&d);
	has_everywhere(&d, 2);
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
}

static void first_fails_reads(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct seen seen;

	open_failing(&tree, &d, &seen);
	write_to_all(&d, 1);
	broken_fail(&tree, 0, 1 << TGT_READ, 0, MIB);
	has_everywhere(&d, 1);
	EXPECT_EQ(seen.nr_failed, 1);
	EXPECT_EQ(seen.leg, 0);
	EXPECT_EQ(broken_fail(&tree, 0, 1 << TGT_READ, 0, MIB), 1);
	write_to_all(&d, 2);
	has_everywhere(&d, 2);
	/* both: the error is the caller's, and the second is still in use */
	broken_fail(&tree, 1, 1 << TGT_READ, 0, 65536);
	EXPECT_ERR(opd_simple(&d, TGT_READ, 0, 4096, 0), -EIO);
	EXPECT_EQ(mirror_number(&tree, "failed_leg"), 1);
	broken_fail(&tree, 1, 0, 0, 0);
	has_everywhere(&d, 2);
	close_all(&d, &tree);
}

/* The same bytes, in three pieces and from back to front in memory */
static void reads_in_pieces(struct opdriver *d, u64 offset_bytes, const u8 *expected, u64 len_bytes)
{
	static u8 mem[131072];
	u64 lens[3] = { 4096, len_bytes - 3ULL * 4096, 2ULL * 4096 };
	struct tgt_piece pieces[3];
	struct opd_slot *slot = opd_slot(d);
	u64 end = len_bytes;
	u64 at = 0;

	for (u32 i = 0; i < 3; i++) {
		end -= lens[i];
		pieces[i] = (struct tgt_piece){ (u64)(uintptr_t)(mem + end), lens[i] };
	}
	slot->op.kind = TGT_READ;
	slot->op.offset_bytes = offset_bytes;
	slot->op.len_bytes = len_bytes;
	tgt_set_mem(&slot->op, mem);
	slot->op.data.pieces = pieces;
	slot->op.data.nr_pieces = 3;
	(void)opd_start(d, slot);
	ASSERT_EQ(opd_wait(d, slot), (s64)len_bytes);
	for (u32 i = 0; i < 3; at += lens[i++])
		ASSERT_MEMEQ((void *)(uintptr_t)pieces[i].at, expected + at, lens[i]);
}

/* Each leg has a part that the other lacks */
static void first_fails_early(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct seen seen;
	static u8 mem[131072];
	static u8 expected[131072];

	open_tree(&tree, FAILING);
	mirror_fill(&tree, 0, 8);
	watch(&tree, &seen);
	broken_fail(&tree, 0, 1 << TGT_READ, 512 * 1024, MIB);
	opd_attach(&d, &tree, 0);
	while (mirror_number(&tree, "unreadable_regions") < 8 ||
	       mirror_number(&tree, "dirty_regions") > 8)
		opd_step(&d);
	EXPECT_EQ(seen.nr_complete, 0);
	EXPECT_EQ(seen.nr_failed, 0);
	broken_fail(&tree, 0, 0, 0, 0);
	ASSERT_EQ(opd_read(&d, 512 * 1024 - 65536, expected, sizeof(mem)), sizeof(mem));
	/* now the first fails where the second has it: it is asked for the rest all the same */
	broken_fail(&tree, 0, 1 << TGT_READ, 0, 65536);
	ASSERT_EQ(opd_read(&d, 0, mem, 4096), 4096);
	EXPECT_EQ(seen.nr_failed, 1);
	memset(expected, 0x77, 4096);
	ASSERT_EQ(opd_write(&d, 512 * 1024 - 65536, expected, 4096, 0), 4096);
	memset(expected + 65536, 0x78, 4096);
	ASSERT_EQ(opd_write(&d, 512 * 1024, expected + 65536, 4096, 0), 4096);
	ASSERT_EQ(opd_read(&d, 512 * 1024 - 65536, mem, sizeof(mem)), sizeof(mem));
	ASSERT_MEMEQ(mem, expected, sizeof(mem));
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(mirror_says(&tree, "switch"), -EBUSY);
	/* across both, and the flush of a leg that is the only one to have something */
	memset(expected, 0x79, sizeof(mem));
	ASSERT_EQ(opd_write(&d, 512 * 1024 - 65536, expected, sizeof(mem), 0), sizeof(mem));
	ASSERT_EQ(opd_read(&d, 512 * 1024 - 65536, mem, sizeof(mem)), sizeof(mem));
	ASSERT_MEMEQ(mem, expected, sizeof(mem));
	reads_in_pieces(&d, 512 * 1024 - 65536, expected, sizeof(mem));
	broken_fail(&tree, 0, 1 << TGT_FLUSH, 0, 0);
	EXPECT_ERR(opd_simple(&d, TGT_FLUSH, 0, 0, 0), -EIO);
	broken_fail(&tree, 0, 0, 0, 0);
	ASSERT_OK(mirror_says(&tree, "reconnect"));
	mirror_settle(&d);
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
}

static void flush_fails(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct seen seen;

	open_failing(&tree, &d, &seen);
	write_to_all(&d, 4);
	broken_fail(&tree, 1, 1 << TGT_FLUSH, 0, 0);
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(seen.nr_failed, 1);
	EXPECT_EQ(seen.leg, 1);
	/* it may have lost what it had not been made to keep */
	EXPECT_GE(mirror_number(&tree, "dirty_regions"), 10);
	close_all(&d, &tree);

	open_failing(&tree, &d, &seen);
	broken_fail(&tree, 0, 1 << TGT_FLUSH, 0, 0);
	broken_fail(&tree, 1, 1 << TGT_FLUSH, 0, 0);
	EXPECT_ERR(opd_simple(&d, TGT_FLUSH, 0, 0, 0), -EIO);
	EXPECT_EQ(seen.nr_failed, 0);
	close_all(&d, &tree);
}

enum keeps { BY_NOTHING, BY_FLUSH, BY_FUA };

/* Where the legs differ when both have lost what they were not made to keep. The mirror is
 * closed later: that flushes both. */
static s64 after_power_cut(const char *spec, enum keeps how)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct opdriver cutter;
	s64 at;

	open_tree(&tree, spec);
	opd_attach(&d, &tree, 0);
	write_to_all_as(&d, 1, how == BY_FUA ? TGT_F_FUA : 0);
	if (how == BY_FLUSH)
		ASSERT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	for (u32 leg = 0; leg < 2; leg++) {
		struct tgt_tree one = mirror_leg(&tree, leg);

		opd_attach(&cutter, &one, 0);
		ASSERT_GE(opd_simple(&cutter, BROKEN_POWER_CUT, 0, 0, 0), 0);
		if (leg == 0)
			has_everywhere(&cutter, how != BY_NOTHING);
		opd_close(&cutter);
	}
	at = mirror_differs(&tree);
	close_all(&d, &tree);
	return at;
}

#define CACHES(first, second) \
	"mirror?clean=1:[cachesim" first ":[ram:1M]],[cachesim" second ":[delay:[ram:1M]]]"

static void flushes_both(void)
{
	EXPECT_EQ(after_power_cut(CACHES("", ""), BY_FLUSH), -1);
	EXPECT_GE(after_power_cut(CACHES("", "?lie=flush"), BY_FLUSH), 0);
	EXPECT_EQ(after_power_cut(CACHES("", ""), BY_NOTHING), -1);
}

/* Without any flush. A cache that lies about it alone would be as wrong as a mirror
 * that keeps it to itself. */
static void fua_of_both(void)
{
	EXPECT_EQ(after_power_cut(CACHES("", ""), BY_FUA), -1);
	EXPECT_EQ(after_power_cut(CACHES("", "?lie=flush"), BY_FUA), -1);
	EXPECT_GE(after_power_cut(CACHES("", "?lie=fua"), BY_FUA), 0);
}

static void both_fail(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct seen seen;
	u8 mem[4096];

	open_failing(&tree, &d, &seen);
	write_to_all(&d, 4);
	memset(mem, 5, sizeof(mem));
	broken_fail(&tree, 0, ALL_WRITES, 0, 65536);
	broken_fail(&tree, 1, ALL_WRITES, 0, 65536);
	EXPECT_ERR(opd_write(&d, 0, mem, sizeof(mem), 0), -EIO);
	EXPECT_ERR(opd_simple(&d, TGT_DISCARD, 0, 65536, 0), -EIO);
	EXPECT_EQ(opd_write(&d, 65536, mem, sizeof(mem), 0), sizeof(mem));
	broken_fail(&tree, 0, 0, 0, 0);
	broken_fail(&tree, 1, 0, 0, 0);
	ASSERT_OK(mirror_says(&tree, "reconnect"));
	mirror_settle(&d);
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
}

static void copy_fails(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	struct seen seen;

	open_tree(&tree, FAILING);
	mirror_fill(&tree, 0, 8);
	watch(&tree, &seen);
	broken_fail(&tree, 1, ALL_WRITES, 300 * 1024, 301 * 1024);
	opd_attach(&d, &tree, 0);
	while (!seen.nr_failed)
		opd_step(&d);
	poll_ms(&d, 10);
	EXPECT_EQ(seen.leg, 1);
	EXPECT_GT(mirror_number(&tree, "dirty_regions"), 0);
	write_to_all(&d, 6);
	has_everywhere(&d, 6);
	broken_fail(&tree, 1, 0, 0, 0);
	ASSERT_OK(mirror_says(&tree, "reconnect"));
	mirror_settle(&d);
	ASSERT_OK(mirror_says(&tree, "resync"));
	EXPECT_GE(mirror_number(&tree, "dirty_regions"), 16);
	mirror_settle(&d);
	opd_close(&d);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
}

/* --- messages and specs ---------------------------------------------------------------------- */

static void switching(void)
{
	struct tgt_tree tree;
	struct opdriver d;

	open_tree(&tree, "mirror?paused=1:[ram:1M],[ram:1M]");
	opd_attach(&d, &tree, 0);
	EXPECT_ERR(mirror_says(&tree, "switch"), -EBUSY);
	EXPECT_EQ(mirror_number(&tree, "primary_leg"), 1);
	ASSERT_OK(mirror_says(&tree, "resume"));
	mirror_settle(&d);
	ASSERT_OK(mirror_says(&tree, "switch"));
	EXPECT_EQ(mirror_number(&tree, "primary_leg"), 2);
	EXPECT_ERR(mirror_says(&tree, "jump"), -EINVAL);
	EXPECT_ERR(mirror_says(&tree, "rate"), -EINVAL);
	EXPECT_ERR(mirror_says(&tree, "rate=fast"), -EINVAL);
	close_all(&d, &tree);
}

static void out_of_range(void)
{
	struct opdriver d;

	opd_open(&d, broken_types, "mirror:[ram:1M],[ram:1M]");
	EXPECT_ERR(opd_simple(&d, TGT_DISCARD, MIB, 512, 0), -EINVAL);
	EXPECT_ERR(opd_simple(&d, TGT_DISCARD, MIB - 512, 1024, 0), -EINVAL);
	EXPECT_ERR(opd_simple(&d, TGT_WRITE_ZEROES, ~511ULL, 1024, 0), -EINVAL);
	EXPECT_ERR(opd_simple(&d, TGT_READ, 0, 0, 0), -EINVAL);
	EXPECT_ERR(opd_simple(&d, TGT_ZONE_RESET, 0, 0, 0), -EOPNOTSUPP);
	opd_close(&d);
}

static const struct {
	const char *spec;
	int err;
	const char *says;
} refused[] = {
	{ "mirror:[ram:2M],[ram:1M]", -EINVAL, "the second is too small" },
	{ "mirror:[ram:1M],[ram:2M]", -EINVAL, "the second is too large" },
	{ "mirror:[ram:1M]", -EINVAL, "has 1 children, wants 2 to 2" },
	{ "mirror:[ram:1M],[ram:1M],[ram:1M]", -EINVAL, "has 3 children" },
	{ "mirror:ram:1M", -EINVAL, "[ is missing" },
	{ "mirror:[zoned?zone_size=64K:[ram:1M]],[ram:1M]", -EOPNOTSUPP, "first leg is zoned" },
	{ "mirror:[ram:1M],[integrity:[ram:1M]]", -EOPNOTSUPP, "second leg is zoned or has meta" },
	{ "mirror:[ram:4K],[file:/proc/self/exe?ro=1&length=4K]", -EROFS,
	  "its second leg is read-only" },
	{ "mirror:[elastic?chunk=64K:[ram:2M]],[elastic?chunk=128K:[ram:2M]]", -EINVAL,
	  "its legs have chunks of 65536 and 131072 bytes" },
	{ "mirror?region=100K:[ram:1M],[ram:1M]", -EINVAL, "not a power of two" },
	{ "mirror?region=4K:[ram:1M],[ram:1M]", -ERANGE, "region" },
	{ "mirror?region=64K:[null:1T],[null:1T]", -EINVAL, "more than 524288" },
	{ "mirror?rate=much:[ram:1M],[ram:1M]", -EINVAL, "rate" },
	{ "mirror?legs=2:[ram:1M],[ram:1M]", -EINVAL, "legs" },
};

static void refusing(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(refused); i++) {
		struct tgt_tree tree;
		struct diag why = { .text = "" };

		test_row("%s", refused[i].spec);
		EXPECT_EQ(tgt_open(&tree, broken_types, refused[i].spec, &why), refused[i].err);
		if (!str_find(why.text, refused[i].says))
			test_fail("it says: %s", why.text);
	}
}

static void limits(void)
{
	struct tgt_tree tree;
	const struct tgt_limits *l;

	open_tree(&tree, "mirror:[ram:64M],[cachesim:[ram:64M]]");
	l = &tree.root->limits;
	EXPECT_EQ(l->attrs, UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA);
	EXPECT_EQ(l->logical_shift, 9);
	EXPECT_EQ(l->physical_shift, 12);
	EXPECT_EQ(l->max_discard_bytes, 4 * MIB);
	EXPECT_EQ(tree.root->needs_snapshot, true);
	tgt_close(&tree);
	open_tree(&tree, "mirror:[ram:64M],[ram:64M]");
	l = &tree.root->limits;
	EXPECT_EQ(l->attrs, 0);
	EXPECT_EQ(l->max_discard_bytes, 32 * MIB);
	EXPECT_EQ(l->max_write_zeroes_bytes, 32 * MIB);
	EXPECT_EQ(tree.root->data_kinds, 1 << TGT_DATA_MEM | 1 << TGT_DATA_FILE);
	tgt_close(&tree);
	/* so many regions, whatever the size */
	open_tree(&tree, "mirror?paused=1:[null:64T],[null:64T]");
	EXPECT_EQ(mirror_number(&tree, "region_bytes"), 128 * MIB);
	tgt_close(&tree);
}

static const struct test_case cases[] = {
	TEST("random operations are byte-exact while it copies, after, and switched", exact,
	     .timeout_ms = 60000),
	TEST("legs with blocks of 512 and 4096 bytes work together", blocks_differ,
	     .timeout_ms = 60000),
	TEST("both legs are the same when all was copied, and every percent was told", copying),
	TEST("there is nothing to watch where there is no mirror", on_events),
	TEST("legs that are said to be the same are not copied, and it says that all is", trusting),
	TEST("it pauses and goes on when it is told to", pausing),
	TEST("it copies no faster than its rate", limiting),
	TEST("it stops soon, and goes on where it was", stopping),
	TEST("what is zero is not written to the second leg", sparse),
	TEST("both legs get another size, and what is new is copied", resizing),
	TEST("data behind a file go to both legs", from_files),
	TEST("when the second leg fails the first goes on, and a reconnect makes both the same",
	     second_fails),
	TEST("when writes to the first leg fail the second goes on", first_fails_writes),
	TEST("when reads of the first leg fail the second answers", first_fails_reads),
	TEST("when the first leg fails before all was copied, each answers for what it has",
	     first_fails_early),
	TEST("a leg whose flush fails has failed, unless both have", flush_fails),
	TEST("what was flushed is kept by both legs", flushes_both),
	TEST("what was written with FUA is kept by both legs without a flush", fua_of_both),
	TEST("an error of both legs is the caller's, and they become the same again", both_fail),
	TEST("a leg that cannot be copied to has failed", copy_fails),
	TEST("it switches legs only when both are complete, and knows its messages", switching),
	TEST("what is outside of the disk is refused", out_of_range),
	TEST("specs that make no mirror are refused, and it says why", refusing),
	TEST("its limits are those of both legs", limits),
};
TEST_SUITE(targets_mirror, cases);
