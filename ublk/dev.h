/* SPDX-License-Identifier: MIT */
/*
 * A block device served by this process, from birth to death.
 *
 *	struct ublk_dev dev;
 *	struct ublk_dev_opts opts = { .types = tgt_types, .spec = "ram:256M", .dev_id = -1,
 *				      .threads = &... };
 *	err = ublk_dev_create(&dev, &opts, &error);	kernel knows it, no disk yet
 *	err = ublk_dev_start(&dev, &error);		/dev/ublkbN serves I/O
 *	err = ublk_dev_wait(&dev, DEADLINE_MS_NEVER);	until somebody stops it
 *	err = ublk_dev_close(&dev, &error);		gone
 *
 * Queues run on threads that the caller's hook starts, or, with no hook, in the
 * calling thread: then one thread creates, serves (ublk_dev_step()) and stops.
 *
 * Threads: ublk_dev_stop() (with a hook) and ublk_dev_info() may be called from
 * any thread while another waits; everything else by one thread at a time, and
 * without a hook by the one that started the device. There is no global state:
 * any number of devices.
 *
 * UBLK_F_CMD_IOCTL_ENCODE, which some libraries make an option, is always on:
 * kernels that have what this library needs force it.
 */
#ifndef UBLK_DEV_H
#define UBLK_DEV_H

#include "ublk/ctrl.h"
#include "ublk/deadline.h"
#include "ublk/error.h"
#include "ublk/queue.h"
#include "ublk/tgt.h"

#define UBLK_AUTO_ID (-1)
#define UBLK_DEFAULT_DEPTH 128
#define UBLK_DEFAULT_MAX_IO_BYTES (1024 * 1024)
#define UBLK_DEFAULT_TIMEOUT_MS 30000
#define UBLK_NAME_BYTES 16 /* as a thread's name, with the NUL */

/* ublksrv_flags of our devices: this in the upper 16 bits, tgt_spec_hash() below */
#define UBLK_MARK 0xb1b1ULL
#define UBLK_MARK_SHIFT 48

/**
 * struct ublk_threads - how the embedder starts threads
 * @start: run fn(arg) in a new thread, the idx'th of this device; 0 or -errno
 * @join:  wait until that thread has ended; called once per successful start
 * @ctx:   the hook's own, given back to it
 *
 * ublk/pthreads.h has one for hosted programs.
 */
struct ublk_threads {
	int (*start)(void *ctx, u32 idx, void (*fn)(void *arg), void *arg);
	void (*join)(void *ctx, u32 idx);
	void *ctx;
};

enum ublk_log_level { UBLK_LOG_INFO, UBLK_LOG_DEBUG };

/* struct ublk_log - where the library's few messages go; line has no newline */
struct ublk_log {
	void (*write)(void *ctx, enum ublk_log_level level, const char *line);
	void *ctx;
};

/* Which CPUs a queue's thread runs on */
enum ublk_affinity {
	UBLK_AFFINITY_KERNEL, /* those whose requests the kernel sends to the queue */
	UBLK_AFFINITY_NONE,   /* wherever the scheduler likes */
	UBLK_AFFINITY_MASK,   /* those in opts->cpu_mask */
};

/* Attributes can be demanded whatever the target says, or left to it */
enum ublk_tristate { UBLK_AS_TARGET, UBLK_YES, UBLK_NO };

/**
 * struct ublk_dev_opts - what is wanted; zero means the default
 * @types:        targets that a spec may name: tgt_types, or a table of your own
 * @spec:         the target, see tgt_open()
 * @tree:         or a target that is open already, which stays the caller's
 * @dev_id:       N of /dev/ublkbN; UBLK_AUTO_ID for the lowest free
 * @name:         for messages and thread names, UBLK_NAME_BYTES - 1 at most
 * @nr_queues:    default 1; the kernel cuts it to the number of CPUs
 * @depth:        requests per queue at a time; default 128, at most 4096
 * @max_io_bytes: the largest request; default 1 MiB; a multiple of the page size
 * @logical_bytes: block size; default the target's, never below it
 * @physical_bytes, @io_min_bytes, @io_opt_bytes: hints; powers of two
 * @read_only, @rotational, @volatile_cache, @fua: attributes
 * @discard:      UBLK_NO hides the target's discard
 * @timeout_ms:   how long each control command and each shutdown may take
 * @threads:      NULL: the calling thread serves, and nr_queues must be 1
 * @ctrl:         a way to the driver, opened here if it is not open yet; stays the
 *                caller's to close. NULL: the device has its own
 */
struct ublk_dev_opts {
	const struct tgt_type *const *types;
	const char *spec;
	struct tgt_tree *tree;
	s32 dev_id;
	const char *name;
	u32 nr_queues;
	u32 depth;
	u32 max_io_bytes;
	u32 logical_bytes;
	u32 physical_bytes;
	u32 io_min_bytes;
	u32 io_opt_bytes;
	enum ublk_tristate read_only;
	enum ublk_tristate rotational;
	enum ublk_tristate volatile_cache;
	enum ublk_tristate fua;
	enum ublk_tristate discard;
	enum ublk_affinity affinity;
	const u64 *cpu_mask; /* nr_cpu_words words, bit N%64 of word N/64 */
	u32 nr_cpu_words;
	u32 timeout_ms;
	const struct ublk_threads *threads;
	const struct ublk_log *log;
	struct ublk_ctrl *ctrl;
};

