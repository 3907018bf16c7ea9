/* SPDX-License-Identifier: MIT */
/* What a disk's server has counted, for people and for programs. */
#include "tools/ublk_stat_show.h"

#include "tools/text/about.h"
#include "ublk/tgt.h"

/* As many of the oldest are told */
#define MAX_REQUESTS 64

/* A line's name, and its numbers in columns */
#define NAME_CHARS "%-13s"

const char *stat_kind_name(u32 kind)
{
	static const char names[] = "read\0write\0flush\0discard\0write_same\0write_zeroes\0kind6\0"
				    "kind7\0kind8\0kind9\0zone_open\0zone_close\0zone_finish\0"
				    "zone_append\0zone_reset_all\0zone_reset\0kind16\0kind17\0"
				    "report_zones\0unknown";

	return str_nth(names, kind < UBLK_STATS_NR_KINDS ? kind : UBLK_STATS_NR_KINDS - 1);
}

const char *stat_class_name(u32 class)
{
	return str_nth("read\0write\0other", class);
}

bool stat_has_kind(const struct ublk_stats_snapshot *s, u32 kind)
{
	return kind <= TGT_DISCARD || kind == TGT_WRITE_ZEROES || s->kinds[kind].ops;
}

static u64 span_ns(const struct ublk_stats_snapshot *s)
{
	return ublk_stats_ns(s, s->now_ticks - s->begin_ticks);
}

static u64 per_s(const struct ublk_stats_snapshot *s, u64 n)
{
	return about_share(n, 1000000000, span_ns(s));
}

static u64 average_ns(const struct ublk_stats_snapshot *s, u32 class)
{
	u64 nr = ublk_stats_ops(s, class);

	return nr ? ublk_stats_ns(s, s->ticks[class] / nr) : 0;
}

/* In thousandths */
static u64 depth_1000(const struct ublk_stats_snapshot *s)
{
	return about_share(s->depth_ticks, 1000, s->now_ticks - s->begin_ticks);
}

/* In millionths of all requests */
static u64 error_rate_ppm(const struct ublk_stats_snapshot *s)
{
	u64 ops = 0;
	u64 errors = 0;

	for (u32 i = 0; i < UBLK_STATS_NR_KINDS; i++) {
		ops += s->kinds[i].ops;
		errors += s->kinds[i].errors;
	}
	return about_share(errors, 1000000, ops);
}

/* --- for people ------------------------------------------------------------------------- */

static void add_kinds(struct fmt_buf *out, const struct ublk_stats_snapshot *s)
{
	char bytes[FMT_SIZE_MAX];
	char rate[FMT_SIZE_MAX];

	fmt_add(out, "  " NAME_CHARS "%14s %8s %8s %9s %8s\n", "requests", "number", "errors",
		"bytes", "per s", "bytes/s");
	for (u32 i = 0; i < UBLK_STATS_NR_KINDS; i++) {
		const struct ublk_stats_sum *sum = &s->kinds[i];

		if (stat_has_kind(s, i))
			fmt_add(out, "  " NAME_CHARS "%14llu %8llu %8s %9llu %8s\n",
				stat_kind_name(i), sum->ops, sum->errors,
				about_bytes(bytes, sum->bytes), per_s(s, sum->ops),
				about_bytes(rate, per_s(s, sum->bytes)));
	}
}

static void add_latencies(struct fmt_buf *out, const struct ublk_stats_snapshot *s)
{
	static const u16 permilles[] = { 500, 990, 999, 1000 };
	char text[FMT_SIZE_MAX];

	fmt_add(out, "  " NAME_CHARS "%14s %8s %8s %9s %8s\n", "latency", "average", "p50", "p99",
		"p99.9", "longest");
	for (u32 class = 0; class < UBLK_STATS_NR_CLASSES; class++) {
		if (!ublk_stats_ops(s, class))
			continue;
		fmt_add(out, "  " NAME_CHARS "%14s", stat_class_name(class),
			about_ns(text, average_ns(s, class)));
		for (u32 i = 0; i < ARRAY_SIZE(permilles); i++)
			fmt_add(out, i == 2 ? " %9s" : " %8s",
				about_ns(text, ublk_stats_percentile_ns(s, class, permilles[i])));
		fmt_add(out, "\n");
	}
}

static void add_snapshot(struct fmt_buf *out, const struct ublk_stats_snapshot *s)
{
	u64 errors = error_rate_ppm(s);
	u64 depth = depth_1000(s);
	char text[FMT_SIZE_MAX];

	add_kinds(out, s);
	add_latencies(out, s);
	fmt_add(out, "  over %s%s: queue depth %llu.%03llu on average, %u at most, %u now; "
		"%llu.%04llu %% errors\n", about_ns(text, span_ns(s)),
		s->has_ended ? ", and has ended" : "", depth / 1000, depth % 1000, s->max_depth,
		s->in_flight, errors / 10000, errors % 10000);
}

/* --- requests under way -------------------------------------------------------------------- */

/* struct oldest - the oldest first */
struct oldest {
	u32 nr;
	u32 nr_more;
	struct ublk_stats_request all[MAX_REQUESTS];
};

