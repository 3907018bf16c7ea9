/* SPDX-License-Identifier: MIT */
/* Memory shared with the users of the disk. */
#include "ublk/shmem.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>

#include "uapi/rt/pages.h"
#include "uapi/sys.h"

#define MAX_BYTES (1ULL << 32)

static int map(struct ublk_shmem *m, int fd)
{
	s64 len = sys_lseek(fd, 0, SEEK_END);
	long addr;

	if (len < 0)
		return (int)len;
	if (!len || (u64)len > MAX_BYTES || (u64)len % pages_size())
		return -EINVAL;
	addr = sys_mmap(NULL, (u64)len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr < 0 && addr >= -4095)
		return (int)addr;
	m->addr = (char *)addr;
	m->len_bytes = (u64)len;
	return 0;
}

COLD int ublk_shmem_open(struct ublk_shmem *m, const char *path, struct ublk_error *error)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	int err = fd < 0 ? fd : map(m, fd);
	const char *what = "cannot be opened and mapped";

	if (fd >= 0)
		(void)sys_close(fd);
	if (err == -EINVAL)
		what = "a file of whole pages, 4G at most, is wanted";
	if (!err)
		return 0;
	ublk_error_set(error, "shared memory", UBLK_NO_DEVICE, err, "%s: %s", path, what);
	/* What is not there is a file, not the device that is asked for. */
	if (ublk_error_is(error, UBLK_DEVICE_NOT_FOUND))
		error->code = UBLK_INVALID_PARAMETERS;
	return err;
}

COLD void ublk_shmem_close(struct ublk_shmem *m)
{
	if (m->addr)
		(void)sys_munmap(m->addr, m->len_bytes);
	*m = (struct ublk_shmem){ .addr = NULL };
}

COLD bool ublk_shmem_lost(struct ublk_shmem *m, const void *at)
{
	if ((u64)(uintptr_t)at - (u64)(uintptr_t)m->addr >= m->len_bytes)
		return false;
	/* First, so that a request that has seen the zeroes sees this as well
	 * (ublk_shmem_is_lost()): the mapping changes under a lock of the kernel's. */
	__atomic_store_n(&m->is_lost, true, __ATOMIC_RELEASE);
	return sys_mmap(m->addr, m->len_bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) ==
	       (long)m->addr;
}

COLD int ublk_shmem_register(struct ublk_shmem *m, struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms,
			     struct ublk_error *error)
{
	const struct ublk_shmem_buf_reg reg = {
		.addr = (u64)(uintptr_t)m->addr,
		.len = m->len_bytes,
	};
	int ret = ublk_ctrl_reg_buf(c, dev_id, &reg, timeout_ms);

	if (ret < 0)
		return ublk_error_set(error, "REG_BUF", (s32)dev_id, ret,
				      "the kernel cannot pin that memory: hugetlbfs or tmpfs is wanted");
	m->idx = (u32)ret;
	return 0;
}
