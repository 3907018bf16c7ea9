/* SPDX-License-Identifier: MIT */
/* What a ring can be told once so that every request need not: io_uring_register(2). */
#include "ring/register.h"

#include "uapi/sys.h"

/*
 * IORING_SETUP_REGISTERED_FD_ONLY leaves no descriptor, only the index that
 * enter uses. Else the descriptor is taken: it works in every thread, and
 * registration is not so frequent that a lookup counts.
 */
int ring_register(const struct ring *r, u32 op, const void *arg, u32 nr_args)
{
	if (r->fd < 0)
		return sys_io_uring_register(r->enter_fd, op | IORING_REGISTER_USE_REGISTERED_RING,
					     arg, nr_args);
	return sys_io_uring_register(r->fd, op, arg, nr_args);
}

int ring_register_ring_fd(struct ring *r)
{
	struct io_uring_rsrc_update slot = {
		.offset = ~0U, /* any free slot */
		.data = (u64)(u32)r->fd,
	};
	int ret = ring_register(r, IORING_REGISTER_RING_FDS, &slot, 1);

	if (ret < 0)
		return ret;
	r->enter_fd = (s32)slot.offset;
	r->enter_flags |= IORING_ENTER_REGISTERED_RING;
	return 0;
}

int ring_register_files(struct ring *r, const s32 *fds, u32 nr_fds)
{
	return ring_register(r, IORING_REGISTER_FILES, fds, nr_fds);
}

int ring_unregister_files(struct ring *r)
{
	return ring_register(r, IORING_UNREGISTER_FILES, NULL, 0);
}