static void put_in_order(struct oldest *o, const struct ublk_stats_request *req)
{
	u32 at = o->nr;

	if (at == MAX_REQUESTS) {
		o->nr_more++;
		if (o->all[--at].age_ticks >= req->age_ticks)
			return;
	} else {
		o->nr++;
	}
	for (; at && o->all[at - 1].age_ticks < req->age_ticks; at--)
		o->all[at] = o->all[at - 1];
	o->all[at] = *req;
}

static void find_oldest(struct stat_counts *c, struct oldest *o)
{
	struct ublk_stats_request req;
	u32 at = 0;

	o->nr = 0;
	o->nr_more = 0;
	while (!c->now.has_ended && ublk_stats_next(&c->view, &at, c->now.now_ticks, &req))
		if (c->requests || ublk_stats_ns(&c->now, req.age_ticks) >= STAT_STUCK_NS)
			put_in_order(o, &req);
}

static void add_requests(struct fmt_buf *out, struct stat_counts *c)
{
	struct oldest o;
	char text[FMT_SIZE_MAX];

	find_oldest(c, &o);
	if (o.nr)
		fmt_add(out, "  under way%s, the oldest first:\n",
			c->requests ? "" : " for more than 1s");
	for (u32 i = 0; i < o.nr; i++) {
		const struct ublk_stats_request *req = &o.all[i];

		about_ns(text, ublk_stats_ns(&c->now, req->age_ticks));
		fmt_add(out, "    %8s  queue %u tag %-4u %s", text, req->queue, req->tag,
			stat_kind_name(req->kind));
		if (req->len_bytes)
			fmt_add(out, " of %llu bytes at %llu", req->len_bytes, req->offset_bytes);
		fmt_add(out, "\n");
	}
	if (o.nr_more)
		fmt_add(out, "    and %u more\n", o.nr_more);
}

void stat_show_text(struct fmt_buf *out, struct stat_counts *c)
{
	struct ublk_stats_snapshot s;

	add_snapshot(out, &c->now);
	for (u32 queue = 0; c->queues && queue < c->view.h.nr_queues; queue++) {
		ublk_stats_take(&c->view, queue, &s);
		fmt_add(out, "  queue %u\n", queue);
		add_snapshot(out, &s);
	}
	add_requests(out, c);
}

/* --- for programs --------------------------------------------------------------------------- */

/* thousandths as a number with decimals */
static void json_1000(struct json *j, const char *key, u64 value)
{
	char text[32];

	fmt_print(text, sizeof(text), "%llu.%03llu", value / 1000, value % 1000);
	json_raw(j, key, text);
}

static void json_snapshot(struct json *j, const struct ublk_stats_snapshot *s)
{
	json_add(j, "span_ns%llu exact%i ended%i in_flight%u depth_max%u error_ppm%llu", span_ns(s),
		 s->is_exact, s->has_ended, s->in_flight, s->max_depth, error_rate_ppm(s));
	json_1000(j, "depth_average", depth_1000(s));
	json_open(j, "requests", '{');
	for (u32 i = 0; i < UBLK_STATS_NR_KINDS; i++) {
		const struct ublk_stats_sum *sum = &s->kinds[i];

		if (!stat_has_kind(s, i))
			continue;
		json_open(j, stat_kind_name(i), '{');
		json_add(j, "ops%llu bytes%llu errors%llu ops_per_s%llu bytes_per_s%llu}", sum->ops,
			 sum->bytes, sum->errors, per_s(s, sum->ops), per_s(s, sum->bytes));
	}
	json_close(j, '}');
	json_open(j, "latency", '{');
	for (u32 i = 0; i < UBLK_STATS_NR_CLASSES; i++) {
		json_open(j, stat_class_name(i), '{');
		json_add(j, "average_ns%llu p50_ns%llu p99_ns%llu p999_ns%llu max_ns%llu}",
			 average_ns(s, i), ublk_stats_percentile_ns(s, i, 500),
			 ublk_stats_percentile_ns(s, i, 990), ublk_stats_percentile_ns(s, i, 999),
			 ublk_stats_percentile_ns(s, i, 1000));
	}
	json_close(j, '}');
}

static void json_requests(struct json *j, struct stat_counts *c)
{
	struct oldest o;

	find_oldest(c, &o);
	json_open(j, "under_way", '[');
	for (u32 i = 0; i < o.nr; i++) {
		const struct ublk_stats_request *req = &o.all[i];

		json_add(j, "{age_ns%llu queue%u tag%u kind%s offset_bytes%llu len_bytes%llu}",
			 ublk_stats_ns(&c->now, req->age_ticks), req->queue, req->tag,
			 stat_kind_name(req->kind), req->offset_bytes, req->len_bytes);
	}
	json_close(j, ']');
}

void stat_show_json(struct json *j, struct stat_counts *c)
{
	struct ublk_stats_snapshot s;

	json_open(j, "io", '{');
	json_snapshot(j, &c->now);
	json_requests(j, c);
	if (c->queues)
		json_open(j, "queues", '[');
	for (u32 queue = 0; c->queues && queue < c->view.h.nr_queues; queue++) {
		ublk_stats_take(&c->view, queue, &s);
		json_open(j, NULL, '{');
		json_u64(j, "queue", queue);
		json_snapshot(j, &s);
		json_close(j, '}');
	}
	if (c->queues)
		json_close(j, ']');
	json_close(j, '}');
}
