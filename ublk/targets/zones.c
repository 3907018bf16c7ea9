/* SPDX-License-Identifier: MIT */
/*
 * What a zone is stands in one atomic word: its condition, how many writes are
 * under way, the write pointer. Conditions change with the lock held only, write
 * pointers of open zones at any time, so every change is a compare-and-swap.
 *
 * A zone becomes full when its last write is done and not when that gets its
 * place: a failure would have to open the zone again, for which there might be
 * no room any more.
 */
#include "ublk/targets/zones.h"

#include <asm/errno.h>
#include <linux/blkzoned.h>

#include "uapi/sys.h"

/* EMPTY is 0, so that a new disk has touched no memory. */
enum { EMPTY, IMPLICIT, EXPLICIT, CLOSED, FULL, RESETTING };

#define COND_MASK 7ULL
#define ONE_WRITE (COND_MASK + 1)
#define WP_SHIFT 32 /* leaves 29 bits for writes: all tags of all queues are 2^24 */
#define WRITES_MASK ((1ULL << WP_SHIFT) - ONE_WRITE)

_Static_assert(4096ULL * 4096 * ONE_WRITE < 1ULL << WP_SHIFT, "every tag may write to one zone");

struct zone {
	u64 word;
	u32 prev; /* implicitly open ones: index + 1; 0: none */
	u32 next;
};

static u64 word_of(const struct zone *z)
{
	return __atomic_load_n(&z->word, __ATOMIC_ACQUIRE);
}

