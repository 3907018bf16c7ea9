/* SPDX-License-Identifier: MIT */
/*
 * How data moves, on a real kernel: what makes it safe to let the kernel copy
 * straight from and to a target's memory, and memory shared with the user.
 */
#if !__STDC_HOSTED__

#include <asm/errno.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/memfd.h>
#include <linux/mman.h>

#include "selftests/device.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/free/signal.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/features.h"
#include "ublk/path.h"
#include "ublk/targets/backend.h"
#include "ublk/targets/targets.h"

#define BLOCK 65536U

static void user_writes(struct rig *r, u64 block, u8 byte)
{
	memset(r->user.buf, byte, BLOCK);
	ASSERT_EQ(rig_do(r, ORACLE_WRITE, block * BLOCK, BLOCK), BLOCK);
}

/* The byte that a block is full of, or -1 */
static int user_reads(struct rig *r, u64 block)
{
	const u8 *buf = r->user.buf;

	memset(r->user.buf, 0xee, BLOCK);
	ASSERT_EQ(rig_do(r, ORACLE_READ, block * BLOCK, BLOCK), BLOCK);
	for (u32 i = 1; i < BLOCK; i++)
		if (buf[i] != buf[0])
			return -1;
	return buf[0];
}

/*
 * With one tag: a read of block 1, which the kernel may copy from the target's
 * memory, and then a write to block 2, which must not land where the read was
 * committed from. Returns what block 1 holds after it.
 */
static int block_1_after_write_to_2(struct rig *r)
{
	user_writes(r, 1, 0x11);
	user_writes(r, 2, 0x22);
	EXPECT_EQ(user_reads(r, 1), 0x11);
	user_writes(r, 2, 0x33);
	EXPECT_EQ(user_reads(r, 2), 0x33);
	return user_reads(r, 1);
}

static void unsafe_begin(struct ublk_worker *w, struct ublk_tag *t)
{
	void *mem = ublk_request_is_in(t) ? (void *)(uintptr_t)t->desc->addr :
					    ublk_request_place(w, t);

	t->addr = (u64)(uintptr_t)mem;
	tgt_set_mem(&t->op, mem);
	ublk_request_submit(w, t);
}

static void read_from_memory(void)
{
	struct ublk_path unsafe = ublk_path_copy;
	struct rig r;

	/* What must not be done: the next write of the tag is copied over block 1. */
	unsafe.begin = unsafe_begin;
	rig_init(&r, tgt_types, "ram:8M", true);
	r.opts.mode = UBLK_MODE_COPY;
	r.opts.depth = 1;
	ASSERT_OK(rig_create(&r));
	r.dev.path = &unsafe;
	ASSERT_OK(ublk_dev_start(&r.dev, &r.error));
	r.dev.path = &ublk_path_copy; /* as the rest of the library knows it */
	ASSERT_OK(rig_open(&r, O_RDWR | O_DIRECT));
	user_writes(&r, 1, 0x11);
	user_writes(&r, 2, 0x22);
	(void)user_reads(&r, 1);
	user_writes(&r, 2, 0x33);
	EXPECT_EQ(user_reads(&r, 1), 0x33);
	rig_down(&r);

	/* The same where each write is asked for its place, and by default */
	for (enum ublk_mode mode = UBLK_MODE_AUTO; mode <= UBLK_MODE_USER_COPY_RING; mode++) {
		rig_init(&r, tgt_types, "ram:8M", true);
		r.opts.mode = mode;
		r.opts.depth = 1;
		rig_up(&r, O_RDWR | O_DIRECT);
		EXPECT_EQ(block_1_after_write_to_2(&r), 0x11);
		rig_down(&r);
	}
}

/* Neither by a write to a page that is not there, nor by a discard in between */
static void discard_and_write(void)
{
	struct rig r;

	rig_init(&r, tgt_types, "ram:8M", true);
	r.opts.mode = UBLK_MODE_GET_DATA;
	rig_up(&r, O_RDWR | O_DIRECT);
	for (u32 i = 0; i < 8; i++) {
		EXPECT_EQ(user_reads(&r, i), 0);
		user_writes(&r, i, (u8)(i + 1));
		user_writes(&r, i, (u8)(i + 2));
		EXPECT_EQ(user_reads(&r, i), (int)i + 2);
		EXPECT_EQ(rig_do(&r, ORACLE_DISCARD, i * BLOCK, BLOCK), 0);
		EXPECT_EQ(user_reads(&r, i), 0);
		user_writes(&r, i, (u8)(i + 3));
		EXPECT_EQ(user_reads(&r, i), (int)i + 3);
	}
	rig_down(&r);
}

