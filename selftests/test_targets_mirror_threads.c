/* SPDX-License-Identifier: MIT */
/*
 * A mirror that is copied while two queues write to it, anywhere and at the same
 * places, and change their pages while they are being written. At the end both legs
 * are the same; and those of mirrors that were broken on purpose are not.
 */
#include <asm/errno.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/harness/start.h"
#include "selftests/mirror_rig.h"
#include "selftests/oracle.h"
#include "uapi/rt/free/thread.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/sys.h"

#define NR_QUEUES 2
#define NR_AT_A_TIME 8
#define STACK_BYTES 65536
#define MAX_WRITE 16384
#define SEEDS_LONG "SEEDS"

struct shape {
	const char *spec;
	u32 nr_seeds;
	u32 min_met; /* writes to regions while they were being copied */
};

/* One write: a page of the requester's, and the front end's copy of it */
struct write {
	struct opd_slot *slot;
	u8 page[MAX_WRITE];
	u8 snapshot[MAX_WRITE];
};

struct worker {
	struct thread thread;
	struct tgt_tree *tree;
	u32 idx;
	u64 random;
	u32 *go;
	u32 min_met;
	u32 *nr_left; /* that still write; the queue that copies is the last to end */
	u64 nr_writes;
	s64 wrong;
};

/* Half of them where the copy just is */
static u64 place(struct worker *w, u64 nr_blocks)
{
	u64 all = w->tree->root->limits.size_bytes / 512;
	u64 front = mirror_number(w->tree, "copied_bytes") / 512;
	u64 at;

	if (oracle_below(&w->random, 2))
		at = oracle_below(&w->random, all);
	else
		at = front - (front > 2048 ? 2048 : front) + oracle_below(&w->random, 10240);
	return (at < all - nr_blocks ? at : all - nr_blocks) * 512;
}

/* As ublk/queue.c does it: see ublk_request_bounces() */
static void start(struct worker *w, struct opdriver *d, struct write *one)
{
	u64 nr = 1 + oracle_below(&w->random, MAX_WRITE / 512);
	u8 *mem = one->page;
	u64 dice = oracle_below(&w->random, 64);

	one->slot = opd_slot(d);
	memset(one->page, (int)oracle_below(&w->random, 255), nr * 512);
	if (w->tree->root->needs_snapshot)
		mem = memcpy(one->snapshot, one->page, nr * 512);
	one->slot->op.kind = dice == 0 ? TGT_DISCARD : dice == 1 ? TGT_WRITE_ZEROES : TGT_WRITE;
	one->slot->op.offset_bytes = place(w, nr);
	one->slot->op.len_bytes = nr * 512;
	if (dice > 1)
		tgt_set_mem(&one->slot->op, mem);
	(void)opd_start(d, one->slot);
	/* while it is in flight */
	memset(one->page, (int)oracle_below(&w->random, 255), nr * 512);
}

static void end(struct worker *w, struct opdriver *d, struct write *one)
{
	s64 expected = one->slot->op.kind == TGT_WRITE ? (s64)one->slot->op.len_bytes : 0;
	s64 result = opd_wait(d, one->slot);

	if (result != expected && !w->wrong)
		w->wrong = result < 0 ? result : -EIO;
	w->nr_writes++;
}

static void read_some(struct worker *w, struct opdriver *d, struct write *one)
{
	u64 nr = 1 + oracle_below(&w->random, MAX_WRITE / 512);

	if (opd_read(d, place(w, nr), one->page, nr * 512) != (s64)nr * 512)
		w->wrong = -EIO;
}

/* Until all is copied; and once more, if too little was written meanwhile to show anything */
static bool goes_on(struct worker *w)
{
	if (w->wrong)
		return false;
	if (mirror_number(w->tree, "dirty_regions"))
		return true;
	if (mirror_number(w->tree, "met_copying") >= w->min_met)
		return false;
	if (!w->idx)
		ASSERT_OK(mirror_says(w->tree, "resync"));
	return true;
}

static void work(void *arg)
{
	static struct write all[NR_QUEUES][NR_AT_A_TIME];
	struct worker *w = arg;
	struct write *mine = all[w->idx];
	struct opdriver d;

	opd_attach(&d, w->tree, w->idx);
	while (!__atomic_load_n(w->go, __ATOMIC_ACQUIRE))
		sys_sched_yield();
	while (goes_on(w)) {
		for (u32 i = 0; i < NR_AT_A_TIME; i++)
			start(w, &d, &mine[i]);
		for (u32 i = 0; i < NR_AT_A_TIME; i++)
			end(w, &d, &mine[i]);
		read_some(w, &d, &mine[0]);
		opd_poll(&d);
	}
	__atomic_fetch_sub(w->nr_left, 1, __ATOMIC_SEQ_CST);
	while (!w->idx && __atomic_load_n(w->nr_left, __ATOMIC_SEQ_CST))
		sys_sched_yield();
	opd_close(&d);
}

