/* SPDX-License-Identifier: MIT */
/*
 * What a ring can be told once so that every request need not, and what can be
 * asked of the kernel: io_uring_register(2). Names and argument order are
 * liburing's. Rings of provided buffers are ring/buf_ring.h, resizing is
 * ring/ring.h.
 *
 * None of this is for the I/O path. Called by the ring's thread; what is said
 * of a descriptor or an array is read during the call and may go afterwards,
 * but where it says otherwise.
 *
 * Every function returns 0 or a count, or -errno. What all have in common:
 *   -EINVAL  the kernel is older than the function, whose release is given
 *   -EBADF   the ring is not set up, or its descriptor was closed
 *   -EEXIST  another thread's ring (IORING_SETUP_SINGLE_ISSUER)
 *   -EACCES  the ring's or the task's restrictions do not allow it
 *   -EFAULT  an array that cannot be read, or written where it is answered to
 *   -ENOMEM
 */
#ifndef RING_REGISTER_H
#define RING_REGISTER_H

#include "ring/ring.h"

struct iovec;

/**
 * ring_register() - io_uring_register(2) on this ring
 * @op:      IORING_REGISTER_* or IORING_UNREGISTER_*
 * @arg:     as the opcode wants it
 * @nr_args: likewise
 *
 * Under every function below, and the way to what has none: ZCRX_IFQ,
 * ZCRX_CTRL and BPF_FILTER with their structs of uapi/io_uring.h. Works also on
 * a ring that has no file descriptor, only a registered index (6.3).
 *
 * Return: as the kernel answers; -EINVAL for an opcode that it does not know
 */
NODISCARD int ring_register(const struct ring *r, u32 op, const void *arg, u32 nr_args);

/**
 * ring_register_blind() - io_uring_register(2) without a ring
 * @op: IORING_REGISTER_SEND_MSG_RING (6.13), QUERY (6.18), RESTRICTIONS or
 *      BPF_FILTER of the calling task (7.0)
 *
 * Return: as the kernel answers; -EINVAL for any other opcode, -EBADF before 6.13
 * Source: io_uring_register_blind(), io_uring/register.c, Linux 7.3
 */
NODISCARD int ring_register_blind(u32 op, const void *arg, u32 nr_args);

/* ---- The ring itself ------------------------------------------------------ */

/**
 * ring_register_ring_fd() - save a file lookup per enter
 *
 * Only the calling thread can submit and wait afterwards: the index that stands
 * for the descriptor is one of 16 that a thread has.
 *
 * Return: 0, or
 *   -EEXIST  it is registered already
 *   -EBUSY   all 16 are taken
 *   -EINVAL  Linux before 5.18
 */
NODISCARD int ring_register_ring_fd(struct ring *r);

/**
 * ring_unregister_ring_fd() - go back to the descriptor
 *
 * Return: 0, or -EINVAL when the ring is not registered, or the index is all
 * that is left of it (ring_close_ring_fd(), IORING_SETUP_REGISTERED_FD_ONLY)
 */
NODISCARD int ring_unregister_ring_fd(struct ring *r);

/**
 * ring_close_ring_fd() - give back the descriptor of a registered ring (6.3)
 *
 * The ring goes on by its index, out of sight of /proc/PID/fd. It cannot be
 * polled, mapped or sent messages by others any more.
 *
 * Return: 0, or
 *   -EINVAL      the ring is not registered
 *   -EBADF       there is no descriptor
 *   -EOPNOTSUPP  the kernel lacks IORING_FEAT_REG_REG_RING
 */
NODISCARD int ring_close_ring_fd(struct ring *r);

/**
 * ring_register_restrictions() - say what this ring may do, for good (5.10)
 * @res: IORING_RESTRICTION_*: one entry for each opcode allowed, the flags
 *       allowed in every entry and those required
 *
 * In force once ring_enable_rings() was called. What is not listed is refused
 * then: requests with -EACCES as their result, registration as its result. From
 * 7.0 on only the half that was listed, requests or registration, is
 * restricted, and an empty list allows nothing.
 *
 * Return: 0, or
 *   -EBADFD  the ring was not set up with IORING_SETUP_R_DISABLED, or is enabled
 *   -EBUSY   it has restrictions already
 *   -EINVAL  an unknown restriction or opcode; @res is NULL
 */
