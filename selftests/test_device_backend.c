/* SPDX-License-Identifier: MIT */
/* A disk from callbacks: what each is called with when the disk is used. */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "selftests/device.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "ublk/deadline.h"
#include "ublk/targets/async.h"
#include "ublk/targets/backend.h"
#include "ublk/targets/mock.h"

#define DISK_BYTES (8U << 20)
#define MAX_CALLS 64

struct call {
	const char *what;
	u64 offset_bytes;
	u64 len_bytes;
	bool keep;
};

/* What a disk from memory was called with; by one queue's thread */
struct memory {
	u8 *bytes;
	u32 nr_calls; /* reads apart: the kernel reads when it likes */
	u32 nr_reads;
	u32 nr_closes;
	struct call calls[MAX_CALLS];
};

static int called(struct memory *m, const char *what, u64 offset_bytes, u64 len_bytes, bool keep)
{
	u32 i = __atomic_load_n(&m->nr_calls, __ATOMIC_RELAXED);

	if (i < MAX_CALLS)
		m->calls[i] = (struct call){ what, offset_bytes, len_bytes, keep };
	__atomic_store_n(&m->nr_calls, i + 1, __ATOMIC_RELEASE);
	return 0;
}

static int mem_read(void *ctx, u64 offset_bytes, void *mem, u64 len_bytes)
{
	struct memory *m = ctx;

	__atomic_fetch_add(&m->nr_reads, 1, __ATOMIC_RELAXED);
	memcpy(mem, m->bytes + offset_bytes, len_bytes);
	return 0;
}

static int mem_write(void *ctx, u64 offset_bytes, const void *mem, u64 len_bytes)
{
	struct memory *m = ctx;

	memcpy(m->bytes + offset_bytes, mem, len_bytes);
	return called(m, "write", offset_bytes, len_bytes, false);
}

static int mem_flush(void *ctx)
{
	return called(ctx, "flush", 0, 0, false);
}

static int mem_discard(void *ctx, u64 offset_bytes, u64 len_bytes)
{
	return called(ctx, "discard", offset_bytes, len_bytes, false);
}

static int mem_write_zeroes(void *ctx, u64 offset_bytes, u64 len_bytes, bool keep_allocated)
{
	struct memory *m = ctx;

	memset(m->bytes + offset_bytes, 0, len_bytes);
	return called(m, "zeroes", offset_bytes, len_bytes, keep_allocated);
}

static int mem_sync_range(void *ctx, u64 offset_bytes, u64 len_bytes)
{
	return called(ctx, "sync_range", offset_bytes, len_bytes, false);
}

static void mem_close(void *ctx)
{
	struct memory *m = ctx;

	m->nr_closes++;
}

static const struct tgt_backend_ops all_ops = {
	.read = mem_read,
	.write = mem_write,
	.flush = mem_flush,
	.discard = mem_discard,
	.write_zeroes = mem_write_zeroes,
	.sync_range = mem_sync_range,
	.close = mem_close,
};

static const struct tgt_backend_ops read_write_ops = { .read = mem_read, .write = mem_write };
static const struct tgt_backend_ops read_ops = { .read = mem_read };

struct backend_rig {
	struct rig r;
	struct memory m;
	struct pages mem;
	struct tgt_tree tree;
};

static void up(struct backend_rig *b, const struct tgt_backend_ops *ops, bool has_threads,
	       int flags)
{
	struct tgt_backend backend = {
		.ops = ops, .ctx = &b->m, .limits = { .size_bytes = DISK_BYTES },
	};
	struct diag why;

	memset(b, 0, sizeof(*b));
	ASSERT_OK(pages_map(&b->mem, DISK_BYTES));
	b->m.bytes = b->mem.addr;
	ASSERT_OK(tgt_backend_open(&b->tree, &backend, &why));
	rig_init(&b->r, NULL, NULL, has_threads);
	b->r.opts.tree = &b->tree;
	rig_up(&b->r, flags);
}

static void down(struct backend_rig *b, u32 nr_closes)
{
	rig_down(&b->r);
	EXPECT_EQ(b->m.nr_closes, 0);
	tgt_close(&b->tree);
	EXPECT_EQ(b->m.nr_closes, nr_closes);
	pages_unmap(&b->mem);
}

