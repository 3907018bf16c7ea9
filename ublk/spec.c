/* SPDX-License-Identifier: MIT */
/*
 * Opening targets by their spec. The text is parsed into nodes first, parents
 * before children; then the nodes are opened from the last to the first, so
 * that every child is open before its parent.
 */
#include <asm/errno.h>
#include <linux/mman.h>

#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/rt/str.h"
#include "ublk/tgt.h"

/* What parsing finds out about one target; strings are in the text arena */
struct node {
	const struct tgt_type *type;
	const char *arg;
	const char *params; /* name, NUL, value, NUL, ...; ended by an empty name */
	s32 parent;
	u32 at; /* where in the spec it begins, for messages */
};

struct parser {
	const struct tgt_type *const *types;
	const char *spec;
	const char *p; /* what is read next */
	char *text;    /* where decoded text goes next */
	struct node *nodes;
	u32 nr;
	bool is_again;
	s32 *handed; /* of nr_handed nodes, see tgt_open_handed() */
	u32 nr_handed;
	struct diag *why;
};

static int fail_at(const struct parser *ps, const char *where, const char *what)
{
	return diag_set(ps->why, -EINVAL, "%s at character %d, in \"%s\"", what,
			(int)(where - ps->spec) + 1, ps->spec);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_special(char c)
{
	return str_chr("?&[],% ", c) != NULL;
}

/* Decodes up to the next special character or @end into the arena */
static int take_text(struct parser *ps, char end, const char **out)
{
	*out = ps->text;
	while (*ps->p && *ps->p != end && (!is_special(*ps->p) || *ps->p == '%')) {
		char c = *ps->p++;

		if (c == '%') {
			int high = hex_digit(ps->p[0]);
			int low = high < 0 ? -1 : hex_digit(ps->p[1]);

			if (low < 0 || high + low == 0)
				return fail_at(ps, ps->p - 1, "% wants two hexadecimal digits, not 00,");
			c = (char)(high << 4 | low);
			ps->p += 2;
		}
		*ps->text++ = c;
	}
	*ps->text++ = '\0';
	return 0;
}

static bool is_kind_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static const struct tgt_type *find_type(const struct parser *ps, const char *name)
{
	const struct tgt_type *const *t = ps->types;

	while (*t && !str_eq((*t)->name, name))
		t++;
	return *t;
}

static int take_kind(struct parser *ps, struct node *n)
{
	const char *begin = ps->p;
	char *name = ps->text;

	while (is_kind_char(*ps->p))
		*ps->text++ = *ps->p++;
	*ps->text++ = '\0';
	n->type = find_type(ps, name);
	if (n->type)
		return 0;
	if (*name == '\0')
		return fail_at(ps, begin, "the name of a target is missing");
	return diag_set(ps->why, -EINVAL, "no target is called %s at character %d, in \"%s\"", name,
			(int)(begin - ps->spec) + 1, ps->spec);
}

static int take_params(struct parser *ps, struct node *n)
{
	int err = 0;

	n->params = ps->text;
	if (*ps->p == '?') {
		do {
			const char *text;

			ps->p++;
			err = take_text(ps, '=', &text);
			if (err)
				return err;
			if (*text == '\0' || *ps->p != '=')
				return fail_at(ps, ps->p, "a parameter is written name=value,");
			ps->p++;
			err = take_text(ps, n->type->max_children ? ':' : '\0', &text);
		} while (!err && *ps->p == '&');
	}
	*ps->text++ = '\0';
	return err;
}

static int take_arg(struct parser *ps, struct node *n)
{
	const char *begin = ps->p;

	if (*ps->p != ':')
		return 0;
	ps->p++;
	if (!n->type->arg_name)
		return fail_at(ps, begin, "this target takes nothing after the colon,");
	return take_text(ps, '\0', &n->arg);
}

/* KIND:ARG of a composite that makes its child of ARG, see struct tgt_type */
static bool is_short(const struct parser *ps, const struct node *n)
{
	return n->type->leaf && ps->p[0] == ':' && ps->p[1] != '[';
}

/* One target without its children, which begin where it returns */
static int take_node(struct parser *ps, s32 parent)
{
	struct node *n = &ps->nodes[ps->nr];
	int err;

	if (ps->nr == TGT_MAX_NODES)
		return diag_set(ps->why, -E2BIG, "more than %d targets, in \"%s\"", TGT_MAX_NODES,
				ps->spec);
	*n = (struct node){ .parent = parent, .at = (u32)(ps->p - ps->spec) + 1 };
	err = take_kind(ps, n);
	if (!err && (!n->type->max_children || is_short(ps, n)))
		err = take_arg(ps, n);
	if (!err)
		err = take_params(ps, n);
	if (!err)
		ps->nr++;
	return err;
}

static int go_down(struct parser *ps, s32 *parent, u32 *depth)
{
	if (++*depth == TGT_MAX_DEPTH)
		return diag_set(ps->why, -E2BIG, "nested deeper than %d, in \"%s\"", TGT_MAX_DEPTH,
				ps->spec);
	*parent = (s32)ps->nr - 1;
	return 0;
}

/* The child that the last target's argument stands for; its brackets are not written */
static int add_leaf(struct parser *ps, u32 depth)
{
	struct node *n = &ps->nodes[ps->nr - 1];
	s32 parent = -1;
	int err = go_down(ps, &parent, &depth);

	if (!err && ps->nr == TGT_MAX_NODES)
		err = diag_set(ps->why, -E2BIG, "more than %d targets, in \"%s\"", TGT_MAX_NODES,
			       ps->spec);
	if (err)
		return err;
	n[1] = (struct node){
		.type = find_type(ps, n->type->leaf),
		.arg = n->arg,
		.params = n->arg + str_len(n->arg),
		.parent = parent,
		.at = n->at,
	};
	n->arg = NULL;
	ps->nr++;
	return n[1].type ? 0 : -EINVAL;
}

/* After a target that has no children, or all of them: the next one's bracket */
static int climb(struct parser *ps, s32 *parent, u32 *depth)
{
	while (*depth) {
		if (*ps->p != ']')
			return fail_at(ps, ps->p, "] is missing");
		ps->p++;
		if (*ps->p == ',')
			return 0;
		*parent = ps->nodes[*parent].parent;
		(*depth)--;
	}
	return *ps->p ? fail_at(ps, ps->p, "something that does not belong there") : 0;
}

static int parse_nodes(struct parser *ps)
{
	s32 parent = -1;
	u32 depth = 0;
	int err;

	for (;;) {
		const struct node *n = &ps->nodes[ps->nr];

		err = take_node(ps, parent);
		if (err)
			return err;
		if (n->type->max_children && !n->arg) {
			if (*ps->p != ':')
				return fail_at(ps, ps->p, "this target wants :[CHILD],[CHILD]...");
			err = go_down(ps, &parent, &depth);
			if (err)
				return err;
		} else {
			err = n->arg && n->type->leaf ? add_leaf(ps, depth) : 0;
			if (!err)
				err = climb(ps, &parent, &depth);
			if (err || !*ps->p)
				return err;
		}
		ps->p++; /* the colon, or the comma between children */
		if (*ps->p != '[')
			return fail_at(ps, ps->p, "[ is missing");
		ps->p++;
	}
}

/* What was said of a parameter gets its place, as what fail_at() says has one. */
static int add_place(const struct parser *ps, const char *where, int err)
{
	char said[DIAG_TEXT_BYTES];

	if (ps->why) {
		fmt_print(said, sizeof(said), "%s,", ps->why->text);
		(void)fail_at(ps, where, said);
	}
	return err;
}

/* In the spec, ? and & begin a parameter and are nothing else. */
static int fill_values(const struct parser *ps, const struct node *n, void *values)
{
	const char *where = ps->spec + n->at - 1;

	for (const char *p = n->params; *p;) {
		const char *name = p;
		const char *value = name + str_len(name) + 1;
		int err = opt_assign(&n->type->params, name, values, value, ps->why);

		p = value + str_len(value) + 1;
		while (*where != '?' && *where != '&')
			where++;
		where++;
		if (err)
			return add_place(ps, where, err);
	}
	return 0;
}

/* What an operation needs when it asks each child once; open() adds the rest,
 * see struct tgt. */
static void count_needs(struct tgt *t)
{
	for (u32 i = 0; i < t->nr_children; i++) {
		t->nr_ops += 1 + t->child[i]->nr_ops;
		t->nr_pieces += 1 + t->child[i]->nr_pieces;
		t->nr_sqes += t->child[i]->nr_sqes;
	}
}

static int open_node(const struct parser *ps, struct tgt *t, const struct node *n)
{
	struct diag *why = ps->why;
	u64 values[TGT_VALUES_BYTES / sizeof(u64)];
	int err;

	if (t->nr_children < n->type->min_children || t->nr_children > n->type->max_children)
		return diag_set(why, -EINVAL, "%s (character %u) has %u children, wants %u to %u",
				n->type->name, n->at, t->nr_children, n->type->min_children,
				n->type->max_children);
	memset(values, 0, sizeof(values));
	err = fill_values(ps, n, values);
	if (!err) {
		t->data_kinds = 1 << TGT_DATA_MEM;
		t->arg = n->arg;
		t->params = n->params;
		t->submit = n->type->submit;
		t->direct = n->type->direct;
		count_needs(t);
		err = n->type->open(t, n->arg, values, why);
	}
	if (err)
		return diag_prepend(why, err, "target %s", n->type->name);
	t->type = n->type;
	return 0;
}

static int link_children(struct tgt_tree *tree, const struct node *nodes, struct diag *why)
{
	for (u32 i = 1; i < tree->nr; i++) {
		struct tgt *parent = &tree->nodes[nodes[i].parent];

		if (parent->nr_children == TGT_MAX_CHILDREN)
			return diag_set(why, -E2BIG, "target %s: more than %d children",
					nodes[nodes[i].parent].type->name, TGT_MAX_CHILDREN);
		parent->child[parent->nr_children++] = &tree->nodes[i];
	}
	return 0;
}

static u64 state_room(const struct tgt_type *type)
{
	return ((u64)type->state_bytes + 63) & ~63ULL;
}

/* Text first, it is there already; then the targets, then their states */
static int open_nodes(const struct parser *ps, struct tgt_tree *tree)
{
	const struct node *nodes = ps->nodes;
	char *state = (char *)(tree->nodes + tree->nr);
	int err = link_children(tree, nodes, ps->why);

	for (u32 i = tree->nr; !err && i-- > 0;) {
		tree->nodes[i].state = state;
		state += state_room(nodes[i].type);
		err = open_node(ps, &tree->nodes[i], &nodes[i]);
	}
	return err;
}

static int open_parsed(struct tgt_tree *tree, struct parser *ps, const char *text, u64 text_room)
{
	u64 need = text_room + ps->nr * sizeof(struct tgt);
	struct pages mem;
	int err;

	for (u32 i = 0; i < ps->nr; i++)
		need += state_room(ps->nodes[i].type);
	err = pages_map(&mem, need);
	if (err)
		return diag_set(ps->why, err, "no memory for the targets");
	memcpy(mem.addr, text, text_room);
	for (u32 i = 0; i < ps->nr; i++) {
		struct node *n = &ps->nodes[i];

		n->params = (char *)mem.addr + (n->params - text);
		if (n->arg)
			n->arg = (char *)mem.addr + (n->arg - text);
	}
	tree->mem = mem.addr;
	tree->mem_len_bytes = mem.len_bytes;
	tree->nodes = (struct tgt *)(void *)((char *)mem.addr + text_room);
	tree->root = tree->nodes;
	tree->nr = ps->nr;
	for (u32 i = 0; i < ps->nr; i++) {
		tree->nodes[i].makes_nothing = ps->is_again;
		tree->nodes[i].handed_fd = i < ps->nr_handed ? ps->handed[i] : -1;
	}
	err = open_nodes(ps, tree);
	for (u32 i = 0; i < ps->nr && i < ps->nr_handed; i++)
		ps->handed[i] = tree->nodes[i].handed_fd;
	if (err)
		tgt_close(tree);
	return err;
}

static int open_spec(struct tgt_tree *tree, struct parser *ps)
{
	/* Decoded text is no longer than the spec, but for a NUL or two per part. */
	u64 text_room = (2 * str_len(ps->spec) + 3 * TGT_MAX_NODES + 63) & ~63ULL;
	u64 nodes_room = TGT_MAX_NODES * sizeof(struct node);
	struct pages scratch;
	int err;

	*tree = (struct tgt_tree){ .root = NULL };
	err = pages_map(&scratch, nodes_room + text_room);
	if (err)
		return diag_set(ps->why, err, "no memory for the targets");
	ps->p = ps->spec;
	ps->nodes = scratch.addr;
	ps->text = (char *)scratch.addr + nodes_room;
	err = parse_nodes(ps);
	if (!err)
		err = open_parsed(tree, ps, (char *)scratch.addr + nodes_room, text_room);
	pages_unmap(&scratch);
	return err;
}

int tgt_open(struct tgt_tree *tree, const struct tgt_type *const *types, const char *spec,
	     struct diag *why)
{
	return open_spec(tree, &(struct parser){ .types = types, .spec = spec, .why = why });
}

int tgt_open_again(struct tgt_tree *tree, const struct tgt_type *const *types, const char *spec,
		   struct diag *why)
{
	return tgt_open_handed(tree, types, spec, NULL, 0, why);
}

int tgt_open_handed(struct tgt_tree *tree, const struct tgt_type *const *types, const char *spec,
		    s32 *fds, u32 nr, struct diag *why)
{
	return open_spec(tree, &(struct parser){
		.types = types,
		.spec = spec,
		.is_again = true,
		.handed = fds,
		.nr_handed = nr,
		.why = why,
	});
}

u32 tgt_hand_over(const struct tgt_tree *tree, s32 fds[TGT_MAX_NODES])
{
	for (u32 i = 0; i < tree->nr; i++) {
		const struct tgt *t = &tree->nodes[i];

		fds[i] = t->type->hand_over ? t->type->hand_over(t) : -1;
	}
	return tree->nr;
}

/* Children first, as they are opened */
int tgt_resume(struct tgt_tree *tree, struct diag *why)
{
	int err = 0;

	for (u32 i = tree->nr; !err && i-- > 0;) {
		struct tgt *t = &tree->nodes[i];

		if (t->type->resume)
			err = t->type->resume(t, why);
	}
	return err;
}

void tgt_close(struct tgt_tree *tree)
{
	struct pages mem = { .addr = tree->mem, .len_bytes = tree->mem_len_bytes };

	/* A target whose open() failed has no type yet. */
	for (u32 i = 0; i < tree->nr; i++)
		if (tree->nodes[i].type && tree->nodes[i].type->close)
			tree->nodes[i].type->close(&tree->nodes[i]);
	pages_unmap(&mem);
	*tree = (struct tgt_tree){ .root = NULL };
}

u64 tgt_spec_hash(const char *spec)
{
	u64 hash = 0xcbf29ce484222325ULL; /* FNV-1a's offset basis and prime */

	for (; *spec; spec++)
		hash = (hash ^ (u8)*spec) * 0x100000001b3ULL;
	return (hash ^ hash >> 48) & 0xffffffffffffULL;
}
