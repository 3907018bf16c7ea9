/* SPDX-License-Identifier: MIT */
/* Workers, clock, networking, regions, cancelling and asking. */
#include "ring/register.h"

#include <asm/errno.h>
#include <linux/mman.h>

#include "uapi/sys.h"

int ring_register_iowq_aff(const struct ring *r, size_t len_bytes, const void *mask)
{
	return ring_register(r, IORING_REGISTER_IOWQ_AFF, mask, (u32)len_bytes);
}

int ring_unregister_iowq_aff(const struct ring *r)
{
	return ring_register(r, IORING_UNREGISTER_IOWQ_AFF, NULL, 0);
}

int ring_register_iowq_max_workers(const struct ring *r, u32 values[2])
{
	return ring_register(r, IORING_REGISTER_IOWQ_MAX_WORKERS, values, 2);
}

int ring_register_clock(const struct ring *r, const struct io_uring_clock_register *clock)
{
	return ring_register(r, IORING_REGISTER_CLOCK, clock, 0);
}

int ring_register_napi(const struct ring *r, struct io_uring_napi *napi)
{
	return ring_register(r, IORING_REGISTER_NAPI, napi, 1);
}

int ring_unregister_napi(const struct ring *r, struct io_uring_napi *napi)
{
	return ring_register(r, IORING_UNREGISTER_NAPI, napi, 1);
}

int ring_register_region(const struct ring *r, const struct io_uring_mem_region_reg *reg)
{
	return ring_register(r, IORING_REGISTER_MEM_REGION, reg, 1);
}

int ring_map_region(const struct ring *r, const struct io_uring_region_desc *region, void **addr)
{
	long ret;

	if (region->flags & IORING_MEM_REGION_TYPE_USER)
		return -EINVAL; /* its offset would be that of the queues */
	ret = sys_mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		       region->mmap_offset);
	if (ret < 0)
		return (int)ret;
	*addr = (void *)ret;
	(void)sys_madvise(*addr, region->size, MADV_DONTFORK);
	return 0;
}

void ring_unmap_region(const struct io_uring_region_desc *region, void *addr)
{
	(void)sys_munmap(addr, region->size);
}

int ring_register_sync_cancel(const struct ring *r, const struct io_uring_sync_cancel_reg *reg)
{
	return ring_register(r, IORING_REGISTER_SYNC_CANCEL, reg, 1);
}

int ring_register_sync_msg(const struct io_uring_sqe *sqe)
{
	return ring_register_blind(IORING_REGISTER_SEND_MSG_RING, sqe, 1);
}

int ring_register_probe(const struct ring *r, struct io_uring_probe *probe, u32 nr_ops)
{
	return ring_register(r, IORING_REGISTER_PROBE, probe, nr_ops);
}

int ring_query(u32 query_op, void *data, u32 size_bytes)
{
	struct io_uring_query_hdr hdr = {
		.query_data = (u64)(uintptr_t)data,
		.query_op = query_op,
		.size = size_bytes,
	};
	int ret = ring_register_blind(IORING_REGISTER_QUERY, &hdr, 0);

	if (ret)
		return ret;
	return hdr.result ? hdr.result : (int)hdr.size;
}
