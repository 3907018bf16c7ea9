/* SPDX-License-Identifier: MIT */
/*
 * The simple backend: a disk from a few synchronous callbacks, for programs
 * that want a block device and no target of their own.
 *
 *	static int my_read(void *ctx, u64 offset_bytes, void *mem, u64 len_bytes);
 *	static int my_write(void *ctx, u64 offset_bytes, const void *mem, u64 len_bytes);
 *
 *	static const struct tgt_backend_ops ops = { .read = my_read, .write = my_write };
 *	static const struct tgt_backend backend = {
 *		.ops = &ops, .ctx = &my_disk, .limits = { .size_bytes = 64 << 20 },
 *	};
 *	struct tgt_tree tree;
 *
 *	err = tgt_backend_open(&tree, &backend, &why);
 *	opts.tree = &tree;		of struct ublk_dev_opts
 *	...				create, start, stop, close
 *	tgt_close(&tree);		calls ops.close
 *
 * A callback that is absent is a feature that is absent. Each callback answers
 * 0 or -errno, which is what the requester of the block I/O gets; anything else
 * counts as -EIO. All of a range is done or the callback fails: there are no
 * short transfers.
 *
 * Threads: read, write, flush, discard, write_zeroes, sync and sync_range are
 * called on the threads of the queues, of several queues at the same time, each
 * queue one at a time. While a callback runs, its queue serves nothing else.
 * With one queue nothing need be locked but against resize and stats: these run
 * on the thread that asks, one at a time, possibly while the queues run. close runs
 * on the thread that calls tgt_close(), after everything else.
 *
 * Size and numbers: tgt_resize() and tgt_stat() of ublk/tgt.h and what stands on them,
 * tgt_disk_resize() and tgt_disk_stat(), ublk_dev_resize(), and for a device that is
 * answered for (ublk/talk.h) "bareblk ublk resize" and "stat".
 *
 * Memory: what a callback is given is valid until it returns. The bytes of a
 * write may change while it looks at them, and are not to be altered.
 */
#ifndef UBLK_TARGETS_BACKEND_H
#define UBLK_TARGETS_BACKEND_H

#include "ublk/tgt.h"

#define TGT_BACKEND_NAME_BYTES 32

#define TGT_BACKEND_MAX_STATS 32

/* struct tgt_backend_stat - one number that a backend tells about itself: a word, which
 * is cut where it is too long, and its value. tgt_stat() puts "backend." before it */
struct tgt_backend_stat {
	char name[TGT_BACKEND_NAME_BYTES];
	u64 value;
};

/**
 * struct tgt_backend_ops - the callbacks; constant, and alive as long as the tree
 * @read:         fill mem; the only one that must be there
 * @write:        absent: the disk is read-only
 * @flush:        what was written before is durable when it returns. Absent:
 *                the disk has no volatile cache, the kernel sends no flush
 * @discard:      the range is not needed any more and may read as anything.
 *                Absent: not offered
 * @write_zeroes: the range reads as zeroes; keep_allocated: space for it has to
 *                stay reserved. Absent: not offered, the kernel writes zeroes
 * @sync_range:   this range is durable when it returns, for a write with FUA;
 *                absent: sync is called
 * @sync:         everything is; absent: flush is called
 * @resize:       the disk has this many bytes from now on, not 0 and whole logical
 *                blocks, or it fails and nothing has changed. One that shrinks loses
 *                what is beyond, where calls may still be under way. Absent: the size
 *                is fixed
 * @stats:        fill at most max pairs (TGT_BACKEND_MAX_STATS are asked for), return
 *                how many there are
 * @close:        release what ctx stands for
 *
 * Offsets and lengths are bytes, whole logical blocks, within the disk. A
 * request may come as several calls.
 */
struct tgt_backend_ops {
	int (*read)(void *ctx, u64 offset_bytes, void *mem, u64 len_bytes);
	int (*write)(void *ctx, u64 offset_bytes, const void *mem, u64 len_bytes);
	int (*flush)(void *ctx);
	int (*discard)(void *ctx, u64 offset_bytes, u64 len_bytes);
	int (*write_zeroes)(void *ctx, u64 offset_bytes, u64 len_bytes, bool keep_allocated);
	int (*sync_range)(void *ctx, u64 offset_bytes, u64 len_bytes);
	int (*sync)(void *ctx);
	int (*resize)(void *ctx, u64 size_bytes);
	u32 (*stats)(void *ctx, struct tgt_backend_stat *stats, u32 max);
	void (*close)(void *ctx);
};

/**
 * struct tgt_backend - a disk to be opened; copied
 * @ctx:    given to every callback
 * @limits: size_bytes is needed, the rest may be zero: blocks of 512 bytes (4096
 *          physical), discards and zeroes of any length in pieces of 4096 bytes.
 *          A feature whose callback is absent is taken out whatever stands here
 */
struct tgt_backend {
	const struct tgt_backend_ops *ops;
	void *ctx;
	struct tgt_limits limits;
};

/**
 * tgt_backend_open() - make it a tree, for struct ublk_dev_opts.tree or tgt_submit()
 * @tree: overwritten; zeroed on failure, and then close is not called
 *
 * Return: 0, or
 *   -EINVAL  read is missing, or a limit makes no sense; see *why
 *   -ENOMEM
 */
NODISCARD int tgt_backend_open(struct tgt_tree *tree, const struct tgt_backend *backend,
			       struct diag *why);

#endif
