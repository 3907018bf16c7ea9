/* SPDX-License-Identifier: MIT */
/* See tools/bench_result.h. */
#include "tools/bench_result.h"

#include <linux/resource.h>

#include "tools/text/about.h"
#include "tools/text/fixed.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"
#include "ublk/tgt.h"

static u64 ns_of(s64 s, s64 us)
{
	return ((u64)s * 1000000 + (u64)us) * 1000;
}

/* What was used until now is taken away, and then added */
static void add_usage(struct bench_result *b, u64 sign)
{
	struct rusage u = { .ru_nvcsw = 0 };

	(void)sys_getrusage(RUSAGE_SELF, &u);
	b->user_ns += sign * ns_of(u.ru_utime.tv_sec, u.ru_utime.tv_usec);
	b->system_ns += sign * ns_of(u.ru_stime.tv_sec, u.ru_stime.tv_usec);
	b->nr_switches += sign * (u64)(u.ru_nvcsw + u.ru_nivcsw);
}

void bench_result_begin(struct bench_result *b)
{
	b->begin_ns = deadline_in_ms(0);
	b->begin_ticks = sys_ticks();
	add_usage(b, ~0ULL);
}

void bench_result_add(struct bench_result *b, const struct bench_job *j)
{
	const struct ublk_stats_snapshot *s = &j->stats;

	if (!b->all.begin_ticks || s->begin_ticks < b->all.begin_ticks)
		b->all.begin_ticks = s->begin_ticks;
	if (s->now_ticks > b->all.now_ticks)
		b->all.now_ticks = s->now_ticks;
	for (u32 kind = TGT_READ; kind <= TGT_WRITE; kind++) {
		b->all.kinds[kind].ops += s->kinds[kind].ops;
		b->all.kinds[kind].bytes += s->kinds[kind].bytes;
		b->all.ticks[kind] += s->ticks[kind];
		for (u32 i = 0; i < UBLK_STATS_NR_BUCKETS; i++)
			b->all.hist[kind][i] += s->hist[kind][i];
	}
	b->nr_enters += j->nr_enters;
	b->nr_verified += j->nr_verified;
}

void bench_result_end(struct bench_result *b)
{
	add_usage(b, 1);
	b->all.ns_per_tick = fixed_mul_div(deadline_in_ms(0) - b->begin_ns, 1ULL << 32,
					   sys_ticks() - b->begin_ticks);
}

/* --- what it says ------------------------------------------------------------------------- */

static u64 nr_all(const struct bench_result *b)
{
	return b->all.kinds[TGT_READ].ops + b->all.kinds[TGT_WRITE].ops;
}

static u64 span_ns(const struct bench_result *b)
{
	return ublk_stats_ns(&b->all, b->all.now_ticks - b->all.begin_ticks);
}

static u64 per_s(const struct bench_result *b, u64 n)
{
	return about_share(n, 1000000000, span_ns(b));
}

static u64 average_ns(const struct bench_result *b, u32 kind)
{
	u64 ops = b->all.kinds[kind].ops;

	return ops ? ublk_stats_ns(&b->all, b->all.ticks[kind] / ops) : 0;
}

static u64 percentile_ns(const struct bench_result *b, u32 kind, u32 permille)
{
	return ublk_stats_percentile_ns(&b->all, kind, permille);
}

static const char *name_of(u32 kind)
{
	return kind == TGT_READ ? "read" : "write";
}

static void add_kind(const struct bench_result *b, u32 kind, struct fmt_buf *out)
{
	static const u16 permilles[] = { 500, 990, 999, 1000 };
	const struct ublk_stats_sum *sum = &b->all.kinds[kind];
	char text[FMT_SIZE_MAX];

	fmt_add(out, "%-6s %10llu %9llu %9s", name_of(kind), sum->ops, per_s(b, sum->ops),
		about_bytes(text, per_s(b, sum->bytes)));
	fmt_add(out, " %9s", about_ns(text, average_ns(b, kind)));
	for (u32 i = 0; i < ARRAY_SIZE(permilles); i++)
		fmt_add(out, " %8s", about_ns(text, percentile_ns(b, kind, permilles[i])));
	fmt_add(out, "\n");
}

/* n for each request, with two decimals */
static void add_each(const struct bench_result *b, struct fmt_buf *out, u64 n)
{
	fixed_add(out, about_share(n, 100, nr_all(b)), 2);
}

void bench_result_text(const struct bench_result *b, struct fmt_buf *out)
{
	char text[FMT_SIZE_MAX];
	char user[FMT_SIZE_MAX];
	u64 nr = nr_all(b);

	fmt_add(out, "%-6s %10s %9s %9s %9s %8s %8s %8s %8s\n", "", "requests", "per s", "bytes/s",
		"average", "p50", "p99", "p99.9", "longest");
	for (u32 kind = TGT_READ; kind <= TGT_WRITE; kind++)
		if (b->all.kinds[kind].ops)
			add_kind(b, kind, out);
	fmt_add(out, "%s; each took %s", about_ns(text, span_ns(b)),
		about_ns(user, about_share(b->user_ns, 1, nr)));
	fmt_add(out, " of CPU here and %s in the kernel, ",
		about_ns(text, about_share(b->system_ns, 1, nr)));
	add_each(b, out, b->nr_enters);
	fmt_add(out, " calls and ");
	add_each(b, out, b->nr_switches);
	fmt_add(out, " switches\n");
	if (b->nr_verified)
		fmt_add(out, "%llu blocks that were read are as they were written\n",
			b->nr_verified);
}

static void json_kind(const struct bench_result *b, u32 kind, struct json *j)
{
	const struct ublk_stats_sum *sum = &b->all.kinds[kind];

	json_open(j, name_of(kind), '{');
	json_add(j, "ops%llu bytes%llu ops_per_s%llu bytes_per_s%llu average_ns%llu p50_ns%llu "
		 "p99_ns%llu p999_ns%llu longest_ns%llu}", sum->ops, sum->bytes,
		 per_s(b, sum->ops), per_s(b, sum->bytes), average_ns(b, kind),
		 percentile_ns(b, kind, 500), percentile_ns(b, kind, 990),
		 percentile_ns(b, kind, 999), percentile_ns(b, kind, 1000));
}

void bench_result_json(const struct bench_result *b, struct json *j)
{
	json_add(j, "span_ns%llu user_ns%llu system_ns%llu switches%llu enters%llu verified%llu",
		 span_ns(b), b->user_ns, b->system_ns, b->nr_switches, b->nr_enters,
		 b->nr_verified);
	json_kind(b, TGT_READ, j);
	json_kind(b, TGT_WRITE, j);
}
