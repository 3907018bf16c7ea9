/* SPDX-License-Identifier: MIT */
/* file: a disk in a regular file, a block device, or a part of either. Here it is
 * opened, and asked for its size and its holes; see file_io.c for its bytes. */
#include <asm/errno.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mman.h>
#include <linux/stat.h>
#include <linux/uio.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/node.h"
#include "ublk/targets/file.h"
#include "ublk/targets/targets.h"

/* What a file may grow to and still be served by its mapping: address space is cheap */
#define MAP_GROWTH 16
#define MAP_LEAST_BYTES (1ULL << 30)

/* Zeroes that have to be written are written while the queue waits. */
#define MAX_WRITTEN_ZEROES_BYTES (32U << 20)

/* The kernel keeps them in 32 bits; a multiple of every block size */
#define MAX_RANGE_BYTES ((1ULL << 32) - (1U << 20))

enum { DIRECT_AUTO, DIRECT_NO, DIRECT_YES };

struct file_values {
	u64 size;
	u64 offset;
	u64 length;
	u64 lbs;
	u64 pbs;
	u32 direct;
	u32 sync;
	u32 io;
	u32 no_lock;
	bool ro;
};

#define FILE_PARAMS(X)										\
	X(struct file_values, direct,								\
	  OPT_TEXT("direct", "auto|0|1", "past the page cache; default auto, where a disk is below it and "	\
				     "the blocks are as large as its own")				\
	  OPT_CHOICES("auto\0" "0\0" "1"), .kind = OPT_CHOICE)					\
	X(struct file_values, sync,								\
	  OPT_TEXT("sync", "drive|os|none", "what FLUSH and FUA wait for; default drive: its medium. os: the " \
				    "page cache is written out, the drive's own cache is not. none: " \
				    "nothing")							\
	  OPT_CHOICES("drive\0os\0none"), .kind = OPT_CHOICE)					\
	X(struct file_values, no_lock,								\
	  OPT_TEXT("lock", "1|0", "keep other servers out; default 1")				\
	  OPT_CHOICES("1\0" "0"), .kind = OPT_CHOICE)						\
	X(struct file_values, ro, OPT_TEXT("ro", "0|1", "read only"), .kind = OPT_BOOL)		\
	X(struct file_values, size,								\
	  OPT_TEXT("size", "SIZE", "make the file, or make it as long as that, without taking "	\
				 "space; one that is longer stays so (length= takes a part)")	\
	  OPT_LEAST("512"), .kind = OPT_SIZE)							\
	X(struct file_values, offset,								\
	  OPT_TEXT("offset", "SIZE", "where the disk begins in the file"), .kind = OPT_SIZE)	\
	X(struct file_values, length,								\
	  OPT_TEXT("length", "SIZE", "of the disk; default up to the end of the file")		\
	  OPT_LEAST("512"), .kind = OPT_SIZE)							\
	X(struct file_values, lbs,								\
	  OPT_TEXT("lbs", "SIZE", "logical block; default 512, or the block device's")		\
	  OPT_RANGE("512", "64K"), .kind = OPT_SIZE)						\
	X(struct file_values, pbs,								\
	  OPT_TEXT("pbs", "SIZE", "physical block; default 4K, or the block device's")		\
	  OPT_RANGE("512", "1M"), .kind = OPT_SIZE)						\
	X(struct file_values, io,								\
	  OPT_TEXT("io", "auto|mapped|ring|calls", "how bytes move; default auto: ring where I/O is direct, or mapped") \
	  OPT_CHOICES("auto\0mapped\0ring\0calls"), .kind = OPT_CHOICE)

/* --- opening ----------------------------------------------------------------------- */

/* What is there before it is opened: opening a pipe would wait. */
static COLD int look(struct file *f, const char *path, const struct file_values *v,
		     struct diag *why)
{
	struct statx st;
	int err = sys_statx(AT_FDCWD, path, 0, STATX_TYPE, &st);