NODISCARD int ring_register_restrictions(const struct ring *r,
					 const struct io_uring_restriction *res, u32 nr_res);

/**
 * ring_register_task_restrictions() - the same for all rings that the calling
 * task and its future children will set up (7.0)
 * @res: nr_res of them follow the header
 *
 * It cannot be undone.
 *
 * Return: 0, or
 *   -EACCES  neither no_new_privs is set nor is there CAP_SYS_ADMIN; or the task's
 *            restrictions do not allow IORING_REGISTER_RESTRICTIONS
 *   -EPERM   the task has restrictions, and they do
 *   -EINVAL  an unknown restriction or flag, or an older kernel
 * Source: io_register_restrictions_task(), io_uring/register.c, Linux 7.3
 */
NODISCARD int ring_register_task_restrictions(const struct io_uring_task_restriction *res);

/**
 * ring_enable_rings() - start a ring that was set up disabled (5.10)
 *
 * With IORING_SETUP_SINGLE_ISSUER it belongs to the calling thread from now on.
 *
 * Return: 0, or -EBADFD when it is not disabled
 */
NODISCARD int ring_enable_rings(struct ring *r);

/* ---- Files ------------------------------------------------------------------ */

/**
 * ring_register_files() - make files[i] usable as fixed file i
 * @files: descriptors; -1 leaves a hole
 *
 * The kernel takes references of its own: the descriptors may be closed. A
 * request names the slot as fd, with IOSQE_FIXED_FILE.
 *
 * Return: 0, or
 *   -EBUSY   there is a table already
 *   -EBADF   an entry is neither open nor -1, or is a ring
 *   -EMFILE  more than 1048576, or than RLIMIT_NOFILE
 *   -EINVAL  @nr_files is 0
 */
NODISCARD int ring_register_files(const struct ring *r, const s32 *files, u32 nr_files);

/**
 * ring_register_files_tags() - the same, and word when a file is let go (5.13)
 * @tags: one per file, 0 for none and for holes
 *
 * When a slot was updated and the last request that used its file has ended, a
 * completion comes with the tag as user_data and 0 as res; from 6.13 on also
 * when the table was dropped. Linux 6.1 takes its time, a second and more.
 *
 * Return: as ring_register_files(); -EINVAL also for a hole that has a tag
 */
NODISCARD int ring_register_files_tags(const struct ring *r, const s32 *files, const u64 *tags,
				       u32 nr_files);

/* ring_register_files_sparse() - a table of holes, to be filled by updates and
 * by requests that open, accept or make their file into a slot (5.19); returns
 * as ring_register_files() */
NODISCARD int ring_register_files_sparse(const struct ring *r, u32 nr_files);

/**
 * ring_register_files_update() - replace what is in slots @off and following
 * @files: -1 empties a slot, IORING_REGISTER_FILES_SKIP leaves it alone (5.12)
 *
 * Requests that were submitted keep the file that they started with.
 *
 * Return: how many entries were done, fewer than @nr_files when the one after
 * them failed: its slot is empty then. Or, when the first one failed:
 *   -EBADF   neither open nor -1, or a ring
 *   -ENXIO   there is no table
 *   -EINVAL  slots beyond its end, @nr_files is 0, or a tag without a file
 *   -EOVERFLOW
 */
NODISCARD int ring_register_files_update(const struct ring *r, u32 off, const s32 *files,
					 u32 nr_files);

/* ring_register_files_update_tag() - with tags for the new files (5.13) */
NODISCARD int ring_register_files_update_tag(const struct ring *r, u32 off, const s32 *files,
					     const u64 *tags, u32 nr_files);

/**
 * ring_register_file_alloc_range() - which slots the kernel may choose (6.0)
 *
 * Where a request makes a file with IORING_FILE_INDEX_ALLOC for its slot. At
 * first it is the whole table; none free is -ENFILE, the request's result.
 *
 * Return: 0, or -EINVAL when it reaches beyond the table, -EOVERFLOW
 */
NODISCARD int ring_register_file_alloc_range(const struct ring *r, u32 off, u32 len);

/* ring_unregister_files() - drop the table, -ENXIO when there is none. The
 * kernel lets go of the files once no request uses them; before 6.13 it waits
 * here until that is so. */
NODISCARD int ring_unregister_files(const struct ring *r);

