/* SPDX-License-Identifier: MIT */
/* What concerns a ring as a whole: its descriptor, who may use it and how, who is told. */
#include "ring/register.h"

#include <asm/errno.h>

#include "uapi/sys.h"

/*
 * IORING_SETUP_REGISTERED_FD_ONLY and ring_close_ring_fd() leave no descriptor,
 * only the index that enter uses. Else the descriptor is taken: registration is
 * not so frequent that a lookup counts, and it works in every thread. A ring
 * that was left is zeroed, and 0 may be another ring's descriptor.
 */
int ring_register(const struct ring *r, u32 op, const void *arg, u32 nr_args)
{
	int fd = r->fd;

	if (!r->sq_entries)
		return -EBADF;
	if (fd < 0) {
		fd = r->enter_fd;
		op |= IORING_REGISTER_USE_REGISTERED_RING;
	}
	return sys_io_uring_register(fd, op, arg, nr_args);
}

int ring_register_blind(u32 op, const void *arg, u32 nr_args)
{
	return sys_io_uring_register(-1, op, arg, nr_args);
}

int ring_register_ring_fd(struct ring *r)
{
	struct io_uring_rsrc_update slot = {
		.offset = ~0U, /* any free slot */
		.data = (u64)(u32)r->fd,
	};
	int ret;

	if (r->enter_flags & IORING_ENTER_REGISTERED_RING)
		return -EEXIST;
	ret = ring_register(r, IORING_REGISTER_RING_FDS, &slot, 1);
	if (ret < 0)
		return ret;
	r->enter_fd = (s32)slot.offset;
	r->enter_flags |= IORING_ENTER_REGISTERED_RING;
	return 0;
}

int ring_unregister_ring_fd(struct ring *r)
{
	struct io_uring_rsrc_update slot = { .offset = (u32)r->enter_fd };
	int ret;

	if (!(r->enter_flags & IORING_ENTER_REGISTERED_RING) || r->fd < 0)
		return -EINVAL;
	ret = ring_register(r, IORING_UNREGISTER_RING_FDS, &slot, 1);
	if (ret < 0)
		return ret;
	r->enter_fd = r->fd;
	r->enter_flags &= ~IORING_ENTER_REGISTERED_RING;
	return 0;
}

int ring_close_ring_fd(struct ring *r)
{
	int ret;

	if (!(r->enter_flags & IORING_ENTER_REGISTERED_RING))
		return -EINVAL;
	if (!(r->features & IORING_FEAT_REG_REG_RING))
		return -EOPNOTSUPP;
	if (r->fd < 0)
		return -EBADF;
	ret = sys_close(r->fd);
	r->fd = -1;
	return ret;
}

int ring_register_restrictions(const struct ring *r, const struct io_uring_restriction *res,
			       u32 nr_res)
{
	int ret = ring_register(r, IORING_REGISTER_RESTRICTIONS, res, nr_res);

	return ret < 0 ? ret : 0;
}

int ring_register_task_restrictions(const struct io_uring_task_restriction *res)
{
	int ret = ring_register_blind(IORING_REGISTER_RESTRICTIONS, res, 1);

	/* Before 6.13 the kernel knows the opcode, but nothing that has no ring. */
	return ret == -EBADF ? -EINVAL : ret;
}

int ring_enable_rings(struct ring *r)
{
	int ret = ring_register(r, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	if (!ret)
		r->flags &= ~IORING_SETUP_R_DISABLED;
	return ret;
}

int ring_register_eventfd(const struct ring *r, s32 fd)
{
	return ring_register(r, IORING_REGISTER_EVENTFD, &fd, 1);
}

int ring_register_eventfd_async(const struct ring *r, s32 fd)
{
	return ring_register(r, IORING_REGISTER_EVENTFD_ASYNC, &fd, 1);
}

int ring_unregister_eventfd(const struct ring *r)
{
	return ring_register(r, IORING_UNREGISTER_EVENTFD, NULL, 0);
}

int ring_register_personality(const struct ring *r)
{
	return ring_register(r, IORING_REGISTER_PERSONALITY, NULL, 0);
}

int ring_unregister_personality(const struct ring *r, s32 id)
{
	return ring_register(r, IORING_UNREGISTER_PERSONALITY, NULL, (u32)id);
}
