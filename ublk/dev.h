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
#include "ublk/shmem.h"
#include "ublk/stats.h"
#include "ublk/tgt.h"

#define UBLK_AUTO_ID (-1)
#define UBLK_DEFAULT_DEPTH 128
#define UBLK_DEFAULT_MAX_IO_BYTES (1024 * 1024)
#define UBLK_DEFAULT_TIMEOUT_MS 30000
#define UBLK_MAX_IO_DESC_BYTES 256 /* Linux 7.3 */
#define UBLK_NAME_BYTES 16 /* as a thread's name, with the NUL */

/* ublksrv_flags of our devices: this in the upper 16 bits, tgt_spec_hash() below, but
 * in the lowest 8 the enum ublk_mode and whether it was asked for */
#define UBLK_MARK 0xb1b1ULL
#define UBLK_MARK_SHIFT 48
#define UBLK_MARK_HOW 0xffULL
#define UBLK_MARK_MODE 0x0fULL
#define UBLK_MARK_ASKED 0x10ULL

/* The kernel lets none but root have these. */
#define UBLK_PRIVILEGED_PATHS (UBLK_F_USER_COPY | UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_AUTO_BUF_REG)

/**
 * struct ublk_threads - how the embedder starts threads
 * @start: run fn(arg) in a new thread, the idx'th of this device; 0 or -errno
 * @join:  wait until that thread has ended; called once per successful start
 * @ctx:   the hook's own, given back to it
 *
 * The threads of a device ask the kernel to free no memory for them by I/O (PR_SET_IO_FLUSHER),
 * since that could be I/O to the disk. A thread that calls ublk_dev_step() is left as it is.
 * ublk/pthreads.h has one for hosted programs.
 */
struct ublk_threads {
	int (*start)(void *ctx, u32 idx, void (*fn)(void *arg), void *arg);
	void (*join)(void *ctx, u32 idx);
	void *ctx;
};

struct ublk_loops;

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

/* What becomes of a device whose server dies */
enum ublk_recovery {
	UBLK_RECOVERY_NONE,    /* it ends with it */
	UBLK_RECOVERY_QUEUE,   /* waits for another; what the dead one had fails */
	UBLK_RECOVERY_REISSUE, /* the same, and what it had is given to the next again */
	UBLK_RECOVERY_FAIL,    /* waits, but meanwhile all I/O fails (6.13) */
};

/* Attributes can be demanded whatever the target says, or left to it */
enum ublk_tristate { UBLK_AS_TARGET, UBLK_YES, UBLK_NO };

/* How the bytes of requests move; ublk/path.h says what each is */
enum ublk_mode {
	UBLK_MODE_AUTO, /* the fastest that kernel and target can do */
	UBLK_MODE_COPY,
	UBLK_MODE_GET_DATA,
	UBLK_MODE_USER_COPY,
	UBLK_MODE_USER_COPY_RING,
	UBLK_MODE_ZERO_COPY,	/* 6.15 */
	UBLK_MODE_AUTO_BUF_REG, /* 6.16 */
};

/* ublk_mode_name() - "copy", ...; NULL for AUTO and beyond the last */
const char *ublk_mode_name(enum ublk_mode mode);

/* struct ublk_kept - what the kernel says of a device of ours, and UBLK_F_* that it has */
struct ublk_kept {
	const struct ublksrv_ctrl_dev_info *info;
	const struct ublk_params *params;
	u64 features;
};

/**
 * ublk_mode_faster() - why a device does not run on a faster mode than it does
 * @nr:  0 for the fastest of all, and so on
 * @why: a few words
 *
 * Return: that mode; UBLK_MODE_AUTO when there is none, or when its own was asked for
 */
enum ublk_mode ublk_mode_faster(u32 nr, const struct ublk_kept *k, const char **why);

