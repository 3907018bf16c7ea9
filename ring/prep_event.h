/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait for something or tell somebody: nops, timeouts, polls,
 * cancels, futexes, children, messages between rings, epoll, and the commands
 * of drivers. A number such as 6.7 is the first Linux that has it; an older
 * one ends the request with -EINVAL.
 *
 * Where a comment says nothing else, what an argument points to is read while
 * the entry is submitted and may go away afterwards (with SQPOLL: once the
 * entry was taken, see ring_sq_ready()).
 */
#ifndef RING_PREP_EVENT_H
#define RING_PREP_EVENT_H

#include "ring/prep_base.h"

struct epoll_event;
struct futex_waitv;

/* Nothing */

static inline void ring_prep_nop(struct io_uring_sqe *sqe)
{
	ring_prep_rw(IORING_OP_NOP, sqe, -1, NULL, 0, 0);
}

/*
 * A nop with IORING_NOP_* flags: @result with INJECT_RESULT (6.10), @fd is
 * looked up with FILE, a slot with FILE | FIXED_FILE (-EBADF if it is none), the
 * registered buffer sqe->buf_index with FIXED_BUFFER (-EFAULT); these: 6.13. TW
 * completes by task work (6.16). Some kernels before 6.10 ignore the flags.
 */
static inline void ring_prep_nop_flags(struct io_uring_sqe *sqe, s32 fd, s32 result, u32 flags)
{
	ring_prep_op(IORING_OP_NOP, sqe, fd, NULL, (u32)result, 0, flags);
}

/* completes with @result; below zero it counts as failed, so links break (6.10) */
static inline void ring_prep_nop_result(struct io_uring_sqe *sqe, s32 result)
{
	ring_prep_nop_flags(sqe, -1, result, IORING_NOP_INJECT_RESULT);
}

/* a 32-byte completion with these two in big_cqe[]; CQE32 or CQE_MIXED rings (6.18) */
static inline void ring_prep_nop_cqe32(struct io_uring_sqe *sqe, u64 extra1, u64 extra2)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_NOP, 0, -1), extra1, extra2,
		       ring_sqe_len(0, IORING_NOP_CQE32), 0, 0);
}

/* The second half of an entry of 128 bytes; what does not use it leaves it zero */
static inline void ring_sqe_clear_half(struct io_uring_sqe *sqe)
{
	ring_sqe_write(sqe + 1, 0, 0, 0, 0, 0, 0);
}

/* @sqe is of ring_get_sqe128(): two slots of an SQE_MIXED ring, or one of SQE128 (6.19) */
static inline void ring_prep_nop128(struct io_uring_sqe *sqe)
{
	ring_prep_rw(IORING_OP_NOP128, sqe, -1, NULL, 0, 0);
	ring_sqe_clear_half(sqe);
}

/* Timeouts */

/*
 * Ends with -ETIME when *@ts has passed (at *@ts with IORING_TIMEOUT_ABS), or with
 * 0 when @count other requests have completed first, 0 for never. With
 * IORING_TIMEOUT_MULTISHOT (6.4) one completion each time, F_MORE set, @count of
 * them, without end for 0. The clock is CLOCK_MONOTONIC, or what IORING_TIMEOUT_BOOTTIME
 * and _REALTIME say. -ETIME breaks a chain, but not with IORING_TIMEOUT_ETIME_SUCCESS.
 */
static inline void ring_prep_timeout(struct io_uring_sqe *sqe, const struct __kernel_timespec *ts,
				     u32 count, u32 flags)
{
	ring_prep_op(IORING_OP_TIMEOUT, sqe, -1, ts, 1, count, flags);
}

/* the same, nanoseconds in the entry itself (7.1) */
static inline void ring_prep_timeout_ns(struct io_uring_sqe *sqe, u64 ns, u32 count, u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_TIMEOUT, 0, -1), count, ns,
		       ring_sqe_len(1, flags | IORING_TIMEOUT_IMMEDIATE_ARG), 0, 0);
}

/* The timeout with this user_data ends with -ECANCELED. -ENOENT: there is none, -EALREADY:
 * it just went off. @flags is 0: the kernel has none yet. */
static inline void ring_prep_timeout_remove(struct io_uring_sqe *sqe, u64 user_data, u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_TIMEOUT_REMOVE, 0, -1), 0, user_data,
		       ring_sqe_len(0, flags), 0, 0);
}

