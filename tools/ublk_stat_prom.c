/* SPDX-License-Identifier: MIT */
/*
 * What disks' servers have counted, as Prometheus takes it: text, version 0.0.4. A family
 * of samples stands together, so the disks are gone through for each.
 */
#include "tools/ublk_stat_show.h"

/* Of a histogram, in microseconds: 1, 2, 5, 10, ... up to ten seconds */
#define FIRST_US 1
#define LAST_US 10000000

static void head(struct fmt_buf *out, const char *name, const char *type, const char *help)
{
	fmt_add(out, "# HELP bareblk_%s %s\n# TYPE bareblk_%s %s\n", name, help, name, type);
}

/* As seconds, with as many decimals as that takes */
static void add_s(struct fmt_buf *out, u64 ns)
{
	char text[32];
	size_t len = fmt_print(text, sizeof(text), "%llu.%09llu", ns / 1000000000, ns % 1000000000);

	while (text[len - 1] == '0')
		len--;
	len -= text[len - 1] == '.';
	fmt_add_bytes(out, text, len);
}

/* The labels of a disk, and of one of its queues; what else there is stands behind them */
static void sample(struct fmt_buf *out, const char *name, const struct stat_counts *c, u32 queue)
{
	fmt_add(out, "bareblk_%s{device=\"ublkb%u\"", name, c->id);
	if (queue != UBLK_STATS_ALL)
		fmt_add(out, ",queue=\"%u\"", queue);
}

enum { OPS, BYTES, ERRORS };

static void add_sums(struct fmt_buf *out, const char *name, const struct stat_counts *c, u32 queue,
		     const struct ublk_stats_snapshot *s, u32 what)
{
	for (u32 i = 0; i < UBLK_STATS_NR_KINDS; i++) {
		const struct ublk_stats_sum *sum = &s->kinds[i];

		if (!stat_has_kind(s, i))
			continue;
		sample(out, name, c, queue);
		fmt_add(out, ",kind=\"%s\"} %llu\n", stat_kind_name(i),
			what == OPS ? sum->ops : what == BYTES ? sum->bytes : sum->errors);
	}
}

static void family(struct fmt_buf *out, const char *name, struct stat_counts *all, u32 nr, u32 what)
{
	struct ublk_stats_snapshot s;

	for (struct stat_counts *c = all; c < all + nr; c++) {
		if (!c->queues)
			add_sums(out, name, c, UBLK_STATS_ALL, &c->now, what);
		for (u32 queue = 0; c->queues && queue < c->view.h.nr_queues; queue++) {
			ublk_stats_take(&c->view, queue, &s);
			add_sums(out, name, c, queue, &s, what);
		}
	}
}

static void histogram(struct fmt_buf *out, const struct stat_counts *c, u32 class)
{
	static const u8 steps[] = { 1, 2, 5 };
	const char *name = stat_class_name(class);
	const struct ublk_stats_snapshot *s = &c->now;

	for (u64 us = FIRST_US; us <= LAST_US; us *= 10) {
		for (u32 i = 0; i < ARRAY_SIZE(steps) && us * steps[i] <= LAST_US; i++) {
			u64 ns = us * steps[i] * 1000;

			sample(out, "request_duration_seconds_bucket", c, UBLK_STATS_ALL);
			fmt_add(out, ",kind=\"%s\",le=\"", name);
			add_s(out, ns);
			fmt_add(out, "\"} %llu\n", ublk_stats_below(s, class, ns));
		}
	}
	sample(out, "request_duration_seconds_bucket", c, UBLK_STATS_ALL);
	fmt_add(out, ",kind=\"%s\",le=\"+Inf\"} %llu\n", name, ublk_stats_ops(s, class));
	sample(out, "request_duration_seconds_sum", c, UBLK_STATS_ALL);
	fmt_add(out, ",kind=\"%s\"} ", name);
	add_s(out, ublk_stats_ns(s, s->ticks[class]));
	fmt_add(out, "\n");
	sample(out, "request_duration_seconds_count", c, UBLK_STATS_ALL);
	fmt_add(out, ",kind=\"%s\"} %llu\n", name, ublk_stats_ops(s, class));
}

static void gauge(struct fmt_buf *out, const char *name, const struct stat_counts *c, u64 value)
{
	sample(out, name, c, UBLK_STATS_ALL);
	fmt_add(out, "} %llu\n", value);
}

static void seconds(struct fmt_buf *out, const char *name, const struct stat_counts *c, u64 ticks)
{
	sample(out, name, c, UBLK_STATS_ALL);
	fmt_add(out, "} ");
	add_s(out, ublk_stats_ns(&c->now, ticks));
	fmt_add(out, "\n");
}

void stat_show_prometheus(struct fmt_buf *out, struct stat_counts *all, u32 nr)
{
	const struct stat_counts *c;

	head(out, "requests_total", "counter", "Requests that were answered.");
	family(out, "requests_total", all, nr, OPS);
	head(out, "request_bytes_total", "counter", "Bytes of requests that were done.");
	family(out, "request_bytes_total", all, nr, BYTES);
	head(out, "request_errors_total", "counter", "Requests that failed.");
	family(out, "request_errors_total", all, nr, ERRORS);
	head(out, "request_duration_seconds", "histogram",
	     "How long the server had a request, within 7 percent.");
	for (c = all; c < all + nr; c++)
		for (u32 class = 0; class < UBLK_STATS_NR_CLASSES; class++)
			histogram(out, c, class);
	head(out, "depth_seconds_total", "counter",
	     "How long requests were under way together: its rate is the average queue depth.");
	for (c = all; c < all + nr; c++)
		seconds(out, "depth_seconds_total", c, c->now.depth_ticks);
	head(out, "requests_in_flight", "gauge", "Requests that are under way.");
	for (c = all; c < all + nr; c++)
		gauge(out, "requests_in_flight", c, c->now.in_flight);
	head(out, "queue_depth_max", "gauge", "The most requests that a thread had at a time.");
	for (c = all; c < all + nr; c++)
		gauge(out, "queue_depth_max", c, c->now.max_depth);
	head(out, "uptime_seconds", "gauge", "How long the disk has been served.");
	for (c = all; c < all + nr; c++)
		seconds(out, "uptime_seconds", c, c->now.now_ticks - c->now.begin_ticks);
}
