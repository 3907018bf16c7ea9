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

#define OPTIONS(X)										\
	X(struct values, name,									\
	  OPT_TEXT("name", "NAME", "what to call it"),						\
	  .letter = 'n', .kind = OPT_STRING)							\
	X(struct values, size_bytes,								\
	  OPT_TEXT("size", "SIZE", "bytes, or with a unit: 64K, 1.5G") OPT_RANGE("512", "1T"),	\
	  .letter = 's', .kind = OPT_SIZE)							\
	X(struct values, delay_ns,								\
	  OPT_TEXT("delay", "TIME", "wait before each request") OPT_RANGE("0", "1s"),		\
	  .kind = OPT_DURATION)									\
	X(struct values, big, OPT_TEXT("big", "N", ""), .kind = OPT_U64)			\
	X(struct values, depth,									\
	  OPT_TEXT("depth", "N", "requests in flight") OPT_RANGE("1", "4096"),			\
	  .letter = 'd', .kind = OPT_U32)							\
	X(struct values, verbose,								\
	  OPT_TEXT("verbose", "",								\
		   "say more; may be repeated, and this text is long enough that it "		\
		   "has to be broken into several lines of the help"),				\
	  .letter = 'v', .kind = OPT_COUNT)							\
	X(struct values, mode,									\
	  OPT_TEXT("mode", "MODE", "how data moves") OPT_CHOICES("copy\0zero\0user"),		\
	  .kind = OPT_CHOICE)									\
	X(struct values, nice, OPT_TEXT("nice", "N", "priority"), .kind = OPT_S32)		\
	X(struct values, direct,								\
	  OPT_TEXT("direct", "BOOL", "bypass the page cache"),					\
	  .kind = OPT_BOOL)									\
	X(struct values, quiet,									\
	  OPT_TEXT("quiet", "", "say less"),							\
	  .letter = 'q', .kind = OPT_FLAG, .negatable = true)					\
	X(struct values, force,									\
	  OPT_TEXT("", "", "do it anyway"),							\
	  .letter = 'f', .kind = OPT_FLAG)							\
	X(struct values, targets,								\
	  OPT_TEXT("a-target-with-a-very-long-name", "SPEC", "one more"),			\
	  .letter = 't', .kind = OPT_LIST)

static const struct opt_table options = OPT_TABLE(OPTIONS);
static const struct opt_table no_options;

#define ARGS_MAX (OPT_LIST_MAX + 16)

/* Parses the NULL-terminated words; positionals end up in argv. */
static int parse(struct values *values, char **argv, int *argc, struct diag *why)
{
	memset(values, 0, sizeof(*values));
	why->text[0] = '\0';
	*argc = 0;
	while (argv[*argc])
		++*argc;
	return opt_parse(&options, 0, values, argc, argv, why);
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
		{ { "--delay=2s" }, -ERANGE, "--delay: 2s is too large, the most is 1s" },
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
	EXPECT_EQ(v.mode, 1);
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
	EXPECT_ERR(opt_parse(&no_options, 0, &v, (int[]){ 1 }, ARGV("--help"), &why), -EINVAL);
	EXPECT_STREQ(why.text, "unknown option --help");
	EXPECT_ERR(opt_parse(&no_options, 0, &v, (int[]){ 1 }, ARGV("-h"), NULL), -EINVAL);
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

	opt_help(&options, 0, &b);
	EXPECT_STREQ(text, want);
}

struct some {
	bool noflush;
	bool nolockfs;
	bool no;
};

#define SOME(X)											\
	X(struct some, noflush, OPT_TEXT("noflush", "", ""), .set = 1)				\
	X(struct some, nolockfs, OPT_TEXT("nolockfs", "", ""), .set = 2)			\
	X(struct some, no, OPT_TEXT("no", "", ""), .set = 1)

static const struct opt_table plain = OPT_TABLE(SOME);

