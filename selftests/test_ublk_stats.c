/* SPDX-License-Identifier: MIT */
/* ublk/stats.h without a device: what is counted is what is read, whoever wrote it. */
#include "ublk/stats.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/mman.h>

#include "selftests/harness/harness.h"
#include "selftests/oracle.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/path.h"
#include "ublk/stats_count.h"

#define DEPTH 8
#define NR_SAMPLES 20000

static u64 seed = 20261123;

static u64 below(u64 limit)
{
	return oracle_random(&seed) % limit;
}

/* --- latencies ------------------------------------------------------------------------ */

static void no_farther(u64 got, u64 want)
{
	u64 far = got > want ? got - want : want - got;

	if (far > want / 100 * 7 + want % 100 * 7 / 100)
		test_fail("%llu for %llu: more than 7 %% off", got, want);
}

static void buckets(void)
{
	u32 last = 0;

	for (u64 ticks = 0; ticks < 100000; ticks++) {
		u32 bucket = ublk_stats_bucket(ticks);

		EXPECT_GE(bucket, last);
		last = bucket;
		no_farther(ublk_stats_middle(bucket), ticks);
	}
	for (u32 i = 0; i < 2000000; i++) {
		u64 ticks = oracle_random(&seed) >> below(64);
		u32 bucket = ublk_stats_bucket(ticks);

		ASSERT_LT(bucket, UBLK_STATS_NR_BUCKETS);
		if (ticks >> 60)
			ASSERT_GE(bucket, UBLK_STATS_MAX_BUCKET);
		else
			no_farther(ublk_stats_middle(bucket), ticks);
	}
	EXPECT_LT(ublk_stats_bucket(~0ULL), UBLK_STATS_NR_BUCKETS);
}

/* Latencies of many shapes, in ticks */
static u64 constant(void) { return 123457; }
static u64 even(void) { return 1 + below(1000000); }
static u64 narrow(void) { return 70000 + below(300); }
static u64 of_all_sizes(void) { return 1 + (oracle_random(&seed) >> (8 + below(55))); }
static u64 two_kinds(void) { return below(10) ? 2000 + below(100) : 50000000 + below(9000000); }
static u64 slow_counter(void) { return 1 + below(40); }
static u64 few_stuck(void) { return below(400) ? 900 + below(900) : 1ULL << 40; }

static u64 samples[NR_SAMPLES];

/* Heap sort: no memory, no recursion */
static void sink(u64 *a, u32 root, u32 nr)
{
	for (u32 child; (child = 2 * root + 1) < nr; root = child) {
		u64 swap;

		child += child + 1 < nr && a[child + 1] > a[child];
		if (a[root] >= a[child])
			return;
		swap = a[root];
		a[root] = a[child];
		a[child] = swap;
	}
}

static void sort(u64 *a, u32 nr)
{
	for (u32 i = nr / 2; i--;)
		sink(a, i, nr);
	while (nr-- > 1) {
		u64 swap = a[0];

		a[0] = a[nr];
		a[nr] = swap;
		sink(a, 0, nr);
	}
}

static struct ublk_stats_snapshot snap;
static struct ublk_stats_snapshot other;

static void like_a_sort(const char *name, u64 (*latency)(void), u32 nr)
{
	static const u32 permilles[] = { 1, 10, 250, 500, 900, 990, 999, 1000 };

	test_row("%s, %u of them", name, nr);
	snap = (struct ublk_stats_snapshot){ .ns_per_tick = 1ULL << 32 };
	for (u32 i = 0; i < nr; i++) {
		samples[i] = latency();
		snap.hist[UBLK_STATS_WRITE][ublk_stats_bucket(samples[i])]++;
	}
	sort(samples, nr);
	for (u32 i = 0; i < ARRAY_SIZE(permilles); i++) {
		u32 rank = (nr * permilles[i] + 999) / 1000;

		no_farther(ublk_stats_percentile_ns(&snap, UBLK_STATS_WRITE, permilles[i]),
			   samples[rank - 1]);
	}
	EXPECT_EQ(ublk_stats_ops(&snap, UBLK_STATS_WRITE), nr);
	EXPECT_EQ(ublk_stats_below(&snap, UBLK_STATS_WRITE, ~0ULL), nr);
	EXPECT_EQ(ublk_stats_percentile_ns(&snap, UBLK_STATS_READ, 500), 0);
}

