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
 * With one queue nothing need be locked. resize and stats run on the thread
 * that calls tgt_backend_resize() or tgt_backend_stats(), possibly while the
 * queues run; close on the thread that calls tgt_close(), after everything else.
 *
 * Memory: what a callback is given is valid until it returns. The bytes of a
 * write may change while it looks at them, and are not to be altered.
 */
#ifndef UBLK_TARGETS_BACKEND_H
#define UBLK_TARGETS_BACKEND_H

#include "ublk/tgt.h"

#define TGT_BACKEND_NAME_BYTES 32

/* struct tgt_backend_stat - one number that a backend tells about itself */
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
 * @resize:       see tgt_backend_resize()
 * @stats:        fill at most max pairs, return how many there are
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

/**
 * tgt_backend_resize() - change the size; a device shows it from its next start on
 * @size_bytes: not 0, whole logical blocks
 *
 * A device that runs keeps the size that it was started with, so it must not
 * become smaller than that.
 *
 * Return: 0, -EOPNOTSUPP without the callback, -EINVAL, or the callback's -errno
 */
NODISCARD int tgt_backend_resize(struct tgt_tree *tree, u64 size_bytes);

/**
 * tgt_backend_stats() - ask for the backend's own numbers
 *
 * Return: how many of @stats were filled, @max at most; 0 without the callback
 */
NODISCARD u32 tgt_backend_stats(const struct tgt_tree *tree, struct tgt_backend_stat *stats,
				u32 max);

#endif
