/* SPDX-License-Identifier: MIT */
/* The less frequent ways into the kernel: waits of all kinds, and enter by hand. */
#include "ring/wait.h"

#include <asm/errno.h>
#include <linux/time_types.h>

#include "ring/internal.h"

#define NS_PER_S 1000000000ULL
#define CENTURY_NS (100ULL * 365 * 24 * 3600 * NS_PER_S)

/* What enter gets; @ts is what @arg points to */
struct wait_arg {
	struct io_uring_getevents_arg arg;
	struct __kernel_timespec ts;
	u32 flags;
	bool has_end; /* that the caller has set */
};

static struct __kernel_timespec timespec_of(u64 ns)
{
	return (struct __kernel_timespec){ .tv_sec = (s64)(ns / NS_PER_S),
					   .tv_nsec = (s64)(ns % NS_PER_S) };
}

/* A wait with a first while and without an end is over after that while, says the
 * kernel: it gets an end that nobody will see. */
static u64 end_of(const struct ring_wait *how)
{
	return how->min_wait_us && how->timeout_ns > CENTURY_NS ? CENTURY_NS : how->timeout_ns;
}

/* As a kernel without it would do: it takes no argument that it does not know. */
static int make_arg(const struct ring *r, const struct ring_wait *how, struct wait_arg *a)
{
	*a = (struct wait_arg){ .flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG };
	if ((how->min_wait_us || how->is_date) && !(r->features & IORING_FEAT_MIN_TIMEOUT))
		return -EOPNOTSUPP;
	if (end_of(how) != RING_NO_TIMEOUT) {
		a->ts = timespec_of(end_of(how));
		a->arg.ts = (u64)(uintptr_t)&a->ts;
	}
	if (how->sigmask) {
		a->arg.sigmask = (u64)(uintptr_t)how->sigmask;
		a->arg.sigmask_sz = sizeof(*how->sigmask);
	}
	a->arg.min_wait_usec = how->min_wait_us;
	a->has_end = how->timeout_ns != RING_NO_TIMEOUT;
	if (how->is_date)
		a->flags |= IORING_ENTER_ABS_TIMER;
	if (how->no_iowait && (r->features & IORING_FEAT_NO_IOWAIT))
		a->flags |= IORING_ENTER_NO_IOWAIT;
	return 0;
}

/*
 * One enter is one wait: a second would begin the timeout anew. The kernel
 * may also return without a reason (a wait of an IOPOLL ring does when it has
 * polled long enough); without a timeout that goes round.
 */
static int wait(struct ring *r, struct io_uring_cqe **cqe, u32 nr, const struct wait_arg *a)
{
	*cqe = ring_peek_cqe(r);
	if (*cqe && ring_cq_ready(r) >= nr)
		return 0;
	for (;;) {
		int ret = ring_do_enter(r, 0, nr, a->flags, &a->arg, sizeof(a->arg));

		*cqe = ring_peek_cqe(r);
		if (*cqe)
			return 0;
		if (ret < 0)
			return ret;
		if (a->has_end)
			return -EAGAIN;
	}
}

int ring_wait_cqes(struct ring *r, struct io_uring_cqe **cqe, u32 wait_nr,
		   const struct ring_wait *how)
{
	static const struct ring_wait for_ever = { .timeout_ns = RING_NO_TIMEOUT };
	struct wait_arg a;
	int err = make_arg(r, how ? how : &for_ever, &a);

	*cqe = NULL;
	return err ? err : wait(r, cqe, wait_nr, &a);
}

int ring_wait_cqe_nr(struct ring *r, struct io_uring_cqe **cqe, u32 wait_nr)
{
	return ring_wait_cqes(r, cqe, wait_nr, NULL);
}

int ring_wait_cqe_timeout(struct ring *r, struct io_uring_cqe **cqe, u64 timeout_ns)
{
	return ring_wait_cqes(r, cqe, 1, &(struct ring_wait){ .timeout_ns = timeout_ns });
}

int ring_submit_and_wait_how(struct ring *r, u32 wait_nr, const struct ring_wait *how)
{
	struct wait_arg a;
	int err = make_arg(r, how, &a);

	return err ? err : ring_submit_arg(r, wait_nr, a.flags, &a.arg, sizeof(a.arg));
}

void ring_reg_wait_set(struct io_uring_reg_wait *element, const struct ring_wait *how)
{
	*element = (struct io_uring_reg_wait){ .min_wait_usec = how->min_wait_us };
	if (end_of(how) != RING_NO_TIMEOUT) {
		element->ts = timespec_of(end_of(how));
		element->flags = IORING_REG_WAIT_TS;
	}
	if (how->sigmask) {
		element->sigmask = (u64)(uintptr_t)how->sigmask;
		element->sigmask_sz = sizeof(*how->sigmask);
	}
}

int ring_submit_and_wait_reg(struct ring *r, u32 wait_nr, u32 idx, u32 flags)
{
	size_t size = sizeof(struct io_uring_reg_wait);

	return ring_submit_arg(r, wait_nr,
			       flags | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG |
				       IORING_ENTER_EXT_ARG_REG,
			       (const void *)(idx * size), size);
}

int ring_set_iowait(struct ring *r, bool enable)
{
	if (!(r->features & IORING_FEAT_NO_IOWAIT))
		return -EOPNOTSUPP;
	if (enable)
		r->enter_flags &= (u16)~IORING_ENTER_NO_IOWAIT;
	else
		r->enter_flags |= IORING_ENTER_NO_IOWAIT;
	return 0;
}

int ring_sqring_wait(struct ring *r)
{
	int ret;

	if (!(r->flags & IORING_SETUP_SQPOLL) || ring_sq_space_left(r))
		return (int)ring_sq_space_left(r);
	ret = ring_do_enter(r, 0, 0, IORING_ENTER_SQ_WAIT | IORING_ENTER_SQ_WAKEUP, NULL, 0);
	if (ret < 0)
		return ret;
	ret = (int)ring_sq_space_left(r);
	return ret ? ret : -EINTR;
}

u32 ring_peek_batch_cqe(struct ring *r, struct io_uring_cqe **cqes, u32 count)
{
	u32 nr = ring_cq_ready(r);

	if (!nr && ring_cq_needs_enter(r)) {
		(void)!ring_get_events(r);
		nr = ring_cq_ready(r);
	}
	if (nr > count)
		nr = count;
	for (u32 i = 0; i < nr; i++)
		cqes[i] = ring_cqe_at(r, *r->cq.khead + i);
	return nr;
}

int ring_enter(struct ring *r, u32 to_submit, u32 min_complete, u32 flags, const void *arg,
	       size_t arg_len_bytes)
{
	u32 prepared = ring_sq_prepared(r);
	int ret;

	if (to_submit > prepared && !(r->flags & IORING_SETUP_SQPOLL))
		to_submit = prepared;
	if (r->enter_flags & RING_IS_SPECIAL)
		return ring_enter_special(r, to_submit, min_complete, flags, arg, arg_len_bytes);
	ring_store_relaxed(r->sq.ktail, r->sq.sqe_tail);
	ret = ring_do_enter(r, to_submit, min_complete, flags, arg, arg_len_bytes);
	if (to_submit)
		r->sq.sqe_end = ring_load_acquire(r->sq_khead) + r->sq_entries;
	return ret;
}