	if (err == -ENOENT && v->size)
		return 0;
	if (err)
		return diag_set(why, err, err == -ENOENT ? "not there (size= makes one)" :
							   "cannot be looked at");
	f->is_block = (st.stx_mode & S_IFMT) == S_IFBLK;
	if (!f->is_block && (st.stx_mode & S_IFMT) != S_IFREG)
		return diag_set(why, -EINVAL, "neither a regular file nor a block device");
	if (f->is_block && v->size)
		return diag_set(why, -EINVAL, "size=: a block device has the size that it has");
	return 0;
}

/* Of another server, which still has it: with its lock, or its claim to a whole disk */
static COLD int take_handed(struct tgt *t, const char *path, const struct file_values *v,
			    struct diag *why)
{
	struct file *f = t->state;
	struct statx there;
	struct statx handed;
	int flags = sys_fcntl(t->handed_fd, F_GETFL, 0);
	int err = sys_statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &there);

	if (!err)
		err = sys_statx(t->handed_fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &handed);
	if (err)
		return diag_set(why, err, "cannot be looked at");
	if ((there.stx_mode & S_IFMT) != (handed.stx_mode & S_IFMT) ||
	    (f->is_block ? there.stx_rdev_major != handed.stx_rdev_major ||
				   there.stx_rdev_minor != handed.stx_rdev_minor :
			   there.stx_ino != handed.stx_ino ||
				   there.stx_dev_major != handed.stx_dev_major ||
				   there.stx_dev_minor != handed.stx_dev_minor))
		return diag_set(why, -ESTALE, "another file than the one that is served");
	if (flags < 0 || (flags & O_ACCMODE) != (v->ro ? O_RDONLY : O_RDWR))
		return diag_set(why, -EPROTO, "it was handed over otherwise than it is served");
	f->fd = t->handed_fd;
	f->is_handed = true;
	t->handed_fd = -1;
	return 0;
}

static COLD int open_fd(struct file *f, const char *path, const struct file_values *v,
			bool makes_nothing, struct diag *why)
{
	/* O_EXCL: a disk that is mounted is not ours; parts of it may be several servers' */
	bool is_whole = !v->offset && !v->length;
	int flags = O_CLOEXEC | (v->ro ? O_RDONLY : O_RDWR) |
		    (f->is_block && is_whole && !v->ro && !v->no_lock ? O_EXCL : 0);

	f->fd = sys_openat(AT_FDCWD, path, flags, 0);
	if (f->fd == -ENOENT && v->size && !makes_nothing) {
		f->fd = sys_openat(AT_FDCWD, path, flags | O_CREAT | O_EXCL, 0600);
		f->is_created = f->fd >= 0;
	}
	if (f->fd == -EBUSY)
		return diag_set(why, f->fd, "mounted, or somebody has it for himself (lock=0 does not "
					    "mind)");
	if (f->fd == -EACCES || f->fd == -EROFS)
		return diag_set(why, f->fd, "cannot be opened for %s",
				v->ro ? "reading" : "writing (ro=1 only reads)");
	return f->fd < 0 ? diag_set(why, f->fd, "cannot be opened") : 0;
}

static COLD bool is_memory(int fd)
{
	struct statfs fs;

	return !sys_fstatfs(fd, &fs) &&
	       ((u32)fs.f_type == TMPFS_MAGIC || (u32)fs.f_type == RAMFS_MAGIC ||
		(u32)fs.f_type == HUGETLBFS_MAGIC);
}

static COLD int size_of(const struct file *f, u64 *bytes, struct diag *why)
{
	struct statx st;
	int err;

	if (f->is_block)
		err = (int)sys_ioctl(f->fd, BLKGETSIZE64, bytes);
	else
		err = sys_statx(f->fd, "", AT_EMPTY_PATH, STATX_SIZE, &st);
	if (!err && !f->is_block)
		*bytes = st.stx_size;
	return err ? diag_set(why, err, "does not tell its size") : 0;
}

