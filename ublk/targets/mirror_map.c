/* SPDX-License-Identifier: MIT */
/*
 * The bitmap of a mirror: a file that says which regions may differ when it is
 * opened again, after a kill or when the power was cut.
 *
 * A page of what it is, and then two bits for each region: of the legs, which has
 * something that the other may lack. Both bits: nobody knows, and the primary,
 * or the leg that has not failed, is right. A change begins only when the file has
 * the bits of its regions (MIRROR_SAVED), and is answered, when a leg has failed,
 * only when the file says so. Bits are taken away when both legs have kept all
 * that was written there (mirror_tidy.c).
 *
 * Whoever finds a region without its bits has the file written, by an entry of its own
 * queue's ring: so it does not depend on any other queue, which may have ended. While
 * it does, others gather; then the first of them writes for all. A page that is half
 * written is no harm: each bit is either as it was, which nobody relied on, or as
 * it will be.
 *
 * What is read may be anything: every field is checked, and what does not fit is refused.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

#include "ring/prep.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/file.h"
#include "ublk/targets/mirror_parts.h"

#define PAGE_BYTES 4096U
#define REGIONS_PER_BYTE 4U
#define VERSION 1U

/* The file begins with it; little-endian, as all that runs this */
struct header {
	char magic[8];
	u32 version;
	u32 sum; /* of the rest of it, sum_of() */
	u64 size_bytes;
	u32 region_shift;
	u32 primary;
	u32 failed;
	u32 unused; /* 0 */
};

static const char magic[8] = "BBMIRROR";

/* FNV-1a of what follows the sum */
static u32 sum_of(const struct header *h)
{
	const u8 *p = (const u8 *)&h->size_bytes;
	u32 sum = 0x811c9dc5;

	for (; p < (const u8 *)(h + 1); p++)
		sum = (sum ^ *p) * 0x01000193;
	return sum;
}

static u64 end_of(u64 nr_regions)
{
	return PAGE_BYTES + (nr_regions + REGIONS_PER_BYTE - 1) / REGIONS_PER_BYTE;
}

static u64 up_to_page(u64 bytes)
{
	return (bytes + PAGE_BYTES - 1) & ~(u64)(PAGE_BYTES - 1);
}

static u64 all_of(const struct mirror *m)
{
	return up_to_page(end_of(__atomic_load_n(&m->nr_regions, __ATOMIC_SEQ_CST)));
}

/* --- what is written ------------------------------------------------------------------ */

static u8 bits_of(u32 region)
{
	u32 stale = region & MIRROR_STALE_ANY;

	return stale ? stale : region & MIRROR_INTENT ? MIRROR_STALE_ANY : 0;
}

static void compose(struct tgt *t, u64 first, u64 end)
{
	struct mirror *m = t->state;
	u64 nr = __atomic_load_n(&m->nr_regions, __ATOMIC_SEQ_CST);
	struct header h = {
		.version = VERSION,
		.size_bytes = __atomic_load_n(&t->limits.size_bytes, __ATOMIC_SEQ_CST),
		.region_shift = m->region_shift,
		.primary = __atomic_load_n(&m->primary, __ATOMIC_SEQ_CST),
		.failed = __atomic_load_n(&m->failed, __ATOMIC_SEQ_CST),
	};

	memcpy(h.magic, magic, sizeof(magic));
	h.sum = sum_of(&h);
	if (!first) {
		memcpy(m->map.image, &h, sizeof(h));
		m->map.saving_failed = h.failed;
	}
	for (u64 at = first < PAGE_BYTES ? PAGE_BYTES : first; at < end; at++) {
		u64 r = (at - PAGE_BYTES) * REGIONS_PER_BYTE;
		u8 byte = 0;

		for (u32 i = 0; i < REGIONS_PER_BYTE && r + i < nr; i++)
			byte |= (u8)(bits_of(mirror_region(m, r + i)) << 2 * i);
		m->map.image[at] = byte;
	}
}

