/* SPDX-License-Identifier: MIT */
/*
 * What a device's server counts: requests, bytes and errors of each kind, how long
 * requests took, how many there were at a time, and which are under way.
 *
 *	ublk_dev_stats(&dev, &now);		of a device in this process, or of another's:
 *	err = ublk_talk_ask_counts(&info, &fd, ...);
 *	err = ublk_stats_open(&view, fd);
 *	ublk_stats_take(&view, UBLK_STATS_ALL, &now);
 *	...
 *	ublk_stats_subtract(&later, &now);		of the time between: nobody resets
 *	ns = ublk_stats_percentile_ns(&later, UBLK_STATS_READ, 990);	what others look at
 *
 * A request lasts from when its server takes it up until that has its answer, so that
 * what waits in the kernel behind one that blocks its thread is not seen here.
 *
 * It lies in a memfd that cannot change its size and is written by the server's queues
 * alone, each of which has lines of its own; whoever reads takes no lock and wakes
 * nobody. A reader of another process's looks at it as if an enemy had written it:
 * numbers may then be any, and nothing worse.
 *
 * Why no value is ever half of two: each is eight aligned bytes with one writer, written
 * by one store and read by one load. Why those of a snapshot belong together: for a
 * request a queue counts first, in "ended", that it is being counted, and last its latency.
 * A reader goes the other way: the latencies, the rest, "ended"; and when there are as
 * many of the first as of the last, nothing was being counted meanwhile. On a queue
 * that never rests it gives up after some tries, and is_exact says so: what it has then
 * is off by the few requests that ended while it was reading.
 *
 * Times are raw ticks of the machine's counter (TSC, cntvct_el0, time), and only who
 * reads converts them. Where that counter does not count at one pace, on x86-64 without
 * an invariant TSC, they are as good as it is. One that runs backwards when a thread
 * changes its CPU makes latencies of years; those are left out of percentiles.
 *
 * Threads: a view belongs to one thread; any number of views look at one device.
 */
#ifndef UBLK_STATS_H
#define UBLK_STATS_H

#include "uapi/rt/bits.h"
#include "uapi/rt/pages.h"
#include "uapi/types.h"

/* Latencies are told apart by these classes */
enum ublk_stats_class { UBLK_STATS_READ, UBLK_STATS_WRITE, UBLK_STATS_REST, UBLK_STATS_NR_CLASSES };

/* Everything else by kind: enum tgt_kind. What a kernel may invent counts as the last. */
#define UBLK_STATS_NR_KINDS 20

/*
 * Each power of two of ticks is divided into eight buckets, so one is 6.25 to 12.5 % of its
 * latency wide, and its middle no farther than 6.25 % from what is in it.
 */
#define UBLK_STATS_NR_BUCKETS 520
#define UBLK_STATS_MAX_BUCKET 488 /* what is here or above took 2^60 ticks: it did not */

/* What ublk_stats_take() is to look at: a queue's number, or */
#define UBLK_STATS_ALL 0xffffffffU

/* struct ublk_stats_sum - of one kind; errors are requests that failed, and among ops */
struct ublk_stats_sum {
	u64 ops;
	u64 bytes;
	u64 errors;
};

/**
 * struct ublk_stats_snapshot - what was counted until now, or, subtracted, between two
 * @kinds:       by enum tgt_kind; bytes are those that were asked for and are done
 * @ticks:       how long the requests of each class took, together
 * @hist:        how many took how long, see ublk_stats_bucket()
 * @begin_ticks: when it began
 * @now_ticks:   until when; when it is stopped, until then
 * @depth_ticks: an integral of how many were under way, over the time
 * @in_flight:   how many are
 * @max_depth:   the most that one thread of the server had at a time, ever
 * @ns_per_tick: of 32 bits before and as many behind the point
 * @is_exact:    all of it is of one moment
 * @has_ended:   the server has stopped it
 */
struct ublk_stats_snapshot {
	struct ublk_stats_sum kinds[UBLK_STATS_NR_KINDS];
	u64 ticks[UBLK_STATS_NR_CLASSES];
	u64 hist[UBLK_STATS_NR_CLASSES][UBLK_STATS_NR_BUCKETS];
	u64 begin_ticks;
	u64 now_ticks;
	u64 depth_ticks;
	u32 in_flight;
	u32 max_depth;
	u64 ns_per_tick;
	bool is_exact;
	bool has_ended;
};

/* struct ublk_stats_request - one that is under way */
struct ublk_stats_request {
	u16 queue;
	u16 tag;
	u8 kind; /* enum tgt_kind */
	u64 offset_bytes;
	u64 len_bytes;
	u64 age_ticks;
};