/* A number that the kernel tells about a disk, or the disk that a partition is of */
static COLD u64 queue_number(const struct statx *st, const char *name)
{
	static const char *const places[] = { "", "../" };

	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		char path[96];
		char text[32];
		long len = 0;
		u64 value;
		int fd;

		fmt_print(path, sizeof(path), "/sys/dev/block/%u:%u/%squeue/%s", st->stx_rdev_major,
			  st->stx_rdev_minor, places[i], name);
		fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
		if (fd >= 0) {
			len = sys_read(fd, text, sizeof(text));
			(void)sys_close(fd);
		}
		if (len < 1)
			continue;
		text[len - 1] = '\0'; /* the end of the line */
		if (!parse_u64(text, &value))
			return value;
	}
	return 0;
}

/* --- blocks and ways ------------------------------------------------------------------ */

struct shape {
	struct statx st;
	u32 direct_bytes; /* positions of direct I/O; 0: not told */
	u32 direct_mem_bytes;
	u32 lbs;
	u32 pbs;
};

static COLD bool is_power(u64 n)
{
	return n && !(n & (n - 1));
}

/* The kernel's answer, or else what a read tells */
static COLD void find_direct(struct file *f, struct shape *s)
{
	u64 room[8192 / sizeof(u64)];
	char *mem = (char *)(((uintptr_t)room + 4095) & ~4095UL);
	bool is_told = s->st.stx_mask & STATX_DIOALIGN && s->st.stx_dio_offset_align;

	s->direct_bytes = is_told ? s->st.stx_dio_offset_align : 0;
	s->direct_mem_bytes = is_told ? s->st.stx_dio_mem_align : 0;
	if (is_told || !f->is_direct)
		return;
	s->direct_bytes = sys_pread64(f->fd, mem, 512, 512) == -EINVAL ? 4096 : 512;
	s->direct_mem_bytes = s->direct_bytes;
}

static COLD int find_blocks(struct file *f, struct shape *s, const struct file_values *v,
			    struct diag *why)
{
	u32 least = 512;

	if ((v->lbs && !is_power(v->lbs)) || (v->pbs && !is_power(v->pbs)))
		return diag_set(why, -EINVAL, "lbs=, pbs=: powers of two");
	s->pbs = 4096;
	if (f->is_block && (sys_ioctl(f->fd, BLKSSZGET, &least) ||
			    sys_ioctl(f->fd, BLKPBSZGET, &s->pbs)))
		return diag_set(why, -ENOTTY, "does not tell its block sizes");
	s->lbs = v->lbs ? (u32)v->lbs : least;
	if (v->direct == DIRECT_YES) {
		f->is_direct = true;
		if (sys_fcntl(f->fd, F_SETFL, O_DIRECT))
			return diag_set(why, -EINVAL, "direct=1: this file system has no direct I/O");
	}
	find_direct(f, s);
	if (f->is_direct && s->direct_bytes > least)
		least = s->direct_bytes;
	if (!v->lbs && s->lbs < least)
		s->lbs = least;
	if (s->lbs < least)
		return diag_set(why, -EINVAL, "lbs=%u: its own blocks are of %u", s->lbs, least);
	if (v->pbs)
		s->pbs = (u32)v->pbs;
	if (v->pbs && s->pbs < s->lbs)
		return diag_set(why, -EINVAL, "pbs=%u: smaller than the logical block of %u", s->pbs,
				s->lbs);
	if (s->pbs < s->lbs)
		s->pbs = s->lbs;
	return 0;
}

/*
 * The file's reads can be told not to wait, so the ring does them without a thread. First
 * writes into holes do go to its threads, of ext4 for one, and stay on the ring all the same:
 * 32 of 4K at a time were 1.5 to 3 times as many per second as one call after another.
 */
static COLD bool has_nowait(const struct file *f)
{
	u64 room[8192 / sizeof(u64)];
	struct iovec v = { (void *)(((uintptr_t)room + 4095) & ~4095UL), 4096 };

	return sys_preadv2(f->fd, &v, 1, 0, RWF_NOWAIT) != -EOPNOTSUPP;
}

