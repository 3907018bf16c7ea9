/* SPDX-License-Identifier: MIT */
/* libFuzzer on uapi/rt/opt.h: a command line gives values within their limits, or one line. */
#include "uapi/rt/mem.h"
#include "uapi/rt/opt.h"
#include "uapi/rt/str.h"

#define ARGS_MAX 40

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

struct values {
	const char *name;
	u64 size_bytes;
	u64 delay_ns;
	u32 depth;
	u32 verbose;
	u32 mode;
	s32 nice;
	bool direct;
	bool quiet;
	struct opt_list list;
};

#define OPTIONS(X)										\
	X(struct values, name, OPT_TEXT("name", "", ""), .letter = 'n', .kind = OPT_STRING)	\
	X(struct values, size_bytes,								\
	  OPT_TEXT("size", "", "") OPT_LEAST("512"),					\
	  .letter = 's', .kind = OPT_SIZE)							\
	X(struct values, delay_ns,								\
	  OPT_TEXT("delay", "", "") OPT_RANGE("0", "1ms"),					\
	  .kind = OPT_DURATION)									\
	X(struct values, depth,									\
	  OPT_TEXT("depth", "", "") OPT_RANGE("1", "4096"),					\
	  .letter = 'd', .kind = OPT_U32)							\
	X(struct values, verbose, OPT_TEXT("", "", ""), .letter = 'v', .kind = OPT_COUNT)	\
	X(struct values, mode,									\
	  OPT_TEXT("mode", "", "") OPT_CHOICES("copy\0zero"),					\
	  .kind = OPT_CHOICE)									\
	X(struct values, nice, OPT_TEXT("nice", "", ""), .kind = OPT_S32)			\
	X(struct values, direct, OPT_TEXT("direct", "", ""), .kind = OPT_BOOL)			\
	X(struct values, quiet,									\
	  OPT_TEXT("quiet", "", ""),								\
	  .letter = 'q', .kind = OPT_FLAG, .negatable = true)					\
	X(struct values, list, OPT_TEXT("list", "", ""), .letter = 'l', .kind = OPT_LIST)

static const struct opt_table options = OPT_TABLE(OPTIONS);

static void require(bool truth)
{
	if (!truth)
		__builtin_trap();
}

static void check_values(const struct values *v, int argc, char **argv)
{
	require(v->size_bytes >= 512);
	require(v->delay_ns <= 1000000);
	require(v->depth >= 1 && v->depth <= 4096);
	require(v->mode < 2);
	require(v->list.nr <= OPT_LIST_MAX);
	for (int i = 0; i < argc; i++)
		require(str_len(argv[i]) < 4096);
}

/* The input is the arguments, each of them terminated. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct values v = { .size_bytes = 512, .depth = 1 };
	struct diag why = { "" };
	char *argv[ARGS_MAX + 1] = { NULL };
	char text[4096];
	int nr = 0;
	int argc;

	if (len >= sizeof(text))
		return 0;
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	for (size_t at = 0; at < len && nr < ARGS_MAX; at += str_len(text + at) + 1)
		argv[nr++] = text + at;
	argc = nr;
	opt_word_first(&options, argc, argv);
	for (int i = 0; i < argc; i++)
		require(argv[i] >= text && argv[i] < text + sizeof(text));
	if (opt_parse(&options, 0, &v, &argc, argv, &why)) {
		require(why.text[0] && str_nlen(why.text, sizeof(why.text)) < sizeof(why.text));
		return 0;
	}
	require(argc >= 0 && argc <= nr && !why.text[0]);
	check_values(&v, argc, argv);
	return 0;
}
