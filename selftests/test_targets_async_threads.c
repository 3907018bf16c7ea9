/* SPDX-License-Identifier: MIT */
/* ublk/targets/async.h: answers from other threads, to several queues. */
#if !__STDC_HOSTED__

#include "ublk/targets/async.h"

#include <asm/errno.h>
#include <asm/unistd.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "ring/prep.h"
#include "selftests/harness/harness.h"
#include "selftests/opdriver.h"
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
#define SHORT_MS 200

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

/* --- a kernel that is short of memory --------------------------------------------------- */

#define STARVED_FD 500

static struct opdriver d;
static struct tgt_op *kept[2];
static u32 nr_kept;
static bool ends_by_answer;

static void keep(void *ctx, struct tgt_op *op)
{
	(void)ctx;
	kept[nr_kept++] = op;
}

/* What goes into a ring by this descriptor the kernel has no memory for. */
static void starve(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_enter, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, STARVED_FD, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	int ret;

	ASSERT_OK(sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	ret = sys_prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (u64)(uintptr_t)&prog, 0, 0);
	if (ret)
		test_skip("no seccomp filters here: %s", err_name(ret));
	__atomic_store_n(&d.ring.enter_fd, STARVED_FD, __ATOMIC_RELEASE);
}

/* A while later there is an answer, or memory and then an answer */
static void later(void *arg)
{
	(void)arg;
	test_sleep_ms(SHORT_MS);
	if (!ends_by_answer) {
		__atomic_store_n(&d.ring.enter_fd, d.ring.fd, __ATOMIC_RELEASE);
		test_sleep_ms(SHORT_MS);
	}
	tgt_async_answer(kept[1], 512);
}

static u64 my_cpu_ms(void)
{
	struct __kernel_timespec ts = { 0 };

	ASSERT_OK(sys_clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts));
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

static void filler_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	(void)t;
	(void)q;
	(void)op;
	(void)step;
	EXPECT_EQ(res, 0);
}

static const struct tgt_type filler_type = { .name = "filler", .cqe = filler_cqe };

static void fill_ring(void)
{
	static struct tgt t = { .type = &filler_type };
	static struct tgt_slab slab;
	static struct tgt_op op;

	slab.queue = &d.q;
	op = (struct tgt_op){ .tgt = &t, .slab = &slab };
	while (ring_sq_space_left(&d.ring)) {
		struct io_uring_sqe *sqe = tgt_get_sqe(&d.q);

		ring_prep_nop(sqe);
		tgt_sqe_owner(sqe, &op, 0);
	}
}

static struct opd_slot *start_read(void)
{
	static u8 mem[512];
	struct opd_slot *slot = opd_slot(&d);

	slot->op.kind = TGT_READ;
	slot->op.len_bytes = 512;
	tgt_set_mem(&slot->op, mem);
	EXPECT_TRUE(!opd_start(&d, slot));
	return slot;
}

static void short_of_memory(void)
{
	const struct tgt_async async = { .begin = keep, .limits.size_bytes = 65536 };
	struct opd_slot *slots[2];
	struct io_uring_cqe *cqe;
	struct thread thread = { .name = NULL };
	struct tgt_tree tree;
	struct diag why;
	u64 user_data;
	u64 cpu_ms;

	ASSERT_OK(tgt_async_open(&tree, &async, &why));
	opd_attach(&d, &tree, 0);
	ASSERT_EQ(sys_dup3(d.ring.fd, STARVED_FD, 0), STARVED_FD);
	slots[0] = start_read();
	slots[1] = start_read();
	opd_poll(&d);
	tgt_async_answer(kept[0], 512);
	ASSERT_EQ(ring_submit_and_wait(&d.ring, 1), 0);
	cqe = ring_peek_cqe(&d.ring);
	ASSERT_NE(cqe, NULL);
	user_data = cqe->user_data;
	ring_cqe_seen(&d.ring, cqe);
	fill_ring();
	starve();
	EXPECT_ERR(ring_submit(&d.ring), -EAGAIN);
	cpu_ms = my_cpu_ms();
	ASSERT_OK(thread_start(&thread, later, NULL, 65536));
	tgt_handle_cqe(user_data, 1);
	EXPECT_LT(my_cpu_ms() - cpu_ms, SHORT_MS / 5);
	if (ends_by_answer)
		tgt_run_done(&d.run);
	EXPECT_EQ(slots[1]->state, ends_by_answer ? OPD_ANSWERED : OPD_PENDING);
	__atomic_store_n(&d.ring.enter_fd, d.ring.fd, __ATOMIC_RELEASE);
	EXPECT_EQ(opd_wait(&d, slots[0]), 512);
	EXPECT_EQ(opd_wait(&d, slots[1]), 512);
	thread_join(&thread);
	opd_close(&d);
	tgt_close(&tree);
}

static void until_there_is_memory(void)
{
	short_of_memory();
}

static void until_all_is_answered(void)
{
	ends_by_answer = true;
	short_of_memory();
}

static const struct test_case cases[] = {
	TEST("several threads answer several queues", many_hands, .timeout_ms = 60000),
	TEST("a kernel short of memory is asked again, now and then", until_there_is_memory),
	TEST("answers come although it stays so", until_all_is_answered),
};
TEST_SUITE(targets_async_threads, cases);

#endif
