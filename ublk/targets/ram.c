/* SPDX-License-Identifier: MIT */
/*
 * ram: a disk in memory that takes only the memory that is written to.
 *
 * The bytes are in a memfd, mapped whole. A bit per page says which pages were
 * written: a read of any other page is zeroes and does not touch the memfd,
 * which would allocate. The first write to a page goes through pwrite() or
 * fallocate(), so that running out of memory is an error to report and not a
 * SIGBUS; later ones are copies into the mapping, by us or by the kernel.
 * Discarding clears the bits first and punches the hole second, and a write sets
 * its bits after its bytes are there: whichever wins, no page has bytes in it
 * that its bit denies, which would turn up after a later write to the page.
 */
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <linux/mman.h>

#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"
#include "ublk/targets/ram.h"
#include "ublk/targets/targets.h"

/* What the kernel gets zeroes from for a read of pages that are not there: memory
 * that is never touched costs none. Longer reads have theirs made. */
#define ZEROES_BYTES (1U << 20)

struct ram {
	char *mem;
	const char *zeroes;
	u64 *present; /* bit p: page p has been written */
	u64 size_bytes;
	u32 page_shift;
	s32 memfd;
	bool is_kept; /* see ram_keep_in() */
	struct pages bitmap;
};

static bool is_present(const struct ram *ram, u64 page)
{
	return __atomic_load_n(&ram->present[page / 64], __ATOMIC_ACQUIRE) >> (page % 64) & 1;
}

/* After the bytes are there: pairs with the acquire in is_present(). */
static void set_present(struct ram *ram, u64 offset, u64 len_bytes)
{
	u64 end = (offset + len_bytes + (1ULL << ram->page_shift) - 1) >> ram->page_shift;

	for (u64 page = offset >> ram->page_shift; len_bytes && page < end; page++)
		if (!is_present(ram, page))
			__atomic_fetch_or(&ram->present[page / 64], 1ULL << (page % 64),
					  __ATOMIC_RELEASE);
}

/* How many bytes from @offset on are in pages of one kind, at most @max */
static u64 run_length(const struct ram *ram, u64 offset, u64 max, bool present)
{
	u64 page = offset >> ram->page_shift;
	u64 end;

	do {
		end = (++page << ram->page_shift) - offset;
		if (end >= max)
			return max;
	} while (is_present(ram, page) == present);
	return end;
}

/* Where an operation's bytes are, if all its pages are there, or none of a read. A
 * page that is discarded meanwhile is zeroes, or comes back with the write. */
static void *ram_direct(struct tgt *t, const struct tgt_op *op)
{
	const struct ram *ram = t->state;
	u64 offset = op->offset_bytes;
	bool present = is_present(ram, offset >> ram->page_shift);

	if (run_length(ram, offset, op->len_bytes, present) < op->len_bytes)
		return NULL;
	if (present)
		return ram->mem + offset;
	if (op->kind != TGT_READ || op->len_bytes > ZEROES_BYTES)
		return NULL;
	return (void *)(uintptr_t)ram->zeroes;
}

/* The kernel has moved it there, or will: see ram_direct() */
static bool is_in_place(const struct ram *ram, const struct tgt_op *op)
{
	u64 at = op->data.pieces->at;

	return op->data.kind == TGT_DATA_MEM &&
	       (at == (u64)(uintptr_t)ram->mem + op->offset_bytes ||
		at == (u64)(uintptr_t)ram->zeroes);
}

static s64 ram_read(struct ram *ram, struct tgt_op *op)
{
	u64 at = is_in_place(ram, op) ? op->len_bytes : 0;

	while (at < op->len_bytes) {
		u64 offset = op->offset_bytes + at;
		bool present = is_present(ram, offset >> ram->page_shift);
		u64 len = run_length(ram, offset, op->len_bytes - at, present);
		int err = present ? tgt_copy_to_op(op, at, ram->mem + offset, len) :
				    tgt_zero_op(op, at, len);

		if (err)
			return err;
		at += len;
	}
	return (s64)op->len_bytes;
}

/*
 * A write that failed may have filled some pages. They are there from now on:
 * if they were not, their bytes would turn up after a later write to the page.
 */
static u64 written_bytes(const struct ram *ram, u64 offset, u64 len_bytes)
{
	s64 hole = sys_lseek(ram->memfd, (s64)offset, SEEK_HOLE);

	if (hole <= (s64)offset)
		return 0;
	return (u64)hole - offset < len_bytes ? (u64)hole - offset : len_bytes;
}

/* Into pages that are not there yet: running out of memory is told, see above */
static int write_absent(struct ram *ram, const struct tgt_op *op, u64 at, u64 offset, u64 len)
{
	int err;

	if (op->data.kind == TGT_DATA_MEM)
		return tgt_write_from_op(op, at, ram->memfd, offset, len);
	err = sys_fallocate(ram->memfd, 0, offset, len);
	return err ? err : tgt_copy_from_op(op, at, ram->mem + offset, len);
}