/* --- who writes it ------------------------------------------------------------------------ */

static void lock(struct mirror_map *map)
{
	while (__atomic_exchange_n(&map->is_locked, 1, __ATOMIC_ACQUIRE))
		(void)sys_sched_yield();
}

static void unlock(struct mirror_map *map)
{
	__atomic_store_n(&map->is_locked, 0, __ATOMIC_RELEASE);
}

static void widen(struct mirror_map *map, u64 first, u64 end)
{
	if (map->first == map->end) {
		map->first = first;
		map->end = end;
	} else {
		map->first = mirror_smaller(map->first, first);
		map->end = map->end > end ? map->end : end;
	}
}

void mirror_map_changed(struct mirror *m, u64 first, u64 last)
{
	if (m->map.fd < 0)
		return;
	lock(&m->map);
	widen(&m->map, (PAGE_BYTES + first / REGIONS_PER_BYTE) & ~(u64)(PAGE_BYTES - 1),
	      up_to_page(PAGE_BYTES + last / REGIONS_PER_BYTE + 1));
	unlock(&m->map);
}

void mirror_map_all(struct mirror *m)
{
	if (m->map.fd < 0)
		return;
	lock(&m->map);
	widen(&m->map, 0, all_of(m));
	unlock(&m->map);
}

/* All who wait are of this save. */
static void take_batch(struct mirror_map *map)
{
	map->batch = map->waiting;
	map->waiting = NULL;
}

/* After one has ended, by its writer: those of it know, and somebody does the next */
static void end_batch(struct mirror *m, s32 err, const struct mirror_save *self)
{
	struct mirror_map *map = &m->map;
	struct mirror_save *done;
	u32 *next = NULL;

	lock(map);
	done = map->batch;
	map->batch = NULL;
	if (!err)
		__atomic_store_n(&map->saved_failed, map->saving_failed, __ATOMIC_SEQ_CST);
	else
		widen(map, 0, all_of(m));
	map->is_saving = map->waiting;
	if (map->waiting)
		next = &map->waiting->is_on;
	if (next)
		__atomic_store_n(next, MIRROR_SAVE_YOURSELF, __ATOMIC_RELEASE);
	unlock(map);
	if (next)
		blocks_wake(next);
	while (done) {
		struct mirror_save *s = done;
		bool sleeps = s != self;

		done = s->next;
		s->err = err;
		/* From here on it may be gone: who waits there then looks again. */
		__atomic_store_n(&s->is_on, MIRROR_SAVE_DONE, __ATOMIC_RELEASE);
		if (sleeps)
			blocks_wake(&s->is_on);
	}
}

static int write_image(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct mirror *m = t->state;
	struct mirror_map *map = &m->map;
	struct io_uring_sqe *sqe;
	u64 first;
	int err = tgt_reserve_sqes(q, 1);

	lock(map);
	take_batch(map);
	first = map->first;
	map->saving_bytes = map->end - first;
	map->saving_failed = map->saved_failed;
	map->first = map->end = 0;
	unlock(map);
	if (err)
		return err;
	compose(t, first, first + map->saving_bytes);
	sqe = tgt_get_sqe(q);
	ring_prep_op(IORING_OP_WRITE, sqe, map->fd, map->image + first, (u32)map->saving_bytes,
		     first, RWF_DSYNC);
	tgt_sqe_owner(sqe, op, MIRROR_STEP_SAVED);
	return 0;
}

static int save_yourself(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
			 const struct mirror_save *s)
{
	int err = write_image(t, q, op);

	if (err)
		end_batch(t->state, err, s);
	return err;
}

static int sleep(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, struct mirror_save *s)
{
	static const struct __kernel_timespec moment = { .tv_nsec = 1000000 };
	struct mirror *m = t->state;

	return blocks_sleep(&m->blocks, &s->is_on, MIRROR_SAVE_WAITS, &moment, q, op,
			    MIRROR_STEP_SAVE);
}

