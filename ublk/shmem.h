/* SPDX-License-Identifier: MIT */
/*
 * Memory that the server shares with those who use its disk (SHMEM_ZC, 7.1): a
 * file that both have mapped, on hugetlbfs or tmpfs. Requests whose pages are in
 * it are served where they lie, and nobody copies; others take the usual way.
 */
#ifndef UBLK_SHMEM_H
#define UBLK_SHMEM_H

#include "ublk/ctrl.h"

/**
 * struct ublk_shmem - the file, mapped
 * @idx: the kernel's number for it, of this device
 * @is_lost: it was cut short: requests in it are answered with -EIO
 */
struct ublk_shmem {
	char *addr;
	u64 len_bytes;
	u32 idx;
	bool is_lost;
};

/**
 * ublk_shmem_open() - map a whole file
 *
 * Before the way to the driver is opened: a process forked for that has to have it
 * mapped as well.
 *
 * Return: 0, or -errno with *error filled: of open() and mmap(), -EINVAL for one
 * that is empty, no multiple of the page size or above 4 GiB
 */
NODISCARD int ublk_shmem_open(struct ublk_shmem *m, const char *path, struct ublk_error *error);

/* ublk_shmem_close() - safe on a zeroed struct; the device is gone by then */
void ublk_shmem_close(struct ublk_shmem *m);

/* ublk_shmem_register() - make it known to a device, which pins its pages */
NODISCARD int ublk_shmem_register(struct ublk_shmem *m, struct ublk_ctrl *c, u32 dev_id,
				  u32 timeout_ms, struct ublk_error *error);

/**
 * ublk_shmem_lost() - for a handler of SIGBUS: was it this file, cut short?
 * @at: what could not be reached, siginfo's si_addr
 *
 * Whoever may write to the file may cut it, and who touches what was cut is killed
 * by SIGBUS: a program that does not trust the users of its disk handles that, by
 * this. There are zeroes then in place of the whole file, so that the handler may
 * return, and all requests in it fail, those under way and those to come. Safe in a
 * handler, on any thread.
 *
 * Return: whether it was; if not, the fault is not ours
 */
NODISCARD bool ublk_shmem_lost(struct ublk_shmem *m, const void *at);

/* ublk_shmem_is_lost() - what was read there may be zeroes in place of the user's bytes */
static inline bool ublk_shmem_is_lost(const struct ublk_shmem *m)
{
	return __atomic_load_n(&m->is_lost, __ATOMIC_ACQUIRE);
}

/* ublk_shmem_at() - where the kernel's address of a request is; NULL: nowhere in it */
static inline void *ublk_shmem_at(const struct ublk_shmem *m, u64 addr, u64 len_bytes)
{
	u64 off = addr & UBLK_SHMEM_ZC_OFF_MASK;

	if (ublk_shmem_is_lost(m) ||
	    (addr >> UBLK_SHMEM_ZC_IDX_OFF & UBLK_SHMEM_ZC_IDX_MASK) != m->idx ||
	    len_bytes > m->len_bytes || off > m->len_bytes - len_bytes)
		return NULL;
	return m->addr + off;
}

#endif