#define UBLK_STATS_MAGIC 0x7374617473627562ULL /* "bubstats" */
#define UBLK_STATS_VERSION 1

/**
 * struct ublk_stats_head - the first page
 * @tag_bytes:  from one tag to the next, and where in it what is of interest stands: so a
 *              program reads those of another build
 * @begin_ns:   CLOCK_MONOTONIC, at the same moment as @begin_ticks
 * @end_ticks:  not 0: it was stopped then
 */
struct ublk_stats_head {
	u64 magic;
	u32 version;
	u32 slot_bytes;
	u64 len_bytes;
	u64 slots_at;
	u64 tags_at;
	u32 nr_slots;
	u32 nr_tags;
	u32 nr_queues;
	u32 nr_threads;
	u16 tag_bytes;
	u16 begin_at;
	u16 kind_at;
	u16 offset_at;
	u16 len_at;
	u16 queue_at;
	u16 tag_at;
	u16 reserved;
	u64 begin_ticks;
	u64 begin_ns;
	u64 end_ticks;
};

/**
 * struct ublk_stats - a server's end
 * @fd: the memfd, to be given to readers, who cannot write to it
 */
struct ublk_stats {
	struct ublk_stats_head *head;
	u64 len_bytes;
	s32 fd;
};

/* struct ublk_stats_view - a reader's end; h is as it was when it was checked */
struct ublk_stats_view {
	const char *mem;
	u64 len_bytes;
	struct ublk_stats_head h;
	u64 ns_per_tick; /* 0: not known yet */
};

/**
 * ublk_stats_open() - look at a device's numbers
 * @fd: of its memfd, from anywhere; stays the caller's, who may close it
 *
 * Return: 0, or
 *   -EPROTO  it is none: not sealed, of another size than it says, of another version
 *   -errno   of mmap(2)
 */
NODISCARD int ublk_stats_open(struct ublk_stats_view *v, s32 fd);

/* ublk_stats_close() - safe on a zeroed struct */
void ublk_stats_close(struct ublk_stats_view *v);

/**
 * ublk_stats_take() - what has been counted until now
 * @queue: its number, or UBLK_STATS_ALL. With fewer threads than queues max_depth of one is
 *         that of the thread which serves it
 *
 * The first one of a view may take UBLK_STATS_RATE_MS, when the device is younger than that.
 */
void ublk_stats_take(struct ublk_stats_view *v, u32 queue, struct ublk_stats_snapshot *s);
#define UBLK_STATS_RATE_MS 20

/* ublk_stats_subtract() - what was counted after @earlier; in_flight and max_depth stay */
void ublk_stats_subtract(struct ublk_stats_snapshot *s, const struct ublk_stats_snapshot *earlier);

/**
 * ublk_stats_next() - the requests that are under way, in no order
 * @at: 0 for the first; is moved on
 *
 * Return: true: *req is one, as it was at @now_ticks or began since
 */
bool ublk_stats_next(const struct ublk_stats_view *v, u32 *at, u64 now_ticks,
		     struct ublk_stats_request *req);

/* ublk_stats_ns() - ticks as nanoseconds */
u64 ublk_stats_ns(const struct ublk_stats_snapshot *s, u64 ticks);

/* ublk_stats_ops() - requests of a class that have ended */
u64 ublk_stats_ops(const struct ublk_stats_snapshot *s, enum ublk_stats_class class);

/**
 * ublk_stats_percentile_ns() - the latency that so many of a class do not exceed
 * @permille: 500 for the median; 1000 for the longest of all
 *
 * It is 6.25 % too much or too little at the most. 0 when there were none.
 */
u64 ublk_stats_percentile_ns(const struct ublk_stats_snapshot *s, enum ublk_stats_class class,
			     u32 permille);

/* ublk_stats_below() - how many of a class took no longer than that, as exactly as that */
u64 ublk_stats_below(const struct ublk_stats_snapshot *s, enum ublk_stats_class class, u64 ns);

/* ublk_stats_bucket() - where a latency is counted: one of them for each and every number */
static inline u32 ublk_stats_bucket(u64 ticks)
{
	u32 log2 = bits_last(ticks | 1);

	/* the first digit, which is 1 but for 0, and the three behind it */
	return log2 * 8 + (u32)(ticks << 3 >> log2);
}

/* ublk_stats_middle() - of the latencies that it counts */
u64 ublk_stats_middle(u32 bucket);

#endif
