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
 */
struct example {
	const char *kind;
	const char *spec;
	bool forgets;
	const char *refused;
	bool hides_meta;
};

static const struct example examples[] = {
	{ .kind = "null", .spec = "null:192K", .forgets = true },
	{ .kind = "ram", .spec = "ram:192K" },
	{ .kind = "file", .spec = "file:^?size=192K" },
	{ .kind = "integrity", .spec = "integrity:[$]", .refused = "metadata" },
	{ .kind = "zoned", .spec = "zoned?zone_size=64K:[$]", .refused = "zone", .hides_meta = true },
	{ .kind = "mirror", .spec = "mirror:[$],[$]" },
	{ .kind = "stripe", .spec = "stripe?chunk=3K:[$],[$]" },
	{ .kind = "concat", .spec = "concat:[$],[$]" },
	{ .kind = "window", .spec = "window?offset=8K:[$]" },
	{ .kind = "fault", .spec = "fault?powercut=1&rules=delay/by=1us-150us/odds=3:[$]" },
};

/* What is below a composite's child: answers at once, from the run list, or later and
 * in any order */
static const char *const leaves[] = {
	"ram:192K",
	"delay:[ram:192K]",
	"fault?rules=delay/by=1us-200us/odds=2:[ram:192K]",
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

/* How many sectors were wrong, if that is not a failure */
static u64 run(const char *spec, const struct model_how *how)
{
	struct model m;

	model_open(&m, broken_types, spec, how);
	if (opd_limits(&m.d)->zones.zone_bytes)
		model_run_zones(&m);
	else
		model_run(&m);
	EXPECT_GT(m.nr_reads, 0);
	EXPECT_GT(m.nr_writes, 0);
	model_close(&m);
	return m.nr_wrong;
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
};

static void run_nest(const struct nest *nest, u64 seed, u32 nr_rounds)
{
	struct model_how how = { .seed = seed, .nr_rounds = nr_rounds };
	char below[SPEC_BYTES] = "";
	char spec[SPEC_BYTES];
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
		(void)run(spec, &how);
	remove_files(test_fixture());
}

static void each_alone(u64 seed, u32 nr_rounds)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		for (size_t l = 0; l < ARRAY_SIZE(leaves) && is_there(&examples[i]); l++) {
			const struct nest nest = { &examples[i], NULL, leaves[l] };

			run_nest(&nest, seed + l, nr_rounds);
		}
}

static void each_of_two(u64 seed, u32 nr_rounds)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		if (!is_there(&examples[i]) || is_leaf(&examples[i]))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(examples); k++) {
			const struct nest nest = { &examples[i], &examples[k],
						   leaves[(i + k + seed) % ARRAY_SIZE(leaves)] };

			if (is_there(&examples[k]))
				run_nest(&nest, seed + i * 100 + k, nr_rounds);
		}
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

static void own_seed(void)
{
	u64 seed;

	ASSERT_EQ(sys_getrandom(&seed, sizeof(seed), 0), sizeof(seed));
	each_alone(seed % 1000000 + 1, 30);
	each_of_two(seed % 1000000 + 1, 25);
}

/* What goes wrong below a target of any kind is found. */
static void are_found(void)
{
	static const char *const wrong[] = {
		"broken?how=flip&every=20:[ram:192K]",
		"broken?how=misdirect&every=10:[ram:192K]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		if (!is_there(&examples[i]) || is_leaf(&examples[i]))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(wrong); k++) {
			struct model_how how = { .seed = 3, .nr_rounds = 150, .catches = true };
			char spec[SPEC_BYTES];
			struct fmt_buf text = { .text = spec, .size = sizeof(spec) };

			write_spec(&text, examples[i].spec, wrong[k]);
			test_row("%s", spec);
			EXPECT_GT(run(spec, &how), 0);
		}
	}
}

static const struct test_case cases[] = {
	TEST("every target has an example", has_all),
	TEST("each target is exact, whatever is below", alone, .timeout_ms = 60000,
	     .fixture = &fixture),
	TEST("each target over each is exact, or says that it cannot be", of_two,
	     .timeout_ms = 120000, .fixture = &fixture),
	TEST("what is wrong below any target is found", are_found, .timeout_ms = 60000),
	TEST("and with a seed that no run had before", own_seed, .timeout_ms = 120000,
	     .fixture = &fixture),
};
TEST_SUITE(targets_nests, cases);
