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

static const struct parse_choice modes[] = { { "copy", 1 }, { "zero", 2 }, { NULL, 0 } };

static const struct opt rows[] = {
	OPT(struct values, name, .name = "name", .letter = 'n', .kind = OPT_STRING),
	OPT(struct values, size_bytes, .name = "size", .letter = 's', .kind = OPT_SIZE, .min = 512),
	OPT(struct values, delay_ns, .name = "delay", .kind = OPT_DURATION, .max = 1000000),
	OPT(struct values, depth, .name = "depth", .letter = 'd', .kind = OPT_U32, .min = 1,
	    .max = 4096),
	OPT(struct values, verbose, .letter = 'v', .kind = OPT_COUNT),
	OPT(struct values, mode, .name = "mode", .kind = OPT_CHOICE, .choices = modes),
	OPT(struct values, nice, .name = "nice", .kind = OPT_S32),
	OPT(struct values, direct, .name = "direct", .kind = OPT_BOOL),
	OPT(struct values, quiet, .name = "quiet", .letter = 'q', .kind = OPT_FLAG,
	    .negatable = true),
	OPT(struct values, list, .name = "list", .letter = 'l', .kind = OPT_LIST),
};

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
	require(v->mode <= 2);
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
	if (opt_parse(rows, ARRAY_SIZE(rows), &v, &argc, argv, &why)) {
		require(why.text[0] && str_nlen(why.text, sizeof(why.text)) < sizeof(why.text));
		return 0;
	}
	require(argc >= 0 && argc <= nr && !why.text[0]);
	check_values(&v, argc, argv);
	return 0;
}