/* ---- Buffers ---------------------------------------------------------------- */

/**
 * ring_register_buffers() - make iovecs[i] usable as fixed buffer i
 * @iovecs: memory; a NULL base with length 0 leaves a hole (5.13)
 *
 * Its pages are pinned, and found no more per request. A request names the
 * slot as buf_index and lies within that memory. Unmapped while it is
 * registered, the pages live on where nobody sees them.
 *
 * Return: 0, or
 *   -EBUSY   there is a table already
 *   -EFAULT  memory that is not mapped or not writable, or a length of 0
 *   -EINVAL  @nr_iovecs is 0 or above 16384
 *   -ENOMEM  above RLIMIT_MEMLOCK, without CAP_IPC_LOCK
 */
NODISCARD int ring_register_buffers(const struct ring *r, const struct iovec *iovecs,
				    u32 nr_iovecs);

/* ring_register_buffers_tags() - with tags, as ring_register_files_tags() (5.13) */
NODISCARD int ring_register_buffers_tags(const struct ring *r, const struct iovec *iovecs,
					 const u64 *tags, u32 nr_iovecs);

/* ring_register_buffers_sparse() - a table of holes, to be filled by updates and
 * by ublk requests (5.19) */
NODISCARD int ring_register_buffers_sparse(const struct ring *r, u32 nr_iovecs);

/**
 * ring_register_buffers_update_tag() - replace what is in slots @off and
 * following (5.13)
 * @tags: one per buffer, 0 for none and for holes; NULL for none at all
 *
 * Requests that were submitted keep the memory that they started with.
 *
 * Return: how many entries were done, fewer than @nr_iovecs when the one after
 * them failed: that one and all after it are as they were. Or -ENXIO without a
 * table, -EINVAL for slots beyond its end, else as ring_register_buffers().
 */
NODISCARD int ring_register_buffers_update_tag(const struct ring *r, u32 off,
					       const struct iovec *iovecs, const u64 *tags,
					       u32 nr_iovecs);

/**
 * ring_clone_buffers() - have the same fixed buffers as @src (6.12)
 *
 * Cheaper than registering them again: pages stay pinned until both rings have
 * let go. Slots without a buffer stay so.
 *
 * Return: 0, or
 *   -EBUSY   @r has a table already
 *   -ENXIO   @src has none
 *   -EEXIST  @src is another thread's (SINGLE_ISSUER, 6.19)
 *   -EINVAL  the rings belong to different users or address spaces
 */
NODISCARD int ring_clone_buffers(const struct ring *r, const struct ring *src);

/**
 * ring_clone_buffers_offset() - a part of them, to another place (6.13)
 * @nr:    0, with both offsets 0, for all
 * @flags: IORING_REGISTER_DST_REPLACE: into the table of @r, over what is there;
 *         slots before and after the range keep what they have
 *
 * Return: as ring_clone_buffers(), and
 *   -EOVERFLOW  beyond the end of @src
 *   -EINVAL     more than @src has; above 16384 slots; Linux 6.12
 */
NODISCARD int ring_clone_buffers_offset(const struct ring *r, const struct ring *src, u32 dst_off,
					u32 src_off, u32 nr, u32 flags);

/* ring_unregister_buffers() - as ring_unregister_files() */
NODISCARD int ring_unregister_buffers(const struct ring *r);

/* ---- Word of completions ---------------------------------------------------- */

/**
 * ring_register_eventfd() - add to the eventfd @fd whenever completions are posted
 *
 * For loops that wait in poll or epoll. How much is added is not how many there
 * are. A ring set up with DEFER_TASKRUN posts only when its thread enters, but
 * the eventfd tells that there is something to enter for.
 *
 * Return: 0, or
 *   -EBUSY   one is registered already
 *   -EBADF   @fd is not open
 *   -EINVAL  @fd is no eventfd
 */
NODISCARD int ring_register_eventfd(const struct ring *r, s32 fd);

/* ring_register_eventfd_async() - only for completions of requests that did not
 * end while they were submitted, but in a worker (5.6) */
NODISCARD int ring_register_eventfd_async(const struct ring *r, s32 fd);

/* ring_unregister_eventfd() - -ENXIO when there is none */
NODISCARD int ring_unregister_eventfd(const struct ring *r);

