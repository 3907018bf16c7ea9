/* SPDX-License-Identifier: MIT */
/*
 * One queue of a device: takes requests from the kernel, gives them to the
 * target as operations, commits the results. A queue belongs to the thread that
 * initialised it, which alone may call the functions below.
 *
 *	kernel --CQE--> ublk_queue_step() --tgt_op--> target --> commit --SQE--> kernel
 */
#ifndef UBLK_QUEUE_H
#define UBLK_QUEUE_H

#include "ring/ring.h"
#include "uapi/rt/diag.h"
#include "uapi/rt/pages.h"
#include "uapi/types.h"
#include "ublk/tgt.h"

/**
 * struct ublk_queue_setup - what a queue is made from; the same for all of a device
 * @char_fd:   /dev/ublkcN, open as long as any queue is
 * @bell_fd:   an eventfd, written to when *leave has changed
 * @leave:     not 0: serve until nothing is owned, then go
 */
struct ublk_queue_setup {
	s32 char_fd;
	s32 bell_fd;
	u32 depth;
	u32 max_io_bytes;
	const u32 *leave;
	struct tgt_tree *tree;
};

struct ublk_tag;

/**
 * struct ublk_queue - fields are for reading by the owner's thread
 * @nr_armed: tags that the kernel may give a request to
 * @nr_owned: requests that we have and have not answered
 * @leaving:  told to go
 * @cancel_deadline: not 0: the kernel has begun to take its tags back, and the
 *                   others that are idle should come until then
 */
struct ublk_queue {
	struct ring ring;
	struct tgt_queue tq;
	struct tgt_run run;
	struct tgt *tgt;
	const struct ublksrv_io_desc *descs;
	struct ublk_tag *tags;
	char *bufs;
	u64 buf_stride_bytes;
	u16 idx;
	bool leaving;
	u32 nr_armed;
	u32 nr_owned;
	u64 cancel_deadline;
	const struct ublk_queue_setup *setup;
	u64 descs_len_bytes;
	struct pages tags_mem;
	struct pages bufs_mem;
};

/**
 * ublk_queue_init() - make the ring and the buffers, fetch every tag
 * @setup: must stay
 *
 * When it returns 0 the kernel has every FETCH of this queue; START_DEV waits
 * for that of all queues.
 *
 * Return: 0, or -errno with *why saying which step; nothing is left behind
 */
NODISCARD int ublk_queue_init(struct ublk_queue *q, const struct ublk_queue_setup *setup, u16 idx,
			      struct diag *why);

/**
 * ublk_queue_step() - one turn: submit, wait, handle everything that came
 * @timeout_ns: how long to wait for something to come; RING_NO_TIMEOUT
 *
 * Return: 1 to go on, 0 when the queue has left (it owns nothing and will get
 * nothing; ublk_queue_exit() is next), or -errno: the ring is unusable
 */
NODISCARD int ublk_queue_step(struct ublk_queue *q, u64 timeout_ns);

/* ublk_queue_run() - ublk_queue_step() until the queue has left; 0 or -errno */
NODISCARD int ublk_queue_run(struct ublk_queue *q);

/* ublk_queue_watch() - wake a waiting step once when @fd is readable, for what
 * else this thread waits for */
NODISCARD int ublk_queue_watch(struct ublk_queue *q, int fd);

/* ublk_queue_exit() - give everything back; safe on a zeroed struct */
void ublk_queue_exit(struct ublk_queue *q);

#endif