static void percentiles(void)
{
	static const struct {
		const char *name;
		u64 (*latency)(void);
	} rows[] = {
		{ "constant", constant },	  { "even", even },
		{ "narrow", narrow },		  { "of all sizes", of_all_sizes },
		{ "two kinds", two_kinds },	  { "a slow counter", slow_counter },
		{ "a few stuck ones", few_stuck },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		for (u32 nr = 1; nr <= NR_SAMPLES; nr = nr * 7 + 1)
			like_a_sort(rows[i].name, rows[i].latency, nr);
}

/* A counter that ran backwards is no latency. */
static void backwards(void)
{
	snap = (struct ublk_stats_snapshot){ .ns_per_tick = 1ULL << 32 };
	snap.hist[UBLK_STATS_READ][ublk_stats_bucket(1000)] = 10;
	snap.hist[UBLK_STATS_READ][ublk_stats_bucket((u64)-500)] = 100;
	no_farther(ublk_stats_percentile_ns(&snap, UBLK_STATS_READ, 1000), 1000);
	EXPECT_EQ(ublk_stats_ops(&snap, UBLK_STATS_READ), 110);
}

/* --- counting ------------------------------------------------------------------------------ */

struct rig {
	struct ublk_worker_setup setup;
	struct ublk_stats stats;
	struct ublk_stats_view view;
};

static struct rig rig;

static void begin(u16 nr_queues, u16 nr_workers)
{
	rig.setup = (struct ublk_worker_setup){
		.nr_queues = nr_queues, .nr_workers = nr_workers, .depth = DEPTH,
	};
	ASSERT_OK(ublk_stats_make(&rig.stats, &rig.setup));
	ASSERT_OK(ublk_stats_open(&rig.view, rig.stats.fd));
}

static void end(void)
{
	ublk_stats_close(&rig.view);
	ublk_stats_close(&rig.view);
	ublk_stats_free(&rig.stats);
	ublk_stats_free(&rig.stats);
}

static void count(u32 worker, u32 queue, u32 kind, u32 nr, bool fails)
{
	struct ublk_stats_slot *slot = ublk_stats_slot(&rig.stats, &rig.setup, worker, queue);

	for (u32 i = 0; i < nr; i++) {
		if (kind < UBLK_STATS_REST && !fails)
			ublk_stats_count(&slot->classes[kind], 4096, 1000 * (queue + 1));
		else
			ublk_stats_count_rest(slot, (u8)kind, 4096, 1000 * (queue + 1), fails);
	}
}

static void expect(u32 kind, u64 ops, u64 bytes, u64 errors)
{
	test_row("kind %u", kind);
	EXPECT_EQ(snap.kinds[kind].ops, ops);
	EXPECT_EQ(snap.kinds[kind].bytes, bytes);
	EXPECT_EQ(snap.kinds[kind].errors, errors);
}

/* Of fewer, as many, and more threads than queues */
static void queues(void)
{
	static const struct { u16 nr_queues; u16 nr_workers; } rows[] = {
		{ 1, 1 }, { 3, 3 }, { 5, 2 }, { 2, 5 }, { 4, 1 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 nr_queues = rows[i].nr_queues;
		u32 nr_workers = rows[i].nr_workers;
		u32 nr_slots = nr_queues > nr_workers ? nr_queues : nr_workers;
		u64 ops = 0;

		begin(rows[i].nr_queues, rows[i].nr_workers);
		for (u32 s = 0; s < nr_slots; s++)
			count(s % nr_workers, s % nr_queues, UBLK_STATS_READ, s + 1, false);
		for (u32 q = 0; q < nr_queues; q++) {
			ublk_stats_take(&rig.view, q, &snap);
			test_row("queue %u of %u by %u", q, nr_queues, nr_workers);
			EXPECT_GE(snap.kinds[UBLK_STATS_READ].ops, q + 1);
			EXPECT_EQ(snap.ticks[UBLK_STATS_READ],
				  snap.kinds[UBLK_STATS_READ].ops * 1000 * (q + 1));
			ops += snap.kinds[UBLK_STATS_READ].ops;
		}
		ublk_stats_take(&rig.view, UBLK_STATS_ALL, &snap);
		EXPECT_EQ(ops, nr_slots * (nr_slots + 1) / 2);
		expect(UBLK_STATS_READ, ops, ops * 4096, 0);
		EXPECT_TRUE(snap.is_exact);
		end();
	}
}

static void kinds(void)
{
	begin(2, 2);
	count(0, 0, TGT_READ, 5, false);
	count(1, 1, TGT_READ, 2, true);
	count(1, 1, TGT_WRITE, 7, false);
	count(0, 0, TGT_FLUSH, 3, false);
	count(0, 0, TGT_DISCARD, 2, false);
	count(1, 1, TGT_DISCARD, 1, true);
	count(1, 1, TGT_REPORT_ZONES, 1, false);
	count(1, 1, 200, 1, false);
	ublk_stats_take(&rig.view, UBLK_STATS_ALL, &snap);
	expect(TGT_READ, 7, 5 * 4096, 2);
	expect(TGT_WRITE, 7, 7 * 4096, 0);
	expect(TGT_FLUSH, 3, 3 * 4096, 0);
	expect(TGT_DISCARD, 3, 2 * 4096, 1);
	expect(TGT_WRITE_ZEROES, 0, 0, 0);
	expect(TGT_REPORT_ZONES, 1, 4096, 0);
	expect(UBLK_STATS_NR_KINDS - 1, 1, 4096, 0);
	EXPECT_EQ(ublk_stats_ops(&snap, UBLK_STATS_REST), 8);
	EXPECT_EQ(snap.depth_ticks, snap.ticks[0] + snap.ticks[1] + snap.ticks[2]);
	/* nothing is reset: who wants to know from here on subtracts */
	other = snap;
	count(0, 0, TGT_READ, 4, false);
	count(0, 0, TGT_FLUSH, 1, false);
	ublk_stats_take(&rig.view, UBLK_STATS_ALL, &snap);
	ublk_stats_subtract(&snap, &other);
	expect(TGT_READ, 4, 4 * 4096, 0);
	expect(TGT_WRITE, 0, 0, 0);
	expect(TGT_FLUSH, 1, 4096, 0);
	EXPECT_EQ(ublk_stats_ops(&snap, UBLK_STATS_READ), 4);
	EXPECT_EQ(snap.ticks[UBLK_STATS_READ], 4000);
	EXPECT_EQ(snap.begin_ticks, other.now_ticks);
	end();
}

static void times(void)
{
	u64 ms;

	begin(1, 1);
	test_sleep_ms(100);
	ublk_stats_take(&rig.view, UBLK_STATS_ALL, &snap);
	ms = ublk_stats_ns(&snap, snap.now_ticks - snap.begin_ticks) / 1000000;
	EXPECT_GE(ms, 99);
	EXPECT_LE(ms, 10000);
	EXPECT_TRUE(!snap.has_ended);
	ublk_stats_end(&rig.stats);
	test_sleep_ms(20);
	ublk_stats_take(&rig.view, UBLK_STATS_ALL, &snap);
	other = snap;
	test_sleep_ms(20);
	ublk_stats_take(&rig.view, UBLK_STATS_ALL, &snap);
	EXPECT_TRUE(snap.has_ended);
	EXPECT_EQ(snap.now_ticks, other.now_ticks);
	end();
}

static void in_flight(void)
{
	struct ublk_stats_request req;
	struct ublk_tag *t;
	u32 at = 0;

	begin(2, 2);
	EXPECT_TRUE(!ublk_stats_next(&rig.view, &at, sys_ticks(), &req));
	t = ublk_stats_tags(&rig.stats, &rig.setup, 1) + 3;
	t->q_id = 1;
	t->tag = 3;
	t->op.kind = TGT_WRITE;
	t->op.offset_bytes = 123 * 512;
	t->op.len_bytes = 8192;
	t->begin_ticks = sys_ticks();
	test_sleep_ms(50);
	ublk_stats_take(&rig.view, UBLK_STATS_ALL, &snap);
	EXPECT_EQ(snap.in_flight, 1);
	EXPECT_GE(ublk_stats_ns(&snap, snap.depth_ticks), 49000000);
	at = 0;
	ASSERT_TRUE(ublk_stats_next(&rig.view, &at, snap.now_ticks, &req));
	EXPECT_EQ(req.queue, 1);
	EXPECT_EQ(req.tag, 3);
	EXPECT_EQ(req.kind, TGT_WRITE);
	EXPECT_EQ(req.offset_bytes, 123 * 512);
	EXPECT_EQ(req.len_bytes, 8192);
	EXPECT_EQ(req.age_ticks, snap.depth_ticks);
	EXPECT_TRUE(!ublk_stats_next(&rig.view, &at, snap.now_ticks, &req));
	ublk_stats_take(&rig.view, 0, &snap);
	EXPECT_EQ(snap.in_flight, 0);
	end();
}

/* --- two at a time ---------------------------------------------------------------------- */

static void look_at_requests(u64 *seen)
{
	struct ublk_stats_request req;
	u32 at = 0;

	while (ublk_stats_next(&rig.view, &at, sys_ticks(), &req)) {
		++*seen;
		/* two requests mixed would not fit together */
		ASSERT_EQ(req.len_bytes, req.offset_bytes * 3 + 1);
	}
}

static void look(u64 *exact, u64 *seen)
{
	static u64 last;
	struct ublk_stats_sum *sum = &snap.kinds[TGT_READ];

	ublk_stats_take(&rig.view, UBLK_STATS_ALL, &snap);
	ASSERT_GE(sum->ops, last);
	last = sum->ops;
	look_at_requests(seen);
	if (!snap.is_exact)
		return;
	++*exact;
	ASSERT_EQ(sum->bytes, sum->ops * 4096);
	ASSERT_EQ(snap.ticks[UBLK_STATS_READ], sum->ops * 1000);
	ASSERT_EQ(ublk_stats_ops(&snap, UBLK_STATS_READ), sum->ops);
}

/* In another process, which has the file and nothing else */
static void reads_on(void *arg)
{
	u64 until = test_now_ms() + 1500;
	u64 exact = 0;
	u64 seen = 0;

	(void)arg;
	ublk_stats_close(&rig.view);
	ASSERT_OK(ublk_stats_open(&rig.view, rig.stats.fd));
	while (test_now_ms() < until)
		look(&exact, &seen);
	ASSERT_GE(exact, 1);
	ASSERT_GE(seen, 1);
}

static void counted_on(void)
{
	struct ublk_tag *tags;
	int child;
	int status;

	begin(1, 1);
	tags = ublk_stats_tags(&rig.stats, &rig.setup, 0);
	child = sys_fork();
	ASSERT_OK(child);
	if (!child) {
		reads_on(NULL);
		sys_exit_group(0);
	}
	for (u64 n = 1; !sys_wait4(child, &status, 1 /* WNOHANG */); n++) {
		struct ublk_tag *t = &tags[n % DEPTH];

		t->begin_ticks = 0;
		ublk_stats_order();
		t->op.offset_bytes = n;
		t->op.len_bytes = n * 3 + 1;
		ublk_stats_order();
		t->begin_ticks = sys_ticks();
		count(0, 0, TGT_READ, 1, false);
		/* a queue rests now and then */
		for (u32 i = 0; n % 64 == 0 && i < 20000; i++)
			sys_cpu_relax();
	}
	EXPECT_EQ(test_exited(status), 0);
	end();
}

/* --- enemies -------------------------------------------------------------------------------- */

static bool has_holes;

/* A file with these bytes in front, of that length, sealed so */
static int made(const void *bytes, size_t len, u64 file_bytes, u32 seals)
{
	int fd = sys_memfd_create("enemy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ASSERT_OK(fd);
	ASSERT_OK(sys_ftruncate(fd, file_bytes));
	if (!has_holes && file_bytes)
		ASSERT_OK(sys_fallocate(fd, 0, 0, file_bytes));
	ASSERT_EQ(sys_pwrite64(fd, bytes, len, 0), len);
	ASSERT_OK(sys_fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static void opens(int want, const void *bytes, size_t len, u64 file_bytes, u32 seals)
{
	struct ublk_stats_view v;
	int fd = made(bytes, len, file_bytes, seals);

	EXPECT_ERR(ublk_stats_open(&v, fd), want);
	EXPECT_EQ(v.mem, NULL);
	(void)sys_close(fd);
}

static void no_files(void)
{
	struct ublk_stats_view v;
	u64 len;
	int fds[2];
	int fd;

	begin(1, 1);
	len = rig.stats.len_bytes;
	opens(-EPROTO, rig.stats.head, 4096, len, 0);
	opens(-EPROTO, rig.stats.head, 4096, len, F_SEAL_GROW);
	opens(-EPROTO, rig.stats.head, 4096, len, F_SEAL_SHRINK);
	opens(-EPROTO, rig.stats.head, 4096, len, F_SEAL_SHRINK | F_SEAL_GROW);
	has_holes = true;
	opens(-EPROTO, rig.stats.head, 4096, len, UBLK_STATS_SEALS);
	has_holes = false;
	opens(-EPROTO, rig.stats.head, 4096, len - 4096, UBLK_STATS_SEALS);
	opens(-EPROTO, rig.stats.head, 4096, len + 4096, UBLK_STATS_SEALS);
	opens(-EPROTO, rig.stats.head, 0, len, UBLK_STATS_SEALS);
	opens(-EPROTO, rig.stats.head, 16, 16, UBLK_STATS_SEALS);
	opens(-EPROTO, rig.stats.head, 0, 0, UBLK_STATS_SEALS);
	fd = made(rig.stats.head, 4096, len, UBLK_STATS_SEALS);
	EXPECT_OK(ublk_stats_open(&v, fd));
	ublk_stats_close(&v);
	(void)sys_close(fd);
	ASSERT_OK(sys_pipe2(fds, O_CLOEXEC));
	EXPECT_ERR(ublk_stats_open(&v, fds[0]), -EPROTO);
	fd = sys_openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
	EXPECT_ERR(ublk_stats_open(&v, fd), -EPROTO);
	EXPECT_ERR(ublk_stats_open(&v, -1), -EPROTO);
	end();
}

/* Who was given the file may neither write to it nor change its size. */
static void cannot_be_written(void)
{
	char byte = 0;

	begin(1, 1);
	EXPECT_LT(sys_ftruncate(rig.stats.fd, 0), 0);
	EXPECT_LT(sys_ftruncate(rig.stats.fd, rig.stats.len_bytes * 2), 0);
	EXPECT_LT(sys_fcntl(rig.stats.fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	EXPECT_LT(sys_pwrite64(rig.stats.fd, &byte, 1, 0), 0);
	EXPECT_LT(sys_mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, rig.stats.fd, 0), 0);
	EXPECT_LT(sys_fallocate(rig.stats.fd, 3 /* punch a hole, keep the size */, 0, 4096), 0);
	end();
}

static u64 odd_number(u64 was)
{
	switch (below(7)) {
	case 0:
		return oracle_random(&seed);
	case 1:
		return 0;
	case 2:
		return ~0ULL >> below(64);
	case 3:
		return was + below(64);
	case 4:
		return was - below(64);
	case 5:
		return was << below(64);
	default:
		return 1ULL << below(64);
	}
}

static void take_all(struct ublk_stats_view *v)
{
	struct ublk_stats_request req;
	u32 at = 0;

	v->ns_per_tick = 1ULL << 32; /* or it would be measured each time */
	ublk_stats_take(v, UBLK_STATS_ALL, &snap);
	ublk_stats_take(v, v->h.nr_queues - 1, &snap);
	while (ublk_stats_next(v, &at, snap.now_ticks, &req))
		;
	(void)ublk_stats_percentile_ns(&snap, UBLK_STATS_REST, 999);
	(void)ublk_stats_below(&snap, UBLK_STATS_REST, 1000);
}

/* One field or some of the head are not what they should be; the rest is noise. */
static void any_head(void)
{
	u32 nr_taken = 0;
	char *file;
	u64 len;

	begin(2, 3);
	len = rig.stats.len_bytes;
	file = (char *)sys_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, rig.stats.fd, 0);
	for (u64 i = sizeof(struct ublk_stats_head); i < len; i += 8) {
		u64 noise = oracle_random(&seed);

		memcpy(file + i, &noise, 8);
	}
	for (u32 i = 0; i < 3000; i++) {
		struct ublk_stats_view v;
		int fd;

		memcpy(file, rig.stats.head, sizeof(struct ublk_stats_head));
		for (u64 n = 1 + below(3); n; n--) {
			u64 bytes = 2ULL << below(3);
			char *field = file + below(sizeof(struct ublk_stats_head) / bytes) * bytes;
			u64 value = 0;

			memcpy(&value, field, bytes);
			value = odd_number(value);
			memcpy(field, &value, bytes);
		}
		fd = made(file, len, len, UBLK_STATS_SEALS);
		if (!ublk_stats_open(&v, fd)) {
			take_all(&v);
			nr_taken++;
			ublk_stats_close(&v);
		}
		(void)sys_close(fd);
	}
	EXPECT_GE(nr_taken, 10);
	EXPECT_LE(nr_taken, 2000);
	end();
}

static const struct test_case cases[] = {
	TEST("a latency is in a bucket whose middle is no farther than 7 %", buckets),
	TEST("percentiles are those of a sort, within 7 %", percentiles),
	TEST("a counter that ran backwards is no latency", backwards),
	TEST("what each queue counted is told by queue and together", queues),
	TEST("each kind counts for itself, and a snapshot is subtracted from a later one", kinds),
	TEST("time passes until it has ended", times),
	TEST("a request under way is told with its age", in_flight),
	TEST("another process sees whole numbers while they are counted", counted_on,
	     .timeout_ms = 30000),
	TEST("a file that is none is refused", no_files),
	TEST("whoever has the file cannot change it", cannot_be_written),
	TEST("whatever the head says, nothing outside is looked at", any_head, .timeout_ms = 60000),
};
TEST_SUITE(ublk_stats, cases);
