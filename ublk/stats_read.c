/* SPDX-License-Identifier: MIT */
/*
 * Reading what a server counts. Everything that is read may be of any value, and change
 * while it is looked at: what decides where to look is read once, and checked.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "uapi/rt/mem.h"
#include "ublk/deadline.h"
#include "ublk/dev.h"
#include "ublk/stats_count.h"

/* How often it is tried to find a queue at rest */
#define TRIES 64

/* The rate of a counter: slower ones there are not, nor faster ones */
#define MIN_HZ 100000ULL
#define MAX_HZ 100000000000ULL

static u64 get(const u64 *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

/* Loads behind it come later. */
static void order(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* --- what is looked at ------------------------------------------------------------ */

static bool is_within(u64 at, u64 nr, u64 bytes, u64 len_bytes)
{
	return at % 8 == 0 && at <= len_bytes && nr <= (len_bytes - at) / bytes;
}

/* The head has been copied. */
static int check(struct ublk_stats_view *v, const struct ublk_stats_head *h)
{
	u32 wanted = h->nr_threads > h->nr_queues ? h->nr_threads : h->nr_queues;

	if (h->magic != UBLK_STATS_MAGIC || h->version != UBLK_STATS_VERSION ||
	    h->slot_bytes != sizeof(struct ublk_stats_slot) || h->len_bytes != v->len_bytes)
		return -EPROTO;
	if (!h->nr_queues || !h->nr_threads || h->nr_slots != wanted ||
	    h->slots_at % __alignof__(struct ublk_stats_slot) ||
	    !is_within(h->slots_at, h->nr_slots, sizeof(struct ublk_stats_slot), v->len_bytes) ||
	    !h->tag_bytes || h->tag_bytes % 8 ||
	    !is_within(h->tags_at, h->nr_tags, h->tag_bytes, v->len_bytes))
		return -EPROTO;
	if (h->begin_at % 8 || h->begin_at + sizeof(u64) > h->tag_bytes || h->offset_at % 8 ||
	    h->offset_at + sizeof(u64) > h->tag_bytes || h->len_at % 8 ||
	    h->len_at + sizeof(u64) > h->tag_bytes || h->kind_at >= h->tag_bytes ||
	    h->queue_at % 2 || h->queue_at + sizeof(u16) > h->tag_bytes || h->tag_at % 2 ||
	    h->tag_at + sizeof(u16) > h->tag_bytes)
		return -EPROTO;
	v->h = *h;
	return 0;
}

static void view(struct ublk_stats_view *v, const struct ublk_stats_head *head, u64 len_bytes)
{
	*v = (struct ublk_stats_view){ .mem = (const char *)head, .len_bytes = len_bytes };
}

/*
 * Whoever made it can neither take back what was mapped, so that no access to it is an
 * error, nor make holes in it, so that none takes memory: what is looked at is there, and
 * no more than its maker had to spare.
 */
static int map(struct ublk_stats_view *v, s32 fd)
{
	int seals = sys_fcntl(fd, F_GET_SEALS, 0);
	struct statx sx;
	long addr;

	if (seals < 0 || (seals & UBLK_STATS_SEALS) != UBLK_STATS_SEALS ||
	    sys_statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx) ||
	    sx.stx_size < sizeof(struct ublk_stats_head) || sx.stx_blocks < sx.stx_size / 512)
		return -EPROTO;
	addr = sys_mmap(NULL, sx.stx_size, PROT_READ, MAP_SHARED, fd, 0);
	if (addr < 0 && addr >= -4095)
		return (int)addr;
	view(v, (const void *)addr, sx.stx_size);
	return 0;
}

COLD int ublk_stats_open(struct ublk_stats_view *v, s32 fd)
{
	struct ublk_stats_head head;
	int err;

	*v = (struct ublk_stats_view){ .mem = NULL };
	err = map(v, fd);
	if (err)
		return err;
	memcpy(&head, v->mem, sizeof(head));
	err = check(v, &head);
	if (err)
		ublk_stats_close(v);
	return err;
}

COLD void ublk_stats_close(struct ublk_stats_view *v)
{
	if (v->mem)
		(void)sys_munmap((void *)(uintptr_t)v->mem, v->len_bytes);
	*v = (struct ublk_stats_view){ .mem = NULL };
}

/* --- time ------------------------------------------------------------------------------ */

static u64 now_ns(void)
{
	struct __kernel_timespec ts = { 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

/* As 32.32 bits; 0: the two do not belong together, or are too near each other */
static u64 rate(u64 ticks, u64 ns)
{
	if (ns < UBLK_STATS_RATE_MS * 1000000ULL || (s64)ns < 0 || (s64)ticks < 0)
		return 0;
	while (ns >> 31 || ticks >> 62) {
		ns >>= 1;
		ticks >>= 1;
	}
	if (ticks < ns / (1000000000 / MIN_HZ) || ticks / (MAX_HZ / 1000000000) > ns)
		return 0;
	return (ns << 32) / ticks;
}

/* Since the server began; if that was just now, or in another time namespace, in a moment. */
static void find_rate(struct ublk_stats_view *v)
{
	u64 ticks = sys_ticks();
	u64 ns = now_ns();

	v->ns_per_tick = rate(ticks - v->h.begin_ticks, ns - v->h.begin_ns);
	if (v->ns_per_tick)
		return;
	(void)deadline_sleep_us(DEADLINE_NEVER, UBLK_STATS_RATE_MS * 1000 + 500);
	v->ns_per_tick = rate(sys_ticks() - ticks, now_ns() - ns);
	if (!v->ns_per_tick)
		v->ns_per_tick = 1ULL << 32;
}

u64 ublk_stats_ns(const struct ublk_stats_snapshot *s, u64 ticks)
{
	unsigned __int128 ns = (unsigned __int128)ticks * s->ns_per_tick >> 32;

	return ns >> 64 ? ~0ULL : (u64)ns;
}

/* --- a snapshot ---------------------------------------------------------------------------- */

/* struct taken - of one class of one slot */
struct taken {
	struct ublk_stats_sum sum;
	u64 ticks;
	u64 hist[UBLK_STATS_NR_BUCKETS];
	struct ublk_stats_sum kinds[UBLK_STATS_NR_KINDS];
};

static bool take_once(const struct ublk_stats_slot *slot, u32 class, struct taken *t)
{
	const struct ublk_stats_count *c = &slot->classes[class];
	u64 nr = 0;

	for (u32 i = 0; i < UBLK_STATS_NR_BUCKETS; i++) {
		t->hist[i] = get(&c->hist[i]);
		nr += t->hist[i];
	}
	order();
	t->sum.bytes = get(&c->bytes);
	t->sum.errors = get(&c->errors);
	t->ticks = get(&c->ticks);
	for (u32 i = 0; class == UBLK_STATS_REST && i < UBLK_STATS_NR_KINDS; i++) {
		t->kinds[i].ops = get(&slot->kinds[i].ops);
		t->kinds[i].bytes = get(&slot->kinds[i].bytes);
		t->kinds[i].errors = get(&slot->kinds[i].errors);
	}
	order();
	t->sum.ops = get(&c->ended);
	return t->sum.ops == nr;
}

static void add_sum(struct ublk_stats_sum *to, const struct ublk_stats_sum *s)
{
	to->ops += s->ops;
	to->bytes += s->bytes;
	to->errors += s->errors;
}

static void take_class(const struct ublk_stats_slot *slot, u32 class,
		       struct ublk_stats_snapshot *s)
{
	struct taken t = { .ticks = 0 };
	u32 tries = TRIES;

	while (!take_once(slot, class, &t) && --tries)
		sys_cpu_relax();
	s->is_exact &= tries != 0;
	if (class < UBLK_STATS_REST)
		add_sum(&s->kinds[class], &t.sum);
	for (u32 i = UBLK_STATS_REST; i < UBLK_STATS_NR_KINDS; i++)
		add_sum(&s->kinds[i], &t.kinds[i]);
	s->ticks[class] += t.ticks;
	s->depth_ticks += t.ticks;
	for (u32 i = 0; i < UBLK_STATS_NR_BUCKETS; i++)
		s->hist[class][i] += t.hist[i];
}

static const struct ublk_stats_slot *slot_of(const struct ublk_stats_view *v, u32 idx)
{
	return (const struct ublk_stats_slot *)(const void *)(v->mem + v->h.slots_at) + idx;
}

/* The slots of a queue are those with its number, and by nr_queues onwards; who counts
 * the depth has the first that is its own. */
static void take_slot(const struct ublk_stats_view *v, u32 idx, struct ublk_stats_snapshot *s)
{
	u64 max_depth = get(&slot_of(v, idx % v->h.nr_threads)->max_depth);

	for (u32 class = 0; class < UBLK_STATS_NR_CLASSES; class++)
		take_class(slot_of(v, idx), class, s);
	if (max_depth > s->max_depth)
		s->max_depth = (u32)max_depth;
}

static void take_requests(const struct ublk_stats_view *v, u32 queue, struct ublk_stats_snapshot *s)
{
	struct ublk_stats_request req;
	u32 at = 0;

	while (ublk_stats_next(v, &at, s->now_ticks, &req)) {
		if (queue != UBLK_STATS_ALL && queue != req.queue)
			continue;
		s->depth_ticks += req.age_ticks;
		s->in_flight++;
	}
}

void ublk_stats_take(struct ublk_stats_view *v, u32 queue, struct ublk_stats_snapshot *s)
{
	const struct ublk_stats_head *head = (const void *)v->mem;
	u64 end_ticks;

	if (!v->ns_per_tick)
		find_rate(v);
	memset(s, 0, sizeof(*s));
	s->is_exact = true;
	s->ns_per_tick = v->ns_per_tick;
	for (u32 i = 0; i < v->h.nr_slots; i++)
		if (queue == UBLK_STATS_ALL || i % v->h.nr_queues == queue)
			take_slot(v, i, s);
	end_ticks = __atomic_load_n(&head->end_ticks, __ATOMIC_ACQUIRE);
	s->has_ended = end_ticks;
	s->begin_ticks = v->h.begin_ticks;
	s->now_ticks = end_ticks ? end_ticks : sys_ticks();
	if (!end_ticks)
		take_requests(v, queue, s);
}

bool ublk_stats_next(const struct ublk_stats_view *v, u32 *at, u64 now_ticks,
		     struct ublk_stats_request *req)
{
	while (*at < v->h.nr_tags) {
		const char *tag = v->mem + v->h.tags_at + (u64)(*at)++ * v->h.tag_bytes;
		const u64 *begin_ticks = (const void *)(tag + v->h.begin_at);
		u64 begin = get(begin_ticks);

		if (!begin)
			continue;
		order();
		req->kind = *(const volatile u8 *)(tag + v->h.kind_at);
		req->offset_bytes = get((const void *)(tag + v->h.offset_at));
		req->len_bytes = get((const void *)(tag + v->h.len_at));
		req->queue = *(const volatile u16 *)(const void *)(tag + v->h.queue_at);
		req->tag = *(const volatile u16 *)(const void *)(tag + v->h.tag_at);
		order();
		/* It is still the same: no two of a tag begin at one time. */
		if (get(begin_ticks) != begin)
			continue;
		req->age_ticks = (s64)(now_ticks - begin) > 0 ? now_ticks - begin : 0;
		return true;
	}
	return false;
}

void ublk_dev_stats(const struct ublk_dev *dev, struct ublk_stats_snapshot *s)
{
	struct ublk_stats_view v;

	memset(s, 0, sizeof(*s));
	if (!dev->stats.head)
		return;
	view(&v, dev->stats.head, dev->stats.len_bytes);
	v.h = *dev->stats.head;
	ublk_stats_take(&v, UBLK_STATS_ALL, s);
}

void ublk_stats_subtract(struct ublk_stats_snapshot *s, const struct ublk_stats_snapshot *earlier)
{
	for (u32 i = 0; i < UBLK_STATS_NR_KINDS; i++) {
		s->kinds[i].ops -= earlier->kinds[i].ops;
		s->kinds[i].bytes -= earlier->kinds[i].bytes;
		s->kinds[i].errors -= earlier->kinds[i].errors;
	}
	for (u32 class = 0; class < UBLK_STATS_NR_CLASSES; class++) {
		s->ticks[class] -= earlier->ticks[class];
		for (u32 i = 0; i < UBLK_STATS_NR_BUCKETS; i++)
			s->hist[class][i] -= earlier->hist[class][i];
	}
	s->depth_ticks -= earlier->depth_ticks;
	s->begin_ticks = earlier->now_ticks;
	s->is_exact &= earlier->is_exact;
}

/* --- latencies --------------------------------------------------------------------------- */

/* The least that is counted in a bucket; of the one behind the last, too */
static u64 least(u32 bucket)
{
	u32 log2 = bucket / 8 - 1;

	if (bucket < 8)
		return bucket ? 1 : 0;
	return (((u64)(8 + bucket % 8) << log2) + 7) / 8;
}

u64 ublk_stats_middle(u32 bucket)
{
	u64 low = least(bucket < UBLK_STATS_MAX_BUCKET ? bucket : UBLK_STATS_MAX_BUCKET);

	if (bucket >= UBLK_STATS_MAX_BUCKET)
		return low;
	return low + (least(bucket + 1) - low) / 2;
}

u64 ublk_stats_ops(const struct ublk_stats_snapshot *s, enum ublk_stats_class class)
{
	u64 nr = 0;

	for (u32 i = 0; i < UBLK_STATS_NR_BUCKETS; i++)
		nr += s->hist[class][i];
	return nr;
}

/* Of those that are latencies */
static u64 nr_timed(const struct ublk_stats_snapshot *s, enum ublk_stats_class class)
{
	u64 nr = 0;

	for (u32 i = 0; i < UBLK_STATS_MAX_BUCKET; i++)
		nr += s->hist[class][i];
	return nr;
}

/* nr * permille / 1000, rounded up; whatever nr is */
static u64 rank_of(u64 nr, u32 permille)
{
	return nr / 1000 * permille + (nr % 1000 * permille + 999) / 1000;
}

u64 ublk_stats_percentile_ns(const struct ublk_stats_snapshot *s, enum ublk_stats_class class,
			     u32 permille)
{
	u64 left = rank_of(nr_timed(s, class), permille);

	for (u32 i = 0; left && i < UBLK_STATS_MAX_BUCKET; i++) {
		if (s->hist[class][i] >= left)
			return ublk_stats_ns(s, ublk_stats_middle(i));
		left -= s->hist[class][i];
	}
	return 0;
}

u64 ublk_stats_below(const struct ublk_stats_snapshot *s, enum ublk_stats_class class, u64 ns)
{
	u64 nr = 0;

	for (u32 i = 0; i < UBLK_STATS_MAX_BUCKET; i++)
		if (ublk_stats_ns(s, ublk_stats_middle(i)) <= ns)
			nr += s->hist[class][i];
	return nr;
}