/**
 * struct ublk_dev_opts - what is wanted; zero means the default
 * @types:        targets that a spec may name: tgt_types, or a table of your own
 * @spec:         the target, see tgt_open()
 * @tree:         or a target that is open already, which stays the caller's
 * @dev_id:       N of /dev/ublkbN; UBLK_AUTO_ID for the lowest free
 * @name:         for messages and thread names, UBLK_NAME_BYTES - 1 at most
 * @nr_queues:    default 1; the kernel cuts it to the number of CPUs
 * @nr_threads:   default one per queue. Of fewer each serves several queues, of
 *                more several serve one (6.16); ignored without a hook
 * @mode:         how data moves
 * @batch:        one command for many requests (7.0): less work when there are many,
 *                more when they come one by one, so the default is UBLK_NO
 * @shmem:        a file that users of the disk have mapped too: requests whose
 *                memory is in it are not copied (7.1); NULL: none
 * @depth:        requests per queue at a time; default 128, at most 4096
 * @max_io_bytes: the largest request; default 1 MiB; a multiple of the page size
 * @logical_bytes: block size; default the target's, never below it
 * @physical_bytes, @io_min_bytes, @io_opt_bytes: hints; powers of two
 * @io_desc_bytes: of a request's descriptor: 24, the default, to 256, by eights (7.3)
 * @chunk_bytes:  no request crosses a multiple of it; default the target's
 * @virt_boundary_bytes: a request's memory goes on where its pages do: every piece
 *                but the first begins, and but the last ends, at a multiple of it
 * @dma_alignment_bytes: of a direct request's memory; default the target's or 4 (6.15)
 * @segment_boundary_bytes, @max_segment_bytes, @max_segments: of the pieces of a
 *                request's memory, for targets that hand them on (6.15)
 * @lock_buffers: have all buffers in memory from the start, locked, nr_queues * depth *
 *                max_io_bytes of them. Otherwise pages come as requests do, which can fail where
 *                the server has as little memory as those whom its disk is to relieve
 * @no_part_scan: the kernel looks for no partitions (7.0)
 * @read_only, @rotational, @volatile_cache, @fua: attributes
 * @discard:      UBLK_NO hides the target's discard
 * @recovery:     whether it outlives its server, for ublk_dev_recover(). REISSUE may
 *                execute a write twice. Not without CAP_SYS_ADMIN, nor with @shmem
 * @handed:       for ublk_dev_recover() of a device that its server is going to let go of: that
 *                one's tgt_hand_over(), nr_handed of them; what was not taken stays here
 * @unprivileged: make it without CAP_SYS_ADMIN, by UBLK_F_UNPRIVILEGED_DEV: only its
 *                owner and root may use it, nobody scans it for partitions, and it
 *                wants a udev rule that gives its nodes to the owner, see README.
 *                Who has CAP_SYS_ADMIN cannot have one: -EINVAL. Without threads
 *                /dev/ublkbN may be given a moment after ublk_dev_start()
 * @timeout_ms:   how long each control command and each shutdown may take
 * @threads:      NULL: the calling thread serves
 * @loops:        threads that serve other devices, too, ublk/loops.h; then without
 *                @threads and @affinity
 * @observer:     is told of each request that has ended, beside ublk_dev_stats()
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
	u32 nr_threads;
	enum ublk_mode mode;
	enum ublk_tristate batch;
	const char *shmem;
	u32 depth;
	u32 max_io_bytes;
	u32 logical_bytes;
	u32 physical_bytes;
	u32 io_min_bytes;
	u32 io_opt_bytes;
	u32 io_desc_bytes;
	u32 chunk_bytes;
	u32 virt_boundary_bytes;
	u32 dma_alignment_bytes;
	u64 segment_boundary_bytes;
	u32 max_segment_bytes;
	u16 max_segments;
	bool lock_buffers;
	bool no_part_scan;
	enum ublk_tristate read_only;
	enum ublk_tristate rotational;
	enum ublk_tristate volatile_cache;
	enum ublk_tristate fua;
	enum ublk_tristate discard;
	enum ublk_affinity affinity;
	const u64 *cpu_mask; /* nr_cpu_words words, bit N%64 of word N/64 */
	u32 nr_cpu_words;
	enum ublk_recovery recovery;
	s32 *handed;
	u32 nr_handed;
	bool unprivileged;
	u32 timeout_ms;
	const struct ublk_threads *threads;
	struct ublk_loops *loops;
	const struct ublk_log *log;
	const struct ublk_observer *observer;
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
	u32 io_desc_bytes;
	enum ublk_mode mode; /* as chosen */
	u64 flags; /* UBLK_F_* */
	struct ublk_params params; /* of the types that params.types names */
	bool is_running;
};

