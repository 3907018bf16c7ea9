/* SPDX-License-Identifier: MIT */
/* What the files of ring/ share among themselves; not for users. */
#ifndef RING_INTERNAL_H
#define RING_INTERNAL_H

#include "ring/ring.h"
#include "uapi/sys.h"

/*
 * In r->enter_flags beside the kernel's flags, which never see it: this ring is
 * not submitted to by the short way, see ring_submit_special(). Free up to now:
 * the kernel's highest is bit 7.
 */
#define RING_IS_SPECIAL (1U << 15)

/* What there is to submit, where that is not taken by a thread */
static inline u32 ring_sq_prepared(const struct ring *r)
{
	return r->sq.sqe_tail + r->sq_mask + 1 - r->sq.sqe_end;
}

static inline int ring_do_enter(const struct ring *r, u32 to_submit, u32 wait_nr, u32 flags,
				const void *arg, size_t arg_len_bytes)
{
	flags |= r->enter_flags & ~RING_IS_SPECIAL;
	return sys_io_uring_enter(r->enter_fd, to_submit, wait_nr, flags, arg, arg_len_bytes);
}

/* SQPOLL and SQ_REWIND: the way to submit that the others need not know */
int ring_submit_special(struct ring *r, u32 wait_nr, u32 flags, const void *arg,
			size_t arg_len_bytes);

/* One enter for all of that: fewer when @to_submit says so */
int ring_enter_special(struct ring *r, u32 to_submit, u32 wait_nr, u32 flags, const void *arg,
		       size_t arg_len_bytes);

/* ring_submit_and_wait() in general */
int ring_submit_arg(struct ring *r, u32 wait_nr, u32 flags, const void *arg, size_t arg_len_bytes);

/* io_uring_setup(2) with its fallbacks: *r is all but its memory, or zeroed */
int ring_make(struct ring *r, u32 entries, struct io_uring_params *p);

/* The two mappings of a ring that the kernel made, by its answer in @p; on
 * failure there is neither */
int ring_map_queues(struct ring *r, const struct io_uring_params *p);

/* Where everything is, once r->shared and r->sq.sqes are */
void ring_find_fields(struct ring *r, const struct io_uring_params *p);

#endif