static COLD int choose_way(struct file *f, const struct shape *s, const struct file_values *v,
			   struct diag *why)
{
	bool may_direct = v->direct == DIRECT_AUTO && v->io != FILE_MAPPED && !f->is_memory &&
			  s->direct_bytes && s->direct_bytes <= s->lbs && has_nowait(f);

	if (may_direct)
		f->is_direct = !sys_fcntl(f->fd, F_SETFL, O_DIRECT);
	if (v->io == FILE_MAPPED && f->is_direct)
		return diag_set(why, -EINVAL, "io=mapped goes by the page cache: direct=1 does not");
	f->way = (u8)v->io;
	if (f->way == FILE_AUTO)
		f->way = !f->is_direct ? FILE_MAPPED : has_nowait(f) ? FILE_RING : FILE_CALLS;
	f->block_bytes = f->is_direct ? s->direct_bytes : 1;
	f->mem_mask = f->is_direct && s->direct_mem_bytes ? s->direct_mem_bytes - 1 : 0;
	f->sync = (u8)v->sync;
	/* What is not in the cache has been written out. */
	if (f->is_memory || (f->sync == FILE_SYNC_OS && f->is_direct))
		f->sync = FILE_SYNC_NONE;
	f->dsync = f->sync == FILE_SYNC_NONE ? 0 : RWF_DSYNC;
	return 0;
}

/* --- size ---------------------------------------------------------------------------- */

/* How large the disk is in a file of @file_bytes */
static COLD int disk_size(const struct file *f, u64 file_bytes, u32 lbs, u64 *bytes,
			  struct diag *why)
{
	u64 begin = f->offset_bytes;
	u64 len = f->length_bytes;

	if (begin % lbs || len % lbs)
		return diag_set(why, -EINVAL, "offset= and length=: not multiples of its blocks of %u",
				lbs);
	if (begin > file_bytes || len > file_bytes - begin)
		return diag_set(why, -EINVAL, "offset= and length= reach behind its end at %llu",
				file_bytes);
	*bytes = len ? len : (file_bytes - begin) / lbs * lbs;
	if (!*bytes)
		return diag_set(why, -EINVAL, "%llu bytes: smaller than a block of %u",
				file_bytes - begin, lbs);
	return 0;
}

static COLD bool map(struct file *f, u64 disk_bytes)
{
	u64 delta = f->offset_bytes % pages_size();
	u64 len = f->length_bytes ? disk_bytes : disk_bytes * MAP_GROWTH;
	int prot = PROT_READ | (f->is_read_only ? 0 : PROT_WRITE);
	long addr = -ENOMEM;

	if (f->way != FILE_MAPPED)
		return true;
	if (!f->length_bytes && len < MAP_LEAST_BYTES)
		len = MAP_LEAST_BYTES;
	for (; addr < 0 && addr >= -4095 && len; len = len > disk_bytes ? disk_bytes : 0) {
		f->map_len_bytes = len + delta;
		addr = sys_mmap(NULL, f->map_len_bytes, prot, MAP_SHARED | MAP_NORESERVE, f->fd,
				f->offset_bytes - delta);
	}
	if (addr < 0 && addr >= -4095)
		return false;
	f->map_addr = (void *)addr;
	f->map = (char *)addr + delta;
	f->map_end_bytes = f->map_len_bytes - delta;
	/* A forked child has no use for it. */
	(void)sys_madvise(f->map_addr, f->map_len_bytes, MADV_DONTFORK);
	return true;
}

static COLD int make_maps(struct file *f, const struct file_values *v, u64 disk_bytes,
			  struct diag *why)
{
	int err;

