/* SPDX-License-Identifier: MIT */
/*
 * Serving requests: a thread has a loop, which is a ring, and on it a worker for
 * each device that it serves. A worker has some of the device's tags: it takes
 * requests from the kernel, gives them to the target as operations and commits
 * the results.
 *
 *	kernel --CQE--> ublk_loop_step() --tgt_op--> target --> commit --SQE--> kernel
 *
 * A loop belongs to the thread that initialised it, which alone may call the
 * functions below.
 */
#ifndef UBLK_QUEUE_H
#define UBLK_QUEUE_H

#include "ring/ring.h"
#include "uapi/rt/diag.h"
#include "uapi/rt/pages.h"
#include "uapi/types.h"
#include "ublk/shmem.h"
#include "ublk/tgt.h"

struct ublk_loop;
struct ublk_path;
struct ublk_stats;
struct ublk_stats_slot;
struct ublk_tag;
struct ublk_worker;

/* struct ublk_loop_call - what another thread asks a loop's thread to do; it may go,
 * or be called again, from the beginning of fn() on */
struct ublk_loop_call {
	void (*fn)(struct ublk_loop *loop, struct ublk_loop_call *call);
	struct ublk_loop_call *next;
};

/**
 * struct ublk_loop - one thread's ring
 * @run:       operations of any worker that have completed
 * @workers:   the first, and so on by their next
 * @now_ticks: when it has begun to reap, or the latest request has ended
 * @nr_slots:  for registered buffers, and for groups of provided ones
 * @nr_ending: workers that were told to go, or whose tags the kernel takes back
 * @has_bufs:  there is a table of buffers
 * @is_shared: by ublk_loop_share()
 * @stays:     also without a worker, until whoever shared it says otherwise
 * @has_calls: since the last turn
 * @drops:     somebody's answers are not for the kernel any more, see ublk_batch_drop()
 */
struct ublk_loop {
	struct ring ring;
	struct tgt_run run;
	struct ublk_worker *workers;
	struct ublk_batch *dirty; /* queues with results that are to be committed */
	u64 now_ticks;
	u32 nr_slots;
	u32 nr_ending;
	bool has_bufs;
	bool is_shared;
	bool stays;
	bool has_calls;
	bool drops;
	s32 call_fd;		      /* an eventfd, of a shared one */
	struct ublk_loop_call *calls; /* the last one first; atomic */
} __attribute__((aligned(64)));

/**
 * ublk_loop_init() - make the ring
 * @entries:  of all workers that will be on it, see ublk_worker_needs(); with fewer
 *            entries turns are shorter
 * @nr_slots: of all workers
 *
 * Return: 0, or -errno of ring_init() or ring_register_files_sparse()
 */
NODISCARD int ublk_loop_init(struct ublk_loop *loop, u32 entries, u32 nr_slots);

/* ublk_loop_share() - it goes on without workers and takes calls; 0 or -errno */
NODISCARD int ublk_loop_share(struct ublk_loop *loop);

/* ublk_loop_call() - from any thread: have @call->fn done by the loop's, between two
 * turns; calls come in the order in which they were made */
void ublk_loop_call(struct ublk_loop *loop, struct ublk_loop_call *call);

/**
 * ublk_loop_step() - one turn: submit, wait, handle everything that came
 * @timeout_ns: how long to wait for something to come; RING_NO_TIMEOUT
 *
 * Return: 1 to go on, 0 when the last worker has left and it does not stay, or
 * -errno: the ring is unusable
 */
NODISCARD int ublk_loop_step(struct ublk_loop *loop, u64 timeout_ns);

/* ublk_loop_run() - ublk_loop_step() until there is nothing to stay for; 0 or -errno */
NODISCARD int ublk_loop_run(struct ublk_loop *loop);

/* ublk_loop_watch() - wake a waiting step once when @fd is readable, for what
 * else this thread waits for */
NODISCARD int ublk_loop_watch(struct ublk_loop *loop, int fd);

/* ublk_loop_exit() - close the ring, also under workers that have not left; safe
 * on a zeroed struct */
void ublk_loop_exit(struct ublk_loop *loop);

enum { UBLK_LEAVE_ANSWERED = 1, UBLK_LEAVE_UNANSWERED };

/**
 * struct ublk_observer - who is told of every request that has ended
 * @done: on the thread of its queue, which waits meanwhile. @latency_ticks as in ublk/stats.h:
 *        ublk_stats_ns() has them in nanoseconds; @err: 0 or -errno
 */
struct ublk_observer {
	void (*done)(void *ctx, enum tgt_kind kind, u64 bytes, u64 latency_ticks, int err);
	void *ctx;
};