struct ublk_dev_thread;

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
	u32 nr_stuck; /* on shared loops: cannot go on, and have not left */
	u32 nr_gone;  /* on shared loops: do nothing more with this struct */
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
	u64 features;	/* UBLK_F_* that the kernel has */
	u64 kind_flags; /* without which this kind of device cannot be */
	const struct ublk_path *path;
	u64 path_flags; /* of the path that its data takes: as necessary */
	struct ublksrv_ctrl_dev_info info; /* as the kernel granted it; io_desc_size never 0 */
	struct ublk_params params;	   /* as it took them */
	bool is_used; /* queues have fetched: the kernel's device serves no second time */
	bool is_size_unknown; /* the kernel has not answered when it was told a size */
	bool is_recovered; /* others asked for its parameters, which are not in opts */
	bool is_anothers;  /* which lives, and will have let go of it when it is started */
	bool made_char_node;
	bool made_block_node;
	struct ublk_shmem shmem;
	struct ublk_stats stats;
	struct ublk_worker_setup setup;
	struct ublk_dev_thread *workers;
	struct pages threads_mem;
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
 * ublk_dev_recover() - go on with a device whose server has died
 * @opts: of dev_id, the target, the threads and what is no property of a device; all else
 *        is as the kernel has it. Not with @loops, which cannot let go of it again
 *
 * In place of ublk_dev_create(): ublk_dev_start() serves from the same target what the
 * kernel has kept, requests that wait included; -EOPNOTSUPP when a target has forgotten
 * something with the dead server (struct tgt, ram_keep_in()). When that fails, or before it,
 * ublk_dev_close() leaves the device as it was. Another server that lives hands over with
 * @opts->handed: then all that can be prepared is, and ublk_dev_start() is for when that one's
 * ublk_dev_let_go() has succeeded. Without, it waits while the kernel is letting go
 * of the dead server, for a few seconds also while that seems to be alive. Since 6.1.
 *
 * Return: 0, or -errno, and nothing is left open:
 *   -ENODEV     there is none with that id
 *   -EINVAL     not ours, made of another target, by another user, without recovery; or
 *               the target is not what it was (smaller, read-only, ...)
 *   -EBUSY      it has a server
 *   -ETIMEDOUT  the kernel has not let go of the dead server
 */
NODISCARD int ublk_dev_recover(struct ublk_dev *dev, const struct ublk_dev_opts *opts,
			       struct ublk_error *error);

/**
 * ublk_dev_let_go() - end the queues, close the target, leave the kernel's device to another
 *
 * For who uses the disk nothing happens, but that I/O waits until ublk_dev_recover() and
 * ublk_dev_start() of another process, or of this one again. Of a device with
 * UBLK_RECOVERY_REISSUE, or with _QUEUE where the kernel can hold requests back (6.16, not with
 * batches); where it cannot, with a thread hook. Not on shared loops. Only the target of
 * @opts->spec is closed.
 *
 * Return: 0: as after ublk_dev_close(), or -errno:
 *   -EOPNOTSUPP  requests would fail: nothing has changed
 *   -ETIMEDOUT   the target does not answer, or the kernel: no queue takes anything new, and
 *                that is all that can be said
 */
NODISCARD int ublk_dev_let_go(struct ublk_dev *dev, struct ublk_error *error);

/* ublk_dev_may_let_go() - 0, or what that would refuse */
NODISCARD int ublk_dev_may_let_go(const struct ublk_dev *dev, struct ublk_error *error);

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
 * ublk_dev_resize() - a running disk gets another size, and what uses it is told (6.16)
 * @size_bytes: 0: what the target finds its size to be, as of a file that has grown
 * @timeout_ms: for the kernel's answer; 0: as for other commands
 *
 * What the target cannot be, or the kernel does not take, leaves both as they were.
 * Nobody else is asked: a filesystem has to be made smaller before. While I/O goes on; not while
 * another thread stops the device.
 *
 * Return: 0, or -errno:
 *   -EOPNOTSUPP  a kernel before 6.16, a zoned disk, or a target whose size is fixed
 *   -EINVAL      not a multiple of the logical block, or it is not running (-ESHUTDOWN:
 *                it is closed)
 *   -ETIMEDOUT   the kernel may still do it: a larger target stays so, a smaller one it
 *                is not yet
 *   -EBUSY       it has not answered an earlier command
 */
NODISCARD int ublk_dev_resize(struct ublk_dev *dev, u64 size_bytes, u32 timeout_ms,
			      struct ublk_error *error);

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

/**
 * ublk_dev_stats() - what was counted since ublk_dev_start(), of all queues
 *
 * Of a device that was stopped, what was counted until then; zeroes of one that was never
 * started. From any thread, but not while another starts or closes it. It may take
 * UBLK_STATS_RATE_MS within as long of the start.
 */
void ublk_dev_stats(const struct ublk_dev *dev, struct ublk_stats_snapshot *s);

/* ublk_dev_info() - how it is now; from any thread */
void ublk_dev_info(const struct ublk_dev *dev, struct ublk_dev_info *info);

#endif
