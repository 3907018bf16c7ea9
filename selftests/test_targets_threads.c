/* SPDX-License-Identifier: MIT */
/* Several queues on one ram disk, with pages that belong to more than one of them. */
#include <asm/errno.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/free/thread.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define NR_THREADS 4
#define STACK_BYTES 65536

struct shape {
	const char *spec;
	u8 data; /* enum judge_data */
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
	judge_use_data(&j, w->shape->data);
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
	share(&(const struct shape){ "ram:4M", JUDGE_MEM, 64, 20000 });
	share(&(const struct shape){ "broken?how=not:[ram:4M]", JUDGE_MEM, 512, 5000 });
}

static void sharing_pages(void)
{
	share(&(const struct shape){ "ram:64K", JUDGE_MEM, 1, 40000 });
	share(&(const struct shape){ "ram:129s", JUDGE_MEM, 3, 30000 });
	share(&(const struct shape){ "ram:1M", JUDGE_MEM, 21, 20000 });
	share(&(const struct shape){ "cachesim:[delay:[ram:256K]]", JUDGE_MEM, 5, 5000 });
}

static void on_a_file(void)
{
	static const struct {
		const char *params;
		u8 data;
	} rows[] = { { "?io=mapped", JUDGE_FILE }, { "?io=mapped", JUDGE_MEM },
		     { "?io=calls", JUDGE_MEM },   { "?io=ring", JUDGE_MEM } };
	char spec[64];

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = sys_memfd_create("disk", 0);

		ASSERT_OK(fd);
		ASSERT_OK(sys_ftruncate(fd, 1 << 20));
		fmt_print(spec, sizeof(spec), "file:/proc/self/fd/%d%s", fd, rows[i].params);
		share(&(const struct shape){ spec, rows[i].data, 21, 2000 });
		(void)sys_close(fd);
	}
}

/*
 * All queues over the same few blocks: a write has its number in data and
 * metadata, and a read has to find the same in both.
 */
#define NR_AT_A_TIME 4
#define PAIR_BLOCKS 16

struct pair {
	struct opd_slot *slot;
	struct tgt_piece piece;
	u8 mem[PAIR_BLOCKS * 512];
	u8 meta[PAIR_BLOCKS * 8];
};

static void start_pair(struct opdriver *d, struct pair *p, u64 *random)
{
	u64 nr = 1 + oracle_below(random, PAIR_BLOCKS);
	u8 number = (u8)(1 + oracle_below(random, 254));
	struct tgt_op *op;

	p->slot = opd_slot(d);
	op = &p->slot->op;
	op->kind = oracle_below(random, 2) ? TGT_READ : TGT_WRITE;
	op->len_bytes = nr * 512;
	op->offset_bytes = oracle_below(random, PAIR_BLOCKS + 1 - nr) * 512;
	memset(p->mem, number, nr * 512);
	memset(p->meta, number, nr * 8);
	tgt_set_mem(op, p->mem);
	p->piece = (struct tgt_piece){ (u64)(uintptr_t)p->meta, nr * 8 };
	op->meta = op->data;
	op->meta.pieces = &p->piece;
	(void)opd_start(d, p->slot);
}

static int end_pair(struct opdriver *d, struct pair *p)
{
	u64 len = p->slot->op.len_bytes;

	if (opd_wait(d, p->slot) != (s64)len)
		return -EIO;
	for (u64 i = 0; p->slot->op.kind == TGT_READ && i < len; i++) {
		u8 number = p->meta[i / 512 * 8];

		if (p->mem[i] != (number == 0xff ? 0 : number))
			return -EILSEQ;
	}
	return 0;
}

static void pair_work(void *arg)
{
	static struct pair all[NR_THREADS][NR_AT_A_TIME];
	struct worker *w = arg;
	u64 random = 99 + w->idx;
	struct opdriver d;

	opd_attach(&d, w->tree, w->idx);
	while (!__atomic_load_n(w->go, __ATOMIC_ACQUIRE))
		sys_sched_yield();
	for (u32 i = 0; i < w->shape->nr_ops; i++) {
		for (u32 k = 0; k < NR_AT_A_TIME; k++)
			start_pair(&d, &all[w->idx][k], &random);
		for (u32 k = 0; k < NR_AT_A_TIME; k++) {
			int err = end_pair(&d, &all[w->idx][k]);

			w->err = w->err ? w->err : err;
		}
	}
	opd_close(&d);
}

static void in_pairs(const struct shape *shape)
{
	static struct worker workers[NR_THREADS];
	struct tgt_tree tree;
	struct diag why = { .text = "" };
	u32 go = 0;

	test_row("%s", shape->spec);
	ASSERT_OK(tgt_open(&tree, broken_types, shape->spec, &why));
	for (u32 i = 0; i < NR_THREADS; i++) {
		workers[i] = (struct worker){ .tree = &tree, .shape = shape, .idx = i, .go = &go };
		ASSERT_OK(thread_start(&workers[i].thread, pair_work, &workers[i], STACK_BYTES));
	}
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	for (u32 i = 0; i < NR_THREADS; i++) {
		thread_join(&workers[i].thread);
		EXPECT_OK(workers[i].err);
	}
	tgt_close(&tree);
}

static void pairs(void)
{
	in_pairs(&(const struct shape){ "integrity?csum=none:[ram:16s]", JUDGE_MEM, 0, 8000 });
	in_pairs(&(const struct shape){ "integrity?csum=none:[delay:[ram:16s]]", JUDGE_MEM, 0, 3000 });
	in_pairs(&(const struct shape){ "delay:[integrity?csum=none:[ram:16s]]", JUDGE_MEM, 0, 3000 });
}

static const struct test_case cases[] = {
	TEST("four queues on ranges of their own are byte-exact", disjoint, .timeout_ms = 60000),
	TEST("four queues that share pages are byte-exact", sharing_pages, .timeout_ms = 60000),
	TEST("four queues that share pages of a file are byte-exact, by every way", on_a_file,
	     .timeout_ms = 60000),
	TEST("of overlapping requests on four queues data and metadata change together", pairs,
	     .timeout_ms = 60000),
};
TEST_SUITE(targets_threads, cases);
