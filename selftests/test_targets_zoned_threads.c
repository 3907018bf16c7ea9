/* SPDX-License-Identifier: MIT */
/* Several queues on one zoned disk, in the same zones, with few that may be open. */
#include <asm/errno.h>
#include <linux/blkzoned.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/opdriver.h"
#include "selftests/oracle.h"
#include "uapi/rt/free/thread.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define NR_THREADS 4
#define STACK_BYTES 65536
#define SECTOR 512
#define ZONE_SECTORS 128U
#define NR_ZONES 24
#define NR_SHARED 8 /* all append there; the rest is thread k's where zone % NR_THREADS is k */
#define MAX_APPENDED (NR_SHARED * ZONE_SECTORS)

/* Where a thread was told that its sector went, and what it put there */
struct appended {
	u64 sector;
	u64 stamp;
};

struct worker {
	struct thread thread;
	struct tgt_tree *tree;
	u32 idx;
	u32 nr_ops;
	u32 *go;
	u64 next_stamp;
	u32 nr_appended;
	u32 nr_refused; /* for want of zones that may be open or active */
	u32 wp[NR_ZONES];
	const char *wrong;
	s64 result;
	struct appended appended[MAX_APPENDED];
};

static void fill(u64 *mem, u32 nr, u64 stamp)
{
	for (u32 i = 0; i < nr * SECTOR / 8; i++)
		mem[i] = stamp + i / (SECTOR / 8);
}

/* The others have full zones or too many open ones: that is no error */
static bool is_refusal(struct worker *w, s64 result)
{
	w->nr_refused += result == -ETOOMANYREFS || result == -EOVERFLOW;
	return result == -ETOOMANYREFS || result == -EOVERFLOW;
}

static void wrong(struct worker *w, const char *what, s64 result)
{
	w->wrong = what;
	w->result = result;
}

/* Three at a time, of which each has its own place */
static void append_some(struct worker *w, struct opdriver *d, u64 *random)
{
	u64 mem[3][SECTOR / 8];
	struct opd_slot *slots[3];
	u64 stamps[3];

	for (u32 i = 0; i < 3; i++) {
		slots[i] = opd_slot(d);
		stamps[i] = w->next_stamp++;
		fill(mem[i], 1, stamps[i]);
		slots[i]->op.kind = TGT_ZONE_APPEND;
		slots[i]->op.offset_bytes = oracle_below(random, NR_SHARED) * ZONE_SECTORS * SECTOR;
		slots[i]->op.len_bytes = SECTOR;
		tgt_set_mem(&slots[i]->op, mem[i]);
		(void)opd_start(d, slots[i]);
	}
	for (u32 i = 0; i < 3; i++) {
		s64 ret = opd_wait(d, slots[i]);

		if (ret >= 0)
			w->appended[w->nr_appended++] = (struct appended){ (u64)ret, stamps[i] };
		else if (!is_refusal(w, ret) && ret != -EIO)
			wrong(w, "append", ret);
	}
}

static void change_own(struct worker *w, struct opdriver *d, u64 *random, u32 zone)
{
	static const u8 kinds[] = {
		TGT_ZONE_OPEN, TGT_ZONE_CLOSE, TGT_ZONE_FINISH, TGT_ZONE_RESET,
	};
	u8 kind = kinds[oracle_below(random, ARRAY_SIZE(kinds))];
	s64 ret = opd_simple(d, kind, (u64)zone * ZONE_SECTORS * SECTOR, 0, 0);

	if (ret == 0 && kind == TGT_ZONE_RESET)
		w->wp[zone] = 0;
	if (ret == 0 && kind == TGT_ZONE_FINISH)
		w->wp[zone] = ZONE_SECTORS;
	if (ret < 0 && !is_refusal(w, ret) &&
	    (ret != -EIO || kind == TGT_ZONE_RESET || kind == TGT_ZONE_FINISH))
		wrong(w, "change", ret);
}

/* A zone that nobody else writes to: the write pointer is known, other threads may
 * only have closed it. */
static void write_own(struct worker *w, struct opdriver *d, u64 *random, u32 zone)
{
	u64 mem[4 * SECTOR / 8];
	u32 nr = 1 + (u32)oracle_below(random, 4);
	u64 at = ((u64)zone * ZONE_SECTORS + w->wp[zone]) * SECTOR;
	s64 ret;

	if (w->wp[zone] + nr > ZONE_SECTORS)
		return;
	fill(mem, nr, w->next_stamp);
	ret = opd_write(d, at, mem, nr * SECTOR, 0);
	if (is_refusal(w, ret))
		return;
	if (ret != nr * SECTOR) {
		wrong(w, "write", ret);
		return;
	}
	w->wp[zone] += nr;
	ret = opd_read(d, at, mem, nr * SECTOR);
	if (ret != nr * SECTOR || mem[0] != w->next_stamp ||
	    mem[nr * SECTOR / 8 - 1] != w->next_stamp + nr - 1)
		wrong(w, "read", ret);
	w->next_stamp += nr;
}

