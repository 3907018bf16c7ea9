/* SPDX-License-Identifier: MIT */
/*
 * Every target, and every target over every target, against an array that says
 * what should be there. The kinds are those of the table of targets: one that has
 * no example here fails the suite.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/model.h"
#include "uapi/rt/fmt.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

#define SPEC_BYTES 1024

/**
 * struct example - a kind and how it is written
 * @spec: $ is a child, ^ a path where nothing is yet
 * @refused: what a composite says of it that cannot have it below
 * @hides_meta: can have what has metadata, and makes a disk without any
 * @is_short: hands on a count that is not all, where the others say that it is an error
 * @is_slow: a mirror whose copy goes on while it is used, see met_copy()
 */
struct example {
	const char *kind;
	const char *spec;
	bool forgets;
	const char *refused;
	bool hides_meta;
	bool is_short;
	bool is_slow;
};

static const struct example examples[] = {
	{ .kind = "null", .spec = "null:192K", .forgets = true },
	{ .kind = "ram", .spec = "ram:192K" },
	{ .kind = "file", .spec = "file:^?size=192K" },
	{ .kind = "integrity", .spec = "integrity:[$]", .refused = "metadata", .is_short = true },
	{ .kind = "zoned",
	  .spec = "zoned?zone_size=64K:[$]",
	  .refused = "zone",
	  .hides_meta = true,
	  .is_short = true },
	{ .kind = "mirror", .spec = "mirror:[$],[$]" },
	{ .kind = "mirror", .spec = "mirror?region=64K&rate=2M:[$],[$]", .is_slow = true },
	{ .kind = "stripe", .spec = "stripe?chunk=3K:[$],[$]" },
	{ .kind = "concat", .spec = "concat:[$],[$]" },
	{ .kind = "window", .spec = "window?offset=8K:[$]", .is_short = true },
	{ .kind = "fault",
	  .spec = "fault?powercut=1&rules=delay/by=1us-150us/odds=3:[$]",
	  .is_short = true },
};

/* What is below a composite's child: answers at once, from the run list, or later and
 * in any order */
static const char *const leaves[] = {
	"ram:192K",
	"delay:[ram:192K]",
	"fault?rules=delay/by=1us-200us/odds=2:[ram:192K]",
};

/* The same that fails now and then, or does half of what it is asked to */
static const char *const failing[] = {
	"fault?rules=error/odds=20:[ram:192K]",
	"broken?how=short&every=5:[ram:192K]",
	"fault?rules=error/odds=30;delay/by=1us-200us/odds=3:[ram:192K]",
	"delay:[broken?how=short&every=7:[ram:192K]]",
};

static const struct example *example_of(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		if (str_eq(examples[i].kind, kind))
			return &examples[i];
	return NULL;
}

static void has_all(void)
{
	for (const struct tgt_type *const *t = tgt_types; *t; t++)
		if (!example_of((*t)->name))
			test_fail("no example of %s: it wants a row in this suite", (*t)->name);
}

static bool is_there(const struct example *e)
{
	for (const struct tgt_type *const *t = tgt_types; *t; t++)
		if (str_eq((*t)->name, e->kind))
			return true;
	return false;
}

static bool is_leaf(const struct example *e)
{
	return !str_chr(e->spec, '$');
}

/* Files are made in a directory that goes with the test */
struct nests {
	char dir[64];
	u32 nr_files;
};

static void path_of(const struct nests *n, u32 i, char *path, size_t size)
{
	(void)fmt_print(path, size, "%s/%u", n->dir, i);
}

static void set_up(void)
{
	struct nests *n = test_fixture();

	(void)fmt_print(n->dir, sizeof(n->dir), "/tmp/bareblk-nests-%d", (int)sys_getpid());
	ASSERT_OK(sys_mkdirat(AT_FDCWD, n->dir, 0700));
}

static void remove_files(struct nests *n)
{
	char path[96];

	for (; n->nr_files; n->nr_files--) {
		path_of(n, n->nr_files, path, sizeof(path));
		(void)sys_unlinkat(AT_FDCWD, path, 0);
	}
}

static void tear_down(void)
{
	struct nests *n = test_fixture();

	remove_files(n);
	(void)sys_unlinkat(AT_FDCWD, n->dir, AT_REMOVEDIR);
}

static const struct test_fixture fixture = {
	.size_bytes = sizeof(struct nests),
	.setup = set_up,
	.teardown = tear_down,
};