/* ring_cq_eventfd_enabled() - whether an eventfd would be told */
static inline bool ring_cq_eventfd_enabled(const struct ring *r)
{
	return !(*r->cq_kflags & IORING_CQ_EVENTFD_DISABLED);
}

/**
 * ring_cq_eventfd_toggle() - keep the eventfd silent, or let it tell again
 *
 * No system call. A completion that is posted at the same time may be told or
 * not; whoever enables it looks once more for completions before it waits.
 */
static inline void ring_cq_eventfd_toggle(struct ring *r, bool enabled)
{
	u32 others = *r->cq_kflags & ~IORING_CQ_EVENTFD_DISABLED;

	/* Only this side writes the word, the kernel reads it without order. */
	ring_store_relaxed(r->cq_kflags, others | (enabled ? 0 : IORING_CQ_EVENTFD_DISABLED));
}

/* ---- Rights ----------------------------------------------------------------- */

/**
 * ring_register_personality() - keep the calling thread's credentials (5.6)
 *
 * A request that names the id in its personality field runs with them, whatever
 * the submitter's are by then.
 *
 * Return: an id from 1 to 65535, or -EBUSY when all are taken
 */
NODISCARD int ring_register_personality(const struct ring *r);

/* ring_unregister_personality() - -EINVAL when @id is none; requests that have
 * started keep it */
NODISCARD int ring_unregister_personality(const struct ring *r, s32 id);

/* ---- Workers, clock and networking ------------------------------------------ */

/**
 * ring_register_iowq_aff() - where the workers of this ring's thread may run (5.14)
 * @len_bytes: length of @mask
 * @mask:      bit N is CPU N, as sched_setaffinity(2) takes it
 *
 * Workers carry out what would block. They are the thread's (with SQPOLL the
 * kernel thread's), for all its rings. A thread that never set up or used a
 * ring has none: -EINVAL, as for CPUs that its cpuset forbids.
 */
NODISCARD int ring_register_iowq_aff(const struct ring *r, size_t len_bytes, const void *mask);

/* ring_unregister_iowq_aff() - anywhere again */
NODISCARD int ring_unregister_iowq_aff(const struct ring *r);

/**
 * ring_register_iowq_max_workers() - how many workers there may be (5.15)
 * @values: [IO_WQ_BOUND] for I/O that ends by itself, [IO_WQ_UNBOUND] for what
 *          may wait for ever, as on sockets; 0 leaves a limit. Overwritten
 *          with what the limits were.
 *
 * Per NUMA node before 6.1, then for the whole thread; for every thread that
 * submits to this ring. -EINVAL above 2^31 - 1.
 */
NODISCARD int ring_register_iowq_max_workers(const struct ring *r, u32 values[2]);

/**
 * ring_register_clock() - what waits of this ring are measured with (6.12)
 * @clock: clockid CLOCK_MONOTONIC (1), the default, or CLOCK_BOOTTIME (7), which
 *         counts the time asleep as well; any other is -EINVAL
 *
 * Of waits, relative and absolute; a timeout request says its clock itself.
 */
NODISCARD int ring_register_clock(const struct ring *r,
				  const struct io_uring_clock_register *clock);

/**
 * ring_register_napi() - poll network queues while waiting (6.9)
 * @napi: busy_poll_to in microseconds, at most 10000; op_param a tracking
 *        strategy. With opcode IO_URING_NAPI_STATIC_ADD_ID or _DEL_ID (6.13) an
 *        id instead. Overwritten with the settings until now.
 *
 * Return: 0, or
 *   -EINVAL      an unknown strategy; an id with one that is not static; an
 *                IOPOLL ring
 *   -EEXIST      the id is there already
 *   -ENOENT      the id is not there
 *   -EOPNOTSUPP  a kernel without CONFIG_NET_RX_BUSY_POLL
 */
NODISCARD int ring_register_napi(const struct ring *r, struct io_uring_napi *napi);

/* ring_unregister_napi() - stop it; @napi is NULL or receives the settings */
NODISCARD int ring_unregister_napi(const struct ring *r, struct io_uring_napi *napi);

/* ---- Memory shared with the kernel -------------------------------------------- */

