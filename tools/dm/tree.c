/* SPDX-License-Identifier: MIT */
/* ls --tree: drawn as dmsetup draws it, to the blank. */
#include <asm/ioctls.h>
#include <asm/termios.h>

#include "tools/dm/links.h"
#include "tools/dm/show.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

/* Deeper is not shown; with dmsetup neither. */
#define MAX_DEPTH 98

/* Bytes that no line of so many names needs */
#define LINE_BYTES 32768

/* What a line is drawn with: where nothing, or more, follows at a depth that it is past; in front
 * of the node with which it begins, the last one or not; behind a node, in front of its only one
 * or the first of more */
enum symbol { NONE, DOWN, LAST, CHILD, ONLY, FIRST, NR_SYMBOLS };

/* For each of the words utf, vt100 and ascii */
#define VT(text) "\033(0\017" text "\033(B"
static const char symbols[] =
	"  \0" "│ \0" "└─\0" "├─\0" "───\0" "─┬─\0"
	"  \0" VT("x") " \0" VT("mq") "\0" VT("tq") "\0" VT("qqq") "\0" VT("qwq") "\0"
	"  \0" "| \0" "`-\0" "|-\0" "---\0" "-+-\0";

enum word {
	DEVICE, BLKDEVNAME, NODEVICE, STATUS, TABLE, ACTIVE, RW, OPEN, UUID,
	UTF, VT100, ASCII, INVERTED, COMPACT, NOTRUNC,
};

/* Of a word that is cut short the first counts. Status and table are taken and change nothing,
 * as in dmsetup. */
static const char words[] =
	"device\0" "blkdevname\0" "nodevice\0" "status\0" "table\0" "active\0" "rw\0" "open\0"
	"uuid\0" "utf\0" "vt100\0" "ascii\0" "inverted\0" "compact\0" "notrunc\0";

#define WANT(word) (1U << (word))
#define ATTRIBUTES (WANT(ACTIVE) | WANT(RW) | WANT(OPEN) | WANT(UUID))

/**
 * struct level - the node that stands at a depth
 * @dev:   its number
 * @next:  the link to the one that comes there behind it
 * @width: in a compact line: characters that it takes
 * @more:  there is one that comes behind it
 */
struct level {
	u64 dev;
	u32 next;
	u32 width;
	bool more;
};

/**
 * struct drawing - one tree as it is drawn
 * @want:    words that were given
 * @signs:   the word that tells what it is drawn with
 * @dir:     the end of links that it leads to: 0 what is used, 1 inverted
 * @cut_at:  characters that a line may have
 * @line:    as far as it goes
 */
struct drawing {
	u32 want;
	u32 signs;
	u32 dir;
	u32 cut_at;
	struct fmt_buf line;
	struct dm_links links;
	struct dm_show s;
	struct level levels[MAX_DEPTH + 2];
};

/* Characters of UTF-8; *last is the one of that number, if there are so many */
static u32 characters(const char *text, u32 number, const char **last)
{
	u32 nr = 0;

	for (; *text; text++) {
		nr += ((u8)*text & 0xc0) != 0x80;
		if (nr == number && ((u8)*text & 0xc0) != 0x80)
			*last = text;
	}
	return nr;
}

/* A line that is too long ends in dots, the first of them in the last place. */
static void put_line(struct drawing *d)
{
	const char *text = d->line.text;
	const char *cut = text;

	if (characters(text, d->cut_at, &cut) > d->cut_at)
		fmt_add(d->s.t.r->out, "%.*s...\n", (int)(cut - text), text);
	else
		fmt_add(d->s.t.r->out, "%s\n", text);
	d->line.len = 0;
}

static void put_symbol(struct drawing *d, u32 blanks, u32 symbol)
{
	fmt_add(&d->line, "%*s%s", (int)blanks, "",
		str_nth(symbols, (d->signs - UTF) * NR_SYMBOLS + symbol));
}