/* The next call that was made; NULL: none */
static void expect_call(struct backend_rig *b, u32 *seen, const struct call *want)
{
	const struct call *got = &b->m.calls[*seen];

	if (*seen >= __atomic_load_n(&b->m.nr_calls, __ATOMIC_ACQUIRE))
		test_fail("%s was not called", want->what);
	++*seen;
	EXPECT_STREQ(got->what, want->what);
	EXPECT_EQ(got->offset_bytes, want->offset_bytes);
	EXPECT_EQ(got->len_bytes, want->len_bytes);
	EXPECT_EQ(got->keep, want->keep);
}

static const struct {
	struct oracle_op op;
	struct call calls[4]; /* with O_DIRECT | O_DSYNC */
} rows[] = {
	{ { .kind = ORACLE_WRITE, .offset_bytes = 512, .len_bytes = 1024 },
	  { { "write", 512, 1024, false }, { "sync_range", 512, 1024, false },
	    { "flush", 0, 0, false } } },
	{ { .kind = ORACLE_FLUSH }, { { "flush", 0, 0, false } } },
	{ { .kind = ORACLE_DISCARD, .offset_bytes = 65536, .len_bytes = 1 << 20 },
	  { { "discard", 65536, 1 << 20, false } } },
	{ { .kind = ORACLE_ZERO, .offset_bytes = 1536, .len_bytes = 2 << 20 },
	  { { "zeroes", 1536, 2 << 20, false } } },
	{ { .kind = ORACLE_ZERO, .offset_bytes = 4096, .len_bytes = 8192, .nounmap = true },
	  { { "zeroes", 4096, 8192, true } } },
	{ { .kind = ORACLE_DISCARD, .offset_bytes = 0, .len_bytes = DISK_BYTES },
	  { { "discard", 0, DISK_BYTES, false } } },
};

static void each_is_called(bool has_threads)
{
	static struct backend_rig b;
	u32 seen = 0;

	up(&b, &all_ops, has_threads, O_RDWR | O_DIRECT | O_DSYNC);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s64 want = rows[i].op.kind == ORACLE_WRITE ? (s64)rows[i].op.len_bytes : 0;

		test_row("%s threads, %zu: %s", has_threads ? "with" : "without", i,
			 rows[i].calls[0].what);
		blockdev_start(&b.r.user, blockdev_fn_do, &rows[i].op, sizeof(rows[i].op));
		EXPECT_EQ(rig_wait(&b.r), want);
		for (const struct call *c = rows[i].calls; c->what; c++)
			expect_call(&b, &seen, c);
		EXPECT_EQ(seen, b.m.nr_calls);
	}
	down(&b, 1);
}

static void calls_back(void)
{
	each_is_called(true);
	each_is_called(false);
}

static void writes_without_sync_do_not_flush(void)
{
	static struct backend_rig b;

	up(&b, &all_ops, true, O_RDWR | O_DIRECT);
	rig_fill(&b.r, 1, 0, 65536);
	rig_check(&b.r, 1, 0, 65536);
	EXPECT_GT(b.m.nr_reads, 0);
	EXPECT_EQ(b.m.nr_calls, 1);
	EXPECT_MEMEQ(b.m.bytes, b.r.user.buf, 65536);
	down(&b, 1);
}

/* Up to as much as there is memory for */
static int mem_resize(void *ctx, u64 size_bytes)
{
	return size_bytes > DISK_BYTES ? -ENOSPC : called(ctx, "resize", 0, size_bytes, false);
}

static u32 mem_stats(void *ctx, struct tgt_backend_stat *stats, u32 max)
{
	struct memory *m = ctx;

	if (max)
		stats[0] = (struct tgt_backend_stat){ "calls", m->nr_calls };
	return 1;
}

static const struct tgt_backend_ops elastic_ops = {
	.read = mem_read, .write = mem_write, .resize = mem_resize, .stats = mem_stats,
};

static void hear_calls(void *ctx, const char *name, u64 value)
{
	EXPECT_STREQ(name, "backend.calls");
	*(u64 *)ctx = value;
}

/* To this, and one past its end is no place any more: the kernel's disk has followed. */
static void resized_to(struct backend_rig *b, u32 *seen, u64 size_bytes)
{
	const struct call write = { "write", size_bytes - 4096, 4096, false };
	const struct call resize = { "resize", 0, size_bytes, false };
	struct ublk_dev_info info;

	test_row("%llu", size_bytes);
	if (ublk_dev_resize(&b->r.dev, size_bytes, 0, &b->r.error))
		device_fail(&b->r.error);
	expect_call(b, seen, &resize);
	ublk_dev_info(&b->r.dev, &info);
	EXPECT_EQ(info.size_bytes, size_bytes);
	rig_fill(&b->r, size_bytes, size_bytes - 4096, 4096);
	expect_call(b, seen, &write);
	rig_check(&b->r, size_bytes, size_bytes - 4096, 4096);
	/* Nothing can be written there, and there is nothing to read. */
	EXPECT_ERR(rig_do(&b->r, ORACLE_WRITE, size_bytes, 4096), -ENOSPC);
	EXPECT_EQ(rig_do(&b->r, ORACLE_READ, size_bytes, 4096), 0);
}

