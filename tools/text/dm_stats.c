/* SPDX-License-Identifier: MIT */
/* Reading and writing what the kernel and dmstats say of regions and groups. */
#include "tools/text/dm_stats.h"

#include <asm/errno.h>

#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

#define GROUP_TAG "DMS_GROUP="

/* What stands behind a text of this form, each # a number; NULL when it is none of it */
static const char *scan(const char *s, const char *form, u64 *numbers)
{
	for (; *form; form++) {
		if (*form == '#' ? !str_is_digit(*s) || parse_number(s, numbers++, &s) :
				   *s++ != *form)
			return NULL;
	}
	return s;
}

/* As the kernel has it, where none is "-" */
static const char *word_of(const char *text)
{
	return str_eq(text, "-") ? "" : text;
}

/* PROGRAM AUX, which may have blanks, and behind them what the region counts more of */
static int parse_words(char *text, struct dm_stats_region *r)
{
	const char *last;
	const char *bounds;
	char *aux = text;

	while ((last = str_rchr(text, ' ')) != NULL) {
		bounds = str_starts(last + 1, "histogram:");
		if (bounds)
			r->bounds = bounds;
		else if (str_eq(last + 1, "precise_timestamps"))
			r->is_precise = true;
		else
			break;
		text[last - text] = '\0';
	}
	if (r->bounds) {
		struct fmt_buf none = { .size = 0 };
		u64 unit = dm_stats_unit_ns(r);
		int nr = dm_stats_add_bounds(&none, r->bounds, unit, unit);

		if (nr < 0)
			return nr;
		r->nr_bins = (u32)nr + 1;
	}
	while (*aux && *aux != ' ')
		aux++;
	if (*aux)
		*aux++ = '\0';
	r->program = word_of(text);
	r->user = word_of(aux);
	return 0;
}

static int parse_line(char *line, struct dm_stats_region *r)
{
	u64 n[4];
	const char *s = scan(line, "#: #+# # ", n);

	if (!s || !n[2] || !n[3] || n[1] + n[2] < n[1] || n[2] / n[3] > DM_STATS_MAX_AREAS)
		return -EPROTO;
	*r = (struct dm_stats_region){
		.id = n[0], .start = n[1], .len = n[2], .step = n[3],
		.nr_areas = n[2] / n[3] + !!(n[2] % n[3]), .group = DM_STATS_NO_GROUP,
	};
	return parse_words(line + (s - line), r);
}

int dm_stats_next_range(const char **text, u64 *first, u64 *last)
{
	const char *s;

	if (!**text || **text == '#')
		return 0;
	s = scan(*text, "#", first);
	if (!s)
		return -EINVAL;
	*last = *first;
	if (*s == '-')
		s = scan(s, "-#", last);
	if (!s || *last < *first || !(*s == ',' ? str_is_digit(*++s) : !*s || *s == '#'))
		return -EINVAL;
	*text = s;
	return 1;
}

/* What stands behind a list of members, which are of the group then; NULL when it is none */
static const char *set_members(const char *text, struct dm_stats_region *regions, u32 nr,
			       u64 group)
{
	u64 first;
	u64 last;
	int got;

	while ((got = dm_stats_next_range(&text, &first, &last)) > 0)
		for (u32 i = 0; i < nr; i++)
			if (regions[i].id >= first && regions[i].id <= last)
				regions[i].group = group;
	return got ? NULL : text;
}

/* Looks for a group in what is stored with a region. Its alias may be in quotes, and have colons
 * then; its list begins with the region itself. */
static void parse_group(struct dm_stats_region *regions, u32 nr, struct dm_stats_region *r)
{
	char *text = (char *)(uintptr_t)r->user;
	const char *alias = str_starts(text, GROUP_TAG);
	const char *end;
	const char *members;
	const char *user;
	u64 first;

	if (!alias)
		return;
	end = alias;
	if (*alias == '"') {
		end = NULL;
		for (const char *c = ++alias; (c = str_find(c, "\":")) != NULL; c++)
			end = c;
	} else {
		end = str_chr(alias, ':');
	}
	if (!end)
		return;
	members = str_chr(end, ':') + 1;
	user = scan(members, "#", &first) && first == r->id ? set_members(members, NULL, 0, 0) :
							      NULL;
	if (!user)
		return;
	(void)set_members(members, regions, nr, r->id);
	r->alias = *end == ':' && end == alias ? NULL : alias;
	text[end - text] = '\0';
	r->user = word_of(*user ? user + 1 : user);
}

