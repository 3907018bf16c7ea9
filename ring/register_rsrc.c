/* SPDX-License-Identifier: MIT */
/* Fixed files and fixed buffers: two tables that are filled, changed and dropped alike. */
#include "ring/register.h"

#include <asm/errno.h>

#define PTR(p) ((u64)(uintptr_t)(p))

static int fill(const struct ring *r, u32 op, const void *data, const u64 *tags, u32 nr)
{
	struct io_uring_rsrc_register reg = {
		.nr = nr,
		.flags = data ? 0 : IORING_RSRC_REGISTER_SPARSE,
		.data = PTR(data),
		.tags = PTR(tags),
	};

	return ring_register(r, op, &reg, sizeof(reg));
}

static int update(const struct ring *r, u32 op, u32 off, const void *data, const u64 *tags, u32 nr)
{
	struct io_uring_rsrc_update2 up = {
		.offset = off,
		.data = PTR(data),
		.tags = PTR(tags),
		.nr = nr,
	};

	return ring_register(r, op, &up, sizeof(up));
}

int ring_register_files(const struct ring *r, const s32 *files, u32 nr_files)
{
	return ring_register(r, IORING_REGISTER_FILES, files, nr_files);
}

int ring_register_files_tags(const struct ring *r, const s32 *files, const u64 *tags, u32 nr_files)
{
	return fill(r, IORING_REGISTER_FILES2, files, tags, nr_files);
}

int ring_register_files_sparse(const struct ring *r, u32 nr_files)
{
	return fill(r, IORING_REGISTER_FILES2, NULL, NULL, nr_files);
}

int ring_register_files_update(const struct ring *r, u32 off, const s32 *files, u32 nr_files)
{
	struct io_uring_rsrc_update up = { .offset = off, .data = PTR(files) };

	return ring_register(r, IORING_REGISTER_FILES_UPDATE, &up, nr_files);
}

int ring_register_files_update_tag(const struct ring *r, u32 off, const s32 *files,
				   const u64 *tags, u32 nr_files)
{
	return update(r, IORING_REGISTER_FILES_UPDATE2, off, files, tags, nr_files);
}

int ring_register_file_alloc_range(const struct ring *r, u32 off, u32 len)
{
	struct io_uring_file_index_range range = { .off = off, .len = len };

	return ring_register(r, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0);
}

int ring_unregister_files(const struct ring *r)
{
	return ring_register(r, IORING_UNREGISTER_FILES, NULL, 0);
}

int ring_register_buffers(const struct ring *r, const struct iovec *iovecs, u32 nr_iovecs)
{
	return ring_register(r, IORING_REGISTER_BUFFERS, iovecs, nr_iovecs);
}

int ring_register_buffers_tags(const struct ring *r, const struct iovec *iovecs, const u64 *tags,
			       u32 nr_iovecs)
{
	return fill(r, IORING_REGISTER_BUFFERS2, iovecs, tags, nr_iovecs);
}

int ring_register_buffers_sparse(const struct ring *r, u32 nr_iovecs)
{
	return fill(r, IORING_REGISTER_BUFFERS2, NULL, NULL, nr_iovecs);
}

int ring_register_buffers_update_tag(const struct ring *r, u32 off, const struct iovec *iovecs,
				     const u64 *tags, u32 nr_iovecs)
{
	return update(r, IORING_REGISTER_BUFFERS_UPDATE, off, iovecs, tags, nr_iovecs);
}

int ring_clone_buffers_offset(const struct ring *r, const struct ring *src, u32 dst_off,
			      u32 src_off, u32 nr, u32 flags)
{
	struct io_uring_clone_buffers clone = {
		.src_fd = (u32)src->fd,
		.flags = flags,
		.src_off = src_off,
		.dst_off = dst_off,
		.nr = nr,
	};

	if (!src->sq_entries)
		return -EBADF;
	if (src->fd < 0) {
		clone.src_fd = (u32)src->enter_fd;
		clone.flags |= IORING_REGISTER_SRC_REGISTERED;
	}
	return ring_register(r, IORING_REGISTER_CLONE_BUFFERS, &clone, 1);
}

int ring_clone_buffers(const struct ring *r, const struct ring *src)
{
	return ring_clone_buffers_offset(r, src, 0, 0, 0, 0);
}

int ring_unregister_buffers(const struct ring *r)
{
	return ring_register(r, IORING_UNREGISTER_BUFFERS, NULL, 0);
}
