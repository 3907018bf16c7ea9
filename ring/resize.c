/* SPDX-License-Identifier: MIT */
/* Changing the size of a live ring. */
#include <asm/errno.h>

#include "ring/internal.h"
#include "ring/mem.h"
#include "ring/register.h"

/* What is in large entries would not be carried over by all kernels that can
 * resize: they count in small ones. So there must not be any. */
static bool is_busy(const struct ring *r)
{
	bool is_large = r->flags & (IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED);

	return ring_sq_ready(r) || (is_large && ring_cq_ready(r));
}

/*
 * A ring without queues: empty, full and shut, so that nothing is touched that
 * is not there. The task's table of rings forgets it too, since its place in
 * that is where enter would go.
 */
static void lose_queues(struct ring *r)
{
	u32 *none = &r->no_queue[0];
	u32 *head = &r->no_queue[1];

	(void)!ring_unregister_ring_fd(r);
	r->enter_fd = -1;
	r->sq.sqes = NULL;
	*head = r->sq.sqe_tail - r->sq_entries;
	r->sq_khead = head;
	r->sq.sqe_end = r->sq.sqe_tail;
	*none = 0;
	r->sq.ktail = none;
	r->cq.khead = none;
	r->cq.ktail = none;
	r->kflags = none;
	r->kdropped = none;
	r->koverflow = none;
	r->cq_kflags = none;
	r->sqes_len_bytes = 0;
}

int ring_resize_rings(struct ring *r, struct io_uring_params *p)
{
	bool has_queues = r->sq.sqes;
	int err;

	if (r->flags & IORING_SETUP_NO_MMAP || r->fd < 0)
		return -EOPNOTSUPP;
	/* Where the index array has gone is not in the kernel's answer (6.18). */
	if (!(r->flags & IORING_SETUP_NO_SQARRAY))
		return -EINVAL;
	if (has_queues) {
		if (is_busy(r))
			return -EBUSY;
		err = ring_register(r, IORING_REGISTER_RESIZE_RINGS, p, 1);
		if (err < 0)
			return err;
		(void)sys_munmap(r->sq.sqes, r->sqes_len_bytes);
		(void)sys_munmap(r->shared, r->shared_len_bytes);
	}
	err = ring_map_queues(r, p);
	if (err) {
		lose_queues(r);
		return err;
	}
	if (!has_queues)
		r->enter_fd = r->fd;
	ring_find_fields(r, p);
	return 0;
}