static bool swap(struct zone *z, u64 *word, u64 to)
{
	return __atomic_compare_exchange_n(&z->word, word, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static void lock(struct zones *zs)
{
	while (__atomic_exchange_n(&zs->lock, 1, __ATOMIC_ACQUIRE))
		for (u32 i = 1; __atomic_load_n(&zs->lock, __ATOMIC_RELAXED); i++) {
			sys_cpu_relax();
			/* whoever has it does not run */
			if (i % 64 == 0)
				(void)sys_sched_yield();
		}
}

/* Pairs with the acquire in lock(). */
static void unlock(struct zones *zs)
{
	__atomic_store_n(&zs->lock, 0, __ATOMIC_RELEASE);
}

static bool is_open(u32 cond)
{
	return cond == IMPLICIT || cond == EXPLICIT;
}

static bool is_active(u32 cond)
{
	return is_open(cond) || cond == CLOSED;
}

static COLD void link_last(struct zones *zs, struct zone *z)
{
	u32 me = (u32)(z - zs->zones) + 1;

	z->prev = zs->last_implicit;
	z->next = 0;
	*(z->prev ? &zs->zones[z->prev - 1].next : &zs->first_implicit) = me;
	zs->last_implicit = me;
}

static COLD void unlink(struct zones *zs, const struct zone *z)
{
	*(z->prev ? &zs->zones[z->prev - 1].next : &zs->first_implicit) = z->next;
	*(z->next ? &zs->zones[z->next - 1].prev : &zs->last_implicit) = z->prev;
}

static COLD void count(struct zones *zs, struct zone *z, u32 from, u32 to)
{
	zs->nr_open += (u32)is_open(to) - (u32)is_open(from);
	zs->nr_active += (u32)is_active(to) - (u32)is_active(from);
	if (from == IMPLICIT && to != IMPLICIT)
		unlink(zs, z);
	if (to == IMPLICIT && from != IMPLICIT)
		link_last(zs, z);
}

/* With the lock. A zone that is closed before anything was written is empty. */
static COLD void set_cond(struct zones *zs, struct zone *z, u32 cond)
{
	u64 word = word_of(z);
	u32 to;

	do {
		to = cond == CLOSED && word >> WP_SHIFT == 0 ? EMPTY : cond;
	} while (!swap(z, &word, (word & ~COND_MASK) | to));
	count(zs, z, word & COND_MASK, to);
}

/* With the lock: opens a zone that is not, if the limits allow one more */
static COLD int make_open(struct zones *zs, struct zone *z, u32 cond)
{
	if ((word_of(z) & COND_MASK) == EMPTY && zs->max_active &&
	    zs->nr_active >= zs->max_active)
		return -EOVERFLOW;
	if (zs->max_open && zs->nr_open >= zs->max_open) {
		if (!zs->first_implicit)
			return -ETOOMANYREFS;
		set_cond(zs, &zs->zones[zs->first_implicit - 1], CLOSED);
	}
	set_cond(zs, z, cond);
	return 0;
}

/* One attempt: as zones_reserve(), or -EBUSY: it is not open */
static s64 reserve(const struct zones *zs, struct zone *z, u64 at, u32 nr_sectors)
{
	u64 word = word_of(z);
	u64 wp;

	do {
		u32 cond = word & COND_MASK;

		wp = word >> WP_SHIFT;
		if (cond == RESETTING)
			return -EAGAIN;
		if (cond == FULL || (at != ZONES_APPEND && at != wp) ||
		    wp + nr_sectors > zs->capacity_sectors)
			return -EIO;
		if (!is_open(cond))
			return -EBUSY;
	} while (!swap(z, &word, word + ((u64)nr_sectors << WP_SHIFT) + ONE_WRITE));
	return (s64)wp;
}

/* The lock is kept until the place is reserved, so that nobody closes the zone before. */
static COLD s64 open_and_reserve(struct zones *zs, struct zone *z, u64 at, u32 nr_sectors)
{
	s64 ret;

	lock(zs);
	ret = reserve(zs, z, at, nr_sectors);
	if (ret == -EBUSY) {
		ret = make_open(zs, z, IMPLICIT);
		if (!ret)
			ret = reserve(zs, z, at, nr_sectors);
	}
	unlock(zs);
	return ret;
}

s64 zones_reserve(struct zones *zs, u32 idx, u64 at, u32 nr_sectors)
{
	struct zone *z = &zs->zones[idx];
	s64 ret = reserve(zs, z, at, nr_sectors);

	return ret == -EBUSY ? open_and_reserve(zs, z, at, nr_sectors) : ret;
}

/* What a zone should be once nothing is under way in it */
static u32 settled_cond(const struct zones *zs, u64 word)
{
	u32 cond = word & COND_MASK;

	if ((word & WRITES_MASK) || !is_active(cond))
		return cond;
	if (word >> WP_SHIFT == zs->capacity_sectors)
		return FULL;
	/* closed while the write was under way which then failed */
	return cond == CLOSED && word >> WP_SHIFT == 0 ? EMPTY : cond;
}

static COLD void settle(struct zones *zs, struct zone *z)
{
	u64 word;

	lock(zs);
	word = word_of(z);
	if (settled_cond(zs, word) != (word & COND_MASK))
		set_cond(zs, z, settled_cond(zs, word));
	unlock(zs);
}

void zones_written(struct zones *zs, u32 idx, u64 at, u32 nr_sectors, bool ok)
{
	struct zone *z = &zs->zones[idx];
	u64 word = word_of(z);
	u64 to;

	do {
		to = word - ONE_WRITE;
		if (!ok && word >> WP_SHIFT == at + nr_sectors)
			to -= (u64)nr_sectors << WP_SHIFT;
	} while (!swap(z, &word, to));
	if (settled_cond(zs, to) != (to & COND_MASK))
		settle(zs, z);
}

/* With the lock */
static COLD int open_explicitly(struct zones *zs, struct zone *z)
{
	switch (word_of(z) & COND_MASK) {
	case EXPLICIT:
		return 0;
	case IMPLICIT:
		set_cond(zs, z, EXPLICIT);
		return 0;
	case FULL:
		return -EIO;
	case RESETTING:
		return -EAGAIN;
	default:
		return make_open(zs, z, EXPLICIT);
	}
}

COLD int zones_open(struct zones *zs, u32 idx)
{
	int err;

	lock(zs);
	err = open_explicitly(zs, &zs->zones[idx]);
	unlock(zs);
	return err;
}

/* Closes or finishes: any zone with one of the conditions in the mask */
static COLD int leave(struct zones *zs, u32 idx, u32 from_mask, u32 to)
{
	struct zone *z = &zs->zones[idx];
	u32 cond;
	int err = 0;

	lock(zs);
	cond = word_of(z) & COND_MASK;
	if (from_mask >> cond & 1)
		set_cond(zs, z, to);
	else
		err = cond == RESETTING ? -EAGAIN : -EIO;
	unlock(zs);
	return err;
}

COLD int zones_close(struct zones *zs, u32 idx)
{
	return leave(zs, idx, 1 << IMPLICIT | 1 << EXPLICIT | 1 << CLOSED, CLOSED);
}

/*
 * The write pointer stays where it is, for zones_data_sectors(). A write under
 * way is done before or after, as it happens.
 */
COLD int zones_finish(struct zones *zs, u32 idx)
{
	return leave(zs, idx, ~(1U << RESETTING), FULL);
}

static COLD int begin_reset(struct zones *zs, struct zone *z)
{
	u64 word = word_of(z);

	do {
		if ((word & WRITES_MASK) || (word & COND_MASK) == RESETTING)
			return -EAGAIN;
		if ((word & COND_MASK) == EMPTY)
			return 0;
	} while (!swap(z, &word, RESETTING));
	count(zs, z, word & COND_MASK, RESETTING);
	return 1;
}

COLD int zones_reset_begin(struct zones *zs, u32 idx)
{
	int ret;

	/* Most of a large disk is empty, and all of it is asked. */
	if (word_of(&zs->zones[idx]) == EMPTY)
		return 0;
	lock(zs);
	ret = begin_reset(zs, &zs->zones[idx]);
	unlock(zs);
	return ret;
}

COLD void zones_reset_end(struct zones *zs, u32 idx)
{
	/* Nobody else changes a zone that is being reset. */
	__atomic_store_n(&zs->zones[idx].word, EMPTY, __ATOMIC_RELEASE);
}

u64 zones_data_sectors(const struct zones *zs, u32 idx)
{
	return word_of(&zs->zones[idx]) >> WP_SHIFT;
}

static COLD void report_one(const struct zones *zs, u32 idx, struct blk_zone *out)
{
	static const u8 conds[] = {
		[EMPTY] = BLK_ZONE_COND_EMPTY,	       [IMPLICIT] = BLK_ZONE_COND_IMP_OPEN,
		[EXPLICIT] = BLK_ZONE_COND_EXP_OPEN,   [CLOSED] = BLK_ZONE_COND_CLOSED,
		[FULL] = BLK_ZONE_COND_FULL,	       [RESETTING] = BLK_ZONE_COND_EMPTY,
	};
	u64 word = word_of(&zs->zones[idx]);
	bool is_conventional = idx < zs->nr_conventional;
	bool has_wp = !is_conventional && (word & COND_MASK) != FULL;

	*out = (struct blk_zone){
		.start = (u64)idx * zs->zone_sectors,
		.len = zs->zone_sectors,
		.type = is_conventional ? BLK_ZONE_TYPE_CONVENTIONAL : BLK_ZONE_TYPE_SEQWRITE_REQ,
		.cond = is_conventional ? BLK_ZONE_COND_NOT_WP : conds[word & COND_MASK],
		.capacity = is_conventional ? zs->zone_sectors : zs->capacity_sectors,
	};
	out->wp = out->start + (has_wp ? word >> WP_SHIFT : out->len);
}

COLD u32 zones_report(const struct zones *zs, u32 first, struct blk_zone *out, u32 max)
{
	u32 nr = zs->nr - first < max ? zs->nr - first : max;

	for (u32 i = 0; i < nr; i++)
		report_one(zs, first + i, &out[i]);
	return nr;
}

COLD int zones_init(struct zones *zs)
{
	int err = pages_map(&zs->mem, (u64)zs->nr * sizeof(struct zone));

	zs->zones = zs->mem.addr;
	return err;
}

COLD void zones_exit(struct zones *zs)
{
	pages_unmap(&zs->mem);
}
