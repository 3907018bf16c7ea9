/* SPDX-License-Identifier: MIT */
/* Making and unmaking a ring: io_uring_setup(2), its fallbacks, its two mappings. */
#include "ring/ring.h"

#include <asm/errno.h>
#include <linux/mman.h>

#include "uapi/sys.h"

#define FEATURES_NEEDED (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG)

/* Flags that change how queues are laid out or advanced in ways not served here */
#define FLAGS_REFUSED                                                                        \
	(IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL | IORING_SETUP_NO_MMAP |                    \
	 IORING_SETUP_REGISTERED_FD_ONLY | IORING_SETUP_CQE_MIXED | IORING_SETUP_SQE_MIXED |   \
	 IORING_SETUP_SQ_REWIND)

/* What a ring can do without, newest first: the order in which it is given up */
static const u32 droppable[] = {
	IORING_SETUP_NO_SQARRAY,
	IORING_SETUP_DEFER_TASKRUN,
	IORING_SETUP_SINGLE_ISSUER,
	IORING_SETUP_TASKRUN_FLAG,
	IORING_SETUP_COOP_TASKRUN,
	IORING_SETUP_SUBMIT_ALL,
};

static bool drop_a_flag(u32 *flags)
{
	for (u32 i = 0; i < ARRAY_SIZE(droppable); i++) {
		if (*flags & droppable[i]) {
			*flags &= ~droppable[i];
			return true;
		}
	}
	return false;
}

static int setup_with_fallbacks(u32 entries, struct io_uring_params *p)
{
	struct io_uring_params asked = *p;
	int fd;

	do {
		*p = asked;
		fd = sys_io_uring_setup(entries, p);
	} while (fd == -EINVAL && drop_a_flag(&asked.flags));
	return fd;
}

static void *map(int fd, u64 len_bytes, u64 offset)
{
	long addr = sys_mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			     fd, offset);

	if (addr < 0 && addr >= -4095)
		return NULL;
	/* A forked child would share the queues' indices, and keep the ring alive. */
	(void)sys_madvise((void *)addr, len_bytes, MADV_DONTFORK);
	return (void *)addr;
}

static int map_queues(struct ring *r, const struct io_uring_params *p)
{
	u64 sq_len = p->sq_off.array;
	u64 cqes_len = (u64)p->cq_entries * sizeof(struct io_uring_cqe) << r->cq_shift;
	u64 cq_len = p->cq_off.cqes + cqes_len;

	if (!(p->flags & IORING_SETUP_NO_SQARRAY))
		sq_len += p->sq_entries * sizeof(u32);
	r->shared_len_bytes = sq_len > cq_len ? sq_len : cq_len;
	r->sqes_len_bytes = (u64)p->sq_entries * sizeof(struct io_uring_sqe) << r->sq_shift;

	r->shared = map(r->fd, r->shared_len_bytes, IORING_OFF_SQ_RING);
	if (!r->shared)
		return -ENOMEM;
	r->sq.sqes = map(r->fd, r->sqes_len_bytes, IORING_OFF_SQES);
	return r->sq.sqes ? 0 : -ENOMEM;
}

static void find_fields(struct ring *r, const struct io_uring_params *p)
{
	char *base = r->shared;

	r->sq.ktail = (u32 *)(void *)(base + p->sq_off.tail);
	r->sq.kflags = (u32 *)(void *)(base + p->sq_off.flags);
	r->sq_mask = (u16)(p->sq_entries - 1);
	r->cq.cqes = (struct io_uring_cqe *)(void *)(base + p->cq_off.cqes);
	r->cq.khead = (u32 *)(void *)(base + p->cq_off.head);
	r->cq.ktail = (u32 *)(void *)(base + p->cq_off.tail);
	r->cq_mask = (u16)(p->cq_entries - 1);
	r->koverflow = (u32 *)(void *)(base + p->cq_off.overflow);
	r->cq_kflags = (u32 *)(void *)(base + p->cq_off.flags);

	/* With an index array, entry i is always in slot i: written once, here. */
	if (!(p->flags & IORING_SETUP_NO_SQARRAY)) {
		u32 *array = (u32 *)(void *)(base + p->sq_off.array);

		for (u32 i = 0; i < p->sq_entries; i++)
			array[i] = i;
	}
}

int ring_init(struct ring *r, u32 entries, struct io_uring_params *p)
{
	int err;

	*r = (struct ring){ .sq.sqes = NULL };
	if (p->flags & FLAGS_REFUSED)
		return -EINVAL;
	err = setup_with_fallbacks(entries, p);
	if (err < 0)
		return err;
	r->fd = err;
	r->enter_fd = r->fd;
	r->flags = p->flags;
	r->features = p->features;
	r->sq_entries = p->sq_entries;
	r->cq_entries = p->cq_entries;
	r->sq_shift = !!(p->flags & IORING_SETUP_SQE128);
	r->cq_shift = !!(p->flags & IORING_SETUP_CQE32);

	err = -EOPNOTSUPP;
	if ((p->features & FEATURES_NEEDED) != FEATURES_NEEDED)
		goto out_close;
	err = map_queues(r, p);
	if (err)
		goto out_unmap;
	find_fields(r, p);
	return 0;

out_unmap:
	if (r->shared)
		(void)sys_munmap(r->shared, r->shared_len_bytes);
out_close:
	(void)sys_close(r->fd);
	*r = (struct ring){ .sq.sqes = NULL };
	return err;
}

/* The task's table of registered rings holds the ring's file as well. */
static void forget_ring_fd(struct ring *r)
{
	struct io_uring_rsrc_update slot = { .offset = (u32)r->enter_fd };

	if (r->enter_flags & IORING_ENTER_REGISTERED_RING)
		(void)sys_io_uring_register(r->fd, IORING_UNREGISTER_RING_FDS, &slot, 1);
}

/*
 * The mappings hold the ring's file: without both munmaps a closed ring, its
 * requests and its SQPOLL thread would live on.
 */
void ring_exit(struct ring *r)
{
	if (!r->sq.sqes)
		return;
	forget_ring_fd(r);
	(void)sys_munmap(r->sq.sqes, r->sqes_len_bytes);
	(void)sys_munmap(r->shared, r->shared_len_bytes);
	(void)sys_close(r->fd);
	*r = (struct ring){ .sq.sqes = NULL };
}