static void long_names_may_be_cut_short(void)
{
	static const struct {
		const char *arg;
		u32 sets;
		int err;
		u32 given;
	} cases[] = {
		{ "--nof", 0, 0, 1 }, { "--nolockfs", 0, 0, 2 }, { "--nol", 0, 0, 2 },
		{ "--no", 0, 0, 4 }, { "--n", 0, -EINVAL, 0 }, { "--", 0, 0, 0 },
		{ "--=1", 0, -EINVAL, 0 }, { "--nolockfss", 0, -EINVAL, 0 },
		{ "--nof=1", 0, -EINVAL, 0 }, { "--n", 4, 0, 2 }, { "--nolockfs", 2, -EINVAL, 0 },
		{ "--noflush", 2, 0, 1 }, { "--noflush", 6, 0, 1 }, { "--noflush", 4, -EINVAL, 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[] = { (char *)(uintptr_t)cases[i].arg };
		struct opt_table some = plain;
		bool values[3] = { false };
		struct diag why;
		int argc = 1;

		some.abbreviated = true;
		test_row("%s", cases[i].arg);
		EXPECT_EQ(opt_parse(&some, cases[i].sets, values, &argc, argv, &why), cases[i].err);
		for (u32 o = 0; o < some.nr; o++)
			EXPECT_EQ(values[o], (bool)(cases[i].given >> o & 1));
	}
}

static void a_word_goes_before_options(void)
{
	static const struct {
		const char *args[6];
		const char *wanted;
	} cases_[] = {
		{ { "verb", "-f", "x" }, "verb -f x" },
		{ { "-f", "verb", "x" }, "verb -f x" },
		{ { "-fv", "--depth", "7", "-d8", "verb", "x" }, "verb -fv --depth 7 -d8 x" },
		{ { "--dep", "7", "verb" }, "verb --dep 7" },
		{ { "--what", "verb", "-d" }, "verb --what -d" },
		{ { "-fd", "7", "verb" }, "verb -fd 7" },
		{ { "--", "verb", "-f" }, "verb -- -f" },
		{ { "-f", "-", "x" }, "- -f x" },
		{ { "-f", "-d" }, "-f -d" },
		{ { NULL }, "" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases_); i++) {
		char text[80] = "";
		struct fmt_buf b = { .text = text, .size = sizeof(text) };
		struct opt_table table = options;
		char *argv[6];
		int argc = 0;

		__builtin_memcpy(argv, cases_[i].args, sizeof(argv));
		while (argc < 6 && argv[argc])
			argc++;
		table.abbreviated = true;
		opt_word_first(&table, argc, argv);
		for (int a = 0; a < argc; a++)
			fmt_add(&b, "%s%s", a ? " " : "", argv[a]);
		EXPECT_STREQ(text, cases_[i].wanted);
	}
}

static void help_is_within_80_columns(void)
{
	const struct opt row = { .kind = OPT_FLAG };
	char text[4096];

	for (int words = 1; words < 60; words++) {
		char long_help[512];
		struct fmt_buf h = { .text = long_help, .size = sizeof(long_help) };
		struct fmt_buf b = { .text = text, .size = sizeof(text) };
		size_t at = 0;

		fmt_add_bytes(&h, "x\0", 3); /* a name, and no metavar */
		for (int i = 0; i < words; i++)
			fmt_add(&h, "%s%.*s", i ? " " : "", 1 + i % 7, "abcdefg");
		fmt_add_bytes(&h, "\0", 2);
		opt_help(&(const struct opt_table){ &row, long_help, 1, false }, 0, &b);
		for (size_t i = 0; i < b.len; i++) {
			at = text[i] == '\n' ? 0 : at + 1;
			ASSERT_LE(at, 80);
			ASSERT_TRUE(text[i] != '\n' || i == 0 || text[i - 1] != ' ');
		}
	}
}

static void suggests(void)
{
	static const char *const verbs[] = { "add", "del", "", "list", "recover" };
	static const char *const rows_[][2] = {
		{ "ad", "add" },     { "dle", "del" },       { "lsit", "list" },
		{ "x", NULL },       { "recvoer", "recover" }, { "", NULL },
		{ "resize", NULL },  { "zzzz", NULL },
		{ "a-word-that-is-far-longer-than-any-option-could-ever-be", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows_); i++) {
		struct opt_near near = { .word = rows_[i][0] };

		for (size_t j = 0; j < ARRAY_SIZE(verbs); j++)
			opt_nearer(&near, verbs[j]);
		EXPECT_STREQ(near.known, rows_[i][1]);
	}
}

static const struct test_case cases[] = {
	TEST("every mistake is one line that names option and value", reports_mistakes),
	TEST("every kind of option stores its value", takes_every_kind),
	TEST("positionals keep their order, and two dashes end the options",
	     keeps_positionals_in_order),
	TEST("letters bundle, and the last may take a value", bundles_letters),
	TEST("of an option that is given twice the last counts, and lists grow", last_one_wins),
	TEST("a list that is full says so", limits_lists),
	TEST("long names may be cut short where that is wanted, and rows be told apart by sets",
	     long_names_may_be_cut_short),
	TEST("no arguments and no options are fine", parses_nothing),
	TEST("the help text is aligned and complete", helps),
	TEST("no help text is wider than 80 columns or has blanks at line ends",
	     help_is_within_80_columns),
	TEST("the first word goes before the options, whatever their values are",
	     a_word_goes_before_options),
	TEST("the nearest word is suggested, and none when none is near", suggests),
};
TEST_SUITE(rt_opt, cases);
