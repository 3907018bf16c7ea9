/* SPDX-License-Identifier: MIT */
/*
 * The asynchronous backend: a disk from a callback that begins an operation and an
 * answer that comes later, from any thread. For programs whose bytes are behind
 * something of their own: a network, a pool of threads, a device.
 *
 *	static void my_begin(void *ctx, struct tgt_op *op)
 *	{
 *		...			give it to whoever does it; from there:
 *		tgt_async_answer(op, op->len_bytes);
 *	}
 *
 *	struct tgt_async async = { .begin = my_begin, .limits = { .size_bytes = 64 << 20 } };
 *
 *	err = tgt_async_open(&tree, &async, &why);
 *	...			opts.tree = &tree of struct ublk_dev_opts, tgt_disk_attach()
 *	tgt_close(&tree);
 *
 * A program with synchronous callbacks takes ublk/targets/backend.h. One that can do
 * its I/O by entries of the queue's ring writes a target, see ublk/tgt.h: no other
 * thread is needed then.
 */
#ifndef UBLK_TARGETS_ASYNC_H
#define UBLK_TARGETS_ASYNC_H

#include "ublk/tgt.h"

/**
 * struct tgt_async - a disk to be opened; copied
 * @begin: begin an operation; on the thread of its queue, which serves nothing else until
 *         this returns. @op says what is asked: kind, flags, offset_bytes, len_bytes, and
 *         the bytes of READ and WRITE in the pieces of op->data, which are addresses (or
 *         by tgt_copy_to_op(), tgt_copy_from_op()). It is the backend's, with op->scratch
 *         to keep things in, until it is answered
 * @close: release what ctx stands for, when all has been answered; may be NULL
 * @resize: the disk has this many bytes from now on, not 0 and whole logical blocks: 0, or
 *         -errno and nothing has changed. On the thread that asks for it by tgt_resize()
 *         and what stands on it, possibly while the queues run: what a disk that shrinks
 *         loses may be under way. May be NULL: the size is fixed
 * @limits: size_bytes is needed. begin() is asked for READ and WRITE, for DISCARD and
 *         WRITE_ZEROES when max_discard_bytes and max_write_zeroes_bytes are not 0, for
 *         FLUSH when attrs has UBLK_ATTR_VOLATILE_CACHE: without that a write is durable
 *         when it is answered
 * @nr_queues: at most; 0 for 64
 */
struct tgt_async {
	void (*begin)(void *ctx, struct tgt_op *op);
	void (*close)(void *ctx);
	int (*resize)(void *ctx, u64 size_bytes);
	void *ctx;
	struct tgt_limits limits;
	u32 nr_queues;
};

/**
 * tgt_async_open() - make it a tree, for struct ublk_dev_opts.tree or tgt_disk_attach()
 * @tree: overwritten; zeroed on failure, and then close is not called
 *
 * Return: 0, or -EINVAL (no begin(), a size that is 0 or no whole blocks), -ENOMEM
 */
NODISCARD int tgt_async_open(struct tgt_tree *tree, const struct tgt_async *async,
			     struct diag *why);

/**
 * tgt_async_answer() - an operation has ended; once, from any thread, also inside begin()
 * @result: READ, WRITE: op->len_bytes; others 0; or -errno
 *
 * What was done before is seen by whoever is told. The operation is gone then.
 */
void tgt_async_answer(struct tgt_op *op, s64 result);

#endif