/* Returns where the legs differ, or -1 */
static s64 copy_once(const struct shape *shape, u64 seed, u64 *nr_met)
{
	static struct worker workers[NR_QUEUES];
	struct tgt_tree tree;
	struct diag why = { .text = "" };
	u32 go = 0;
	u32 nr_left = NR_QUEUES;
	s64 at;

	if (tgt_open(&tree, broken_types, shape->spec, &why))
		test_fail("%s", why.text);
	mirror_fill(&tree, 0, seed);
	for (u32 i = 0; i < NR_QUEUES; i++) {
		workers[i] = (struct worker){
			.tree = &tree, .idx = i, .go = &go, .nr_left = &nr_left,
			.min_met = shape->min_met, .random = seed * 2 + i + 1,
		};
		ASSERT_OK(thread_start(&workers[i].thread, work, &workers[i], STACK_BYTES));
	}
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	for (u32 i = 0; i < NR_QUEUES; i++) {
		thread_join(&workers[i].thread);
		EXPECT_OK(workers[i].wrong);
	}
	*nr_met = mirror_number(&tree, "met_copying");
	at = mirror_differs(&tree);
	tgt_close(&tree);
	return at;
}

static u32 seeds_of(const struct shape *shape)
{
	const char *text = test_env(SEEDS_LONG);
	u32 nr;

	return text && !parse_u32(text, &nr) ? nr : shape->nr_seeds;
}

static void same(const struct shape *shape)
{
	u32 nr_seeds = seeds_of(shape);

	for (u32 seed = 1; seed <= nr_seeds; seed++) {
		u64 nr_met;
		s64 at;

		test_row("%s, seed %u", shape->spec, seed);
		at = copy_once(shape, seed, &nr_met);
		if (at >= 0)
			test_fail("%s, seed %u: the legs differ at %lld", shape->spec, seed, at);
		EXPECT_GE(nr_met, shape->min_met);
	}
}

static void while_written(void)
{
	same(&(const struct shape){ "mirror?rate=150M:[ram:256M],[ram:256M]", 2, 1000 });
}

static void while_delayed(void)
{
	same(&(const struct shape){ "mirror?rate=150M:[delay:[ram:256M]],[ram:256M]", 1, 1000 });
	same(&(const struct shape){ "mirror?rate=20M&region=64K:[ram:16M],[delay:[ram:16M]]", 1,
				    1000 });
	same(&(const struct shape){
		"mirror?rate=20M:[delay?by=100us:[ram:16M]],[delay?by=70us:[ram:16M]]", 1, 100 });
}

/* Somewhere in a few runs they differ, or the test sees nothing. */
static void differ(const char *spec)
{
	test_row("%s", spec);
	for (u64 seed = 1; seed <= 40; seed++) {
		u64 nr_met;

		if (copy_once(&(const struct shape){ .spec = spec }, seed, &nr_met) >= 0)
			return;
	}
	test_fail("%s: the legs were the same", spec);
}

static void without_locks(void)
{
	differ("mirror-unlocked?rate=40M:[ram:32M],[ram:32M]");
	differ("mirror-unlocked?rate=40M:[delay:[ram:32M]],[delay:[ram:32M]]");
}

static void without_order(void)
{
	differ("mirror-disordered?rate=40M:[ram:32M],[ram:32M]");
	differ("mirror-disordered?rate=40M:[delay:[ram:32M]],[delay:[ram:32M]]");
}

static void without_snapshots(void)
{
	differ("mirror-live?rate=40M:[ram:32M],[delay:[ram:32M]]");
}

static const struct test_case cases[] = {
	TEST("256 MiB are the same on both legs, copied while two queues write to them",
	     while_written, .timeout_ms = 60000),
	TEST("and so are legs that answer later, each in its own time", while_delayed,
	     .timeout_ms = 60000),
	TEST("a mirror without locks is caught", without_locks, .timeout_ms = 120000),
	TEST("a mirror that lets old data overtake new is caught", without_order,
	     .timeout_ms = 120000),
	TEST("a mirror that wants no copy of what is written is caught", without_snapshots,
	     .timeout_ms = 120000),
};
TEST_SUITE(targets_mirror_threads, cases);
