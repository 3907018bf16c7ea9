/* SPDX-License-Identifier: MIT */
/*
 * A block device in the process: a tree of targets that a program reads and
 * writes by itself, without ublk, without root and without a device.
 *
 *	struct tgt_disk disk;
 *	struct tgt_disk_queue queue;
 *
 *	err = tgt_disk_open(&disk, tgt_types, "ram:1G", 0, &why);
 *	err = tgt_disk_queue_open(&queue, &disk, 0, 0, &why);
 *	err = tgt_disk_write(&queue, 4096, mem, 512);
 *	err = tgt_disk_flush(&queue);
 *	...
 *	tgt_disk_queue_close(&queue);
 *	tgt_disk_close(&disk);
 *
 * Threads: there are none of its own. A disk has any number of queues, and each
 * is used by one thread at a time, by another one only while nothing is under
 * way on it. disconnect and get_info may be called by any thread at any time;
 * resize, seek, message, stat and error by any, one at a time; open and close
 * while no queue is there. Between two queues nothing is ordered but by waiting:
 * what had ended on one before the other began is seen by that.
 *
 * What is under way, and what targets do by themselves (a mirror's copy, on queue
 * 0), goes on only while a thread is in a call of that queue: a blocking one,
 * tgt_disk_step() or tgt_disk_run().
 *
 * Durability: a write that has ended is what later reads find. It outlives a power
 * cut when a flush that began after it has ended, as with every disk that has a
 * cache. With TGT_DISK_DURABLE (or TGT_F_FUA in one request) each write, discard and
 * write_zeroes is durable when it ends, on all legs of a mirror: what that means is
 * up to the targets below, for file: its sync=. Targets without a volatile cache
 * (limits.attrs) have nothing to add, and ram: is gone with the process.
 *
 * Errors: 0 or -errno. What is wrong with a request is found before a target sees it:
 *   -ENOTCONN    the disk was disconnected, or closed
 *   -EINVAL      offset or length is no multiple of the sector size
 *   -ERANGE      it ends beyond the end of the disk
 *   -EROFS       it changes something, and the disk is read-only
 *   -EOPNOTSUPP  a target lacks it
 *   -EDEADLK     a call that waits, from inside a request's done()
 * Others come from the targets. tgt_disk_error() sorts them.
 *
 * Memory is mapped when a disk or a queue is opened, and no more after that.
 */
#ifndef UBLK_DISK_H
#define UBLK_DISK_H

#include "ring/ring.h"
#include "uapi/rt/pages.h"
#include "ublk/tgt.h"

/* Of tgt_disk_open() */
#define TGT_DISK_READ_ONLY 1U /* nothing is written, whatever the targets could do */
#define TGT_DISK_DURABLE 2U   /* see Durability above; without it: a flush makes durable */

/* struct tgt_disk - fields are its own, but for @tree, which tgt_spec_print(), mirror_watch() and
 * ram_keep_in() may be called with; not to be moved while it is open */
struct tgt_disk {
	struct tgt_tree *tree;
	struct tgt_tree own_tree;
	u32 flags;
	u32 is_gone; /* atomic */
	s32 bell_fd; /* readable once it is */
};

/**
 * tgt_disk_open() - open a disk by its spec
 * @types: see tgt_open(); tgt_types of ublk/targets/targets.h are all
 * @flags: TGT_DISK_*
 *
 * Return: as tgt_open(), or -EMFILE, -ENFILE
 */
NODISCARD int tgt_disk_open(struct tgt_disk *d, const struct tgt_type *const *types,
			    const char *spec, u32 flags, struct diag *why);

/* tgt_disk_attach() - the same with a tree that is open (of tgt_backend_open(), say),
 * which stays the caller's and is closed after the disk */
NODISCARD int tgt_disk_attach(struct tgt_disk *d, struct tgt_tree *tree, u32 flags,
			      struct diag *why);

/**
 * tgt_disk_disconnect() - from now on every call says -ENOTCONN
 *
 * Never fails, and does not wait. Requests that a target has end as they would
 * have, those that none has seen yet with -ENOTCONN; tgt_disk_run() returns. Whoever
 * uses a queue closes it then.
 */
void tgt_disk_disconnect(struct tgt_disk *d);

/* tgt_disk_close() - disconnect and close the targets, after the queues; safe on a
 * zeroed struct and twice */
void tgt_disk_close(struct tgt_disk *d);

/**
 * struct tgt_disk_info - what the disk is like
 * @sector_size: bytes that offsets and lengths are a multiple of
 * @is_durable:  writes are durable when they end: TGT_DISK_DURABLE, or no cache
 * @limits:      everything that the targets say about it
 */
struct tgt_disk_info {
	bool read_write;
	bool is_durable;
	u32 sector_size;
	u64 nr_sectors;
	struct tgt_limits limits;
};

/* tgt_disk_get_info() - 0 or -ENOTCONN */
NODISCARD int tgt_disk_get_info(const struct tgt_disk *d, struct tgt_disk_info *info);