/**
 * ring_register_region() - memory that requests and waits can refer to (6.13)
 * @reg: region_uptr points to a descriptor: size in whole pages, with
 *       IORING_MEM_REGION_TYPE_USER memory of the caller, which stays until
 *       ring_exit(), without it memory of the kernel for ring_map_region().
 *       Flag IORING_MEM_REGION_REG_WAIT_ARG: it holds struct io_uring_reg_wait[]
 *
 * Return: 0, or
 *   -EBUSY   the ring has one
 *   -EINVAL  no whole pages, an unknown flag, or waits on an enabled ring
 *   -EFAULT  user_addr without the flag or the flag without user_addr
 */
NODISCARD int ring_register_region(const struct ring *r, const struct io_uring_mem_region_reg *reg);

/**
 * ring_map_region() - map a region that the kernel has allocated
 * @region: as ring_register_region() left it
 * @addr:   set; stays valid after ring_exit(), until ring_unmap_region()
 *
 * Not inherited by a forked child.
 *
 * Return: 0, or -EINVAL for memory of the caller, -EBADF without a descriptor
 */
NODISCARD int ring_map_region(const struct ring *r, const struct io_uring_region_desc *region,
			      void **addr);

/* ring_unmap_region() - @region and @addr as ring_map_region() left them */
void ring_unmap_region(const struct io_uring_region_desc *region, void *addr);

/* ---- Cancelling and telling, without a submission -------------------------------- */

/**
 * ring_register_sync_cancel() - cancel requests and wait for their end (6.0)
 * @reg: user_data in addr, or fd and opcode (6.6), as flags say
 *       (IORING_ASYNC_CANCEL_*); timeout -1, -1 waits for ever
 *
 * Their completions have been posted when it returns. Linux 6.1 may miss the end
 * of a request that a worker carries out: give it a time there.
 *
 * Return: 0, or with _ALL and _ANY how many were cancelled at once, or
 *   -ENOENT  there is none (with _ALL and _ANY that is 0), or what a worker carried
 *            out ended as soon as it was told to
 *   -ETIME   time ran out before one that runs had ended
 *   -EINTR   a signal came before
 *   -EBADF   fd is not open, or the slot is empty
 *   -EINVAL  an unknown flag
 * Source: io_sync_cancel(), io_uring/cancel.c, Linux 7.3
 */
NODISCARD int ring_register_sync_cancel(const struct ring *r,
					const struct io_uring_sync_cancel_reg *reg);

/**
 * ring_register_sync_msg() - post a completion on another ring, without one (6.13)
 * @sqe: as ring_prep_msg_ring() fills it, no flags of any kind but
 *       IORING_MSG_RING_FLAGS_PASS; data only, no files
 *
 * Any thread.
 *
 * Return: 0, or
 *   -EBADFD     sqe->fd is no ring, or one that is disabled
 *   -EBADF      it is not open
 *   -EOVERFLOW  its completion queue is full, and no memory to keep one more in
 *   -EINVAL
 */
NODISCARD int ring_register_sync_msg(const struct io_uring_sqe *sqe);

/* ---- Asking the kernel ---------------------------------------------------------- */

/**
 * ring_register_probe() - which request opcodes this kernel has (5.6)
 * @probe:  zeroed, with room for @nr_ops entries
 * @nr_ops: 256 at most; filled are probe->ops_len
 *
 * Return: 0, or -EINVAL when it was not zeroed
 */
NODISCARD int ring_register_probe(const struct ring *r, struct io_uring_probe *probe, u32 nr_ops);

/* ring_opcode_supported() - what ring_register_probe() said of an opcode */
static inline bool ring_opcode_supported(const struct io_uring_probe *probe, u8 op)
{
	return op < probe->ops_len && probe->ops[op].flags & IO_URING_OP_SUPPORTED;
}

/**
 * ring_query() - one of the kernel's answers about itself, without a ring (6.18)
 * @query_op:   IO_URING_QUERY_*
 * @data:       the struct for it
 * @size_bytes: its size, 4096 at most; what the kernel does not fill is zeroed
 *
 * Any thread. A chain of several goes through ring_register_blind().
 *
 * Return: how many bytes the kernel knew, or
 *   -EOPNOTSUPP  it does not know @query_op (7.3 knows all of uapi/io_uring.h)
 *   -EINVAL      @size_bytes is 0, or Linux before 6.18
 */
NODISCARD int ring_query(u32 query_op, void *data, u32 size_bytes);

#endif