/**
 * struct ublk_worker_setup - what the workers of a device are made from
 * @char_fd:   /dev/ublkcN, open as long as any worker is
 * @bell_fd:   an eventfd, written to when *leave has changed
 * @leave:     not 0: serve until nothing is owned, then go; UBLK_LEAVE_UNANSWERED: and tell the
 *             kernel of nothing any more, so that it gives what is owned to the next server
 * @shmem:     memory that requests may lie in
 * @desc_bytes: from one descriptor to the next
 * @read_only: the kernel sends no writes
 * @batch:     the device has UBLK_F_BATCH_IO
 * @lock_buffers: all of them, before the first request
 * @path:      how data moves
 * @stats:     made for this setup: where the workers have their tags, and count
 * @observer:  is told of each request that has ended; NULL: nobody is
 * @left:      NULL: the loop is this worker's alone, and is closed when it has left.
 *             Otherwise a worker leaves only when the kernel has given back all of
 *             its tags, and then has this called, which may free it; *leave does
 *             not count
 * @failed:    with @left: it cannot go on, w->err says why, but has not left yet
 */
struct ublk_worker_setup {
	s32 char_fd;
	s32 bell_fd;
	u16 nr_queues;
	u16 nr_workers;
	u32 depth;
	u32 max_io_bytes;
	u32 desc_bytes;
	bool read_only;
	bool batch;
	bool lock_buffers;
	const u32 *leave;
	const struct ublk_shmem *shmem;
	struct tgt_tree *tree;
	const struct ublk_path *path;
	const struct ublk_stats *stats;
	const struct ublk_observer *observer;
	void (*left)(struct ublk_worker *w);
	void (*failed)(struct ublk_worker *w);
};

/**
 * struct ublk_worker - fields are for reading by the owner's thread
 * @tq:       what the target sees; first, so that one is found from the other
 * @tags:     nr_tags of them, see ublk/path.h
 * @nr_live:  tags that the kernel has not taken back: it may give a request to those that
 *            have none
 * @nr_spare: how many requests more it may have until it has more than ever: -1 for a moment
 * @max_owned: as many as it had at a time
 * @leaving:  told to go
 * @has_left: it owns nothing and will get nothing
 * @cancel_deadline: not 0: the kernel has begun to take its tags back, and the
 *                   others that are idle should come until then
 * @err:      what it left with
 */
struct ublk_worker {
	struct tgt_queue tq;
	struct tgt *tgt;
	const struct ublk_path *path;
	struct ublk_loop *loop;
	const struct ublk_worker_setup *setup;
	struct ublk_tag *tags;
	u32 nr_tags;
	const struct ublk_observer *observer;
	u32 nr_live;
	s32 nr_spare;
	s32 max_owned;
	u16 idx;
	s32 char_file; /* /dev/ublkcN and a memfd as entries name them, with file_flags */
	s32 bufs_file;
	u8 file_flags;
	u16 slot; /* the first of nr_slots */
	u16 nr_slots;
	bool is_plain; /* see UBLK_STEP_PLAIN */
	bool is_open; /* its target's queue */
	bool is_ending;
	bool leaving;
	bool has_left;
	s32 bufs_fd; /* a memfd behind the buffers, or -1 */
	s32 err;
	u64 cancel_deadline;
	struct ublk_worker *next;
	struct pages slabs_mem;
	struct pages bufs_mem;
	struct pages batch_mem;
	struct pages sink_mem; /* of ublk_batch_drop() */
	struct pages descs_mem; /* how the descriptors of each queue are mapped */
};

/* ublk_worker_nr_owned() - requests that it has and has not answered */
static inline u32 ublk_worker_nr_owned(const struct ublk_worker *w)
{
	return (u32)(w->max_owned - w->nr_spare);
}

/* struct ublk_worker_needs - what one worker takes of its loop */
struct ublk_worker_needs {
	u32 nr_entries;
	u32 nr_slots;
};

void ublk_worker_needs(const struct ublk_worker_setup *setup, u16 idx,
		       struct ublk_worker_needs *needs);

/**
 * ublk_worker_init() - make the buffers, join the loop, fetch its tags
 * @setup: must stay
 * @idx:   which of setup->nr_workers
 *
 * With as many workers as queues each has a queue; a worker of fewer has several,
 * of more a part of one. When it returns 0 the kernel has every FETCH of its
 * tags; START_DEV waits for that of all workers.
 *
 * Return: 0, or -errno with *why saying which step. It is leaving then, and has left
 * when what its target began by itself has ended: the loop is to be turned until then
 */
NODISCARD int ublk_worker_init(struct ublk_worker *w, struct ublk_loop *loop,
			       const struct ublk_worker_setup *setup, u16 idx, struct diag *why);

/* ublk_worker_exit() - give its memory back: it has left, or its loop is closed;
 * safe on a zeroed struct */
void ublk_worker_exit(struct ublk_worker *w);

#endif