	if (!map(f, disk_bytes)) {
		if (v->io == FILE_MAPPED)
			return diag_set(why, -ENOMEM, "io=mapped: cannot be mapped");
		f->way = FILE_CALLS;
	}
	err = pages_map(&f->zeroes_mem, FILE_BOUNCE_BYTES);
	f->zeroes = f->zeroes_mem.addr;
	if (!err && f->way == FILE_MAPPED)
		err = pages_map(&f->seen_mem, f->map_len_bytes / pages_size() / 8 + sizeof(u64));
	f->seen = f->seen_mem.addr;
	f->page_shift = tgt_shift_of(pages_size());
	return err ? diag_set(why, err, "no memory") : 0;
}

static COLD void set_limits(struct tgt *t, const struct shape *s, u64 disk_bytes)
{
	struct file *f = t->state;
	struct tgt_limits *l = &t->limits;
	u64 best = f->is_block ? queue_number(&s->st, "optimal_io_size") : 0;
	bool can_discard = !f->is_read_only;

	*l = (struct tgt_limits){
		.size_bytes = disk_bytes,
		.logical_shift = tgt_shift_of(s->lbs),
		.physical_shift = tgt_shift_of(s->pbs),
		.discard_granularity_bytes = s->lbs > 4096 ? s->lbs : 4096,
		.dma_alignment_bytes = f->mem_mask ? f->mem_mask + 1 : 0,
	};
	if (f->is_block) {
		can_discard &= queue_number(&s->st, "discard_max_bytes") != 0;
		l->discard_granularity_bytes = (u32)queue_number(&s->st, "discard_granularity");
		if (queue_number(&s->st, "rotational"))
			l->attrs |= UBLK_ATTR_ROTATIONAL;
		if (is_power(best) && best > s->pbs)
			l->io_opt_shift = tgt_shift_of(best);
	} else if (can_discard) {
		/* Behind its end there is nothing to lose. */
		can_discard = sys_fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					    (f->offset_bytes + disk_bytes + 0xfffff) & ~0xfffffULL,
					    4096) != -EOPNOTSUPP;
		f->no_punch = !can_discard;
	}
	if (l->discard_granularity_bytes < s->lbs)
		l->discard_granularity_bytes = s->lbs;
	l->max_discard_bytes = can_discard ? MAX_RANGE_BYTES : 0;
	l->max_write_zeroes_bytes = f->is_memory || f->no_punch ? MAX_WRITTEN_ZEROES_BYTES :
								  l->max_discard_bytes;
	if (f->is_block || !l->max_write_zeroes_bytes)
		l->max_write_zeroes_bytes = MAX_WRITTEN_ZEROES_BYTES;
	if (f->is_read_only) {
		l->attrs |= UBLK_ATTR_READ_ONLY;
		l->max_write_zeroes_bytes = 0;
	}
	if (f->sync != FILE_SYNC_NONE)
		l->attrs |= UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA;
}

static COLD void set_ways(struct tgt *t, const struct statx *st)
{
	const struct file *f = t->state;

	t->submit = f->way == FILE_MAPPED ? file_submit_mapped :
		    f->way == FILE_RING	  ? file_submit_ring :
					    file_submit_calls;
	if (f->way == FILE_MAPPED)
		t->data_kinds |= 1 << TGT_DATA_FILE;
	if (f->way == FILE_RING)
		t->data_kinds |= 1 << TGT_DATA_FIXED;
	t->backing_dev = f->is_block ? node_dev(st->stx_rdev_major, st->stx_rdev_minor) :
				       node_dev(st->stx_dev_major, st->stx_dev_minor);
	t->nr_sqes = f->way == FILE_RING || !f->is_memory ? 1 : 0;
	t->store = f->map_addr;
	t->store_bytes = f->map_addr ? f->map_len_bytes : 0;
}

static COLD void file_close(struct tgt *t)
{
	struct file *f = t->state;
	struct file_bounce *b = f->bounces;

	while (b) {
		struct pages mem = b->mem;

		b = b->next;
		pages_unmap(&mem);
	}
	pages_unmap(&f->zeroes_mem);
	pages_unmap(&f->seen_mem);
	if (f->map_addr)
		(void)sys_munmap(f->map_addr, f->map_len_bytes);
	if (f->fd >= 0)
		(void)sys_close(f->fd);
}

