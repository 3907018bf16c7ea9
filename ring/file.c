/* SPDX-License-Identifier: MIT */
/* A file's reads and writes until they are complete. */
#include "ring/file.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "ring/op.h"
#include "ring/prep.h"
#include "uapi/sys.h"

#define AT_POSITION (~0ULL)	     /* the kernel's, which it moves */
#define REQUEST_MAX_BYTES (1U << 30) /* it takes a little less than 2 GiB at a time */

int ring_file_init(struct ring_file *f, struct ring *r, s32 fd, s32 slot)
{
	*f = (struct ring_file){ .ring = r, .fd = fd, .slot = slot };
	if (fd >= 0) {
		int flags = sys_fcntl(fd, F_GETFL, 0);
		s64 offset = sys_lseek(fd, 0, SEEK_CUR);

		if (flags < 0)
			return flags;
		f->is_append = flags & O_APPEND;
		f->is_stream = offset < 0;
		f->offset_bytes = offset < 0 ? 0 : (u64)offset;
	}
	return fd < 0 && slot < 0 ? -EBADF : 0;
}

static int request(struct ring_file *f, u8 opcode, const void *buf, u64 len_bytes, u64 offset_bytes)
{
	u32 len = len_bytes < REQUEST_MAX_BYTES ? (u32)len_bytes : REQUEST_MAX_BYTES;
	bool is_fixed = f->slot >= 0;
	struct io_uring_sqe *sqe = ring_op_prep(f->ring, RING_OP_NONE, opcode,
						is_fixed ? f->slot : f->fd, buf, len, offset_bytes);

	if (sqe && is_fixed)
		sqe->flags = IOSQE_FIXED_FILE;
	return ring_call(f->ring, sqe);
}

/*
 * What has been transferred counts; the error behind it comes again, to the next
 * call. A socket refuses to be given an offset other than 0 or the position.
 */
static s64 transfer(struct ring_file *f, u8 opcode, const void *buf, u64 len_bytes,
		    u64 offset_bytes)
{
	u64 done = 0;
	int ret;

	do {
		u64 at = offset_bytes == AT_POSITION ? AT_POSITION : offset_bytes + done;

		ret = request(f, opcode, RING_PTR_AT(buf, done), len_bytes - done, at);
		if (ret > 0)
			done += (u32)ret;
		if (ret > 0 && f->is_stream && opcode == IORING_OP_READ)
			break;
	} while (ret == -EINTR || (ret > 0 && done < len_bytes));
	return done ? (s64)done : ret;
}

static s64 transfer_at(struct ring_file *f, u8 opcode, const void *buf, u64 len_bytes,
		       u64 offset_bytes)
{
	if (f->is_stream)
		return -ESPIPE;
	if (offset_bytes == AT_POSITION)
		return -EINVAL;
	return transfer(f, opcode, buf, len_bytes, offset_bytes);
}

static s64 transfer_on(struct ring_file *f, u8 opcode, const void *buf, u64 len_bytes)
{
	bool at_end = f->is_append && opcode == IORING_OP_WRITE;
	u64 offset = f->is_stream || at_end ? AT_POSITION : f->offset_bytes;
	s64 ret = transfer(f, opcode, buf, len_bytes, offset);

	/* Only the kernel knows where the end was. */
	offset = at_end ? (u64)sys_lseek(f->fd, 0, SEEK_CUR) : f->offset_bytes + (u64)ret;
	if (ret > 0 && !f->is_stream && (s64)offset >= 0)
		f->offset_bytes = offset;
	return ret;
}

s64 ring_file_read_at(struct ring_file *f, void *buf, u64 len_bytes, u64 offset_bytes)
{
	return transfer_at(f, IORING_OP_READ, buf, len_bytes, offset_bytes);
}

s64 ring_file_write_at(struct ring_file *f, const void *buf, u64 len_bytes, u64 offset_bytes)
{
	return transfer_at(f, IORING_OP_WRITE, buf, len_bytes, offset_bytes);
}

s64 ring_file_read(struct ring_file *f, void *buf, u64 len_bytes)
{
	return transfer_on(f, IORING_OP_READ, buf, len_bytes);
}

s64 ring_file_write(struct ring_file *f, const void *buf, u64 len_bytes)
{
	return transfer_on(f, IORING_OP_WRITE, buf, len_bytes);
}

s64 ring_file_seek(struct ring_file *f, s64 offset_bytes, int whence)
{
	s64 ret;

	if (whence == SEEK_CUR) {
		if (__builtin_add_overflow((s64)f->offset_bytes, offset_bytes, &offset_bytes))
			return -EOVERFLOW;
		whence = SEEK_SET;
	}
	if (f->fd >= 0 || whence != SEEK_SET)
		ret = sys_lseek(f->fd, offset_bytes, whence);
	else if (f->is_stream)
		ret = -ESPIPE;
	else
		ret = offset_bytes < 0 ? -EINVAL : offset_bytes;
	if (ret >= 0)
		f->offset_bytes = (u64)ret;
	return ret;
}

int ring_file_close(struct ring_file *f)
{
	bool has_fd = f->fd >= 0;
	struct io_uring_sqe *sqe;
	int ret;

	if (!has_fd && f->slot < 0)
		return -EBADF;
	sqe = ring_op_prep(f->ring, RING_OP_NONE, IORING_OP_CLOSE, has_fd ? f->fd : 0, NULL, 0, 0);
	if (sqe && !has_fd)
		sqe->file_index = (u32)f->slot + 1;
	ret = ring_call(f->ring, sqe);
	if (ret != -EBUSY && ret != -EAGAIN)
		f->fd = f->slot = -1;
	return ret;
}