/*
 * The timeout with this user_data gets a new time, from now on; a count that it
 * had is forgotten. Flags: IORING_TIMEOUT_ABS; for a link timeout
 * IORING_LINK_TIMEOUT_UPDATE. Its clock stays. -ENOENT, -EALREADY as above.
 */
static inline void ring_prep_timeout_update(struct io_uring_sqe *sqe,
					    const struct __kernel_timespec *ts, u64 user_data,
					    u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_TIMEOUT_REMOVE, 0, -1), RING_PTR(ts),
		       user_data, ring_sqe_len(0, flags | IORING_TIMEOUT_UPDATE), 0, 0);
}

/* the same, nanoseconds in the entry itself (7.1) */
static inline void ring_prep_timeout_update_ns(struct io_uring_sqe *sqe, u64 ns, u64 user_data,
					       u32 flags)
{
	flags |= IORING_TIMEOUT_UPDATE | IORING_TIMEOUT_IMMEDIATE_ARG;
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_TIMEOUT_REMOVE, 0, -1), ns, user_data,
		       ring_sqe_len(0, flags), 0, 0);
}

/*
 * Directly behind a request with IOSQE_IO_LINK: cancels that request when it
 * takes too long. Then it ends with -ECANCELED (-EINTR where it cannot be
 * interrupted cleanly) and this one with -ETIME; in time: this one with
 * -ECANCELED. IORING_TIMEOUT_ABS and the clocks as above.
 */
static inline void ring_prep_link_timeout(struct io_uring_sqe *sqe,
					  const struct __kernel_timespec *ts, u32 flags)
{
	ring_prep_op(IORING_OP_LINK_TIMEOUT, sqe, -1, ts, 1, 0, flags);
}

/* the same, nanoseconds in the entry itself (7.1) */
static inline void ring_prep_link_timeout_ns(struct io_uring_sqe *sqe, u64 ns, u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_LINK_TIMEOUT, 0, -1), 0, ns,
		       ring_sqe_len(1, flags | IORING_TIMEOUT_IMMEDIATE_ARG), 0, 0);
}

/* Polls. @poll_mask is of POLL*, the result too; EPOLLEXCLUSIVE may be added. */

static inline void ring_prep_poll_add(struct io_uring_sqe *sqe, s32 fd, u32 poll_mask)
{
	ring_prep_op(IORING_OP_POLL_ADD, sqe, fd, NULL, 0, 0, poll_mask);
}

/* One completion each time that the file becomes ready, F_MORE set as long as more may
 * follow (5.13). By edges: IORING_POLL_ADD_LEVEL has a bit, but no kernel accepts it. */
static inline void ring_prep_poll_multishot(struct io_uring_sqe *sqe, s32 fd, u32 poll_mask)
{
	ring_prep_op(IORING_OP_POLL_ADD, sqe, fd, NULL, IORING_POLL_ADD_MULTI, 0, poll_mask);
}

/* The poll with this user_data ends with -ECANCELED; -ENOENT, -EALREADY as for timeouts */
static inline void ring_prep_poll_remove(struct io_uring_sqe *sqe, u64 user_data)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_POLL_REMOVE, 0, -1), 0, user_data, 0, 0, 0);
}

/*
 * Changes a poll in place (5.13): @poll_mask with IORING_POLL_UPDATE_EVENTS,
 * @new_user_data with IORING_POLL_UPDATE_USER_DATA; what is not to be changed
 * must be 0. IORING_POLL_ADD_MULTI: it is a multishot one and stays so.
 */
static inline void ring_prep_poll_update(struct io_uring_sqe *sqe, u64 old_user_data,
					 u64 new_user_data, u32 poll_mask, u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_POLL_REMOVE, 0, -1), new_user_data,
		       old_user_data, ring_sqe_len(flags, poll_mask), 0, 0);
}

/*
 * Cancels. What was found ends with -ECANCELED, or -EINTR if it was running
 * already. Result: 0, but 1 if it was a futex or waitid; with
 * IORING_ASYNC_CANCEL_ALL or _ANY the number found, where all of those that are
 * futexes count as one, and all waitids; -ENOENT, none; -EALREADY, it runs and
 * may or may not be interrupted.
 */

/* by user_data; @flags as above, or keys in addition (IORING_ASYNC_CANCEL_*) */
static inline void ring_prep_cancel64(struct io_uring_sqe *sqe, u64 user_data, u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_ASYNC_CANCEL, 0, -1), 0, user_data,
		       ring_sqe_len(0, flags), 0, 0);
}

