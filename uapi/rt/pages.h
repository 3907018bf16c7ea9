/* SPDX-License-Identifier: MIT */
/*
 * Whole pages from the kernel: where every object of a size known only at run
 * time gets its memory, once, when it is made. Any thread.
 */
#ifndef UAPI_RT_PAGES_H
#define UAPI_RT_PAGES_H

#include "uapi/types.h"

/**
 * struct pages - one anonymous mapping
 * @addr:      its start, NULL when there is none
 * @len_bytes: its length, a multiple of the page size
 */
struct pages {
	void *addr;
	u64 len_bytes;
};

/**
 * pages_map() - zeroed private memory, populated as it is touched
 * @len_bytes: rounded up to whole pages
 *
 * The mapping reserves no swap, so that a large one that is used in part costs
 * what is used. On failure *p is zeroed.
 *
 * Return: 0, or
 *   -EINVAL  len_bytes is 0
 *   -ENOMEM  no room, or a limit (RLIMIT_AS, vm.max_map_count)
 */
NODISCARD int pages_map(struct pages *p, u64 len_bytes);

/** pages_unmap() - give it back; safe on a zeroed struct, which it leaves behind */
void pages_unmap(struct pages *p);

/**
 * pages_dontfork() - leave the mapping out of children made by fork
 *
 * Memory that io_uring or a device writes to must not become copy-on-write in
 * the process that handed it over.
 */
NODISCARD int pages_dontfork(const struct pages *p);

/** pages_lock() - populate now and never swap out; -ENOMEM or -EPERM by RLIMIT_MEMLOCK */
NODISCARD int pages_lock(const struct pages *p);

/** pages_size() - bytes of a page of this machine: known on x86-64, one cheap syscall elsewhere */
u64 pages_size(void);

/** pages_round_up() - len_bytes up to whole pages; 0 on overflow */
u64 pages_round_up(u64 len_bytes);

#endif
