/* SPDX-License-Identifier: MIT */
/* The same without a libc: a disk whose operations are answered by another thread. */
#include "uapi/rt/free/start.h"
#include "uapi/rt/free/thread.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"
#include "ublk/disk.h"
#include "ublk/targets/async.h"

static char bytes[1 << 20];
static struct tgt_op *todo; /* the newest first */
static u32 nr_begun;	    /* ever; what the thread sleeps on */

static void begin(void *ctx, struct tgt_op *op)
{
	(void)ctx;
	op->next = __atomic_load_n(&todo, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&todo, &op->next, op, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	__atomic_fetch_add(&nr_begun, 1, __ATOMIC_RELEASE);
	deadline_wake_word(&nr_begun);
}

static void answer(void *arg)
{
	(void)arg;
	for (u32 seen = 0; !deadline_wait_word(&nr_begun, seen, DEADLINE_NEVER);) {
		struct tgt_op *op, *next;

		seen = __atomic_load_n(&nr_begun, __ATOMIC_ACQUIRE);
		for (op = __atomic_exchange_n(&todo, NULL, __ATOMIC_ACQUIRE); op; op = next) {
			char *at = bytes + op->offset_bytes;
			int err = op->kind == TGT_READ ? tgt_copy_to_op(op, 0, at, op->len_bytes) :
							 tgt_copy_from_op(op, 0, at, op->len_bytes);

			next = op->next;
			tgt_async_answer(op, err ? err : (s64)op->len_bytes);
		}
	}
}

int rt_main(const struct rt_start *start)
{
	const struct tgt_async async = { .begin = begin, .limits.size_bytes = sizeof(bytes) };
	static struct tgt_disk_queue q;
	static struct tgt_disk disk;
	static struct thread thread;
	struct tgt_tree tree; /* or of struct ublk_dev_opts, and it is /dev/ublkbN */
	char text[512] = "later\n";

	(void)start;
	if (thread_start(&thread, answer, NULL, 65536) || tgt_async_open(&tree, &async, NULL) ||
	    tgt_disk_attach(&disk, &tree, 0, NULL) || tgt_disk_queue_open(&q, &disk, 0, 0, NULL) ||
	    tgt_disk_write(&q, 4096, text, 512) || tgt_disk_read(&q, 4096, text, 512))
		return 1;
	return sys_write(1, text, str_len(text)) < 0;
}