static s64 ram_write(struct ram *ram, struct tgt_op *op)
{
	u64 at = 0;

	if (is_in_place(ram, op)) {
		/* a discard may have come between */
		set_present(ram, op->offset_bytes, op->len_bytes);
		return (s64)op->len_bytes;
	}
	while (at < op->len_bytes) {
		u64 offset = op->offset_bytes + at;
		bool present = is_present(ram, offset >> ram->page_shift);
		u64 len = run_length(ram, offset, op->len_bytes - at, present);
		int err = present ? tgt_copy_from_op(op, at, ram->mem + offset, len) :
				    write_absent(ram, op, at, offset, len);

		/* Also if it was there: a discard may have come between. */
		set_present(ram, offset, err && !present ? written_bytes(ram, offset, len) : len);
		if (err)
			return err;
		at += len;
	}
	return (s64)op->len_bytes;
}

static void zero_present(struct ram *ram, u64 offset, u64 len_bytes)
{
	while (len_bytes) {
		bool present = is_present(ram, offset >> ram->page_shift);
		u64 len = run_length(ram, offset, len_bytes, present);

		if (present)
			memset(ram->mem + offset, 0, len);
		offset += len;
		len_bytes -= len;
	}
}

/* Returns whether any of the pages first..last was there */
static bool clear_present(struct ram *ram, u64 first, u64 last)
{
	bool any = false;

	for (u64 word = first / 64; word <= last / 64; word++) {
		u64 mask = ~0ULL;

		if (word == first / 64)
			mask &= ~0ULL << (first % 64);
		if (word == last / 64)
			mask &= ~0ULL >> (63 - last % 64);
		/* Looked at first, so that clear words of a sparse disk stay untouched. */
		if (__atomic_load_n(&ram->present[word], __ATOMIC_RELAXED) & mask) {
			__atomic_fetch_and(&ram->present[word], ~mask, __ATOMIC_ACQ_REL);
			any = true;
		}
	}
	return any;
}

/* Whole pages are given back; what sticks out at either end is zeroed. */
static s64 ram_unmap(struct ram *ram, u64 offset, u64 len_bytes)
{
	u64 page = 1ULL << ram->page_shift;
	u64 end = offset + len_bytes;
	u64 first = (offset + page - 1) >> ram->page_shift;
	u64 last = (end == ram->size_bytes ? end + page - 1 : end) >> ram->page_shift;

	if (first >= last) {
		zero_present(ram, offset, len_bytes);
		return 0;
	}
	zero_present(ram, offset, (first << ram->page_shift) - offset);
	if (last << ram->page_shift < end)
		zero_present(ram, last << ram->page_shift, end - (last << ram->page_shift));
	/* Who keeps it finds what is not punched yet, also what another discard is about to. */
	if (!clear_present(ram, first, last - 1) && !ram->is_kept)
		return 0;
	return sys_fallocate(ram->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     first << ram->page_shift, (last - first) << ram->page_shift);
}

static s64 ram_write_zeroes(struct ram *ram, const struct tgt_op *op)
{
	if (!(op->flags & TGT_F_NOUNMAP))
		return ram_unmap(ram, op->offset_bytes, op->len_bytes);
	zero_present(ram, op->offset_bytes, op->len_bytes);
	return 0;
}

static enum tgt_status ram_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct ram *ram = t->state;

	(void)q;
	switch (op->kind) {
	case TGT_READ:
		return tgt_finish(op, ram_read(ram, op));
	case TGT_WRITE:
		return tgt_finish(op, ram_write(ram, op));
	case TGT_FLUSH:
		return tgt_finish(op, 0);
	case TGT_DISCARD:
		return tgt_finish(op, ram_unmap(ram, op->offset_bytes, op->len_bytes));
	case TGT_WRITE_ZEROES:
		return tgt_finish(op, ram_write_zeroes(ram, op));
	default:
		return tgt_finish(op, -EOPNOTSUPP);
	}
}

/* By words: most of a large disk is absent. */
static COLD s64 ram_seek(struct tgt *t, u64 offset_bytes, bool hole)
{
	const struct ram *ram = t->state;
	u64 end = (ram->size_bytes + (1ULL << ram->page_shift) - 1) >> ram->page_shift;
	u64 page = offset_bytes >> ram->page_shift;

	while (page < end) {
		u64 word = __atomic_load_n(&ram->present[page / 64], __ATOMIC_ACQUIRE);

		word = (hole ? ~word : word) >> (page % 64);
		if (word & 1)
			break;
		page = word ? page + 1 : (page | 63) + 1;
	}
	if (page >= end)
		return (s64)ram->size_bytes;
	page <<= ram->page_shift;
	return (s64)(page > offset_bytes ? page : offset_bytes);
}