/* A disk that notes whether the memory that it was given is the user's own, and
 * can cut the file that this is in while it has a request */
struct shared_disk {
	u8 *bytes;
	const struct ublk_dev *dev;
	u32 nr_in;
	u32 nr_out;
	s32 cut_fd; /* or 0 */
};

static void note(struct shared_disk *d, const void *mem)
{
	const struct ublk_shmem *m = &d->dev->shmem;
	u64 off = (u64)(uintptr_t)mem - (u64)(uintptr_t)m->addr;

	__atomic_fetch_add(off < m->len_bytes ? &d->nr_in : &d->nr_out, 1, __ATOMIC_RELAXED);
	if (d->cut_fd && sys_ftruncate(d->cut_fd, 0))
		test_fail("the file cannot be cut");
}

static int shared_read(void *ctx, u64 offset_bytes, void *mem, u64 len_bytes)
{
	struct shared_disk *d = ctx;

	note(d, mem);
	memcpy(mem, d->bytes + offset_bytes, len_bytes);
	return 0;
}

static int shared_write(void *ctx, u64 offset_bytes, const void *mem, u64 len_bytes)
{
	struct shared_disk *d = ctx;

	note(d, mem);
	memcpy(d->bytes + offset_bytes, mem, len_bytes);
	return 0;
}

struct shared_io {
	s32 memfd;
	bool is_write;
	u8 byte;
};

/* In the user's process: one block, in its own mapping of the shared file */
static s64 user_io(struct blockdev *b, void *arg)
{
	const struct shared_io *io = arg;
	long addr = sys_mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, io->memfd, 0);
	u8 *mem;
	s64 ret;

	if (addr <= 0)
		return addr ? addr : -ENOMEM;
	mem = (u8 *)addr;
	memset(mem, io->is_write ? io->byte : 0, BLOCK);
	ret = io->is_write ? sys_pwrite64(b->fd, mem, BLOCK, 0) : sys_pread64(b->fd, mem, BLOCK, 0);
	for (u32 i = 0; ret == BLOCK && i < BLOCK; i++)
		if (mem[i] != io->byte)
			ret = -EILSEQ;
	(void)sys_munmap(mem, BLOCK);
	return ret;
}

/* The disk, served; the shared file's memfd is what it returns */
static s32 share(struct rig *r, struct tgt_tree *tree, struct shared_disk *d, enum ublk_mode mode,
		 enum ublk_tristate batch)
{
	static const struct tgt_backend_ops ops = { .read = shared_read, .write = shared_write };
	const struct tgt_backend backend = {
		.ops = &ops, .ctx = d, .limits = { .size_bytes = 1 << 20 },
	};
	s32 memfd = sys_memfd_create("shared", 0);
	static char path[32];
	struct diag why;

	ASSERT_GE(memfd, 0);
	ASSERT_OK(sys_ftruncate(memfd, 2 * BLOCK));
	fmt_print(path, sizeof(path), "/proc/self/fd/%d", memfd);
	ASSERT_OK(tgt_backend_open(tree, &backend, &why));
	rig_init(r, NULL, NULL, true);
	r->opts.tree = tree;
	r->opts.shmem = path;
	r->opts.mode = mode;
	r->opts.batch = batch;
	d->dev = &r->dev;
	d->cut_fd = 0;
	rig_up(r, O_RDWR | O_DIRECT);
	d->nr_in = 0;
	d->nr_out = 0;
	return memfd;
}

static void serve_shared(struct shared_disk *d, enum ublk_mode mode, enum ublk_tristate batch)
{
	static struct rig r; /* d knows it */
	struct tgt_tree tree;
	struct shared_io io = {
		.memfd = share(&r, &tree, d, mode, batch),
		.is_write = true,
		.byte = 7,
	};

	EXPECT_EQ(blockdev_call(&r.user, user_io, &io, sizeof(io)), BLOCK);
	io.is_write = false;
	EXPECT_EQ(blockdev_call(&r.user, user_io, &io, sizeof(io)), BLOCK);
	EXPECT_EQ(d->nr_in, 2);
	EXPECT_EQ(d->nr_out, 0);
	EXPECT_EQ(user_reads(&r, 0), 7);
	user_writes(&r, 0, 9);
	EXPECT_EQ(user_reads(&r, 0), 9);
	EXPECT_EQ(d->nr_in, 2);
	EXPECT_EQ(d->nr_out, 3);
	rig_down(&r);
	tgt_close(&tree);
	(void)sys_close(io.memfd);
}