static void is_resized(void)
{
	static struct backend_rig b;
	u32 seen = 0;
	u64 nr = 0;

	up(&b, &elastic_ops, true, O_RDWR | O_DIRECT);
	if (b.r.dev.features & UBLK_F_UPDATE_SIZE) {
		resized_to(&b, &seen, DISK_BYTES / 2);
		resized_to(&b, &seen, DISK_BYTES);
		resized_to(&b, &seen, 65536);
		EXPECT_ERR(ublk_dev_resize(&b.r.dev, 2 * DISK_BYTES, 0, &b.r.error), -ENOSPC);
		resized_to(&b, &seen, 1 << 20);
		EXPECT_EQ(seen, 8);
	} else {
		/* before Linux 6.16: whoever cannot tell the kernel does not tell the target */
		EXPECT_ERR(ublk_dev_resize(&b.r.dev, 65536, 0, &b.r.error), -EOPNOTSUPP);
		rig_fill(&b.r, 1, DISK_BYTES - 4096, 4096);
		seen = 1;
	}
	tgt_stat(&b.tree, hear_calls, &nr);
	EXPECT_EQ(nr, seen);
	down(&b, 0);

	up(&b, &read_write_ops, true, O_RDWR | O_DIRECT);
	EXPECT_ERR(ublk_dev_resize(&b.r.dev, DISK_BYTES / 2, 0, &b.r.error), -EOPNOTSUPP);
	EXPECT_ERR(ublk_dev_resize(&b.r.dev, 2 * DISK_BYTES, 0, &b.r.error), -EOPNOTSUPP);
	rig_fill(&b.r, 1, DISK_BYTES - 4096, 4096);
	rig_check(&b.r, 1, DISK_BYTES - 4096, 4096);
	down(&b, 0);
}

static void absent_ones_are_not_offered(void)
{
	static struct backend_rig b;

	up(&b, &read_write_ops, true, O_RDWR | O_DIRECT | O_DSYNC);
	rig_fill(&b.r, 1, 0, 4096);
	EXPECT_OK(rig_do(&b.r, ORACLE_FLUSH, 0, 0));
	EXPECT_ERR(rig_do(&b.r, ORACLE_DISCARD, 0, 4096), -EOPNOTSUPP);
	EXPECT_ERR(rig_do(&b.r, ORACLE_ZERO, 0, 4096), -EOPNOTSUPP);
	EXPECT_EQ(b.m.nr_calls, 1);
	rig_check(&b.r, 1, 0, 4096);
	down(&b, 0);

	up(&b, &read_ops, true, O_RDONLY | O_DIRECT);
	EXPECT_EQ(rig_do(&b.r, ORACLE_READ, 0, 4096), 4096);
	rig_close(&b.r);
	ASSERT_OK(rig_open(&b.r, O_RDWR | O_DIRECT));
	EXPECT_ERR(rig_do(&b.r, ORACLE_WRITE, 0, 4096), -EPERM);
	EXPECT_EQ(b.m.nr_calls, 0);
	down(&b, 0);
}

/* An asynchronous one: another thread takes what there is, and answers it. */
struct hand {
	struct thread thread;
	u8 *bytes;
	struct tgt_op *todo; /* atomic; the newest first */
	u32 nr_begun;	     /* a futex: ever */
	u32 is_over;
};

