/* SPDX-License-Identifier: MIT */
/* ublk/targets/async.h: answers from other threads, to several queues. */
#if !__STDC_HOSTED__

#include "ublk/targets/async.h"

#include "selftests/harness/harness.h"
#include "selftests/oracle.h"
#include "uapi/rt/free/thread.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"
#include "ublk/disk.h"

#define NR_QUEUES 2
#define NR_HANDS 3
#define SHARE_BYTES 65536U
#define NR_OPS 3000

static u8 bytes[NR_QUEUES * SHARE_BYTES];
static struct tgt_op *todo; /* atomic; the newest first */
static u32 nr_todo;	    /* a futex: how many were ever put there */
static u32 is_over;
static struct tgt_disk disk;

static void begin(void *ctx, struct tgt_op *op)
{
	(void)ctx;
	op->next = __atomic_load_n(&todo, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&todo, &op->next, op, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	__atomic_fetch_add(&nr_todo, 1, __ATOMIC_RELEASE);
	deadline_wake_word(&nr_todo);
}

/* Takes what there is, and answers it */
static void hand(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
		u32 seen = __atomic_load_n(&nr_todo, __ATOMIC_ACQUIRE);
		struct tgt_op *op = __atomic_exchange_n(&todo, NULL, __ATOMIC_ACQUIRE);

		if (!op)
			(void)!deadline_wait_word(&nr_todo, seen, deadline_in_ms(100));
		while (op) {
			struct tgt_op *next = op->next;
			u8 *at = bytes + op->offset_bytes;
			int err = op->kind == TGT_READ ? tgt_copy_to_op(op, 0, at, op->len_bytes) :
							 tgt_copy_from_op(op, 0, at, op->len_bytes);

			tgt_async_answer(op, err ? err : (s64)op->len_bytes);
			op = next;
		}
	}
}

struct user {
	struct thread thread;
	struct tgt_disk_queue queue;
	struct diag why;
	u32 idx;
	int err;
	u8 mem[4][4096];
};

/* Four at a time, each in a part of its own */
static int round_of(struct user *u, struct oracle *o, u64 *random)
{
	struct tgt_disk_buf bufs[4];
	struct tgt_disk_io ios[4];
	int err = 0;

	for (u32 i = 0; i < 4; i++) {
		u64 at = i * (SHARE_BYTES / 4) + oracle_below(random, 24) * 512;

		bufs[i] = (struct tgt_disk_buf){ u->mem[i], 512 * (1 + oracle_below(random, 8)) };
		ios[i] = (struct tgt_disk_io){
			.kind = oracle_below(random, 2) ? TGT_READ : TGT_WRITE,
			.offset_bytes = u->idx * SHARE_BYTES + at, .bufs = &bufs[i], .nr_bufs = 1,
		};
		if (ios[i].kind == TGT_WRITE)
			oracle_write_begin(o, at, u->mem[i], bufs[i].len_bytes);
		err = err ? err : tgt_disk_submit(&u->queue, &ios[i]);
	}
	for (u32 i = 0; i < 4 && !err; i++) {
		u64 at = ios[i].offset_bytes - u->idx * SHARE_BYTES;

		while (!ios[i].is_done && !err)
			err = tgt_disk_step(&u->queue, TGT_DISK_FOREVER) < 0;
		err = err ? err : ios[i].result;
		if (ios[i].kind == TGT_WRITE)
			oracle_write_end(o, at, bufs[i].len_bytes, !err, false);
		else if (!err)
			err = oracle_check(o, at, u->mem[i], bufs[i].len_bytes, &u->why);
	}
	return err;
}

static void use(void *arg)
{
	struct user *u = arg;
	u64 random = 3 + u->idx;
	struct oracle o;

	u->err = tgt_disk_queue_open(&u->queue, &disk, u->idx, 0, &u->why);
	if (!u->err)
		u->err = oracle_init(&o, SHARE_BYTES, 512, random);
	for (u32 i = 0; i < NR_OPS && !u->err; i++)
		u->err = round_of(u, &o, &random);
	tgt_disk_queue_close(&u->queue);
}

static void many_hands(void)
{
	static struct thread hands[NR_HANDS];
	static struct user users[NR_QUEUES];
	const struct tgt_async async = { .begin = begin, .limits.size_bytes = sizeof(bytes) };
	struct tgt_tree tree;
	struct diag why;

	ASSERT_OK(tgt_async_open(&tree, &async, &why));
	ASSERT_OK(tgt_disk_attach(&disk, &tree, 0, &why));
	for (u32 i = 0; i < NR_HANDS; i++)
		ASSERT_OK(thread_start(&hands[i], hand, NULL, 65536));
	for (u32 i = 0; i < NR_QUEUES; i++) {
		users[i].idx = i;
		ASSERT_OK(thread_start(&users[i].thread, use, &users[i], 65536));
	}
	for (u32 i = 0; i < NR_QUEUES; i++) {
		thread_join(&users[i].thread);
		if (users[i].err)
			test_fail("queue %u: %d %s", i, users[i].err, users[i].why.text);
	}
	__atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
	for (u32 i = 0; i < NR_HANDS; i++)
		thread_join(&hands[i]);
	tgt_disk_close(&disk);
	tgt_close(&tree);
}

static const struct test_case cases[] = {
	TEST("several threads answer several queues", many_hands, .timeout_ms = 60000),
};
TEST_SUITE(targets_async_threads, cases);

#endif
