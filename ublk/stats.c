/* SPDX-License-Identifier: MIT */
/* The memory that a device's server counts in: made, and counted in where that is rare. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "ublk/stats_count.h"
#include "ublk/worker.h"

static u32 nr_slots(const struct ublk_worker_setup *setup)
{
	return setup->nr_workers > setup->nr_queues ? setup->nr_workers : setup->nr_queues;
}

static u32 nr_tags_before(const struct ublk_worker_setup *setup, u32 worker)
{
	u32 nr = 0;

	for (u32 i = 0; i < worker; i++)
		nr += ublk_worker_nr_tags(setup, i);
	return nr;
}

static u64 now_ns(void)
{
	struct __kernel_timespec ts = { 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static void fill_head(struct ublk_stats *s, const struct ublk_worker_setup *setup)
{
	u64 slots_at = pages_round_up(sizeof(struct ublk_stats_head));

	*s->head = (struct ublk_stats_head){
		.magic = UBLK_STATS_MAGIC,
		.version = UBLK_STATS_VERSION,
		.slot_bytes = sizeof(struct ublk_stats_slot),
		.len_bytes = s->len_bytes,
		.slots_at = slots_at,
		.tags_at = slots_at + nr_slots(setup) * sizeof(struct ublk_stats_slot),
		.nr_slots = nr_slots(setup),
		.nr_tags = nr_tags_before(setup, setup->nr_workers),
		.nr_queues = setup->nr_queues,
		.nr_threads = setup->nr_workers,
		.tag_bytes = sizeof(struct ublk_tag),
		.begin_at = offsetof(struct ublk_tag, begin_ticks),
		.kind_at = offsetof(struct ublk_tag, op.kind),
		.offset_at = offsetof(struct ublk_tag, op.offset_bytes),
		.len_at = offsetof(struct ublk_tag, op.len_bytes),
		.queue_at = offsetof(struct ublk_tag, q_id),
		.tag_at = offsetof(struct ublk_tag, tag),
		.begin_ns = now_ns(),
		.begin_ticks = sys_ticks(),
	};
}

static int map(struct ublk_stats *s)
{
	int err = sys_ftruncate(s->fd, s->len_bytes);
	long addr;

	if (err)
		return err;
	addr = sys_mmap(NULL, s->len_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (addr < 0 && addr >= -4095)
		return (int)addr;
	s->head = (struct ublk_stats_head *)addr;
	err = sys_madvise(s->head, s->len_bytes, MADV_DONTFORK);
	/* A request must not wait for memory in which it is counted; who may not lock any has
	 * had it all once. And readers want to see it all there. */
	if (!err)
		err = sys_fallocate(s->fd, 0, 0, s->len_bytes);
	if (!err && sys_mlock(s->head, s->len_bytes))
		(void)sys_madvise(s->head, s->len_bytes, MADV_POPULATE_WRITE);
	/* Others may look from now on, and do nothing else with it. */
	return err ? err : sys_fcntl(s->fd, F_ADD_SEALS, UBLK_STATS_SEALS | F_SEAL_SEAL);
}

COLD int ublk_stats_make(struct ublk_stats *s, const struct ublk_worker_setup *setup)
{
	int err;

	*s = (struct ublk_stats){
		.len_bytes = pages_round_up(pages_round_up(sizeof(struct ublk_stats_head)) +
					    nr_slots(setup) * sizeof(struct ublk_stats_slot) +
					    (u64)nr_tags_before(setup, setup->nr_workers) *
						    sizeof(struct ublk_tag)),
	};
	s->fd = sys_memfd_create("bareblk-stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	err = s->fd < 0 ? s->fd : map(s);
	if (err) {
		ublk_stats_free(s);
		return err;
	}
	fill_head(s, setup);
	return 0;
}

COLD void ublk_stats_free(struct ublk_stats *s)
{
	if (s->head)
		(void)sys_munmap(s->head, s->len_bytes);
	if (s->len_bytes && s->fd >= 0)
		(void)sys_close(s->fd);
	*s = (struct ublk_stats){ .fd = -1 };
}

COLD void ublk_stats_end(struct ublk_stats *s)
{
	if (s->head && !s->head->end_ticks)
		__atomic_store_n(&s->head->end_ticks, sys_ticks(), __ATOMIC_RELEASE);
}

COLD struct ublk_tag *ublk_stats_tags(const struct ublk_stats *s,
				      const struct ublk_worker_setup *setup, u32 worker)
{
	struct ublk_tag *tags = (void *)((char *)s->head + s->head->tags_at);

	return tags + nr_tags_before(setup, worker);
}

/* One for each queue, or, of more threads, for each thread */
COLD struct ublk_stats_slot *ublk_stats_slot(const struct ublk_stats *s,
					     const struct ublk_worker_setup *setup, u32 worker,
					     u32 queue)
{
	struct ublk_stats_slot *slots = (void *)((char *)s->head + s->head->slots_at);

	return &slots[setup->nr_workers > setup->nr_queues ? worker : queue];
}

static struct ublk_stats_count *class_of(struct ublk_stats_slot *slot, u8 kind)
{
	return &slot->classes[kind < UBLK_STATS_REST ? kind : UBLK_STATS_REST];
}

static struct ublk_stats_sum *kind_of(struct ublk_stats_slot *slot, u8 kind)
{
	return &slot->kinds[kind < UBLK_STATS_NR_KINDS ? kind : UBLK_STATS_NR_KINDS - 1];
}

void ublk_stats_count_rest(struct ublk_stats_slot *slot, u8 kind, u64 bytes, u64 ticks,
			   bool has_failed)
{
	struct ublk_stats_count *c = class_of(slot, kind);
	struct ublk_stats_sum *sum = kind_of(slot, kind);
	u64 done_bytes = has_failed ? 0 : bytes;

	c->ended++;
	ublk_stats_order();
	c->ticks += ticks;
	c->bytes += done_bytes;
	c->errors += has_failed;
	if (kind >= UBLK_STATS_REST) {
		sum->ops++;
		sum->bytes += done_bytes;
		sum->errors += has_failed;
	}
	ublk_stats_order();
	c->hist[ublk_stats_bucket(ticks)]++;
}

void ublk_stats_count_failure(struct ublk_stats_slot *slot, u8 kind)
{
	class_of(slot, kind)->errors++;
	if (kind >= UBLK_STATS_REST)
		kind_of(slot, kind)->errors++;
}