/* Writes a spec: each $ of @e becomes @child, each ^ a path of its own */
static void write_spec(struct fmt_buf *out, const char *text, const char *child)
{
	struct nests *n = test_fixture();
	char path[96];

	for (; *text; text++) {
		if (*text == '$') {
			write_spec(out, child, NULL);
		} else if (*text == '^') {
			path_of(n, ++n->nr_files, path, sizeof(path));
			fmt_add(out, "%s", path);
		} else {
			fmt_add(out, "%c", *text);
		}
	}
}

/* What was seen in a run */
struct seen {
	u64 nr_wrong; /* sectors */
	u64 nr_twice;
	u64 nr_failed;
	u64 nr_met; /* changes in a region of a mirror that was being copied just then */
};

static void add_met(void *ctx, const char *name, u64 value)
{
	if (str_eq(name, "met_copying"))
		*(u64 *)ctx += value;
}

static u64 met_copy(const struct tgt_tree *tree)
{
	u64 nr_met = 0;

	for (u32 i = 0; i < tree->nr; i++)
		if (str_eq(tree->nodes[i].type->name, "mirror"))
			tree->nodes[i].type->stat(&tree->nodes[i], add_met, &nr_met);
	return nr_met;
}

static struct seen run(const char *spec, const struct model_how *how)
{
	struct seen seen;
	struct model m;

	model_open(&m, broken_types, spec, how);
	if (opd_limits(&m.d)->zones.zone_bytes)
		model_run_zones(&m);
	else
		model_run(&m);
	EXPECT_GT(m.nr_reads, 0);
	EXPECT_GT(m.nr_writes, 0);
	seen = (struct seen){ m.nr_wrong, m.d.nr_twice, m.nr_failed, met_copy(m.d.tree) };
	model_close(&m);
	return seen;
}

/* A composite that cannot have such a child says so */
static void is_refused(const char *spec, const char *text)
{
	struct diag why = { .text = "" };
	struct tgt_tree tree;
	int err = tgt_open(&tree, broken_types, spec, &why);

	if (!err)
		test_fail("%s: is not refused", spec);
	if (!str_find(why.text, text))
		test_fail("%s: wanted \"%s\" in: %s", spec, text, why.text);
}

struct nest {
	const struct example *top;
	const struct example *child; /* NULL: a leaf by itself */
	const char *leaf;
	bool may_fail;
};

static struct seen run_nest(const struct nest *nest, u64 seed, u32 nr_rounds)
{
	struct model_how how = {
		.seed = seed,
		.nr_rounds = nr_rounds,
		.may_fail = nest->may_fail,
		.may_be_short = nest->may_fail && nest->top->is_short &&
				(!nest->child || nest->child->is_short),
	};
	char below[SPEC_BYTES] = "";
	char spec[SPEC_BYTES];
	struct seen seen = { .nr_failed = 0 };
	struct fmt_buf text;

	if (nest->child) {
		text = (struct fmt_buf){ .text = below, .size = sizeof(below) };
		for (const char *p = nest->child->spec; *p; p++) {
			if (*p == '$')
				fmt_add(&text, "%s", nest->leaf);
			else
				fmt_add(&text, "%c", *p);
		}
	}
	text = (struct fmt_buf){ .text = spec, .size = sizeof(spec) };
	write_spec(&text, nest->top->spec, nest->child ? below : nest->leaf);
	test_row("%s, seed %llu", spec, seed);
	how.forgets = nest->child ? nest->child->forgets : nest->top->forgets;
	if (nest->child && nest->child->refused &&
	    !(nest->top->hides_meta && str_eq(nest->child->refused, "metadata")))
		is_refused(spec, nest->child->refused);
	else
		seen = run(spec, &how);
	remove_files(test_fixture());
	return seen;
}

static void each_alone(u64 seed, u32 nr_rounds)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		u64 nr_met = 0;

		for (size_t l = 0; l < ARRAY_SIZE(leaves) && is_there(&examples[i]); l++) {
			const struct nest nest = { &examples[i], NULL, leaves[l], false };

			nr_met += run_nest(&nest, seed + l, nr_rounds).nr_met;
		}
		test_log("%s: %llu met a copy", examples[i].spec, nr_met);
		if (examples[i].is_slow && is_there(&examples[i]))
			EXPECT_GT(nr_met, 0);
	}
}

