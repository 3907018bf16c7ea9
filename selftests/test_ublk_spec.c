/* SPDX-License-Identifier: MIT */
/* ublk/spec.c: texts that are specs, and texts that are not */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "ublk/targets/targets.h"

/* What was opened, in order, as its open() saw it */
static char seen[4096];
static struct fmt_buf seen_buf = { .text = seen, .size = sizeof(seen) };
static int nr_open;

struct values {
	const char *s;
	u64 size;
	u32 n;
	bool flag;
};

#define PARAMS(X)										\
	X(struct values, s, OPT_TEXT("s", "TEXT", ""), .kind = OPT_STRING)			\
	X(struct values, size, OPT_TEXT("size", "SIZE", ""), .kind = OPT_SIZE)			\
	X(struct values, n, OPT_TEXT("n", "N", "") OPT_RANGE("0", "9"), .kind = OPT_U32)	\
	X(struct values, flag, OPT_TEXT("flag", "0|1", ""), .kind = OPT_BOOL)

static enum tgt_status no_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	(void)q;
	return tgt_finish(op, 0);
}

static void note(const struct tgt *t, const char *arg, const struct values *v)
{
	fmt_add(&seen_buf, "(%s", arg ? arg : "-");
	if (v->s)
		fmt_add(&seen_buf, " s=%s", v->s);
	if (v->size)
		fmt_add(&seen_buf, " size=%llu", v->size);
	if (v->n)
		fmt_add(&seen_buf, " n=%u", v->n);
	if (v->flag)
		fmt_add(&seen_buf, " flag");
	if (t->nr_children)
		fmt_add(&seen_buf, " of %u", t->nr_children);
	fmt_add(&seen_buf, ")");
}

static int open_any(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	u64 *state = t->state;

	if (arg && str_eq(arg, "bad"))
		return diag_set(why, -EIO, "it is bad");
	EXPECT_EQ(*state, 0);
	*state = 0xfeed;
	for (u32 i = 0; i < t->nr_children; i++)
		EXPECT_EQ(*(u64 *)t->child[i]->state, 0xfeed);
	note(t, arg, values);
	nr_open++;
	return 0;
}

static void close_any(struct tgt *t)
{
	u64 *state = t->state;

	EXPECT_EQ(*state, 0xfeed);
	for (u32 i = 0; i < t->nr_children; i++)
		EXPECT_EQ(*(u64 *)t->child[i]->state, 0xfeed);
	*state = 0;
	nr_open--;
}

#define COMMON                                                                                    \
	.params = OPT_TABLE(PARAMS), .values_bytes = sizeof(struct values), \
	.state_bytes = 8, .open = open_any, .close = close_any, .submit = no_submit

static const struct tgt_type leaf = { .name = "leaf", .arg_name = "ANY", COMMON };
static const struct tgt_type bare = { .name = "bare", COMMON };
static const struct tgt_type pair = {
	.name = "pair", .min_children = 2, .max_children = 2, COMMON
};
static const struct tgt_type many = {
	.name = "many", .min_children = 1, .max_children = 255, COMMON
};
static const struct tgt_type over = {
	.name = "over", .arg_name = "ANY", .leaf = "leaf", .min_children = 1, .max_children = 1,
	COMMON
};
static const struct tgt_type *const types[] = { &leaf, &bare, &pair, &many, &over, NULL };

static int open_spec(const char *spec, struct tgt_tree *tree, struct diag *why)
{
	seen_buf.len = 0;
	seen[0] = '\0';
	why->text[0] = '\0';
	memset(tree, 0xff, sizeof(*tree));
	return tgt_open(tree, types, spec, why);
}

