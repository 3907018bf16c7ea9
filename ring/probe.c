/* SPDX-License-Identifier: MIT */
/* What this kernel's io_uring offers, by asking and by trying. */
#include "ring/probe.h"

#include <asm/errno.h>
#include <linux/mman.h>

#include "uapi/io_uring.h"
#include "uapi/sys.h"

/*
 * The kernel looks at numbers and flags before it looks for the file: what it
 * knows fails with -EBADF then, what it does not know with -EINVAL. -1 would
 * not do, since some operations have no file.
 */
#define NO_SUCH_FD (-2)

/* The largest page of any kernel, and so enough for the few entries of a trial */
#define PAGE_BYTES 65536

#define NR_OPS 256

static void end_ring(int fd, u32 flags)
{
	struct io_uring_rsrc_update slot = { .offset = (u32)fd };

	if (flags & IORING_SETUP_REGISTERED_FD_ONLY)
		(void)sys_io_uring_register(fd,
					    IORING_UNREGISTER_RING_FDS |
						    IORING_REGISTER_USE_REGISTERED_RING,
					    &slot, 1);
	else
		(void)sys_close(fd);
}

static int ask_opcodes(struct ring_probe *p, int fd)
{
	u64 answer[2 + NR_OPS] = { 0 }; /* a head of 16 bytes, 8 for each opcode */
	const struct io_uring_probe *probe = (const struct io_uring_probe *)answer;
	int ret = sys_io_uring_register(fd, IORING_REGISTER_PROBE, answer, NR_OPS);

	if (ret < 0)
		return ret;
	p->nr_ops = probe->last_op + 1U;
	for (u32 i = 0; i < NR_OPS; i++)
		p->ops[i / 64] |= (u64)(probe->ops[i].flags & IO_URING_OP_SUPPORTED) << i % 64;
	return 0;
}

static void ask_flags(struct ring_probe *p)
{
	for (u32 i = 0; i < 64; i++)
		if (sys_io_uring_register(NO_SUCH_FD, i, NULL, 0) == -EBADF)
			p->register_ops |= 1ULL << i;
	for (u32 bit = 1; bit; bit <<= 1)
		if (sys_io_uring_enter(NO_SUCH_FD, 0, 0, bit, NULL, 0) == -EBADF)
			p->enter_flags |= bit;
	/* With this one the number is an index, and -EINVAL like everything else. */
	if (p->register_ops >> IORING_REGISTER_RING_FDS & 1)
		p->enter_flags |= IORING_ENTER_REGISTERED_RING;
}

/* The flag that a flag is refused without: one above the number of its bit */
static const u8 company[32] = {
	[2] = 1 + 1,   /* SQ_AFF: SQPOLL */
	[9] = 8 + 1,   /* TASKRUN_FLAG: COOP_TASKRUN */
	[13] = 12 + 1, /* DEFER_TASKRUN: SINGLE_ISSUER */
	[15] = 14 + 1, /* REGISTERED_FD_ONLY: NO_MMAP */
	[17] = 0 + 1,  /* HYBRID_IOPOLL: IOPOLL */
	[20] = 16 + 1, /* SQ_REWIND: NO_SQARRAY */
};

/* What a flag makes the kernel look at can be there without it. */
static void try_flags(struct ring_probe *p, int fd)
{
	struct io_uring_params common = { .cq_entries = 4, .wq_fd = (u32)fd };
	long memory = sys_mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)sys_getcpu(&common.sq_thread_cpu);
	common.sq_off.user_addr = (u64)memory;
	common.cq_off.user_addr = (u64)memory + PAGE_BYTES;
	for (u32 i = 0; i < ARRAY_SIZE(company); i++) {
		struct io_uring_params params = common;
		int ret;

		params.flags = 1U << i | (1U << company[i]) >> 1;
		ret = sys_io_uring_setup(2, &params);
		if (ret < 0)
			continue;
		p->setup_flags |= 1U << i;
		end_ring(ret, params.flags);
	}
	(void)sys_munmap((void *)memory, 2 * PAGE_BYTES);
}

static void try_largest(struct ring_probe *p)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE,
		.cq_entries = 1U << 31,
	};
	int fd = sys_io_uring_setup(1U << 31, &params);

	if (fd < 0)
		return;
	p->max_sq_entries = params.sq_entries;
	p->max_cq_entries = params.cq_entries;
	(void)sys_close(fd);
}

static void try_ring_fds(struct ring_probe *p, int fd)
{
	struct io_uring_rsrc_update slots[64];
	u32 nr = 0;

	for (; nr < ARRAY_SIZE(slots); nr++) {
		slots[nr] = (struct io_uring_rsrc_update){ .offset = ~0U, .data = (u32)fd };
		if (sys_io_uring_register(fd, IORING_REGISTER_RING_FDS, &slots[nr], 1) != 1)
			break;
		slots[nr].data = 0;
	}
	p->max_ring_fds = nr;
	(void)sys_io_uring_register(fd, IORING_UNREGISTER_RING_FDS, slots, nr);
}

int ring_get_probe(struct ring_probe *p)
{
	struct io_uring_params params = { .flags = 0 };
	int fd = sys_io_uring_setup(2, &params);
	int err;

	*p = (struct ring_probe){ .nr_ops = 0 };
	if (fd < 0)
		return fd;
	err = ask_opcodes(p, fd);
	if (!err) {
		p->features = params.features;
		ask_flags(p);
		try_flags(p, fd);
		try_largest(p);
		try_ring_fds(p, fd);
	}
	(void)sys_close(fd);
	return err;
}