static COLD s32 file_hand_over(const struct tgt *t)
{
	const struct file *f = t->state;

	return f->fd;
}

/* What it takes to serve the file, but its size as it is to be */
static COLD int prepare(struct file *f, struct shape *s, const struct file_values *v,
			u64 *disk_bytes, struct diag *why)
{
	u64 file_bytes = 0;
	int err = sys_statx(f->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_DIOALIGN, &s->st);

	if (err)
		return diag_set(why, err, "cannot be looked at");
	f->is_memory = !f->is_block && is_memory(f->fd);
	if (!v->no_lock && !f->is_handed)
		err = file_lock(f->fd, v->ro, v->offset, v->length, why);
	if (!err)
		err = find_blocks(f, s, v, why);
	if (!err)
		err = choose_way(f, s, v, why);
	if (!err)
		err = size_of(f, &file_bytes, why);
	if (err)
		return err;
	/* A disk that was resized opens again by what it was made with. */
	if (v->size > file_bytes)
		file_bytes = v->size;
	err = disk_size(f, file_bytes, s->lbs, disk_bytes, why);
	return err ? err : make_maps(f, v, *disk_bytes, why);
}

static COLD int open_file(struct tgt *t, const char *path, const struct file_values *v,
			  struct diag *why)
{
	struct file *f = t->state;
	struct shape s;
	u64 disk_bytes = 0;
	int err = look(f, path, v, why);

	if (!err && t->handed_fd >= 0)
		err = take_handed(t, path, v, why);
	else if (!err)
		err = open_fd(f, path, v, t->makes_nothing, why);
	if (!err)
		err = prepare(f, &s, v, &disk_bytes, why);
	if (!err && v->size > s.st.stx_size && t->makes_nothing)
		err = diag_set(why, -EINVAL, "it was longer: it has %llu bytes, and size= is %llu",
			       s.st.stx_size, v->size);
	if (!err && v->size > s.st.stx_size) {
		err = sys_ftruncate(f->fd, v->size);
		if (err)
			diag_set(why, err, "size=: it cannot be made as long as that");
	}
	if (err) {
		if (f->is_created)
			(void)sys_unlinkat(AT_FDCWD, path, 0);
		return diag_prepend(why, err, "%s", path);
	}
	if (v->size && v->size < s.st.stx_size && !v->length)
		tgt_notice(t, "size=: it has %llu bytes already and is not cut short", s.st.stx_size);
	set_limits(t, &s, disk_bytes);
	set_ways(t, &s.st);
	return 0;
}

static COLD int file_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct file_values *v = values;
	struct file *f = t->state;
	int err;

	f->fd = -1;
	f->is_read_only = v->ro;
	f->offset_bytes = v->offset;
	f->length_bytes = v->length;
	if (!arg || !*arg)
		return diag_set(why, -EINVAL, "a path is missing, as in :/var/disk.img");
	if (v->ro && v->size)
		return diag_set(why, -EINVAL, "ro=1 makes no file longer: not with size=");
	err = open_file(t, arg, v, why);
	if (err)
		file_close(t);
	return err;
}

/* --- asked while it runs ---------------------------------------------------------------- */

static COLD void publish(struct tgt *t, u64 disk_bytes)
{
	__atomic_store_n(&t->limits.size_bytes, disk_bytes, __ATOMIC_RELAXED);
}

/* The disk becomes as large as the file is now */
static COLD int file_refresh(struct tgt *t, struct diag *why)
{
	struct file *f = t->state;
	u64 bytes = 0;
	int err = size_of(f, &bytes, why);

	if (!err)
		err = disk_size(f, bytes, 1U << t->limits.logical_shift, &bytes, why);
	if (!err)
		publish(t, bytes);
	return err;
}