enum ublk_dev_state {
	UBLK_DEV_CLOSED,  /* gone, or never there: a zeroed struct */
	UBLK_DEV_CREATED, /* the kernel knows it, there is no disk */
	UBLK_DEV_STARTING,
	UBLK_DEV_RUNNING, /* /dev/ublkbN serves I/O */
	UBLK_DEV_STOPPING,
	UBLK_DEV_STOPPED, /* no disk any more; can be started again */
};

/* ublk_dev_state_text() - "running", ... */
const char *ublk_dev_state_text(enum ublk_dev_state state);

/**
 * struct ublk_dev_info - a device as it is: what the kernel granted, not what was asked
 */
struct ublk_dev_info {
	s32 dev_id;
	enum ublk_dev_state state;
	char name[UBLK_NAME_BYTES];
	char block_path[24];
	char char_path[24];
	u32 nr_queues;
	u32 depth;
	u32 logical_bytes;
	u32 max_io_bytes;
	u64 size_bytes;
	u64 flags; /* UBLK_F_* */
	bool is_running;
};

struct ublk_dev_queue;

/**
 * struct ublk_dev - one device; the caller's memory, read through ublk_dev_info()
 *
 * It must stay where it is from create to close.
 */
struct ublk_dev {
	u32 state;    /* enum ublk_dev_state, atomic */
	u32 leave;    /* atomic: queues end when they own nothing */
	u32 progress; /* atomic: counts up, and wakes, when a queue's state changes */
	u32 nr_begun; /* atomic counts of queues, until the next start */
	u32 nr_ready;
	u32 nr_failed;
	u32 nr_ended;
	s32 queue_err; /* atomic: the first error that a queue ended with */
	s32 char_fd;
	s32 bell_fd;	/* wakes the queues when leave has changed */
	s32 ended_fd;	/* readable once a queue has ended; for poll loops */
	u32 nr_threads; /* to be joined */
	struct ublk_dev_opts opts;
	char name[UBLK_NAME_BYTES];
	struct tgt_tree own_tree;
	struct tgt_tree *tree;
	struct ublk_ctrl own_ctrl;
	struct ublk_ctrl *ctrl;
	struct ublksrv_ctrl_dev_info info; /* as the kernel granted it */
	u32 logical_bytes;
	u32 char_dev; /* as mknod takes it */
	bool is_used; /* queues have fetched: the kernel's device serves no second time */
	bool made_char_node;
	bool made_block_node;
	struct ublk_queue_setup setup;
	struct ublk_dev_queue *queues;
	struct pages queues_mem;
};

/**
 * ublk_dev_create() - open the target and make the device, without a disk yet
 * @dev:  overwritten
 * @opts: copied, but what it points to must stay
 *
 * Return: 0, or -errno with *error filled and nothing left behind, but for
 *   -ETIMEDOUT  the kernel may still answer: *dev must stay until
 *               ublk_dev_close() says 0, which takes back a device that came late
 */
NODISCARD int ublk_dev_create(struct ublk_dev *dev, const struct ublk_dev_opts *opts,
			      struct ublk_error *error);

/**
 * ublk_dev_start() - begin to serve: when it returns 0, /dev/ublkbN is there
 *
 * A device that was stopped, or whose start failed half way, is deleted and
 * added anew under its id, since kernels do not survive the restart of one; its
 * target keeps what it holds.
 *
 * Return: 0, or -errno: the device is as it was before
 */
NODISCARD int ublk_dev_start(struct ublk_dev *dev, struct ublk_error *error);

/**
 * ublk_dev_stop() - complete what is in flight, remove the disk, end the queues
 *
 * The kernel keeps the id until ublk_dev_close(). With a thread hook, from any thread.
 *
 * Return: 0, or -errno:
 *   -EINVAL     it is not running (-ESHUTDOWN: it is closed)
 *   -EALREADY   another thread is stopping it
 *   -ETIMEDOUT  the kernel did not answer, or a queue did not end: it is still running
 */
NODISCARD int ublk_dev_stop(struct ublk_dev *dev, struct ublk_error *error);

/**
 * ublk_dev_close() - stop if need be, delete the device, close the target
 *
 * Safe on a zeroed struct, twice, and after a failed create. When it fails, what
 * could be released has been, and *error says what was left (-EBUSY: the kernel
 * has not answered a command that was given up; try again later).
 */
int ublk_dev_close(struct ublk_dev *dev, struct ublk_error *error);

/**
 * ublk_dev_release() - ublk_dev_close() that leaves the kernel's device alone
 *
 * For a device whose queues have ended because somebody else stopped it; -EBUSY
 * when they have not.
 */
NODISCARD int ublk_dev_release(struct ublk_dev *dev, struct ublk_error *error);

/**
 * ublk_dev_wait() - until every queue has ended, for whatever reason
 *
 * Return: 0 (it was stopped), -ETIMEDOUT, or the -errno that a queue ended with
 */
NODISCARD int ublk_dev_wait(struct ublk_dev *dev, u32 timeout_ms);

/**
 * ublk_dev_step() - serve one turn, for a device without a thread hook
 *
 * Return: 1 to go on, 0 when the device was stopped, or -errno
 */
NODISCARD int ublk_dev_step(struct ublk_dev *dev, u64 timeout_ns);

/* ublk_dev_create_and_start() - both, or neither */
NODISCARD int ublk_dev_create_and_start(struct ublk_dev *dev, const struct ublk_dev_opts *opts,
					struct ublk_error *error);

/* ublk_dev_info() - how it is now; from any thread */
void ublk_dev_info(const struct ublk_dev *dev, struct ublk_dev_info *info);

#endif