static void each_of_two(u64 seed, u32 nr_rounds)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		if (!is_there(&examples[i]) || is_leaf(&examples[i]))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(examples); k++) {
			const struct nest nest = { &examples[i], &examples[k],
						   leaves[(i + k + seed) % ARRAY_SIZE(leaves)],
						   false };

			if (is_there(&examples[k]))
				(void)run_nest(&nest, seed + i * 100 + k, nr_rounds);
		}
	}
}

/* What fails stands in place of a leaf: every target meets with errors and with what is short. */
static void each_over_failing(u64 seed, u32 nr_rounds, u64 nr_least)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		u64 nr_failed = 0;

		if (!is_there(&examples[i]) || is_leaf(&examples[i]))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(examples); k++) {
			const struct nest nest = { &examples[i],
						   is_leaf(&examples[k]) ? NULL : &examples[k],
						   failing[(i + k + seed) % ARRAY_SIZE(failing)],
						   true };

			if (is_there(&examples[k]))
				nr_failed +=
					run_nest(&nest, seed + i * 100 + k, nr_rounds).nr_failed;
		}
		test_log("%s: %llu operations failed", examples[i].kind, nr_failed);
		EXPECT_GE(nr_failed, nr_least);
	}
}

static void alone(void)
{
	each_alone(1, 120);
}

static void of_two(void)
{
	each_of_two(1, 40);
}

static void failing_below(void)
{
	each_over_failing(1, 40, 1);
}

static void own_seed(void)
{
	u64 seed;

	ASSERT_EQ(sys_getrandom(&seed, sizeof(seed), 0), sizeof(seed));
	each_alone(seed % 1000000 + 1, 25);
	each_of_two(seed % 1000000 + 1, 18);
	each_over_failing(seed % 1000000 + 1, 18, 0);
}

/* Each composite with @leaf below it, and before it what @around has before the $ */
static struct seen run_wrong(const struct example *e, const char *around, const char *leaf,
			     const struct model_how *how)
{
	char spec[SPEC_BYTES];
	char inner[SPEC_BYTES];
	struct fmt_buf text = { .text = inner, .size = sizeof(inner) };

	write_spec(&text, e->spec, leaf);
	text = (struct fmt_buf){ .text = spec, .size = sizeof(spec) };
	write_spec(&text, around, inner);
	test_row("%s", spec);
	return run(spec, how);
}

/* What goes wrong below a target of any kind is found. */
static void are_found(void)
{
	static const char *const wrong[] = {
		"broken?how=flip&every=20:[ram:192K]",
		"broken?how=misdirect&every=10:[ram:192K]",
		"broken?how=deaf&every=1:[fault?rules=error/odds=20:[ram:192K]]",
		"broken?how=deaf&every=1:[fault?rules=error/odds=10;delay/by=1us-200us:[ram:192K]]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		if (!is_there(&examples[i]) || is_leaf(&examples[i]))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(wrong); k++) {
			const struct model_how how = {
				.seed = 3,
				.nr_rounds = k < 2 ? 150 : 80,
				.catches = true,
				.may_fail = k >= 2,
			};

			EXPECT_GT(run_wrong(&examples[i], "$", wrong[k], &how).nr_wrong, 0);
		}
	}
}

/* And so is what is wrong above it */
static void answers_are_found(void)
{
	const struct model_how how = {
		.seed = 4,
		.nr_rounds = 60,
		.catches = true,
		.may_fail = true,
	};

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		const struct example *e = &examples[i];

		if (!is_there(e) || is_leaf(e) || e->hides_meta)
			continue;
		EXPECT_GT(run_wrong(e, "broken?how=deaf&every=1:[$]", failing[0], &how).nr_wrong,
			  0);
		EXPECT_GT(run_wrong(e, "broken?how=twice&every=9:[$]", failing[0], &how).nr_twice,
			  0);
	}
}

static const struct test_case cases[] = {
	TEST("every target has an example", has_all),
	TEST("each target is exact, whatever is below", alone, .timeout_ms = 60000,
	     .fixture = &fixture),
	TEST("each target over each is exact, or says that it cannot be", of_two,
	     .timeout_ms = 120000, .fixture = &fixture),
	TEST("each over each is exact where what is below fails, or does half", failing_below,
	     .timeout_ms = 120000, .fixture = &fixture),
	TEST("an error that is hidden and an answer that comes twice are found", answers_are_found,
	     .timeout_ms = 60000),
	TEST("what is wrong below any target is found", are_found, .timeout_ms = 60000),
	TEST("and with a seed that no run had before", own_seed, .timeout_ms = 120000,
	     .fixture = &fixture),
};
TEST_SUITE(targets_nests, cases);
