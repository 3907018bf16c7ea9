/* SPDX-License-Identifier: MIT */
/* What a ring can be told once so that every request need not: io_uring_register(2). */
#include "ring/ring.h"

#include "uapi/sys.h"

int ring_register_ring_fd(struct ring *r)
{
	struct io_uring_rsrc_update slot = {
		.offset = ~0U, /* any free slot */
		.data = (u64)(u32)r->fd,
	};
	int ret = sys_io_uring_register(r->fd, IORING_REGISTER_RING_FDS, &slot, 1);

	if (ret < 0)
		return ret;
	r->enter_fd = (s32)slot.offset;
	r->enter_flags |= IORING_ENTER_REGISTERED_RING;
	return 0;
}

int ring_register_files(struct ring *r, const s32 *fds, u32 nr_fds)
{
	return sys_io_uring_register(r->fd, IORING_REGISTER_FILES, fds, nr_fds);
}

int ring_unregister_files(struct ring *r)
{
	return sys_io_uring_register(r->fd, IORING_UNREGISTER_FILES, NULL, 0);
}
