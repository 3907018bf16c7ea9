/* SPDX-License-Identifier: MIT */
/* The numbers that a server tells about its targets, and how far one has copied. */
#include "tools/ublk_stat_numbers.h"

#include "uapi/rt/str.h"

#define BAR_CHARS 24

void numbers_take(void *ctx, const char *who, const char *name, u64 value)
{
	struct numbers *n = ctx;
	struct number *new = &n->all[n->nr];

	if (n->nr == NR_NUMBERS || str_copy(new->name, sizeof(new->name), name) < 0)
		return;
	new->value = value;
	new->is_target = str_eq(who, "target");
	n->nr++;
}

u64 numbers_of(const struct numbers *n, const struct copying *c, const char *what)
{
	char name[NUMBER_NAME_BYTES];

	fmt_print(name, sizeof(name), "%.*s.%s", c->prefix_chars, c->name, what);
	for (u32 i = 0; i < n->nr; i++)
		if (str_eq(n->all[i].name, name))
			return n->all[i].value;
	return 0;
}

bool numbers_find_copying(const struct numbers *n, u32 *at, struct copying *c)
{
	for (; *at < n->nr; ++*at) {
		const struct number *copied = &n->all[*at];
		const char *end = str_find(copied->name, ".copied_bytes");

		if (!end)
			continue;
		c->name = copied->name;
		c->prefix_chars = (int)(end - copied->name);
		c->copied = copied->value;
		c->total = numbers_of(n, c, "total_bytes");
		if (c->total) {
			++*at;
			return true;
		}
	}
	return false;
}

/* Four digits and a unit, for an eye */
static void add_about(struct fmt_buf *out, u64 bytes)
{
	u32 unit = 0;

	for (; bytes >= 10000; bytes >>= 10)
		unit++;
	fmt_add(out, "%llu%c", bytes, "BKMGTPE"[unit]);
}

/* A product that is too large for 64 bits has a total that keeps the share below @of. */
static u64 share(const struct copying *c, u64 of)
{
	return c->copied >= c->total ? of : c->copied * of / c->total;
}

static void add_bar(struct fmt_buf *out, const struct copying *c, u64 per_s)
{
	u64 full = share(c, BAR_CHARS);
	u64 left_s;

	fmt_add(out, "%.*s [", c->prefix_chars, c->name);
	fmt_add_fill(out, '#', full);
	fmt_add_fill(out, '.', BAR_CHARS - full);
	fmt_add(out, "] %llu %%  ", share(c, 100));
	add_about(out, c->copied);
	fmt_add(out, " of ");
	add_about(out, c->total);
	if (!per_s || c->copied >= c->total)
		return;
	fmt_add(out, ", ");
	add_about(out, per_s);
	left_s = (c->total - c->copied) / per_s;
	fmt_add(out, "/s, %llu:%02llu left", left_s / 60, left_s % 60);
}

void numbers_add_bars(struct fmt_buf *out, const struct numbers *now, const struct numbers *first,
		      u64 ms, bool overwrites)
{
	struct copying c;
	u32 nr = 0;

	for (u32 at = 0; numbers_find_copying(now, &at, &c); nr++) {
		u64 was = first->all[at - 1].value;

		fmt_add(out, overwrites && !nr ? "\r  " : "  ");
		add_bar(out, &c, c.copied < was ? 0 : (c.copied - was) * 1000 / (ms + 1));
		if (!overwrites)
			fmt_add(out, "\n");
	}
	if (overwrites && nr)
		fmt_add(out, "\033[K");
}

bool numbers_have_targets(const struct numbers *n)
{
	for (u32 i = 0; i < n->nr; i++)
		if (n->all[i].is_target)
			return true;
	return false;
}

void numbers_add_text(struct fmt_buf *out, const struct numbers *n)
{
	for (u32 i = 0; i < n->nr; i++) {
		char text[FMT_SIZE_MAX];

		if (str_ends(n->all[i].name, "_bytes"))
			fmt_size(text, n->all[i].value);
		else
			fmt_print(text, sizeof(text), "%llu", n->all[i].value);
		fmt_add(out, "  %-30s %s\n", n->all[i].name, text);
	}
}

void numbers_add_json(struct json *j, const struct numbers *n)
{
	for (u32 group = 0; group < 2; group++) {
		if (group)
			json_open(j, "target", '{');
		for (u32 i = 0; i < n->nr; i++)
			if (n->all[i].is_target == group)
				json_u64(j, n->all[i].name, n->all[i].value);
	}
	json_close(j, '}');
}
