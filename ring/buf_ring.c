/* SPDX-License-Identifier: MIT */
/* Making, asking and unmaking rings of provided buffers. */
#include "ring/buf_ring.h"

#include <linux/mman.h>

#include "ring/register.h"
#include "uapi/sys.h"

int ring_register_buf_ring(const struct ring *r, struct io_uring_buf_reg *reg, u32 flags)
{
	reg->flags |= (u16)flags;
	return ring_register(r, IORING_REGISTER_PBUF_RING, reg, 1);
}

int ring_unregister_buf_ring(const struct ring *r, u16 bgid)
{
	struct io_uring_buf_reg reg = { .bgid = bgid };

	return ring_register(r, IORING_UNREGISTER_PBUF_RING, &reg, 1);
}

int ring_buf_ring_head(const struct ring *r, u16 bgid, u16 *head)
{
	struct io_uring_buf_status status = { .buf_group = bgid };
	int ret = ring_register(r, IORING_REGISTER_PBUF_STATUS, &status, 1);

	if (!ret)
		*head = (u16)status.head;
	return ret;
}

int ring_buf_ring_available(const struct ring *r, const struct io_uring_buf_ring *br, u16 bgid)
{
	u16 head;
	int ret = ring_buf_ring_head(r, bgid, &head);

	return ret ? ret : (u16)(br->tail - head);
}

static u64 len_bytes(u32 nr_entries)
{
	return (u64)nr_entries * sizeof(struct io_uring_buf);
}

/* offset 0: memory of our own */
static void *map(const struct ring *r, u32 nr_entries, u64 offset, int *err)
{
	int flags = offset ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	long addr = sys_mmap(NULL, len_bytes(nr_entries), PROT_READ | PROT_WRITE, flags,
			     offset ? r->fd : -1, offset);

	*err = addr < 0 ? (int)addr : 0;
	if (addr < 0)
		return NULL;
	(void)sys_madvise((void *)addr, len_bytes(nr_entries), MADV_DONTFORK);
	return (void *)addr;
}

/* Memory of our own is there before the kernel is told of it, the kernel's after. */
struct io_uring_buf_ring *ring_setup_buf_ring(const struct ring *r, u32 nr_entries, u16 bgid,
					      u32 flags, int *err)
{
	struct io_uring_buf_reg reg = { .ring_entries = nr_entries, .bgid = bgid };
	u64 offset = IORING_OFF_PBUF_RING | (u64)bgid << IORING_OFF_PBUF_SHIFT;
	void *br = NULL;

	if (!(flags & IOU_PBUF_RING_MMAP)) {
		br = map(r, nr_entries, 0, err);
		if (!br)
			return NULL;
		reg.ring_addr = (u64)(uintptr_t)br;
	}
	*err = ring_register_buf_ring(r, &reg, flags);
	if (*err) {
		if (br)
			(void)sys_munmap(br, len_bytes(nr_entries));
		return NULL;
	}
	if (!br)
		br = map(r, nr_entries, offset, err);
	if (!br)
		(void)!ring_unregister_buf_ring(r, bgid);
	return br;
}

int ring_free_buf_ring(const struct ring *r, struct io_uring_buf_ring *br, u32 nr_entries, u16 bgid)
{
	int err = ring_unregister_buf_ring(r, bgid);

	if (!err)
		(void)sys_munmap(br, len_bytes(nr_entries));
	return err;
}
