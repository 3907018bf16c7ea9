/* SPDX-License-Identifier: MIT */
/* Rings in the caller's memory: NO_MMAP. */
#include "ring/mem.h"

#include <asm/errno.h>

#include "ring/internal.h"
#include "uapi/rt/pages.h"

/* What the kernel allows, and io_uring.h does not say */
#define MAX_SQ_ENTRIES 32768U
#define MAX_CQ_ENTRIES 65536U

/* Room for the words before the CQEs: 64 bytes of them now, 320 in older
 * kernels; and for the padding before the index array */
#define HEADER_BYTES 512U

struct mem_layout {
	u64 sqes_len_bytes;
	u64 rings_len_bytes;
};

/* The kernel's rule: up to a power of two, or the maximum with CLAMP; 0 is -EINVAL */
static u32 round_entries(u32 entries, u32 max, u32 flags)
{
	u32 pow2 = 1;

	if (entries > max)
		return flags & IORING_SETUP_CLAMP ? max : 0;
	while (pow2 < entries)
		pow2 *= 2;
	return entries ? pow2 : 0;
}

/* Whole pages each; always with the index array, which may turn out to be needed */
static int make_layout(struct mem_layout *l, u32 entries, const struct io_uring_params *p)
{
	u32 sq = round_entries(entries, MAX_SQ_ENTRIES, p->flags);
	u32 cq = p->flags & IORING_SETUP_CQSIZE ?
			 round_entries(p->cq_entries, MAX_CQ_ENTRIES, p->flags) :
			 2 * sq;

	if (!sq || cq < sq)
		return -EINVAL;
	l->sqes_len_bytes = pages_round_up((u64)sq << (p->flags & IORING_SETUP_SQE128 ? 7 : 6));
	l->rings_len_bytes = pages_round_up(HEADER_BYTES + sq * sizeof(u32) +
					    ((u64)cq << (p->flags & IORING_SETUP_CQE32 ? 5 : 4)));
	return 0;
}

s64 ring_memory_size(u32 entries, const struct io_uring_params *p)
{
	struct mem_layout l;
	int err = make_layout(&l, entries, p);

	return err ? err : (s64)(l.sqes_len_bytes + l.rings_len_bytes);
}

/* Not all kernels that can do this begin with heads and tails of zero. */
static void clear_header(char *rings)
{
	for (u32 i = 0; i < HEADER_BYTES / sizeof(u64); i++)
		((u64 *)(void *)rings)[i] = 0;
}

int ring_init_mem(struct ring *r, u32 entries, struct io_uring_params *p, void *mem, u64 len_bytes)
{
	struct mem_layout l;
	int err = make_layout(&l, entries, p);

	*r = (struct ring){ .sq.sqes = NULL };
	if (err)
		return err;
	if (len_bytes < l.sqes_len_bytes + l.rings_len_bytes)
		return -ENOSPC;
	p->flags |= IORING_SETUP_NO_MMAP;
	p->sq_off.user_addr = (u64)(uintptr_t)mem;
	p->cq_off.user_addr = p->sq_off.user_addr + l.sqes_len_bytes;
	clear_header((char *)mem + l.sqes_len_bytes);
	err = ring_make(r, entries, p);
	if (err)
		return err;
	r->sq.sqes = mem;
	r->shared = (char *)mem + l.sqes_len_bytes;
	ring_find_fields(r, p);
	if (r->flags & IORING_SETUP_REGISTERED_FD_ONLY) {
		r->fd = -1;
		r->enter_flags |= IORING_ENTER_REGISTERED_RING;
	}
	return 0;
}