static void put_prefix(struct drawing *d, u32 depth)
{
	for (u32 i = 0; i < depth; i++)
		put_symbol(d, d->levels[i].width + 1,
			   (i + 1 == depth ? LAST : NONE) + d->levels[i + 1].more);
}

/* With a comma behind each, the last of which is written over */
static void put_attributes(struct drawing *d, const struct dm_info *info)
{
	struct fmt_buf *line = &d->line;

	fmt_add(line, " [");
	if (d->want & WANT(ACTIVE))
		fmt_add(line, "%s, ", info->flags & DM_SUSPEND_FLAG ? "SUSPENDED" : "ACTIVE");
	if (d->want & WANT(RW))
		fmt_add(line, "%s, ", info->flags & DM_READONLY_FLAG ? "RO" : "RW");
	if (d->want & WANT(OPEN))
		fmt_add(line, "%d, ", info->open_count);
	if (d->want & WANT(UUID))
		fmt_add(line, "%s, ", info->uuid);
	line->len -= 2;
	fmt_add(line, "]");
}

static void put_names(struct drawing *d, const struct dm_info *info)
{
	char text[DM_SYSNAME_BYTES];

	fmt_add(&d->line, "%s", info->name);
	if ((d->want & WANT(BLKDEVNAME)) && dm_sysname(info->dev, DM_NAMING_BLKDEVNAME, text))
		fmt_add(&d->line, " <%s>", text);
	if (d->want & WANT(DEVICE))
		fmt_add(&d->line, " (%s)", dm_dev_text(text, info->dev));
	if (*info->name && (d->want & ATTRIBUTES))
		put_attributes(d, info);
}

/* A device without a name is not the device mapper's. */
static void draw_node(struct drawing *d, u32 depth, const struct dm_info *info)
{
	struct level *l = &d->levels[depth];
	size_t begin = d->line.len;
	const char *ignored;

	if (!*info->name && !(d->want & (WANT(DEVICE) | WANT(BLKDEVNAME))))
		return;
	if (begin)
		put_symbol(d, 0, ONLY + l->more);
	else
		put_prefix(d, depth);
	if (!begin)
		begin = d->line.len;
	put_names(d, info);
	l->width = 0;
	if (d->want & WANT(COMPACT))
		l->width = characters(d->line.text + begin, 0, &ignored);
	if (!l->width || l[1].next == d->links.nr)
		put_line(d);
}

static void open_object(struct drawing *d, const struct dm_info *info)
{
	struct json *j = &d->s.json;
	char text[DM_SYSNAME_BYTES];

	if (*info->name)
		dm_show_identity(&d->s, info);
	else
		json_add(j, "{major%u minor%u", dm_dev_major(info->dev), dm_dev_minor(info->dev));
	if (dm_sysname(info->dev, DM_NAMING_BLKDEVNAME, text))
		json_string(j, "blkdevname", text);
	if (*info->name)
		json_add(j, "suspended%i read_only%i open_count%u", info->flags & DM_SUSPEND_FLAG,
			 info->flags & DM_READONLY_FLAG, (u32)info->open_count);
	json_open(j, d->dir ? "used_by" : "uses", '[');
}

/* Does a link lead to a device that nobody uses, or inverted to one that uses none, where it was
 * found first? What is found in the list is in front of all that use it. */
static bool is_root(const struct drawing *d, u32 i)
{
	const struct dm_links *l = &d->links;
	const u64 *ends = dm_links_at(l, i)->ends;

	if (d->dir)
		return dm_links_find(l, ends[0], 0, 0) == i &&
		       dm_links_find(l, ends[0], 1, 0) == l->nr;
	return !ends[1] && dm_links_find(l, ends[0], 0, i + 1) == l->nr;
}