static void work(void *arg)
{
	struct worker *w = arg;
	u64 random = 99 + w->idx;
	struct opdriver d;

	opd_attach(&d, w->tree, w->idx);
	while (!__atomic_load_n(w->go, __ATOMIC_ACQUIRE))
		sys_sched_yield();
	for (u32 i = 0; !w->wrong && i < w->nr_ops; i++) {
		u32 own = (u32)oracle_below(&random, (NR_ZONES - NR_SHARED) / NR_THREADS);
		u32 zone = NR_SHARED + own * NR_THREADS + w->idx;
		u64 dice = oracle_below(&random, 8);

		if (dice == 0 && w->nr_appended + 3 <= MAX_APPENDED)
			append_some(w, &d, &random);
		else if (dice < 4)
			change_own(w, &d, &random, zone);
		else
			write_own(w, &d, &random, zone);
	}
	opd_close(&d);
}

/* Every sector that was told is there, once, and between them there is nothing */
static void check_appended(struct opdriver *d, const struct worker *workers)
{
	static u8 is_told[NR_SHARED * ZONE_SECTORS];
	struct blk_zone zones[NR_SHARED];
	struct opd_slot *slot;
	u64 nr_told = 0;
	u64 nr_written = 0;

	memset(is_told, 0, sizeof(is_told));
	for (const struct worker *w = workers; w < workers + NR_THREADS; w++) {
		for (u32 i = 0; i < w->nr_appended; i++) {
			const struct appended *a = &w->appended[i];
			u64 mem[SECTOR / 8];

			ASSERT_LT(a->sector, ARRAY_SIZE(is_told));
			ASSERT_EQ(is_told[a->sector], 0);
			is_told[a->sector] = 1;
			ASSERT_EQ(opd_read(d, a->sector * SECTOR, mem, SECTOR), SECTOR);
			ASSERT_EQ(mem[0], a->stamp);
			nr_told++;
		}
	}
	slot = opd_slot(d);
	slot->op.kind = TGT_REPORT_ZONES;
	slot->op.report = zones;
	slot->op.report_zones = NR_SHARED;
	(void)opd_start(d, slot);
	ASSERT_EQ(opd_wait(d, slot), NR_SHARED);
	for (u32 i = 0; i < NR_SHARED; i++)
		nr_written += zones[i].wp - zones[i].start;
	EXPECT_EQ(nr_told, nr_written);
	EXPECT_GT(nr_told, 100);
}

/* Whatever was opened and closed, none is counted that is not */
static void check_limits(struct opdriver *d, u32 max_open, u32 max_active)
{
	u32 nr_active = 0;

	ASSERT_EQ(opd_simple(d, TGT_ZONE_RESET_ALL, 0, 0, 0), 0);
	for (u32 zone = 0; zone < max_open; zone++)
		ASSERT_EQ(opd_simple(d, TGT_ZONE_OPEN, zone * ZONE_SECTORS * SECTOR, 0, 0), 0);
	ASSERT_EQ(opd_simple(d, TGT_ZONE_OPEN, max_open * ZONE_SECTORS * SECTOR, 0, 0),
		  -ETOOMANYREFS);
	ASSERT_EQ(opd_simple(d, TGT_ZONE_RESET_ALL, 0, 0, 0), 0);
	for (u32 zone = 0; zone < NR_ZONES; zone++) {
		u64 mem[SECTOR / 8] = { 0 };

		nr_active += opd_write(d, zone * ZONE_SECTORS * SECTOR, mem, SECTOR, 0) == SECTOR;
	}
	EXPECT_EQ(nr_active, max_active);
}

static void share(const char *spec, u32 nr_ops, u32 max_open, u32 max_active)
{
	static struct worker workers[NR_THREADS];
	struct tgt_tree tree;
	struct opdriver d;
	struct diag why = { .text = "" };
	u32 nr_refused = 0;
	u32 go = 0;

	test_row("%s", spec);
	ASSERT_OK(tgt_open(&tree, broken_types, spec, &why));
	for (u32 i = 0; i < NR_THREADS; i++) {
		struct worker *w = &workers[i];

		*w = (struct worker){ .tree = &tree, .idx = i, .nr_ops = nr_ops, .go = &go };
		w->next_stamp = (u64)(i + 1) << 40;
		ASSERT_OK(thread_start(&w->thread, work, w, STACK_BYTES));
	}
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	for (u32 i = 0; i < NR_THREADS; i++) {
		thread_join(&workers[i].thread);
		if (workers[i].wrong)
			test_fail("thread %u: %s: %lld", i, workers[i].wrong, workers[i].result);
		nr_refused += workers[i].nr_refused;
	}
	EXPECT_GT(nr_refused, 0);
	opd_attach(&d, &tree, 0);
	check_appended(&d, workers);
	check_limits(&d, max_open, max_active);
	opd_close(&d);
	tgt_close(&tree);
}

static void sharing_zones(void)
{
	share("zoned?zone_size=64K&max_open=3&max_active=7:[ram:1536K]", 40000, 3, 7);
	share("zoned?zone_size=64K&max_open=1&max_active=12:[ram:1536K]", 40000, 1, 12);
	share("zoned?zone_size=64K&max_open=4&max_active=9:[delay:[ram:1536K]]", 5000, 4, 9);
}

static const struct test_case cases[] = {
	TEST("four queues in the same zones lose nothing and miscount nothing", sharing_zones,
	     .timeout_ms = 60000),
};
TEST_SUITE(targets_zoned_threads, cases);