int mirror_save(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, struct mirror_save *s)
{
	struct mirror *m = t->state;
	struct mirror_map *map = &m->map;
	struct mirror_save **last;
	bool is_first;
	int err = tgt_reserve_sqes(q, 1); /* for either of what follows */

	if (err)
		return err;
	*s = (struct mirror_save){ .is_on = MIRROR_SAVE_WAITS };
	lock(map);
	for (last = &map->waiting; *last; last = &(*last)->next)
		;
	*last = s;
	is_first = !map->is_saving;
	map->is_saving = true;
	unlock(map);
	return is_first ? save_yourself(t, q, op, s) : sleep(t, q, op, s);
}

int mirror_saved(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, struct mirror_save *s,
		 u32 step, s32 res)
{
	struct mirror *m = t->state;
	u32 is_on;

	if (step == MIRROR_STEP_SAVED) {
		s64 wanted = (s64)m->map.saving_bytes;

		end_batch(m, res == wanted ? 0 : res < 0 ? res : -EIO, s);
		return s->err ? s->err : 1;
	}
	blocks_woken(&m->blocks, res);
	is_on = __atomic_load_n(&s->is_on, __ATOMIC_ACQUIRE);
	if (is_on == MIRROR_SAVE_DONE)
		return s->err ? s->err : 1;
	return is_on == MIRROR_SAVE_YOURSELF ? save_yourself(t, q, op, s) : sleep(t, q, op, s);
}

static COLD int write_now(const struct mirror_map *map, u64 at, u64 end)
{
	while (at < end) {
		long ret = sys_pwrite64(map->fd, map->image + at, end - at, at);

		if (ret <= 0)
			return ret ? (int)ret : -EIO;
		at += (u64)ret;
	}
	return sys_fsync(map->fd);
}

/* The head last: what the file said was to be read by the head that it had. */
COLD int mirror_save_now(struct tgt *t)
{
	struct mirror *m = t->state;
	struct mirror_map *map = &m->map;
	int err;

	compose(t, 0, all_of(m));
	err = write_now(map, PAGE_BYTES, all_of(m));
	if (!err)
		err = write_now(map, 0, PAGE_BYTES);
	map->saved_failed = map->saving_failed;
	return err;
}

/* --- what is read ------------------------------------------------------------------------- */

static COLD int check_header(const struct tgt *t, const struct header *h, bool is_region_given,
			     struct diag *why)
{
	const struct mirror *m = t->state;

	if (memcmp(h->magic, magic, sizeof(magic)) != 0)
		return diag_set(why, -EINVAL, "it is no bitmap of a mirror");
	if (h->version != VERSION)
		return diag_set(why, -EINVAL, "it is of version %u, not %u", h->version, VERSION);
	if (h->sum != sum_of(h) || h->primary > 1 || h->failed > 2 || h->unused)
		return diag_set(why, -EINVAL, "it is damaged");
	if (h->size_bytes != t->limits.size_bytes)
		return diag_set(why, -EINVAL, "it is of a mirror of %llu bytes, not %llu",
				h->size_bytes, t->limits.size_bytes);
	if (is_region_given && h->region_shift != m->region_shift)
		return diag_set(why, -EINVAL, "it has regions of %llu, not %llu",
				h->region_shift < 64 ? 1ULL << h->region_shift : 0,
				1ULL << m->region_shift);
	if (h->region_shift < 16 || h->region_shift > 40 ||
	    ((h->size_bytes - 1) >> h->region_shift) >= m->max_regions)
		return diag_set(why, -EINVAL, "it is damaged");
	return 0;
}

static COLD void set_region(struct mirror *m, u64 region, u32 bits, u32 loser)
{
	if (bits == MIRROR_STALE_ANY)
		bits = MIRROR_STALE << loser;
	m->regions[region] = bits;
	m->nr_stale[0] += bits & 1;
	m->nr_stale[1] += bits >> 1;
}

