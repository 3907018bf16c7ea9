/* SPDX-License-Identifier: MIT */
/* One operation on an open block device, by the system call that is for it. */
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "selftests/blockdev.h"
#include "uapi/sys.h"

s64 blockdev_io(int fd, const struct oracle_op *op, void *mem)
{
	u64 range[2] = { op->offset_bytes, op->len_bytes };
	int mode = op->nounmap ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE;

	switch (op->kind) {
	case ORACLE_READ:
		return sys_pread64(fd, mem, op->len_bytes, op->offset_bytes);
	case ORACLE_WRITE:
		return sys_pwrite64(fd, mem, op->len_bytes, op->offset_bytes);
	case ORACLE_FLUSH:
		return sys_fsync(fd);
	case ORACLE_DISCARD:
		return sys_ioctl(fd, BLKDISCARD, range);
	case ORACLE_ZERO:
		return sys_fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, op->offset_bytes,
				     op->len_bytes);
	}
	return -EINVAL;
}
