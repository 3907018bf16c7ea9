/* SPDX-License-Identifier: MIT */
/* Making and unmaking a ring: io_uring_setup(2), its fallbacks, its two mappings. */
#include <asm/errno.h>
#include <linux/mman.h>

#include "ring/internal.h"
#include "ring/register.h"

#define FEATURES_NEEDED (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG)

/* What a ring can do without, newest first: the order in which it is given up */
static const u32 droppable[] = {
	IORING_SETUP_SQ_REWIND,
	IORING_SETUP_HYBRID_IOPOLL,
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

static __attribute__((noinline)) void *map(int fd, u64 len_bytes, u64 offset)
{
	long addr = sys_mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			     fd, offset);

	if (addr < 0 && addr >= -4095)
		return NULL;
	/* A forked child would share the queues' indices, and keep the ring alive. */
	(void)sys_madvise((void *)addr, len_bytes, MADV_DONTFORK);
	return (void *)addr;
}

int ring_map_queues(struct ring *r, const struct io_uring_params *p)
{
	u64 sq_len = p->sq_off.array;
	u64 cq_len = p->cq_off.cqes + ((u64)p->cq_entries << r->cq_shift);

	if (!(r->flags & IORING_SETUP_NO_SQARRAY))
		sq_len += p->sq_entries * sizeof(u32);
	r->shared_len_bytes = sq_len > cq_len ? sq_len : cq_len;
	r->sqes_len_bytes = (u64)p->sq_entries << r->sq_shift;

	r->shared = map(r->fd, r->shared_len_bytes, IORING_OFF_SQ_RING);
	if (!r->shared)
		return -ENOMEM;
	r->sq.sqes = map(r->fd, r->sqes_len_bytes, IORING_OFF_SQES);
	if (r->sq.sqes)
		return 0;
	(void)sys_munmap(r->shared, r->shared_len_bytes);
	r->shared = NULL;
	return -ENOMEM;
}

static u32 *word_at(const struct ring *r, u32 offset_bytes)
{
	return (u32 *)(void *)((char *)r->shared + offset_bytes);
}

void ring_find_fields(struct ring *r, const struct io_uring_params *p)
{
	r->sq_entries = p->sq_entries;
	r->cq_entries = p->cq_entries;
	r->sq_mask = p->sq_entries - 1;
	r->cq_mask = p->cq_entries - 1;
	r->sq.ktail = word_at(r, p->sq_off.tail);
	r->sq_khead = word_at(r, p->sq_off.head);
	r->kflags = word_at(r, p->sq_off.flags);
	r->kdropped = word_at(r, p->sq_off.dropped);
	r->cq.cqes = (void *)word_at(r, p->cq_off.cqes);
	r->cq.khead = word_at(r, p->cq_off.head);
	r->cq.ktail = word_at(r, p->cq_off.tail);
	r->koverflow = word_at(r, p->cq_off.overflow);
	r->cq_kflags = word_at(r, p->cq_off.flags);
	r->sq.sqe_tail = *r->sq_khead;
	r->sq.sqe_end = r->sq.sqe_tail + r->sq_entries;

	/* With an index array, entry i is always in slot i: written once, here. */
	if (!(r->flags & IORING_SETUP_NO_SQARRAY))
		for (u32 i = 0; i < p->sq_entries; i++)
			word_at(r, p->sq_off.array)[i] = i;
}

/* What every enter of this ring says */
static u16 enter_flags(u32 setup_flags)
{
	if (setup_flags & IORING_SETUP_SQPOLL)
		return RING_IS_SPECIAL;
	/* Nobody looks at the devices but who enters for events. */
	return (u16)((setup_flags & IORING_SETUP_IOPOLL ? IORING_ENTER_GETEVENTS : 0) |
		     (setup_flags & IORING_SETUP_SQ_REWIND ? RING_IS_SPECIAL : 0));
}

int ring_make(struct ring *r, u32 entries, struct io_uring_params *p)
{
	int fd = setup_with_fallbacks(entries, p);

	*r = (struct ring){ .sq.sqes = NULL };
	if (fd < 0)
		return fd;
	if ((p->features & FEATURES_NEEDED) != FEATURES_NEEDED) {
		(void)sys_close(fd);
		return -EOPNOTSUPP;
	}
	r->fd = fd;
	r->enter_fd = fd;
	r->enter_flags = enter_flags(p->flags);
	r->flags = p->flags;
	r->features = p->features;
	r->sq_shift = p->flags & IORING_SETUP_SQE128 ? 7 : 6;
	r->cq_shift = p->flags & IORING_SETUP_CQE32 ? 5 : 4;
	return 0;
}

int ring_init(struct ring *r, u32 entries, struct io_uring_params *p)
{
	int err = -EINVAL;

	*r = (struct ring){ .sq.sqes = NULL };
	if (p->flags & (IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY))
		return -EINVAL;
	err = ring_make(r, entries, p);
	if (err)
		return err;
	err = ring_map_queues(r, p);
	if (!err) {
		ring_find_fields(r, p);
		return 0;
	}
	(void)sys_close(r->fd);
	*r = (struct ring){ .sq.sqes = NULL };
	return err;
}

/*
 * The mappings hold the ring's file: without both munmaps a closed ring, its
 * requests and its SQPOLL thread would live on. The task's table of registered
 * rings holds it as well.
 */
void ring_exit(struct ring *r)
{
	struct io_uring_rsrc_update slot = { .offset = (u32)r->enter_fd };

	if (!r->sq_entries)
		return;
	if (r->enter_flags & IORING_ENTER_REGISTERED_RING)
		(void)!ring_register(r, IORING_UNREGISTER_RING_FDS, &slot, 1);
	if (r->sqes_len_bytes) {
		(void)sys_munmap(r->sq.sqes, r->sqes_len_bytes);
		(void)sys_munmap(r->shared, r->shared_len_bytes);
	}
	if (r->fd >= 0)
		(void)sys_close(r->fd);
	*r = (struct ring){ .sq.sqes = NULL };
}