/* What was found is in the image */
static COLD int take_image(struct tgt *t, u64 len, bool is_region_given, struct diag *why)
{
	struct mirror *m = t->state;
	struct header h;
	u64 nr;
	int err;

	memcpy(&h, m->map.image, sizeof(h));
	err = len < PAGE_BYTES ? diag_set(why, -EINVAL, "it is no bitmap of a mirror") :
				 check_header(t, &h, is_region_given, why);
	if (err)
		return err;
	nr = ((h.size_bytes - 1) >> h.region_shift) + 1;
	if (len < end_of(nr))
		return diag_set(why, -EINVAL, "it is cut short");
	for (u64 r = nr; r % REGIONS_PER_BYTE; r++)
		if (m->map.image[end_of(nr) - 1] >> 2 * (r % REGIONS_PER_BYTE) & 3)
			return diag_set(why, -EINVAL, "it is damaged");
	m->region_shift = h.region_shift;
	m->nr_regions = nr;
	m->primary = h.primary;
	for (u64 r = 0; r < nr; r++)
		set_region(m, r, m->map.image[PAGE_BYTES + r / REGIONS_PER_BYTE] >>
					 2 * (r % REGIONS_PER_BYTE) & MIRROR_STALE_ANY,
			   h.failed ? h.failed >> 1 : !h.primary);
	return 0;
}

/* The lock of one that another server hands over is with the file. */
static COLD int open_file(struct tgt *t, const char *path, struct diag *why)
{
	struct mirror_map *map = &((struct mirror *)t->state)->map;

	map->is_anothers = t->handed_fd >= 0;
	if (map->is_anothers) {
		map->fd = t->handed_fd;
		t->handed_fd = -1;
		return 0;
	}
	map->fd = sys_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC | (t->makes_nothing ? 0 : O_CREAT),
			     0600);
	if (map->fd < 0)
		return diag_set(why, map->fd, "cannot be opened");
	return file_lock(map->fd, false, 0, 0, why);
}

/* 0, 1: there is nothing in it yet, or -errno */
static COLD int read_file(struct tgt *t, bool is_region_given, struct diag *why)
{
	struct mirror *m = t->state;
	static const char none[sizeof(struct header)];
	struct mirror_map *map = &m->map;
	long len = sys_pread64(map->fd, map->image, map->mem.len_bytes, 0);

	if (len < 0)
		return diag_set(why, (int)len, "cannot be read");
	/* Whoever made it was killed before it had a head. */
	if (!len || (len >= PAGE_BYTES && memcmp(map->image, none, sizeof(none)) == 0))
		return t->makes_nothing ? diag_set(why, -EINVAL, "it is empty, and was not") : 1;
	return take_image(t, (u64)len, is_region_given, why);
}

COLD int mirror_open_map(struct tgt *t, const char *path, bool is_region_given, struct diag *why)
{
	struct mirror *m = t->state;
	int ret = pages_map(&m->map.mem, end_of(m->max_regions));

	if (ret)
		return diag_set(why, ret, "no memory for its bitmap");
	m->map.image = m->map.mem.addr;
	ret = open_file(t, path, why);
	if (!ret)
		ret = read_file(t, is_region_given, why);
	if (ret < 0)
		return diag_prepend(why, ret, "bitmap %s", path);
	return ret;
}

s32 mirror_hand_over(const struct tgt *t)
{
	return ((const struct mirror *)t->state)->map.fd;
}

COLD int mirror_resume(struct tgt *t, struct diag *why)
{
	struct mirror *m = t->state;
	int err;

	if (!m->map.is_anothers)
		return 0;
	m->map.is_anothers = false;
	m->nr_stale[0] = 0;
	m->nr_stale[1] = 0;
	err = read_file(t, true, why);
	if (!err)
		err = mirror_save_now(t);
	return err ? diag_prepend(why, err, "bitmap of its mirror") : 0;
}

COLD void mirror_close_map(struct tgt *t)
{
	struct mirror *m = t->state;

	if (m->map.fd >= 0)
		(void)sys_close(m->map.fd);
	pages_unmap(&m->map.mem);
}
