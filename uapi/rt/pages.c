/* SPDX-License-Identifier: MIT */
/* Whole pages from the kernel. */
#include <asm/errno.h>
#include <linux/mman.h>

#include "uapi/rt/pages.h"
#include "uapi/sys.h"

#ifdef __x86_64__
u64 pages_size(void)
{
	return 4096;
}
#else
/*
 * The kernel checks that an address is on a page boundary before it looks at
 * the length, so a length of 0 asks for the page size and nothing else. All
 * kernels answer this, unlike PR_GET_AUXV, which came with 6.4.
 */
u64 pages_size(void)
{
	u64 size = 4096;

	while (size < 65536 && sys_madvise((void *)size, 0, MADV_NORMAL) == -EINVAL)
		size *= 2;
	return size;
}
#endif

u64 pages_round_up(u64 len_bytes)
{
	u64 mask = pages_size() - 1;

	return __builtin_add_overflow(len_bytes, mask, &len_bytes) ? 0 : len_bytes & ~mask;
}

int pages_map(struct pages *p, u64 len_bytes)
{
	u64 whole_bytes = pages_round_up(len_bytes);
	long addr;

	*p = (struct pages){ 0 };
	if (!len_bytes)
		return -EINVAL;
	if (!whole_bytes)
		return -ENOMEM;
	addr = sys_mmap(NULL, whole_bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (addr < 0)
		return (int)addr;
	p->addr = (void *)addr;
	p->len_bytes = whole_bytes;
	return 0;
}

void pages_unmap(struct pages *p)
{
	if (p->addr)
		sys_munmap(p->addr, p->len_bytes);
	*p = (struct pages){ 0 };
}

int pages_dontfork(const struct pages *p)
{
	return sys_madvise(p->addr, p->len_bytes, MADV_DONTFORK);
}

int pages_lock(const struct pages *p)
{
	return sys_mlock(p->addr, p->len_bytes);
}