static inline void ring_prep_cancel(struct io_uring_sqe *sqe, const void *user_data, u32 flags)
{
	ring_prep_cancel64(sqe, RING_PTR(user_data), flags);
}

/* by file (5.19); with IORING_ASYNC_CANCEL_FD_FIXED @fd is a slot (6.0). Timeouts have no file. */
static inline void ring_prep_cancel_fd(struct io_uring_sqe *sqe, s32 fd, u32 flags)
{
	ring_prep_op(IORING_OP_ASYNC_CANCEL, sqe, fd, NULL, 0, 0, flags | IORING_ASYNC_CANCEL_FD);
}

/* by IORING_OP_* (6.6) */
static inline void ring_prep_cancel_op(struct io_uring_sqe *sqe, u8 opcode, u32 flags)
{
	ring_prep_op(IORING_OP_ASYNC_CANCEL, sqe, -1, NULL, opcode, 0,
		     flags | IORING_ASYNC_CANCEL_OP);
}

/* all that there are; the number found (5.19) */
static inline void ring_prep_cancel_any(struct io_uring_sqe *sqe)
{
	ring_prep_op(IORING_OP_ASYNC_CANCEL, sqe, -1, NULL, 0, 0, IORING_ASYNC_CANCEL_ANY);
}

/*
 * Futexes (6.7). @futex_flags: FUTEX2_SIZE_U32, FUTEX2_PRIVATE ...; @mask: bits of
 * which waiter and waker must share one, FUTEX_BITSET_MATCH_ANY for all; @flags: 0.
 */

/* 0 when woken; -EAGAIN: *@futex is not @val. The word stays until the completion. */
static inline void ring_prep_futex_wait(struct io_uring_sqe *sqe, const u32 *futex, u64 val,
					u64 mask, u32 futex_flags, u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_FUTEX_WAIT, 0, (s32)futex_flags), val,
		       RING_PTR(futex), ring_sqe_len(0, flags), 0, mask);
}

/* wakes at most @val; how many they were */
static inline void ring_prep_futex_wake(struct io_uring_sqe *sqe, const u32 *futex, u64 val,
					u64 mask, u32 futex_flags, u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_FUTEX_WAKE, 0, (s32)futex_flags), val,
		       RING_PTR(futex), ring_sqe_len(0, flags), 0, mask);
}

/* waits for one of several, 128 at most: the index of one that was woken. The words stay until
 * the completion, the array need not. */
static inline void ring_prep_futex_waitv(struct io_uring_sqe *sqe, const struct futex_waitv *futex,
					 u32 nr_futex, u32 flags)
{
	ring_prep_op(IORING_OP_FUTEX_WAITV, sqe, 0, futex, nr_futex, 0, flags);
}

/*
 * waitid(2) (6.7). @infop: a siginfo_t of 128 bytes, filled before the completion,
 * until which it must stay; or NULL. The child is one of the task that submits.
 * @flags: 0.
 */
static inline void ring_prep_waitid(struct io_uring_sqe *sqe, s32 idtype, s32 id, void *infop,
				    s32 options, u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_WAITID, 0, id), RING_PTR(infop), 0,
		       ring_sqe_len((u32)idtype, flags), ring_sqe_index(0, (u32)options), 0);
}

/*
 * Messages to the ring @fd, another one of this or any process (5.18): there a
 * completion with @len as result and @data as user_data. -EOVERFLOW: there is
 * neither room in its queue nor memory to keep it; -EBADFD: it is not a ring, or
 * has not been enabled yet.
 */
static inline void ring_prep_msg_ring(struct io_uring_sqe *sqe, s32 fd, u32 len, u64 data,
				      u32 flags)
{
	ring_prep_op(IORING_OP_MSG_RING, sqe, fd, NULL, len, data, flags);
}

/* the same with flags of the completion, which the kernel does not look at (6.3) */
static inline void ring_prep_msg_ring_cqe_flags(struct io_uring_sqe *sqe, s32 fd, u32 len, u64 data,
						u32 flags, u32 cqe_flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_MSG_RING, 0, fd), data, IORING_MSG_DATA,
		       ring_sqe_len(len, flags | IORING_MSG_RING_FLAGS_PASS),
		       ring_sqe_index(0, cqe_flags), 0);
}

/*
 * The file in slot @source_fd of this ring's table into slot @target_fd of the other's, or
 * one that it chooses (IORING_FILE_INDEX_ALLOC). The completions of both have the slot, or 0
 * if it was given, as result; none there with IORING_MSG_RING_CQE_SKIP (6.0).
 */