/* tgt_disk_resize() - see tgt_resize(); get_info then shows it. What is beyond a
 * smaller end is lost, and a request there that is under way may fail */
NODISCARD int tgt_disk_resize(struct tgt_disk *d, u64 size_bytes, struct diag *why);

/**
 * tgt_disk_seek_mapped(), tgt_disk_seek_unmapped() - the next place with, without data
 * @offset_bytes: where to begin
 *
 * Unmapped is what surely reads as zeroes and takes no space. A target that cannot
 * tell calls everything mapped.
 *
 * Return: the first such place from @offset_bytes on, the size of the disk when there
 * is none, or -ENOTCONN, -ERANGE, or what the target gives
 */
NODISCARD s64 tgt_disk_seek_mapped(const struct tgt_disk *d, u64 offset_bytes);
NODISCARD s64 tgt_disk_seek_unmapped(const struct tgt_disk *d, u64 offset_bytes);

/* tgt_disk_message(), tgt_disk_stat() - see tgt_message() and tgt_stat() */
NODISCARD int tgt_disk_message(struct tgt_disk *d, const char *kind, const char *word,
			       const char *value, struct diag *why);
NODISCARD int tgt_disk_stat(const struct tgt_disk *d, tgt_say_fn *say, void *ctx);

/* What went wrong, as a program may want to tell it apart */
enum tgt_disk_error {
	TGT_DISK_OK,
	TGT_DISK_UNKNOWN,	/* anything not below */
	TGT_DISK_UNIMPLEMENTED, /* no target here can do that; nothing was written */
	TGT_DISK_IS_READ_ONLY,	/* nothing was written */
	TGT_DISK_DISCONNECTED,
	TGT_DISK_OF_PRIMARY, /* a mirror's A or B failed, with that errno */
	TGT_DISK_OF_SECONDARY,
};

/**
 * tgt_disk_error() - which it was
 * @err: what a call on this disk gave: 0 or -errno
 *
 * Which leg: a target with two tells the last errno of each as the numbers
 * "primary_errno" and "secondary_errno" (its stat method).
 */
enum tgt_disk_error tgt_disk_error(const struct tgt_disk *d, int err);

/* tgt_disk_error_text() - "the disk is read-only" */
const char *tgt_disk_error_text(enum tgt_disk_error error);

/* struct tgt_disk_buf - a buffer of a list; the same layout as struct iovec */
struct tgt_disk_buf {
	void *mem;
	u64 len_bytes;
};

struct tgt_disk_io;

/* Called once, from a call of its queue that waits; may submit, this request too */
typedef void tgt_disk_done_fn(struct tgt_disk_io *io);

/**
 * struct tgt_disk_io - one request; the caller's memory until it has ended
 * @kind:   TGT_READ, WRITE, FLUSH, DISCARD or WRITE_ZEROES
 * @flags:  TGT_F_FUA: durable when it ends; TGT_F_NOUNMAP: zeroes with space behind
 * @len_bytes: of DISCARD and WRITE_ZEROES; of READ and WRITE it is the sum of the buffers
 * @bufs:   of READ and WRITE: the list and what it names stay until the end; what a
 *          write names may not change until then. Any number of buffers of any length
 *          and alignment: those that are not whole sectors are copied
 * @done:   or NULL
 * @result: 0 or -errno, valid when it has ended. A failed read may have filled some
 *          buffers, a failed write may have written anything of its range
 * @is_done: it has ended
 */
struct tgt_disk_io {
	u8 kind;
	bool is_done;
	u32 flags;
	u64 offset_bytes;
	u64 len_bytes;
	const struct tgt_disk_buf *bufs;
	u32 nr_bufs;
	s32 result;
	tgt_disk_done_fn *done;
	void *ctx;
	/* the queue's */
	struct tgt_disk_io *next;
	u64 at; /* handed to the target until here */
	u64 todo;
	u64 buf_at; /* the same in the list */
	u32 buf_idx;
	u32 nr_out; /* operations that it waits for */
	u32 op_flags;
	u8 op_kind;
	bool fills_zeroes;
	bool flush_after;
	bool is_waiting;
};

struct tgt_disk_slot;

/* What a queue has when it is opened with a depth of 0 */
#define TGT_DISK_DEPTH 16
#define TGT_DISK_MAX_DEPTH 1024

/* A request becomes operations of at most this */
#define TGT_DISK_OP_BYTES (512U << 10)

/* struct tgt_disk_queue - fields are its own; not to be moved while it is open */
struct tgt_disk_queue {
	struct tgt_queue tq; /* first */
	struct tgt_disk *disk;
	struct tgt_disk_slot *idle;
	struct tgt_disk_io *first; /* not all of it has been handed to the target */
	struct tgt_disk_io **last;
	struct tgt_disk_io *ended; /* and done() is to be called */
	struct tgt_disk_io **ended_last;
	struct tgt_run run;
	u32 nr_ios; /* submitted, and done() has not been called */
	bool has_ring;
	bool has_bell;
	bool is_calling;
	s32 err; /* the ring is unusable */
	struct pages mem;
	struct ring ring;
};

