/* SPDX-License-Identifier: MIT */
/* Several queues on one ram disk, with pages that belong to more than one of them. */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "uapi/rt/free/thread.h"
#include "uapi/sys.h"

#define NR_THREADS 4
#define STACK_BYTES 65536

struct shape {
	const char *spec;
	u32 cell_blocks; /* cell k belongs to thread k % NR_THREADS */
	u32 nr_ops;
};

struct worker {
	struct thread thread;
	struct tgt_tree *tree;
	struct oracle *o;
	const struct shape *shape;
	u32 idx;
	u32 *go;
	int err;
	struct diag why;
};

static const struct oracle_mix mix = {
	.read = 6, .write = 6, .discard = 2, .zero = 2, .max_blocks = 64,
};

static int one_op(struct worker *w, struct judge *j, u64 *random)
{
	u64 cell_bytes = w->shape->cell_blocks * 512;
	u64 nr_cells = w->o->size_bytes / cell_bytes / NR_THREADS;
	u64 cell = oracle_below(random, nr_cells) * NR_THREADS + w->idx;
	struct oracle_op op;

	oracle_pick(w->o, random, &mix, cell * cell_bytes, (cell + 1) * cell_bytes, &op);
	return judge_op(j, &op, &w->why);
}

static void work(void *arg)
{
	struct worker *w = arg;
	u64 random = 77 + w->idx;
	struct opdriver d;
	struct judge j;

	opd_attach(&d, w->tree, w->idx);
	judge_init(&j, &d, w->o, mix.max_blocks * 512, 4, random);
	while (!__atomic_load_n(w->go, __ATOMIC_ACQUIRE))
		sys_sched_yield();
	for (u32 i = 0; !w->err && i < w->shape->nr_ops; i++)
		w->err = one_op(w, &j, &random);
	judge_exit(&j);
	opd_close(&d);
}

static void share(const struct shape *shape)
{
	static struct worker workers[NR_THREADS];
	struct tgt_tree tree;
	struct oracle o;
	struct diag why = { .text = "" };
	u32 go = 0;

	test_row("%s, cells of %u", shape->spec, shape->cell_blocks);
	ASSERT_OK(tgt_open(&tree, broken_types, shape->spec, &why));
	ASSERT_OK(oracle_init(&o, tree.root->limits.size_bytes, 512, 3));
	for (u32 i = 0; i < NR_THREADS; i++) {
		workers[i] = (struct worker){
			.tree = &tree, .o = &o, .shape = shape, .idx = i, .go = &go,
		};
		ASSERT_OK(thread_start(&workers[i].thread, work, &workers[i], STACK_BYTES));
	}
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	for (u32 i = 0; i < NR_THREADS; i++) {
		thread_join(&workers[i].thread);
		if (workers[i].err)
			test_fail("thread %u: %s", i, workers[i].why.text);
	}
	EXPECT_GT(o.nr_checked, shape->nr_ops);
	oracle_exit(&o);
	tgt_close(&tree);
}

static void disjoint(void)
{
	share(&(const struct shape){ "ram:4M", 64, 20000 });
	share(&(const struct shape){ "broken?how=not:[ram:4M]", 512, 5000 });
}

static void sharing_pages(void)
{
	share(&(const struct shape){ "ram:64K", 1, 40000 });
	share(&(const struct shape){ "ram:129s", 3, 30000 });
	share(&(const struct shape){ "ram:1M", 21, 20000 });
	share(&(const struct shape){ "cachesim:[delay:[ram:256K]]", 5, 5000 });
}

static const struct test_case cases[] = {
	TEST("four queues on ranges of their own are byte-exact", disjoint, .timeout_ms = 60000),
	TEST("four queues that share pages are byte-exact", sharing_pages, .timeout_ms = 60000),
};
TEST_SUITE(targets_threads, cases);

#endif