static void make_shared_disk(struct shared_disk *d, struct pages *mem)
{
	struct ublk_ctrl c = { .state = UBLK_CTRL_CLOSED };
	u64 features = 0;

	device_ctrl_open(&c);
	ASSERT_OK(ublk_features_get(&c, &features, DEVICE_TIMEOUT_MS, NULL));
	ublk_ctrl_close(&c);
	if (!(features & UBLK_F_SHMEM_ZC))
		test_skip("no memory is shared (Linux 7.1)");
	ASSERT_OK(pages_map(mem, 1 << 20));
	d->bytes = mem->addr;
}

static void shared_memory(void)
{
	struct shared_disk d = { .nr_in = 0 };
	struct pages mem;

	make_shared_disk(&d, &mem);
	serve_shared(&d, UBLK_MODE_AUTO, UBLK_NO);
	serve_shared(&d, UBLK_MODE_COPY, UBLK_NO);
	serve_shared(&d, UBLK_MODE_COPY, UBLK_YES);
	serve_shared(&d, UBLK_MODE_USER_COPY, UBLK_NO);
	serve_shared(&d, UBLK_MODE_USER_COPY, UBLK_YES);
	serve_shared(&d, UBLK_MODE_USER_COPY_RING, UBLK_NO);
	serve_shared(&d, UBLK_MODE_USER_COPY_RING, UBLK_YES);
	pages_unmap(&mem);
}

static struct ublk_shmem *cut_file;

static void bus_error(int nr, const struct siginfo *info, void *context)
{
	(void)context;
	if (!ublk_shmem_lost(cut_file, info->si_addr))
		(void)!signal_default(nr);
}

/* One request during which the file goes, and then some in other memory */
static void cut(struct shared_disk *d, enum ublk_mode mode, enum ublk_tristate batch, bool is_write)
{
	static struct rig r;
	struct tgt_tree tree;
	struct shared_io io = {
		.memfd = share(&r, &tree, d, mode, batch),
		.is_write = is_write,
		.byte = 7,
	};

	test_row("mode %s, %s, %s", ublk_mode_name(mode), batch == UBLK_YES ? "batched" : "by tag",
		 is_write ? "write" : "read");
	cut_file = &r.dev.shmem;
	user_writes(&r, 0, 7);
	d->nr_in = 0;
	d->cut_fd = io.memfd;
	EXPECT_ERR(blockdev_call(&r.user, user_io, &io, sizeof(io)), -EIO);
	EXPECT_EQ(d->nr_in, 1);
	EXPECT_TRUE(ublk_shmem_is_lost(&r.dev.shmem));
	EXPECT_EQ(ublk_shmem_at(&r.dev.shmem, 0, BLOCK), NULL);
	EXPECT_TRUE(!ublk_shmem_lost(&r.dev.shmem, d->bytes));
	d->cut_fd = 0;
	user_writes(&r, 0, 9);
	EXPECT_EQ(user_reads(&r, 0), 9);
	rig_down(&r);
	tgt_close(&tree);
	(void)sys_close(io.memfd);
}

static void shared_memory_is_cut(void)
{
	struct shared_disk d = { .nr_in = 0 };
	struct pages mem;

	make_shared_disk(&d, &mem);
	ASSERT_OK(signal_handle_info(SIGBUS, bus_error, 0));
	for (u32 is_write = 0; is_write < 2; is_write++) {
		cut(&d, UBLK_MODE_COPY, UBLK_NO, is_write);
		cut(&d, UBLK_MODE_USER_COPY, UBLK_NO, is_write);
		cut(&d, UBLK_MODE_USER_COPY, UBLK_YES, is_write);
	}
	pages_unmap(&mem);
}

static const struct test_case cases[] = {
	TEST("a read from a target's memory lets no later write land there", read_from_memory,
	     .fixture = &device_fixture),
	TEST("memory that comes and goes is read and written in place", discard_and_write,
	     .fixture = &device_fixture),
	TEST("requests in shared memory are served where they lie, others are copied",
	     shared_memory, .fixture = &device_fixture),
	TEST("shared memory that is cut short fails its requests, no others, and nobody dies",
	     shared_memory_is_cut, .fixture = &device_fixture),
};
TEST_SUITE(device_paths, cases);

#endif
