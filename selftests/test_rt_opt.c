/* SPDX-License-Identifier: MIT */
/* uapi/rt/opt.h */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/opt.h"

struct values {
	const char *name;
	u64 size_bytes;
	u64 delay_ns;
	u64 big;
	u32 depth;
	u32 verbose;
	u32 mode;
	s32 nice;
	bool direct;
	bool quiet;
	bool force;
	struct opt_list targets;
};

static const struct parse_choice modes[] = {
	{ "copy", 1 }, { "zero", 2 }, { "user", 3 }, { NULL, 0 },
};

static const struct opt rows[] = {
	OPT(struct values, name, .name = "name", .letter = 'n', .kind = OPT_STRING,
	    .metavar = "NAME", .help = "what to call it"),
	OPT(struct values, size_bytes, .name = "size", .letter = 's', .kind = OPT_SIZE, .min = 512,
	    .max = 1ULL << 40, .metavar = "SIZE", .help = "bytes, or with a unit: 64K, 1.5G"),
	OPT(struct values, delay_ns, .name = "delay", .kind = OPT_DURATION, .max = 1000000000,
	    .metavar = "TIME", .help = "wait before each request"),
	OPT(struct values, big, .name = "big", .kind = OPT_U64, .metavar = "N"),
	OPT(struct values, depth, .name = "depth", .letter = 'd', .kind = OPT_U32, .min = 1,
	    .max = 4096, .metavar = "N", .help = "requests in flight"),
	OPT(struct values, verbose, .name = "verbose", .letter = 'v', .kind = OPT_COUNT,
	    .help = "say more; may be repeated, and this text is long enough that it has to be "
		    "broken into several lines of the help"),
	OPT(struct values, mode, .name = "mode", .kind = OPT_CHOICE, .choices = modes,
	    .metavar = "MODE", .help = "how data moves"),
	OPT(struct values, nice, .name = "nice", .kind = OPT_S32, .metavar = "N",
	    .help = "priority"),
	OPT(struct values, direct, .name = "direct", .kind = OPT_BOOL, .metavar = "BOOL",
	    .help = "bypass the page cache"),
	OPT(struct values, quiet, .name = "quiet", .letter = 'q', .kind = OPT_FLAG,
	    .negatable = true, .help = "say less"),
	OPT(struct values, force, .letter = 'f', .kind = OPT_FLAG, .help = "do it anyway"),
	OPT(struct values, targets, .name = "a-target-with-a-very-long-name", .letter = 't',
	    .kind = OPT_LIST, .metavar = "SPEC", .help = "one more"),
};

#define ARGS_MAX (OPT_LIST_MAX + 16)

/* Parses the NULL-terminated words; positionals end up in argv. */
static int parse(struct values *values, char **argv, int *argc, struct diag *why)
{
	memset(values, 0, sizeof(*values));
	why->text[0] = '\0';
	*argc = 0;
	while (argv[*argc])
		++*argc;
	return opt_parse(rows, ARRAY_SIZE(rows), values, argc, argv, why);
}

#define ARGV(...) ((char *[ARGS_MAX]){ __VA_ARGS__ })