/* The whole of the memfd, at @at or anywhere; its address or -errno */
static long map_store(s32 fd, u64 size_bytes, void *at)
{
	long addr = sys_mmap(at, size_bytes, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_NORESERVE | (at ? MAP_FIXED : 0), fd, 0);

	/* A forked child has no use for it and would keep it alive. */
	if (addr >= 0 || addr < -4095)
		(void)sys_madvise((void *)addr, size_bytes, MADV_DONTFORK);
	return addr;
}

static int make_store(struct ram *ram, struct diag *why)
{
	u64 map_bytes = pages_round_up((ram->size_bytes >> ram->page_shift) / 8 + 8);
	long addr;
	int err;

	ram->memfd = sys_memfd_create("bareblk-ram", MFD_CLOEXEC);
	if (ram->memfd < 0)
		return diag_set(why, ram->memfd, "cannot make a memfd");
	err = sys_ftruncate(ram->memfd, ram->size_bytes);
	if (err)
		return diag_set(why, err, "a memfd cannot be that large");
	addr = map_store(ram->memfd, ram->size_bytes, NULL);
	if (addr < 0 && addr >= -4095)
		return diag_set(why, (int)addr, "no room for it in the address space");
	ram->mem = (char *)addr;
	err = pages_map(&ram->bitmap, map_bytes + ZEROES_BYTES);
	if (err)
		return diag_set(why, err, "no memory for its map of pages");
	ram->present = ram->bitmap.addr;
	ram->zeroes = (char *)ram->bitmap.addr + map_bytes;
	return 0;
}

static COLD void ram_close(struct tgt *t)
{
	struct ram *ram = t->state;

	pages_unmap(&ram->bitmap);
	if (ram->mem)
		(void)sys_munmap(ram->mem, ram->size_bytes);
	if (ram->memfd > 0)
		(void)sys_close(ram->memfd);
}

static COLD int ram_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	struct ram *ram = t->state;
	u64 page = pages_size();
	int err = tgt_size_arg(arg, &ram->size_bytes, why);

	(void)values;
	if (err)
		return err;
	t->forgets = true;
	for (ram->page_shift = 0; 1ULL << ram->page_shift < page; ram->page_shift++)
		;
	err = make_store(ram, why);
	if (err) {
		ram_close(t);
		return err;
	}
	t->limits = (struct tgt_limits){
		.size_bytes = ram->size_bytes,
		.logical_shift = 9,
		.physical_shift = 12,
		.discard_granularity_bytes = (u32)page,
		.max_discard_bytes = ram->size_bytes,
		.max_write_zeroes_bytes = ram->size_bytes,
	};
	t->store = ram->mem;
	t->store_bytes = ram->size_bytes;
	t->data_kinds = 1 << TGT_DATA_MEM | 1 << TGT_DATA_FILE;
	return 0;
}

/* The pages that are there. Who has died between the two steps of a discard has left some
 * that it had not answered for. */
static int find_present(struct ram *ram)
{
	s64 hole = 0;

	while (hole < (s64)ram->size_bytes) {
		s64 data = sys_lseek(ram->memfd, hole, SEEK_DATA);

		if (data < 0)
			return data == -ENXIO ? 0 : (int)data;
		hole = sys_lseek(ram->memfd, data, SEEK_HOLE);
		if (hole < 0)
			return (int)hole;
		set_present(ram, (u64)data, (u64)(hole - data));
	}
	return 0;
}

COLD int ram_keep_in(struct tgt *t, s32 fd, struct diag *why)
{
	struct ram *ram = t->state;
	s64 size_bytes = sys_lseek(fd, 0, SEEK_END);
	s32 own;
	long addr;
	int err;

	if (t->type != &ram_target)
		return diag_set(why, -ENOTTY, "%s is no ram", t->type->name);
	if (size_bytes < 0)
		return diag_set(why, (int)size_bytes, "no file to keep it in");
	if (size_bytes && size_bytes != (s64)ram->size_bytes)
		return diag_set(why, -EINVAL, "a file of %lld bytes, not %llu", (long long)size_bytes,
				ram->size_bytes);
	err = size_bytes ? 0 : sys_ftruncate(fd, ram->size_bytes);
	own = err ? err : sys_fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return diag_set(why, own, "cannot keep %llu bytes there", ram->size_bytes);
	addr = map_store(own, ram->size_bytes, ram->mem);
	if (addr < 0 && addr >= -4095) {
		(void)sys_close(own);
		return diag_set(why, (int)addr, "cannot map it");
	}
	(void)sys_close(ram->memfd);
	ram->memfd = own;
	memset(ram->present, 0, (ram->size_bytes >> ram->page_shift) / 8 + 8);
	err = find_present(ram);
	if (err)
		return diag_set(why, err, "cannot find what is in it");
	t->forgets = false;
	ram->is_kept = true;
	return 0;
}

const struct tgt_type ram_target = {
	.name = "ram",
	.arg_name = "SIZE",
	.summary = "memory, allocated as it is written and freed by discard",
	.state_bytes = sizeof(struct ram),
	.open = ram_open,
	.close = ram_close,
	.submit = ram_submit,
	.direct = ram_direct,
	.seek = ram_seek,
};