static COLD int file_resize(struct tgt *t, u64 size_bytes, struct diag *why)
{
	struct file *f = t->state;
	u64 now = 0;
	int err;

	if (f->length_bytes)
		return diag_set(why, -EOPNOTSUPP, "its length= was given");
	err = size_of(f, &now, why);
	if (err)
		return err;
	if (f->is_block && f->offset_bytes + size_bytes > now)
		return diag_set(why, -ENOSPC, "the block device has %llu bytes", now);
	if (!f->is_block && f->offset_bytes + size_bytes != now) {
		if (f->is_read_only)
			return diag_set(why, -EROFS, "it was opened with ro=1");
		err = sys_ftruncate(f->fd, f->offset_bytes + size_bytes);
	}
	if (err)
		return diag_set(why, err, "it cannot be made %llu bytes long",
				f->offset_bytes + size_bytes);
	publish(t, size_bytes);
	return 0;
}

/* The next hole or data from @at on, and @end where there is none: both as places of the disk */
static COLD s64 seek_next(const struct file *f, s64 at, s64 end, u32 whence)
{
	s64 base = (s64)f->offset_bytes;
	s64 found = sys_lseek(f->fd, base + at, whence);

	if (found < 0 && found != -ENXIO)
		return found;
	return found < 0 || found - base > end ? end : found - base;
}

/*
 * A block that is not all hole is data, and so is what the file does not reach: reading
 * it fails. The file's own blocks may be smaller than the disk's, and begin elsewhere.
 */
static COLD s64 file_seek(struct tgt *t, u64 offset_bytes, bool hole)
{
	const struct file *f = t->state;
	s64 size = (s64)t->limits.size_bytes;
	s64 mask = (1LL << t->limits.logical_shift) - 1;
	s64 at = (s64)offset_bytes & ~mask;
	s64 end;
	s64 data;

	if (f->is_block)
		return hole ? size : (s64)offset_bytes;
	end = sys_lseek(f->fd, 0, SEEK_END) - (s64)f->offset_bytes;
	end = (end < size ? end : size) & ~mask;
	if (!hole) {
		at = at < end ? seek_next(f, at, end, SEEK_DATA) : at;
		at = at < 0 ? at : at & ~mask;
	} else {
		for (; at < end; at = (data | mask) + 1) {
			at = seek_next(f, at, end, SEEK_HOLE);
			at = at < 0 ? at : (at + mask) & ~mask;
			data = at < 0 ? at : seek_next(f, at, end, SEEK_DATA);
			if (data < 0)
				return data;
			if (data - at > mask)
				break;
		}
		if (at >= end)
			return size;
	}
	return at < 0 || at > (s64)offset_bytes ? at : (s64)offset_bytes;
}

static COLD void file_stat(const struct tgt *t, tgt_say_fn *say, void *ctx)
{
	const struct file *f = t->state;
	struct statx st;

	say(ctx, "direct", f->is_direct);
	say(ctx, "way", f->way);
	if (!f->is_block && !sys_statx(f->fd, "", AT_EMPTY_PATH, STATX_BLOCKS, &st))
		say(ctx, "allocated_bytes", st.stx_blocks << 9);
}

const struct tgt_type file_target = {
	.name = "file",
	.arg_name = "PATH",
	.summary = "a file, a block device, or a part of one",
	.notes = "FLUSH is fdatasync, FUA that of a write's own range. Discards punch holes.\n"
		 "How the bytes go (io=): mapped, the kernel copies between the request and the\n"
		 "page cache; ring, asynchronous direct I/O; calls, pread and pwrite. When the\n"
		 "file has grown, \"bareblk ublk resize DEVICE\" makes the disk as large.\n",
	.params = OPT_TABLE(FILE_PARAMS),
	.values_bytes = sizeof(struct file_values),
	.state_bytes = sizeof(struct file),
	.open = file_open,
	.close = file_close,
	.hand_over = file_hand_over,
	.queue_init = file_queue_init,
	.queue_exit = file_queue_exit,
	.submit = file_submit_calls,
	.resize = file_resize,
	.refresh = file_refresh,
	.seek = file_seek,
	.stat = file_stat,
	.cqe = file_cqe,
};