/**
 * tgt_disk_queue_open() - a queue, on the thread that uses it
 * @idx:   from 0, each once; targets do what they do by themselves on queue 0
 * @depth: operations at a time, 0 for TGT_DISK_DEPTH; more requests wait their turn
 *
 * Where io_uring cannot be had (a sandbox, qemu-user), disks whose targets need
 * none work without.
 *
 * Return: 0, or -ENOTCONN, -EINVAL, -ENOMEM, -errno of ring_init(), or a target's
 */
NODISCARD int tgt_disk_queue_open(struct tgt_disk_queue *q, struct tgt_disk *d, u32 idx,
				  u32 depth, struct diag *why);

/**
 * tgt_disk_queue_close_in() - wait for what is under way, calling done(), and for what
 * targets do by themselves to end; safe on a zeroed struct and twice
 * @timeout_ms: 0 to wait for nothing; TGT_DISK_FOREVER
 *
 * How long a request takes is up to its target, and it may still write to memory when
 * nobody waits any longer. So a queue that is not closed in time keeps everything, and
 * takes no requests; the others end in tgt_disk_step(). Try again, or leave it as it is,
 * and with it the disk and all that the requests name, until the process ends.
 *
 * Return: 0, and only then it is closed, or
 *   -ETIMEDOUT  something is still under way
 *   -EDEADLK    from inside a request's done()
 *   or as tgt_disk_step(): the ring is unusable, and what is under way never ends
 */
NODISCARD int tgt_disk_queue_close_in(struct tgt_disk_queue *q, u32 timeout_ms);

/* tgt_disk_queue_close() - the same, for as long as the targets take; when there is an
 * error all the same, the queue's memory is left behind */
void tgt_disk_queue_close(struct tgt_disk_queue *q);

/*
 * Blocking: each returns when it has ended; done() of other requests of the queue is
 * called meanwhile. Return: 0, or -errno, see Errors above.
 *
 * discard() says that the range is not needed; what it reads as then is the target's.
 * write_zeroes() without @keep_allocated gives the space back as well and makes sure
 * that it reads as zeroes: where a target lacks it, zeroes are written.
 */
NODISCARD int tgt_disk_read(struct tgt_disk_queue *q, u64 offset_bytes, void *mem, u64 len_bytes);
NODISCARD int tgt_disk_write(struct tgt_disk_queue *q, u64 offset_bytes, const void *mem,
			     u64 len_bytes);
NODISCARD int tgt_disk_readv(struct tgt_disk_queue *q, u64 offset_bytes,
			     const struct tgt_disk_buf *bufs, u32 nr_bufs);
NODISCARD int tgt_disk_writev(struct tgt_disk_queue *q, u64 offset_bytes,
			      const struct tgt_disk_buf *bufs, u32 nr_bufs);
NODISCARD int tgt_disk_flush(struct tgt_disk_queue *q);
NODISCARD int tgt_disk_discard(struct tgt_disk_queue *q, u64 offset_bytes, u64 len_bytes);
NODISCARD int tgt_disk_write_zeroes(struct tgt_disk_queue *q, u64 offset_bytes, u64 len_bytes,
				    bool keep_allocated);

/**
 * tgt_disk_submit() - begin a request; done() is called later, never from in here
 *
 * Return: 0, or -errno, and then done() is not called
 */
NODISCARD int tgt_disk_submit(struct tgt_disk_queue *q, struct tgt_disk_io *io);

#define TGT_DISK_FOREVER (~0U)

/**
 * tgt_disk_step() - go on, until a request has ended or time has passed
 * @timeout_ms: 0 to wait for nothing; TGT_DISK_FOREVER
 *
 * For a loop of one's own: poll tgt_disk_fd(), and step(0) when it is readable and
 * after each submit.
 *
 * Return: how many requests have ended, their done() called: 0 when none is under way,
 * or in time; or -errno: the ring is unusable
 */
NODISCARD int tgt_disk_step(struct tgt_disk_queue *q, u32 timeout_ms);

/**
 * tgt_disk_run() - turn the queue for what targets do by themselves
 * @until_idle: return when there is no more of it, and no request
 *
 * A program can leave queue 0 to a thread: tgt_disk_run(q, TGT_DISK_FOREVER, false)
 * returns when somebody disconnects. A target that waits for more to do, as a mirror
 * that has been copied, is not idle: ask its numbers (tgt_disk_stat()) from time to
 * time.
 *
 * Return: 0 (idle), -ETIMEDOUT, -ENOTCONN, or as tgt_disk_step()
 */
NODISCARD int tgt_disk_run(struct tgt_disk_queue *q, u32 timeout_ms, bool until_idle);

/* tgt_disk_fd() - readable when tgt_disk_step() has something to do; -1: there is no
 * ring, and everything ends in the first step after submit */
static inline int tgt_disk_fd(const struct tgt_disk_queue *q)
{
	return q->has_ring ? q->ring.fd : -1;
}

#endif