static void good_specs(void)
{
	static const struct {
		const char *spec;
		const char *seen;
	} rows[] = {
		{ "bare", "(-)" },
		{ "leaf", "(-)" },
		{ "leaf:", "()" },
		{ "leaf:/a/b.img", "(/a/b.img)" },
		{ "leaf:a=b:c", "(a=b:c)" },
		{ "leaf:%2f%3A%25%3f%26%5b%5D%2c%20", "(/:%?&[], )" },
		{ "leaf:%ff", "(\xff)" },
		{ "leaf:a?s=b", "(a s=b)" },
		{ "leaf?s=b", "(- s=b)" },
		{ "leaf?s=", "(- s=)" },
		{ "leaf?s=a=b:c", "(- s=a=b:c)" },
		{ "leaf?%73=x", "(- s=x)" },
		{ "leaf:x?s=1&size=1.5K&n=9&flag=on", "(x s=1 size=1536 n=9 flag)" },
		{ "leaf?n=1&n=2", "(- n=2)" },
		{ "pair:[leaf:a],[leaf:b]", "(b)(a)(- of 2)" },
		{ "pair?s=x&flag=1:[leaf:a],[bare]", "(-)(a)(- s=x flag of 2)" },
		{ "pair?s=%3a:[bare],[bare]", "(-)(-)(- s=: of 2)" },
		{ "pair:[pair:[leaf:1],[leaf:2]],[pair:[leaf:3],[leaf:4]]",
		  "(4)(3)(- of 2)(2)(1)(- of 2)(- of 2)" },
		{ "many:[many:[many:[leaf:deep]]]", "(deep)(- of 1)(- of 1)(- of 1)" },
		{ "many:[many:[leaf:a],[leaf:b]],[leaf:c]", "(c)(b)(a)(- of 2)(- of 2)" },
		{ "over:[bare]", "(-)(- of 1)" },
		{ "over:a", "(a)(- of 1)" },
		{ "over:%5bx?s=y&n=2", "([x)(- s=y n=2 of 1)" },
		{ "over:", "()(- of 1)" },
		{ "pair:[over:1?s=x],[over:2]", "(2)(- of 1)(1)(- s=x of 1)(- of 2)" },
		{ "many:[many:[many:[many:[many:[many:[over:7]]]]]]",
		  "(7)(- of 1)(- of 1)(- of 1)(- of 1)(- of 1)(- of 1)(- of 1)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_tree tree;
		struct diag why;

		test_row("%s", rows[i].spec);
		if (open_spec(rows[i].spec, &tree, &why))
			test_fail("%s: %s", rows[i].spec, why.text);
		EXPECT_STREQ(seen, rows[i].seen);
		EXPECT_EQ(nr_open, tree.nr);
		EXPECT_EQ(tree.root, &tree.nodes[0]);
		tgt_close(&tree);
		EXPECT_EQ(nr_open, 0);
		tgt_close(&tree);
	}
}

static void bad_specs(void)
{
	static const struct {
		const char *spec;
		int err;
		const char *text; /* before ", in SPEC" */
	} rows[] = {
		{ "", -EINVAL, "the name of a target is missing at character 1" },
		{ ":", -EINVAL, "the name of a target is missing at character 1" },
		{ " leaf", -EINVAL, "the name of a target is missing at character 1" },
		{ "Leaf", -EINVAL, "the name of a target is missing at character 1" },
		{ "leafs", -EINVAL, "no target is called leafs at character 1" },
		{ "lea", -EINVAL, "no target is called lea at character 1" },
		{ "pair:[leaf],[nix]", -EINVAL, "no target is called nix at character 14" },
		{ "leaf ", -EINVAL, "something that does not belong there at character 5" },
		{ "leaf:a b", -EINVAL, "something that does not belong there at character 7" },
		{ "leaf:a]", -EINVAL, "something that does not belong there at character 7" },
		{ "leaf:a,leaf:b", -EINVAL, "something that does not belong there at character 7" },
		{ "leaf:a&s=1", -EINVAL, "something that does not belong there at character 7" },
		{ "bare:", -EINVAL, "this target takes nothing after the colon, at character 5" },
		{ "leaf?", -EINVAL, "a parameter is written name=value, at character 6" },
		{ "leaf?s", -EINVAL, "a parameter is written name=value, at character 7" },
		{ "leaf?=x", -EINVAL, "a parameter is written name=value, at character 6" },
		{ "leaf?s=1&", -EINVAL, "a parameter is written name=value, at character 10" },
		{ "leaf?s=1&&n=1", -EINVAL, "a parameter is written name=value, at character 10" },
		{ "leaf?s?n=1", -EINVAL, "a parameter is written name=value, at character 7" },
		{ "leaf?s=1?n=1", -EINVAL, "something that does not belong there at character 9" },
		{ "leaf:%", -EINVAL, "% wants two hexadecimal digits, not 00, at character 6" },
		{ "leaf:a%2", -EINVAL, "% wants two hexadecimal digits, not 00, at character 7" },
		{ "leaf:%2g", -EINVAL, "% wants two hexadecimal digits, not 00, at character 6" },
		{ "leaf:%g2", -EINVAL, "% wants two hexadecimal digits, not 00, at character 6" },
		{ "leaf:ab%00", -EINVAL, "% wants two hexadecimal digits, not 00, at character 8" },
		{ "leaf?s=%00", -EINVAL, "% wants two hexadecimal digits, not 00, at character 8" },
		{ "leaf?%00=1", -EINVAL, "% wants two hexadecimal digits, not 00, at character 6" },
		{ "leaf:%%", -EINVAL, "% wants two hexadecimal digits, not 00, at character 6" },
		{ "pair", -EINVAL, "this target wants :[CHILD],[CHILD]... at character 5" },
		{ "pair?s=1", -EINVAL, "this target wants :[CHILD],[CHILD]... at character 9" },
		{ "pair:", -EINVAL, "[ is missing at character 6" },
		{ "pair:leaf", -EINVAL, "[ is missing at character 6" },
		{ "pair:[", -EINVAL, "the name of a target is missing at character 7" },
		{ "pair:[]", -EINVAL, "the name of a target is missing at character 7" },
		{ "pair:[leaf", -EINVAL, "] is missing at character 11" },
		{ "pair:[leaf:a],", -EINVAL, "[ is missing at character 15" },
		{ "pair:[leaf:a],leaf:b", -EINVAL, "[ is missing at character 15" },
		{ "pair:[leaf:a][leaf:b]", -EINVAL,
		  "something that does not belong there at character 14" },
		{ "pair:[leaf:a],[leaf:b]]", -EINVAL,
		  "something that does not belong there at character 23" },
		{ "pair:[leaf:a],[leaf:b] ", -EINVAL,
		  "something that does not belong there at character 23" },
		{ "pair:[leaf:a],[leaf:b],", -EINVAL, "[ is missing at character 24" },
		{ "pair:[pair:[leaf],[leaf],[leaf]", -EINVAL, "] is missing at character 32" },
		{ "pair:[[leaf]]", -EINVAL, "the name of a target is missing at character 7" },
		{ "many:[many:[leaf]x]", -EINVAL, "] is missing at character 18" },
		{ "many:[many:[many:[many:[many:[many:[many:[many:[leaf]]]]]]]]", -E2BIG,
		  "nested deeper than 8" },
		{ "many:[many:[many:[many:[many:[many:[many:[over:8]]]]]]]", -E2BIG,
		  "nested deeper than 8" },
		{ "over", -EINVAL, "this target wants :[CHILD],[CHILD]... at character 5" },
		{ "over?s=1:a", -EINVAL, "[ is missing at character 10" },
		{ "over:a:[leaf]", -EINVAL, "something that does not belong there at character 8" },
		{ "over:a?s=x:[leaf]", -EINVAL,
		  "something that does not belong there at character 11" },
		{ "many:[over:a", -EINVAL, "] is missing at character 13" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char want[DIAG_TEXT_BYTES];
		struct tgt_tree tree;
		struct diag why;

		test_row("%s", rows[i].spec);
		fmt_print(want, sizeof(want), "%s, in \"%s\"", rows[i].text, rows[i].spec);
		EXPECT_ERR(open_spec(rows[i].spec, &tree, &why), rows[i].err);
		EXPECT_STREQ(why.text, want);
		EXPECT_EQ(tree.root, NULL);
		EXPECT_EQ(nr_open, 0);
		EXPECT_STREQ(seen, "");
		tgt_close(&tree);
	}
}

static void bad_targets(void)
{
	static const struct {
		const char *spec;
		int err;
		const char *text;
	} rows[] = {
		{ "leaf?x=1", -EINVAL,
		  "target leaf: no such parameter: x, at character 6, in \"leaf?x=1\"" },
		{ "leaf?S=1", -EINVAL,
		  "target leaf: no such parameter: S, at character 6, in \"leaf?S=1\"" },
		{ "leaf?n=10", -ERANGE,
		  "target leaf: n: 10 is too large, the most is 9, at character 6, in "
		  "\"leaf?n=10\"" },
		{ "leaf?s=1&n=", -EINVAL,
		  "target leaf: n: \"\" is not a number, at character 10, in \"leaf?s=1&n=\"" },
		{ "leaf:%3f%26?%73=%26%3f&size=1.3K", -EINVAL,
		  "target leaf: size: \"1.3K\" is not a size in whole bytes, as 4096, 64K or 1.5G, "
		  "at character 24, in \"leaf:%3f%26?%73=%26%3f&size=1.3K\"" },
		{ "over:a?s=1&flag=maybe", -EINVAL,
		  "target over: flag: \"maybe\" is not yes or no, at character 12, in "
		  "\"over:a?s=1&flag=maybe\"" },
		/* Which of several; and the parent's, although its children are opened before it */
		{ "pair?n=1:[leaf?n=1&n=2],[leaf:b?n=3&x=4]", -EINVAL,
		  "target leaf: no such parameter: x, at character 37, in "
		  "\"pair?n=1:[leaf?n=1&n=2],[leaf:b?n=3&x=4]\"" },
		{ "pair?n=1:[leaf?n=1&y=2],[leaf:b?n=3]", -EINVAL,
		  "target leaf: no such parameter: y, at character 20, in "
		  "\"pair?n=1:[leaf?n=1&y=2],[leaf:b?n=3]\"" },
		{ "pair?n=1&z=:[leaf?n=1],[leaf:b?n=3]", -EINVAL,
		  "target pair: no such parameter: z, at character 10, in "
		  "\"pair?n=1&z=:[leaf?n=1],[leaf:b?n=3]\"" },
		{ "leaf:bad", -EIO, "target leaf: it is bad" },
		{ "pair:[leaf:bad],[leaf]", -EIO, "target leaf: it is bad" },
		{ "pair:[leaf],[leaf:bad]", -EIO, "target leaf: it is bad" },
		{ "pair:[leaf]", -EINVAL, "pair (character 1) has 1 children, wants 2 to 2" },
		{ "many:[leaf],[pair:[leaf],[leaf],[leaf]]", -EINVAL,
		  "pair (character 14) has 3 children, wants 2 to 2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_tree tree;
		struct diag why;

		test_row("%s", rows[i].spec);
		EXPECT_ERR(open_spec(rows[i].spec, &tree, &why), rows[i].err);
		EXPECT_STREQ(why.text, rows[i].text);
		EXPECT_EQ(tree.root, NULL);
		EXPECT_ERR(tgt_open(&tree, types, rows[i].spec, NULL), rows[i].err);
		/* Those that were open already are closed again. */
		EXPECT_EQ(nr_open, 0);
	}
}

static void wide(char *spec, size_t size, u32 nr_outer, u32 nr_inner)
{
	struct fmt_buf b = { .text = spec, .size = size };

	fmt_add(&b, "many:");
	for (u32 i = 0; i < nr_outer; i++) {
		fmt_add(&b, "%s[many:", i ? "," : "");
		for (u32 k = 0; k < nr_inner; k++)
			fmt_add(&b, "%s[leaf:%u?s=%u]", k ? "," : "", i, k);
		fmt_add(&b, "]");
	}
	ASSERT_TRUE(!fmt_truncated(&b));
}

static void at_the_limits(void)
{
	static char spec[8192];
	struct tgt_tree tree;
	struct diag why;

	wide(spec, sizeof(spec), 1, TGT_MAX_CHILDREN);
	EXPECT_OK(open_spec(spec, &tree, &why));
	EXPECT_EQ(tree.nr, 2 + TGT_MAX_CHILDREN);
	EXPECT_EQ(tree.root->child[0]->nr_children, TGT_MAX_CHILDREN);
	tgt_close(&tree);
	wide(spec, sizeof(spec), 1, TGT_MAX_CHILDREN + 1);
	EXPECT_ERR(open_spec(spec, &tree, &why), -E2BIG);
	EXPECT_STREQ(why.text, "target many: more than 16 children");
	EXPECT_EQ(nr_open, 0);

	wide(spec, sizeof(spec), 9, 6);
	EXPECT_OK(open_spec(spec, &tree, &why));
	EXPECT_EQ(tree.nr, TGT_MAX_NODES);
	tgt_close(&tree);
	wide(spec, sizeof(spec), 8, 7);
	EXPECT_ERR(open_spec(spec, &tree, &why), -E2BIG);
	EXPECT_NE(str_starts(why.text, "more than 64 targets, in \"many:[many:["), NULL);

	EXPECT_OK(open_spec("many:[many:[many:[many:[many:[many:[many:[leaf]]]]]]]", &tree, &why));
	EXPECT_EQ(tree.nr, TGT_MAX_DEPTH);
	tgt_close(&tree);
	EXPECT_EQ(nr_open, 0);
}

/* Text is decoded into memory that was measured before: fill it. */
static void long_texts(void)
{
	static char spec[65536];
	struct tgt_tree tree;
	struct diag why;

	for (u32 n = 1; n < 20000; n = n * 3 + 1) {
		struct fmt_buf b = { .text = spec, .size = sizeof(spec) };

		fmt_add(&b, "leaf:");
		fmt_add_fill(&b, 'x', n);
		fmt_add(&b, "?s=");
		fmt_add_fill(&b, 'y', n);
		for (u32 i = 0; i < n / 8; i++)
			fmt_add(&b, "&n=1");
		ASSERT_OK(open_spec(spec, &tree, &why));
		tgt_close(&tree);
		fmt_add(&b, "&%%");
		EXPECT_ERR(open_spec(spec, &tree, &why), -EINVAL);
	}
	memset(spec, 'a', sizeof(spec) - 1);
	EXPECT_ERR(open_spec(spec, &tree, &why), -EINVAL);
	EXPECT_EQ(nr_open, 0);
}

static void counts_needs(void)
{
	struct tgt_tree tree;
	struct diag why;

	ASSERT_OK(open_spec("pair:[pair:[leaf],[leaf]],[leaf]", &tree, &why));
	EXPECT_EQ(tree.root->child[0]->nr_ops, 2);
	EXPECT_EQ(tree.root->nr_ops, 4);
	EXPECT_EQ(tree.root->nr_pieces, 4);
	EXPECT_EQ(tree.root->nr_sqes, 0);
	EXPECT_EQ(tree.root->data_kinds, 1 << TGT_DATA_MEM);
	tgt_close(&tree);
}

/* as @spec is written when it is opened, and again when that is */
static void expect_printed(const struct tgt_type *const *kinds, const char *spec, const char *want)
{
	char text[2][8192];
	struct tgt_tree tree;
	struct diag why;

	test_row("%s", spec);
	for (u32 i = 0; i < 2; i++) {
		struct fmt_buf b = { .text = text[i], .size = sizeof(text[i]) };

		if (tgt_open(&tree, kinds, spec, &why))
			test_fail("%s: %s", spec, why.text);
		EXPECT_OK(tgt_spec_print(&tree, &b));
		EXPECT_TRUE(!fmt_truncated(&b));
		tgt_close(&tree);
		EXPECT_STREQ(text[i], want ? want : text[0]);
		spec = text[0];
	}
}

static void prints(void)
{
	static const struct {
		const char *spec;
		const char *printed;
	} rows[] = {
		{ "bare", NULL },
		{ "leaf", NULL },
		{ "leaf:", NULL },
		{ "leaf:/a/b.img", NULL },
		{ "leaf:a=b:c", NULL },
		{ "leaf:%2f%3A%25%3f%26%5b%5D%2c%20", "leaf:/:%25%3F%26%5B%5D%2C%20" },
		{ "leaf:%01\t\n%7f\xff%fe", "leaf:%01%09%0A%7F\xff\xfe" },
		{ "leaf?s=", NULL },
		{ "leaf?s=a=b:c", NULL },
		{ "leaf?%73=%78", "leaf?s=x" },
		{ "leaf:x?s=1&size=1.5K&n=9&flag=on", NULL },
		{ "leaf?n=1&s=&n=2", NULL },
		{ "pair:[leaf:a],[leaf:b]", NULL },
		{ "pair?s=%3a=%5b&flag=1:[leaf:a?s=:],[bare]",
		  "pair?s=%3A=%5B&flag=1:[leaf:a?s=:],[bare]" },
		{ "pair:[pair:[leaf:1],[leaf:2]],[pair:[leaf:3],[leaf:4]]", NULL },
		{ "many:[many:[many:[leaf:deep]]]", NULL },
		{ "many:[many:[leaf:a],[leaf:b]],[leaf:c]", NULL },
		{ "many:[many:[many:[leaf],[bare]]],[many:[bare]],[bare]", NULL },
		{ "many:[many:[many:[many:[many:[many:[many:[bare]]]]]]]", NULL },
		{ "over:[bare]", NULL },
		{ "over:a", "over:[leaf:a]" },
		{ "over:%5bx?s=y&n=2", "over?s=y&n=2:[leaf:%5Bx]" },
		{ "over:", "over:[leaf:]" },
		{ "pair:[over:1?s=x],[over:2]", "pair:[over?s=x:[leaf:1]],[over:[leaf:2]]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect_printed(types, rows[i].spec,
			       rows[i].printed ? rows[i].printed : rows[i].spec);
}

#define ODD "/a b?c=d&e[f],%g:h\n\xc3\xa4"

/* Every target that there is, but that nothing is opened */
static int open_nothing(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)values;
	(void)why;
	if (arg)
		EXPECT_STREQ(arg, ODD);
	EXPECT_EQ(arg, t->arg);
	for (const char *p = t->params; *p; p += str_len(p) + 1) {
		p += str_len(p) + 1;
		if (*p == '/')
			EXPECT_STREQ(p, ODD);
	}
	return 0;
}

static void add_odd(struct fmt_buf *b)
{
	tgt_spec_add(b, ODD);
}

/* A value that a parameter can have */
static void add_value(struct fmt_buf *b, const struct opt *row, const char *texts)
{
	const char *more = str_nth(texts, OPT_MORE);

	switch (row->kind) {
	case OPT_STRING:
	case OPT_LIST:
		add_odd(b);
		break;
	case OPT_CHOICE:
		fmt_add(b, "%s", more);
		break;
	default:
		fmt_add(b, "1");
	}
}

static void add_target(struct fmt_buf *b, const struct tgt_type *t)
{
	char mark = '?';

	fmt_add(b, "%s", t->name);
	if (t->arg_name && !t->max_children) {
		fmt_add(b, ":");
		add_odd(b);
	}
	for (u32 i = 0; i < t->params.nr; i++) {
		const char *texts = opt_name(&t->params, i);
		const struct opt *row = &t->params.rows[i];

		/* those of a number that has a range are not tried */
		if (row->kind >= OPT_U32 && row->kind <= OPT_DURATION)
			continue;
		fmt_add(b, "%c%s=", mark, texts);
		add_value(b, row, texts);
		mark = '&';
	}
}

static void add_children(struct fmt_buf *b, const struct tgt_type *t, const struct tgt_type *child,
			 const struct tgt_type *below)
{
	add_target(b, t);
	for (u32 c = 0; c < t->max_children && c < 3; c++) {
		fmt_add(b, "%s[", c ? "," : ":");
		add_target(b, child);
		if (child->max_children) {
			fmt_add(b, ":[");
			add_target(b, below);
			fmt_add(b, "]");
		}
		fmt_add(b, "]");
	}
}

/* Each in each */
static void prints_every_target(void)
{
	static struct tgt_type copies[32];
	static const struct tgt_type *kinds[ARRAY_SIZE(copies) + 1];
	static char spec[8192];
	u32 nr = 0;

	for (; tgt_types[nr]; nr++) {
		ASSERT_LT(nr, ARRAY_SIZE(copies));
		copies[nr] = *tgt_types[nr];
		copies[nr].open = open_nothing;
		copies[nr].close = NULL;
		copies[nr].min_children = 0;
		kinds[nr] = &copies[nr];
	}
	for (u32 i = 0; i < nr * nr; i++) {
		struct fmt_buf b = { .text = spec, .size = sizeof(spec) };

		add_children(&b, kinds[i / nr], kinds[i % nr], kinds[0]);
		expect_printed(kinds, spec, NULL);
	}
}

static void prints_what_a_spec_has_opened(void)
{
	struct tgt t = { .type = &leaf };
	struct tgt_tree tree = { .root = &t, .nodes = &t, .nr = 1 };
	struct fmt_buf b = { .text = seen, .size = sizeof(seen) };

	EXPECT_ERR(tgt_spec_print(&tree, &b), -EOPNOTSUPP);
	EXPECT_EQ(b.len, 0);
}

static void hashes(void)
{
	/* FNV-1a of "" and "a", folded from 64 to 48 bits */
	EXPECT_EQ(tgt_spec_hash(""), (0xcbf29ce484222325 ^ 0xcbf2) & 0xffffffffffff);
	EXPECT_EQ(tgt_spec_hash("a"), (0xaf63dc4c8601ec8c ^ 0xaf63) & 0xffffffffffff);
	EXPECT_NE(tgt_spec_hash("ram:1G"), tgt_spec_hash("ram:1M"));
	EXPECT_LT(tgt_spec_hash("ram:256M"), 1ULL << 48);
}

static const struct test_case cases[] = {
	TEST("specs are parsed, decoded and opened, children first", good_specs),
	TEST("what is not a spec is refused with its place", bad_specs),
	TEST("what a target does not like is refused, and all is closed", bad_targets),
	TEST("as wide and deep as allowed is fine, one more is too big", at_the_limits),
	TEST("long texts have room", long_texts),
	TEST("what an operation needs is counted over the nest", counts_needs),
	TEST("what was opened is written as a spec, which opens the same", prints),
	TEST("so is every target that there is, with odd texts, in every other", prints_every_target),
	TEST("targets that no spec has opened have none", prints_what_a_spec_has_opened),
	TEST("a spec's hash is FNV-1a in 48 bits", hashes),
};
TEST_SUITE(ublk_spec, cases);
