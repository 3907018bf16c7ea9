/* SPDX-License-Identifier: MIT */
/*
 * The writer's side of ublk/stats.h: what lies in the memfd, and counting. Its thread is
 * the only writer of what it counts in. Internal to ublk/.
 */
#ifndef UBLK_STATS_COUNT_H
#define UBLK_STATS_COUNT_H

#include <linux/fcntl.h>

#include "uapi/sys.h"
#include "ublk/stats.h"

struct ublk_tag;
struct ublk_worker_setup;

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010 /* 5.1 */
#endif

/* Without which nobody looks into a file */
#define UBLK_STATS_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

/* struct ublk_stats_count - requests of one class, on one queue by one thread: written in
 * this order */
struct ublk_stats_count {
	u64 ended;
	u64 ticks;
	u64 bytes;
	u64 errors;
	u64 hist[UBLK_STATS_NR_BUCKETS];
};

/**
 * struct ublk_stats_slot - what one thread counts of one queue
 * @max_depth: the most requests that the thread had, in the first slot of each
 * @kinds:     of those that are of the class UBLK_STATS_REST
 */
struct ublk_stats_slot {
	u64 max_depth;
	u64 reserved[3];
	struct ublk_stats_sum kinds[UBLK_STATS_NR_KINDS];
	struct ublk_stats_count classes[UBLK_STATS_NR_CLASSES];
} __attribute__((aligned(128))); /* CPUs fetch lines by twos */

/**
 * ublk_stats_make() - the memfd, for the workers of a setup
 *
 * Return: 0, or -errno and nothing is left
 */
NODISCARD int ublk_stats_make(struct ublk_stats *s, const struct ublk_worker_setup *setup);

/* ublk_stats_free() - no worker uses it any more; safe on a zeroed struct */
void ublk_stats_free(struct ublk_stats *s);

/* ublk_stats_end() - from now on no time passes */
void ublk_stats_end(struct ublk_stats *s);

/* ublk_stats_tags() - where a worker's tags are */
struct ublk_tag *ublk_stats_tags(const struct ublk_stats *s, const struct ublk_worker_setup *setup,
				 u32 worker);

/* ublk_stats_slot() - where a worker counts of a queue */
struct ublk_stats_slot *ublk_stats_slot(const struct ublk_stats *s,
					const struct ublk_worker_setup *setup, u32 worker,
					u32 queue);

/* ublk_stats_count_rest() - a request that is no read or write that was done as a whole */
void ublk_stats_count_rest(struct ublk_stats_slot *slot, u8 kind, u64 bytes, u64 ticks,
			   bool has_failed);

/* ublk_stats_count_failure() - a request that was counted as done has failed after all */
void ublk_stats_count_failure(struct ublk_stats_slot *slot, u8 kind);

/* A store is not seen before those that precede it. On x86-64 it is no instruction. */
static inline void ublk_stats_order(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void ublk_stats_count(struct ublk_stats_count *c, u64 bytes, u64 ticks)
{
	c->ended++;
	ublk_stats_order();
	c->ticks += ticks;
	c->bytes += bytes;
	ublk_stats_order();
	c->hist[ublk_stats_bucket(ticks)]++;
}

/* A kind below UBLK_STATS_NR_KINDS, of the class UBLK_STATS_REST */
static inline void ublk_stats_count_kind(struct ublk_stats_slot *slot, u8 kind, u64 bytes,
					 u64 ticks)
{
	struct ublk_stats_count *c = &slot->classes[UBLK_STATS_REST];

	c->ended++;
	ublk_stats_order();
	slot->kinds[kind].ops++;
	slot->kinds[kind].bytes += bytes;
	c->ticks += ticks;
	ublk_stats_order();
	c->hist[ublk_stats_bucket(ticks)]++;
}

#endif