int dm_stats_list_parse(char *text, struct dm_stats_region *regions, u32 room)
{
	u32 nr = 0;

	while (*text) {
		char *line = text;

		while (*text && *text != '\n')
			text++;
		if (*text)
			*text++ = '\0';
		if (nr == room || parse_line(line, &regions[nr]) ||
		    (nr && regions[nr].id <= regions[nr - 1].id))
			return -EPROTO;
		nr++;
	}
	for (u32 i = 0; i < nr; i++)
		parse_group(regions, nr, &regions[i]);
	return (int)nr;
}

struct dm_stats_region *dm_stats_find(struct dm_stats_region *regions, u32 nr, u64 id)
{
	for (u32 i = 0; i < nr; i++)
		if (regions[i].id == id)
			return &regions[i];
	return NULL;
}

/* Those of the counters that are times, which the kernel has in ms or in ns */
#define TIMES                                                                                     \
	(1U << DM_STATS_READ_NS | 1U << DM_STATS_WRITE_NS | 1U << DM_STATS_IO_NS |                \
	 1U << DM_STATS_QUEUE_NS | 1U << DM_STATS_TOTAL_READ_NS | 1U << DM_STATS_TOTAL_WRITE_NS)

static const char *parse_area(const char *s, const struct dm_stats_region *r, u64 *values)
{
	u64 range[2];

	s = scan(s, "#+#", range);
	for (u32 i = 0; s && i < dm_stats_stride(r); i++) {
		const char *rest = scan(s, i > DM_STATS_NR_COUNTERS ? ":#" : " #", &values[i]);

		if (i < DM_STATS_NR_COUNTERS && TIMES >> i & 1)
			values[i] *= dm_stats_unit_ns(r);
		if (!rest && i == DM_STATS_IN_PROGRESS) { /* below 0, as it can be for a moment */
			rest = scan(s, " -#", &values[i]);
			values[i] = 0;
		}
		s = rest;
	}
	return s ? scan(s, "\n", NULL) : NULL;
}

int dm_stats_print_parse(const char *text, const struct dm_stats_region *r)
{
	u32 stride = dm_stats_stride(r);
	u64 *values = r->values.addr;
	u64 *sum = values + r->nr_areas * stride;

	for (; values < sum; values += stride) {
		text = parse_area(text, r, values);
		if (!text)
			return -EPROTO;
		for (u32 i = 0; i < stride; i++)
			sum[i] += values[i];
	}
	return *text ? -EPROTO : 0;
}

void dm_stats_add_members(struct fmt_buf *out, const struct dm_stats_region *regions, u32 nr,
			  u64 group)
{
	const char *comma = "";

	for (u32 i = 0; i < nr; i++) {
		u64 first = regions[i].id;

		if (regions[i].group != group)
			continue;
		while (i + 1 < nr && regions[i + 1].group == group &&
		       regions[i + 1].id == regions[i].id + 1)
			i++;
		fmt_add(out, regions[i].id == first ? "%s%llu" : "%s%llu-%llu", comma, first,
			regions[i].id);
		comma = ",";
	}
}

void dm_stats_add_aux(struct fmt_buf *out, const struct dm_stats_region *regions, u32 nr,
		      const struct dm_stats_region *r)
{
	if (r->group == r->id) {
		fmt_add(out, r->alias ? GROUP_TAG "\"%s\":" : GROUP_TAG ":", r->alias);
		dm_stats_add_members(out, regions, nr, r->id);
		fmt_add(out, "#");
	}
	fmt_add(out, "%s", *r->user ? r->user : "-");
}