/* The first link from one on that leads to a node at a depth */
static u32 next_link(const struct drawing *d, u32 depth, u32 i)
{
	for (; i < d->links.nr; i++) {
		const u64 *ends = dm_links_at(&d->links, i)->ends;

		if (depth ? ends[!d->dir] == d->levels[depth - 1].dev && ends[d->dir] :
			    is_root(d, i))
			break;
	}
	return i;
}

static void visit(struct drawing *d, u32 depth)
{
	struct dm_info info = { .dev = d->levels[depth].dev };

	(void)!dm_info_get(d->s.t.control_fd, dm_by_dev(info.dev), 0, &info);
	dm_show_plain(&d->s.t, &info);
	if (d->s.t.o->json)
		open_object(d, &info);
	else
		draw_node(d, depth, &info);
}

static void draw(struct drawing *d)
{
	u32 depth = 0;

	d->levels[0].next = next_link(d, 0, 0);
	for (;;) {
		struct level *l = &d->levels[depth];

		if (l->next < d->links.nr && depth <= MAX_DEPTH) {
			l->dev = dm_links_at(&d->links, l->next)->ends[depth ? d->dir : 0];
			l->next = next_link(d, depth, l->next + 1);
			l->more = l->next < d->links.nr;
			l[1].next = next_link(d, depth + 1, 0);
			visit(d, depth++);
		} else if (depth--) {
			if (d->s.t.o->json)
				json_add(&d->s.json, "]}");
		} else {
			break;
		}
	}
}

/* As the locale has it, by the variables that setlocale(3) looks at */
static bool locale_is_utf8(const struct rt_start *start)
{
	const char *value = NULL;

	for (const char *name = "LC_ALL\0" "LC_CTYPE\0" "LANG\0"; *name && !(value && *value);
	     name = str_nth(name, 1))
		value = rt_env(start, name);
	return value && (str_find(value, ".UTF-8") || str_find(value, ".utf8"));
}

/* A terminal's lines are cut off at its edge, others at 80, unless vt100's signs, which take
 * no room but count, are in them. */
static u32 cut_at(const struct drawing *d)
{
	struct winsize size = { .ws_col = 0 };

	if (d->want & WANT(NOTRUNC))
		return ~0U;
	if (d->signs != VT100 && sys_ioctl(1, TIOCGWINSZ, &size) >= 0 &&
	    size.ws_col > 3)
		return size.ws_col - 3U;
	return 80;
}

static enum exit_code parse(struct drawing *d, const struct cmd_run *r)
{
	const char *at = dm_options(r)->options;
	int word;

	d->want = WANT(DEVICE);
	d->signs = locale_is_utf8(r->start) ? UTF : ASCII;
	while ((word = dm_show_option(r, &at, words)) >= 0) {
		d->want |= WANT(word);
		if (word == NODEVICE)
			d->want &= ~WANT(DEVICE);
		if (word >= UTF && word <= ASCII)
			d->signs = (u32)word;
	}
	if (d->want & ATTRIBUTES)
		d->want &= ~WANT(COMPACT);
	d->dir = d->want & WANT(INVERTED) ? 1 : 0;
	d->cut_at = cut_at(d);
	return at && *at ? EXIT_USAGE : EXIT_OK;
}

static void add(struct dm_show *s, const struct dm_name *dev)
{
	struct drawing *d = CONTAINER_OF(s, struct drawing, s);

	dm_show_end(s, dm_links_add(&d->links, s->t.control_fd, dev->dev));
}

static void tree(struct dm_show *s)
{
	struct drawing *d = CONTAINER_OF(s, struct drawing, s);
	char line[LINE_BYTES];

	d->line = (struct fmt_buf){ .text = line, .size = sizeof(line) };
	dm_show_all(s, add);
	draw(d);
}

enum exit_code dm_tree_run(const struct cmd_run *r)
{
	struct drawing d = { .s = { .run = tree, .no_select = true } };
	enum exit_code code = parse(&d, r);

	return code ? code : dm_show_run(&d.s, r);
}
