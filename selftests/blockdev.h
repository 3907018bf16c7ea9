/* SPDX-License-Identifier: MIT */
/*
 * Another process that uses a block device, for tests that serve one: what it
 * reads has come from the device and from nowhere else. It is forked before
 * the device is made, so that it holds none of the server's files.
 *
 *	blockdev_fork(&b);
 *	... make the device, start it ...
 *	ASSERT_OK(blockdev_open(&b, "/dev/ublkb0", O_RDWR | O_DIRECT));
 *	memset(b.buf, 0x5a, 4096);
 *	ASSERT_EQ(blockdev_do(&b, &(struct oracle_op){ ORACLE_WRITE, 0, 4096 }), 4096);
 *	blockdev_end(&b);
 *
 * One thread per struct. The other process ends with the thread that forked it.
 */
#ifndef SELFTESTS_BLOCKDEV_H
#define SELFTESTS_BLOCKDEV_H

#include <linux/fcntl.h>

#include "selftests/oracle.h"
#include "uapi/rt/pages.h"
#include "uapi/types.h"

#define BLOCKDEV_BUF_BYTES (4U << 20)
#define BLOCKDEV_ARG_BYTES 256

/* For longer than this nothing takes, under emulation neither */
#define BLOCKDEV_TIMEOUT_MS 30000

struct blockdev_shared;

/**
 * struct blockdev - the other process, and in it: itself
 * @buf: BLOCKDEV_BUF_BYTES of page-aligned memory that both see
 * @fd:  the open device; only in the other process
 */
struct blockdev {
	u8 *buf;
	s32 fd;
	s32 pid;
	struct blockdev_shared *shared;
};

/* What the other process runs: arg is a copy, the result comes back */
typedef s64 blockdev_fn(struct blockdev *b, void *arg);

/* blockdev_fork() - make the other process; fails the test if it cannot */
void blockdev_fork(struct blockdev *b);

/* blockdev_end() - let it end, and wait for that; safe on a zeroed struct */
void blockdev_end(struct blockdev *b);

/* blockdev_start() - begin fn there; @arg of at most BLOCKDEV_ARG_BYTES is copied */
void blockdev_start(struct blockdev *b, blockdev_fn *fn, const void *arg, size_t len_bytes);

/* blockdev_is_done() - has it ended? waits for at most @timeout_ms */
bool blockdev_is_done(struct blockdev *b, u32 timeout_ms);

/* blockdev_wait() - what fn gave; fails the test after BLOCKDEV_TIMEOUT_MS */
s64 blockdev_wait(struct blockdev *b);

/* blockdev_call() - start and wait */
s64 blockdev_call(struct blockdev *b, blockdev_fn *fn, const void *arg, size_t len_bytes);

/* Functions for the above, and the same called */

struct blockdev_open_arg {
	char path[64];
	s32 flags;
};

blockdev_fn blockdev_fn_open;  /* struct blockdev_open_arg */
blockdev_fn blockdev_fn_close; /* nothing */
blockdev_fn blockdev_fn_do;    /* struct oracle_op; data is in b->buf */

NODISCARD int blockdev_open(struct blockdev *b, const char *path, int flags);
int blockdev_close(struct blockdev *b);

/* blockdev_do() - one operation, through blockdev_io() */
NODISCARD s64 blockdev_do(struct blockdev *b, const struct oracle_op *op);

/**
 * blockdev_io() - an operation on an open block device, in this process
 *
 * A flush is fsync(2), a discard BLKDISCARD, zeroes are fallocate(2): with
 * @op->nounmap ZERO_RANGE, else PUNCH_HOLE. @op->fua is the open's (O_DSYNC).
 *
 * Return: bytes of a read or write, 0 of the others, or -errno
 */
NODISCARD s64 blockdev_io(int fd, const struct oracle_op *op, void *mem);

#endif