static void begin(void *ctx, struct tgt_op *op)
{
	struct hand *h = ctx;

	op->next = __atomic_load_n(&h->todo, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&h->todo, &op->next, op, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	__atomic_fetch_add(&h->nr_begun, 1, __ATOMIC_RELEASE);
	deadline_wake_word(&h->nr_begun);
}

static void answer_all(void *arg)
{
	struct hand *h = arg;

	while (!__atomic_load_n(&h->is_over, __ATOMIC_ACQUIRE)) {
		u32 seen = __atomic_load_n(&h->nr_begun, __ATOMIC_ACQUIRE);
		struct tgt_op *op = __atomic_exchange_n(&h->todo, NULL, __ATOMIC_ACQUIRE);

		if (!op)
			(void)!deadline_wait_word(&h->nr_begun, seen, deadline_in_ms(100));
		while (op) {
			struct tgt_op *next = op->next;
			u8 *at = h->bytes + op->offset_bytes;
			int err = op->kind == TGT_READ ? tgt_copy_to_op(op, 0, at, op->len_bytes) :
							 tgt_copy_from_op(op, 0, at, op->len_bytes);

			tgt_async_answer(op, err ? err : (s64)op->len_bytes);
			op = next;
		}
	}
}

static void answered_by_a_thread(void)
{
	static struct hand h;
	static struct rig r;
	const struct tgt_async async = {
		.begin = begin, .ctx = &h, .limits = { .size_bytes = DISK_BYTES },
	};
	struct tgt_tree tree;
	struct pages mem;
	struct diag why;

	ASSERT_OK(pages_map(&mem, DISK_BYTES));
	h.bytes = mem.addr;
	for (u32 has_threads = 0; has_threads < 2; has_threads++) {
		h.is_over = 0;
		h.nr_begun = 0;
		ASSERT_OK(tgt_async_open(&tree, &async, &why));
		rig_init(&r, NULL, NULL, has_threads);
		r.opts.tree = &tree;
		r.opts.nr_queues = 2;
		ASSERT_OK(thread_start(&h.thread, answer_all, &h, DEVICE_STACK_BYTES));
		rig_up(&r, O_RDWR | O_DIRECT);
		for (u64 at = 0; at < DISK_BYTES / 2; at += 65536)
			rig_fill(&r, at + 1, at, 65536);
		for (u64 at = 0; at < DISK_BYTES / 2; at += 65536)
			rig_check(&r, at + 1, at, 65536);
		EXPECT_GE(h.nr_begun, DISK_BYTES / 65536);
		EXPECT_ERR(rig_do(&r, ORACLE_DISCARD, 0, 4096), -EOPNOTSUPP);
		rig_down(&r);
		__atomic_store_n(&h.is_over, 1, __ATOMIC_RELEASE);
		thread_join(&h.thread);
		tgt_close(&tree);
	}
	pages_unmap(&mem);
}

/* A mock records what a device is asked for, and fails what it is told to. */
static void of_a_mock(void)
{
	static struct tgt_mock_op log[256];
	static struct rig r;
	struct tgt_mock_rule rules[] = { { .kind = TGT_WRITE, .nth = 2, .err = -ENOSPC } };
	struct tgt_mock m = {
		.limits = { .size_bytes = DISK_BYTES }, .log = log, .max_log = 256,
		.rules = rules, .nr_rules = 1, .hashes = true,
	};
	struct tgt_tree tree;
	struct diag why;
	const struct tgt_mock_op *op = log;

	ASSERT_OK(tgt_mock_open(&tree, &m, &why));
	rig_init(&r, NULL, NULL, true);
	r.opts.tree = &tree;
	rig_up(&r, O_RDWR | O_DIRECT);
	rig_fill(&r, 7, 8192, 4096);
	EXPECT_ERR(rig_do(&r, ORACLE_WRITE, 8192, 4096), -ENOSPC);
	EXPECT_EQ(tgt_mock_count(&m, TGT_WRITE), 2);
	while (op->kind != TGT_WRITE)
		op++;
	EXPECT_EQ(op->offset_bytes, 8192);
	EXPECT_EQ(op->len_bytes, 4096);
	EXPECT_NE(op->data_hash, 0);
	rig_down(&r);
	EXPECT_EQ(m.nr_queues, 0);
	tgt_close(&tree);
}

static const struct test_case cases[] = {
	TEST("each callback is called with what was asked of the disk", calls_back,
	     .timeout_ms = 30000, .fixture = &device_fixture),
	TEST("a write that asks for nothing else is a write and nothing else",
	     writes_without_sync_do_not_flush, .timeout_ms = 30000, .fixture = &device_fixture),
	TEST("a disk is resized while it is used", is_resized, .timeout_ms = 30000,
	     .fixture = &device_fixture),
	TEST("a disk whose operations another thread answers", answered_by_a_thread,
	     .timeout_ms = 30000, .fixture = &device_fixture),
	TEST("a mock records what a device is asked for", of_a_mock, .timeout_ms = 30000,
	     .fixture = &device_fixture),
	TEST("a disk has what it has callbacks for", absent_ones_are_not_offered,
	     .timeout_ms = 30000, .fixture = &device_fixture),
};
TEST_SUITE(device_backend, cases);

#endif