static void reports_mistakes(void)
{
	static const struct {
		const char *args[4];
		int err;
		const char *text;
	} bad[] = {
		{ { "--szie=1M" }, -EINVAL, "unknown option --szie, did you mean --size?" },
		{ { "--dept", "7" }, -EINVAL, "unknown option --dept, did you mean --depth?" },
		{ { "--siz=1M" }, -EINVAL, "unknown option --siz, did you mean --size?" },
		{ { "--elephant" }, -EINVAL, "unknown option --elephant" },
		{ { "--=x" }, -EINVAL, "unknown option --" },
		{ { "-x" }, -EINVAL, "unknown option -x" },
		{ { "-qx" }, -EINVAL, "unknown option -x" },
		{ { "---size=1M" }, -EINVAL, "unknown option ---size, did you mean --size?" },
		{ { "--size" }, -EINVAL, "--size needs a value, SIZE" },
		{ { "-s" }, -EINVAL, "-s needs a value, SIZE" },
		{ { "-qs" }, -EINVAL, "-s needs a value, SIZE" },
		{ { "--quiet=1" }, -EINVAL, "--quiet takes no value, but got \"1\"" },
		{ { "--no-quiet=1" }, -EINVAL, "--no-quiet takes no value, but got \"1\"" },
		{ { "--no-size" }, -EINVAL, "unknown option --no-size" },
		{ { "--no-verbose" }, -EINVAL, "unknown option --no-verbose, did you mean --verbose?" },
		{ { "--no-" }, -EINVAL, "unknown option --no-" },
		{ { "--size=12x" }, -EINVAL,
		  "--size: \"12x\" is not a size in whole bytes, as 4096, 64K or 1.5G" },
		{ { "--size=" }, -EINVAL,
		  "--size: \"\" is not a size in whole bytes, as 4096, 64K or 1.5G" },
		{ { "-s", "100" }, -ERANGE, "-s: 100 is too small, the least is 512" },
		{ { "--size=1.5T" }, -ERANGE, "--size: 1.5T is too large, the most is 1T" },
		{ { "--size=99E" }, -ERANGE, "--size: 99E is out of range" },
		{ { "-d0" }, -ERANGE, "-d: 0 is too small, the least is 1" },
		{ { "-d", "4097" }, -ERANGE, "-d: 4097 is too large, the most is 4096" },
		{ { "-d=7" }, -EINVAL, "-d: \"=7\" is not a number" },
		{ { "--depth=4294967296" }, -ERANGE, "--depth: 4294967296 is out of range" },
		{ { "--depth", "--quiet" }, -EINVAL, "--depth: \"--quiet\" is not a number" },
		{ { "--delay=5" }, -EINVAL,
		  "--delay: \"5\" is not a time, as 250us, 2ms or 1.5s" },
		{ { "--delay=2s" }, -ERANGE, "--delay: 2s is too large, the most is 1000000000ns" },
		{ { "--mode=fast" }, -EINVAL, "--mode: \"fast\" is none of copy, zero, user" },
		{ { "--direct=maybe" }, -EINVAL, "--direct: \"maybe\" is not yes or no" },
		{ { "--nice=2147483648" }, -ERANGE, "--nice: 2147483648 is out of range" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *argv[4];
		struct values values;
		struct diag why;
		int argc;

		__builtin_memcpy(argv, bad[i].args, sizeof(argv));
		test_row("%s", bad[i].args[0]);
		EXPECT_ERR(parse(&values, argv, &argc, &why), bad[i].err);
		EXPECT_STREQ(why.text, bad[i].text);
	}
}

static void takes_every_kind(void)
{
	struct values v;
	struct diag why;
	int argc;

	ASSERT_OK(parse(&v,
			ARGV("--name=a=b", "--size", "1.5G", "--delay=2ms",
			     "--big=18446744073709551615", "-d", "4096", "-vvq", "--mode=zero",
			     "--nice", "-5", "--direct=yes", "-f"),
			&argc, &why));
	EXPECT_EQ(argc, 0);
	EXPECT_STREQ(v.name, "a=b");
	EXPECT_EQ(v.size_bytes, 3ULL << 29);
	EXPECT_EQ(v.delay_ns, 2000000);
	EXPECT_EQ(v.big, UINT64_MAX);
	EXPECT_EQ(v.depth, 4096);
	EXPECT_EQ(v.verbose, 2);
	EXPECT_EQ(v.mode, 2);
	EXPECT_EQ(v.nice, -5);
	EXPECT_TRUE(v.direct);
	EXPECT_TRUE(v.quiet);
	EXPECT_TRUE(v.force);
}

static void keeps_positionals_in_order(void)
{
	char **argv = ARGV("add", "-", "--quiet", "ram:1G", "-d7", "", "--", "--size", "-x", "--");
	struct values v;
	struct diag why;
	int argc;

	ASSERT_OK(parse(&v, argv, &argc, &why));
	ASSERT_EQ(argc, 7);
	EXPECT_STREQ(argv[0], "add");
	EXPECT_STREQ(argv[1], "-");
	EXPECT_STREQ(argv[2], "ram:1G");
	EXPECT_STREQ(argv[3], "");
	EXPECT_STREQ(argv[4], "--size");
	EXPECT_STREQ(argv[5], "-x");
	EXPECT_STREQ(argv[6], "--");
	EXPECT_EQ(argv[7], NULL);
	EXPECT_EQ(v.depth, 7);
	EXPECT_TRUE(v.quiet);
}

static void bundles_letters(void)
{
	struct values v;
	struct diag why;
	int argc;

	ASSERT_OK(parse(&v, ARGV("-qvfd12", "-nlong name", "-s", "-1"), &argc, &why) == -EINVAL ?
			0 : -1);
	ASSERT_OK(parse(&v, ARGV("-qvfd12", "-nlong name", "-n", "-x"), &argc, &why));
	EXPECT_TRUE(v.quiet && v.force);
	EXPECT_EQ(v.verbose, 1);
	EXPECT_EQ(v.depth, 12);
	EXPECT_STREQ(v.name, "-x");
}

static void last_one_wins(void)
{
	struct values v;
	struct diag why;
	int argc;

	ASSERT_OK(parse(&v, ARGV("-q", "--no-quiet", "-d1", "-d2", "--name=", "-ta", "-tb"), &argc,
			&why));
	EXPECT_TRUE(!v.quiet);
	EXPECT_EQ(v.depth, 2);
	EXPECT_STREQ(v.name, "");
	ASSERT_EQ(v.targets.nr, 2);
	EXPECT_STREQ(v.targets.values[1], "b");
}

static void limits_lists(void)
{
	char *argv[ARGS_MAX] = { NULL };
	struct values v;
	struct diag why;
	int argc;

	for (int i = 0; i < OPT_LIST_MAX + 1; i++)
		argv[i] = "-tx";
	EXPECT_ERR(parse(&v, argv, &argc, &why), -E2BIG);
	EXPECT_STREQ(why.text, "-t: x is one too many, the most is 128");
}

static void parses_nothing(void)
{
	struct values v;
	struct diag why;
	char *none[1] = { NULL };
	int argc = 0;

	EXPECT_OK(parse(&v, none, &argc, &why));
	EXPECT_EQ(argc, 0);
	EXPECT_ERR(opt_parse(NULL, 0, &v, (int[]){ 1 }, ARGV("--help"), &why), -EINVAL);
	EXPECT_STREQ(why.text, "unknown option --help");
	EXPECT_ERR(opt_parse(NULL, 0, &v, (int[]){ 1 }, ARGV("-h"), NULL), -EINVAL);
}

static void helps(void)
{
	static const char want[] =
		"  -n, --name=NAME    what to call it\n"
		"  -s, --size=SIZE    bytes, or with a unit: 64K, 1.5G\n"
		"      --delay=TIME   wait before each request\n"
		"  -d, --depth=N      requests in flight\n"
		"  -v, --verbose      say more; may be repeated, and this text is long enough\n"
		"                     that it has to be broken into several lines of the help\n"
		"      --mode=MODE    how data moves (copy, zero, user)\n"
		"      --nice=N       priority\n"
		"      --direct=BOOL  bypass the page cache\n"
		"  -q, --[no-]quiet   say less\n"
		"  -f                 do it anyway\n"
		"  -t, --a-target-with-a-very-long-name=SPEC\n"
		"                     one more\n";
	char text[2048];
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	opt_help(rows, ARRAY_SIZE(rows), &b);
	EXPECT_STREQ(text, want);
}

static void help_is_within_80_columns(void)
{
	char text[4096];

	for (int words = 1; words < 60; words++) {
		char long_help[256];
		struct fmt_buf h = { .text = long_help, .size = sizeof(long_help) };
		struct fmt_buf b = { .text = text, .size = sizeof(text) };
		size_t at = 0;

		for (int i = 0; i < words; i++)
			fmt_add(&h, "%s%.*s", i ? " " : "", 1 + i % 7, "abcdefg");
		opt_help((const struct opt[]){ { .name = "x", .help = long_help } }, 1, &b);
		for (size_t i = 0; i < b.len; i++) {
			at = text[i] == '\n' ? 0 : at + 1;
			ASSERT_LE(at, 80);
			ASSERT_TRUE(text[i] != '\n' || i == 0 || text[i - 1] != ' ');
		}
	}
}

static void suggests(void)
{
	static const char *const verbs[] = { "add", "del", NULL, "list", "recover" };
	static const char *const rows_[][2] = {
		{ "ad", "add" },     { "dle", "del" },       { "lsit", "list" },
		{ "x", NULL },       { "recvoer", "recover" }, { "", NULL },
		{ "resize", NULL },  { "zzzz", NULL },
		{ "a-word-that-is-far-longer-than-any-option-could-ever-be", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows_); i++)
		EXPECT_STREQ(opt_nearest(rows_[i][0], verbs, ARRAY_SIZE(verbs), sizeof(verbs[0])),
			     rows_[i][1]);
}

static const struct test_case cases[] = {
	TEST("every mistake is one line that names option and value", reports_mistakes),
	TEST("every kind of option stores its value", takes_every_kind),
	TEST("positionals keep their order, and two dashes end the options",
	     keeps_positionals_in_order),
	TEST("letters bundle, and the last may take a value", bundles_letters),
	TEST("of an option that is given twice the last counts, and lists grow", last_one_wins),
	TEST("a list that is full says so", limits_lists),
	TEST("no arguments and no options are fine", parses_nothing),
	TEST("the help text is aligned and complete", helps),
	TEST("no help text is wider than 80 columns or has blanks at line ends",
	     help_is_within_80_columns),
	TEST("the nearest word is suggested, and none when none is near", suggests),
};
TEST_SUITE(rt_opt, cases);