static inline void ring_prep_msg_ring_fd(struct io_uring_sqe *sqe, s32 fd, s32 source_fd,
					 s32 target_fd, u64 data, u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_MSG_RING, 0, fd), data, IORING_MSG_SEND_FD,
		       ring_sqe_len(0, flags), 0, (u64)source_fd);
	ring_set_target_fixed_file(sqe, (u32)target_fd);
}

static inline void ring_prep_msg_ring_fd_alloc(struct io_uring_sqe *sqe, s32 fd, s32 source_fd,
					       u64 data, u32 flags)
{
	ring_prep_msg_ring_fd(sqe, fd, source_fd, (s32)IORING_FILE_INDEX_ALLOC, data, flags);
}

/* epoll_ctl(2) (5.6); @op: EPOLL_CTL_* */
static inline void ring_prep_epoll_ctl(struct io_uring_sqe *sqe, s32 epfd, s32 fd, s32 op,
				       const struct epoll_event *ev)
{
	ring_prep_rw(IORING_OP_EPOLL_CTL, sqe, epfd, ev, (u32)op, (u32)fd);
}

/* epoll_wait(2) without a timeout (6.15): @events is filled before the completion, until which
 * it must stay; how many they were. @flags: 0. */
static inline void ring_prep_epoll_wait(struct io_uring_sqe *sqe, s32 fd,
					struct epoll_event *events, s32 maxevents, u32 flags)
{
	ring_prep_op(IORING_OP_EPOLL_WAIT, sqe, fd, events, (u32)maxevents, 0, flags);
}

/*
 * Commands of drivers (5.19). Arguments start at byte 48, see ring_sqe_cmd();
 * they are read while the command runs, or later: that is the driver's affair.
 */
static inline void ring_prep_uring_cmd(struct io_uring_sqe *sqe, u32 cmd_op, s32 fd)
{
	/* cmd_op is the lower half of off, the upper must be zero */
	ring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, cmd_op);
}

/* the same on a ring with IORING_SETUP_SQE128: 80 bytes of arguments, all zero */
static inline void ring_prep_uring_cmd_sqe128(struct io_uring_sqe *sqe, u32 cmd_op, s32 fd)
{
	ring_prep_uring_cmd(sqe, cmd_op, fd);
	ring_sqe_clear_half(sqe);
}

/* the same in an entry of ring_get_sqe128(), for rings with SQE_MIXED too (6.19) */
static inline void ring_prep_uring_cmd128(struct io_uring_sqe *sqe, u32 cmd_op, s32 fd)
{
	ring_prep_rw(IORING_OP_URING_CMD128, sqe, fd, NULL, 0, cmd_op);
	ring_sqe_clear_half(sqe);
}

/* the command moves data of the registered buffer @buf_index (6.1) */
static inline void ring_prep_uring_cmd_fixed(struct io_uring_sqe *sqe, u32 cmd_op, s32 fd,
					     u16 buf_index)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_URING_CMD, 0, fd), cmd_op, 0,
		       ring_sqe_len(0, IORING_URING_CMD_FIXED), ring_sqe_index(buf_index, 0), 0);
}

/* one completion after the other, each with a provided buffer of group @buf_group (6.18) */
static inline void ring_prep_uring_cmd_multishot(struct io_uring_sqe *sqe, u32 cmd_op, s32 fd,
						 u16 buf_group)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_URING_CMD, 0, fd), cmd_op, 0,
		       ring_sqe_len(0, IORING_URING_CMD_MULTISHOT), ring_sqe_index(buf_group, 0),
		       0);
	sqe->flags = IOSQE_BUFFER_SELECT;
}

/* where the arguments of a driver's command go: 16 bytes, 80 of a 128-byte entry */
static inline void *ring_sqe_cmd(struct io_uring_sqe *sqe)
{
	return (char *)sqe + 48;
}

#ifndef BLOCK_URING_CMD_DISCARD
#define BLOCK_URING_CMD_DISCARD 0x1200 /* <linux/blkdev.h>, which is of 6.12 */
#endif

/* discard on a block device (6.12), as ioctl(BLKDISCARD): both multiples of its logical block */
static inline void ring_prep_cmd_discard(struct io_uring_sqe *sqe, s32 fd, u64 offset_bytes,
					 u64 nr_bytes)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_URING_CMD, 0, fd), BLOCK_URING_CMD_DISCARD,
		       offset_bytes, 0, 0, nr_bytes);
}

#endif
